//! Params that have a say in the host, and what makes a URL too long.

use std::fmt::Write as _;

use serde_json::json;

use super::super::{build, define};
use super::*;

#[test]
fn a_param_that_makes_up_a_host_is_one_label_or_nothing() {
    let get_object = |bucket: &str, region: &str| {
        let (service, action) = catalogue().resolve("aws", "s3.getObject").unwrap();
        let params = json!({"bucket": bucket, "region": region, "key": "k"});
        sent(service, action, &params.to_string()).map(|request| request.url.to_string())
    };
    for bucket in [
        "evil.example/x",
        "evil.example#",
        "evil.example?",
        "user@evil.example:443/",
        "x:80",
        "b.evil.example/",
        "b%2eevil.example%2f",
        "a..b",
        ".ab",
        "ab.",
        "-ab",
        "a.-b",
        "xn--evil",
        "xn--80ak6aa92e",
        "b\r\nX: y",
        "b\tc",
        "b\0c",
        "b\u{3002}evil",
        "b\u{ff0e}evil",
        "\u{ff42}ucket",
        "BUCKET",
        "my_bucket",
        "[::1]",
        "*",
        "",
        &"b".repeat(64),
    ] {
        assert!(get_object(bucket, "us-east-1").is_err(), "{bucket:?}");
    }
    for region in [
        "x@evil.example/",
        "us-east-1.evil.example",
        "us-east-1/",
        "us-east-1#",
        "us-east-1:8080",
        "us-east-1\r\n",
        "US-EAST-1",
        "us-east-\u{661}",
        "xn--80ak6aa92e",
        "*",
        ".",
        "",
    ] {
        assert!(get_object("my-bucket", region).is_err(), "{region:?}");
    }
    for (bucket, url) in [
        (
            "my-bucket",
            "https://my-bucket.s3.us-east-1.amazonaws.com/k",
        ),
        ("10.0.0.1", "https://s3.us-east-1.amazonaws.com/10.0.0.1/k"),
        (
            "api.github.com",
            "https://s3.us-east-1.amazonaws.com/api.github.com/k",
        ),
    ] {
        assert_eq!(get_object(bucket, "us-east-1").unwrap(), url);
    }
}

#[test]
fn a_host_s_label_is_checked_even_where_the_definition_forgot_to() {
    let text = "service: tenants\ntitle: Tenants\nbase_url: https://{tenant}.example.com\nhosts: [\"*.example.com\"]\nauth: bearer\nparams:\n  tenant: { in: host, type: string, required: true }\nactions:\n  x.get: { effect: read, method: GET, path: /x }\n";
    let service = define(text).unwrap();
    let action = service.action("x.get").unwrap();
    for tenant in [
        "evil.example/",
        "a.b",
        "a@b",
        "a:1",
        "a%2eb",
        "A",
        "xn--a",
        "é",
        "a b",
        "a\n",
        "-",
        "",
        "*",
        &"a".repeat(64),
    ] {
        let params = json!({ "tenant": tenant }).to_string();
        refused(&service, action, "tenant", &params);
    }
    let request = sent(&service, action, r#"{"tenant":"acme-1"}"#).unwrap();
    assert_eq!(request.url.as_str(), "https://acme-1.example.com/x");
}

#[test]
fn a_query_param_is_one_value_of_its_type() {
    let list = |params: &str| build("github", "issues.list", params);
    let with = |more: &str| format!(r#"{{"owner":"o","repo":"r",{more}}}"#);
    for (more, query) in [
        (r#""assignee":"a=b&a=c""#, "assignee=a%3Db%26a%3Dc"),
        (r#""assignee":"x#y?z""#, "assignee=x%23y%3Fz"),
        (r#""assignee":"a\r\nb\u0000""#, "assignee=a%0D%0Ab%00"),
        (r#""assignee":"%26a=1""#, "assignee=%2526a%3D1"),
        (r#""page":2"#, "page=2"),
        // what JSON Schema counts among the integers, in a vendor's digits
        (r#""page":1.0"#, "page=1"),
        (r#""page":1e2"#, "page=100"),
    ] {
        let request = list(&with(more)).unwrap();
        let expected = format!("/repos/o/r/issues?{query}");
        assert_eq!(request.path_and_query, expected);
    }
    for more in [
        r#""assignee":["a","b"]"#,
        r#""assignee":{"a":"b"}"#,
        r#""assignee":1"#,
        r#""assignee":null"#,
        r#""page":"1""#,
        r#""page":"1e400""#,
        r#""page":1e400"#,
        r#""page":1.5"#,
        r#""page":1e300"#,
        r#""page":NaN"#,
        r#""page":"NaN""#,
        r#""page":true"#,
        r#""page":null"#,
        r#""page":[1]"#,
        r#""page":0x10"#,
        r#""page":123456789012345678901234567890"#,
    ] {
        assert!(list(&with(more)).is_err(), "{more}");
    }
}

#[test]
fn a_url_longer_than_any_server_reads_is_refused_before_it_is_one() {
    for (service, action, name) in [
        ("github", "issues.list", "assignee"),
        ("github", "search.issues", "q"),
        ("slack", "conversations.list", "cursor"),
    ] {
        let (service, action) = catalogue().resolve(service, action).unwrap();
        for (length, is_sent) in [(30_000, true), (33_000, false), (1_000_000, false)] {
            let params = with(action, name, &json!("q".repeat(length)));
            let request = sent(service, action, &params);
            assert_eq!(request.is_ok(), is_sent, "{length}");
            match request {
                Ok(request) => assert!(request.url.as_str().parse::<http::Uri>().is_ok()),
                Err(error) => assert!(error.to_string().contains("32768 bytes"), "{error}"),
            }
        }
    }
    let (service, action) = catalogue().resolve("github", "http.get").unwrap();
    let query: String = (0..5_000).fold(String::new(), |mut text, at| {
        let _ = write!(text, "{}\"a{at}\":{at}", if at == 0 { "" } else { "," });
        text
    });
    let params = format!(r#"{{"path":"/user","query":{{{query}}}}}"#);
    assert!(sent(service, action, &params).is_err());
}
