//! What an agent, an upstream or a file says is shown, and never obeyed.

use std::fs;

use axis_tests::{Browser, Dashboard, Home, Host, Reply, Upstream, binary, canary};
use serde_json::json;

use crate::{PAGES, POLICY, open};

/// Markup that would run, in forms that escaping is apt to miss.
const MARKUP: &str = "<script>window.owned=1</script><img src=x onerror=window.owned=2>\
    \"'><svg/onload=window.owned=3><a href=\"javascript:window.owned=4\">click</a>\
    </title></style></textarea></bdi>&lt;b&gt;{{7*7}}${7*7}";
/// What hides, turns around or piles up.
const DISGUISE: &str = "\u{1b}[2J\u{1b}]8;;http://evil.example\u{7}x\u{202e}desrever\u{2066}\u{2069}\
    \u{200b}\u{200d}\u{feff}\r\n\u{2028}end";

fn words() -> String {
    let piled = format!("z{}", "\u{301}".repeat(150));
    let long = "W".repeat(1_200);
    format!("{MARKUP} {DISGUISE} {piled} {long}")
}

/// Every field that an agent fills is hostile, and one call waits.
fn beset(home: &Home) -> (Host, u64) {
    let shown = words();
    let named = home.file("<img src=x onerror=window.owned=5>\u{202e}");
    fs::copy(binary("axis"), &named).unwrap();
    let as_identity = |identity: &str| {
        let mut command = home.command("axis");
        command.arg("mcp").env("AXIS_IDENTITY", identity);
        let mut shim = std::process::Command::new(&named);
        shim.arg("mcp").env_clear();
        shim.envs(
            command
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
        let mut host = Host::spawn(shim);
        host.initialize("2025-06-18");
        host
    };
    let mut stranger = as_identity("<b onclick=window.owned=6>\u{202e}who");
    let params = json!({"owner": "a", "repo": "b", (MARKUP): shown});
    let more = json!({"justification": shown});
    for (service, action) in [
        ("github", "repos.get"),
        (MARKUP, "repos.get"),
        ("github", MARKUP),
        ("github", DISGUISE),
    ] {
        let answer = stranger.execute_with(service, action, &params, &more);
        assert_ne!(answer["ok"], true, "{answer}");
    }
    let mut host = as_identity("local-dev");
    // the upstream's answer is hostile, too
    let read = json!({"owner": "a", "repo": "b"});
    let answer = host.execute_with("github", "repos.get", &read, &more);
    assert_eq!(answer["ok"], false, "{answer}");
    let params = json!({"owner": "acme", "repo": "axis", "title": shown, "body": shown});
    let more = json!({"justification": shown, "_meta": {"progressToken": "hostile"}});
    let waits = host.start_execute_with("github", "issues.create", &params, &more);
    (host, waits)
}

#[test]
fn hostile_words_in_every_field_are_shown_as_text_and_keep_every_page_in_shape() {
    let upstream = Upstream::answering(|_| Reply::json(422, &json!({"message": words()})));
    let home = Home::with_github(&upstream, &canary("hostile"), POLICY);
    fs::create_dir_all(home.file("services")).unwrap();
    let broken = home.file("services/<img src=x onerror=window.owned=7>\u{202e}.yaml");
    fs::write(
        broken,
        format!("service: \"{}\"\n", "<script>window.owned=8</script>"),
    )
    .unwrap();
    let (_host, _waits) = beset(&home);
    let dashboard = Dashboard::open(&home);
    let browser = Browser::signed_in(&dashboard);
    let asked = [
        "/policy?identity=%3Cscript%3Ewindow.owned%3D9%3C%2Fscript%3E&service=%22%3E%3Cimg+src%3Dx+onerror%3Dwindow.owned%3D9%3E&action=%E2%80%AEx",
        "/activity?q=%22%3E%3Cscript%3Ewindow.owned%3D9%3C%2Fscript%3E&service=%E2%80%AE%1B%5B2J",
    ];
    let mut faults = Vec::new();
    for width in [360, 1440] {
        browser.screen(width, false);
        for page in PAGES.iter().chain(&asked) {
            open(&browser, &dashboard, page);
            browser.wait_for_text("1 call waits");
            // all that is folded, unfolded
            browser.js(
                "for (const folded of document.querySelectorAll('details')) folded.open = true; \
                 for (const link of document.querySelectorAll('a')) link.focus()",
            );
            let state = browser.js(
                "return {owned: window.owned ?? null, \
                 wide: document.documentElement.scrollWidth - innerWidth, \
                 widest: [...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1) \
                   .slice(0, 6).map((one) => one.cloneNode().outerHTML.slice(0, 100)), \
                 links: [...document.querySelectorAll('a[href]')].filter((a) => a.protocol !== 'http:').length, \
                 strange: document.querySelectorAll('main script:not([src^=\"/assets/\"]), main img, b, [onerror], [onload], [onclick]').length}",
            );
            assert_eq!(state["owned"], json!(null), "{page} at {width}");
            assert_eq!(state["links"], 0, "{page} at {width}");
            assert_eq!(state["strange"], 0, "{page} at {width}");
            let wide = state["wide"].as_i64().unwrap();
            if wide > 0 {
                let widest = &state["widest"];
                faults.push(format!(
                    "{page} at {width} px is {wide} px too wide: {widest:#}"
                ));
            }
            let text = browser.text();
            for raw in ['\u{1b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}'] {
                assert!(!text.contains(raw), "{page}: {raw:?} is not shown as text");
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // shown, not left out
    open(&browser, &dashboard, "/approvals");
    browser.js("for (const folded of document.querySelectorAll('details')) folded.open = true");
    let text = browser.text();
    assert!(text.contains("<script>window.owned=1</script>"), "{text}");
    assert!(text.contains("\\u{202e}"), "{text}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
