//! Objects in the S3 and Cloud Storage servers of others: every key under its
//! own name, files of any size through the streams.

use std::fs;

use axis_tests::Host;
use serde_json::{Value, json};

use super::server::{DOT_KEYS, ODD_KEYS, Server};

const BUCKET: &str = "axis-letters";
const REGION: &str = "eu-central-1";

/// The params of a call of S3, those of `more` among them.
fn s3(more: &Value) -> Value {
    let mut params = json!({"bucket": BUCKET, "region": REGION});
    for (name, value) in more.as_object().unwrap() {
        params[name] = value.clone();
    }
    params
}

#[track_caller]
fn done(host: &mut Host, service: &str, action: &str, params: &Value) -> Value {
    let answer = host.execute(service, action, params);
    assert_eq!(answer["ok"], true, "{action} {params}: {answer}");
    answer["result"].clone()
}

fn create_s3_bucket(host: &mut Host) {
    let place = format!(
        "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
    );
    let params = s3(&json!({"configuration": place}));
    done(host, "aws", "s3.createBucket", &params);
}

fn names(listed: &Value, list: &str, name: &str) -> Vec<String> {
    let items = listed[list].as_array().cloned().unwrap_or_default();
    let mut names: Vec<_> = items
        .iter()
        .map(|item| item[name].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn s3_objects_of_odd_keys_are_written_listed_read_and_deleted_under_their_own_names() {
    let server = Server::start("s3_server.py");
    let (_home, mut host) = server.agent("aws", server.text("session"));
    create_s3_bucket(&mut host);
    for key in ODD_KEYS {
        let params = s3(&json!({"key": key, "body": format!("<{key}>")}));
        done(&mut host, "aws", "s3.putObject", &params);
    }
    let params = s3(&json!({}));
    let listed = done(&mut host, "aws", "s3.listObjects", &params);
    let listed = names(&listed["ListBucketResult"], "Contents", "Key");
    let mut keys = ODD_KEYS.to_vec();
    keys.sort_unstable();
    assert_eq!(listed, keys);
    for key in ODD_KEYS {
        let params = s3(&json!({"key": key}));
        let read = done(&mut host, "aws", "s3.getObject", &params);
        assert_eq!(read, format!("<{key}>"), "{key:?}");
        let head = done(&mut host, "aws", "s3.headObject", &params);
        assert_eq!(head["size"], (key.len() + 2).to_string(), "{key:?}");
        done(&mut host, "aws", "s3.deleteObject", &params);
        let gone = host.execute("aws", "s3.getObject", &params);
        assert_eq!(gone["error"]["status"], 404, "{key:?}: {gone}");
    }
}

#[test]
fn keys_with_dot_segments_reach_no_s3_server() {
    let server = Server::start("s3_server.py");
    let (home, mut host) = server.agent("aws", server.text("key"));
    for key in DOT_KEYS {
        for action in ["s3.getObject", "s3.deleteObject"] {
            let answer = host.execute("aws", action, &s3(&json!({"key": key})));
            let error = &answer["error"];
            assert_eq!(error["code"], "invalid_params", "{key:?}: {answer}");
            let said = error["message"].as_str().unwrap();
            assert!(
                said.contains("path segments . or ..") || said.contains("backslash"),
                "{key:?}: {said}"
            );
        }
    }
    let lines = home.audited_calls();
    let sent = lines.iter().filter(|line| line["event"] == "started");
    assert_eq!(sent.count(), 0, "{lines:?}");
}

#[test]
fn a_file_goes_to_s3_and_comes_back_also_with_a_session_token() {
    let server = Server::start("s3_server.py");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("up");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    fs::write(&file, &bytes).unwrap();
    for (credential, key) in [("key", "large//file 1"), ("session", "large/file+2/")] {
        let (_home, mut host) = server.agent("aws", server.text(credential));
        if credential == "key" {
            create_s3_bucket(&mut host);
        }
        let params = s3(&json!({"key": key, "content_type": "image/png"}));
        let from = json!({"body_file": file});
        let stored = host.execute_with("aws", "s3.putObject", &params, &from);
        assert_eq!(stored["result"]["stored"], true, "{stored}");

        let params = s3(&json!({"key": key}));
        let head = done(&mut host, "aws", "s3.headObject", &params);
        assert_eq!(head["size"], "3000000");
        assert_eq!(head["content_type"], "image/png");
        let back = dir.path().join(credential);
        let to = json!({"save_to": back});
        let saved = host.execute_with("aws", "s3.getObject", &params, &to);
        assert_eq!(saved["result"]["size"], 3_000_000, "{saved}");
        assert!(fs::read(&back).unwrap() == bytes, "it came back changed");

        let params = s3(&json!({"key": key, "range": "bytes=251-500"}));
        let part = dir.path().join("part");
        let to = json!({"save_to": part});
        let saved = host.execute_with("aws", "s3.getObject", &params, &to);
        assert_eq!(saved["result"]["size"], 250, "{saved}");
        assert_eq!(fs::read(&part).unwrap(), bytes[251..=500]);
    }
}

#[test]
fn cloud_storage_objects_of_odd_names_and_files_go_there_and_back() {
    let server = Server::start("gcs_server.py");
    let (_home, mut host) = server.agent("gcp", "ya29.token-0123456789");
    let bucket = json!({"project": "p", "name": BUCKET});
    done(&mut host, "gcp", "storage.createBucket", &bucket);
    let object = |name: &str| json!({"bucket": BUCKET, "object": name});
    // one after the other: to this server a//b and a/b are one object
    for name in ODD_KEYS {
        let mut params = object(name);
        params["body"] = format!("<{name}>").into();
        done(&mut host, "gcp", "storage.insertObject", &params);
        let listed = json!({"bucket": BUCKET});
        let listed = done(&mut host, "gcp", "storage.listObjects", &listed);
        assert_eq!(names(&listed, "items", "name"), [name]);
        let read = host.execute("gcp", "storage.getObject", &object(name));
        assert_eq!(read["result"], format!("<{name}>"), "{name:?}: {read}");
        let about = done(&mut host, "gcp", "storage.getObjectMetadata", &object(name));
        assert_eq!(about["name"], name);
        done(&mut host, "gcp", "storage.deleteObject", &object(name));
    }
    for name in DOT_KEYS {
        let answer = host.execute("gcp", "storage.getObject", &object(name));
        assert_eq!(
            answer["error"]["code"], "invalid_params",
            "{name:?}: {answer}"
        );
    }

    let dir = tempfile::tempdir().unwrap();
    let (up, down) = (dir.path().join("up"), dir.path().join("down"));
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 253) as u8).collect();
    fs::write(&up, &bytes).unwrap();
    let mut params = object("large//file");
    params["content_type"] = "application/octet-stream".into();
    let from = json!({"body_file": up});
    let stored = host.execute_with("gcp", "storage.insertObject", &params, &from);
    assert_eq!(stored["result"]["size"], "3000000", "{stored}");
    let to = json!({"save_to": down});
    let saved = host.execute_with("gcp", "storage.getObject", &object("large//file"), &to);
    assert_eq!(saved["result"]["size"], 3_000_000, "{saved}");
    assert!(fs::read(&down).unwrap() == bytes, "it came back changed");
}
