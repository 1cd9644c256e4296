//! What a replacement replaced, for a while.

use super::*;

const DAY: Duration = Duration::from_hours(24);

async fn replace(vault: &Vault, credential: NewCredential) {
    let added = vault.add(PASSWORD.into(), credential, true).await;
    assert!(added.unwrap().replaced);
}

async fn undo(vault: &Vault) -> Result<Written, VaultError> {
    vault.undo(PASSWORD.into(), &name("github")).await
}

fn secret(vault: &Vault) -> String {
    let held = vault.credential(&name("github"));
    let held = held.unwrap_or_else(|error| panic!("{error}"));
    held.secret().expose().to_owned()
}

fn kept_in_file(home: &Home) -> bool {
    let entries = &home.json()["entries"];
    entries.get(".previous/github").is_some()
}

fn summary(vault: &Vault) -> CredentialSummary {
    vault.list().into_iter().next().unwrap()
}

#[tokio::test]
async fn an_undo_brings_the_replaced_one_back_with_its_hosts_and_its_age_and_can_be_undone() {
    for locked in [false, true] {
        let home = Home::furnished().await;
        let vault = if locked {
            home.vault()
        } else {
            home.unlocked().await
        };
        let before = summary(&vault);
        assert_eq!(before.previous_until, None);
        home.clock.advance(DAY);
        let elsewhere = BaseUrl::parse("https://ghe.example/api").unwrap();
        let replacement = NewCredential {
            hosts: vec![elsewhere.host().clone()],
            base_url: Some(elsewhere.clone()),
            ..new("github", "ghp_mistyped")
        };
        replace(&vault, replacement).await;
        let replaced = summary(&vault);
        assert!(replaced.updated_at > before.updated_at);
        assert!(replaced.previous_until.is_some());

        home.clock.advance(DAY);
        undo(&vault).await.unwrap();
        let next = home.unlocked().await;
        assert_eq!(secret(&next), "ghp_one");
        let back = next.credential(&name("github")).ok().unwrap();
        assert_eq!(back.base_url(), new("github", "").base_url.as_ref());
        assert_eq!(back.hosts(), new("github", "").hosts);
        assert_eq!(
            summary(&next).updated_at,
            before.updated_at,
            "as old as it was"
        );
        if !locked {
            assert_eq!(secret(&vault), "ghp_one", "in force at once");
        }

        undo(&next).await.unwrap();
        assert_eq!(secret(&next), "ghp_mistyped");
        let again = next.credential(&name("github")).ok().unwrap();
        assert_eq!(again.base_url(), Some(&elsewhere));
        assert_eq!(summary(&next).updated_at, replaced.updated_at);
    }
}

#[tokio::test]
async fn the_server_of_a_stored_one_is_known_while_open_or_with_the_password() {
    let home = Home::furnished().await;
    let sealed = new("github", "").base_url;
    let right = PASSWORD.into();
    for vault in [home.unlocked().await, home.vault()] {
        let known = vault.base_url(&right, &name("github")).await;
        assert_eq!(known.unwrap_or_else(|error| panic!("{error}")), sealed);
        let none = vault.base_url(&right, &name("gitlab")).await;
        assert!(none.is_ok_and(|it| it.is_none()));
    }
    let locked = home.vault();
    let wrong = locked
        .base_url(&"not the password".into(), &name("github"))
        .await;
    assert!(refused(wrong).is_wrong_password());
    assert!(
        matches!(locked.state(), VaultState::Locked(_)),
        "it stays so"
    );
}

#[tokio::test]
async fn what_is_kept_is_never_listed_and_stands_nowhere_in_clear() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    replace(&vault, new("github", "ghp_two")).await;
    assert!(kept_in_file(&home));
    assert_eq!(vault.names(), [name("github"), name("openai")]);
    assert_eq!(home.vault().names(), [name("github"), name("openai")]);
    assert_eq!(unlock(&home.vault()).await.unwrap(), 2);
    let text = String::from_utf8(home.bytes()).unwrap();
    assert!(!text.contains("ghp_one") && !text.contains(&hex::encode("ghp_one")));
}

