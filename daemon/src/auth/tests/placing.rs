//! The schemes that only write.

use futures_util::FutureExt;
use http::HeaderName;

use super::*;

fn request(headers: HeaderMap) -> BoundRequest {
    get(&BaseUrl::parse("https://api.example.com").unwrap(), headers)
}

/// The request with `secret` in it.
fn apply(
    scheme: &AuthScheme,
    secret: &str,
    request: BoundRequest,
) -> Result<AuthorisedRequest, AuthError> {
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let base = BaseUrl::parse("https://api.example.com").unwrap();
    let credential = credential(secret, vec![base.host().clone()]);
    // nothing here waits for anything
    let at_once = auth
        .authorise(scheme, &base, &credential, request)
        .now_or_never();
    at_once.unwrap().map(|authorised| authorised.request)
}

fn guarded(scheme: &AuthScheme, secret: &str) -> Vec<String> {
    let parts = super::super::kept::guarded(scheme, secret);
    parts.iter().map(|part| part.to_string()).collect()
}

fn header_scheme(name: &'static str, prefix: &str) -> AuthScheme {
    AuthScheme::Header {
        name: HeaderName::from_static(name),
        prefix: prefix.into(),
    }
}

fn query_scheme(name: &str) -> AuthScheme {
    AuthScheme::Query { name: name.into() }
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
    assert_eq!(parse("basic").unwrap(), AuthScheme::Basic);
    assert_eq!(
        parse("{ scheme: query, name: api_key }").unwrap(),
        query_scheme("api_key")
    );
    for (yaml, says) in [
        ("bearr", "there are bearer, header, basic, query"),
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
        ("query", "needs a name"),
        ("{ scheme: query, name: 'a b' }", "no name for a query"),
        ("{ scheme: query, name: '' }", "no name for a query"),
        ("{ scheme: query, name: k, prefix: x }", "it has name"),
        ("{ scheme: basic, name: x }", "no options"),
    ] {
        let error = parse(yaml).unwrap_err().to_string();
        assert!(error.contains(says), "{yaml}: {error}");
    }
}

#[test]
fn a_basic_credential_is_sent_as_rfc_7617_writes_it() {
    for (secret, sent) in [
        ("Aladdin:open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("test:123\u{a3}", "Basic dGVzdDoxMjPCow=="),
        ("sk_live_key:", "Basic c2tfbGl2ZV9rZXk6"),
        (":password", "Basic OnBhc3N3b3Jk"),
        ("user:pass:word", "Basic dXNlcjpwYXNzOndvcmQ="),
    ] {
        let AuthorisedRequest(request) =
            apply(&AuthScheme::Basic, secret, request(HeaderMap::new())).unwrap();
        assert_eq!(request.headers["authorization"], sent, "{secret}");
        assert!(request.headers["authorization"].is_sensitive());
    }
    for (secret, error) in [
        ("", AuthError::Empty),
        ("a:b\nc", AuthError::Unsendable),
        ("a:b\u{7f}c", AuthError::Unsendable),
    ] {
        let refused = apply(&AuthScheme::Basic, secret, request(HeaderMap::new()));
        assert_eq!(refused.err(), Some(error), "{secret:?}");
    }
    let error = apply(&AuthScheme::Basic, "no-colon", request(HeaderMap::new()));
    let error = error.err().unwrap().to_string();
    assert!(error.contains("USER:PASSWORD"), "{error}");
    assert!(!error.contains("no-colon"), "{error}");
}

#[test]
fn of_a_basic_credential_what_is_secret_is_guarded_and_the_rest_names_the_account() {
    let sid = "AC0123456789abcdef0123456789abcdef";
    let twilio = format!("{sid}:token-0123456789");
    for (secret, parts, name) in [
        (
            twilio.as_str(),
            vec![twilio.as_str(), "token-0123456789"],
            Some(sid),
        ),
        ("sk_live_key:", vec!["sk_live_key:", "sk_live_key"], None),
        ("api-key:x", vec!["api-key:x", "api-key"], None),
        (":password", vec![":password", "password"], None),
        ("no-colon", vec!["no-colon"], None),
    ] {
        assert_eq!(guarded(&AuthScheme::Basic, secret), parts, "{secret}");
        assert_eq!(account(&AuthScheme::Basic, secret), name, "{secret}");
    }
    assert_eq!(account(&AuthScheme::Bearer, &twilio), None);
}

#[test]
fn a_secret_in_the_query_stands_there_once_and_encoded() {
    for (path, name, secret, query) in [
        ("/x", "key", "s3cret", "key=s3cret"),
        ("/x?a=1", "key", "s3cret", "a=1&key=s3cret"),
        (
            "/x?a=1",
            "api key",
            "a&b=c+d/\u{e9}",
            "a=1&api%20key=a%26b%3Dc%2Bd%2F%C3%A9",
        ),
        ("/x?key=forged&a=1&KEY=forged", "key", "s", "a=1&key=s"),
        ("/x?%6bey=forged", "key", "s", "key=s"),
        ("/x?key&keys=2", "key", "s", "keys=2&key=s"),
        ("/x?+key=forged", "key", "s", "key=s"),
    ] {
        let mut bound = request(HeaderMap::new());
        bound.url = url::Url::parse("https://api.example.com")
            .unwrap()
            .join(path)
            .unwrap();
        let AuthorisedRequest(sent) = apply(&query_scheme(name), secret, bound).unwrap();
        assert_eq!(sent.url.query(), Some(query), "{path}");
        assert_eq!(sent.url.host_str(), Some("api.example.com"));
        assert!(sent.headers.is_empty());
    }
    for (secret, error) in [("", AuthError::Empty), ("a\nb", AuthError::Unsendable)] {
        let refused = apply(&query_scheme("k"), secret, request(HeaderMap::new()));
        assert_eq!(refused.err(), Some(error));
    }
}
