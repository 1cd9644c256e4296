//! A machine that runs short of something, stops axisd, or starts it fifty
//! times at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use axis_tests::{Act, Burden, Faulty, Home, Host, PASSWORD, canary, run, wait_for};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};

use crate::upstreams::home_at;

/// An upstream that closes each connection, so that each call needs a new one.
fn closing() -> Faulty {
    Faulty::doing(|request| match request.path.as_str() {
        "/holds" => vec![Act::Hang],
        _ => vec![Act::say("HTTP/1.0 200 OK\r\n\r\n[]")],
    })
}

fn pid(home: &Home) -> Pid {
    let pid = i32::try_from(home.pid().unwrap()).unwrap();
    Pid::from_raw(pid).unwrap()
}

fn get(host: &mut Host) -> Value {
    host.execute("odd", "get", &json!({"path": "good"}))
}

#[test]
fn without_a_free_descriptor_calls_fail_in_words_and_go_on_once_there_is_one() {
    let upstream = closing();
    let home = home_at(&upstream.url(), &canary("descriptors"), "");
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    let before = Burden::of(home.pid().unwrap());
    let nofile = |current| {
        let limit = Rlimit {
            current: Some(current),
            maximum: None,
        };
        let kept = prlimit(Some(pid(&home)), Resource::Nofile, limit);
        kept.or_else(|_| {
            // whoever may not raise the hard limit leaves it as it is
            let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
            prlimit(
                Some(pid(&home)),
                Resource::Nofile,
                Rlimit { maximum, ..limit },
            )
        })
        .unwrap()
    };
    let usual = nofile(3);
    for _ in 0..20 {
        let answer = get(&mut host);
        assert_eq!(answer["error"]["code"], "upstream_unreachable", "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("Too many open files"), "{message}");
        assert!(message.contains("nothing was sent"), "{message}");
    }
    let asked = Instant::now();
    let status = home.axis_without_password(&["status"]);
    assert_eq!(status.code(), 3, "{status:?}");
    assert!(asked.elapsed() < Duration::from_secs(15), "{status:?}");
    nofile(usual.current.unwrap_or(4096));
    assert_eq!(get(&mut host)["ok"], true);
    home.axis_without_password(&["status"]).ok();
    home.axis_without_password(&["logs", "verify"]).ok();
    before.holds_again(home.pid().unwrap(), 4 * 1024);
}

#[test]
fn an_axisd_that_is_stopped_keeps_no_agent_waiting_and_goes_on_where_it_was() {
    let upstream = closing();
    let home = home_at(&upstream.url(), &canary("stopped"), "");
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    let under_way = host.start_execute("odd", "change", &json!({"path": "holds"}));
    upstream.wait_for("/holds");
    kill_process(pid(&home), Signal::STOP).unwrap();
    let stopped = Instant::now();
    let new = host.start_execute("odd", "get", &json!({"path": "good"}));
    let status = home.axis_without_password(&["status"]);
    assert_eq!(status.code(), 3, "{status:?}");
    let kill = format!("kill -9 {}", home.pid().unwrap());
    assert!(status.stderr.contains("answer within 5 s"), "{status:?}");
    assert!(status.stderr.contains(&kill), "{status:?}");
    for id in [under_way, new] {
        let answer = host.answer_within(id, Duration::from_mins(1));
        let told = &answer["result"]["structuredContent"]["error"];
        assert_eq!(told["code"], "daemon_unavailable", "{answer}");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("may or may not have reached"), "{message}");
    }
    assert!(stopped.elapsed() < Duration::from_secs(40));
    kill_process(pid(&home), Signal::CONT).unwrap();
    assert_eq!(get(&mut host)["ok"], true);
    // what its agent gave up is given up
    let last = wait_for("the call's end on record", || {
        let mut lines = home.audited_calls();
        lines.retain(|line| line["event"] == "finished" && line["action"] == "change");
        lines.pop()
    });
    assert_eq!(last["error"], "cancelled", "{last}");
    home.axis_without_password(&["logs", "verify"]).ok();
}

