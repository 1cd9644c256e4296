//! Endpoints that answer with something else than a token, or that the
//! credential isn't for.

use super::*;

#[tokio::test]
async fn what_an_endpoint_reflects_of_the_secret_is_in_no_error_and_in_no_guarded_answer() {
    let endpoint = Endpoint::answering(|_, asked| {
        let all: Vec<_> = asked.form.iter().map(|(_, value)| value.as_str()).collect();
        let words = format!("no good: {} {}", asked.authorization, all.join(" "));
        let body = json!({"error": "invalid_grant", "error_description": words});
        (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
    })
    .await;
    let url = endpoint.url("/token");
    let hosts = vec![url.host().clone()];
    let google_key = credential(&google_key(url.as_str()), hosts.clone());
    let client = credential(CLIENT, hosts);
    let basic = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Basic);
    let body = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Body);
    let auth = authoriser(clock(), TestKeeper::of(&client));
    for (scheme, credential) in [
        (&google(), &google_key),
        (&basic, &client),
        (&body, &client),
    ] {
        let error = bearer_of(&auth, scheme, credential).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains("invalid_grant: no good"), "{said}");
        let asked = endpoint.asked();
        let assertion = asked[0].field("assertion").unwrap();
        for secret in [
            "s3cret:/0123456789",
            "s3cret%3A%2F",
            "refresh-number-0",
            assertion,
        ] {
            assert!(!said.contains(secret), "{said}");
        }
        let encoded = asked.last().unwrap().authorization.replace("Basic ", "");
        assert!(encoded.is_empty() || !said.contains(&encoded), "{said}");
    }
}

#[tokio::test]
async fn the_guard_of_a_request_knows_the_token_and_what_it_came_from() {
    let endpoint = Endpoint::answering(|count, _| token(count)).await;
    let client = credential(CLIENT, vec![endpoint.base.host().clone()]);
    let auth = authoriser(clock(), TestKeeper::of(&client));
    let scheme = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Basic);
    let base = BaseUrl::parse("https://api.example.com").unwrap();
    let request = get(&base, HeaderMap::new());
    let authorised = auth.authorise(&scheme, &base, &client, request).await;
    let guard = authorised.ok().unwrap().guard;
    let said = "a token-number-1 b s3cret:/0123456789 c refresh-number-0 d the client e";
    let gone = "[redacted by axis]";
    assert_eq!(
        guard.redact(said),
        format!("a {gone} b {gone} c {gone} d the client e")
    );
}

#[tokio::test]
async fn an_endpoint_that_the_credential_is_not_bound_to_gets_nothing() {
    let endpoint = Endpoint::answering(|count, _| token(count)).await;
    let elsewhere = BaseUrl::parse("https://storage.googleapis.com").unwrap();
    let hosts = vec![elsewhere.host().clone()];
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let key = credential(&google_key(endpoint.url("/token").as_str()), hosts);
    let error = bearer_of(&auth, &google(), &key).await.unwrap_err();
    assert!(
        matches!(&error, AuthError::ForeignEndpoint { allowed, .. } if allowed == "storage.googleapis.com"),
        "{error}"
    );
    let plain = credential(&google_key("http://oauth2.example.com/token"), Vec::new());
    let error = bearer_of(&auth, &google(), &plain).await.unwrap_err();
    assert!(matches!(error, AuthError::Malformed { .. }), "{error}");
    assert!(endpoint.asked().is_empty());
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let thief = Endpoint::answering(|count, _| token(count)).await;
    let location = thief.url("/token").to_string();
    let endpoint = Endpoint::answering(move |_, _| {
        let location = [("location", location.clone())];
        (StatusCode::TEMPORARY_REDIRECT, location).into_response()
    })
    .await;
    let url = endpoint.url("/token");
    let key = credential(&google_key(url.as_str()), vec![url.host().clone()]);
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let error = bearer_of(&auth, &google(), &key).await.unwrap_err();
    assert!(
        matches!(
            error,
            AuthError::NoAnswer {
                timed_out: false,
                ..
            }
        ),
        "{error}"
    );
    assert!(thief.asked().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_hangs_ends_in_an_error_for_all_who_wait() {
    let mut endpoint = Endpoint::closed(|count, _| token(count)).await;
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let url = endpoint.url("/token");
    let key = credential(&google_key(url.as_str()), vec![url.host().clone()]);
    let scheme = google();
    let arrived = async {
        endpoint.arrivals.recv().await.unwrap();
        // nothing more will happen but the passing of time
        tokio::time::pause();
    };
    let (one, two, ()) = tokio::join!(
        bearer_of(&auth, &scheme, &key),
        bearer_of(&auth, &scheme, &key),
        arrived
    );
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert!(
            matches!(
                error,
                AuthError::NoAnswer {
                    timed_out: true,
                    ..
                }
            ),
            "{error}"
        );
    }
    assert_eq!(endpoint.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_without_a_token_is_an_error_with_its_words() {
    let endpoint = Endpoint::answering(|count, _| match count {
        1 => ok(&json!({"ok": false, "error": "token_revoked"})),
        2 => "<html>".into_response(),
        _ => ok(&json!({"access_token": 7})),
    })
    .await;
    let url = endpoint.url("/token");
    let key = credential(&google_key(url.as_str()), vec![url.host().clone()]);
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    for words in ["token_revoked", "no token", "no token"] {
        let error = bearer_of(&auth, &google(), &key).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
