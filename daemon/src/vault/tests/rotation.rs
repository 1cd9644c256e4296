//! A new master password, and every entry sealed anew.

use super::*;

const NEXT: &str = "plinth ferret ocean quartz";

async fn rotate(vault: &Vault) -> Result<Written, VaultError> {
    vault.rotate(PASSWORD.into(), NEXT.into()).await
}

async fn unlock_with(vault: &Vault, password: &str) -> Result<usize, VaultError> {
    let known = KnownGeneration::At(1);
    vault.unlock(password.into(), known, false).await
}

fn held(vault: &Vault, text: &str) -> Arc<Credential> {
    vault
        .credential(&name(text))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Puts a reserved text beside the credentials.
async fn seal_a_text(vault: &Vault, text: &str) {
    let text = text.to_owned();
    let edit = move |_: Option<&str>| Ok::<_, ()>(Some(text));
    let changed = vault.change_reserved(PASSWORD.into(), Reserved::IdentitySockets, edit);
    changed.await.unwrap().unwrap();
}

#[tokio::test]
async fn after_a_rotation_only_the_new_password_opens_and_everything_is_there_with_its_times() {
    for locked in [false, true] {
        let home = Home::furnished().await;
        let vault = if locked {
            home.vault()
        } else {
            home.unlocked().await
        };
        seal_a_text(&vault, "one").await;
        let (before, listed) = (home.json(), vault.list());
        let audit_key = home.unlocked().await.audit_key().unwrap();
        home.clock.advance(Duration::from_mins(1));
        let written = rotate(&vault).await.unwrap();
        assert_eq!(
            Some(written.generation),
            before["generation"].as_u64().map(|it| it + 1)
        );
        assert_eq!(vault.audit_key().is_none(), locked, "it stays as it was");

        let next = home.vault();
        let error = refused(unlock(&next).await);
        assert!(matches!(error, VaultError::WrongPassword), "{error}");
        assert_eq!(unlock_with(&next, NEXT).await.unwrap(), 2);
        assert_eq!(held(&next, "github").secret().expose(), "ghp_one");
        assert_eq!(held(&next, "openai").secret().expose(), "sk-two");
        let text = next.reserved(Reserved::IdentitySockets).unwrap();
        assert_eq!(text.as_deref(), Some("one"));
        assert_eq!(
            next.audit_key().unwrap().expose(),
            audit_key.expose(),
            "the old log stays provable"
        );
        let times = |listed: Vec<CredentialSummary>| {
            let times = listed.into_iter().map(|it| (it.created_at, it.updated_at));
            times.collect::<Vec<_>>()
        };
        assert_eq!(times(next.list()), times(listed));
    }
}

#[tokio::test]
async fn nothing_sealed_before_is_left_in_the_file_or_beside_it() {
    let home = Home::furnished().await;
    let before = home.json();
    rotate(&home.unlocked().await).await.unwrap();
    let after = home.json();
    assert_ne!(before["kdf"]["salt"], after["kdf"]["salt"]);
    assert_ne!(before["vault_key"], after["vault_key"]);
    for (name, entry) in before["entries"].as_object().unwrap() {
        let again = &after["entries"][name];
        assert_ne!(entry["salt"], again["salt"], "{name}");
        assert_ne!(entry["ciphertext"], again["ciphertext"], "{name}");
        assert_eq!(entry["metadata"], again["metadata"], "{name}");
    }
    let files = fs::read_dir(home.directory.path()).unwrap();
    let mut names: Vec<_> = files.map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["keystore.json", "keystore.json.lock"]);
}

#[tokio::test]
async fn an_open_vault_goes_on_under_the_new_key() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let github = held(&vault, "github");
    rotate(&vault).await.unwrap();
    assert!(Arc::ptr_eq(&github, &held(&vault, "github")), "calls go on");
    let add = vault.add(PASSWORD.into(), new("stripe", "sk"), false).await;
    assert!(matches!(refused(add), VaultError::WrongPassword));
    let add = vault.add(NEXT.into(), new("stripe", "sk"), false).await;
    add.unwrap();
    let next = home.vault();
    assert_eq!(unlock_with(&next, NEXT).await.unwrap(), 3);
}

