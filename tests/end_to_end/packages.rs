//! The Debian package, made of the programs under test: installed in a root file
//! system of its own, used there as its user does, upgraded, and purged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use axis_tests::{PASSWORD, Ran, Root, Who, binary};
use serde_json::Value;

const OWNER: Who = Who::User(4242);

/// What it has to bring along, each in the place where it is looked for.
const FILES: [&str; 16] = [
    "/usr/bin/axis",
    "/usr/bin/axisd",
    "/usr/lib/systemd/system/axisd.service",
    "/usr/lib/systemd/user/axisd.service",
    "/usr/lib/systemd/user/axisd.socket",
    "/usr/lib/sysusers.d/axis.conf",
    "/usr/share/bash-completion/completions/axis",
    "/usr/share/doc/axis/NOTICES.gz",
    "/usr/share/doc/axis/changelog.Debian.gz",
    "/usr/share/doc/axis/copyright",
    "/usr/share/doc/axis/docs/security.md",
    "/usr/share/fish/vendor_completions.d/axis.fish",
    "/usr/share/man/man1/axis-add.1.gz",
    "/usr/share/man/man1/axis-owner.1.gz",
    "/usr/share/man/man1/axisd.1.gz",
    "/usr/share/zsh/vendor-completions/_axis",
];

/// What a purge leaves: the owner's data, and what dpkg and
/// systemd-sysusers keep of any package.
const LEFT: [&str; 9] = [
    "/home/user-4242/",
    "/var/lib/axis/",
    "/etc/.pwd.lock",
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/var/lib/dpkg/",
    "/var/log/dpkg.log",
];

/// The package as packaging/build makes it.
fn package(directory: &Path) -> PathBuf {
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let programs = directory.join("target/release");
    fs::create_dir_all(&programs).unwrap();
    for program in ["axis", "axisd"] {
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(programs.join(program));
        run_here(strip.arg(binary(program)));
    }
    run_here(Command::new(repository.join("packaging/stage")).arg(&programs));
    let cargo_deb = repository.join("target/tools/bin/cargo-deb");
    assert!(cargo_deb.exists(), "tests/run installs cargo-deb");
    let made = directory.join("axis.deb");
    let mut pack = Command::new(&cargo_deb);
    pack.args(["--no-build", "--no-strip", "--locked", "--fast"])
        .args(["--compress-type", "gz", "--compress-system"])
        .args(["--package", "axis", "--output"])
        .arg(&made)
        .current_dir(repository)
        .env("CARGO_TARGET_DIR", directory.join("target"));
    run_here(&mut pack);
    made
}

/// The same package in a later version.
fn later(package: &Path, directory: &Path) -> PathBuf {
    let content = directory.join("content");
    let mut unpack = Command::new("dpkg-deb");
    run_here(unpack.arg("--raw-extract").arg(package).arg(&content));
    let control = content.join("DEBIAN/control");
    let text = fs::read_to_string(&control).unwrap();
    let version = format!("Version: {}-", env!("CARGO_PKG_VERSION"));
    let later = text.replace(&format!("{version}1\n"), &format!("{version}2\n"));
    assert_ne!(later, text);
    fs::write(&control, later).unwrap();
    let made = directory.join("later.deb");
    let mut pack = Command::new("dpkg-deb");
    pack.args(["-Znone", "--root-owner-group", "--build"]);
    run_here(pack.arg(&content).arg(&made));
    made
}

