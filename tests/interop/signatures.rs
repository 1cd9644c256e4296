//! Our signatures beside those that botocore, AWS's own Python library, makes
//! of the very requests that reached an upstream.

use std::fs;

use axis_tests::{Home, Host, Recorded, Reply, Upstream, run, wait_for};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::python;
use super::server::{ODD_KEYS, agent_at};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzEB/session+token//with=signs==";

/// The headers that a signature is made of.
const MADE: [&str; 4] = [
    "authorization",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Services whose signatures are made the general way: the path is encoded
/// once more. What `{name}` stands for is any service name of AWS.
const GENERAL: &str = "service: NAME
title: A service of AWS
base_url: https://NAME.example
auth: { scheme: aws_sigv4, service: NAME, region: us-west-2 }
actions:
  things.get:
    effect: read
    method: GET
    path: /things/{id}/rest/{rest}
    params:
      id: { in: path, type: string, required: true }
      rest: { in: path, multi: true, empty_segments: true, type: string, required: true }
      q: { in: query, type: array, items: { type: string } }
      b: { in: query, as: B-and-more, type: string }
      target: { in: header, as: x-amz-target, type: string }
  things.post:
    effect: write
    method: POST
    path: /
    body: form
    params:
      Action: { in: body, type: string, required: true }
      Note: { in: body, type: string }
";

/// An upstream that takes everything.
fn upstream() -> Upstream {
    Upstream::answering(|_| Reply::json(200, &json!({})))
}

/// What botocore makes of `requests`.
fn botocore(requests: &[Value]) -> Vec<Value> {
    let ran = run(
        python("botocore_signs.py"),
        &Value::from(requests).to_string(),
    )
    .ok();
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A request as it arrived, for botocore to sign.
fn arrived(request: &Recorded, service: &str, region: &str, key: &str) -> Value {
    json!({
        "service": service,
        "region": region,
        "key": key,
        "method": request.method,
        "path": request.path,
        "headers": request.headers,
        "body": STANDARD.encode(&request.body),
        "uploaded": false,
    })
}

/// Sends `asked` to botocore and compares: the headers that make the signature,
/// and where its S3 client was asked, the raw path.
#[track_caller]
fn compare(asked: &[Value]) {
    let answers = botocore(asked);
    assert_eq!(answers.len(), asked.len());
    for (asked, theirs) in asked.iter().zip(answers) {
        let ours = &asked["headers"];
        let authorization = ours["authorization"].as_str().unwrap();
        assert!(
            authorization.contains(&format!(
                "/{}/{}/aws4_request",
                asked["region"].as_str().unwrap(),
                asked["service"].as_str().unwrap()
            )),
            "{asked}"
        );
        for header in MADE {
            assert_eq!(ours[header], theirs["headers"][header], "{header}: {asked}");
        }
        // whatever may change a call's meaning is signed
        let signed = authorization.split("SignedHeaders=").nth(1).unwrap();
        let signed: Vec<_> = signed.split(',').next().unwrap().split(';').collect();
        for (header, _) in ours.as_object().unwrap() {
            let must = header.starts_with("x-amz-") || ["host", "range"].contains(&header.as_str());
            assert!(
                !must || signed.contains(&header.as_str()),
                "{header} is unsigned: {asked}"
            );
        }
        if let Some(path) = theirs["path"].as_str() {
            assert_eq!(asked["path"], path, "{asked}");
        }
    }
}

#[test]
fn s3_requests_are_addressed_and_signed_as_botocore_does_it() {
    let upstream = upstream();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("body");
    fs::write(&file, b"out of a file").unwrap();
    let mut asked = Vec::new();
    for (region, key) in [
        ("us-east-1", KEY.to_owned()),
        ("ap-southeast-3", format!("{KEY}:{TOKEN}")),
    ] {
        let (_home, mut host) = agent_at(&upstream.url(), "aws", &key);
        let mut ask = |action: &str, params: &Value, more: &Value| {
            let mut all = json!({"bucket": "letters.2026", "region": region});
            for (name, value) in params.as_object().unwrap() {
                all[name] = value.clone();
            }
            let before = upstream.requests().len();
            let answer = host.execute_with("aws", action, &all, more);
            let requests = upstream.requests();
            assert_eq!(requests.len(), before + 1, "{action} {params}: {answer}");
            arrived(&requests[before], "s3", region, &key)
        };
        for object in ODD_KEYS {
            let mut get = ask("s3.getObject", &json!({"key": object}), &json!({}));
            get["operation"] = "get_object".into();
            get["params"] = json!({"Bucket": "letters.2026", "Key": object});
            let mut delete = ask("s3.deleteObject", &json!({"key": object}), &json!({}));
            delete["operation"] = "delete_object".into();
            delete["params"] = get["params"].clone();
            asked.extend([get, delete]);
            asked.push(ask(
                "s3.listObjects",
                &json!({"prefix": object, "delimiter": "/", "start_after": object}),
                &json!({}),
            ));
        }
        asked.push(ask(
            "s3.getObject",
            &json!({"key": "a", "range": "bytes=0-9", "version_id": "a+b/c="}),
            &json!({}),
        ));
        asked.push(ask(
            "s3.putObject",
            &json!({"key": "a", "body": "some ünïcode text\n", "content_type": "text/plain; charset=utf-8", "tagging": "a=1&b=2 3", "cache_control": "max-age=5,  public"}),
            &json!({}),
        ));
        asked.push(ask(
            "s3.putObject",
            &json!({"key": "a", "base64": STANDARD.encode([0, 255, 13, 10])}),
            &json!({}),
        ));
        asked.push(ask(
            "s3.copyObject",
            &json!({"key": "a", "source": "letters.2026/a%20b%2Bc"}),
            &json!({}),
        ));
        let mut uploaded = ask(
            "s3.putObject",
            &json!({"key": "a//b/"}),
            &json!({"body_file": file}),
        );
        uploaded["uploaded"] = true.into();
        assert_eq!(
            uploaded["headers"]["x-amz-content-sha256"],
            "UNSIGNED-PAYLOAD"
        );
        asked.push(uploaded);
        for action in [
            "s3.getBucketTagging",
            "s3.getBucketLocation",
            "s3.headBucket",
        ] {
            asked.push(ask(action, &json!({}), &json!({})));
        }
    }
    compare(&asked);
}

/// Puts a service file down and waits until it is in force.
fn save_service(home: &Home, name: &str) {
    fs::create_dir_all(home.file("services")).unwrap();
    let path = home.file("services").join(format!("{name}.yaml"));
    fs::write(path, GENERAL.replace("NAME", name)).unwrap();
    wait_for("the service to be in force", || {
        let listed = home.axis_without_password(&["services", "list", "--json"]);
        listed.stdout.contains(&format!("\"{name}\"")).then_some(())
    });
}

#[test]
fn requests_to_other_services_are_signed_as_botocore_does_it() {
    let upstream = upstream();
    let mut asked = Vec::new();
    let home = Home::ready();
    home.policy(
        "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n",
    );
    for (name, key) in [
        ("sts", KEY.to_owned()),
        ("dynamodb", KEY.to_owned()),
        ("execute-api", format!("{KEY}:{TOKEN}")),
    ] {
        save_service(&home, name);
        home.add(name, &key, &upstream.url());
        let mut host = Host::connect(&home, "local-dev");
        let mut ask = |action: &str, params: &Value| {
            let before = upstream.requests().len();
            let answer = host.execute(name, action, params);
            let requests = upstream.requests();
            assert_eq!(requests.len(), before + 1, "{action} {params}: {answer}");
            asked.push(arrived(&requests[before], name, "us-west-2", &key));
        };
        for odd in ODD_KEYS {
            ask("things.get", &json!({"id": "1", "rest": odd}));
            ask(
                "things.get",
                &json!({"id": odd, "rest": "r", "q": [odd, "", "z", "a"], "b": odd}),
            );
            ask(
                "things.post",
                &json!({"Action": "GetCallerIdentity", "Note": odd}),
            );
        }
        ask(
            "things.get",
            &json!({"id": "1", "rest": "r", "target": "DynamoDB_20120810.GetItem"}),
        );
    }
    compare(&asked);
}
