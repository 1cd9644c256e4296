//! The dashboard's overview and its pages of services, as a browser gets them.

use std::fs;

use axis_tests::{Home, Host, Upstream, Visitor, canary, wait_for};
use serde_json::json;

use super::api::home_with_calls;

/// The page, which must be one.
#[track_caller]
fn page(dashboard: &Visitor, path: &str) -> String {
    let answer = dashboard.get(path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.body
}

/// What stands between `from` and the next `to` behind it.
#[track_caller]
fn between<'p>(page: &'p str, from: &str, to: &str) -> &'p str {
    let (_, rest) = page
        .split_once(from)
        .unwrap_or_else(|| panic!("{from}: {page}"));
    rest.split_once(to).unwrap().0
}

/// Calls, denials, errors and calls that waited in the rows of the chart's table.
fn counted(page: &str) -> [u64; 4] {
    let table = between(page, "id=\"ov-times\"", "</table>");
    let mut sums = [0; 4];
    for row in table.split("<tr>").skip(2) {
        let cells = row.split("<td class=\"number\">").skip(1);
        for (sum, cell) in sums.iter_mut().zip(cells) {
            *sum += cell.split_once('<').unwrap().0.parse::<u64>().unwrap();
        }
    }
    sums
}

#[test]
fn the_bars_of_the_overview_add_up_to_what_axis_logs_stats_counts() {
    let upstream = Upstream::friendly();
    let key = canary("overview");
    let home = home_with_calls(&upstream, &key);
    let mut host = Host::connect(&home, "ci-runner");
    host.execute("github", "repos.gett", &json!({}));
    let dashboard = Visitor::of(&home);
    let stats = home.axis(&["logs", "stats", "--json"]).ok().json();
    let total = ["calls", "denied", "errors", "asked"];
    let total = total.map(|name| stats["total"][name].as_u64().unwrap());
    assert_eq!(total, [4, 1, 1, 0]);

    for range in ["1h", "24h", "7d", "30d"] {
        let page = page(&dashboard, &format!("/?range={range}"));
        assert_eq!(counted(&page), total, "{range}");
        let svg = between(&page, "<svg role=\"img\"", "</svg>");
        assert!(svg.contains("4 calls, 1 denied, 1 error"), "{svg}");
        assert!(!page.contains(&key));
    }
    let other = dashboard.get("/?range=9y");
    assert_eq!(other.status, 400, "{other:?}");
    assert!(other.body.contains("1h, 24h, 7d, 30d"), "{other:?}");
    let page = page(&dashboard, "/");
    // each bar has the moment that its words begin with
    let bar = between(&page, "class=\"ov-bar\" data-start=\"", "</title>");
    let (start, words) = bar.split_once("\"><title>").unwrap();
    assert!(words.starts_with(&format!("{start}, ")), "{bar}");
    // behind the number of calls are the calls alone, and all of them
    let link = between(&page, "<dt>Calls</dt><dd><a href=\"", "\"");
    let lines = dashboard.get(&link.replace("&amp;", "&"));
    assert_eq!(lines.body.matches("data-seq=\"").count(), 4, "{link}");
    // who uses what, and the way to the lines
    let matrix = between(&page, "id=\"ov-matrix\"", "</table>");
    assert!(
        matrix.contains("identity=ci-runner&amp;service=github&amp;from="),
        "{matrix}"
    );
    assert!(
        matrix.contains("3 calls by local-dev to github: 1 denied, 0 errors"),
        "{matrix}"
    );
    let denials = between(&page, "id=\"ov-denials\"", "</table>");
    assert!(denials.contains("<bdi>repos.delete</bdi>"), "{denials}");
    assert!(denials.contains("Policy denied"), "{denials}");
    assert!(page.contains("Isolation level"));
    assert!(!page.contains("First steps"));
}

#[test]
fn an_empty_overview_says_what_to_do_first() {
    let home = Home::ready();
    let dashboard = Visitor::of(&home);

    let empty = page(&dashboard, "/");

    for command in ["axis add github", "axis hosts add", "axis call github"] {
        assert!(empty.contains(command), "{command}");
    }
    assert!(!empty.contains("<svg"), "there is nothing to draw: {empty}");
    home.add("github", &canary("first"), "https://github.example");
    let started = page(&dashboard, "/");
    assert!(started.contains("axis call github"));
    assert!(!started.contains("axis add github"));

    home.kill();
    for path in ["/", "/services", "/services/github"] {
        let down = dashboard.get(path);
        assert_eq!(down.status, 503, "{path}");
        assert!(down.body.contains("axis daemon start"), "{path}");
        assert!(down.body.contains("data-down"), "{path}");
    }
}

