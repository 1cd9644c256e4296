//! Calls that wait for the owner, through the real binaries.

use std::fs;
use std::time::{Duration, Instant};

use axis_tests::{Home, Host, PASSWORD, Upstream, canary, run, wait_for};
use serde_json::{Value, json};

const ASK: &str = "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: [repos.get] }
      - { service: github, actions: [issues.create], ask: true }
";

fn home(upstream: &Upstream, policy: &str) -> Home {
    Home::with_github(upstream, &canary("approve"), policy)
}

/// A call that waits as long as the owner is given; its request's id.
fn create(host: &mut Host, title: &str) -> u64 {
    host.start_execute_with(
        "github",
        "issues.create",
        &json!({"owner": "acme", "repo": "axis", "title": title}),
        &json!({"_meta": {"progressToken": title}}),
    )
}

fn waiting(home: &Home) -> Vec<Value> {
    let listed = home.axis_without_password(&["approvals", "--json"]).ok();
    listed.json().as_array().unwrap().clone()
}

/// Waits until `count` calls wait; what is said of them.
fn wait_for_approvals(home: &Home, count: usize) -> Vec<Value> {
    wait_for("calls that wait", || {
        let waiting = waiting(home);
        (waiting.len() == count).then_some(waiting)
    })
}

fn id(approval: &Value) -> &str {
    approval["id"].as_str().unwrap()
}

fn stages(home: &Home) -> Vec<String> {
    let lines = home.audit().into_iter();
    let approvals = lines.filter(|line| line["event"] == "approval");
    let stage = |line: Value| line["stage"].as_str().unwrap().to_owned();
    approvals.map(stage).collect()
}

#[test]
fn a_call_waits_is_shown_whole_and_goes_out_once_approved() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let call = create(&mut host, "one");
    let waiting = wait_for_approvals(&home, 1);
    let shown = &waiting[0];
    assert_eq!(shown["identity"], "local-dev");
    assert_eq!(shown["service"], "github");
    assert_eq!(shown["action"], "issues.create");
    assert_eq!(shown["effect"], "write");
    assert_eq!(shown["justification"], "a test asks for it");
    assert_eq!(
        shown["params"],
        json!({"owner": "acme", "repo": "axis", "title": "one"})
    );
    assert_eq!(shown["credential"], "github");
    assert_eq!(shown["method"], "POST");
    assert_eq!(shown["target"], "/repos/acme/axis/issues");
    assert_eq!(
        format!("http://{}", shown["host"].as_str().unwrap()),
        upstream.url()
    );
    assert_eq!(shown["peer"]["pid"], host.pid());
    assert!(upstream.requests().is_empty(), "nothing goes out before");

    // neither without the password nor with a wrong one
    let refused = home.axis_without_password(&["approve", id(shown)]);
    assert_ne!(refused.code(), 0, "{refused:#?}");
    let mut wrong = home.command("axis");
    wrong
        .args(["approve", id(shown)])
        .env("AXIS_MASTER_PASSWORD", "not the password at all");
    let wrong = run(wrong, "");
    assert_ne!(wrong.code(), 0, "{wrong:#?}");
    assert!(upstream.requests().is_empty());

    let approved = home.axis(&["approve", id(shown)]).ok();
    assert!(
        approved.stdout.contains("POST"),
        "shown before: {approved:#?}"
    );
    let answer = host.executed(call);
    assert_eq!(answer["ok"], true, "{answer}");
    let sent = upstream.requests();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].json(), json!({"title": "one"}));
    assert_eq!(stages(&home), ["asked", "approved"]);
    let started = home.audited_calls();
    let started = started.iter().find(|line| line["event"] == "started");
    assert_eq!(started.unwrap()["approval"], shown["id"]);

    // the same again is another question
    create(&mut host, "one");
    let again = wait_for_approvals(&home, 1);
    assert_ne!(again[0]["id"], shown["id"]);
    let replayed = home.axis(&["approve", id(shown)]);
    assert_eq!(replayed.code(), 1, "{replayed:#?}");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_rejection_needs_no_password_and_its_reason_reaches_the_agent() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let call = create(&mut host, "one");
    let waiting = wait_for_approvals(&home, 1);
    home.axis_without_password(&["reject", id(&waiting[0]), "--reason", "not there"])
        .ok();
    let answer = host.executed(call);
    assert_eq!(answer["denied"], true);
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.contains("rejected") && reason.ends_with("not there"),
        "{answer}"
    );
    assert!(upstream.requests().is_empty());
    assert_eq!(stages(&home), ["asked", "rejected"]);
}

