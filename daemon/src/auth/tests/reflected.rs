//! What a careless upstream or token endpoint shows of a secret, beyond the
//! plain cases.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

use super::tokens::{CLIENT, Endpoint, TestKeeper, bearer_of, google_key, oauth2};
use super::*;

#[tokio::test]
async fn a_secret_that_a_cut_message_ends_in_leaves_no_part_of_itself() {
    const SECRET: &str = "s3cret:/0123456789";
    for before in 250..310 {
        let endpoint = Endpoint::answering(move |_, asked| {
            let secret = asked.field("client_secret").unwrap();
            let words = format!("{}{secret} behind it", "x".repeat(before));
            let body = json!({"error": "invalid_client", "error_description": words});
            (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response()
        })
        .await;
        let client = credential(CLIENT, vec![endpoint.base.host().clone()]);
        let auth = authoriser(clock(), TestKeeper::of(&client));
        let scheme = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Body);
        let error = bearer_of(&auth, &scheme, &client).await.unwrap_err();
        let said = error.to_string();
        assert!(said.contains("invalid_client: xxx"), "{said}");
        assert!(!said.contains(&SECRET[..4]), "{before}: {said}");
    }
}

#[tokio::test]
async fn a_secret_over_several_lines_is_known_before_they_are_joined() {
    let endpoint = Endpoint::answering(|_, asked| {
        let secret = asked.field("client_secret").unwrap();
        let body = json!({"error": format!("no good: {secret}")});
        (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
    })
    .await;
    let secret =
        json!({"client_id": "c", "client_secret": "first half\nsecond half", "refresh_token": "r"});
    let client = credential(&secret.to_string(), vec![endpoint.base.host().clone()]);
    let auth = authoriser(clock(), TestKeeper::of(&client));
    let scheme = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Body);
    let error = bearer_of(&auth, &scheme, &client).await.unwrap_err();
    let said = error.to_string();
    assert!(said.ends_with("no good: [redacted by axis]"), "{said}");
}

/// A service file can be edited to name another scheme than the credential was
/// made for; what is secret in it stays the same.
#[tokio::test]
async fn every_scheme_guards_the_secret_members_of_a_credential_in_json() {
    let key = google_key("https://oauth2.googleapis.com/token");
    let aws = r#"{"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG", "session_token": "session-0123456789"}"#;
    let app = json!({"app_id": 1, "installation_id": 2, "private_key": PKCS1}).to_string();
    let header = |name| AuthScheme::Header {
        name,
        prefix: String::new(),
    };
    let schemes = [
        AuthScheme::Bearer,
        AuthScheme::Basic,
        header(http::HeaderName::from_static("x-forwarded-for")),
        AuthScheme::Query { name: "key".into() },
        AuthScheme::GithubApp,
    ];
    for (secret, parts) in [
        (CLIENT, &["s3cret:/0123456789", "refresh-number-0"][..]),
        (aws, &["wJalrXUtnFEMI/K7MDENG", "session-0123456789"]),
        (&key, &[PKCS8]),
        (&app, &[PKCS1]),
    ] {
        for scheme in &schemes {
            let guard = super::super::kept::guard_with(scheme, secret, &[]);
            for part in parts {
                let said = guard.redact(&format!("<{part}>"));
                assert_eq!(said, "<[redacted by axis]>", "{}", scheme.word());
            }
        }
    }
}

#[test]
fn of_a_json_web_token_the_signature_alone_is_guarded_too() {
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJheGlzIn0.c2lnbmF0dXJlLW9mLXRva2Vu";
    let guard = super::super::kept::guard_with(&AuthScheme::Bearer, "other-secret", &[token]);
    for (text, expected) in [
        (token, "[redacted by axis]"),
        ("bad: c2lnbmF0dXJlLW9mLXRva2Vu", "bad: [redacted by axis]"),
        ("{\"sub\":\"axis\"}", "{\"sub\":\"axis\"}"),
    ] {
        assert_eq!(guard.redact(text), expected);
    }
}
