//! The one-time link, and what someone sees who has none.

use axis_tests::{Browser, Dashboard};

use crate::{PAGES, open, scene};

#[test]
fn the_link_signs_one_browser_in_and_no_other() {
    let (home, _upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let owner = Browser::signed_in(&dashboard);
    assert_eq!(owner.title(), "Overview · axis");
    assert_eq!(
        owner.js("return document.cookie"),
        "",
        "no script sees the session"
    );

    let other = Browser::start();
    other.goto(dashboard.link());
    other.wait_for_text("Sign in with the link");
    for page in PAGES {
        other.goto(&dashboard.url(page));
        assert_eq!(other.title(), "Sign in · axis", "{page}");
        assert!(!other.text().contains("github"), "{page}");
    }
    // the owner's own link again leads in, and opens nothing new
    owner.goto(dashboard.link());
    assert_eq!(owner.url(), dashboard.url("/"));
    assert_eq!(other.complaints(), Vec::<String>::new());
}

#[test]
fn a_dashboard_started_again_knows_no_one_and_the_open_page_says_what_to_do() {
    let (home, _upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let port = dashboard.port();
    let browser = Browser::signed_in(&dashboard);
    browser.wait_for_text("unlocked");
    drop(dashboard);
    browser.wait_for_text("The dashboard doesn't answer");

    let dashboard = Dashboard::on_port(&home, port);
    browser.wait_for_text("Signed out: run axis dashboard and open its link.");
    open(&browser, &dashboard, "/health");
    browser.wait_for_text("Sign in with the link");
    browser.sign_in(&dashboard);
    browser.wait_for_text("unlocked");
}