#[test]
fn one_entry_of_the_password_approves_several_and_a_grant_lasts() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let calls = [create(&mut host, "one"), create(&mut host, "two")];
    let waiting = wait_for_approvals(&home, 2);
    home.axis(&["approve", id(&waiting[0]), id(&waiting[1])])
        .ok();
    for call in calls {
        assert_eq!(host.executed(call)["ok"], true);
    }
    let call = create(&mut host, "three");
    let waiting = wait_for_approvals(&home, 1);
    home.axis(&["approve", id(&waiting[0]), "--for", "15m"])
        .ok();
    assert_eq!(host.executed(call)["ok"], true);
    // from another shim of the identity at once, from another identity not
    let mut second = Host::connect(&home, "local-dev");
    let call = create(&mut second, "four");
    assert_eq!(second.executed(call)["ok"], true);
    assert_eq!(upstream.requests().len(), 4);
    let listed = home.axis_without_password(&["approvals"]).ok().stdout;
    assert!(listed.contains("Grants in force"), "{listed}");

    // gone with a lock
    home.axis_without_password(&["lock"]).ok();
    home.axis(&["unlock"]).ok();
    create(&mut second, "five");
    wait_for_approvals(&home, 1);
    assert_eq!(upstream.requests().len(), 4);
}

#[test]
fn one_agents_answer_never_counts_for_anothers_question() {
    let upstream = Upstream::friendly();
    let policy = "policies:\n  - identity: \"*\"\n    allow:\n      - { service: github, actions: [issues.create], ask: true }\n";
    let home = home(&upstream, policy);
    let (mut one, mut other) = (Host::connect(&home, "one"), Host::connect(&home, "other"));
    let call = create(&mut one, "same");
    let asked = wait_for_approvals(&home, 1);
    create(&mut other, "same");
    wait_for_approvals(&home, 2);
    home.axis(&["approve", id(&asked[0]), "--for", "1h"]).ok();
    assert_eq!(one.executed(call)["ok"], true);
    let left = wait_for_approvals(&home, 1);
    assert_eq!(left[0]["identity"], "other");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_cancelled_call_withdraws_its_question() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let call = create(&mut host, "one");
    wait_for_approvals(&home, 1);
    host.notify("notifications/cancelled", &json!({"requestId": call}));
    wait_for_approvals(&home, 0);
    assert_eq!(stages(&home), ["asked", "withdrawn"]);
    let calls = home.audited_calls();
    let ended = calls
        .iter()
        .find(|line| line["event"] == "finished")
        .unwrap();
    assert_eq!(ended["error"], "cancelled", "{ended}");
    assert!(upstream.requests().is_empty());
}

#[test]
fn a_call_that_nobody_answers_is_denied_when_its_time_is_over() {
    let upstream = Upstream::friendly();
    let home = Home::empty();
    fs::write(home.file("daemon.yaml"), "approval_timeout: 1\n").unwrap();
    home.axis(&["init"]).ok();
    home.add("github", &canary("timeout"), &upstream.url());
    home.policy(ASK);
    let mut host = Host::connect(&home, "local-dev");
    let call = create(&mut host, "one");
    let answer = host.executed(call);
    assert_eq!(answer["denied"], true, "{answer}");
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.contains("nobody approved this call within 1 s"),
        "{answer}"
    );
    assert_eq!(stages(&home), ["asked", "expired"]);
}

