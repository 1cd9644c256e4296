//! `select`: three fields of a large answer, and expressions that mean harm.

use axis_tests::{Home, Host, Reply, Upstream, canary};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

fn repo() -> Value {
    json!({"owner": "acme", "repo": "axis"})
}

fn selected(host: &mut Host, expression: &str) -> Value {
    host.execute_with(
        "github",
        "repos.get",
        &repo(),
        &json!({ "select": expression }),
    )
}

#[test]
fn an_agent_gets_the_fields_it_asks_for_and_never_the_secret() {
    let key = canary("select");
    let echoed = key.clone();
    let upstream = Upstream::answering(move |_| {
        Reply::json(
            200,
            &json!({"name": "axis", "owner": {"login": "acme"}, "echo": echoed, "topics": ["a", "b"]}),
        )
    });
    let home = Home::with_github(&upstream, &key, ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    for (expression, result) in [
        (
            "{name, login: .owner.login}",
            json!({"name": "axis", "login": "acme"}),
        ),
        (".topics[]", json!(["a", "b"])),
        (".nothing", Value::Null),
        (".echo", json!("[redacted by axis]")),
        ("[.echo | explode[]] | implode", json!("[redacted by axis]")),
    ] {
        let answer = selected(&mut host, expression);
        assert_eq!(answer["ok"], true, "{expression}: {answer}");
        assert_eq!(answer["result"], result, "{expression}");
        assert!(answer.get("hint").is_none(), "{answer}");
    }
    assert!(!host.transcript.contains(&key));
}

#[test]
fn a_wrong_expression_is_told_before_anything_is_sent() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("wrong"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    for (expression, part) in [
        (".items[", "at character 8"),
        ("lenght", "no filter \"lenght\""),
        ("env", "no filter \"env\""),
        ("$ENV", "no variable"),
        ("input", "no filter"),
        ("halt", "no filter"),
        ("import \"/etc/passwd\" as $x; $x", "no modules"),
        ("include \"/etc/passwd\"; .", "no modules"),
    ] {
        let answer = selected(&mut host, expression);
        let error = &answer["error"];
        assert_eq!(error["code"], "invalid_params", "{expression}: {answer}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(part), "{expression}: {message}");
    }
    let deep = "(".repeat(16_000);
    let answer = selected(&mut host, &deep);
    assert_eq!(answer["error"]["code"], "invalid_params", "{answer}");
    let long = ".".repeat(20_000);
    let answer = selected(&mut host, &long);
    assert_eq!(answer["error"]["code"], "invalid_params", "{answer}");
    assert!(upstream.requests().is_empty());
}

#[test]
fn slow_an_expression_that_runs_wild_ends_in_an_error_and_axisd_goes_on() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("wild"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let daemon = home.pid();
    for expression in [
        "def f: f; f",
        "def f: 1 + f; f",
        "def f: [f]; f",
        "[limit(1000000000; repeat(1))]",
        "\"xxxxxxxxxx\" * 1000000000",
        "repeat(\"x\")",
        "reduce range(1000000000) as $i (.; [.])",
        "last(range(1000000000000))",
        "[range(1000000)] | combinations(3)",
        "until(false; .)",
        "1 | [recurse([., .])]",
        "error([range(100000)])",
    ] {
        let answer = selected(&mut host, expression);
        assert_eq!(
            answer["error"]["code"], "invalid_params",
            "{expression}: {answer}"
        );
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("select "), "{expression}: {message}");
        assert!(message.len() < 1000, "{expression}: {message}");
    }
    assert_eq!(selected(&mut host, ".path")["result"], "/repos/acme/axis");
    assert_eq!(home.pid(), daemon, "it is the same axisd");
}

#[test]
fn a_call_whose_select_fails_has_succeeded_all_the_same() {
    let upstream = Upstream::answering(|_| Reply::json(201, &json!({"number": 7})));
    let home = Home::with_github(
        &upstream,
        &canary("written"),
        "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: ['*'], ttl: 300}\n",
    );
    let mut host = Host::connect(&home, "local-dev");

    let mut params = repo();
    params["title"] = json!("once");
    let written = host.execute_with(
        "github",
        "issues.create",
        &params,
        &json!({"select": ".number[0]"}),
    );
    assert_eq!(written["ok"], true, "{written}");
    assert_eq!(written["result"], json!({"number": 7}));
    let hint = written["hint"].as_str().unwrap();
    assert!(
        hint.contains("could not be applied") && hint.contains("The call itself was done"),
        "{hint}"
    );

    // an error that tells what was read doesn't spare the cooldown
    let read = selected(&mut host, "error(.)");
    assert_eq!(read["ok"], false, "{read}");
    let again = selected(&mut host, ".");
    assert_eq!(again["denied"], true, "{again}");
    assert!(again["reason"].as_str().unwrap().contains("TTL active"));
    let finished: Vec<_> = home
        .audited_calls()
        .into_iter()
        .filter(|line| line["event"] == "finished" && line["decision"] == "allow")
        .collect();
    assert_eq!(finished.len(), 2, "{finished:#?}");
}

#[test]
fn a_long_answer_comes_whole_and_names_what_would_be_shorter() {
    let upstream = Upstream::answering(|request| {
        let length = if request.path.contains("long") {
            90_000
        } else {
            70_000
        };
        Reply::json(200, &json!({"text": "x".repeat(length)}))
    });
    let home = Home::with_github(&upstream, &canary("long"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let long = host.execute(
        "github",
        "repos.get",
        &json!({"owner": "acme", "repo": "long"}),
    );
    assert_eq!(long["result"]["text"].as_str().unwrap().len(), 90_000);
    let hint = long["hint"].as_str().unwrap();
    assert!(
        hint.contains("90 kB") && hint.contains("select") && hint.contains("save_to"),
        "{hint}"
    );
    let short = host.execute("github", "repos.get", &repo());
    assert!(short.get("hint").is_none());
}
