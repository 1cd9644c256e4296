//! What the processes of Axis hand on to those that they start: no descriptor
//! that isn't meant for them, and of their environment only what is listed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use axis_tests::{Dashboard, Home, Host, PASSWORD, Reply, Upstream, canary, run, wait_for};
use serde_json::json;

use crate::process::{as_ordinary_user, is_root, ordinary_home, own_command, shell};

const ALLOW: &str = "policies:
  - identity: local-dev
    allow:
      - {service: github, actions: [repos.get]}
      - {service: github, actions: [issues.list], ask: true}
";

/// The descriptors of `pid` beyond the standard ones that a program which it
/// execs would get, but for those that a test itself got from who runs it.
fn handed_on(pid: u32) -> Vec<String> {
    let inherited = open_to_children("self");
    let mut open = open_to_children(&pid.to_string());
    open.retain(|it| !inherited.contains(it));
    open
}

fn open_to_children(process: &str) -> Vec<String> {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let mut open = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(format!("/proc/{process}/fd")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // one may be closed while this looks
        let Ok(text) = fs::read_to_string(format!("/proc/{process}/fdinfo/{name}")) else {
            continue;
        };
        count += 1;
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = u32::from_str_radix(flags.unwrap().trim(), 8).unwrap();
        if name.parse::<u32>().unwrap() > 2 && flags & CLOSE_ON_EXEC == 0 {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            open.push(format!("{name} -> {}", target.display()));
        }
    }
    assert!(count > 3, "there are others than the standard ones");
    open
}

#[expect(clippy::print_stderr, reason = "nothing is left out silently")]
fn may_look() -> bool {
    if !is_root() {
        eprintln!("not looked at: only root may see another process's descriptors");
    }
    is_root()
}

#[test]
fn every_descriptor_of_every_axis_process_is_closed_to_what_it_starts() {
    if !may_look() {
        return;
    }
    let upstream = Upstream::answering(|_| {
        Reply::json(200, &json!({})).after(std::time::Duration::from_mins(1))
    });
    let home = Home::with_github(&upstream, &canary("descriptors"), ALLOW);
    home.axis(&["identity", "add", "claude"]).ok();
    let mut host = Host::connect(&home, "local-dev");
    let dashboard = Dashboard::open(&home);
    dashboard.sign_in();
    // in the midst of a call: clients, an upstream, files under watch
    host.start_execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    upstream.wait_for_requests(1);
    for (name, pid) in [
        ("axisd", home.pid().unwrap()),
        ("the shim", host.pid()),
        ("the dashboard", dashboard.pid()),
    ] {
        let open = handed_on(pid);
        assert!(open.is_empty(), "{name}: {open:#?}");
    }
}

#[test]
fn an_axisd_inherits_none_of_its_starters_descriptors() {
    if !may_look() {
        return;
    }
    let home = Home::ready();
    home.kill();
    let kept = home.file("opened-by-the-starter");
    fs::write(&kept, "x").unwrap();
    let axis = axis_tests::binary("axis");
    let script = format!(
        "exec 7<{0} 9<{0}; exec {1} daemon start",
        kept.display(),
        axis.display()
    );
    let mut starter = shell(&script);
    starter.env_clear().env("AXIS_HOME", home.path());
    run(starter, "").ok();
    let pid = home.pid().unwrap();
    let targets: Vec<_> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .collect();
    assert!(!targets.contains(&kept), "{targets:?}");
}

