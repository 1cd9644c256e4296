//! Services of the owner's own: files in `services/` while the daemon runs.

use std::fs;
use std::time::{Duration, Instant};

use axis_tests::{Home, Host, Upstream, canary, wait_for};
use serde_json::{Value, json};

const ALLOW_ACME: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: acme, actions: ['*']}\n";

/// A service `acme` at `base_url` with one action on `path`.
fn acme(base_url: &str, path: &str) -> String {
    format!(
        "service: acme\ntitle: Acme\nbase_url: {base_url}\nauth: bearer\nactions:\n  things.list:\n    effect: read\n    method: GET\n    path: {path}\n    params:\n      page: {{ in: query, type: integer }}\n"
    )
}

/// Saves `text` as the file `name` in `services/`.
fn save(home: &Home, name: &str, text: &str) {
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(home.file("services").join(name), text).unwrap();
}

/// The services that are in force.
fn services(home: &Home) -> Vec<String> {
    let listed = home.axis_without_password(&["services", "list", "--json"]);
    let names = |all: Value| -> Vec<String> {
        let all = all.as_array().unwrap().iter();
        all.map(|it| it["service"].as_str().unwrap().to_owned())
            .collect()
    };
    names(listed.json())
}

fn wait_for_acme(home: &Home) {
    wait_for("acme to be in force", || {
        services(home).contains(&"acme".to_owned()).then_some(())
    });
}

#[test]
fn a_file_that_is_dropped_in_works_within_a_second_without_a_restart() {
    let upstream = Upstream::friendly();
    let key = canary("own");
    let home = Home::ready();
    home.policy(ALLOW_ACME);
    let mut host = Host::connect(&home, "local-dev");
    let tools = host.request("tools/list", &json!({}));
    assert!(!tools.to_string().contains("acme"), "{tools}");

    let began = Instant::now();
    save(&home, "acme.yaml", &acme(&upstream.url(), "/things"));
    host.message("tools/list_changed", |message| {
        message["method"] == "notifications/tools/list_changed"
    });
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let tools = host.request("tools/list", &json!({}));
    assert!(tools.to_string().contains("acme"), "{tools}");

    home.axis_fed(&["add", "acme", "--stdin", "--yes", "--no-check"], &key)
        .ok();
    let answer = host.execute("acme", "things.list", &json!({"page": 2}));
    assert_eq!(answer["ok"], true, "{answer}");
    let requests = upstream.requests();
    assert_eq!(requests[0].path, "/things?page=2");
    assert_eq!(
        requests[0].headers["authorization"],
        format!("Bearer {key}")
    );

    // the next call is made by the definition as it is then
    save(&home, "acme.yaml", &acme(&upstream.url(), "/v2/things"));
    wait_for("the changed path", || {
        host.execute("acme", "things.list", &json!({}));
        (upstream.requests().last()?.path == "/v2/things").then_some(())
    });

    fs::remove_file(home.file("services/acme.yaml")).unwrap();
    let answer = wait_for("the service to be gone", || {
        let answer = host.execute("acme", "things.list", &json!({}));
        (answer["ok"] == false).then_some(answer)
    });
    assert_eq!(answer["error"]["code"], "unknown_service", "{answer}");
    let acts: Vec<Value> = home
        .audit()
        .iter()
        .map(|line| line["act"].clone())
        .collect();
    for act in ["service_loaded", "service_gone"] {
        assert!(acts.iter().any(|it| it == act), "{act} is on record");
    }
}

#[test]
fn a_broken_file_changes_nothing_and_says_where_it_is_broken() {
    let upstream = Upstream::friendly();
    let home = Home::empty();
    home.axis(&["init"]).ok();
    home.policy(ALLOW_ACME);
    save(&home, "acme.yaml", &acme(&upstream.url(), "/things"));
    wait_for_acme(&home);
    home.axis_fed(
        &["add", "acme", "--stdin", "--yes", "--no-check"],
        "SECRET-0123456789",
    )
    .ok();
    let mut host = Host::connect(&home, "local-dev");
    save(
        &home,
        "acme.yaml",
        &acme(&upstream.url(), "/things").replace("effect", "efect"),
    );
    let doctor = wait_for("doctor to show the error", || {
        let doctor = home.axis_without_password(&["doctor"]).stdout;
        doctor.contains("efect").then_some(doctor)
    });
    for shown in ["acme.yaml:7:5", "efect: read", "last good version of acme"] {
        assert!(doctor.contains(shown), "{shown}: {doctor}");
    }
    let listed = home.axis_without_password(&["services"]);
    assert_eq!(listed.code(), 1);
    assert!(listed.stderr.contains("acme.yaml:7:5"), "{listed:?}");
    assert!(listed.stdout.contains("acme"), "{listed:?}");
    let answer = host.execute("acme", "things.list", &json!({}));
    assert_eq!(
        answer["ok"], true,
        "the last good version stays in force: {answer}"
    );
    let log = fs::read_to_string(home.file("axisd.log")).unwrap();
    assert_eq!(log.matches("efect: read").count(), 1, "told once: {log}");

    // one that never was good is not in force, and the others are
    save(&home, "other.yaml", "service: other\n");
    save(&home, "acme.yaml", &acme(&upstream.url(), "/things"));
    let doctor = wait_for("doctor to show the other error", || {
        let doctor = home.axis_without_password(&["doctor", "--json"]).json();
        let said = doctor.to_string();
        (said.contains("other.yaml") && !said.contains("efect")).then_some(doctor)
    });
    let services = doctor["checks"].as_array().unwrap().iter();
    let states: Vec<_> = services
        .filter(|check| check["name"] == "services")
        .map(|check| check["state"].clone())
        .collect();
    assert_eq!(states, ["fail"], "{doctor}");
    wait_for_acme(&home);
}

