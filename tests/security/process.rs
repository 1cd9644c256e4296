//! What another process of the same user, or of another one, can get at.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use axis_tests::{Home, Host, PASSWORD, Upstream, as_user, canary, wait_for};
use serde_json::json;

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// An ordinary user: root may read everything, so as root it would prove nothing.
const NOBODY: u32 = 65534;

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The home's commands as an ordinary user, where this test runs as root.
pub(crate) fn as_ordinary_user(command: &Command) -> Command {
    if !is_root() {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args()).env_clear();
        same.envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
        return same;
    }
    let mut other = as_user(NOBODY, command.get_program());
    other.args(command.get_args()).env_clear();
    other.envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
    other
}

/// A home that belongs to an ordinary user, with binaries that it can run.
pub(crate) fn ordinary_home() -> Home {
    let home = Home::empty();
    if is_root() {
        for program in ["axis", "axisd"] {
            fs::copy(axis_tests::binary(program), home.file(program)).unwrap();
            // whatever umask they were built under
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(home.file(program), mode).unwrap();
        }
        std::os::unix::fs::chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    } else {
        for program in ["axis", "axisd"] {
            std::os::unix::fs::symlink(axis_tests::binary(program), home.file(program)).unwrap();
        }
    }
    home
}

pub(crate) fn own_command(home: &Home, program: &str) -> Command {
    let mut command = Command::new(home.file(program));
    command
        .env("AXIS_HOME", home.path())
        .env("HOME", home.path())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

pub(crate) fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).env("PATH", "/usr/bin:/bin");
    command
}

#[test]
fn an_axisd_given_the_password_in_its_environment_no_longer_has_it_there() {
    let home = Home::ready();
    home.kill();
    let mut command = home.command("axisd");
    command
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("SSL_CERT_FILE", "/tmp/evil.pem");
    let axisd = home.spawn(command);
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
        assert!(
            !text.contains("SSL_CERT_FILE"),
            "no one chooses its root certificates: {text}"
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
    let given_back = text.contains("GLIBC_TUNABLES=glibc.malloc.mmap_threshold=");
    assert_eq!(given_back, cfg!(target_env = "gnu"), "{text}");
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

/// A library that leaves a file `hooked-NAME` in HOME in each program that loads it.
fn hook(home: &Home) -> std::path::PathBuf {
    let source = home.file("hook.c");
    let library = home.file("hook.so");
    fs::write(
        &source,
        r#"
        #define _GNU_SOURCE
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        __attribute__((constructor)) static void hooked(void) {
            char path[4096];
            snprintf(path, sizeof path, "%s/hooked-%s", getenv("HOME"), program_invocation_short_name);
            FILE *file = fopen(path, "w");
            if (file) fclose(file);
        }
        "#,
    )
    .unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source);
    axis_tests::run(cc, "").ok();
    library
}

#[test]
fn what_an_agent_loads_into_its_shim_is_not_loaded_into_the_axisd_that_it_starts() {
    let home = Home::ready();
    home.kill();
    let mut command = home.command("axis");
    command.arg("mcp").env("LD_PRELOAD", hook(&home));
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    wait_for("the shim to start axisd", || home.pid());
    assert!(home.file("hooked-axis").exists(), "the hook works");
    assert!(!home.file("hooked-axisd").exists());
}

#[test]
fn a_shim_without_even_a_home_serves_and_says_what_it_lacks() {
    let home = ordinary_home();
    let mut command = Command::new(home.file("axis"));
    // not started: where this user's own files are, a test has no business
    command.arg("mcp").env("AXIS_AUTOSTART", "0");
    let mut host = Host::spawn(as_ordinary_user(&command));
    host.initialize("2025-06-18");
    let tools = host.request("tools/list", &json!({}));
    assert_eq!(
        tools["result"]["tools"].as_array().unwrap().len(),
        2,
        "{tools}"
    );
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert!(answer["request_id"].is_string(), "{answer}");
    if is_root() {
        // an ordinary user who runs this may have an axisd of their own
        assert_eq!(answer["error"]["code"], "daemon_unavailable", "{answer}");
    }
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

#[test]
fn a_socket_that_another_user_serves_never_gets_the_password() {
    if !is_root() {
        return; // it takes a second user to try
    }
    let home = Home::ready();
    home.kill();
    let socket = home.file("run/admin.sock");
    let took = home.file("run/took");
    fs::write(&took, "").unwrap();
    std::os::unix::fs::chown(&took, Some(NOBODY), Some(NOBODY)).unwrap();
    for path in ["", "run"] {
        fs::set_permissions(home.file(path), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let script = format!(
        "use IO::Socket::UNIX; unlink '{0}'; \
         my $l = IO::Socket::UNIX->new(Local => '{0}', Listen => 5) or die $!; chmod 0777, '{0}'; \
         open my $out, '>>', '{1}'; $out->autoflush(1); print $out \"listening\\n\"; \
         while (my $c = $l->accept) {{ sysread $c, my $got, 65536; print $out \"got:$got\\n\"; }}",
        socket.display(),
        took.display()
    );
    let mut perl = Command::new("/usr/bin/perl");
    perl.args(["-e", &script]);
    let mut squatter = as_ordinary_user(&perl).spawn().unwrap();
    wait_for("the squatter to listen", || {
        fs::read_to_string(&took)
            .unwrap()
            .contains("listening")
            .then_some(())
    });
    let mut client = home.command("axis");
    client
        .args(["unlock"])
        .env("AXIS_AUTOSTART", "0")
        .env("AXIS_MASTER_PASSWORD", PASSWORD);
    let ran = axis_tests::run(client, "");
    wait_for("the squatter to have been connected to", || {
        fs::read_to_string(&took)
            .unwrap()
            .contains("got:")
            .then_some(())
    });
    squatter.kill().unwrap();
    squatter.wait().unwrap();
    assert_eq!(ran.code(), 3, "{ran:?}");
    let got = fs::read_to_string(&took).unwrap();
    assert!(!got.contains("got:PRI"), "and not a byte was sent: {got}");
}
