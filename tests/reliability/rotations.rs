//! The daemon killed again and again in the midst of rotations.

use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::{Duration, Instant};

use axis_tests::{Home, PASSWORD, Ran, run};

const KILLS: u64 = 18;
const NEXT: &str = "plinth ferret ocean quartz";
/// Longer than a rotation takes here, in ms.
const A_ROTATION: u64 = 1500;

fn axis(home: &Home, password: &str, arguments: &[&str]) -> Ran {
    let mut command: Command = home.command("axis");
    command
        .args(arguments)
        .env("AXIS_MASTER_PASSWORD", password);
    run(command, "")
}

/// When it strikes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Anywhen.
    After(Duration),
    /// The new file is being written beside the old one.
    Written,
    /// The new file has just taken the old one's place.
    Renamed,
}

impl Moment {
    fn wait(self, home: &Home, inode: u64) {
        let deadline = Instant::now() + Duration::from_millis(2 * A_ROTATION);
        let (keystore, temporary) = (home.file("keystore.json"), home.file("keystore.json.tmp"));
        let came = || match self {
            Self::After(_) => true,
            Self::Written => fs::symlink_metadata(&temporary).is_ok(),
            Self::Renamed => fs::metadata(&keystore).is_ok_and(|it| it.ino() != inode),
        };
        if let Self::After(moment) = self {
            #[expect(
                clippy::disallowed_methods,
                reason = "it strikes at another moment of the rotation each time"
            )]
            std::thread::sleep(moment);
        }
        // without a pause: what it waits for may last for a millisecond
        while !came() && Instant::now() < deadline {
            std::hint::spin_loop();
        }
    }
}

#[test]
fn slow_after_a_kill_at_any_moment_of_a_rotation_exactly_one_password_opens_everything() {
    let home = Home::ready();
    for label in ["a", "b", "c"] {
        let add = ["add", "github", "--stdin", "--no-check", "--label", label];
        home.axis_fed(&add, "ghp_123456789012").ok();
    }
    let random = std::collections::hash_map::RandomState::new();
    let (mut password, mut other) = (PASSWORD, NEXT);
    let (mut rotated, mut kept) = (0, 0);
    for round in 0..KILLS {
        let mut number = random.build_hasher();
        number.write_u64(round);
        let moment = match round % 3 {
            0 => Moment::After(Duration::from_millis(number.finish() % A_ROTATION)),
            1 => Moment::Written,
            _ => Moment::Renamed,
        };
        let inode = fs::metadata(home.file("keystore.json")).unwrap().ino();
        let mut rotate = home.command("axis");
        rotate
            .args(["rotate", "--all"])
            .env("AXIS_MASTER_PASSWORD", password)
            .env("AXIS_NEW_MASTER_PASSWORD", other);
        let answered = std::thread::scope(|scope| {
            let rotating = scope.spawn(|| run(rotate, ""));
            moment.wait(&home, inode);
            home.kill();
            rotating.join().unwrap()
        });

        let opened = [password, other].map(|it| {
            // also one that the command itself started: what it opened is no proof
            home.kill();
            axis(&home, it, &["unlock"])
        });
        let opens = opened.each_ref().map(|ran| ran.status.success());
        assert!(
            opens == [true, false] || opens == [false, true],
            "kill {round} at {moment:?}: {opened:?}"
        );
        if opens[1] {
            (password, other) = (other, password);
            rotated += 1;
        } else {
            assert!(!answered.status.success(), "it was said to be done");
            kept += 1;
        }
        home.kill();
        // opened, so the log knows the file: no generation was missed
        axis(&home, password, &["unlock"]).ok();
        let listed = axis(&home, password, &["list", "--json"]).ok().json();
        assert_eq!(listed["unlocked"], true);
        let credentials = listed["credentials"].as_array().unwrap();
        assert_eq!(credentials.len(), 3, "{listed}");
        assert!(
            credentials
                .iter()
                .all(|it| it["hosts"][0] == "api.github.com")
        );
        axis(&home, password, &["logs", "verify"]).ok();
        let again = [
            "add",
            "github",
            "--stdin",
            "--no-check",
            "--label",
            "a",
            "--replace",
        ];
        let mut add = home.command("axis");
        add.args(again).env("AXIS_MASTER_PASSWORD", password);
        run(add, &format!("ghp_1234567890{round:02}")).ok();
        assert!(!home.file("keystore.json.tmp").exists());
    }
    assert!(rotated > 0 && kept > 0, "{rotated} rotated, {kept} not");
}