#[test]
fn the_services_page_shows_credentials_without_secrets_and_finds_actions() {
    let upstream = Upstream::friendly();
    let key = canary("services");
    let home = home_with_calls(&upstream, &key);
    home.axis_fed(
        &["add", "stripe", "--stdin", "--no-check", "--label", "work"],
        "sk_test_0123456789abcdefghijklmn\n",
    )
    .ok();
    let dashboard = Visitor::of(&home);

    let all = page(&dashboard, "/services");

    let credentials = between(&all, "id=\"credentials\"", "</table>");
    let host = upstream.url().replace("http://", "");
    for words in [
        host.as_str(),
        "api.stripe.com",
        "stripe/work",
        "vault",
        "today",
        "never",
    ] {
        assert!(credentials.contains(words), "{words}: {credentials}");
    }
    let found = page(&dashboard, "/services?q=issues.cr");
    assert!(
        found.contains("/services/github?action=issues%2Ecreate"),
        "{found}"
    );
    assert!(!found.contains("href=\"/services/openai\""));
    let none = page(&dashboard, "/services?q=%22%3E%3Cscript%3E");
    assert!(none.contains("&lt;script&gt;") && !none.contains("<script>"));

    let github = page(&dashboard, "/services/github");
    let row = between(&github, "action=repos%2Eget\"", "</tr>");
    let local = row.find("/policy#L").unwrap();
    assert!(row[local..].contains("allow"), "{row}");
    assert!(row.contains("deny"), "another identity: {row}");
    let row = between(&github, "action=repos%2Edelete\"", "</tr>");
    assert!(!row.contains(">allow<"), "{row}");
    let deletes = page(&dashboard, "/services/github?q=delete");
    assert!(deletes.contains("action=repos%2Edelete\""));
    assert!(!deletes.contains("action=repos%2Eget\""));

    let allowed = page(&dashboard, "/services/github?allowed=1");
    assert!(allowed.contains("action=repos%2Eget\""));
    assert!(!allowed.contains("action=repos%2Edelete\""));

    let action = page(&dashboard, "/services/github?action=issues.create");
    for words in [
        "title",
        "required",
        "axis call github issues.create",
        "/policy#L",
    ] {
        assert!(action.contains(words), "{words}");
    }
    let refused = page(&dashboard, "/services/github?action=repos.delete");
    assert!(
        refused.contains("axis allow github repos.delete"),
        "{refused}"
    );
    for missing in ["/services/githbu", "/services/github?action=issues.creat"] {
        let answer = dashboard.get(missing);
        assert_eq!(answer.status, 404, "{missing}");
        assert!(answer.body.contains("github"), "{missing}");
    }

    home.axis(&["lock"]).ok();
    let locked = page(&dashboard, "/services");
    let credentials = between(&locked, "id=\"credentials\"", "</table>");
    assert!(credentials.contains("axis unlock"), "{credentials}");
    assert!(!credentials.contains(&host), "{credentials}");
    for shown in [all, github, action, locked] {
        assert!(!shown.contains(&key) && !shown.contains("sk_test"));
    }
}

#[test]
fn names_that_agents_and_files_give_are_shown_and_not_obeyed() {
    let upstream = Upstream::friendly();
    let home = home_with_calls(&upstream, &canary("hostile"));
    let hostile = "<img src=x onerror=alert(1)>\u{202e}\u{1b}[31m";
    let mut host = Host::connect(&home, hostile);
    host.execute(hostile, hostile, &json!({}));
    host.execute("github", "repos.delete", &json!({}));
    let services = home.file("services");
    fs::create_dir_all(&services).unwrap();
    fs::write(
        services.join("own.yaml"),
        r#"
service: own
title: "<img src=x>\u202e"
base_url: https://own.example
auth: bearer
credential: { prompt: "<img src=y>" }
actions:
  things.list:
    effect: read
    method: GET
    path: /things
    params:
      page: { in: query, type: string, description: "<img src=z>" }
"#,
    )
    .unwrap();
    fs::write(services.join("broken.yaml"), "service: <img src=w>\n").unwrap();
    let dashboard = Visitor::of(&home);
    wait_for("the file to be in force", || {
        (dashboard.get("/services/own").status == 200).then_some(())
    });

    for path in [
        "/",
        "/services",
        "/services/own",
        "/services/own?action=things.list",
    ] {
        let page = page(&dashboard, path);
        assert!(page.contains("&lt;img"), "{path}: {page}");
        for bad in ["<img", "\u{202e}", "\u{1b}"] {
            assert!(!page.contains(bad), "{path}: {bad:?}");
        }
        assert!(
            !page.contains("style=\"") && !page.contains("<script>"),
            "{path}"
        );
    }
    let services = page(&dashboard, "/services");
    assert!(
        services.contains("broken.yaml") && services.contains("missing field"),
        "{services}"
    );
}
