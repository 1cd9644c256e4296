//! axisd as a service: the files that `axis daemon install` writes, and sockets
//! that systemd holds. No systemd runs where tests run: its own tools stand in
//! for it, and a script that writes down what `systemctl` was told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axis_tests::{Home, Host, PASSWORD, Ran, Upstream, binary, canary, run, wait_for};
use rustix::process::Signal;
use serde_json::json;

use crate::calls::ALLOW_GITHUB;

/// A home with a `systemctl` that writes down what it is told, and ends with
/// `status`.
struct Machine {
    home: Home,
    bin: PathBuf,
}

impl Machine {
    fn with_systemctl(home: Home, status: i32) -> Self {
        let bin = home.file("bin");
        fs::create_dir(&bin).unwrap();
        let machine = Self { home, bin };
        machine.stand_in(
            "systemctl",
            &format!("echo \"Failed to connect to bus: No medium found\" >&2; exit {status}"),
        );
        machine
    }

    /// A program that writes down its arguments and then does `script`.
    fn stand_in(&self, name: &str, script: &str) {
        let path = self.bin.join(name);
        let told = self.home.file("told");
        let text = format!("#!/bin/sh\necho \"$@\" >> '{}'\n{script}\n", told.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn axis(&self, arguments: &[&str]) -> Ran {
        let mut command = self.home.command("axis");
        command
            .args(arguments)
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()));
        run(command, "")
    }

    fn told(&self) -> Vec<String> {
        let told = fs::read_to_string(self.home.file("told")).unwrap_or_default();
        told.lines().map(ToOwned::to_owned).collect()
    }

    fn unit(&self, name: &str) -> PathBuf {
        self.home.file(".config/systemd/user").join(name)
    }
}

#[test]
fn install_makes_axisd_a_service_and_uninstall_takes_it_back() {
    let machine = Machine::with_systemctl(Home::ready(), 0);
    let pid = machine.home.pid().unwrap();
    let installed = machine.axis(&["daemon", "install"]).ok();
    let stopped = format!("process {pid}");
    assert!(installed.stdout.contains(&stopped), "{installed:?}");
    assert!(installed.stdout.contains("axis unlock"), "{installed:?}");
    assert_eq!(machine.home.pid(), None, "what was no service has stopped");
    let service = fs::read_to_string(machine.unit("axisd.service")).unwrap();
    let start = format!("ExecStart={}", binary("axisd").display());
    assert!(service.contains(&start), "{service}");
    let home = format!("AXIS_HOME={}", machine.home.path().display());
    assert!(service.contains(&home), "{service}");
    let socket = fs::read_to_string(machine.unit("axisd.socket")).unwrap();
    let listens = format!(
        "ListenStream={}",
        machine.home.file("run/broker.sock").display()
    );
    assert!(socket.contains(&listens), "{socket}");
    assert_eq!(
        machine.told(),
        [
            "--user daemon-reload",
            "--user stop axisd.socket axisd.service",
            "--user enable --now axisd.socket"
        ]
    );

    let again = machine.axis(&["daemon", "install"]).ok();
    assert!(!again.stdout.contains("wrote"), "{again:?}");

    let removed = machine.axis(&["daemon", "uninstall"]).ok();
    assert!(
        removed.stdout.contains("no service any more"),
        "{removed:?}"
    );
    assert!(!machine.unit("axisd.service").exists() && !machine.unit("axisd.socket").exists());
    let told = machine.told();
    assert_eq!(
        told[told.len() - 2..],
        [
            "--user disable --now axisd.socket axisd.service",
            "--user daemon-reload"
        ]
    );
    assert!(machine.home.file("keystore.json").exists());
    assert!(machine.home.file("audit.jsonl").exists());
    let nothing = machine.axis(&["daemon", "uninstall"]).ok();
    assert!(nothing.stdout.contains("no service here"), "{nothing:?}");
    machine.home.axis(&["unlock"]).ok();
}

