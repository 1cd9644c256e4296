//! Level 3 in a container: what an engine such as Docker does with users and
//! mounts, done by hand, since no engine runs where tests run; and the files for
//! engines that the packages ship.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use axis_tests::{Home, Host, Upstream, binary, canary, run};
use serde_json::{Value, json};

use super::packaged;

const POLICY: &str = "policies:
  - identity: agent
    socket: required
    allow: [{ service: github, actions: [repos.get] }]
  - identity: other
    socket: required
    allow: [{ service: github, actions: ['*'] }]
";

/// Mounts the identity's directory as root, as an engine does, and goes on as
/// user $1, who is user 1000 in a root file system of its own.
const CONTAINER: &str = r#"
uid=$1 directory=$2 mounted=$3
shift 3
mount --bind "$directory" "$mounted/run"
exec setpriv --reuid="$uid" --regid="$uid" --clear-groups -- bwrap \
    --unshare-all --uid 1000 --gid 1000 --die-with-parent --clearenv \
    --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
    --proc /proc --dev /dev --tmpfs /tmp \
    --ro-bind "$mounted/axis" /opt/axis/axis --ro-bind "$mounted/run" /run/axis \
    --setenv PATH /opt/axis:/usr/bin:/bin --setenv AXIS_SOCKET /run/axis/broker.sock -- "$@"
"#;

#[expect(clippy::print_stderr, reason = "nothing is left out silently")]
fn may_mount() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not tried: only root mounts a directory as a container engine does");
    }
    root
}

#[test]
fn a_container_gets_in_as_the_user_that_it_is_outside_and_reaches_nothing_else() {
    if !may_mount() {
        return;
    }
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("container"), POLICY);
    home.axis(&["identity", "add", "agent", "--uid", "65533"])
        .ok();
    home.axis(&["identity", "add", "other"]).ok();
    let mounted = tempfile::tempdir().unwrap();
    let axis = mounted.path().join("axis");
    fs::copy(binary("axis"), &axis).unwrap();
    fs::create_dir(mounted.path().join("run")).unwrap();
    for path in [mounted.path(), &axis] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let container = |uid: &str, program: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", CONTAINER, "sh", uid])
            .arg(home.file("run/identity/agent"))
            .arg(mounted.path())
            .args(program);
        command
    };
    let answered = |uid: &str| -> Value {
        let mut host = Host::spawn(container(uid, &["axis", "mcp"]));
        host.initialize("2025-06-18");
        host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
    };
    let inside = run(container("65533", &["id", "-u"]), "").ok();
    assert_eq!(inside.stdout.trim(), "1000");
    let answer = answered("65533");
    assert_eq!(answer["ok"], true, "{answer}");
    let calls = home.audited_calls();
    assert_eq!(calls.last().unwrap()["peer"]["uid"], 65533, "{calls:?}");
    assert_eq!(calls.last().unwrap()["identity"], "agent");

    // the same number inside, another user outside
    let refused = answered("65532");
    assert_eq!(refused["error"]["code"], "daemon_unavailable", "{refused}");
    let told = fs::read_to_string(home.file("axisd.log")).unwrap();
    assert!(told.contains("65532"), "the owner finds the uid: {told}");

    let pid = home.pid().unwrap();
    let path = home.path().display();
    for attack in [
        format!("ls {path}"),
        format!("ls /proc/{pid}"),
        format!("kill -0 {pid}"),
        "touch /run/axis/x".to_owned(),
        "rm -f /run/axis/broker.sock".to_owned(),
        "ls /run/axis/../identity".to_owned(),
        "axis call github issues.create owner=a repo=b title=t --identity other".to_owned(),
        "AXIS_SOCKET= axis status".to_owned(),
    ] {
        let ran = run(container("65533", &["sh", "-c", &attack]), "");
        assert!(!ran.status.success(), "{attack}: {ran:?}");
    }
    assert_eq!(upstream.requests().len(), 1);
}

/// A mount as compose.yaml and devcontainer.json write it: source, target, and
/// whether it is read-only.
fn assert_mounts_one_identity_and_the_program(mounts: &[(String, String, bool)]) {
    let axis: Vec<_> = mounts
        .iter()
        .filter(|(source, target, _)| source.contains("axis") || target.contains("axis"))
        .collect();
    let [(identity, at, true), (program, _, true)] = axis[..] else {
        panic!("two read-only mounts of Axis: {mounts:?}");
    };
    let (above, name) = identity.split_once("/axis/identity/").unwrap();
    assert!(above.contains("XDG_RUNTIME_DIR"), "{identity}");
    assert!(name.contains("claude") && !name.contains('/'), "{identity}");
    assert_eq!(at, "/run/axis");
    assert_eq!(program, "/usr/bin/axis");
    let others: Vec<_> = mounts.iter().filter(|it| !axis.contains(it)).collect();
    for (source, ..) in others {
        assert_eq!(source, "./", "the project, and nothing that leads out");
    }
}

#[test]
fn the_files_for_engines_mount_one_identitys_directory_and_give_no_other_rights() {
    let text = fs::read_to_string(packaged("sandbox/container/compose.yaml")).unwrap();
    let compose: Value = serde_yaml::from_str(&text).unwrap();
    let agent = &compose["services"]["agent"];
    assert_eq!(agent["environment"]["AXIS_SOCKET"], "/run/axis/broker.sock");
    assert_eq!(agent["cap_drop"], json!(["ALL"]));
    assert_eq!(agent["security_opt"], json!(["no-new-privileges:true"]));
    for wide in [
        "privileged",
        "pid",
        "network_mode",
        "cap_add",
        "ipc",
        "userns_mode",
    ] {
        assert!(agent[wide].is_null(), "{wide}");
    }
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let volumes = agent["volumes"].as_array().unwrap().iter();
    let mounts: Vec<_> = volumes
        .map(|it| {
            (
                word(&it["source"]),
                word(&it["target"]),
                it["read_only"] == true,
            )
        })
        .collect();
    assert_mounts_one_identity_and_the_program(&mounts);

    let text = fs::read_to_string(packaged("sandbox/container/devcontainer.json")).unwrap();
    let lines = text.lines().filter(|line| !line.trim().starts_with("//"));
    let container: Value = serde_json::from_str(&lines.collect::<String>()).unwrap();
    assert_eq!(
        container["containerEnv"]["AXIS_SOCKET"],
        "/run/axis/broker.sock"
    );
    assert_eq!(container["securityOpt"], json!(["no-new-privileges"]));
    assert_eq!(container["remoteUser"], "vscode");
    for wide in [
        "privileged",
        "runArgs",
        "capAdd",
        "features",
        "workspaceMount",
    ] {
        assert!(container[wide].is_null(), "{wide}");
    }
    let mounts = container["mounts"].as_array().unwrap().iter();
    let mounts: Vec<_> = mounts
        .map(|mount| {
            let of = |key: &str| {
                let mut parts = mount.as_str().unwrap().split(',');
                let value = parts.find_map(|part| part.strip_prefix(key));
                value.unwrap_or_default().to_owned()
            };
            let read_only = mount.as_str().unwrap().ends_with(",readonly");
            assert_eq!(of("type="), "bind");
            (of("source="), of("target="), read_only)
        })
        .collect();
    assert_mounts_one_identity_and_the_program(&mounts);
}