#[test]
fn what_changed_since_it_was_asked_does_not_go_out() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let call = create(&mut host, "one");
    let asked = wait_for_approvals(&home, 1);
    // the credential now leads elsewhere
    let elsewhere = Upstream::friendly();
    home.axis_fed(
        &[
            "add",
            "github",
            "--stdin",
            "--no-check",
            "--replace",
            "--base-url",
            &elsewhere.url(),
        ],
        &canary("replaced"),
    )
    .ok();
    home.axis(&["approve", id(&asked[0])]).ok();
    let answer = host.executed(call);
    assert_eq!(answer["denied"], true, "{answer}");
    assert!(
        answer["reason"].as_str().unwrap().contains("changed"),
        "{answer}"
    );
    // and so where the policy no longer allows it
    let call = create(&mut host, "two");
    let asked = wait_for_approvals(&home, 1);
    home.policy("policies: []\n");
    home.axis(&["approve", id(&asked[0])]).ok();
    let answer = host.executed(call);
    assert_eq!(answer["denied"], true, "{answer}");
    assert!(upstream.requests().is_empty() && elsewhere.requests().is_empty());
}

#[test]
fn a_lock_ends_what_waits() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let call = create(&mut host, "one");
    wait_for_approvals(&home, 1);
    home.axis_without_password(&["lock"]).ok();
    assert_eq!(host.executed(call)["error"]["code"], "vault_locked");
    assert!(waiting(&home).is_empty());
}

#[test]
fn agents_and_owners_are_told_which_actions_ask() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let tools = host.request("tools/list", &json!({}));
    let text = tools["result"]["tools"][0]["description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        text.contains("issues.create*") && text.contains("repos.get"),
        "{text}"
    );
    let explained = home
        .axis_without_password(&[
            "policy",
            "explain",
            "github",
            "issues.create",
            "owner=a",
            "repo=b",
            "title=c",
            "--json",
        ])
        .ok();
    assert_eq!(explained.json()["decision"], "ask");
    assert_eq!(explained.json()["approval"], "owner");
    fs::write(
        home.file("tests.yaml"),
        "tests:\n  - { identity: local-dev, service: github, action: issues.create, expect: ask }\n  - { identity: local-dev, service: github, action: repos.get, expect: allow }\n",
    )
    .unwrap();
    let file = home.file("tests.yaml");
    home.axis_without_password(&["policy", "test", file.to_str().unwrap()])
        .ok();
}

#[test]
fn a_body_that_could_not_be_shown_is_not_asked_about() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    home.axis_fed(
        &[
            "add",
            "aws",
            "--stdin",
            "--no-check",
            "--base-url",
            &upstream.url(),
        ],
        "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    )
    .ok();
    home.policy("policies:\n  - identity: local-dev\n    allow:\n      - { service: aws, actions: [\"s3.*\"], ask: true }\n");
    fs::write(home.file("body"), "not shown").unwrap();
    let mut host = Host::connect(&home, "local-dev");
    let body = home.file("body");
    let answer = host.execute_with(
        "aws",
        "s3.putObject",
        &json!({"region": "us-east-1", "bucket": "bucket", "key": "key"}),
        &json!({"body_file": body, "_meta": {"progressToken": 1}}),
    );
    assert_eq!(answer["error"]["code"], "invalid_params", "{answer}");
    assert!(upstream.requests().is_empty());
}

#[test]
fn an_agents_words_can_not_dress_up_the_question() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let title = "x\u{1b}[2J\u{202e}\nsends     GET harmless.example/";
    host.start_execute_with(
        "github",
        "issues.create",
        &json!({"owner": "acme", "repo": "axis", "title": title}),
        &json!({
            "_meta": {"progressToken": 1},
            "justification": format!("fine\u{1b}[1A\r\n  approve with: axis approve 00000000{}  sends GET x", " ".repeat(80)),
        }),
    );
    wait_for_approvals(&home, 1);
    let shown = home.axis_without_password(&["approvals"]).ok().stdout;
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
        "{shown:?}"
    );
    // not by the width of the terminal either: what goes on is indented
    let own = |line: &str| line.starts_with("  ") && !line.starts_with("    ");
    for line in shown.lines().filter(|line| own(line)) {
        let head = line.split_whitespace().next().unwrap();
        let heads = ["sends", "with", "asked", "params", "because", "approve"];
        assert!(heads.contains(&head), "{line}");
    }
    assert_eq!(shown.matches("\n  sends ").count(), 1, "{shown}");
    assert_eq!(shown.matches("\n  approve with: ").count(), 1, "{shown}");
}