#[tokio::test]
async fn a_refused_rotation_changes_nothing() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let bytes = home.bytes();
    for (old, new) in [
        ("not the password", NEXT),
        (PASSWORD, "short"),
        (PASSWORD, "1234567"),
        (PASSWORD, PASSWORD),
        (PASSWORD, &"x".repeat(1025)),
    ] {
        let error = refused(vault.rotate(old.into(), new.into()).await);
        let as_expected = match new {
            "short" | "1234567" => matches!(error, VaultError::PasswordTooShort { .. }),
            PASSWORD => matches!(error, VaultError::SamePassword),
            NEXT => matches!(error, VaultError::WrongPassword),
            _ => matches!(error, VaultError::PasswordTooLong),
        };
        assert!(as_expected, "{error}");
        assert_eq!(home.bytes(), bytes);
    }
    assert_eq!(unlock(&home.vault()).await.unwrap(), 2);
}

#[tokio::test]
async fn of_two_rotations_at_once_one_wins_and_the_other_is_told_so() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let other = "another one altogether";
    let (first, second) = tokio::join!(rotate(&vault), vault.rotate(PASSWORD.into(), other.into()));
    let (winner, error) = match (first, second) {
        (Ok(_), Err(error)) => (NEXT, error),
        (Err(error), Ok(_)) => (other, error),
        both => panic!("{both:?}"),
    };
    assert!(matches!(error, VaultError::Rotated), "{error}");
    let next = home.vault();
    assert_eq!(unlock_with(&next, winner).await.unwrap(), 2);
    // what comes later is simply wrong
    let error = refused(rotate(&vault).await);
    assert!(matches!(error, VaultError::WrongPassword), "{error}");
}

#[tokio::test]
async fn a_successor_that_was_out_during_a_rotation_is_sealed_under_the_new_key() {
    for lock in [false, true] {
        let home = Home::furnished().await;
        let vault = home.unlocked().await;
        let successor = vault.successor(&held(&vault, "github")).ok().unwrap();
        if lock {
            vault.lock();
        }
        rotate(&vault).await.unwrap();
        let sealed = successor.seal("ghp_next".into());
        sealed.ok().unwrap();
        let next = home.vault();
        unlock_with(&next, NEXT).await.unwrap();
        assert_eq!(held(&next, "github").secret().expose(), "ghp_next");
        assert_eq!(held(&next, "openai").secret().expose(), "sk-two");
    }
}

#[tokio::test]
async fn a_successor_that_came_too_late_is_none_after_a_rotation_either() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let successor = vault.successor(&held(&vault, "github")).ok().unwrap();
    let of_owner = vault.add(PASSWORD.into(), new("github", "ghp_owner"), true);
    of_owner.await.unwrap();
    rotate(&vault).await.unwrap();
    let error = refused(successor.seal("ghp_next".into()));
    assert!(matches!(error, VaultError::NoCredential { .. }), "{error}");
    let next = home.vault();
    unlock_with(&next, NEXT).await.unwrap();
    assert_eq!(held(&next, "github").secret().expose(), "ghp_owner");
}

#[tokio::test]
async fn what_a_killed_rotation_left_beside_the_file_opens_nothing_and_is_removed_by_the_next_write()
 {
    let home = Home::furnished().await;
    let old = home.bytes();
    rotate(&home.unlocked().await).await.unwrap();
    let new = home.bytes();
    let temporary = home.directory.path().join("keystore.json.tmp");
    // killed at any moment before the rename
    for written in [0, 1, new.len() / 2, new.len()] {
        home.put(&old);
        fs::write(&temporary, &new[..written]).unwrap();
        let vault = home.vault();
        let error = refused(unlock_with(&vault, NEXT).await);
        assert!(matches!(error, VaultError::WrongPassword), "{error}");
        assert_eq!(unlock(&vault).await.unwrap(), 2);
        let again = new_credential_of(&vault).await;
        assert!(!temporary.exists() && again.replaced);
    }
}

async fn new_credential_of(vault: &Vault) -> Written {
    let added = vault.add(PASSWORD.into(), new("github", "ghp_three"), true);
    added.await.unwrap()
}
