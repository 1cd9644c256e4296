//! Whether everyone can use the pages: by screen reader, by keyboard, on a
//! telephone, in the dark; and that they need nothing from elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use axis_tests::{Browser, Dashboard, Home, Host};
use serde_json::{Value, json};

use crate::{PAGES, ask, call, open, scene};

/// axe-core, which tests/run installs from npm.
fn axe() -> String {
    let modules = std::env::var_os("AXIS_TEST_NODE_MODULES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests-npm/node_modules"),
        PathBuf::from,
    );
    let script = modules.join("axe-core/axe.min.js");
    fs::read_to_string(&script)
        .unwrap_or_else(|error| panic!("{}: {error}: ./tests/run installs it", script.display()))
}

const EXAMINE: &str = "
const done = arguments[0];
for (const folded of document.querySelectorAll('details')) folded.open = true;
axe.run(document, { resultTypes: ['violations'] }).then((found) => done(
  found.violations
    .filter((fault) => fault.impact === 'serious' || fault.impact === 'critical')
    .map((fault) => ({
      rule: fault.id, impact: fault.impact, nodes: fault.nodes.slice(0, 4).map((node) => node.html + ' :: ' + node.failureSummary),
    }))), (error) => done([String(error)]));
";

/// A home in which something goes on: calls, denials, errors, one that waits.
fn busy() -> (Home, axis_tests::Upstream, Host) {
    let (home, upstream) = scene();
    let mut host = Host::connect(&home, "local-dev");
    for repo in ["one", "two", "three"] {
        call(&mut host, repo);
    }
    host.execute(
        "github",
        "repos.delete",
        &json!({"owner": "a", "repo": "b"}),
    );
    host.execute("github", "repos.gett", &json!({}));
    ask(&mut host, "waits");
    (home, upstream, host)
}

fn faults_of_pages(is_dark: bool) -> Vec<String> {
    let axe = axe();
    let (home, _upstream, _host) = busy();
    let dashboard = Dashboard::open(&home);
    let browser = Browser::start();
    let mut faults = Vec::new();
    let mut examine = |page: &str, width: u32| {
        browser.js(&axe);
        let found = browser.js_async(EXAMINE, vec![]);
        for fault in found.as_array().unwrap() {
            faults.push(format!("{page} at {width}: {fault:#}"));
        }
        let wide = browser.js("return document.documentElement.scrollWidth - innerWidth");
        if wide.as_i64().unwrap() > 0 {
            faults.push(format!("{page} is {wide} px wider than {width}"));
        }
    };
    browser.screen(360, is_dark);
    open(&browser, &dashboard, "/");
    examine("signing in", 360);
    browser.sign_in(&dashboard);
    for width in [360, 1440] {
        browser.screen(width, is_dark);
        for page in PAGES {
            open(&browser, &dashboard, page);
            browser.wait_for_text("1 call waits");
            examine(page, width);
        }
    }
    open(&browser, &dashboard, "/nowhere");
    examine("no such page", 1440);
    faults
}

#[test]
fn axe_finds_nothing_serious_on_light_pages() {
    let faults = faults_of_pages(false);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn axe_finds_nothing_serious_on_dark_pages() {
    let faults = faults_of_pages(true);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn everything_is_reached_by_tab_in_order_and_seen_to_have_the_focus() {
    let (home, _upstream, _host) = busy();
    let dashboard = Dashboard::open(&home);
    let browser = Browser::signed_in(&dashboard);
    let mut faults = Vec::new();
    for (page, wanted) in [
        (
            "/",
            vec!["nav a", "form.lock button", "#waiting summary", "main a"],
        ),
        (
            "/activity",
            vec!["nav a", "#act-q", "#act-decision", "[data-seq] summary"],
        ),
        (
            "/policy",
            vec!["nav a", "main input, main select", "main button"],
        ),
        (
            "/approvals",
            vec![
                "nav a",
                "#ask-password",
                "button[value=approve]",
                "[name=id]",
            ],
        ),
        ("/health", vec!["nav a", "form.lock button"]),
    ] {
        open(&browser, &dashboard, page);
        browser.wait_for_text("1 call waits");
        let mut reached: Vec<String> = Vec::new();
        for step in 0..120 {
            browser.keys("\u{e004}");
            let focus = browser.js_with(
                "const element = document.activeElement; const style = getComputedStyle(element); \
                 if (element === document.body) return null; \
                 return {seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none', \
                   matches: arguments[0].filter((css) => element.matches(css)), html: element.outerHTML.slice(0, 120)}",
                vec![json!(wanted)],
            );
            if focus == Value::Null {
                break;
            }
            if focus["seen"] == false {
                faults.push(format!(
                    "{page}, step {step}: {} shows no focus",
                    focus["html"]
                ));
            }
            let matches = focus["matches"].as_array().unwrap().iter();
            reached.extend(matches.filter_map(Value::as_str).map(str::to_owned));
            if wanted
                .iter()
                .all(|css| reached.iter().any(|found| found == css))
            {
                break;
            }
        }
        for css in wanted {
            if !reached.iter().any(|found| found == css) {
                faults.push(format!("{page}: Tab doesn't lead to {css}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_page_needs_anything_from_elsewhere() {
    let (home, _upstream, _host) = busy();
    let dashboard = Dashboard::open(&home);
    let browser = Browser::signed_in(&dashboard);
    for page in PAGES {
        open(&browser, &dashboard, page);
        browser.wait_for_text("1 call waits");
        let asked = browser
            .js("return performance.getEntriesByType('resource').map((entry) => entry.name)");
        let asked = asked.as_array().unwrap();
        assert!(!asked.is_empty(), "{page}");
        for address in asked {
            let address = address.as_str().unwrap();
            assert!(
                address.starts_with(&dashboard.url("/")),
                "{page}: {address}"
            );
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
