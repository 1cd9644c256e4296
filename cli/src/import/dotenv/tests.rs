use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;

use secrecy::{ExposeSecret, SecretString};

use super::*;

fn values(text: &str) -> Vec<(String, String)> {
    let (entries, _) = read(text);
    entries
        .into_iter()
        .map(|entry| (entry.name, entry.value.to_string()))
        .collect()
}

#[test]
fn values_are_read_as_they_are_meant() {
    for (text, value) in [
        ("A=b", "b"),
        ("A=b\r\n", "b"),
        ("  export  A = b  \n", "b"),
        ("A=", ""),
        ("A=#all comment", ""),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A=a$b${C}`d`", "a$b${C}`d`"),
        ("A=b=c==", "b=c=="),
        ("A='a # $b \\n' # c", "a # $b \\n"),
        ("A=\"a # $b \\n\\\"\\$\\\\ \\d\"", "a # $b \n\"$\\ \\d"),
        ("A=`a'\"b`", "a'\"b"),
        ("A=\"one\ntwo\"\n", "one\ntwo"),
        ("A='one\r\ntwo'", "one\r\ntwo"),
        ("A=\"\"", ""),
        ("A=ключ", "ключ"),
        ("A=it's", "it's"),
    ] {
        assert_eq!(
            values(text),
            [("A".to_owned(), value.to_owned())],
            "{text:?}"
        );
    }
}

#[test]
fn names_are_what_they_are_elsewhere() {
    for good in ["A", "_a", "a.b", "A-B", "A1"] {
        assert_eq!(values(&format!("{good}=x")).len(), 1, "{good}");
    }
    for bad in ["1A", "A B", "ä", "", "A$"] {
        assert_eq!(values(&format!("{bad}=x")).len(), 0, "{bad}");
    }
    assert!(values("\n# A=b\nexport A\n\n").is_empty());
}

#[test]
fn a_line_that_can_not_be_understood_loses_no_other() {
    for (text, line) in [
        ("what is this\nA=b", 1),
        ("A=b\nB=\"never closed\nC=d", 2),
        ("A=b\nB='x'y\nC=d", 2),
        ("=x\nA=b", 1),
    ] {
        let (entries, faults) = read(text);
        assert!(entries.iter().any(|entry| entry.name == "A"), "{text}");
        assert_eq!(faults.len(), 1, "{text}");
        assert_eq!(faults[0].line, line, "{text}");
        if text.contains("C=d") {
            assert!(entries.iter().any(|entry| entry.name == "C"), "{text}");
        }
    }
}

fn variable(name: &str, value: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        value: SecretString::from(value),
    }
}

fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    fs::write(&path, text).unwrap();
    (directory, path)
}

#[test]
fn the_last_of_one_name_counts_and_knows_its_line() {
    let (_directory, path) = written("A=1\nB=2\nA=3\n");
    let (items, _) = items(&path).unwrap();
    let items: Vec<_> = items
        .iter()
        .map(|it| {
            (
                it.name.as_str(),
                it.value.expose_secret(),
                it.place.as_str(),
            )
        })
        .collect();
    let place = |line| format!("{}, line {line}", path.display());
    assert_eq!(
        items,
        [("B", "2", place(2).as_str()), ("A", "3", place(3).as_str())]
    );
}

#[test]
fn only_the_named_lines_go_and_every_other_byte_stays() {
    for (before, after, lines) in [
        ("A=1\nB=2\nC=3\n", "A=1\nC=3\n", 1),
        (
            "# x\r\n  export B = '2'  # y\r\n\r\nC=3",
            "# x\r\n\r\nC=3",
            1,
        ),
        ("B=\"one\ntwo\nB=3\"\nC=3\n", "C=3\n", 3),
        ("B=1\nB=2", "", 2),
        ("\u{feff}A=1\nB=2\n", "\u{feff}A=1\n", 1),
        ("A='B=2'\nBB=2\n#B=2\n", "A='B=2'\nBB=2\n#B=2\n", 0),
        ("B=\"never closed\nC=3\n", "B=\"never closed\nC=3\n", 0),
    ] {
        let (directory, path) = written(before);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let named = ["1", "2", "one\ntwo\nB=3"].map(|value| variable("B", value));
        let taken = without_lines(&path, &named).unwrap();
        assert_eq!(taken.lines, lines, "{before:?}");
        assert_eq!(taken.others, [], "{before:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}

#[test]
fn another_value_of_a_name_stays_and_is_told_by_its_line() {
    let (_directory, path) = written("B=old\nC=1\nexport B='new'\nB=\nB=older\n");
    let taken = without_lines(&path, &[variable("B", "new")]).unwrap();
    assert_eq!(taken.lines, 1);
    assert_eq!(taken.others, [("B".to_owned(), 1), ("B".to_owned(), 4)]);
    let left = fs::read_to_string(&path).unwrap();
    assert_eq!(left, "B=old\nC=1\nB=\nB=older\n");
    let taken = without_lines(&path, &[variable("B", "new")]).unwrap();
    assert_eq!(taken.lines, 0, "nothing goes where nothing is the same");
    assert_eq!(fs::read_to_string(&path).unwrap(), left);
}

#[test]
fn a_link_to_the_file_stays_a_link() {
    let (directory, path) = written("A=1\nB=2\n");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let taken = without_lines(&link, &[variable("A", "1")]).unwrap();
    assert_eq!(taken.lines, 1);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&path).unwrap(), "B=2\n");
}

#[test]
fn what_is_no_text_file_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let said = |path: &Path| items(path).err().unwrap().to_string();
    assert!(said(&place("none")).starts_with("there is no "));
    assert!(said(directory.path()).contains("is a directory"));
    std::os::unix::fs::symlink("/dev/zero", place("zero")).unwrap();
    assert!(said(&place("zero")).contains("a device"));
    rustix::fs::mkfifoat(rustix::fs::CWD, place("pipe"), 0o600.into()).unwrap();
    assert!(said(&place("pipe")).contains("a pipe"));
    fs::write(place("binary"), b"A=\xff\xfe").unwrap();
    assert!(said(&place("binary")).contains("byte 2"));
    fs::write(place("nul"), b"A=b\0c").unwrap();
    assert!(said(&place("nul")).contains("byte 3"));
    let huge = File::create(place("huge")).unwrap();
    huge.set_len(100 << 20).unwrap();
    assert!(said(&place("huge")).contains("is larger than"));
}
