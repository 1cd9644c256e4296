use super::*;

#[test]
fn two_passwords_are_the_same_only_where_each_byte_is() {
    let same = |one: &str, other: &str| is_same(&one.into(), &other.into());
    assert!(same("correct horse", "correct horse"));
    assert!(same("", ""));
    for other in ["correct hors", "correct horse ", "Correct horse", ""] {
        assert!(!same("correct horse", other), "{other:?}");
    }
}

#[tokio::test]
async fn a_keychain_that_is_turned_off_is_not_asked_for_the_password() {
    let keychain = Keychain::new("nobody's".into());
    keychain.set_wanted(false);
    let asked = keychain.password(PATIENCE).await;
    assert!(matches!(asked, Err(KeychainError::TurnedOff)));
    let stored = keychain.store("correct horse".into()).await;
    assert!(matches!(stored, Err(KeychainError::TurnedOff)));
    let replaced = keychain
        .replace_if_present("correct horse".into(), "battery staple".into())
        .await;
    assert_eq!(replaced.unwrap(), Replaced::Absent);
}

#[tokio::test]
async fn questions_that_hang_hold_up_nobody_and_are_bounded() {
    let keychain = Keychain::new("nobody's".into());
    let hung = keychain.questions.clone();
    let _threads = hung
        .acquire_many_owned(u32::try_from(MOST_QUESTIONS).unwrap())
        .await
        .unwrap();
    let asked = keychain.password(PATIENCE).await;
    assert!(matches!(asked, Err(KeychainError::Silent { .. })));
}