#[track_caller]
fn run_here(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn field(package: &Path, name: &str) -> String {
    let mut query = Command::new("dpkg-deb");
    run_here(query.arg("--field").arg(package).arg(name))
}

/// dpkg without the triggers of other packages, such as an index of all manuals.
fn dpkg(root: &Root, arguments: &[&str]) -> Ran {
    root.run(Who::Root, [&["dpkg", "--no-triggers"], arguments].concat())
        .ok()
}

/// `axis` as the owner runs it.
fn axis(root: &Root, arguments: &[&str]) -> Ran {
    let password = format!("AXIS_MASTER_PASSWORD={PASSWORD}");
    root.run(
        OWNER,
        [&["env", password.as_str(), "axis"], arguments].concat(),
    )
}

fn vault(root: &Root) -> Value {
    axis(root, &["status", "--json"]).ok().json()["vault"].clone()
}

#[test]
#[expect(clippy::print_stderr, reason = "nothing is left out silently")]
fn the_debian_package_is_installed_used_upgraded_and_purged_and_leaves_only_vaults() {
    let root = match Root::new() {
        Ok(root) => root,
        Err(why) => {
            eprintln!("not done: {why}");
            return;
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let first = package(directory.path());
    its_description_is_right(&first);
    root.make_home(4242);
    root.put(&first, "/tmp/first.deb");
    root.put(&later(&first, directory.path()), "/tmp/later.deb");

    dpkg(&root, &["--install", "/tmp/first.deb"]);
    everything_is_in_its_place(&root);
    nothing_was_enabled(&root);
    manual_pages_completions_and_units_are_found(&root);

    let demo = root.run(OWNER, ["axis", "demo"]).ok();
    assert!(demo.stdout.contains("Policy denied"), "{demo:?}");
    axis(&root, &["init"]).ok();
    let unlocked = vault(&root);
    assert_eq!(unlocked["state"], "unlocked", "{unlocked}");

    dpkg(&root, &["--install", "/tmp/later.deb"]);
    let installed = ["dpkg-query", "--show", "--showformat=${Version}", "axis"];
    let version = root.run(Who::Root, installed).ok().stdout;
    assert_eq!(version, format!("{}-2", env!("CARGO_PKG_VERSION")));
    assert_eq!(vault(&root), unlocked, "an upgrade locks nobody's vault");
    axis(&root, &["daemon", "restart"]).ok();
    assert_eq!(vault(&root)["state"], "unlocked");
    axis(&root, &["daemon", "stop"]).ok();

    a_system_user_has_a_vault(&root);
    let sums = ["sh", "-c", "sha256sum ~/.local/share/axis/keystore.json"];
    let before = root.run(OWNER, sums).ok().stdout;
    let purged = dpkg(&root, &["--purge", "axis"]);
    assert!(
        purged.stderr.contains("/var/lib/axis are kept"),
        "{purged:?}"
    );
    assert_eq!(root.run(OWNER, sums).ok().stdout, before);
    root.run(Who::Root, ["test", "-f", "/var/lib/axis/keystore.json"])
        .ok();
    let mut left = root.written();
    left.retain(|path| !LEFT.iter().any(|it| format!("{path}/").starts_with(it)));
    assert!(left.is_empty(), "{left:#?}");
    let known = root.run(Who::Root, ["dpkg", "--status", "axis"]);
    assert_ne!(known.code(), 0, "{known:?}");
}

fn its_description_is_right(package: &Path) {
    assert_eq!(field(package, "Package"), "axis\n");
    let needed = field(package, "Depends");
    assert!(needed.contains("libc6 (>= "), "{needed}");
    let listing = run_here(Command::new("dpkg-deb").arg("--contents").arg(package));
    for line in listing.lines() {
        assert!(
            line.contains(" root/root ") || line.contains(" 0/0 "),
            "{line}"
        );
        let mode = &line[..10];
        assert!(!mode.contains(['s', 't', 'S']), "{line}");
        assert_eq!(mode.as_bytes()[5], b'-', "a group may write: {line}");
        assert_eq!(mode.as_bytes()[8], b'-', "others may write: {line}");
    }
}

fn everything_is_in_its_place(root: &Root) {
    let files = root.run(Who::Root, ["dpkg", "--listfiles", "axis"]).ok();
    let files: Vec<&str> = files.stdout.lines().collect();
    for file in FILES {
        assert!(files.contains(&file), "{file}: {files:#?}");
    }
    // who may not read a program can't look into its process as it starts
    for program in ["/usr/bin/axis", "/usr/bin/axisd"] {
        root.run(OWNER, [program, "--version"]).ok();
        let read = root.run(OWNER, ["cat", program]);
        assert!(!read.status.success(), "{program} can be read");
    }
    let verified = root.run(Who::Root, ["dpkg", "--verify", "axis"]).ok();
    assert_eq!(verified.stdout, "");
}

fn nothing_was_enabled(root: &Root) {
    let written = root.written();
    let enabled = written
        .iter()
        .find(|path| path.starts_with("/etc/systemd") || path.ends_with(".wants/axisd.service"));
    assert_eq!(enabled, None);
    let user = root.run(Who::Root, ["getent", "passwd", "axis"]).ok();
    assert!(user.stdout.contains(":/var/lib/axis:"), "{user:?}");
    assert!(user.stdout.trim().ends_with("/nologin"), "{user:?}");
}

fn manual_pages_completions_and_units_are_found(root: &Root) {
    let shell = |script: &str| root.run(OWNER, ["sh", "-c", script]).ok().stdout;
    for page in ["axis", "axis-policy-explain", "axisd", "axis-owner"] {
        let text = shell(&format!("mandoc -T html /usr/share/man/man1/{page}.1.gz"));
        assert!(text.contains("DESCRIPTION"), "{page}: {text}");
    }
    let bash = ". /usr/share/bash-completion/completions/axis && complete -p axis";
    let told = root.run(OWNER, ["bash", "--norc", "-c", bash]).ok().stdout;
    assert!(told.trim().ends_with(" axis"), "{told}");
    let zsh = "fpath=(/usr/share/zsh/vendor-completions $fpath); \
               autoload -U compinit; compinit -u -D; print $_comps[axis]";
    let told = root.run(OWNER, ["zsh", "-f", "-c", zsh]).ok().stdout;
    assert_eq!(told, "_axis\n");
    let told = root.run(OWNER, ["fish", "-c", "complete -C 'axis stat'"]);
    assert!(told.ok().stdout.starts_with("status"));
    for (who, arguments) in [
        (Who::Root, &["/usr/lib/systemd/system/axisd.service"][..]),
        (OWNER, &["--user", "/usr/lib/systemd/user/axisd.socket"]),
    ] {
        let verify = ["env", "XDG_RUNTIME_DIR=/tmp", "systemd-analyze", "verify"];
        let found = root.run(who, [&verify[..], arguments].concat()).ok();
        let ours = found.stderr.lines().find(|line| line.contains("axisd"));
        assert_eq!(ours, None, "{found:?}");
    }
}

/// What the system unit's axisd does in its StateDirectory.
fn a_system_user_has_a_vault(root: &Root) {
    let state = [
        "install",
        "-d",
        "-m",
        "700",
        "-o",
        "axis",
        "-g",
        "axis",
        "/var/lib/axis",
    ];
    root.run(Who::Root, state).ok();
    let password = format!("AXIS_MASTER_PASSWORD={PASSWORD}");
    for command in [&["init"][..], &["daemon", "stop"]] {
        let user = [
            "setpriv",
            "--reuid=axis",
            "--regid=axis",
            "--clear-groups",
            "env",
        ];
        let axis = ["AXIS_HOME=/var/lib/axis", password.as_str(), "axis"];
        root.run(Who::Root, [&user[..], &axis, command].concat())
            .ok();
    }
}
