//! init, unlock, lock, add, revoke.

use std::thread;

use super::*;

fn secret(vault: &Vault, text: &str) -> String {
    let credential = vault.credential(&name(text));
    let credential = credential.unwrap_or_else(|error| panic!("{error}"));
    credential.secret().expose().to_owned()
}

fn names(vault: &Vault) -> Vec<String> {
    vault.names().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_was_added_is_there_after_a_restart_with_where_it_may_go() {
    let home = Home::new();
    let vault = home.vault();
    assert_eq!(vault.state(), VaultState::Absent);
    assert_eq!(vault.init(PASSWORD.into()).await.unwrap(), 1);
    let odd = "line\n\"quoted\"\\ \u{1F511}";
    for (text, secret) in [("github", "ghp_one"), ("github/work", odd)] {
        let added = vault.add(PASSWORD.into(), new_labelled(text, secret), false);
        assert!(!added.await.unwrap().replaced);
    }

    let vault = home.vault();
    assert_eq!(vault.state(), VaultState::Locked(WhyLocked::NeverUnlocked));
    assert_eq!(unlock(&vault).await.unwrap(), 2);
    assert_eq!(
        vault.state(),
        VaultState::Unlocked {
            credentials: 2,
            generation: 3
        }
    );
    assert_eq!(secret(&vault, "github"), "ghp_one");
    assert_eq!(secret(&vault, "github/work"), odd);
    let credential = vault.credential(&name("github/work")).ok().unwrap();
    assert_eq!(
        credential.base_url().unwrap().as_str(),
        "https://ghe.example:8443/api"
    );
    assert_eq!(credential.hosts()[0].as_str(), "ghe.example:8443");
}

fn new_labelled(text: &str, secret: &str) -> NewCredential {
    let base = BaseUrl::parse("https://ghe.example:8443/api").unwrap();
    NewCredential {
        name: name(text),
        secret: secret.into(),
        hosts: vec![base.host().clone()],
        base_url: Some(base),
        source: None,
    }
}

#[tokio::test]
async fn the_real_cost_is_written_and_paid() {
    let home = Home::new();
    let vault = Vault::open(home.path(), home.clock.clone());
    vault.init(PASSWORD.into()).await.unwrap();
    vault
        .add(PASSWORD.into(), new("github", "ghp_one"), false)
        .await
        .unwrap();
    assert_eq!(home.json()["kdf"]["iterations"], 210_000);

    let vault = Vault::open(home.path(), home.clock.clone());
    assert_eq!(unlock(&vault).await.unwrap(), 1);
    assert_eq!(secret(&vault, "github"), "ghp_one");
    vault.lock();
    let wrong = vault.unlock("not the password".into(), KnownGeneration::At(1), false);
    let began = std::time::Instant::now();
    assert!(matches!(refused(wrong.await), VaultError::WrongPassword));
    assert!(began.elapsed() >= Duration::from_secs(1));
}

/// The file was written by a Python program, by docs/keystore.md alone, so the
/// format is the page's and can't drift unseen.
#[tokio::test]
async fn a_keystore_that_another_program_wrote_opens_and_can_be_written_on() {
    let home = Home::new();
    home.put(include_bytes!("keystore_v2.json"));
    let vault = Vault::open(home.path(), home.clock.clone());
    assert_eq!(names(&vault), ["github", "github/work"]);
    assert_eq!(unlock(&vault).await.unwrap(), 2);
    assert_eq!(secret(&vault, "github"), "ghp_fixture");
    assert_eq!(secret(&vault, "github/work"), "“quoted”\n");
    let credential = vault.credential(&name("github/work")).ok().unwrap();
    assert_eq!(credential.hosts()[0].as_str(), "ghe.example:8443");
    assert_eq!(vault.audit_key().unwrap().expose()[..3], [0, 1, 2]);
    let summary = &vault.list()[0];
    assert_eq!(summary.created_at.to_string(), "2026-01-15T10:30:00Z");

    let written = vault.add(PASSWORD.into(), new("stripe", "sk_three"), false);
    assert_eq!(written.await.unwrap().generation, 8);
}

#[tokio::test]
async fn an_absent_vault_says_how_to_begin() {
    let home = Home::new();
    let vault = home.vault();
    for error in [
        refused(vault.credential(&name("github"))),
        refused(unlock(&vault).await),
        refused(vault.add(PASSWORD.into(), new("github", "x"), false).await),
        refused(vault.verify_password(PASSWORD.into()).await),
    ] {
        assert!(matches!(error, VaultError::Absent { .. }), "{error}");
        assert!(error.to_string().contains("axis init"), "{error}");
    }
    assert!(vault.audit_key().is_none() && vault.names().is_empty());
}

#[tokio::test]
async fn init_never_overwrites() {
    let home = Home::furnished().await;
    let before = home.bytes();
    let error = refused(home.vault().init("another password".into()).await);
    assert!(matches!(error, VaultError::KeystoreExists { .. }));
    home.put(b"anything at all");
    let error = refused(home.vault().init("another password".into()).await);
    assert!(matches!(error, VaultError::KeystoreExists { .. }));
    assert_eq!(home.bytes(), b"anything at all");
    home.put(&before);
    home.unlocked().await;
}

#[tokio::test]
async fn of_inits_at_once_one_makes_the_keystore() {
    let home = Home::new();
    let vaults: Vec<_> = (0..4).map(|_| home.vault()).collect();
    let inits = vaults.iter().map(|vault| vault.init(PASSWORD.into()));
    let made = futures_util::future::join_all(inits).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
    home.unlocked().await;
}

#[tokio::test]
async fn a_password_is_checked_for_its_length_at_init_alone() {
    let vault = Home::new();
    let vault = vault.vault();
    let short = refused(vault.init("äöüäöüä".into()).await);
    assert!(matches!(
        short,
        VaultError::PasswordTooShort { characters: 7 }
    ));
    let long = refused(vault.init("p".repeat(1025).into()).await);
    assert!(matches!(long, VaultError::PasswordTooLong));
    assert_eq!(vault.state(), VaultState::Absent);
}

#[tokio::test]
async fn a_wrong_password_changes_nothing_anywhere() {
    let home = Home::furnished().await;
    let before = home.bytes();
    let vault = home.vault();
    let wrong = || SecretString::from("wrong password");
    let known = KnownGeneration::At(3);
    for error in [
        refused(vault.unlock(wrong(), known, true).await),
        refused(vault.verify_password(wrong()).await),
        refused(vault.add(wrong(), new("stripe", "x"), false).await),
        refused(vault.revoke(wrong(), &name("github")).await),
    ] {
        assert!(matches!(error, VaultError::WrongPassword), "{error}");
    }
    assert_eq!(vault.state(), VaultState::Locked(WhyLocked::NeverUnlocked));
    assert_eq!(home.bytes(), before);
    vault.verify_password(PASSWORD.into()).await.unwrap();
    assert_eq!(unlock(&vault).await.unwrap(), 2);
}

#[tokio::test]
async fn a_locked_vault_gives_no_secret_but_still_its_names() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    assert!(!vault.was_locked_by_owner());
    assert!(vault.audit_key().is_some());
    assert_eq!(vault.list()[0].hosts[0].as_str(), "github.example");

    assert!(vault.lock());
    assert!(vault.was_locked_by_owner());
    assert!(!vault.lock(), "it was locked already");
    assert_eq!(vault.state(), VaultState::Locked(WhyLocked::ByOwner));
    let error = refused(vault.credential(&name("github")));
    assert!(matches!(error, VaultError::Locked(WhyLocked::ByOwner)));
    assert!(vault.audit_key().is_none());
    assert_eq!(names(&vault), ["github", "openai"]);
    assert!(vault.list().iter().all(|summary| summary.hosts.is_empty()));

    unlock(&vault).await.unwrap();
    assert!(!vault.was_locked_by_owner());
    assert_eq!(secret(&vault, "github"), "ghp_one");
}