#[test]
fn doctor_names_units_that_were_changed_and_what_was_added_to_them() {
    let machine = Machine::with_systemctl(Home::ready(), 0);
    let units = || {
        let report = machine.axis(&["doctor", "--json"]).json();
        let checks = report["checks"].as_array().unwrap().iter();
        let mut found = checks.filter(|check| check["name"] == "units").cloned();
        found.next()
    };
    assert_eq!(units(), None, "there is nothing to look at");
    machine.axis(&["daemon", "install"]).ok();
    assert_eq!(units().unwrap()["state"], "ok");
    let added = machine.unit("axisd.service.d");
    fs::create_dir(&added).unwrap();
    fs::write(
        added.join("x.conf"),
        "[Service]\nEnvironment=LD_PRELOAD=/tmp/x.so\n",
    )
    .unwrap();
    let check = units().unwrap();
    assert_eq!(check["state"], "warn", "{check}");
    assert_eq!(
        check["fix"].as_str().unwrap().split(' ').next_back(),
        added.to_str()
    );
    fs::remove_dir_all(&added).unwrap();
    fs::write(machine.unit("axisd.service"), "[Service]\n").unwrap();
    let check = units().unwrap();
    assert_eq!(check["fix"], "axis daemon install", "{check}");
}

#[test]
fn where_no_systemd_runs_install_says_what_is_left_to_do_and_stops_nothing() {
    let machine = Machine::with_systemctl(Home::ready(), 1);
    let pid = machine.home.pid();
    let installed = machine.axis(&["daemon", "install"]);
    assert_eq!(installed.code(), 3, "{installed:?}");
    for piece in [
        "No medium found",
        "systemctl --user daemon-reload",
        "systemctl --user enable --now axisd.socket",
    ] {
        assert!(installed.stderr.contains(piece), "{piece}: {installed:?}");
    }
    assert!(machine.unit("axisd.socket").exists());
    assert_eq!(machine.home.pid(), pid, "it goes on");
    let removed = machine.axis(&["daemon", "uninstall"]).ok();
    assert!(removed.stderr.contains("No medium found"), "{removed:?}");
    assert!(!machine.unit("axisd.socket").exists());
}

#[test]
fn a_dry_run_prints_the_files_and_the_commands_and_does_nothing() {
    let machine = Machine::with_systemctl(Home::ready(), 0);
    let pid = machine.home.pid();
    let shown = machine.axis(&["daemon", "install", "--dry-run"]).ok();
    for piece in [
        "ExecStart=/",
        "ListenStream=/",
        "systemctl --user enable --now axisd.socket",
    ] {
        assert!(shown.stdout.contains(piece), "{piece}: {shown:?}");
    }
    assert!(!machine.home.file(".config").exists());
    assert!(machine.told().is_empty());
    assert_eq!(machine.home.pid(), pid);
}

/// What `systemd-analyze` finds wrong with units.
fn analyze(home: &Home, arguments: &[&str], units: &[&Path]) -> Ran {
    let mut analyze = Command::new("systemd-analyze");
    analyze
        .args(arguments)
        .args(units)
        .env_clear()
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("PATH", "/usr/bin:/bin");
    run(analyze, "")
}

#[test]
fn systemd_finds_no_fault_in_the_units() {
    let machine = Machine::with_systemctl(Home::empty(), 0);
    machine.axis(&["daemon", "install"]).ok();
    let user = ["axisd.service", "axisd.socket"].map(|name| machine.unit(name));
    let packaged = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/systemd"));
    let system = machine.home.file("axisd.service");
    let text = fs::read_to_string(packaged.join("system/axisd.service")).unwrap();
    let program = binary("axisd").display().to_string();
    fs::write(&system, text.replace("/usr/bin/axisd", &program)).unwrap();

    let user = user.each_ref().map(PathBuf::as_path);
    for (arguments, units) in [
        (&["verify", "--user"][..], &user[..]),
        (&["verify"], &[&system]),
    ] {
        let found = analyze(&machine.home, arguments, units).ok();
        let about_ours = found.stderr.lines().filter(|line| line.contains("axisd"));
        assert_eq!(about_ours.count(), 0, "{found:?}");
    }
    // its own measure of exposure, in tenths: 100 is a service without any hardening
    for (unit, most) in [(user[0], "65"), (system.as_path(), "20")] {
        let threshold = format!("--threshold={most}");
        let arguments = ["security", "--offline=true", "--no-pager", &threshold];
        analyze(&machine.home, &arguments, &[unit]).ok();
    }
}

