//! A call that waits, answered by the owner.

use axis_tests::{Browser, Dashboard, Host, PASSWORD};

use crate::{ask, open, scene};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const SPACE: &str = " ";

/// Goes by Tab alone to the element that `css` picks.
fn tab_to(browser: &Browser, css: &str) {
    for _ in 0..80 {
        browser.keys(TAB);
        if browser.js(&format!("return document.activeElement.matches({css:?})")) == true {
            return;
        }
    }
    panic!("Tab doesn't lead to {css}: {}", browser.text());
}

#[test]
fn a_call_that_waits_is_on_every_page_and_approved_by_keyboard_with_the_password() {
    let (home, upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let mut host = Host::connect(&home, "local-dev");
    let browser = Browser::signed_in(&dashboard);
    open(&browser, &dashboard, "/policy");
    browser.wait_for_text("No call waits for you");
    let call = ask(&mut host, "by keyboard");
    browser.wait_for_text("1 call waits");
    browser.wait(
        "the title",
        "return document.title.startsWith('(1) Policy')",
    );

    tab_to(&browser, "#waiting summary");
    browser.keys(ENTER);
    browser.wait_for_text("by keyboard");
    let is_ticked = "return document.querySelector('#waiting [name=id]').checked";
    tab_to(&browser, "#ask-password");
    // the boxes stand behind the form
    if browser.js(is_ticked) == false {
        tab_to(&browser, "#waiting [name=id]");
        browser.keys(SPACE);
        assert_eq!(browser.js(is_ticked), true);
        tab_to(&browser, "#ask-password");
    }
    browser.keys("not the password at all");
    browser.keys(ENTER);
    browser.wait(
        "what is wrong",
        "return document.querySelector('.field-problem')",
    );
    assert!(browser.text().to_lowercase().contains("password"));
    assert!(upstream.requests().is_empty(), "nothing goes out");
    let typed = "return document.getElementById('ask-password').value";
    assert_eq!(browser.js(typed), "", "it is typed again each time");
    assert!(!browser.text().contains("not the password at all"));

    // what was ticked still is, and the field has the focus
    let focus = "return document.activeElement.id";
    browser.wait(
        "the focus",
        "return document.activeElement.id === 'ask-password'",
    );
    assert_eq!(browser.js(focus), "ask-password");
    browser.keys(PASSWORD);
    browser.keys(ENTER);
    assert_eq!(host.executed(call)["ok"], true);
    assert_eq!(upstream.requests().len(), 1);
    browser.wait_for_text("No call waits for you");
    browser.wait("the title", "return !document.title.startsWith('(')");
    let source = browser.js("return document.documentElement.outerHTML");
    assert!(!source.as_str().unwrap().contains(PASSWORD));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_call_is_rejected_without_the_password_and_the_agent_learns_why() {
    let (home, upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let mut host = Host::connect(&home, "local-dev");
    let call = ask(&mut host, "not wanted");
    let browser = Browser::signed_in(&dashboard);
    open(&browser, &dashboard, "/approvals");
    browser.wait_for_text("not wanted");
    browser.wait(
        "the tick",
        "const box = document.querySelector('[name=id]'); if (!box.checked) box.click(); return box.checked",
    );
    browser.click("#ask-reason");
    browser.keys("not on a Friday");
    browser.click("button[value=reject]");
    let answer = host.executed(call);
    assert_eq!(answer["denied"], true, "{answer}");
    let reason = answer["reason"].as_str().unwrap();
    assert!(reason.ends_with("not on a Friday"), "{answer}");
    assert!(upstream.requests().is_empty());
}
