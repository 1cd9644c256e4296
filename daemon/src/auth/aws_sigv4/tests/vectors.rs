//! AWS's own signing test suite, as the crate `aws-sigv4` has it in its
//! package: each request is signed as the vector beside it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use http::Method;
use serde_json::Value;

use super::super::apply;
use super::{at, request};

/// Vectors that ask for what this signer never does, each with the reason.
const LEFT_OUT: [(&str, &str); 8] = [
    ("double-encode-path", "has no signature of its own"),
    ("double-url-encode", "has no signature of its own"),
    ("get-header-value-multiline", "a header has one line"),
    ("get-space-normalized", "its canonical path is encoded once"),
    (
        "get-space-unnormalized",
        "its path is not encoded when sent",
    ),
    ("get-utf8", "its path is not encoded when sent"),
    (
        "get-vanilla-utf8-query",
        "its query is not encoded when sent",
    ),
    ("post-sts-header-after", "a token is always signed"),
];

/// The platform that is built for; packages of others may not be there.
fn platform() -> String {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let mut lines = version.lines();
    let host = lines.find_map(|line| line.strip_prefix("host: ")).unwrap();
    host.to_owned()
}

/// Where cargo has the crate's package.
fn suite() -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", &platform()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|it| it["name"] == "aws-sigv4").unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name("aws-signing-test-suite").join("v4")
}

/// Whether a vector is about S3's way (which leaves paths as they are), or a
/// payload's hash in a header, which is S3's too.
fn is_of_s3(context: &Value) -> bool {
    context["normalize"] == false || context["sign_body"] == true
}

/// What is signed for the vector in `dir`, and the signature it expects.
fn signed(dir: &Path, context: &Value) -> (String, String) {
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let text = read("request.txt");
    let mut lines = text.lines();
    let start = lines.next().unwrap().strip_suffix(" HTTP/1.1").unwrap();
    let (method, target) = start.split_once(' ').unwrap();
    let headers: Vec<(&str, &str)> = lines
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name, value.trim()))
        .filter(|(name, _)| *name != "Host")
        .collect();
    let method: Method = method.parse().unwrap();
    let base = "https://example.amazonaws.com";
    let mut request = request(method, base, target, &headers, None);
    let field = |value: &Value| value.as_str().unwrap().to_owned();
    let credentials = &context["credentials"];
    let mut secret = [
        &credentials["access_key_id"],
        &credentials["secret_access_key"],
    ]
    .map(field)
    .join(":");
    if let Some(token) = credentials["token"].as_str() {
        secret = format!("{secret}:{token}");
    }
    let made = apply(
        &secret,
        &field(&context["service"]),
        &field(&context["region"]),
        at(&field(&context["timestamp"])),
        &mut request,
    );
    (made.unwrap().to_string(), read("header-signature.txt"))
}

#[test]
fn the_signing_test_suite_comes_out_as_it_says() {
    let mut signatures = 0;
    for vector in fs::read_dir(suite()).unwrap() {
        let dir = vector.unwrap().path();
        let name = dir.file_name().unwrap().to_str().unwrap();
        if LEFT_OUT.iter().any(|(left_out, _)| *left_out == name) {
            continue;
        }
        let context = fs::read_to_string(dir.join("context.json")).unwrap();
        let context: Value = serde_json::from_str(&context).unwrap();
        if is_of_s3(&context) {
            continue;
        }
        let (made, expected) = signed(&dir, &context);
        assert_eq!(made, expected.trim(), "{name}");
        signatures += 1;
    }
    assert!(signatures >= 20, "{signatures}");
}
