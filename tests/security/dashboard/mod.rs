//! The dashboard over raw HTTP: what a page of another site, another user of the
//! machine or a program of the same user sends it.

mod clients;
mod owners;
mod requests;
mod tokens;

use axis_tests::{Dashboard, Home, Wire};

/// A home, its dashboard, and the cookie of the owner's session.
fn scene() -> (Home, Dashboard, String) {
    let home = Home::ready();
    let dashboard = Dashboard::open(&home);
    let cookie = dashboard.sign_in();
    (home, dashboard, cookie)
}

/// The token that stands in the forms of this session.
fn token_of(dashboard: &Dashboard, cookie: &str) -> String {
    let page = Wire::get(dashboard.port(), "/health", &[("cookie", cookie)]);
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.body.split_once("name=\"csrf\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn is_unlocked(home: &Home) -> bool {
    let status = home.axis_without_password(&["status", "--json"]).ok();
    status.json()["vault"]["state"] == "unlocked"
}
