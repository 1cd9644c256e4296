//! A secret that takes the place of the one that was used up, without the
//! password, while the owner does something else.

use super::*;

fn held(vault: &Vault) -> Arc<Credential> {
    let held = vault.credential(&name("github"));
    held.unwrap_or_else(|error| panic!("{error}"))
}

/// What the next axisd finds.
async fn stored(home: &Home) -> Option<String> {
    let vault = home.unlocked().await;
    let stored = vault.credential(&name("github")).ok()?;
    Some(stored.secret().expose().to_owned())
}

#[tokio::test]
async fn a_successor_takes_the_place_for_the_same_hosts_also_of_a_vault_that_was_locked_since() {
    for lock in [false, true] {
        let home = Home::furnished().await;
        let vault = home.unlocked().await;
        let before = held(&vault);
        let successor = vault.successor(&before).ok().unwrap();
        if lock {
            vault.lock();
        }
        let (written, new) = successor.seal("ghp_next".into()).ok().unwrap();
        assert!(written.replaced);
        assert_eq!(new.hosts(), before.hosts());
        assert_eq!(new.base_url(), before.base_url());
        if lock {
            assert!(vault.credential(&name("github")).is_err());
        } else {
            assert_eq!(held(&vault).secret().expose(), "ghp_next");
        }
        assert_eq!(stored(&home).await.as_deref(), Some("ghp_next"));
    }
}

#[tokio::test]
async fn a_successor_never_takes_the_place_of_what_the_owner_put_there_since() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let successor = vault.successor(&held(&vault)).ok().unwrap();
    // the same secret again is the owner's word all the same
    for secret in ["ghp_of_the_owner", "ghp_one"] {
        let replaced = vault.add(PASSWORD.into(), new("github", secret), true);
        replaced.await.unwrap();
    }
    let bytes = home.bytes();
    let error = refused(successor.seal("ghp_next".into()));
    assert!(matches!(error, VaultError::NoCredential { .. }), "{error}");
    assert_eq!(home.bytes(), bytes);
    assert_eq!(held(&vault).secret().expose(), "ghp_one");
    assert_eq!(stored(&home).await.as_deref(), Some("ghp_one"));
}

#[tokio::test]
async fn a_successor_brings_no_removed_credential_back() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let before = held(&vault);
    let successor = vault.successor(&before).ok().unwrap();
    let github = name("github");
    let revoked = vault.revoke(PASSWORD.into(), &github).await;
    revoked.unwrap();
    assert!(successor.seal("ghp_next".into()).is_err());
    assert_eq!(stored(&home).await, None);
    // nor is there a right to one for what is no longer there
    assert!(vault.successor(&before).is_err());
}

#[tokio::test]
async fn only_one_of_two_successors_is_sealed() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let before = held(&vault);
    let [first, second] = [(); 2].map(|()| vault.successor(&before).ok().unwrap());
    assert!(second.seal("ghp_second".into()).is_ok());
    assert!(first.seal("ghp_first".into()).is_err());
    assert_eq!(stored(&home).await.as_deref(), Some("ghp_second"));
}