#[tokio::test]
async fn a_lock_during_an_unlock_wins() {
    let home = Home::furnished().await;
    let vault = home.vault();
    let writer = Arc::clone(&vault.writer);
    let before = writer.locks_so_far();
    vault.lock();
    let late = writer.unlock(&PASSWORD.into(), KnownGeneration::At(3), false, before);
    assert!(matches!(refused(late), VaultError::LockedMeanwhile));
    assert_eq!(vault.state(), VaultState::Locked(WhyLocked::ByOwner));
}

#[tokio::test]
async fn adding_while_locked_stores_and_stays_locked() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    vault.lock();
    let written = vault.add(PASSWORD.into(), new("stripe", "sk_three"), false);
    assert_eq!(written.await.unwrap().generation, 4);
    assert_eq!(vault.state(), VaultState::Locked(WhyLocked::ByOwner));
    assert_eq!(names(&vault), ["github", "openai", "stripe"]);
    unlock(&vault).await.unwrap();
    assert_eq!(secret(&vault, "stripe"), "sk_three");
}

#[tokio::test]
async fn replacing_must_be_asked_for_and_keeps_the_first_date() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let error = refused(
        vault
            .add(PASSWORD.into(), new("github", "ghp_new"), false)
            .await,
    );
    assert!(matches!(error, VaultError::CredentialExists { .. }));
    assert_eq!(secret(&vault, "github"), "ghp_one");

    let before = home.json();
    home.clock.advance(Duration::from_mins(1));
    let written = vault.add(PASSWORD.into(), new("github", "ghp_new"), true);
    assert!(written.await.unwrap().replaced);
    assert_eq!(secret(&vault, "github"), "ghp_new");
    let summary = &vault.list()[0];
    let age = summary.updated_at.duration_since(summary.created_at);
    assert_eq!(age.as_secs(), 60);
    let after = home.json();
    for field in ["salt", "iv", "ciphertext", "tag"] {
        let of = |json: &serde_json::Value| json["entries"]["github"][field].clone();
        assert_ne!(of(&before), of(&after), "{field} is fresh");
    }
    assert_eq!(secret(&home.unlocked().await, "github"), "ghp_new");
}

