//! A root file system of its own: this machine's, where all that is written is
//! kept aside, so that it can be looked at, and is gone with the test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{Ran, run};

/// Mounts it in name spaces of its own, and holds it until its standard input ends.
const MOUNTING: &str = r#"
set -e
mount -t tmpfs -o mode=755,size=2g axis "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" axis "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs -o mode=1777 axis "$1/root/tmp"
mount -t tmpfs -o mode=755 axis "$1/root/run"
echo mounted
exec cat
"#;

/// Who runs a command in a [`Root`].
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// Its root.
    Root,
    /// A user of this id, with nothing but a home directory.
    User(u32),
}

/// The root file system. Its processes end with it.
pub struct Root {
    holder: Child,
    directory: TempDir,
}

impl Root {
    /// Makes one.
    ///
    /// # Errors
    /// What this machine lacks for it: root's rights, or a kernel that mounts.
    pub fn new() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root can mount a root of its own".to_owned());
        }
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child"])
            .args(["--propagation", "private", "sh", "-c", MOUNTING, "sh"])
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("stdout is piped");
        let _ = BufReader::new(stdout).read_line(&mut line);
        if line != "mounted\n" {
            let ended = holder.wait_with_output().expect("unshare ends");
            return Err(String::from_utf8_lossy(&ended.stderr).into_owned());
        }
        Ok(Self { holder, directory })
    }

    /// Runs a program in it, to its end.
    pub fn run(&self, who: Who, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
        self.run_fed(who, arguments, "")
    }

    /// Runs a program in it, with `input` on its standard input.
    pub fn run_fed(
        &self,
        who: Who,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &str,
    ) -> Ran {
        let mut command = self.inside();
        command
            .arg("chroot")
            .arg(self.directory.path().join("root"));
        match who {
            Who::Root => command.env("HOME", "/root"),
            Who::User(id) => command
                .env("HOME", home_of(id))
                .args(["setpriv", "--clear-groups"])
                .args([format!("--reuid={id}"), format!("--regid={id}")])
                .arg("--"),
        };
        command.args(arguments);
        run(command, input)
    }

    /// Copies a file of the machine's into it.
    pub fn put(&self, file: &Path, to: &str) {
        let mut copy = self.inside();
        copy.arg("cp").arg(file);
        copy.arg(self.directory.path().join("root").join(&to[1..]));
        run(copy, "").ok();
    }

    /// Makes the home directory of a user.
    pub fn make_home(&self, id: u32) {
        let home = home_of(id);
        let owner = id.to_string();
        let arguments = ["install", "-d", "-m", "700", "-o", &owner, "-g", &owner];
        self.run(Who::Root, [&arguments[..], &[&home]].concat())
            .ok();
    }

    /// The files that aren't as on the machine below: new, changed or gone; and
    /// the directories that are new. Sorted.
    pub fn written(&self) -> Vec<String> {
        let upper = self.directory.path().join("upper");
        let mut find = self.inside();
        find.arg("find").arg(&upper).args(["-printf", "%y /%P\n"]);
        let mut paths: Vec<String> = run(find, "")
            .ok()
            .stdout
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(kind, path)| *kind != "d" || !Path::new(path).exists())
            .map(|(_, path)| path.to_owned())
            .collect();
        paths.sort();
        paths
    }

    fn inside(&self) -> Command {
        let holder = self.holder.id();
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{holder}/ns/mnt"))
            .arg(format!("--pid=/proc/{holder}/ns/pid_for_children"))
            .arg("--")
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }
}

fn home_of(id: u32) -> String {
    format!("/home/user-{id}")
}

impl Drop for Root {
    fn drop(&mut self) {
        // the init of its processes ends, and so do they and the mounts
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