/// Writes a program that notes its environment and descriptors under `name` in
/// the home, and then does `more`.
fn noting(home: &Home, path: &str, name: &str, more: &str) -> String {
    let path = home.file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // no shell: it opens descriptors of its own
    let script = format!(
        r#"#!/usr/bin/perl
chdir '{}' or die;
opendir my $all, '/proc/self/fd' or die;
my @open = map {{ "$_ -> " . readlink("/proc/self/fd/$_") }} grep {{ /^\d+$/ }} readdir $all;
closedir $all;
open my $environment, '<', '/proc/self/environ' or die;
my $given = join '', <$environment>;
$given =~ tr/\0/\n/;
open my $out, '>', '{name}.env' or die;
print $out $given;
close $out;
open $out, '>', '{name}.part' or die;
print $out join("\n", @open), "\n";
close $out;
rename '{name}.part', '{name}.fds' or die;
{more}
"#,
        home.path().display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// The environment that a noting program got.
fn environment(home: &Home, name: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(home.file(&format!("{name}.env"))).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// The descriptors that it got, but for its own script and the list of them.
fn descriptors(home: &Home, name: &str, program: &str) -> Vec<u32> {
    let text = fs::read_to_string(home.file(&format!("{name}.fds"))).unwrap();
    let entries = text.lines().filter_map(|line| line.split_once(" -> "));
    let got = entries.filter(|(_, target)| *target != program && !target.starts_with("/proc/"));
    let mut numbers: Vec<u32> = got.map(|(number, _)| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn programs_that_axisd_starts_get_three_descriptors_and_a_listed_environment() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    home.kill();
    let source = noting(&home, "bin/source", "source", "print 'ghp_0123456789';");
    let notifier = noting(&home, "bin/notify-send", "notifier", "");
    // all that an agent could have set where it starts axisd by hand
    let mut command = home.command("axisd");
    command
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", home.file("bin").display()),
        )
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("AXIS_NEW_MASTER_PASSWORD", PASSWORD)
        .env("LANG", "C.UTF-8")
        .env("OP_SERVICE_ACCOUNT_TOKEN", "ops_token")
        .env("BW_SESSION", "session")
        .env("LD_LIBRARY_PATH", "/nowhere");
    let _axisd = home.spawn(command);
    wait_for("the vault to be open", || {
        let ran = home.axis_without_password(&["status", "--json"]);
        (ran.status.success() && ran.json()["vault"]["state"] == "unlocked").then_some(())
    });
    let reference = format!("cmd://{source}");
    let url = upstream.url();
    let add = [
        "add",
        "github",
        "--source",
        &reference,
        "--yes",
        "--no-check",
        "--base-url",
        &url,
    ];
    home.axis(&add).ok();
    home.policy(ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let repo = json!({"owner": "a", "repo": "b"});
    assert_eq!(host.execute("github", "repos.get", &repo)["ok"], true);
    host.start_execute("github", "issues.list", &repo);
    for (name, program) in [("source", &source), ("notifier", &notifier)] {
        wait_for("the program to run", || {
            home.file(&format!("{name}.fds")).exists().then_some(())
        });
        assert_eq!(descriptors(&home, name, program), [0, 1, 2], "{name}");
        let environment = environment(&home, name);
        for (variable, value) in &environment {
            assert!(!value.contains(PASSWORD), "{name}: {variable}={value}");
            assert!(!variable.ends_with("PASSWORD"), "{name}: {variable}");
        }
    }
    let names: Vec<String> = environment(&home, "source").into_keys().collect();
    assert_eq!(names, ["HOME", "LANG", "PATH"]);
}

#[test]
fn a_selects_process_has_no_environment_and_three_descriptors() {
    if !may_look() {
        return;
    }
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("select"), ALLOW);
    let axisd = home.pid().unwrap();
    let mut host = Host::connect(&home, "local-dev");
    host.start_execute_with(
        "github",
        "repos.get",
        &json!({"owner": "a", "repo": "b"}),
        &json!({"select": "last(range(1e9))"}),
    );
    let worker = wait_for("the process of select", || {
        let tasks = fs::read_dir(format!("/proc/{axisd}/task")).ok()?;
        let children = tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
            .collect::<String>();
        let pid: u32 = children.split_whitespace().next()?.parse().ok()?;
        // once it is the program that was meant
        let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        words.contains("--select").then_some(pid)
    });
    let environment = fs::read(format!("/proc/{worker}/environ")).unwrap();
    assert!(environment.is_empty(), "{environment:?}");
    // one that it opens to read its own limits is soon closed
    wait_for("three descriptors and no other", || {
        let entries = fs::read_dir(format!("/proc/{worker}/fd")).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        (names == ["0", "1", "2"]).then_some(())
    });
}

/// With a password in all three variables that may hold one.
fn given(mut command: std::process::Command) -> std::process::Command {
    command
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("AXIS_NEW_MASTER_PASSWORD", PASSWORD)
        .env("AXIS_IMPORT_PASSWORD", PASSWORD)
        .stdin(Stdio::null());
    command
}

#[test]
fn a_program_that_its_user_may_not_read_hands_no_password_on_either() {
    if !may_look() {
        return; // whoever owns a program can read it
    }
    let home = ordinary_home();
    for program in ["axis", "axisd"] {
        let mode = fs::Permissions::from_mode(0o711);
        fs::set_permissions(home.file(program), mode).unwrap();
    }
    let command = |arguments: &[&str]| {
        let mut command = own_command(&home, "axis");
        command.args(arguments);
        as_ordinary_user(&given(command))
    };
    run(command(&["init"]), "").ok();
    fs::create_dir_all(home.file("bin")).unwrap();
    std::os::unix::fs::chown(home.file("bin"), Some(65534), Some(65534)).unwrap();
    let path = format!("{}:/usr/bin:/bin", home.file("bin").display());
    for (program, arguments) in [
        ("editor", &["policy", "edit"][..]),
        ("systemctl", &["daemon", "install"]),
        ("journalctl", &["daemon", "logs"]),
    ] {
        let noted = noting(&home, &format!("bin/{program}"), program, "exit 0");
        let mut command = command(arguments);
        command.env("PATH", &path).env("EDITOR", &noted);
        let ran = run(command, "");
        let noted = home.file(&format!("{program}.fds"));
        assert!(noted.exists(), "{program}: {ran:?}");
        for (variable, value) in environment(&home, program) {
            assert!(!value.contains(PASSWORD), "{program}: {variable}");
        }
    }
}

#[test]
fn a_command_hands_no_password_to_the_editor_that_it_opens() {
    let home = Home::ready();
    let editor = noting(&home, "bin/editor", "editor", "");
    let mut command = given(home.command("axis"));
    command.args(["policy", "edit"]).env("EDITOR", &editor);
    let ran = run(command, "");
    assert!(home.file("editor.fds").exists(), "{ran:?}");
    for (variable, value) in environment(&home, "editor") {
        assert!(!value.contains(PASSWORD), "{variable}");
    }
    assert_eq!(descriptors(&home, "editor", &editor), [0, 1, 2]);
}
