//! The schemes that sign, or that exchange a credential for a token, in the
//! real daemon.

use std::fs;
use std::time::Duration;

use axis_tests::{Home, Host, Recorded, Reply, Upstream, canary, wait_for};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};

const ALLOW_ALL: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// An RSA key that is good for nothing.
const KEY: &str = include_str!("../../daemon/src/auth/tests/rsa-pkcs8.pem");

const AWS_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY";

fn field(request: &Recorded, name: &str) -> String {
    let form = url::form_urlencoded::parse(&request.body).into_owned();
    let found = form.into_iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value).unwrap_or_default()
}

fn text(status: u16, kind: &str, body: &str) -> Reply {
    Reply {
        status,
        headers: vec![
            ("content-type".into(), kind.into()),
            ("etag".into(), "\"e1\"".into()),
        ],
        body: body.as_bytes().to_vec(),
        delay: Duration::ZERO,
    }
}

#[test]
fn objects_of_s3_are_read_and_written_with_signed_requests() {
    let upstream = Upstream::answering(|request| {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/my-bucket/a/b%20c.txt") => text(200, "text/plain", "hello"),
            ("PUT", _) => text(200, "text/plain", ""),
            _ => text(
                404,
                "application/xml",
                "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
            ),
        }
    });
    let home = Home::ready();
    home.policy(ALLOW_ALL);
    let secret = format!("AKIAIOSFODNN7EXAMPLE:{AWS_SECRET}:session-CANARY/token==");
    home.add("aws", &secret, &upstream.url());
    let mut host = Host::connect(&home, "local-dev");
    let object = |key: &str| json!({"bucket": "my-bucket", "key": key, "region": "eu-west-1"});

    let read = host.execute("aws", "s3.getObject", &object("a/b c.txt"));
    assert_eq!(read["result"], "hello", "{read}");
    let mut params = object("new.txt");
    params["body"] = "some text".into();
    params["content_type"] = "text/plain".into();
    let written = host.execute("aws", "s3.putObject", &params);
    assert_eq!(written["result"]["stored"], true, "{written}");
    assert_eq!(written["result"]["etag"], "\"e1\"", "{written}");
    let missing = host.execute("aws", "s3.getObject", &object("missing"));
    assert_eq!(missing["ok"], false);
    let said = missing["error"]["message"].as_str().unwrap();
    assert!(said.contains("The specified key does not exist."), "{said}");
    assert!(said.contains("NoSuchKey"), "{said}");

    let requests = upstream.requests();
    for request in &requests {
        let authorization = &request.headers["authorization"];
        assert!(
            authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"),
            "{authorization}"
        );
        assert!(
            authorization.contains("/eu-west-1/s3/aws4_request"),
            "{authorization}"
        );
        assert_eq!(
            request.headers["x-amz-security-token"],
            "session-CANARY/token=="
        );
        assert!(!format!("{request:?}").contains(AWS_SECRET));
    }
    let put = &requests[1];
    assert_eq!(put.path, "/my-bucket/new.txt");
    assert_eq!(&put.body[..], b"some text");
    assert_eq!(put.headers["content-type"], "text/plain");
    assert_eq!(
        put.headers["x-amz-content-sha256"],
        "b94f6f125c79e3a5ffaa826f584c10d52ada669e6762051b826b55776d05aed2"
    );
}

#[test]
fn where_s3_refuses_the_time_of_a_signature_doctor_says_by_how_much_the_clock_is_off() {
    const SKEWED: &str = "<?xml version=\"1.0\"?><Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message></Error>";
    let upstream = Upstream::answering(|request| {
        let ago = Duration::from_mins(if request.path.contains("late") { 20 } else { 0 });
        let (status, body) = if ago.is_zero() {
            (200, "on time")
        } else {
            (403, SKEWED)
        };
        let mut reply = text(status, "application/xml", body);
        let date = Timestamp::now() - ago;
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&date);
        reply.headers.push(("date".into(), date.unwrap()));
        reply
    });
    let home = Home::ready();
    home.policy(ALLOW_ALL);
    let secret = format!("AKIAIOSFODNN7EXAMPLE:{AWS_SECRET}");
    home.add("aws", &secret, &upstream.url());
    let mut host = Host::connect(&home, "local-dev");
    let object = |key: &str| json!({"bucket": "my-bucket", "key": key, "region": "eu-west-1"});
    let clock = || {
        let doctor = home.axis_without_password(&["doctor", "--json"]).json();
        let checks = doctor["checks"].as_array().unwrap().iter();
        let mut found = checks.filter(|check| check["name"] == "clock").cloned();
        found.next().unwrap_or_default()
    };

    let refused = host.execute("aws", "s3.getObject", &object("late"));
    let error = &refused["error"];
    let said = error["message"].as_str().unwrap();
    assert!(said.contains("RequestTimeTooSkewed"), "{refused}");
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains("clock") && hint.contains("axis doctor"),
        "{refused}"
    );
    let check = clock();
    assert_eq!(check["state"], "warn", "{check}");
    let told = check["message"].as_str().unwrap();
    assert!(told.contains("clock is 20 minutes ahead of"), "{check}");

    assert_eq!(
        host.execute("aws", "s3.getObject", &object("now"))["ok"],
        true
    );
    assert_eq!(clock()["state"], "ok", "it agrees again");
}