#[test]
fn a_built_in_name_is_refused_and_the_way_out_is_named() {
    let home = Home::ready();
    let github = acme("https://evil.example", "/x").replace("acme", "github");
    save(&home, "github.yaml", &github);
    let listed = wait_for("the refusal", || {
        let listed = home.axis_without_password(&["services"]);
        (listed.code() == 1).then_some(listed)
    });
    for word in ["github.yaml:1:10", "built in", "github-acme"] {
        assert!(listed.stderr.contains(word), "{word}: {listed:?}");
    }
    let show = home
        .axis_without_password(&["services", "show", "github", "--json"])
        .ok()
        .json();
    assert_eq!(show["base_url"], "https://api.github.com");
    assert_eq!(show["file"], Value::Null);
}

#[test]
fn the_host_of_a_service_of_ones_own_has_to_be_confirmed() {
    let home = Home::ready();
    save(
        &home,
        "acme.yaml",
        &acme("https://api.acme.example", "/things"),
    );
    wait_for_acme(&home);
    let add = ["add", "acme", "--stdin", "--no-check"];
    let refused = home.axis_fed(&add, "SECRET-0123456789");
    assert_eq!(refused.code(), 2, "{refused:?}");
    for word in ["api.acme.example", "acme.yaml", "no terminal", "--yes"] {
        assert!(refused.stderr.contains(word), "{word}: {refused:?}");
    }
    let list = home.axis_without_password(&["list", "--json"]).json();
    assert_eq!(list["credentials"], json!([]), "nothing was stored");

    let added = home
        .axis_fed(&[&add[..], &["--yes"]].concat(), "SECRET-0123456789")
        .ok();
    assert!(
        added.stdout.contains("only ever sent to  api.acme.example"),
        "{added:?}"
    );
    // a base URL stands for the confirmation
    let elsewhere = ["--base-url", "http://127.0.0.1:9", "--replace"];
    let added = home
        .axis_fed(&[&add[..], &elsewhere].concat(), "SECRET-0123456789")
        .ok();
    assert!(added.stdout.contains("127.0.0.1:9"), "{added:?}");
    // and nothing is asked for one that is built in
    home.axis_fed(
        &["add", "github", "--stdin", "--no-check"],
        "ghp_0123456789",
    )
    .ok();
}

#[test]
fn a_key_never_follows_an_edited_file_to_another_host() {
    let (first, other) = (Upstream::friendly(), Upstream::friendly());
    let home = Home::ready();
    home.policy(ALLOW_ACME);
    save(&home, "acme.yaml", &acme(&first.url(), "/things"));
    wait_for_acme(&home);
    home.axis_fed(
        &["add", "acme", "--stdin", "--yes", "--no-check"],
        "SECRET-0123456789",
    )
    .ok();
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute("acme", "things.list", &json!({}));
    assert_eq!(answer["ok"], true, "{answer}");

    save(&home, "acme.yaml", &acme(&other.url(), "/things"));
    let answer = wait_for("the edited file to count", || {
        let answer = host.execute("acme", "things.list", &json!({}));
        (answer["ok"] == false).then_some(answer)
    });
    let bound_to = first.url().replace("http://", "");
    let words = answer["error"]["message"].as_str().unwrap();
    assert!(
        words.contains(&bound_to),
        "it says where the key may go: {answer}"
    );
    assert!(other.requests().is_empty(), "nothing was sent");
}

