//! What changes while a page is open is told without a reload.

use std::fs;

use axis_tests::{Browser, Dashboard, Home, Host, wait_for};
use serde_json::json;

use crate::{PAGES, call, is_unlocked, lock, open, scene};

/// Marks the page, so that one that was loaded again is known.
const MARK: &str = "window.isTheSame = true";
const IS_SAME: &str = "return window.isTheSame === true";

#[test]
fn a_call_arrives_in_the_activity_and_is_found_by_words_and_by_filter() {
    let (home, _upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let mut host = Host::connect(&home, "local-dev");
    let browser = Browser::signed_in(&dashboard);
    open(&browser, &dashboard, "/activity");
    browser.wait(
        "the stream",
        "return document.getElementById('act-live')?.textContent.includes('live')",
    );
    browser.js(MARK);
    call(&mut host, "arrives");
    let rows = "[...document.querySelectorAll('[data-seq]')]";
    browser.wait(
        "the call",
        &format!("return {rows}.some((row) => row.innerText.includes('repos.get'))"),
    );
    assert_eq!(browser.js(IS_SAME), true, "it came by itself");
    let denied = host.execute("github", "repos.list", &json!({"owner": "acme"}));
    assert_ne!(denied["ok"], true, "{denied}");

    // words, typed
    browser.click("#act-q");
    browser.keys("repos.get\u{e007}");
    browser.wait(
        "the search in the address",
        "return location.search.includes('q=repos.get')",
    );
    browser.wait(
        "what was found",
        &format!(
            "return {rows}.length > 0 && {rows}.every((row) => row.innerText.includes('repos.get'))"
        ),
    );
    // a filter in the address alone
    open(
        &browser,
        &dashboard,
        "/activity?decision=allow&service=github",
    );
    assert_eq!(
        browser.js("return document.getElementById('act-decision').value"),
        "allow"
    );
    browser.back();
    browser.wait(
        "the search again",
        "return document.getElementById('act-q').value === 'repos.get'",
    );
    // a row opens to all its fields
    browser.wait(
        "the row's fields",
        "const row = document.querySelector('[data-seq] details'); row.open = true; \
         return row.innerText.includes('a test asks for it')",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// A page of the activity that has calls, whose log is then begun anew by
/// another start of axisd; `meanwhile` is done on the page before that.
fn log_begun_anew(meanwhile: impl Fn(&Browser)) -> (Home, Dashboard, Browser) {
    let (home, _upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let mut host = Host::connect(&home, "local-dev");
    for nth in 0..10 {
        call(&mut host, &format!("before-{nth}"));
    }
    drop(host);
    let browser = Browser::signed_in(&dashboard);
    open(&browser, &dashboard, "/activity");
    browser.wait(
        "the stream",
        "return document.getElementById('act-live')?.textContent.includes('live')",
    );
    browser.js(MARK);
    meanwhile(&browser);
    home.axis(&["daemon", "stop"]).ok();
    fs::rename(home.file("audit.jsonl"), home.file("moved-away")).unwrap();
    // with the password it would unlock the vault, which stays locked after that
    home.axis_without_password(&["daemon", "start"]).ok();
    wait_for("axisd", || home.pid());
    (home, dashboard, browser)
}

#[test]
fn a_log_that_began_anew_is_shown_without_a_hand_at_the_page() {
    let (_home, _dashboard, browser) = log_begun_anew(|_| {});
    browser.wait(
        "the new log",
        "return window.isTheSame !== true && document.readyState === 'complete' \
         && document.querySelector('[data-seq]') !== null \
         && !document.getElementById('act-log').innerText.includes('repos.get')",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn what_is_typed_into_a_filter_outlives_a_log_that_began_anew() {
    let (_home, _dashboard, browser) = log_begun_anew(|browser| {
        browser.click("#act-q");
        browser.keys("half a wo");
        browser.js("document.activeElement.blur()");
    });
    browser.wait(
        "the way to the new log",
        "return !document.getElementById('act-new').hidden",
    );
    assert_eq!(browser.js(IS_SAME), true);
    assert_eq!(
        browser.js("return document.getElementById('act-q').value"),
        "half a wo"
    );
}

#[test]
fn calls_are_counted_on_the_open_overview() {
    let (home, _upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let mut host = Host::connect(&home, "local-dev");
    call(&mut host, "before");
    let browser = Browser::signed_in(&dashboard);
    browser.wait_for_text("unlocked");
    browser.js(MARK);
    browser.js("window.standing = document.getElementById('standing').innerText");
    browser.js("window.overview = document.getElementById('overview').innerText");
    for repo in ["one", "two"] {
        call(&mut host, repo);
    }
    browser.wait(
        "the count of records",
        "return document.getElementById('standing').innerText !== window.standing",
    );
    browser.wait(
        "the calls in the overview",
        "return document.getElementById('overview').innerText !== window.overview",
    );
    assert_eq!(browser.js(IS_SAME), true, "it came by itself");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_vault_is_locked_from_any_page_at_once() {
    let (home, _upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let browser = Browser::signed_in(&dashboard);
    for page in PAGES {
        home.axis(&["unlock"]).ok();
        open(&browser, &dashboard, page);
        browser.wait(
            "the unlocked vault",
            "return document.getElementById('standing').innerText.includes('unlocked')",
        );
        lock(&browser);
        assert!(!is_unlocked(&home), "{page}");
        assert_eq!(browser.url(), dashboard.url(page), "it leads back");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn without_axisd_the_page_says_how_to_start_it_and_comes_back_by_itself() {
    let (home, _upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let browser = Browser::signed_in(&dashboard);
    browser.wait_for_text("unlocked");
    home.axis(&["daemon", "stop"]).ok();
    browser.wait_for_text("axis daemon start");
    for page in PAGES {
        open(&browser, &dashboard, page);
        browser.wait_for_text("axis daemon start");
    }
    open(&browser, &dashboard, "/services");
    browser.wait(
        "the problem",
        "return document.querySelector('main [data-down]')",
    );
    home.axis(&["daemon", "start"]).ok();
    wait_for("axisd", || home.pid());
    browser.wait(
        "the page",
        "return !document.querySelector('main [data-down]') \
         && document.querySelector('main').innerText.includes('github')",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
