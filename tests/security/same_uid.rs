//! What a program of the same user tries on axisd, the shim and the command
//! line: all of `/proc`, the debugger's calls, core dumps, and the moment in
//! which a process starts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use axis_tests::{Home, Host, PASSWORD, Ran, canary, run, wait_for};

use crate::process::{as_ordinary_user, is_root, ordinary_home, own_command, shell};

/// Prints every file of a process that it could read, every directory that it
/// could list, every link that it could follow and every call of a debugger that
/// it was allowed.
const LOOK: &str = r#"
use strict; use POSIX ();
my ($pid, $attach, $vm_readv) = @ARGV;
sub look {
    my ($path, $depth) = @_;
    if (-l $path) { print "link $path\n" if defined readlink $path; return; }
    if (opendir my $directory, $path) {
        my @names = grep { !/^\.\.?$/ } readdir $directory;
        print "list $path\n" if @names;
        if ($depth) { look("$path/$_", $depth - 1) for @names; }
        return;
    }
    return if $path =~ m{/net/|/attr/};
    if (sysopen my $file, $path, POSIX::O_RDONLY | POSIX::O_NONBLOCK) {
        my $got = sysread $file, my $bytes, 1 << 20;
        if ($got) { print "read $path\n"; $bytes =~ s/[\0\n]/ /g; print "holds $bytes\n"; }
    }
    print "write $path\n" if $path =~ /mem$|clear_refs$/ && open my $out, '>', $path;
}
look("/proc/$pid", 3);
for my $by (0..300) { print "descriptor $by\n" if -e "/proc/$pid/fd/$by" && open my $file, '<', "/proc/$pid/fd/$by"; }
my $buffer = "\0" x 16; my $vector = pack 'QQ', unpack('Q', pack 'p', $buffer), 16;
print "process_vm_readv\n" if $! = 0, syscall($vm_readv, $pid + 0, $vector, 1, $vector, 1, 0) >= 0 || $!{EFAULT};
my $handle = syscall(434, $pid + 0, 0);
print "pidfd_getfd\n" if $handle >= 0 && syscall(438, $handle, 0, 0) >= 0;
print "seize\n" if syscall($attach, 0x4206, $pid + 0, 0, 0) == 0;
print "attach\n" if syscall($attach, 16, $pid + 0, 0, 0) == 0;
"#;

/// What the kernel tells everybody about every process.
const PUBLIC: [&str; 28] = [
    "arch_status",
    "autogroup",
    "cgroup",
    "children",
    "cmdline",
    "comm",
    "coredump_filter",
    "cpu_resctrl_groups",
    "cpuset",
    "limits",
    "loginuid",
    "mountinfo",
    "mounts",
    "oom_adj",
    "oom_score",
    "oom_score_adj",
    "sched",
    "schedstat",
    "sessionid",
    "stat",
    "statm",
    "status",
    "wchan",
    "gid_map",
    "projid_map",
    "setgroups",
    "timens_offsets",
    "uid_map",
];

/// What that finds at the process `pid`.
fn found_at(pid: u32) -> String {
    let (attach, vm_readv) = if cfg!(target_arch = "aarch64") {
        ("117", "270")
    } else {
        ("101", "310")
    };
    let mut perl = Command::new("/usr/bin/perl");
    perl.args(["-e", LOOK, &pid.to_string(), attach, vm_readv]);
    let ran = run(as_ordinary_user(&perl), "").ok();
    ran.stdout
}

/// Those of them that are none of other processes' business.
fn opened(found: &str) -> Vec<&str> {
    let lines = found.lines().filter(|line| {
        let Some((how, path)) = line.split_once(' ') else {
            // a call
            return true;
        };
        let parts: Vec<&str> = path.split('/').collect();
        let name = parts.last().copied().unwrap_or_default();
        match how {
            "read" => !PUBLIC.contains(&name),
            // the process itself, its threads, and what the network looks like
            "list" => {
                !(parts.len() == 3
                    || name == "task"
                    || parts[parts.len() - 2] == "task"
                    || path.contains("/net")
                    || name == "attr")
            }
            "link" | "descriptor" | "write" => true,
            _ => false,
        }
    });
    lines.collect()
}