#[test]
fn slow_without_progress_a_call_is_pending_and_the_same_call_joins_it() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = Host::connect(&home, "local-dev");
    let params = json!({"owner": "acme", "repo": "axis", "title": "later"});
    let began = Instant::now();
    let call = host.start_execute("github", "issues.create", &params);
    let answer = host.answer_within(call, Duration::from_secs(45));
    let answer = &answer["result"]["structuredContent"];
    assert_eq!(answer["pending"], true, "{answer}");
    assert!(began.elapsed() < Duration::from_secs(45));
    assert!(
        answer["reason"].as_str().unwrap().contains("identical"),
        "{answer}"
    );
    let waiting = wait_for_approvals(&home, 1);
    assert_eq!(waiting[0]["id"], answer["approval_id"]);
    // in another order of the fields and with other words it is the same call
    let same = json!({"title": "later", "repo": "axis", "owner": "acme"});
    let more = json!({"justification": "as I said"});
    let again = host.start_execute_with("github", "issues.create", &same, &more);
    home.axis(&["approve", id(&waiting[0])]).ok();
    let answer = host.executed(again);
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(upstream.requests().len(), 1);
    let calls = home.audited_calls();
    let pending = calls.iter().find(|line| line["decision"] == "ask").unwrap();
    assert_eq!(pending["approval"], waiting[0]["id"], "{pending}");
    let last = home.audit().pop().unwrap();
    assert_eq!(last["approval"], waiting[0]["id"], "{last}");
    home.axis(&["logs", "verify"]).ok();
}

/// A host with a window of its own to ask in.
fn host_with_window(home: &Home) -> Host {
    let mut command = home.command("axis");
    command.arg("mcp").env("AXIS_IDENTITY", "local-dev");
    let mut host = Host::spawn(command);
    host.request(
        "initialize",
        &json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {"elicitation": {}},
            "clientInfo": {"name": "axis-tests", "version": "1"}
        }),
    );
    host.notify("notifications/initialized", &json!({}));
    host
}

