//! Every action of S3 against a server written by others that checks each
//! signature.

use std::collections::BTreeSet;

use axis_tests::Host;
use serde_json::{Value, json};

use super::server::Server;

const REGION: &str = "eu-central-1";
const ALLOW: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: aws, actions: ['*', http.put]}\n";

/// What the vendor's own tools would set up; there are no actions for it.
const SETTINGS: [(&str, &str); 6] = [
    (
        "versioning",
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    ),
    (
        "tagging",
        "<Tagging><TagSet><Tag><Key>team</Key><Value>a</Value></Tag></TagSet></Tagging>",
    ),
    (
        "encryption",
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
    ),
    (
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>",
    ),
    (
        "cors",
        "<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>",
    ),
    (
        "policy",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::axis-bucket/*"}]}"#,
    ),
];

/// An agent, and which actions it has done.
struct Agent {
    host: Host,
    done: BTreeSet<String>,
}

impl Agent {
    /// Does `action` on the bucket with `more` params; its result.
    #[track_caller]
    fn call(&mut self, action: &str, more: &Value) -> Value {
        let mut params = json!({"region": REGION});
        if action != "s3.listBuckets" {
            params["bucket"] = "axis-bucket".into();
        }
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        let answer = self.host.execute("aws", action, &params);
        assert_eq!(answer["ok"], true, "{action}: {answer}");
        self.done.insert(action.to_owned());
        answer["result"].clone()
    }

    /// Does `action`; what stands at `pointer` below its result's root is
    /// `expected`. The root's name is not: this server has some of its own.
    #[track_caller]
    fn tells(&mut self, action: &str, more: &Value, pointer: &str, expected: &str) {
        let result = self.call(action, more);
        let mut members = result.as_object().unwrap().values();
        let root = match (members.next(), members.next()) {
            (Some(root @ Value::Object(_)), None) => root,
            _ => &result,
        };
        let found = match pointer {
            "" => result.as_object().unwrap().values().next(),
            pointer => root.pointer(pointer),
        };
        let found = found.and_then(Value::as_str);
        assert_eq!(found, Some(expected), "{action}: {result}");
    }
}

/// Puts two objects there by every action that there is for one.
fn object_actions(agent: &mut Agent) {
    let object = json!({"key": "a//letter 1"});
    let stored = json!({"key": "a//letter 1", "body": "Dear Axis", "content_type": "text/plain", "tagging": "stage=b"});
    let stored = agent.call("s3.putObject", &stored);
    let version = stored["version_id"].as_str().unwrap().to_owned();
    let got = agent.call("s3.getObject", &object);
    assert_eq!(got, "Dear Axis");
    let part = json!({"key": "a//letter 1", "range": "bytes=5-8", "version_id": version});
    assert_eq!(agent.call("s3.getObject", &part), "Axis");
    agent.tells("s3.headObject", &object, "/size", "9");
    let asked = json!({"key": "a//letter 1", "attributes": "ETag,ObjectSize"});
    agent.tells("s3.getObjectAttributes", &asked, "/ObjectSize", "9");
    agent.tells("s3.getObjectTagging", &object, "/TagSet/Tag/0/Value", "b");
    agent.call("s3.deleteObjectTagging", &object);
    let left = agent.call("s3.getObjectTagging", &object);
    assert_eq!(left.pointer("/Tagging/TagSet"), Some(&json!("")), "{left}");
    let copy = json!({"key": "copy+1/", "source": "axis-bucket/a//letter%201"});
    agent.call("s3.copyObject", &copy);
    assert_eq!(
        agent.call("s3.getObject", &json!({"key": "copy+1/"})),
        "Dear Axis"
    );
}

#[test]
fn every_s3_action_works_on_a_server_that_checks_signatures() {
    let server = Server::start("s3_server.py");
    let (home, host) = server.agent("aws", server.text("key"));
    home.policy(ALLOW);
    let done = BTreeSet::new();
    let mut agent = Agent { host, done };
    let agent = &mut agent;

    let place = "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";
    agent.call("s3.createBucket", &json!({"configuration": place}));
    agent.tells(
        "s3.listBuckets",
        &json!({}),
        "/Buckets/Bucket/0/Name",
        "axis-bucket",
    );
    agent.call("s3.headBucket", &json!({}));
    agent.tells("s3.getBucketLocation", &json!({}), "", REGION);
    for (setting, body) in SETTINGS {
        let params = json!({"path": "/axis-bucket", "query": {setting: ""}, "body": body});
        let mut params = params;
        params["region"] = REGION.into();
        let answer = agent.host.execute("aws", "http.put", &params);
        assert_eq!(answer["ok"], true, "{setting}: {answer}");
    }
    for (action, pointer, expected) in [
        ("s3.getBucketVersioning", "/Status", "Enabled"),
        ("s3.getBucketTagging", "/TagSet/Tag/0/Key", "team"),
        (
            "s3.getBucketEncryption",
            "/Rule/0/ApplyServerSideEncryptionByDefault/SSEAlgorithm",
            "AES256",
        ),
        ("s3.getBucketLifecycle", "/Rule/0/ID", "old"),
        ("s3.getBucketCors", "/CORSRule/0/AllowedMethod", "GET"),
        ("s3.getBucketPolicy", "/Version", "2012-10-17"),
    ] {
        agent.tells(action, &json!({}), pointer, expected);
    }

    object_actions(agent);
    let first = json!({"max_keys": 1});
    let first = agent.call("s3.listObjects", &first);
    let next = first["ListBucketResult"]["NextContinuationToken"].clone();
    assert_eq!(
        first["ListBucketResult"]["Contents"][0]["Key"],
        "a//letter 1"
    );
    agent.tells(
        "s3.listObjects",
        &json!({"max_keys": 1, "continuation_token": next}),
        "/Contents/0/Key",
        "copy+1/",
    );
    agent.tells(
        "s3.listObjects",
        &json!({"delimiter": "/"}),
        "/CommonPrefixes/0/Prefix",
        "a/",
    );
    agent.tells(
        "s3.listMultipartUploads",
        &json!({}),
        "/Bucket",
        "axis-bucket",
    );
    for key in ["a//letter 1", "copy+1/"] {
        agent.call("s3.deleteObject", &json!({"key": key}));
    }
    let versions = agent.call("s3.listObjectVersions", &json!({}));
    for list in ["Version", "DeleteMarker"] {
        let all = versions["ListVersionsResult"][list]
            .as_array()
            .unwrap()
            .clone();
        assert_eq!(all.len(), 2, "{versions}");
        for one in all {
            let gone = json!({"key": one["Key"], "version_id": one["VersionId"]});
            agent.call("s3.deleteObject", &gone);
        }
    }
    agent.call("s3.deleteBucket", &json!({}));

    let known = agent.host.request(
        "tools/call",
        &json!({"name": "list_actions", "arguments": {"service": "aws"}}),
    );
    let known = &known["result"]["structuredContent"]["services"][0]["actions"];
    let known: BTreeSet<String> = known
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["action"].as_str().unwrap().to_owned())
        .filter(|action| action.starts_with("s3."))
        .collect();
    assert_eq!(known, agent.done);
}

#[test]
fn that_server_refuses_other_secrets_and_other_tokens() {
    let server = Server::start("s3_server.py");
    let key = server.text("key");
    let (id, _) = key.split_once(':').unwrap();
    let session = server.text("session");
    let (without_token, _) = session.rsplit_once(':').unwrap();
    for (secret, code) in [
        (format!("{key}x"), "SignatureDoesNotMatch"),
        (format!("{id}:other-secret"), "SignatureDoesNotMatch"),
        (without_token.to_owned(), "InvalidAccessKeyId"),
        (format!("{without_token}:other-token"), "InvalidToken"),
    ] {
        let (_home, mut host) = server.agent("aws", &secret);
        let params = json!({"region": REGION, "bucket": "axis-bucket", "key": "a"});
        let answer = host.execute("aws", "s3.getObject", &params);
        let said = answer["error"]["message"].as_str().unwrap();
        assert!(said.contains(code), "{secret}: {answer}");
    }
}