#[test]
fn nothing_of_any_axis_process_opens_to_another_process_of_the_same_user() {
    let home = ordinary_home();
    let mut control = as_ordinary_user(&shell("exec sleep 600"))
        .env("CONTROL", "a-word-to-be-found")
        .spawn()
        .unwrap();
    wait_for("the control to run", || {
        let name = fs::read_to_string(format!("/proc/{}/comm", control.id())).ok()?;
        (name.trim() == "sleep").then_some(())
    });
    // all of it opens where a process doesn't close itself
    let found = found_at(control.id());
    for part in [
        "environ",
        "maps",
        "auxv",
        "a-word-to-be-found",
        "link",
        "descriptor",
        "write",
        "process_vm_readv",
        "pidfd_getfd",
        "seize",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    control.kill().unwrap();
    control.wait().unwrap();

    let mut init = own_command(&home, "axis");
    init.arg("init").env("AXIS_MASTER_PASSWORD", PASSWORD);
    run(as_ordinary_user(&init), "").ok();
    let axisd = wait_for("axisd to run", || home.pid());
    let mut shim = own_command(&home, "axis");
    shim.arg("mcp").env("AXIS_MASTER_PASSWORD", PASSWORD);
    let mut shim = Host::spawn(as_ordinary_user(&shim));
    shim.initialize("2025-06-18");
    let mut follower = own_command(&home, "axis");
    follower
        .args(["logs", "--tail"])
        .env("AXIS_MASTER_PASSWORD", PASSWORD);
    let mut follower = as_ordinary_user(&follower)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0];
    let stdout = follower.stdout.as_mut().unwrap();
    std::io::Read::read_exact(stdout, &mut first).unwrap();
    for (name, pid) in [
        ("axisd", axisd),
        ("the shim", shim.pid()),
        ("the command", follower.id()),
    ] {
        let found = found_at(pid);
        assert!(found.contains("cmdline"), "{name} was looked at: {found}");
        let opened = opened(&found);
        assert!(opened.is_empty(), "{name}: {opened:#?}");
        assert!(!found.contains(PASSWORD), "{name}: {found}");
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core = limits
            .lines()
            .find(|line| line.contains("core file"))
            .unwrap();
        let zeros = core.split_whitespace().filter(|word| *word == "0").count();
        assert_eq!(zeros, 2, "{name}: {core}");
    }
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn a_crash_leaves_no_core() {
    let home = ordinary_home();
    let directory = home.file("crashed");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    let crash = |program: &Command, ready: &dyn Fn(u32)| {
        // as much as may be, so that the process itself has to forbid it
        let words = as_ordinary_user(program);
        let mut command = shell("ulimit -c unlimited; exec \"$@\"");
        command
            .arg("sh")
            .arg(words.get_program())
            .args(words.get_args());
        command.env_clear();
        command.envs(
            words
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let mut child = command
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        ready(child.id());
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
        wait_for("the process to crash", || child.try_wait().unwrap())
    };
    let named = |name: &'static str| {
        move |pid: u32| {
            wait_for("the process to run", || {
                let comm = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
                (comm.trim() == name).then_some(())
            });
        }
    };
    let mut axisd = own_command(&home, "axisd");
    axisd.env("AXIS_MASTER_PASSWORD", PASSWORD);
    let status = crash(&axisd, &|_| {
        wait_for("axisd to run", || home.pid());
    });
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    let mut shim = own_command(&home, "axis");
    shim.arg("mcp").env("AXIS_AUTOSTART", "0");
    let status = crash(&shim, &|pid| {
        named("axis")(pid);
        wait_for("the shim to wait for its host", || {
            let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
            let core = limits.lines().find(|line| line.contains("core file"))?;
            core.contains(" 0 ").then_some(())
        });
    });
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

/// Looks at every process that starts, as fast as it can, for the password: in
/// its environment, and in the pipe that is its standard input. What it found
/// stands in the file that is its argument.
const WATCHER: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void look(const char *log, int pid, const char *what, const char *word) {
    char path[64], bytes[65536];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
    int file = open(path, O_RDONLY | O_NONBLOCK);
    if (file < 0) return;
    ssize_t got = read(file, bytes, sizeof bytes);
    close(file);
    if (got > 0 && memmem(bytes, got, word, strlen(word))) {
        FILE *out = fopen(log, "a");
        if (out) { fprintf(out, "%s %d %s\n", word, pid, what); fclose(out); }
    }
}
int main(int argc, char **argv) {
    (void) argc;
    int self = getpid(), known = self;
    FILE *out = fopen(argv[1], "a");
    if (!out) return 1;
    fprintf(out, "watching\n");
    fclose(out);
    while (getppid() != 1) {
        char text[128];
        int file = open("/proc/loadavg", O_RDONLY), last = known;
        ssize_t got = read(file, text, sizeof text - 1);
        close(file);
        if (got > 0) { text[got] = 0; last = atoi(strrchr(text, ' ') + 1); }
        if (last < known) known = last;
        for (int pid = last - known > 24 ? last - 24 : known - 8; pid <= last + 4; pid++) {
            if (pid <= 1 || pid == self) continue;
            look(argv[1], pid, "environ", argv[2]);
            look(argv[1], pid, "environ", argv[3]);
            look(argv[1], pid, "fd/0", argv[2]);
        }
        known = last;
    }
    return 0;
}
"#;

/// A watcher of the same user; it ends with this.
struct Watcher {
    child: Child,
    log: std::path::PathBuf,
    /// The password that it looks for; other tests have their own processes.
    password: String,
}

const CONTROL: &str = "the-watcher-sees-this";

impl Watcher {
    fn start(home: &Home) -> Self {
        let (source, program) = (home.file("watcher.c"), home.file("watcher"));
        fs::write(&source, WATCHER).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-o"]).arg(&program).arg(&source);
        run(cc, "").ok();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let log = home.file("watched");
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).unwrap();
        let mut command = Command::new(&program);
        let password = canary("watched");
        command.arg(&log).args([&password, CONTROL]);
        let child = as_ordinary_user(&command).spawn().unwrap();
        let watcher = Self {
            child,
            log,
            password,
        };
        wait_for("the watcher", || {
            watcher.found().contains("watching").then_some(())
        });
        watcher
    }

    fn found(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Has a client make a vault and start axisd so often, with the password in
    /// the client's environment.
    fn watch_starts(&self, home: &Home, times: usize) {
        // a shell of that user's, in whose own environment it never stood, nor
        // on its standard input
        let kept = home.file("kept");
        fs::write(&kept, format!("AXIS_MASTER_PASSWORD={}\n", self.password)).unwrap();
        fs::set_permissions(&kept, fs::Permissions::from_mode(0o644)).unwrap();
        let axis = |arguments: &str| -> Ran {
            let line = format!(
                ". {}; export AXIS_MASTER_PASSWORD; exec {} {arguments}",
                kept.display(),
                home.file("axis").display()
            );
            let mut command = shell(&line);
            command.envs(
                own_command(home, "axis")
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
            run(as_ordinary_user(&command), "").ok()
        };
        axis("init");
        for _ in 0..times {
            home.kill();
            axis("daemon start");
            wait_for(
                "the vault to be open, by the password from the pipe",
                || {
                    let status = axis("status --json");
                    (status.json()["vault"]["state"] == "unlocked").then_some(())
                },
            );
        }
    }

    /// Shows that it watches: a process that doesn't close itself.
    fn prove(&self) {
        let mut control = as_ordinary_user(&shell("exec sleep 600"));
        let mut control = control.env("CONTROL", CONTROL).spawn().unwrap();
        wait_for("the watcher to see an open process", || {
            self.found().contains(CONTROL).then_some(())
        });
        control.kill().unwrap();
        control.wait().unwrap();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_pipe_that_brings_axisd_its_password_is_read_by_nobody_else() {
    let home = ordinary_home();
    let watcher = Watcher::start(&home);
    watcher.watch_starts(&home, 5);
    watcher.prove();
    let found = watcher.found();
    assert!(!found.contains("fd/0"), "{found}");
}

#[test]
fn programs_that_their_user_may_not_read_are_closed_before_they_begin() {
    if !is_root() {
        return; // their user would own them, and could open them again
    }
    let home = ordinary_home();
    for program in ["axis", "axisd"] {
        let mode = fs::Permissions::from_mode(0o711);
        fs::set_permissions(home.file(program), mode).unwrap();
    }
    let watcher = Watcher::start(&home);
    watcher.watch_starts(&home, 3);
    watcher.prove();
    let found = watcher.found();
    // not even in the environment, in which the client got it
    assert!(!found.contains(&watcher.password), "{found}");
}
