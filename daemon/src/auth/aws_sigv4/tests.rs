mod vectors;

use http::Method;

use super::*;
use crate::host::BaseUrl;
use crate::upstream::request::{Site, UpstreamRequest};

const KEYS: &str = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn request(
    method: Method,
    base: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&'static str>,
) -> BoundRequest {
    let base = BaseUrl::parse(base).unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let request = UpstreamRequest {
        method,
        path_and_query: path.into(),
        headers: headers.collect(),
        body: body.map(|body| Bytes::from_static(body.as_bytes())),
        site: Site::default(),
    };
    BoundRequest::bind(request, &base, &[base.host().clone()]).unwrap()
}

fn at(time: &str) -> SystemTime {
    time.parse::<jiff::Timestamp>().unwrap().into()
}

/// The examples that AWS publishes for S3 (Signature Calculations for the
/// Authorization Header), each with the signature printed there.
#[test]
fn the_published_examples_for_s3_come_out_as_printed() {
    for (method, path, headers, body, signed, signature) in [
        (
            Method::GET,
            "/test.txt",
            vec![("range", "bytes=0-9")],
            None,
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Method::PUT,
            "/test%24file.text",
            vec![
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            Some("Welcome to Amazon S3."),
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            Method::GET,
            "/?lifecycle",
            vec![],
            None,
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Method::GET,
            "/?max-keys=2&prefix=J",
            vec![],
            None,
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ] {
        let base = "https://examplebucket.s3.amazonaws.com";
        let mut request = request(method, base, path, &headers, body);
        let time = at("2013-05-24T00:00:00Z");
        let made = apply(KEYS, "s3", "us-east-1", time, &mut request).unwrap();
        assert_eq!(*made, signature, "{path}");
        assert_eq!(
            request.headers["authorization"],
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders={signed}, Signature={signature}"
            )
        );
        assert_eq!(request.headers["x-amz-date"], "20130524T000000Z");
    }
}

#[test]
fn a_session_token_is_sent_signed_and_guarded() {
    let secret = format!("{KEYS}:FwoGZXIvYXdzEB/session+token==");
    let base = "https://s3.eu-west-1.amazonaws.com";
    let mut request = request(
        Method::GET,
        base,
        "/b/k",
        &[("accept", "*/*"), ("user-agent", "x")],
        None,
    );
    let time = at("2026-01-15T10:30:00Z");
    apply(&secret, "s3", "eu-west-1", time, &mut request).unwrap();
    let headers = &request.headers;
    assert_eq!(
        headers["x-amz-security-token"],
        "FwoGZXIvYXdzEB/session+token=="
    );
    assert!(headers["x-amz-security-token"].is_sensitive());
    assert!(headers["authorization"].is_sensitive());
    let authorization = headers["authorization"].to_str().unwrap();
    assert!(
        authorization
            .contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
        "{authorization}"
    );
    let parts = Keys::parse(&secret).unwrap().guarded();
    let parts: Vec<_> = parts.iter().map(|part| part.as_str()).collect();
    assert_eq!(
        parts,
        [
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "FwoGZXIvYXdzEB/session+token=="
        ]
    );
}

#[test]
fn what_stood_in_the_signatures_headers_is_replaced() {
    let forged = [
        ("authorization", "forged"),
        ("x-amz-security-token", "forged"),
        ("x-amz-date", "forged"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    let base = "https://s3.us-east-1.amazonaws.com";
    let mut request = request(Method::PUT, base, "/b/k", &forged, Some("body"));
    let time = at("2026-01-15T10:30:00Z");
    apply(KEYS, "s3", "us-east-1", time, &mut request).unwrap();
    assert!(!format!("{:?}", request.headers).contains("forged"));
    assert!(!request.headers.contains_key("x-amz-security-token"));
    assert_eq!(
        request.headers["x-amz-content-sha256"],
        "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
    );
}

#[test]
fn keys_are_read_as_text_and_as_json() {
    for secret in [
        "AKIA:secret",
        " AKIA:secret\n",
        r#"{"access_key_id": "AKIA", "secret_access_key": "secret"}"#,
        r#"{"AccessKeyId": "AKIA", "SecretAccessKey": "secret", "Expiration": "soon"}"#,
    ] {
        let keys = Keys::parse(secret).unwrap_or_else(|error| panic!("{secret}: {error}"));
        assert_eq!(keys.access_key_id, "AKIA");
        assert_eq!(*keys.secret_access_key, "secret");
        assert!(keys.session_token.is_none());
    }
    for secret in [
        "",
        "AKIA",
        "AKIA:",
        ":secret",
        "AKIA:secret:",
        "AKIA:se cret",
        "AKIA:secret:to\nken",
        "{}",
        r#"{"access_key_id": "AKIA"}"#,
        r#"{"access_key_id": "AKIA", "secret_access_key": 7}"#,
    ] {
        let error = Keys::parse(secret).err().unwrap();
        assert!(matches!(error, AuthError::Malformed { .. }), "{secret}");
    }
}
