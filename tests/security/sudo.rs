//! Level 4: what sudo makes of the rule that the package brings, with the real
//! sudo and the account that the package makes, on a copy of /etc that only the
//! test's own processes see.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use axis_tests::run;

use super::isolation::packaged;

/// $1: a directory for the copy; $2: what stands in for axis-owner; then the
/// package's files for sudoers and sysusers.
const TRIES: &str = r#"
set -eu
cp -a /etc/. "$1"
mount --bind "$1" /etc
# what sudo remembers of whom stays here, too
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib/sudo
systemd-sysusers "$4" 2>/dev/null
echo 'somebody:x:4321:4321::/:/bin/sh' >>/etc/passwd
echo "somebody:$(perl -e 'print crypt("secret", q($6$salt$))'):::::::" >>/etc/shadow
sed "s|/usr/bin/axis-owner|$2|; s|^#somebody|somebody|" "$3" >/etc/sudoers.d/axis
chmod 440 /etc/sudoers.d/axis
visudo --check >/dev/null
try() {
    name=$1
    shift
    echo secret | setpriv --reuid=4321 --regid=4321 --clear-groups -- "$@" || echo "$name: refused"
}
grep '^axis:' /etc/passwd
try without sudo -n -u axis -- "$2" without
try with sudo -S -u axis -- "$2" with
try again sudo -n -u axis -- "$2" again
try other sudo -S -u axis -- id
try root sudo -S -- "$2" root
"#;

#[test]
#[expect(clippy::print_stderr, reason = "nothing is left out silently")]
fn sudo_asks_the_owner_each_time_and_runs_nothing_but_the_owners_commands_as_axis() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tried: only root can put another /etc in place");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let open = || fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.path(), open()).unwrap();
    let etc = directory.path().join("etc");
    fs::create_dir(&etc).unwrap();
    let owner = directory.path().join("axis-owner");
    let script = "#!/bin/sh\necho \"$1: $(id -un), with $(env | grep -c AXIS_TEST)\"\n";
    fs::write(&owner, script).unwrap();
    for path in [&etc, &owner] {
        fs::set_permissions(path, open()).unwrap();
    }
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--mount", "sh", "-c", TRIES, "sh"])
        .args([&etc, &owner])
        .args(
            ["sudoers", "sysusers.conf"]
                .map(|name| fs::canonicalize(packaged("systemd/system").join(name)).unwrap()),
        )
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("AXIS_TEST", "what the agent puts into the environment");
    let ran = run(unshare, "").ok();
    let lines: Vec<_> = ran.stdout.lines().collect();
    let [account, tries @ ..] = &lines[..] else {
        panic!("{ran:?}");
    };
    assert!(account.ends_with("/nologin"), "{account}");
    assert_eq!(
        tries,
        [
            "without: refused",
            "with: axis, with 0",
            "again: refused",
            "other: refused",
            "root: refused",
        ],
        "{ran:?}"
    );
}
