//! Files that somebody made to hang, to crash or to draw on the terminal.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;

use axis_tests::Home;

use super::{import, import_with, stored, written};

#[test]
fn what_is_no_file_of_a_usual_size_is_refused_at_once() {
    let home = Home::ready();
    symlink("/dev/zero", home.file("zero.env")).unwrap();
    let pipe = home.file("pipe.env");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    fs::create_dir(home.file("directory.env")).unwrap();
    let huge = File::create(home.file("huge.env")).unwrap();
    huge.set_len(100 << 20).unwrap();
    fs::write(home.file("binary.env"), [0x41, 0x3d, 0xff, 0xfe, 0x00]).unwrap();
    for (name, said) in [
        ("zero.env", "a pipe, a socket or a device, not a file"),
        ("pipe.env", "a pipe, a socket or a device, not a file"),
        ("directory.env", "is a directory, not a file"),
        ("huge.env", "is larger than"),
        ("binary.env", "is not UTF-8 text (byte 2)"),
        ("absent.env", "there is no absent.env"),
    ] {
        for source in [
            &["dotenv"][..],
            &["1password"],
            &["bitwarden"],
            &["axis-asv"],
        ] {
            let ran = import(&home, &[source, &[name]].concat());
            assert!(matches!(ran.code(), 1 | 2), "{name}: {ran:#?}");
            let is_small = source != ["dotenv"] && source != ["axis-asv"] && name == "huge.env";
            assert!(ran.stderr.contains(said) || is_small, "{name}: {ran:#?}");
        }
    }
}

#[test]
fn names_and_titles_can_not_draw_on_the_terminal() {
    let home = Home::ready();
    let path = written(
        &home,
        "export.csv",
        "Title,Password\n\"GitHub token \u{1b}[2J\u{202e}\r\nx\",ghp_CANARY1\n",
    );
    let ran = import(&home, &["1password", &path, "--dry-run"]).ok();
    assert!(ran.stdout.contains("\\u{1b}[2J\\u{202e}"), "{ran:#?}");
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains(['\u{1b}', '\u{202e}', '\r']), "{ran:#?}");
    }
    let path = written(&home, "keys.env", "\u{1b}[2JA_KEY=CANARY\nB\u{7f}=CANARY\n");
    let ran = import(&home, &[&path]);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{7f}'));
    assert_eq!(stored(&home), Vec::<String>::new());
}

#[test]
fn deep_nesting_and_bombs_end_in_an_error() {
    let home = Home::ready();
    let deep = format!("{{\"version\":1,\"entries\":{}", "[".repeat(500_000));
    let keystore = written(&home, "deep.json", &deep);
    let ran = import_with(
        &home,
        &[("AXIS_IMPORT_PASSWORD", "x")],
        &["axis-asv", &keystore, "--yes"],
    );
    assert_eq!(ran.code(), 1, "{ran:#?}");
    assert!(ran.stderr.contains("no keystore of axis-asv"), "{ran:#?}");
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, of) in ["b", "c", "d", "e", "f", "g", "h", "i"]
        .iter()
        .zip("abcdefgh".chars())
    {
        let many = vec![format!("*{of}"); 10].join(",");
        bomb += &[name, ": &", name, " [", &many, "]\n"].concat();
    }
    for text in [bomb, "[".repeat(100_000)] {
        let policy = written(&home, "bomb.yaml", &text);
        let empty = written(&home, "empty.json", r#"{"version":1,"entries":{}}"#);
        let ran = import(&home, &["axis-asv", &empty, "--policy", &policy, "--yes"]);
        assert_eq!(ran.code(), 1, "{ran:#?}");
        assert!(ran.stderr.contains("can't be imported"), "{ran:#?}");
    }
}