#[test]
fn a_service_accounts_key_file_is_exchanged_once_and_its_token_never_shown() {
    let upstream = Upstream::answering(|request| match request.path.as_str() {
        "/token" => Reply::json(
            200,
            &json!({"access_token": "ya29.token-CANARY-0123456789", "expires_in": 3599}),
        ),
        path => Reply::json(
            200,
            &json!({"path": path, "echo": request.headers["authorization"]}),
        ),
    });
    let home = Home::ready();
    home.policy(ALLOW_ALL);
    let key = json!({
        "type": "service_account",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key_id": "k1",
        "private_key": KEY,
        "token_uri": format!("{}/token", upstream.url()),
    });
    let file = serde_json::to_string_pretty(&key).unwrap();
    let added = home
        .axis_fed(
            &["add", "gcp", "--stdin", "--base-url", &upstream.url()],
            &file,
        )
        .ok();
    assert!(
        added.stdout.contains("good for an access token"),
        "{added:?}"
    );

    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..2 {
        let params = json!({"bucket": "b", "prefix": "x/", "maxResults": 5});
        let answer = host.execute("gcp", "storage.listObjects", &params);
        assert_eq!(
            answer["result"]["path"], "/storage/v1/b/b/o?prefix=x%2F&maxResults=5",
            "{answer}"
        );
        assert_eq!(answer["result"]["echo"], "Bearer [redacted by axis]");
    }
    let object = json!({"bucket": "b", "object": "dir/a b"});
    host.execute("gcp", "storage.getObject", &object);
    let requests = upstream.requests();
    assert_eq!(
        requests.last().unwrap().path,
        "/storage/v1/b/b/o/dir%2Fa%20b?alt=media"
    );
    let (asked, called): (Vec<_>, Vec<_>) = requests
        .iter()
        .partition(|request| request.path == "/token");
    assert_eq!(asked.len(), 1, "one token for all");
    assert_eq!(called.len(), 3);
    for call in called {
        assert_eq!(
            call.headers["authorization"],
            "Bearer ya29.token-CANARY-0123456789"
        );
    }
    let log = fs::read_to_string(home.file("audit.jsonl")).unwrap();
    assert!(!log.contains("CANARY"));
}

