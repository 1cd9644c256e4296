//! What another process of the same user, or of another one, can get at.

use std::fs;
use std::process::Command;

use axis_tests::{Home, Host, PASSWORD, Upstream, canary, wait_for};
use serde_json::json;

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// An ordinary user: root may read everything, so as root it would prove nothing.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The home's commands as an ordinary user, where this test runs as root.
fn as_ordinary_user(command: &Command) -> Command {
    if !is_root() {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args()).env_clear();
        same.envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
        return same;
    }
    let mut other = Command::new("setpriv");
    other
        .arg(format!("--reuid={NOBODY}"))
        .arg(format!("--regid={NOBODY}"))
        .args(["--clear-groups", "--"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    other.envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
    other
}

/// A home that belongs to an ordinary user, with binaries that it can run.
fn ordinary_home() -> Home {
    let home = Home::empty();
    if is_root() {
        for program in ["axis", "axisd"] {
            fs::copy(axis_tests::binary(program), home.file(program)).unwrap();
        }
        std::os::unix::fs::chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    } else {
        for program in ["axis", "axisd"] {
            std::os::unix::fs::symlink(axis_tests::binary(program), home.file(program)).unwrap();
        }
    }
    home
}

fn own_command(home: &Home, program: &str) -> Command {
    let mut command = Command::new(home.file(program));
    command
        .env("AXIS_HOME", home.path())
        .env("HOME", home.path())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).env("PATH", "/usr/bin:/bin");
    command
}

#[test]
fn a_process_of_the_same_user_can_read_nothing_of_axisd() {
    let home = ordinary_home();
    let mut init = own_command(&home, "axis");
    init.arg("init").env("AXIS_MASTER_PASSWORD", PASSWORD);
    axis_tests::run(as_ordinary_user(&init), "").ok();
    let pid = wait_for("axisd to run", || home.pid());

    for look in [
        "head -c1 /proc/PID/environ",
        "head -c1 /proc/PID/mem",
        "head -c1 /proc/PID/maps",
        "readlink /proc/PID/fd/0",
        "ls /proc/PID/fd",
    ] {
        let script = look.replace("PID", &pid.to_string());
        let ran = axis_tests::run(as_ordinary_user(&shell(&script)), "");
        assert!(!ran.status.success(), "{look}: {ran:?}");
    }
    let ran = axis_tests::run(
        as_ordinary_user(&shell(&format!("cat /proc/{pid}/cmdline"))),
        "",
    );
    assert!(!ran.stdout.contains(PASSWORD), "{ran:?}");
    // core dumps are off
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.contains("core file"))
        .unwrap();
    assert!(
        core.split_whitespace().filter(|word| *word == "0").count() >= 2,
        "{core}"
    );
}

#[test]
fn an_axisd_given_the_password_in_its_environment_no_longer_has_it_there() {
    let home = Home::ready();
    home.kill();
    let axisd = home.axisd_unlocked();
    wait_for("the vault to be open", || {
        let ran = home.axis_without_password(&["status", "--json"]);
        (ran.status.success() && ran.json()["vault"]["state"] == "unlocked").then_some(())
    });
    // as root even a closed process can be read: it must not be there at all
    if is_root() {
        let environment = fs::read(format!("/proc/{}/environ", axisd.pid())).unwrap();
        let text = String::from_utf8_lossy(&environment);
        assert!(
            !text.contains("MASTER_PASSWORD") && !text.contains(PASSWORD),
            "{text}"
        );
    }
    let name = fs::read_to_string(format!("/proc/{}/comm", axisd.pid())).unwrap();
    assert_eq!(
        name.trim(),
        "axisd",
        "it started itself again under its own name"
    );
}

#[test]
fn an_autostarted_axisd_keeps_little_of_its_starters_environment() {
    let home = Home::ready();
    home.kill();
    let mut command = home.command("axis");
    command
        .args(["daemon", "start"])
        .env("LD_PRELOAD_TEST", "1")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("SSL_CERT_FILE", "/tmp/evil.pem")
        .env("NODE_OPTIONS", "--require evil")
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("PATH", "/tmp/evil:/usr/bin");
    axis_tests::run(command, "").ok();
    let pid = home.pid().unwrap();
    if !is_root() {
        return; // closed to us, which the first test shows
    }
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8_lossy(&environment);
    for gone in [
        "LD_PRELOAD_TEST",
        "PROXY",
        "SSL_CERT",
        "NODE_OPTIONS",
        "MASTER_PASSWORD",
        "/tmp/evil",
    ] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    assert!(text.contains("AXIS_HOME"));
    assert_eq!(
        fs::read_link(format!("/proc/{pid}/cwd"))
            .unwrap()
            .as_os_str(),
        "/"
    );
    let descriptors: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| {
            fs::read_link(entry.unwrap().path())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    assert!(
        !descriptors.iter().any(|target| target.starts_with("pipe:")),
        "the password's pipe is closed: {descriptors:?}"
    );
}

#[test]
fn proxies_of_the_environment_are_not_obeyed() {
    let thief = Upstream::friendly();
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("proxy"), ALLOW);
    home.kill();
    let mut command = home.command("axisd");
    for variable in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env(variable, thief.url());
    }
    command.env("AXIS_MASTER_PASSWORD", PASSWORD);
    let _axisd = home.spawn(command);
    wait_for("the vault to be open", || {
        let ran = home.axis_without_password(&["status", "--json"]);
        (ran.status.success() && ran.json()["vault"]["state"] == "unlocked").then_some(())
    });
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(thief.requests().is_empty());
}

#[test]
fn another_user_cant_connect() {
    if !is_root() {
        return; // it takes a second user to try
    }
    use std::os::unix::fs::PermissionsExt;
    let home = Home::ready();
    let script = format!(
        "use IO::Socket::UNIX; $SIG{{PIPE}} = 'IGNORE'; \
         my $s = IO::Socket::UNIX->new(Peer => '{}') or die $!; \
         syswrite $s, \"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\"; \
         my $n = sysread $s, my $answer, 100; print 'GOT ', $n // 0;",
        home.file("run/admin.sock").display()
    );
    let attempt = || {
        let mut perl = Command::new("/usr/bin/perl");
        perl.args(["-e", &script]);
        axis_tests::run(as_ordinary_user(&perl), "")
    };
    assert!(
        attempt().stderr.contains("Permission"),
        "the directory is closed"
    );
    // even with every mode wide open the peer's uid is looked at
    for path in ["", "run", "run/admin.sock"] {
        fs::set_permissions(home.file(path), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let ran = attempt();
    assert!(
        ran.stdout.contains("GOT 0") || ran.stderr.contains("reset"),
        "{ran:?}"
    );
}