#[tokio::test]
async fn after_seven_days_an_undo_says_so_and_the_next_write_or_unlock_removes_it() {
    for by_unlock in [false, true] {
        let home = Home::furnished().await;
        let vault = home.unlocked().await;
        replace(&vault, new("github", "ghp_two")).await;
        home.clock.advance(7 * DAY);
        assert_eq!(summary(&vault).previous_until, None);
        let error = refused(undo(&vault).await);
        assert!(matches!(error, VaultError::UndoExpired { .. }), "{error}");
        assert!(
            error.to_string().contains("until 2026-01-22T10:30:00"),
            "{error}"
        );
        assert!(kept_in_file(&home));
        if by_unlock {
            let next = home.unlocked().await;
            assert!(next.forget_expired().await.unwrap().is_some());
            assert!(next.forget_expired().await.unwrap().is_none(), "once");
        } else {
            let add = vault.add(PASSWORD.into(), new("stripe", "sk"), false);
            add.await.unwrap();
        }
        assert!(!kept_in_file(&home));
        let error = refused(undo(&home.unlocked().await).await);
        assert!(matches!(error, VaultError::NothingToUndo { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_breaks_nothing() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    replace(&vault, new("github", "ghp_two")).await;
    home.clock
        .step_wall(jiff::SignedDuration::from_hours(-24 * 365 * 50));
    assert!(vault.forget_expired().await.unwrap().is_none());
    undo(&vault).await.unwrap();
    undo(&vault).await.unwrap();
    home.clock
        .step_wall(jiff::SignedDuration::from_hours(24 * 365 * 100));
    assert!(matches!(
        refused(undo(&vault).await),
        VaultError::UndoExpired { .. }
    ));
    assert!(vault.forget_expired().await.unwrap().is_some());
    assert_eq!(secret(&home.unlocked().await), "ghp_two");
}

#[tokio::test]
async fn a_revoked_credential_takes_its_history_along() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    replace(&vault, new("github", "ghp_two")).await;
    let github = name("github");
    let revoked = vault.revoke(PASSWORD.into(), &github).await;
    revoked.unwrap();
    assert!(!kept_in_file(&home));
    assert!(matches!(
        refused(undo(&vault).await),
        VaultError::NoCredential { .. }
    ));
    // and a new one begins without
    let added = vault.add(PASSWORD.into(), new("github", "ghp_three"), false);
    added.await.unwrap();
    assert!(matches!(
        refused(undo(&vault).await),
        VaultError::NothingToUndo { .. }
    ));
}

#[tokio::test]
async fn the_same_once_more_and_a_refreshed_token_replace_nothing() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    replace(&vault, new("github", "ghp_one")).await;
    assert!(!kept_in_file(&home));
    let held = vault.credential(&name("github")).ok().unwrap();
    let successor = vault.successor(&held).ok().unwrap();
    successor.seal("ghp_refreshed".into()).ok().unwrap();
    assert!(!kept_in_file(&home));
    replace(&vault, new("github", "ghp_two")).await;
    replace(&vault, new("github", "ghp_two")).await;
    undo(&vault).await.unwrap();
    assert_eq!(secret(&vault), "ghp_refreshed");
}

#[tokio::test]
async fn a_rotation_seals_what_is_kept_anew() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    replace(&vault, new("github", "ghp_two")).await;
    let kept = home.json()["entries"][".previous/github"].clone();
    let next = "plinth ferret ocean quartz";
    let rotated = vault.rotate(PASSWORD.into(), next.into()).await;
    rotated.unwrap();
    let again = &home.json()["entries"][".previous/github"];
    assert_ne!(kept["ciphertext"], again["ciphertext"]);
    assert_eq!(kept["metadata"], again["metadata"]);
    vault.undo(next.into(), &name("github")).await.unwrap();
    assert_eq!(secret(&vault), "ghp_one");
}

#[tokio::test]
async fn what_is_kept_can_not_be_put_in_another_place_of_the_file() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    replace(&vault, new("github", "ghp_two")).await;
    let whole = home.json();
    let mut renamed = whole.clone();
    let entries = renamed["entries"].as_object_mut().unwrap();
    let kept = entries.remove(".previous/github").unwrap();
    entries.insert(".previous/openai".into(), kept.clone());
    let mut in_its_place = whole.clone();
    for field in ["salt", "iv", "ciphertext", "tag"] {
        in_its_place["entries"]["github"][field] = kept[field].clone();
    }
    for edited in [renamed, in_its_place] {
        home.put(edited.to_string().as_bytes());
        let error = refused(unlock(&home.vault()).await);
        assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
    }
}