#[test]
fn a_refresh_token_that_was_used_up_is_replaced_in_the_keystore() {
    let upstream = Upstream::answering(|request| {
        if request.path != "/oauth/token" {
            return Reply::json(200, &json!({"as": request.headers["authorization"].len()}));
        }
        let used = field(request, "refresh_token");
        let number: u32 = used.rsplit('-').next().unwrap().parse().unwrap();
        Reply::json(
            200,
            &json!({
                "access_token": format!("access-CANARY-{number}"),
                "refresh_token": format!("refresh-CANARY-{}", number + 1),
                "expires_in": 3600,
            }),
        )
    });
    let home = Home::ready();
    home.policy(ALLOW_ALL);
    fs::create_dir_all(home.file("services")).unwrap();
    let definition = format!(
        "service: acme\ntitle: Acme\nbase_url: {0}\nauth: {{ scheme: oauth2, grant: refresh_token, token_url: {0}/oauth/token }}\nactions:\n  me.get:\n    effect: read\n    method: GET\n    path: /me\n",
        upstream.url()
    );
    fs::write(home.file("services/acme.yaml"), definition).unwrap();
    let secret = r#"{"client_id": "c", "client_secret": "secret-CANARY", "refresh_token": "refresh-CANARY-1"}"#;
    wait_for("acme to be in force", || {
        let added = home.axis_fed(&["add", "acme", "--stdin", "--yes", "--no-check"], secret);
        added.status.success().then_some(())
    });
    let before = keystore_writes(&home);
    let call = |home: &Home| {
        let mut host = Host::connect(home, "local-dev");
        let answer = host.execute("acme", "me.get", &json!({}));
        assert_eq!(answer["ok"], true, "{answer}");
    };
    call(&home);
    call(&home);
    assert_eq!(keystore_writes(&home), before + 1, "one refresh, one write");

    // what was sealed is what the next axisd begins with
    home.kill();
    let _axisd = home.axisd_unlocked();
    home.wait_until_up();
    call(&home);
    let tokens: Vec<_> = upstream
        .requests()
        .iter()
        .filter(|request| request.path == "/oauth/token")
        .map(|request| field(request, "refresh_token"))
        .collect();
    assert_eq!(tokens, ["refresh-CANARY-1", "refresh-CANARY-2"]);
    let sent: Vec<_> = upstream
        .requests()
        .iter()
        .filter(|request| request.path == "/me")
        .map(|request| request.headers["authorization"].clone())
        .collect();
    assert_eq!(
        sent,
        [
            "Bearer access-CANARY-1",
            "Bearer access-CANARY-1",
            "Bearer access-CANARY-2"
        ]
    );
    let all = [
        fs::read_to_string(home.file("keystore.json")).unwrap(),
        fs::read_to_string(home.file("audit.jsonl")).unwrap(),
    ];
    assert!(!all.concat().contains("CANARY"));
}

/// How often the keystore was written, by the audit log.
fn keystore_writes(home: &Home) -> usize {
    let lines = home.audit();
    let is_write = |line: &&Value| line["act"] == "keystore";
    lines.iter().filter(is_write).count()
}

#[test]
fn a_github_app_acts_as_its_installation() {
    let upstream = Upstream::answering(|request| match request.path.as_str() {
        "/app/installations/42/access_tokens" => Reply::json(
            201,
            &json!({"token": "ghs_CANARY0123456789", "expires_at": "2099-01-01T00:00:00Z"}),
        ),
        _ => Reply::json(200, &json!({"echo": request.headers["authorization"]})),
    });
    let home = Home::ready();
    home.policy(ALLOW_ALL);
    fs::create_dir_all(home.file("services")).unwrap();
    let definition = format!(
        "service: bot\ntitle: Bot\nbase_url: {}\nauth: github_app\nactions:\n  repos.list:\n    effect: read\n    method: GET\n    path: /installation/repositories\n",
        upstream.url()
    );
    fs::write(home.file("services/bot.yaml"), definition).unwrap();
    let secret = json!({"app_id": 7, "installation_id": 42, "private_key": KEY}).to_string();
    wait_for("bot to be in force", || {
        let added = home.axis_fed(&["add", "bot", "--stdin", "--yes", "--no-check"], &secret);
        added.status.success().then_some(())
    });
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..2 {
        let answer = host.execute("bot", "repos.list", &json!({}));
        assert_eq!(
            answer["result"]["echo"], "Bearer [redacted by axis]",
            "{answer}"
        );
    }
    let requests = upstream.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].headers["authorization"].starts_with("Bearer eyJ"));
    assert_eq!(
        requests[1].headers["authorization"],
        "Bearer ghs_CANARY0123456789"
    );
}

#[test]
fn a_key_is_tried_at_its_vendor_also_while_the_vault_is_locked() {
    let upstream = Upstream::answering(|request| {
        let is_good = request.headers["authorization"].contains("good");
        Reply::json(if is_good { 200 } else { 401 }, &json!({}))
    });
    let home = Home::ready();
    home.axis(&["lock"]).ok();
    for (label, said) in [("good", "accepts it"), ("bad", "refuses it")] {
        let url = upstream.url();
        let add = [
            "add",
            "github",
            "--label",
            label,
            "--stdin",
            "--base-url",
            &url,
        ];
        let added = home.axis_fed(&add, &canary(label)).ok();
        let words = format!("{}{}", added.stdout, added.stderr);
        assert!(words.contains(said), "{label}: {added:?}");
        assert!(words.contains("still locked"), "{label}: {added:?}");
    }
}
