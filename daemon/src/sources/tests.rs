//! Programs written for the test stand in for the owner's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::clock::ManualClock;
use crate::host::BaseUrl;
use crate::names::CredentialName;

/// A program of one's own, and what it does.
struct Home {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Home {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::starting_at(
                "2026-01-15T10:30:00Z".parse().unwrap(),
            )),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A shell script that may use `$home`, and counts its runs.
    fn program(&self, script: &str) -> String {
        let path = self.file("program");
        let home = self.directory.path().display();
        let text = format!("#!/bin/sh\nhome={home}\necho run >> $home/runs\n{script}\n");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    fn runs(&self) -> usize {
        let runs = fs::read_to_string(self.file("runs")).unwrap_or_default();
        runs.lines().count()
    }

    fn sources(&self) -> Arc<Sources> {
        Arc::new(Sources::new(self.clock.clone()))
    }
}

fn source(reference: &str, program: String) -> Source {
    let reference = reference.to_owned();
    let ttl_s = 60;
    Source {
        reference,
        program,
        ttl_s,
    }
}

fn sourced(source: Source, token: &str) -> Arc<Sourced> {
    let name = CredentialName::parse("github", "").unwrap();
    let base = BaseUrl::parse("https://api.github.com").unwrap();
    let hosts = vec![base.host().clone()];
    let token = Secret::from_string(token.into());
    Arc::new(Sourced::new(name, source, token, hosts, None))
}

fn proposed(reference: &str, program: &str) -> Result<Proposal, SourceError> {
    propose(reference, &Reference::parse(reference)?, Some(program), 60)
}

async fn secret(sources: &Arc<Sources>, entry: &Arc<Sourced>) -> Result<String, SourceError> {
    let current = sources.current(entry).await?;
    Ok(current.secret().expose().to_owned())
}

#[tokio::test]
async fn a_value_is_used_for_its_time_and_then_read_again() {
    let home = Home::new();
    let program = home.program("cat $home/secret");
    fs::write(home.file("secret"), "one\n").unwrap();
    let (sources, it) = (home.sources(), sourced(source("op://a/b/c", program), ""));
    assert_eq!(secret(&sources, &it).await.unwrap(), "one");
    fs::write(home.file("secret"), "two\n").unwrap();
    home.clock.advance(Duration::from_secs(59));
    assert_eq!(secret(&sources, &it).await.unwrap(), "one");
    assert_eq!(home.runs(), 1);
    home.clock.advance(Duration::from_secs(1));
    assert_eq!(secret(&sources, &it).await.unwrap(), "two");
    // a wall clock that is set back makes nothing last longer
    home.clock.step_wall(jiff::SignedDuration::from_hours(-1));
    home.clock.advance(Duration::from_mins(1));
    let before = sources.current(&it).await.ok().unwrap();
    assert_eq!(home.runs(), 3);
    // the same again goes on with what was made of it
    home.clock.advance(Duration::from_mins(1));
    let again = sources.current(&it).await.ok().unwrap();
    assert!(Arc::ptr_eq(&before, &again));
}

#[tokio::test]
async fn a_value_that_is_too_old_is_not_used_where_no_newer_one_can_be_had() {
    let home = Home::new();
    let program = home.program("cat $home/secret");
    fs::write(home.file("secret"), "one").unwrap();
    let (sources, it) = (home.sources(), sourced(source("op://a/b/c", program), ""));
    secret(&sources, &it).await.unwrap();
    fs::remove_file(home.file("secret")).unwrap();
    home.clock.advance(Duration::from_secs(61));
    for _ in 0..3 {
        let error = secret(&sources, &it).await.unwrap_err();
        assert!(matches!(error, SourceError::Refused { .. }), "{error}");
        assert!(
            !error.to_string().contains("secret"),
            "not the program's words: {error}"
        );
    }
    assert_eq!(home.runs(), 2, "nobody is asked again at once");
    assert!(sources.trouble(&it).is_some());
    fs::write(home.file("secret"), "back").unwrap();
    home.clock.advance(REST);
    assert_eq!(secret(&sources, &it).await.unwrap(), "back");
    assert!(sources.trouble(&it).is_none());
}

#[tokio::test]
async fn all_who_wait_share_one_run() {
    let home = Home::new();
    let program = home.program("cat $home/secret");
    fs::write(home.file("secret"), "one").unwrap();
    let (sources, it) = (home.sources(), sourced(source("op://a/b/c", program), ""));
    let all = (0..20).map(|_| secret(&sources, &it));
    for read in futures_util::future::join_all(all).await {
        assert_eq!(read.unwrap(), "one");
    }
    assert_eq!(home.runs(), 1);
}

#[tokio::test]
async fn a_value_that_an_upstream_refuses_is_read_again_but_not_at_once() {
    let home = Home::new();
    let program = home.program("cat $home/secret");
    fs::write(home.file("secret"), "one").unwrap();
    let (sources, it) = (home.sources(), sourced(source("op://a/b/c", program), ""));
    let read = sources.current(&it).await.ok().unwrap();
    sources.rejected(&it, &read);
    secret(&sources, &it).await.unwrap();
    assert_eq!(home.runs(), 1);
    home.clock.advance(YOUNG + Duration::from_secs(1));
    sources.rejected(&it, &read);
    secret(&sources, &it).await.unwrap();
    assert_eq!(home.runs(), 2);
}

#[tokio::test]
async fn a_program_gets_its_arguments_as_they_are_and_nothing_of_the_environment() {
    let home = Home::new();
    let script = r#"
[ "$#" = 3 ] && [ "$1" = read ] && [ "$2" = --no-newline ] && [ "$3" = "op://a b/\$(id)/c" ] || exit 3
[ "$OP_SERVICE_ACCOUNT_TOKEN" = "ops_token" ] || exit 4
[ -z "$CARGO_MANIFEST_DIR$AXIS_HOME$LD_PRELOAD" ] || exit 5
[ "$PWD" = / ] || exit 6
read line && exit 7
printf s3cret"#;
    let program = home.program(script);
    // a variable in it is no reference, but a parenthesis is only a letter
    let reference = "op://a b/$(id)/c";
    assert!(proposed(reference, &program).is_err());
    let script = script.replace(r"\$(id)", "(id)");
    let program = home.program(&script);
    let reference = "op://a b/(id)/c";
    let proposal = proposed(reference, &program).unwrap();
    assert!(
        proposal
            .command
            .ends_with(" read --no-newline 'op://a b/(id)/c'")
    );
    let read = home.sources().read(&proposal.source, "ops_token").await;
    assert_eq!(read.ok().unwrap().expose_secret(), "s3cret");
}

#[tokio::test]
async fn what_a_program_says_beside_the_secret_is_for_the_owner_alone() {
    let home = Home::new();
    let program = home.program("echo 'session s3cret expired' >&2; exit 1");
    let source = source("op://a/b/c", program);
    let unread = home.sources().read(&source, "").await.err().unwrap();
    assert!(unread.to_string().contains("session s3cret expired"));
    let sources = home.sources();
    let error = secret(&sources, &sourced(source, "")).await.unwrap_err();
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn output_without_an_end_is_cut_off() {
    let home = Home::new();
    let program = home.program("exec cat /dev/zero");
    let unread = home
        .sources()
        .read(&source("op://a/b/c", program), "")
        .await
        .err()
        .unwrap();
    assert!(
        matches!(unread.error, SourceError::TooLong { .. }),
        "{unread}"
    );
    let program = home.program("head -c 65536 /dev/zero | tr '\\0' x");
    assert!(
        home.sources()
            .read(&source("op://a/b/c", program), "")
            .await
            .is_ok()
    );
    let program = home.program("printf 'two\\nlines'");
    let unread = home
        .sources()
        .read(&source("op://a/b/c", program), "")
        .await
        .err()
        .unwrap();
    assert!(
        matches!(unread.error, SourceError::Unusable { .. }),
        "{unread}"
    );
}

#[tokio::test]
async fn slow_a_program_that_hangs_is_ended_with_all_that_it_started() {
    let home = Home::new();
    let program = home.program("sleep 600 & echo $! > $home/pid; wait");
    let unread = home
        .sources()
        .read(&source("op://a/b/c", program), "")
        .await
        .err()
        .unwrap();
    assert!(
        matches!(unread.error, SourceError::TooSlow { .. }),
        "{unread}"
    );
    let pid = fs::read_to_string(home.file("pid")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    // gone, or dead and not yet collected
    let is_gone = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    while !is_gone() {
        assert!(std::time::Instant::now() < deadline, "it still runs");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_program_that_others_can_write_to_by_now_is_not_run() {
    let home = Home::new();
    let program = home.program("printf s3cret");
    let source = source("op://a/b/c", program.clone());
    assert!(home.sources().read(&source, "").await.is_ok());
    fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
    let unread = home.sources().read(&source, "").await.err().unwrap();
    assert!(
        matches!(unread.error, SourceError::Unsafe { .. }),
        "{unread}"
    );
    assert_eq!(home.runs(), 1);
}

#[tokio::test]
async fn a_call_that_is_cancelled_does_not_have_the_program_started_anew() {
    let home = Home::new();
    let program = home.program("until [ -e $home/secret ]; do sleep 0.02; done; cat $home/secret");
    let (sources, it) = (home.sources(), sourced(source("op://a/b/c", program), ""));
    for _ in 0..5 {
        let started = async {
            while home.runs() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = secret(&sources, &it) => panic!("there is no secret yet"),
            () = started => {}
        }
    }
    fs::write(home.file("secret"), "one").unwrap();
    assert_eq!(secret(&sources, &it).await.unwrap(), "one");
    assert_eq!(home.runs(), 1);
}

#[tokio::test]
async fn slow_one_whose_files_hang_keeps_no_other_from_being_read() {
    let home = Home::new();
    let program = home.program("printf s3cret");
    let sources = home.sources();
    let other = sourced(source("op://a/b/c", program.clone()), "");
    let hung = sourced(source("op://a/b/d", program.clone()), "");
    // a look at its files, and all looks of those who ask what a reference means
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = Arc::new(Mutex::new(ended));
    let no_answer = || {
        let ended = Arc::clone(&ended);
        move || {
            let _ = ended.lock().map(|ended| ended.recv());
            Ok(())
        }
    };
    let kept = hung.kept::<Kept>();
    let looks = futures_util::future::join4(
        kept.looks.look("/mnt/op", no_answer()),
        sources.looks.look("/mnt/op", no_answer()),
        sources.looks.look("/mnt/op", no_answer()),
        secret(&sources, &other),
    );
    let (one, two, three, read) = looks.await;
    assert_eq!(read.unwrap(), "s3cret");
    for looked in [one, two, three] {
        let error = looked.unwrap_err();
        assert!(matches!(error, SourceError::Unanswered { .. }), "{error}");
    }
    let asked = sources.propose("op://a/b/c", Some(&program), 60);
    let (error, asked) = tokio::join!(secret(&sources, &hung), asked);
    assert!(matches!(error, Err(SourceError::Busy(_))));
    assert!(matches!(asked, Err(SourceError::Busy(_))));
    assert_eq!(home.runs(), 1);
    drop(end);
    let asked = sources.propose("op://a/b/c", Some(&program), 60).await;
    assert!(asked.is_ok());
}

#[test]
fn the_owner_is_told_what_of_a_command_is_not_looked_at_and_who_can_read_its_token() {
    let warnings = |reference: &str, program: &str| {
        let proposal = proposed(reference, program).unwrap();
        proposal.warnings.join("\n")
    };
    let home = Home::new();
    let own = home.program("");
    let by_name = warnings("cmd:///usr/bin/env op read", "/usr/bin/env");
    assert!(by_name.contains("runs what \"op\" means"), "{by_name}");
    let by_path = format!("cmd:///usr/bin/env {own}");
    let by_path = proposed(&by_path, "/usr/bin/env").unwrap();
    assert!(!by_path.warnings.join("").contains("means"), "{by_path:?}");
    assert_eq!(by_path.read_by, format!("/usr/bin/env {own}"));
    let op = warnings("op://a/b/c", &own);
    assert!(op.contains("read the token in its environment"), "{op}");
    assert!(op.contains("opens this item only"), "{op}");
    assert!(warnings("bw://a/password", &own).contains("all of your vault"));
    assert!(!warnings("pass://a", &own).contains("token"));
}
