use http::{HeaderMap, Method};

use super::*;
use crate::host::BaseUrl;
use crate::upstream::request::UpstreamRequest;

fn request(headers: HeaderMap) -> BoundRequest {
    let base = BaseUrl::parse("https://api.example.com").unwrap();
    let request = UpstreamRequest {
        method: Method::GET,
        path_and_query: "/x".into(),
        headers,
        body: None,
    };
    BoundRequest::bind(request, &base, &[base.host().clone()]).unwrap()
}

fn header_scheme(name: &'static str, prefix: &str) -> AuthScheme {
    AuthScheme::Header {
        name: HeaderName::from_static(name),
        prefix: prefix.into(),
    }
}

#[test]
fn the_secret_stands_in_the_scheme_s_header() {
    for (scheme, header, value) in [
        (AuthScheme::Bearer, "authorization", "Bearer s3cret"),
        (header_scheme("x-api-key", ""), "x-api-key", "s3cret"),
        (
            header_scheme("authorization", ""),
            "authorization",
            "s3cret",
        ),
        (
            header_scheme("x-token", "Token "),
            "x-token",
            "Token s3cret",
        ),
    ] {
        let AuthorisedRequest(sent) = apply(&scheme, "s3cret", request(HeaderMap::new())).unwrap();
        assert_eq!(sent.headers[header], value);
        assert!(sent.headers[header].is_sensitive());
        assert_eq!(sent.headers.len(), 1);
    }
}

#[test]
fn whatever_stood_in_that_header_is_replaced() {
    let mut headers = HeaderMap::new();
    headers.append("authorization", "Bearer forged".parse().unwrap());
    headers.append("authorization", "Basic forged".parse().unwrap());
    let AuthorisedRequest(sent) = apply(&AuthScheme::Bearer, "real", request(headers)).unwrap();
    let values: Vec<_> = sent.headers.get_all("authorization").iter().collect();
    assert_eq!(values, ["Bearer real"]);
}

#[test]
fn a_secret_that_no_header_can_carry_is_refused_without_being_repeated() {
    for secret in [
        "two\r\nX-Evil: lines",
        "tab\tbed",
        "nul\0",
        "del\u{7f}",
        "schlüssel",
        " leading",
        "trailing ",
    ] {
        for scheme in [AuthScheme::Bearer, header_scheme("x-api-key", "")] {
            let error = apply(&scheme, secret, request(HeaderMap::new()))
                .err()
                .unwrap();
            assert_eq!(error, AuthError::Unsendable);
            assert!(!error.to_string().contains(secret.trim()));
        }
    }
    let error = apply(&AuthScheme::Bearer, "", request(HeaderMap::new()))
        .err()
        .unwrap();
    assert_eq!(error, AuthError::Empty);
}

#[test]
fn a_scheme_is_a_word_or_a_map() {
    let parse = |yaml: &str| serde_yaml::from_str::<AuthScheme>(yaml);
    assert_eq!(parse("bearer").unwrap(), AuthScheme::Bearer);
    assert_eq!(parse("{ scheme: bearer }").unwrap(), AuthScheme::Bearer);
    assert_eq!(
        parse("{ scheme: header, name: X-Api-Key }").unwrap(),
        header_scheme("x-api-key", "")
    );
    assert_eq!(
        parse("{ scheme: header, name: x-token, prefix: 'Token ' }").unwrap(),
        header_scheme("x-token", "Token ")
    );
    for (yaml, says) in [
        ("bearr", "bearer and header"),
        ("header", "needs a name"),
        ("{ scheme: header }", "needs a name"),
        ("{ scheme: header, name: 'a b' }", "no header name"),
        ("{ scheme: header, name: Host }", "can't carry"),
        (
            "{ scheme: header, name: x, prefix: \"a\\nb\" }",
            "printable",
        ),
        ("{ scheme: bearer, name: x }", "no options"),
        ("{ scheme: header, name: x, value: s }", "value"),
        ("{ name: x }", "scheme"),
        ("[bearer]", "auth scheme"),
    ] {
        let error = parse(yaml).unwrap_err().to_string();
        assert!(error.contains(says), "{yaml}: {error}");
    }
}