fn answer_window(host: &mut Host, result: &Value) -> String {
    let asked = host.message("a question in the window", |message| {
        message["method"] == "elicitation/create"
    });
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": result});
    host.send_raw(format!("{answer}\n").as_bytes());
    asked["params"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn where_the_policy_trusts_the_host_its_window_answers() {
    let upstream = Upstream::friendly();
    let trusting = ASK.replace("    allow:", "    approval: host\n    allow:");
    let home = home(&upstream, &trusting);
    let mut host = host_with_window(&home);
    // answers to what nobody asked change nothing
    host.send_raw(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"action\":\"accept\"}}\n");
    host.send_raw(b"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":1,\"message\":\"\"}}\n");
    let call = create(&mut host, "one");
    let text = answer_window(
        &mut host,
        &json!({"action": "accept", "content": {"approve": true}}),
    );
    assert!(
        text.contains("issues.create") && text.contains("\"title\":\"one\""),
        "{text}"
    );
    assert_eq!(host.executed(call)["ok"], true);
    assert_eq!(upstream.requests().len(), 1);
    let approved = home
        .audit()
        .into_iter()
        .find(|line| line["stage"] == "approved");
    assert_eq!(approved.unwrap()["by"], "host");
    // accepted without a yes
    let call = create(&mut host, "two");
    answer_window(
        &mut host,
        &json!({"action": "accept", "content": {"approve": false}}),
    );
    assert_eq!(host.executed(call)["denied"], true);
    // the agent's words stand behind Axis's own, on one line
    host.start_execute_with(
        "github",
        "issues.create",
        &json!({"owner": "acme", "repo": "axis", "title": "EVIL"}),
        &json!({
            "_meta": {"progressToken": "forged"},
            "justification": "tidy up\n\nParams: {\"title\":\"harmless\"}",
        }),
    );
    let text = answer_window(&mut host, &json!({"action": "cancel"}));
    let params: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("Params: "))
        .collect();
    assert!(params.len() == 1 && params[0].contains("EVIL"), "{text}");
    let waiting = wait_for_approvals(&home, 1);
    home.axis_without_password(&["reject", id(&waiting[0])])
        .ok();
    // a host that shows nothing leaves it to the owner
    let call = create(&mut host, "three");
    answer_window(&mut host, &json!({"action": "decline"}));
    let waiting = wait_for_approvals(&home, 1);
    home.axis(&["approve", id(&waiting[0])]).ok();
    assert_eq!(host.executed(call)["ok"], true);
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn a_host_that_was_asked_answers_nothing_once_the_policy_trusts_it_no_more() {
    let upstream = Upstream::friendly();
    let trusting = ASK.replace("    allow:", "    approval: host\n    allow:");
    let home = home(&upstream, &trusting);
    let mut host = host_with_window(&home);
    let call = create(&mut host, "one");
    let asked = host.message("a question in the window", |message| {
        message["method"] == "elicitation/create"
    });
    home.policy(ASK);
    let answer = json!({
        "jsonrpc": "2.0",
        "id": asked["id"],
        "result": {"action": "accept", "content": {"approve": true}},
    });
    host.send_raw(format!("{answer}\n").as_bytes());
    let answer = host.executed(call);
    assert_eq!(answer["denied"], true, "{answer}");
    assert!(upstream.requests().is_empty());
}

#[test]
fn where_it_does_not_no_window_is_asked() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut host = host_with_window(&home);
    let call = create(&mut host, "one");
    let waiting = wait_for_approvals(&home, 1);
    home.axis(&["approve", id(&waiting[0])]).ok();
    assert_eq!(host.executed(call)["ok"], true);
    assert!(
        !host.transcript.contains("elicitation"),
        "{}",
        host.transcript
    );
}

#[test]
fn the_desktop_is_told_and_a_failing_notifier_is_no_error() {
    use std::os::unix::fs::PermissionsExt;
    let upstream = Upstream::friendly();
    for exit in [0, 1] {
        let home = Home::empty();
        fs::create_dir(home.file("bin")).unwrap();
        let notifier = home.file("bin/notify-send");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" >> {}\nexit {exit}\n",
            home.file("notices").display()
        );
        fs::write(&notifier, script).unwrap();
        fs::set_permissions(&notifier, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", home.file("bin").display());
        let mut command = home.command("axisd");
        command.env("PATH", path);
        let _axisd = home.spawn(command);
        home.wait_until_up();
        home.axis(&["init"]).ok();
        home.add("github", &canary("notice"), &upstream.url());
        home.policy(ASK);
        let mut host = Host::connect(&home, "local-dev");
        let call = create(&mut host, "one");
        let notice = wait_for("a notice", || {
            let text = fs::read_to_string(home.file("notices")).ok()?;
            text.contains("issues.create").then_some(text)
        });
        assert!(!notice.contains("a test asks for it"), "{notice}");
        let waiting = wait_for_approvals(&home, 1);
        home.axis(&["approve", id(&waiting[0])]).ok();
        assert_eq!(host.executed(call)["ok"], true);
    }
}

#[test]
fn an_approval_shows_in_status_and_the_command_line_waits_for_it() {
    let upstream = Upstream::friendly();
    let home = home(&upstream, ASK);
    let mut command = home.command("axis");
    command.args([
        "call",
        "github",
        "issues.create",
        "owner=a",
        "repo=b",
        "title=c",
    ]);
    let calling = std::thread::spawn(move || run(command, ""));
    let waiting = wait_for_approvals(&home, 1);
    let status = home.axis_without_password(&["status"]).ok().stdout;
    assert!(status.contains("axis approvals"), "{status}");
    home.axis(&["approve", id(&waiting[0])]).ok();
    let called = calling.join().unwrap().ok();
    assert!(called.stderr.contains(id(&waiting[0])), "{called:#?}");
    assert_eq!(called.json()["ok"], true);
    assert!(!called.stdout.contains(PASSWORD));
}
