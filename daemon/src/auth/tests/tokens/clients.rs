//! OAuth clients: how they say who they are, and refresh tokens that are used
//! up.

use super::*;

#[tokio::test]
async fn a_client_says_who_it_is_as_its_definition_wants() {
    let endpoint = Endpoint::answering(|count, _| token(count)).await;
    let client = credential(CLIENT, vec![endpoint.base.host().clone()]);
    let auth = authoriser(clock(), TestKeeper::of(&client));
    for (grant, client_auth) in [
        (GrantType::RefreshToken, ClientAuth::Basic),
        (GrantType::RefreshToken, ClientAuth::Body),
        (GrantType::ClientCredentials, ClientAuth::Basic),
        (GrantType::ClientCredentials, ClientAuth::Body),
    ] {
        let scheme = oauth2(&endpoint, grant, client_auth);
        bearer_of(&auth, &scheme, &client).await.unwrap();
        let asked = endpoint.asked().pop().unwrap();
        assert_eq!(asked.path, "/oauth/token");
        assert_eq!(asked.field("scope"), Some("read write"));
        let (word, refresh_token) = match grant {
            GrantType::RefreshToken => ("refresh_token", Some("refresh-number-0")),
            GrantType::ClientCredentials => ("client_credentials", None),
        };
        assert_eq!(asked.field("grant_type"), Some(word));
        assert_eq!(asked.field("refresh_token"), refresh_token);
        let (authorization, id, secret) = match client_auth {
            // the+client:s3cret%3A%2F0123456789
            ClientAuth::Basic => (
                "Basic dGhlK2NsaWVudDpzM2NyZXQlM0ElMkYwMTIzNDU2Nzg5",
                None,
                None,
            ),
            ClientAuth::Body => ("", Some("the client"), Some("s3cret:/0123456789")),
        };
        assert_eq!(asked.authorization, authorization);
        assert_eq!(asked.field("client_id"), id);
        assert_eq!(asked.field("client_secret"), secret);
    }
}

#[tokio::test]
async fn a_refresh_token_that_was_used_up_is_replaced_where_it_is_kept() {
    let endpoint = rotating().await;
    let scheme = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Basic);
    let first = credential(CLIENT, vec![endpoint.base.host().clone()]);
    let keeper = TestKeeper::of(&first);
    let clock = clock();
    let auth = authoriser(clock.clone(), keeper.clone());
    for count in 1..=3 {
        // also a call that looked the credential up long ago gets the newest
        for credential in [&first, &keeper.stored()] {
            let sent = bearer_of(&auth, &scheme, credential).await.unwrap();
            assert_eq!(sent, format!("Bearer token-number-{count}"));
        }
        assert_eq!(
            keeper.stored_refresh_token(),
            format!("refresh-number-{count}")
        );
        clock.advance(Duration::from_hours(1));
    }
    assert_eq!(endpoint.asked().len(), 3);
    let stored: Value = serde_json::from_str(keeper.stored().secret().expose()).unwrap();
    assert_eq!(stored["note"], "kept");
    assert!(auth.unsealed().is_empty());
}

#[tokio::test]
async fn a_new_refresh_token_that_cant_be_sealed_is_used_from_memory_and_sealed_later() {
    let endpoint = rotating().await;
    let scheme = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Basic);
    let first = credential(CLIENT, vec![endpoint.base.host().clone()]);
    let keeper = TestKeeper::of(&first);
    let clock = clock();
    let auth = authoriser(clock.clone(), keeper.clone());
    for (count, full, stored) in [
        (1, true, "refresh-number-0"),
        (2, true, "refresh-number-0"),
        (3, false, "refresh-number-3"),
    ] {
        keeper.full.store(full, Ordering::SeqCst);
        let sent = bearer_of(&auth, &scheme, &first).await.unwrap();
        assert_eq!(sent, format!("Bearer token-number-{count}"));
        assert_eq!(keeper.stored_refresh_token(), stored);
        let unsealed = auth.unsealed();
        assert_eq!(unsealed.contains_key(&name()), full, "{unsealed:?}");
        clock.advance(Duration::from_hours(1));
    }
}

#[tokio::test]
async fn no_refresh_token_is_used_up_while_its_successor_could_not_be_kept() {
    let endpoint = rotating().await;
    let scheme = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Basic);
    let client = credential(CLIENT, vec![endpoint.base.host().clone()]);
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let error = bearer_of(&auth, &scheme, &client).await.unwrap_err();
    assert!(matches!(error, AuthError::Unkept(_)), "{error}");
    assert!(endpoint.asked().is_empty());
}