/// Listens as systemd would on the sockets of `home`, or at `paths`: the first
/// connection starts axisd, in the very process.
fn activated(home: &Home, paths: &[PathBuf], password: &str) -> axis_tests::Axisd {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "umask 077; export SYSTEMD_EXEC_PID=$$ MANAGERPID=$PPID; exec systemd-socket-activate \"$@\"",
            "sh",
            "-E",
            "AXIS_HOME",
            "-E",
            "AXIS_MASTER_PASSWORD",
            "-E",
            "SYSTEMD_EXEC_PID",
            "-E",
            "MANAGERPID",
            "-E",
            "HOME",
        ])
        .env_clear()
        .env("AXIS_HOME", home.path())
        .env("HOME", home.path())
        .env("AXIS_MASTER_PASSWORD", password)
        .env("PATH", "/usr/bin:/bin");
    for path in paths {
        let _ = fs::remove_file(path);
        command.arg("-l").arg(path);
    }
    command.arg(binary("axisd"));
    let axisd = home.spawn(command);
    wait_for("the sockets", || {
        paths.iter().all(|path| path.exists()).then_some(())
    });
    axisd
}

fn sockets(home: &Home) -> [PathBuf; 2] {
    ["run/broker.sock", "run/admin.sock"].map(|name| home.file(name))
}

fn host(home: &Home) -> Host {
    let mut shim = home.command("axis");
    // whatever starts axisd, the shim doesn't
    shim.arg("mcp")
        .env("AXIS_IDENTITY", "local-dev")
        .env("AXIS_AUTOSTART", "0");
    let mut host = Host::spawn(shim);
    host.initialize("2025-06-18");
    host
}

#[test]
fn the_first_call_on_sockets_that_systemd_holds_starts_axisd_and_is_answered() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("activated"), ALLOW_GITHUB);
    home.kill();
    let paths = sockets(&home);
    // it starts itself again without the password, and keeps the sockets
    let mut axisd = activated(&home, &paths, PASSWORD);
    assert_eq!(home.pid(), None, "nobody has called yet");

    let mut host = host(&home);
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(home.pid(), Some(axisd.pid()));
    let status = home
        .axis_without_password(&["status", "--json"])
        .ok()
        .json();
    assert_eq!(status["started_by"], "systemd", "{status}");
    for path in &paths {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }

    let stopped = home.axis_without_password(&["daemon", "stop"]).ok();
    assert!(
        stopped.stdout.contains("systemctl --user stop"),
        "{stopped:?}"
    );
    assert!(axisd.wait().success(), "{}", axisd.log());
    for path in &paths {
        assert!(
            path.exists(),
            "systemd goes on listening at {}",
            path.display()
        );
    }
    let not_running = home.axis_without_password(&["daemon", "stop"]).ok();
    assert!(
        not_running.stdout.contains("not running"),
        "{not_running:?}"
    );
}

#[test]
fn sockets_where_no_client_looks_are_refused_with_what_mends_it() {
    let home = Home::ready();
    home.kill();
    let elsewhere = home.file("elsewhere.sock");
    let mut axisd = activated(&home, std::slice::from_ref(&elsewhere), "");
    let _first = std::os::unix::net::UnixStream::connect(&elsewhere).unwrap();
    assert!(!axisd.wait().success());
    let log = axisd.log();
    assert!(
        log.contains("elsewhere.sock") && log.contains("axis daemon install"),
        "{log}"
    );
}

