//! Modes, links, other writers, killed writers.

use std::os::unix::fs::symlink;

use super::*;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn files(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.directory.path()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_init_makes_is_for_its_owner_alone() {
    let home = Home::new();
    let path = home.directory.path().join("a/b/keystore.json");
    let clock: Arc<dyn Clock> = home.clock.clone();
    let vault = Vault::with_cost(path.clone(), clock, CHEAP, Duration::ZERO);
    vault.init(PASSWORD.into()).await.unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    vault
        .add(PASSWORD.into(), new("github", "x"), false)
        .await
        .unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_file_name("keystore.json.lock")), 0o600);
}

#[tokio::test]
async fn wider_modes_are_refused_with_the_command_that_mends_them() {
    let home = Home::furnished().await;
    let directory = home.directory.path().to_owned();
    for (path, wide, closed) in [
        (home.path(), 0o644, 0o600),
        (home.path(), 0o660, 0o600),
        (home.path(), 0o604, 0o600),
        (directory.clone(), 0o755, 0o700),
        (directory, 0o710, 0o700),
    ] {
        set_mode(&path, wide);
        let vault = home.vault();
        let error = refused(unlock(&vault).await).to_string();
        let mends = format!("run: chmod {closed:o} {}", path.display());
        assert!(error.contains(&mends), "{error}");
        assert_eq!(
            vault.state(),
            VaultState::Locked(WhyLocked::Damaged(error.clone()))
        );
        let add = vault.add(PASSWORD.into(), new("stripe", "x"), true).await;
        assert!(refused(add).to_string().contains(&mends));
        assert!(vault.init(PASSWORD.into()).await.is_err());

        set_mode(&path, closed);
        assert_eq!(unlock(&vault).await.unwrap(), 2, "mended, it opens");
    }
}

#[tokio::test]
async fn a_link_or_a_directory_in_the_files_place_is_refused() {
    let home = Home::furnished().await;
    let elsewhere = home.directory.path().join("elsewhere.json");
    fs::rename(home.path(), &elsewhere).unwrap();
    symlink(&elsewhere, home.path()).unwrap();
    let error = refused(unlock(&home.vault()).await).to_string();
    assert!(error.contains("symbolic link"), "{error}");
    assert!(home.vault().init(PASSWORD.into()).await.is_err());

    fs::remove_file(home.path()).unwrap();
    fs::create_dir(home.path()).unwrap();
    let error = refused(unlock(&home.vault()).await).to_string();
    assert!(error.contains("no regular file"), "{error}");
}

#[tokio::test]
async fn an_oversized_file_is_not_read() {
    let home = Home::new();
    home.put(&vec![b' '; super::super::file::MAX_BYTES + 1]);
    let error = refused(unlock(&home.vault()).await).to_string();
    assert!(error.contains("larger than 16 MiB"), "{error}");
}

#[tokio::test]
async fn what_a_killed_writer_left_is_removed_at_the_next_write() {
    let home = Home::furnished().await;
    let temporary = home.directory.path().join("keystore.json.tmp");
    fs::write(&temporary, "half a keyst").unwrap();
    let vault = home.unlocked().await;
    assert_eq!(vault.list().len(), 2, "the file itself is whole");
    vault
        .add(PASSWORD.into(), new("stripe", "x"), false)
        .await
        .unwrap();
    assert_eq!(files(&home), ["keystore.json", "keystore.json.lock"]);
}

#[tokio::test]
async fn a_failed_write_leaves_file_and_memory_as_they_were() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    let before = home.bytes();
    // A directory there can't be removed like a file, so no write can begin.
    let obstacle = home.directory.path().join("keystore.json.tmp");
    fs::create_dir(&obstacle).unwrap();
    let failed = vault.add(PASSWORD.into(), new("stripe", "x"), false).await;
    assert!(matches!(refused(failed), VaultError::Io { .. }));
    assert_eq!(home.bytes(), before);
    assert!(vault.credential(&name("stripe")).is_err());
    assert!(vault.credential(&name("github")).is_ok());

    fs::remove_dir(&obstacle).unwrap();
    vault
        .add(PASSWORD.into(), new("stripe", "x"), false)
        .await
        .unwrap();
    assert!(vault.credential(&name("stripe")).is_ok());
}

#[tokio::test]
async fn a_file_that_someone_else_changed_is_not_overwritten() {
    let home = Home::furnished().await;
    let (one, other) = (home.unlocked().await, home.unlocked().await);
    one.add(PASSWORD.into(), new("stripe", "x"), false)
        .await
        .unwrap();
    let before = home.bytes();
    let changed = refused(other.add(PASSWORD.into(), new("slack", "y"), false).await);
    assert!(matches!(changed, VaultError::Changed { .. }), "{changed}");
    assert_eq!(home.bytes(), before);

    assert_eq!(unlock(&other).await.unwrap(), 3, "unlocking reads it anew");
    other
        .add(PASSWORD.into(), new("slack", "y"), false)
        .await
        .unwrap();
    assert_eq!(home.unlocked().await.list().len(), 4);
}

#[tokio::test]
async fn a_file_that_was_removed_is_not_made_anew_by_a_change() {
    let home = Home::furnished().await;
    let vault = home.unlocked().await;
    fs::remove_file(home.path()).unwrap();
    let changed = refused(vault.add(PASSWORD.into(), new("slack", "y"), false).await);
    assert!(matches!(changed, VaultError::Changed { .. }), "{changed}");
    assert!(!home.path().exists());
    assert!(vault.credential(&name("github")).is_ok(), "calls go on");
}

#[tokio::test]
async fn writers_in_other_processes_are_kept_out() {
    let home = Home::furnished().await;
    let file = super::super::file::KeystoreFile::new(home.path());
    let held = file.exclusive().unwrap();
    let vault = Arc::new(home.unlocked().await);
    let adding = Arc::clone(&vault);
    let mut add = tokio::spawn(async move {
        let credential = new("stripe", "x");
        adding.add(PASSWORD.into(), credential, false).await
    });
    let early = tokio::time::timeout(Duration::from_millis(200), &mut add).await;
    assert!(early.is_err(), "it did not wait for the other writer");
    drop(held);
    add.await.unwrap().unwrap();
}
