//! Older copies that were put back, and what the log says of the newest.

use super::*;

#[tokio::test]
async fn an_older_copy_is_found_and_taken_only_when_accepted() {
    let home = Home::furnished().await;
    let old = home.bytes();
    let vault = home.unlocked().await;
    vault
        .revoke(PASSWORD.into(), &name("github"))
        .await
        .unwrap();
    home.put(&old);

    let vault = home.vault();
    let older = WhyLocked::Older { file: 3, known: 4 };
    vault.compare_with_log(KnownGeneration::At(4));
    assert_eq!(
        vault.state(),
        VaultState::Locked(older.clone()),
        "said at start"
    );
    let add = vault.add(PASSWORD.into(), new("stripe", "x"), false).await;
    assert!(matches!(
        refused(add),
        VaultError::Locked(WhyLocked::Older { .. })
    ));
    let known = KnownGeneration::At(4);
    let error = refused(vault.unlock(PASSWORD.into(), known, false).await);
    assert!(error.to_string().contains("--accept-older"), "{error}");
    assert_eq!(vault.state(), VaultState::Locked(older));
    assert_eq!(home.bytes(), old);

    assert_eq!(vault.unlock(PASSWORD.into(), known, true).await.unwrap(), 2);
    let written = vault.add(PASSWORD.into(), new("stripe", "x"), false).await;
    assert_eq!(
        written.unwrap().generation,
        5,
        "no generation is there twice"
    );
}

#[tokio::test]
async fn a_forged_generation_ends_no_search_for_older_copies() {
    for forged in [u64::MAX, u64::MAX / 2, 2_000_000] {
        let home = Home::furnished().await;
        let old = home.bytes();
        let vault = home.vault();
        let known = KnownGeneration::At(forged);
        vault.compare_with_log(known);
        let error = refused(vault.unlock(PASSWORD.into(), known, false).await);
        let is_believed = matches!(error, VaultError::Locked(WhyLocked::Older { .. }));
        assert_eq!(is_believed, forged == 2_000_000, "{error}");
        vault.unlock(PASSWORD.into(), known, true).await.unwrap();
        let mut newest = 3;
        for secret in ["one", "two"] {
            let added = vault.add(PASSWORD.into(), new("stripe", secret), true);
            let written = added.await.unwrap().generation;
            assert!(written > newest && written < 1_000_010, "{written}");
            newest = written;
        }
        home.put(&old);
        for vault in [vault, home.vault()] {
            vault.lock();
            let known = KnownGeneration::At(newest);
            let error = refused(vault.unlock(PASSWORD.into(), known, false).await);
            let VaultError::Locked(WhyLocked::Older { file: 3, .. }) = error else {
                panic!("{error}");
            };
        }
    }
}

#[tokio::test]
async fn an_older_copy_is_found_while_the_daemon_runs() {
    let home = Home::furnished().await;
    let old = home.bytes();
    let vault = home.unlocked().await;
    vault
        .revoke(PASSWORD.into(), &name("github"))
        .await
        .unwrap();
    vault.lock();
    home.put(&old);
    let error = refused(unlock(&vault).await);
    let VaultError::Locked(WhyLocked::Older { file: 3, known: 4 }) = error else {
        panic!("{error}");
    };
}

#[tokio::test]
async fn without_its_log_a_keystore_stays_locked_until_accepted() {
    for (known, generation, opens) in [
        (KnownGeneration::NoLog, 1, false),
        (KnownGeneration::NoLog, 3, false),
        (KnownGeneration::Empty, 1, true),
        (KnownGeneration::Empty, 3, false),
        (KnownGeneration::At(3), 3, true),
        (KnownGeneration::At(2), 3, true),
    ] {
        let home = Home::new();
        home.vault().init(PASSWORD.into()).await.unwrap();
        for i in 1..generation {
            let credential = new(&format!("service{i}"), "x");
            home.vault()
                .add(PASSWORD.into(), credential, false)
                .await
                .unwrap();
        }
        let vault = home.vault();
        vault.compare_with_log(known);
        let gone = VaultState::Locked(WhyLocked::LogGone);
        assert_eq!(vault.state() == gone, !opens, "{known:?} {generation}");
        let unlocked = vault.unlock(PASSWORD.into(), known, false).await;
        assert_eq!(unlocked.is_ok(), opens, "{known:?} {generation}");
        vault.unlock(PASSWORD.into(), known, true).await.unwrap();
    }
}
