//! The audit log as its owner looks for something in it.

use axis_tests::{Home, Host, Upstream, canary};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

/// The lines that `axis logs` shows for these arguments.
fn lines(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let all = [&["logs", "--json"], arguments].concat();
    let shown = home.axis(&all).ok().stdout;
    let lines = shown.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn lines_are_found_by_their_fields_their_time_and_their_text() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("logs"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let params = json!({"owner": "a", "repo": "b"});
    assert_eq!(host.execute("github", "repos.get", &params)["ok"], true);
    assert_eq!(
        host.execute("GitHub", "repos.delete", &params)["denied"],
        true
    );
    assert_eq!(
        host.execute("stripe", "balance.get", &json!({}))["denied"],
        true
    );
    let mut other = Host::connect(&home, "Someone-Else");
    assert_eq!(
        other.execute("github", "repos.get", &params)["denied"],
        true
    );

    let count = |arguments: &[&str]| lines(&home, arguments).len();
    // a call that goes out has two lines
    assert_eq!(count(&["--service", "github"]), 4);
    assert_eq!(count(&["--service", "GITHUB", "--decision", "deny"]), 2);
    assert_eq!(count(&["--decision", "allow"]), 1);
    assert_eq!(count(&["--action", "repos.delete"]), 1);
    assert_eq!(count(&["--identity", "someone-else"]), 1);
    assert_eq!(count(&["--grep", "SOMEONE-else\" service=\"github"]), 1);
    assert_eq!(count(&["--grep", "nothing like this"]), 0);
    assert_eq!(count(&["--since", "1h", "--service", "stripe"]), 1);
    assert_eq!(count(&["--since", "2999-01-01T00:00:00Z"]), 0);
    let last = lines(&home, &["--decision", "deny", "--last", "1"]);
    assert_eq!(last.len(), 1);
    assert_eq!(last[0]["identity"], "Someone-Else");

    for (arguments, says) in [
        (["--since", "yesterday"], "2h"),
        (["--decision", "maybe"], "deny"),
    ] {
        let refused = home.axis(&["logs", arguments[0], arguments[1]]);
        assert_eq!(refused.code(), 2);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
}