#[tokio::test]
async fn a_revoked_credential_is_gone_for_good() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let written = vault
        .revoke(PASSWORD.into(), &name("github"))
        .await
        .unwrap();
    assert_eq!(written.generation, 4);
    for vault in [&vault, &home.unlocked().await] {
        let error = refused(vault.credential(&name("github")));
        assert!(matches!(error, VaultError::NoCredential { .. }), "{error}");
        assert_eq!(names(vault), ["openai"]);
    }
    let again = refused(vault.revoke(PASSWORD.into(), &name("github")).await);
    assert!(matches!(again, VaultError::NoCredential { .. }));
}

#[tokio::test]
async fn what_could_not_be_used_is_not_stored() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let nowhere = NewCredential {
        hosts: Vec::new(),
        ..new("stripe", "x")
    };
    let too_long = "x".repeat(MAX_SECRET_BYTES + 1);
    for (credential, part) in [
        (new("stripe", ""), "empty"),
        (new("stripe", &too_long), "65537 bytes"),
        (nowhere, "no host"),
    ] {
        let error = refused(vault.add(PASSWORD.into(), credential, false).await);
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(names(&vault), ["github", "openai"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_adds_at_once_lose_nothing() {
    let home = Home::furnished().await;
    let vault = Arc::new(home.unlocked().await);
    let adds = (0..10).map(|i| {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move {
            let credential = new(&format!("service{i}"), &format!("secret {i}"));
            vault.add(PASSWORD.into(), credential, false).await
        })
    });
    let mut generations = Vec::new();
    for add in adds.collect::<Vec<_>>() {
        generations.push(add.await.unwrap().unwrap().generation);
    }
    generations.sort_unstable();
    assert_eq!(generations, (4..14).collect::<Vec<_>>());
    let reopened = home.unlocked().await;
    for vault in [&*vault, &reopened] {
        for i in 0..10 {
            assert_eq!(secret(vault, &format!("service{i}")), format!("secret {i}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_never_wait_for_a_writer() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let writer = Arc::clone(&vault.writer);
    let (held, let_go) = std::sync::mpsc::channel::<()>();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let holder = thread::spawn(move || {
        let _turn = writer.turn();
        ready.send(()).unwrap();
        let _ = let_go.recv();
    });
    is_ready.recv().unwrap();
    assert_eq!(secret(&vault, "github"), "ghp_one");
    assert_eq!(vault.list().len(), 2);
    drop(held);
    holder.join().unwrap();
}

#[tokio::test]
async fn what_is_derived_from_a_secret_is_made_once_and_dies_with_it() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let credential = vault.credential(&name("github")).ok().unwrap();
    let one = credential.derived(|secret| secret.expose().len());
    let two = credential.derived(|_| -> usize { panic!("made already") });
    assert_eq!((*one, *two), (7, 7));
    assert_eq!(*credential.derived(|_| "another type"), "another type");

    let seen = Arc::downgrade(&one);
    drop((one, two, credential));
    vault.lock();
    assert!(seen.upgrade().is_none());
}

#[tokio::test]
async fn the_audit_key_stays_the_same_and_is_never_listed() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let key = vault.audit_key().unwrap();
    let again = home.unlocked().await.audit_key().unwrap();
    assert_eq!(key.expose(), again.expose());
    assert_ne!(key.expose(), &[0; 32]);
    assert_eq!(names(&vault), ["github", "openai"]);
    assert!(home.json()["entries"][".audit-key"]["metadata"]["service"].is_null());
}

#[tokio::test]
async fn no_secret_and_no_password_stands_in_the_file() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let text = String::from_utf8(home.bytes()).unwrap();
    let key = vault.audit_key().unwrap();
    for secret in ["ghp_one", "sk-two", PASSWORD] {
        assert!(!text.contains(secret) && !text.contains(&hex::encode(secret)));
    }
    assert!(!text.contains(&hex::encode(key.expose())));
    assert!(!text.contains("github.example"), "hosts are sealed, too");
}