#[test]
fn a_definition_can_be_tried_out_before_it_is_in_force() {
    let home = Home::ready();
    let (good, bad) = (home.file("good.yaml"), home.file("bad.yaml"));
    fs::write(&good, acme("https://api.acme.example", "/things")).unwrap();
    fs::write(&bad, "service: acme\ntitel: Acme\n").unwrap();
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let tried = home
        .axis_without_password(&["services", "validate", good])
        .ok();
    assert!(
        tried
            .stdout
            .contains("acme, actions: 1, host: api.acme.example"),
        "{tried:?}"
    );
    let tried = home.axis_without_password(&["services", "validate", good, bad, "--json"]);
    assert_eq!(tried.code(), 1);
    let verdicts = tried.json();
    assert_eq!(verdicts[0]["valid"], true);
    assert_eq!(verdicts[0]["actions"], 1);
    assert_eq!(verdicts[1]["valid"], false);
    assert!(
        verdicts[1]["error"]
            .as_str()
            .unwrap()
            .contains("bad.yaml:2:1"),
        "{verdicts}"
    );
    assert!(
        !services(&home).contains(&"acme".to_owned()),
        "nothing is in force"
    );

    let directory = home
        .axis_without_password(&["services", "path"])
        .ok()
        .stdout;
    assert_eq!(directory.trim(), home.file("services").to_str().unwrap());
    fs::copy(good, home.file("services/acme.yaml")).unwrap();
    wait_for_acme(&home);
    let show = home
        .axis_without_password(&["services", "show", "acme", "--json"])
        .ok()
        .json();
    assert_eq!(show["actions"][0]["route"], "GET /things");
    assert_eq!(
        show["actions"][0]["params"]["properties"]["page"]["type"],
        "integer"
    );
    let show = home
        .axis_without_password(&["services", "show", "acme"])
        .ok();
    assert!(
        show.stdout.contains("things.list\tread\tGET /things\tpage"),
        "{show:?}"
    );
    let unknown = home.axis_without_password(&["services", "show", "acne"]);
    assert!(
        unknown.stderr.contains("Did you mean \"acme\"?"),
        "{unknown:?}"
    );
}

#[test]
fn a_new_key_goes_where_the_one_that_it_replaces_went() {
    let (file, sealed) = (Upstream::friendly(), Upstream::friendly());
    let home = Home::ready();
    home.policy(
        "policies: [{identity: local-dev, allow: [{service: acme, actions: ['*']}, {service: github, actions: ['*']}]}]\n",
    );
    save(&home, "acme.yaml", &acme(&file.url(), "/things"));
    wait_for_acme(&home);
    let address = sealed.url().replace("http://", "");
    home.add("acme", "ACME-OLD-0123456789", &sealed.url());
    home.add("github", "ghp_old0123456789", &sealed.url());
    let replace = |service: &str, secret: &str| {
        let arguments = ["add", service, "--stdin", "--yes", "--replace"];
        let replaced = home.axis_fed(&arguments, secret).ok();
        assert!(
            replaced
                .stdout
                .contains(&format!("only ever sent to  {address}\n")),
            "{replaced:?}"
        );
        assert!(
            replaced.stderr.contains("the one that it replaces did"),
            "{replaced:?}"
        );
        replaced
    };
    let mut host = Host::connect(&home, "local-dev");
    let mut sent = |service: &str, action: &str, params: &Value| {
        let answer = host.execute(service, action, params);
        assert_eq!(answer["ok"], true, "{answer}");
        let last = sealed.requests().pop().unwrap();
        last.headers["authorization"].clone()
    };
    let repository = json!({"owner": "a", "repo": "b"});

    // the upstream that is asked whether it takes a key is that one, too
    let before = sealed.requests().len();
    replace("github", "ghp_new0123456789");
    assert_eq!(sealed.requests().len(), before + 1);
    assert_eq!(
        sent("github", "repos.get", &repository),
        "Bearer ghp_new0123456789"
    );
    let replaced = replace("acme", "ACME-NEW-0123456789");
    assert!(
        !replaced.stderr.contains(&file.url().replace("http://", "")),
        "no other host is asked about: {replaced:?}"
    );
    assert_eq!(
        sent("acme", "things.list", &json!({})),
        "Bearer ACME-NEW-0123456789"
    );

    // also where only the password tells where that was
    home.axis(&["lock"]).ok();
    replace("acme", "ACME-LAST-0123456789");
    home.axis(&["unlock"]).ok();
    assert_eq!(
        sent("acme", "things.list", &json!({})),
        "Bearer ACME-LAST-0123456789"
    );
    assert!(file.requests().is_empty(), "nothing went there");

    // it is on record where a key may go
    let added: Vec<Value> = home
        .audit()
        .into_iter()
        .filter(|line| line["act"] == "add")
        .map(|line| line["detail"].clone())
        .collect();
    assert_eq!(added.len(), 5, "{added:?}");
    for (at, name) in ["acme", "github", "github", "acme", "acme"]
        .iter()
        .enumerate()
    {
        assert_eq!(added[at], format!("{name}, hosts: {address}"));
    }

    // and --base-url leads back
    let back = ["add", "acme", "--stdin", "--no-check", "--replace"];
    let url = file.url();
    let back = home.axis_fed(
        &[&back[..], &["--base-url", &url]].concat(),
        "ACME-BACK-0123456789",
    );
    assert!(
        back.ok().stdout.contains(&url.replace("http://", "")),
        "it goes back"
    );
}
