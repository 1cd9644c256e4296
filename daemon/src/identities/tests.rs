//! The sealed list; what is served is tested with the real daemon.

use super::*;
use crate::names::Identity;

fn socket(name: &str, uid: Option<u32>) -> OwnSocket {
    OwnSocket {
        identity: Identity::parse(name).unwrap(),
        uid,
        created_at: Some("2026-01-15T10:30:00.250Z".parse().unwrap()),
    }
}

#[test]
fn the_sealed_list_reads_back_as_it_was_written_in_the_order_of_the_names() {
    let mut sockets = SealedSockets::read(None).unwrap();
    sockets.insert(socket("web", Some(100_999)));
    sockets.insert(socket("ci-runner", None));
    let text = sockets.write().unwrap();
    assert_eq!(
        text,
        r#"[{"identity":"ci-runner","created_at":"2026-01-15T10:30:00.250Z"},{"identity":"web","uid":100999,"created_at":"2026-01-15T10:30:00.250Z"}]"#
    );
    assert_eq!(SealedSockets::read(Some(&text)).unwrap(), sockets);
}

#[test]
fn what_a_newer_axis_sealed_is_not_half_understood() {
    for text in [
        "{}",
        r#"[{"identity":"a","created_at":"2026-01-15T10:30:00Z","gid":7}]"#,
        r#"[{"identity":"..","created_at":"2026-01-15T10:30:00Z"}]"#,
        r#"[{"identity":"a","created_at":"yesterday"}]"#,
    ] {
        let read = SealedSockets::read(Some(text));
        assert!(matches!(read, Err(IdentityError::Unreadable(_))), "{text}");
    }
}

#[test]
fn a_mistyped_name_is_not_removed_and_the_near_one_is_named() {
    let mut sockets = SealedSockets::default();
    sockets.insert(socket("ci-runner", None));
    let error = sockets.remove(&Identity::parse("ci-runer").unwrap());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("Did you mean \"ci-runner\"?"), "{error}");
    let removed = sockets.remove(&Identity::parse("CI-Runner").unwrap());
    assert_eq!(removed.unwrap(), socket("ci-runner", None));
}

#[test]
fn there_is_room_for_a_bounded_number() {
    let mut sockets = SealedSockets::default();
    for number in 0..MAX_SOCKETS {
        assert!(sockets.has_room());
        sockets.insert(socket(&format!("agent-{number}"), None));
    }
    assert!(!sockets.has_room());
}

#[tokio::test]
async fn whoever_removes_a_socket_does_not_keep_its_connections_past_the_identity() {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::{Arc, Mutex};

    use axis_proto::socket::SocketDir;
    use tokio_util::sync::CancellationToken;

    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let sockets = SocketDir::in_home(home.path());
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::create_dir(sockets.path()).unwrap();
    std::fs::set_permissions(sockets.path(), private).unwrap();
    let directories = sockets.identities();
    let cuts: Arc<Mutex<Vec<CancellationToken>>> = Arc::default();
    let seen = cuts.clone();
    let own = OwnSockets::new(directories.clone(), CancellationToken::new(), move |it| {
        seen.lock().unwrap().push(it.cut.clone());
        tokio::spawn(async move { drop(it) })
    });
    let mut sealed = SealedSockets::default();
    sealed.insert(socket("ci", None));
    own.keep(1, sealed);
    // twice removed from within its directory and put back
    for _ in 0..2 {
        std::fs::remove_file(directories.socket("ci")).unwrap();
        own.look();
    }
    let all = || cuts.lock().unwrap().clone();
    assert_eq!(all().len(), 3);
    assert!(!all().iter().any(CancellationToken::is_cancelled));
    own.keep(2, SealedSockets::default());
    assert!(all().iter().all(CancellationToken::is_cancelled));
}
