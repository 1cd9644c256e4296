//! What Axis itself keeps in the keystore.

use super::*;

/// Puts `text` there, whatever was there before; what that was.
async fn put(vault: &Vault, text: Option<&str>) -> Option<String> {
    let (sender, before) = std::sync::mpsc::channel();
    let text = text.map(str::to_owned);
    let changed = vault.change_reserved(
        PASSWORD.into(),
        Reserved::IdentitySockets,
        move |before| -> Result<_, ()> {
            let _ = sender.send(before.map(str::to_owned));
            Ok(text)
        },
    );
    changed.await.unwrap().unwrap();
    before.recv().unwrap()
}

fn held(vault: &Vault) -> Option<String> {
    let held = vault.reserved(Reserved::IdentitySockets).unwrap();
    held.map(|text| text.to_string())
}

#[tokio::test]
async fn a_reserved_entry_is_kept_like_a_credential_and_never_listed() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    assert_eq!(held(&vault), None);
    assert_eq!(put(&vault, Some("one")).await, None);
    assert_eq!(held(&vault).as_deref(), Some("one"));
    assert_eq!(put(&vault, Some("two")).await.as_deref(), Some("one"));

    let next = home.vault();
    assert!(matches!(
        next.reserved(Reserved::IdentitySockets),
        Err(VaultError::Locked(_))
    ));
    unlock(&next).await.unwrap();
    assert_eq!(held(&next).as_deref(), Some("two"));
    assert_eq!(next.names(), [name("github"), name("openai")]);
    assert!(!String::from_utf8(home.bytes()).unwrap().contains("two"));

    assert_eq!(put(&next, None).await.as_deref(), Some("two"));
    assert_eq!(held(&next), None);
    assert_eq!(held(&home.unlocked().await), None);
}

#[tokio::test]
async fn a_reserved_entry_is_changed_while_locked_with_the_password_and_stays_locked() {
    let home = Home::furnished().await;
    let vault = home.vault();
    put(&vault, Some("one")).await;
    assert_eq!(put(&vault, Some("two")).await.as_deref(), Some("one"));
    assert!(vault.reserved(Reserved::IdentitySockets).is_err());
    assert_eq!(held(&home.unlocked().await).as_deref(), Some("two"));
}

#[tokio::test]
async fn an_edit_that_refuses_or_a_wrong_password_writes_nothing() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    put(&vault, Some("one")).await;
    let bytes = home.bytes();
    let refused = vault.change_reserved(PASSWORD.into(), Reserved::IdentitySockets, |_| Err("no"));
    assert_eq!(refused.await.unwrap(), Err("no"));
    let wrong = vault.change_reserved(
        "not the password".into(),
        Reserved::IdentitySockets,
        |_| -> Result<_, ()> { Ok(None) },
    );
    assert!(matches!(wrong.await, Err(VaultError::WrongPassword)));
    assert_eq!(home.bytes(), bytes);
    assert_eq!(held(&vault).as_deref(), Some("one"));
}

#[tokio::test]
async fn a_reserved_entry_that_was_edited_in_the_file_keeps_the_vault_shut() {
    let home = Home::furnished().await;
    put(&home.unlocked().await, Some("one")).await;
    let whole = home.json();
    let mut removed = whole.clone();
    let entries = removed["entries"].as_object_mut().unwrap();
    assert!(entries.remove(".identity-sockets").is_some());
    let mut swapped = whole.clone();
    swapped["entries"][".identity-sockets"] = whole["entries"][".audit-key"].clone();
    for edited in [removed, swapped] {
        home.put(edited.to_string().as_bytes());
        let error = refused(unlock(&home.vault()).await);
        assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
    }
}
