//! Starting a daemon: a script plays it, and the fake answers in its place.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use axis_shim::launch::{Launch, LaunchError, Launched};
use secrecy::SecretString;

use crate::fake::{Home, until};

fn script(home: &Home, text: &str) -> PathBuf {
    let path = home.dir.path().join("axisd");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

fn launch(home: &Home, text: &str, password: Option<&str>) -> Launch {
    Launch {
        program: script(home, text),
        socket: home.broker_socket(),
        environment: vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("KEPT".into(), "yes".into()),
        ],
        password: password.map(SecretString::from),
    }
}

#[tokio::test]
async fn a_daemon_gets_its_password_by_pipe_an_own_group_and_nothing_else() {
    let home = Home::new();
    let seen = home.dir.path().join("seen");
    let text = format!(
        "echo closed\n(echo \"args $*\"; echo \"stdin $(cat)\"; echo \"cwd $(pwd)\"; env; echo \"group $(ps -o pgid= -p $$) pid $$\") > {0}.part\nmv {0}.part {0}\nsleep 5",
        seen.display()
    );
    let started = tokio::spawn(launch(&home, &text, Some("pa ss")).run());
    until("the script ran", || seen.exists()).await;
    let _daemon = home.start();
    assert_eq!(started.await.unwrap().unwrap(), Launched::Started);
    let seen = fs::read_to_string(seen).unwrap();
    assert!(
        seen.contains("args --autostarted --password-stdin\n"),
        "{seen}"
    );
    assert!(seen.contains("stdin pa ss\n"), "{seen}");
    assert!(seen.contains("cwd /\n"), "{seen}");
    assert!(seen.contains("KEPT=yes\n"), "{seen}");
    assert!(!seen.contains("HOME=") && !seen.contains("CARGO"), "{seen}");
}

#[tokio::test]
async fn a_start_that_loses_the_race_uses_the_winner() {
    let home = Home::new();
    let ran = home.dir.path().join("ran");
    let text = format!("echo $$ > {0}.part; mv {0}.part {0}; exit 1", ran.display());
    let launched = tokio::spawn(launch(&home, &text, None).run());
    until("the loser ran", || ran.exists()).await;
    let pid = fs::read_to_string(&ran).unwrap();
    let process = PathBuf::from("/proc").join(pid.trim());
    until("its end was noticed", || !process.exists()).await;
    let _winner = home.start();
    assert_eq!(launched.await.unwrap().unwrap(), Launched::AlreadyRunning);
}

#[tokio::test]
async fn a_daemon_that_ends_at_once_is_told_without_the_whole_wait() {
    let home = Home::new();
    let asked = Instant::now();
    let error = launch(&home, "exit 3", Some("unread"))
        .run()
        .await
        .unwrap_err();
    assert!(matches!(error, LaunchError::Ended { .. }));
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    assert!(asked.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_daemon_that_cannot_be_started_is_named() {
    let home = Home::new();
    let mut launch = launch(&home, "", None);
    launch.program = home.dir.path().join("nothing");
    let error = launch.run().await.unwrap_err();
    assert!(
        error.to_string().contains("nothing can't be started"),
        "{error}"
    );
    // Beside this test's binary lies no axisd.
    let error = Launch::locate(home.broker_socket(), None).unwrap_err();
    assert!(error.to_string().contains("into one directory"), "{error}");
}
