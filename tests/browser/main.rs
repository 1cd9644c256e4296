//! The dashboard in a real browser: what its owner does there, what an agent or
//! a hostile page in the same browser tries, and whether everyone can use it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod answering;
mod hostile;
mod live;
mod signing_in;
mod strangers;
mod usable;

use axis_tests::{Browser, Dashboard, Home, Host, Upstream, canary};
use serde_json::json;

/// Reading is allowed, writing waits for the owner, the rest is denied.
const POLICY: &str = "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: [repos.get] }
      - { service: github, actions: [issues.create], ask: true }
";

/// The pages, in the order of the navigation.
const PAGES: [&str; 6] = [
    "/",
    "/activity",
    "/services",
    "/policy",
    "/approvals",
    "/health",
];

/// A home whose agent may call, and the upstream that answers.
fn scene() -> (Home, Upstream) {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("browser"), POLICY);
    (home, upstream)
}

/// A call that is allowed.
fn call(host: &mut Host, repo: &str) {
    let answer = host.execute(
        "github",
        "repos.get",
        &json!({"owner": "acme", "repo": repo}),
    );
    assert_eq!(answer["ok"], true, "{answer}");
}

/// A call that waits for the owner; its request's id.
fn ask(host: &mut Host, title: &str) -> u64 {
    host.start_execute_with(
        "github",
        "issues.create",
        &json!({"owner": "acme", "repo": "axis", "title": title}),
        &json!({"_meta": {"progressToken": title}}),
    )
}

/// Sends the form that `css` picks, as a click would, and waits for what follows.
fn lock(browser: &Browser) {
    browser.click("form.lock button");
    browser.wait_for_text("axis unlock");
}

/// Whether the vault is open, as the command line says.
fn is_unlocked(home: &Home) -> bool {
    let status = home.axis_without_password(&["status", "--json"]).ok();
    status.json()["vault"]["state"] == "unlocked"
}

/// Opens a page and waits until it is told what goes on.
fn open(browser: &Browser, dashboard: &Dashboard, path: &str) {
    browser.goto(&dashboard.url(path));
    browser.wait("the page", "return document.readyState === 'complete'");
}