#[test]
fn of_fifty_that_are_started_at_once_one_serves_and_the_others_say_so() {
    let home = Home::ready();
    home.add("github", "ghp_1234567890ab", "http://127.0.0.1:9");
    // the second time over the leavings of one that was killed
    for _ in 0..2 {
        home.kill();
        let keystore = fs::read(home.file("keystore.json")).unwrap();
        let mut started: Vec<_> = (0..50).map(|_| home.axisd(&[])).collect();
        home.wait_until_up();
        let serving = home.pid().unwrap();
        for axisd in started.iter_mut().filter(|it| it.pid() != serving) {
            assert!(!axisd.wait().success());
        }
        let log = started[0].log();
        let said = log.matches("already running").count();
        fs::remove_file(home.file("test-axisd.log")).unwrap();
        assert_eq!(said, 49, "{log}");
        assert_eq!(home.pid(), Some(serving));
        assert_eq!(fs::read(home.file("keystore.json")).unwrap(), keystore);
        home.axis(&["unlock"]).ok();
        let listed = home.axis(&["list", "--json"]).ok().json();
        assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
        home.axis_without_password(&["logs", "verify"]).ok();
    }
}

#[test]
fn clients_that_find_no_daemon_at_once_start_one() {
    let home = Home::ready();
    home.kill();
    let ran: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| home.axis(&["list", "--json"])))
            .collect();
        running.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for ran in ran {
        ran.ok();
    }
    let starts = home
        .audit()
        .iter()
        .filter(|line| line["act"] == "daemon_started")
        .count();
    assert_eq!(starts, 2, "the first one, and one for all");
}

/// A user that no test but this one has processes of.
const USER: u32 = 61_234;

/// `program` of a copy that this user may run, with at most `threads`.
fn as_user(home: &Home, programs: &Path, program: &str, threads: &str) -> Command {
    let mut command = Command::new("setpriv");
    let user = USER.to_string();
    command
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .args(["prlimit", &format!("--nproc={threads}")])
        .arg(programs.join(program))
        .env_clear()
        .env("AXIS_HOME", home.path())
        .env("HOME", home.path())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

#[test]
fn without_a_free_thread_axisd_says_so_and_starts_once_there_is_one() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not done: only root may run axisd as another user");
        return;
    }
    let home = Home::empty();
    std::os::unix::fs::chown(home.path(), Some(USER), Some(USER)).unwrap();
    // the build directory may be closed to others
    let programs = tempfile::tempdir().unwrap();
    fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["axis", "axisd"] {
        let copy = programs.path().join(name);
        if fs::hard_link(axis_tests::binary(name), &copy).is_err() {
            fs::copy(axis_tests::binary(name), &copy).unwrap();
        }
    }
    for threads in ["1", "3", "8"] {
        let mut axisd = home.spawn(as_user(&home, programs.path(), "axisd", threads));
        assert!(!axisd.wait().success(), "{threads}: {}", axisd.log());
        let log = axisd.log();
        assert!(
            log.contains("may start no more threads"),
            "{threads}: {log}"
        );
        assert!(!log.contains("panicked"), "{threads}: {log}");
        fs::remove_file(home.file("test-axisd.log")).unwrap();
    }
    let axisd = home.spawn(as_user(&home, programs.path(), "axisd", "100"));
    let status = |threads: &str| {
        let mut command = as_user(&home, programs.path(), "axis", threads);
        command.arg("status");
        run(command, "")
    };
    wait_for("axisd to answer", || {
        status("100").status.success().then_some(())
    });
    // from now on it gets none, and works with those that it has
    let limited = Command::new("setpriv")
        .args(["--reuid", &USER.to_string(), "--regid", &USER.to_string()])
        .args(["--clear-groups", "prlimit", "--nproc=1"])
        .args(["--pid", &axisd.pid().to_string()])
        .status();
    assert!(limited.unwrap().success());
    let mut init = as_user(&home, programs.path(), "axis", "100");
    init.arg("init").env("AXIS_MASTER_PASSWORD", PASSWORD);
    run(init, "").ok();
    let mut list = as_user(&home, programs.path(), "axis", "100");
    list.args(["list", "--json"]);
    assert_eq!(run(list, "").ok().json()["unlocked"], true);
    assert!(!axisd.log().contains("panicked"), "{}", axisd.log());
}