#[test]
fn systemd_is_told_when_axisd_serves_and_when_it_ends() {
    let home = Home::ready();
    home.kill();
    let path = home.file("notify");
    let told = UnixDatagram::bind(&path).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let next = || {
        let mut message = [0; 256];
        let length = told.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length])
            .trim()
            .to_owned()
    };
    let mut command = home.command("axisd");
    command.env("NOTIFY_SOCKET", &path);
    let mut axisd = home.spawn(command);
    assert_eq!(next(), "READY=1");
    // it serves by then
    home.axis_without_password(&["status"]).ok();
    axisd.signal(Signal::TERM);
    assert_eq!(next(), "STOPPING=1");
    assert!(axisd.wait().success());
}

#[test]
fn a_password_in_the_environment_opens_the_vault_of_an_axisd_that_systemd_starts() {
    let vault = |home: &Home| {
        let status = home.axis_without_password(&["status", "--json"]).ok();
        let status = status.json();
        assert_eq!(status["started_by"], "systemd", "{status}");
        status["vault"]["state"].clone()
    };
    // `start` is what `restart` does once the one before has stopped
    for command in [&["daemon", "start"][..], &["identity", "list"]] {
        let home = Home::ready();
        home.kill();
        let _axisd = activated(&home, &sockets(&home), "");
        home.axis(command).ok();
        assert_eq!(vault(&home), "unlocked", "{command:?}");
        // what its owner locks stays locked
        home.axis(&["lock"]).ok();
        home.axis(command).ok();
        assert_eq!(vault(&home), "locked", "{command:?}");
    }
}

#[test]
fn the_daemons_log_is_shown_from_its_file_or_from_the_journal() {
    let machine = Machine::with_systemctl(Home::ready(), 0);
    let shown = machine.axis(&["daemon", "logs"]).ok();
    assert!(shown.stdout.contains("axisd serves"), "{shown:?}");
    let last = machine.axis(&["daemon", "logs", "--last", "1"]).ok();
    assert_eq!(last.stdout.lines().count(), 1, "{last:?}");

    machine.stand_in("journalctl", "echo 'a line of the journal'");
    machine.axis(&["daemon", "install"]).ok();
    let shown = machine.axis(&["daemon", "logs", "--last", "7"]).ok();
    assert_eq!(shown.stdout, "a line of the journal\n");
    let told = machine.told().pop().unwrap();
    assert_eq!(told, "--user --unit axisd.service --no-pager --lines 7");

    let bare = Home::empty();
    let none = bare.axis_without_password(&["daemon", "logs"]);
    assert_eq!(none.code(), 1, "{none:?}");
    assert!(none.stderr.contains("no log"), "{none:?}");
}

#[test]
fn new_lines_of_the_daemons_log_are_followed_also_after_it_was_emptied() {
    use std::io::{BufRead, BufReader, Write};
    let home = Home::empty();
    let log = home.file("axisd.log");
    fs::write(&log, "first\nsecond \u{1b}[2J\n").unwrap();
    let mut command = home.command("axis");
    let mut following = command
        .args(["daemon", "logs", "--tail", "--last", "1"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), "second \\u{1b}[2J");
    let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(b"thi").unwrap();
    file.write_all(b"rd\n").unwrap();
    assert_eq!(next(), "third");
    fs::write(&log, "anew\n").unwrap();
    assert_eq!(next(), "anew");
    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn an_axisd_that_a_client_starts_says_so() {
    let home = Home::ready();
    let by = |home: &Home| {
        let status = home.axis_without_password(&["status", "--json"]).ok();
        status.json()["started_by"].clone()
    };
    assert_eq!(by(&home), "client");
    home.kill();
    let _axisd = home.axisd(&[]);
    home.wait_until_up();
    assert_eq!(by(&home), "hand");
}

#[test]
fn a_stale_socket_of_a_dead_axisd_is_still_replaced() {
    let home = Home::ready();
    home.kill();
    let [broker, _] = sockets(&home);
    let _ = fs::remove_file(&broker);
    drop(UnixListener::bind(&broker).unwrap());
    assert!(broker.exists());
    home.axis(&["daemon", "start"]).ok();
}
