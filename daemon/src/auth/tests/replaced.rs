//! A credential that the owner replaces or removes while its token is in use.

use std::sync::atomic::Ordering;

use super::tokens::{CLIENT, Endpoint, TestKeeper, bearer_of, oauth2, rotating, token};
use super::*;

/// Another client's credential.
const OTHER: &str = r#"{"client_id": "another", "client_secret": "an0ther-secret", "refresh_token": "refresh-number-9"}"#;

#[tokio::test]
async fn a_token_of_a_replaced_credential_is_never_used_again() {
    let endpoint = Endpoint::answering(|count, _| token(count)).await;
    let hosts = vec![endpoint.base.host().clone()];
    for grant in [GrantType::RefreshToken, GrantType::ClientCredentials] {
        let asked_before = endpoint.asked().len();
        let first = credential(CLIENT, hosts.clone());
        let keeper = TestKeeper::of(&first);
        let auth = authoriser(clock(), keeper.clone());
        let scheme = oauth2(&endpoint, grant, ClientAuth::Body);
        let old = bearer_of(&auth, &scheme, &first).await.unwrap();
        let second = credential(OTHER, hosts.clone());
        *keeper.current.lock().unwrap() = second.clone();
        let new = bearer_of(&auth, &scheme, &second).await.unwrap();
        assert_ne!(old, new);
        let asked = endpoint.asked();
        assert_eq!(asked.len(), asked_before + 2);
        assert_eq!(asked.last().unwrap().field("client_id"), Some("another"));
    }
}

/// The request was bound to the hosts of the credential that was there when the
/// call began.
#[tokio::test]
async fn a_token_never_goes_to_the_hosts_of_the_credential_that_was_there_before() {
    let endpoint = Endpoint::answering(|count, _| token(count)).await;
    let token_host = endpoint.base.host().clone();
    let host = |text: &str| BaseUrl::parse(text).unwrap().host().clone();
    let before = credential(
        CLIENT,
        vec![host("https://api.example.com"), token_host.clone()],
    );
    let after = credential(OTHER, vec![host("https://eu.example.com"), token_host]);
    let keeper = TestKeeper::of(&after);
    let auth = authoriser(clock(), keeper);
    let scheme = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Body);
    let error = bearer_of(&auth, &scheme, &before).await.unwrap_err();
    assert_eq!(error, AuthError::Rebound);
    assert!(endpoint.asked().is_empty());
    bearer_of(&auth, &scheme, &after).await.unwrap();
}

#[tokio::test]
async fn of_a_replaced_credential_nothing_is_said_to_be_unsealed() {
    let endpoint = rotating().await;
    let scheme = oauth2(&endpoint, GrantType::RefreshToken, ClientAuth::Basic);
    let hosts = vec![endpoint.base.host().clone()];
    let first = credential(CLIENT, hosts.clone());
    let keeper = TestKeeper::of(&first);
    keeper.full.store(true, Ordering::SeqCst);
    let auth = authoriser(clock(), keeper.clone());
    bearer_of(&auth, &scheme, &first).await.unwrap();
    assert!(auth.unsealed().contains_key(&name()));
    *keeper.current.lock().unwrap() = credential(OTHER, hosts);
    drop(first);
    assert!(auth.unsealed().is_empty());
}
