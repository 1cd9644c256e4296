use std::os::unix::fs::symlink;

use super::*;

/// A directory that no link leads to.
fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    (directory, path)
}

fn beneath(path: &Path) -> Reach {
    Reach::parse(path.as_os_str()).unwrap()
}

fn why_not(reach: &Reach, path: &str) -> String {
    reach.place(path).map(drop).unwrap_err()
}

fn write(reach: &Reach, path: &str, text: &str) -> io::Result<()> {
    use std::io::Write;
    let place = reach.place(path).map_err(io::Error::other)?;
    let (mut file, part) = place.begin()?;
    file.write_all(text.as_bytes())?;
    part.finish()
}

#[test]
fn a_reach_is_everywhere_nowhere_or_a_directory_that_is_there() {
    let parse = |text: &str| Reach::parse(OsStr::new(text));
    for text in ["", "  ", "on"] {
        assert!(matches!(parse(text), Ok(Reach::Everywhere)), "{text:?}");
    }
    assert!(parse("off").unwrap().is_nowhere());
    let (_held, home) = directory();
    fs::create_dir(home.join("real")).unwrap();
    symlink("real", home.join("link")).unwrap();
    fs::create_dir(home.join("real/inner")).unwrap();
    fs::write(home.join("file"), "").unwrap();
    let at = |name: &str| format!("{}/{name}", home.display());
    for good in ["real", "real/", "real/.", "real//inner"] {
        let reach = parse(&at(good)).unwrap();
        let expected = home.join(good.trim_end_matches(['/', '.']));
        assert_eq!(reach.directory(), Some(&*expected));
    }
    for (text, part) in [
        ("no", "write on, off or the absolute path"),
        ("OFF", "write on, off or the absolute path"),
        ("here/there", "write on, off or the absolute path"),
        ("${FILES}", "AXIS_FILES is ${FILES}: write on, off"),
        (&at("real/../real"), "write on, off or the absolute path"),
        (&at("gone"), "No such file or directory"),
        (&at("file"), "file is no directory"),
        (&at("link"), "link is a link: write the directory"),
        (&at("link/"), "link is a link: write the directory"),
        (&at("link/inner"), "link is a link: write the directory"),
    ] {
        let why = parse(text).unwrap_err();
        assert!(why.contains(part), "{text}: {why}");
        assert!(why.starts_with("AXIS_FILES is "), "{why}");
    }
}

#[test]
fn what_leads_out_of_the_directory_or_begins_with_a_dot_is_refused() {
    let (_held, home) = directory();
    let root = home.join("files");
    fs::create_dir_all(root.join("deep")).unwrap();
    fs::create_dir_all(root.join(".git/hooks")).unwrap();
    fs::create_dir(home.join("files2")).unwrap();
    fs::write(home.join("out"), "kept").unwrap();
    fs::write(root.join(".env"), "KEY=1").unwrap();
    symlink(&home, root.join("up")).unwrap();
    symlink(home.join("out"), root.join("leaf")).unwrap();
    symlink(home.join("new"), root.join("dangling")).unwrap();
    symlink("deep", root.join("within")).unwrap();
    let reach = beneath(&root);
    let at = |name: &str| format!("{}/{name}", home.display());
    for (path, part) in [
        (&*at("out"), "it isn't in"),
        (&at("files2/x"), "it isn't in"),
        ("/etc/passwd", "it isn't in"),
        ("/no/such/file", "it isn't in"),
        ("../out", "it has \"..\" in it"),
        ("deep/../../out", "it has \"..\" in it"),
        (&at("files/deep/../x"), "it has \"..\" in it"),
        ("up/out", "up is no directory, or a link"),
        ("up/nothing", "up is no directory, or a link"),
        ("within/x", "within is no directory, or a link"),
        ("leaf", "it is a link, and none is followed"),
        ("dangling", "it is a link, and none is followed"),
        (".env", "\".env\" begins with a dot"),
        (".new", "\".new\" begins with a dot"),
        (".git/hooks/pre-commit", "\".git\" begins with a dot"),
        (&at("files/.git/config"), "\".git\" begins with a dot"),
        ("deep/.x/y", "\".x\" begins with a dot"),
        ("deep", "it is a directory"),
        ("", "names no file"),
        (".", "names no file"),
        ("deep/", "names no file"),
        (&at("files"), "names no file"),
        ("gone/x", "No such file or directory"),
    ] {
        let why = why_not(&reach, path);
        assert!(why.contains(part), "{path}: {why}");
    }
    assert_eq!(fs::read_to_string(home.join("out")).unwrap(), "kept");
    for path in ["x", "./deep/x", &at("files/deep/y"), "a.b", "..c"] {
        let placed = write(&reach, path, "new");
        // two dots that begin a name are no way up, and still a dot
        assert_eq!(placed.is_ok(), path != "..c", "{path}: {placed:?}");
    }
    assert_eq!(fs::read_to_string(root.join("deep/y")).unwrap(), "new");
    let left = fs::read_dir(&root).unwrap().map(|it| it.unwrap().path());
    assert!(
        !left
            .into_iter()
            .any(|it| it.extension() == Some(OsStr::new("part")))
    );
}

#[test]
fn a_link_that_takes_a_directorys_place_meanwhile_leads_nobody_out() {
    use std::io::Read;
    let (_held, home) = directory();
    let root = home.join("files");
    fs::create_dir_all(root.join("deep")).unwrap();
    fs::create_dir(home.join("secret")).unwrap();
    fs::write(home.join("secret/x"), "secret").unwrap();
    fs::write(root.join("deep/x"), "mine").unwrap();
    let reach = beneath(&root);
    let swap = |name: &Path| {
        fs::rename(name, name.with_extension("old")).unwrap();
        symlink(home.join("secret"), name).unwrap();
    };
    let (read, written) = (
        reach.place("deep/x").unwrap(),
        reach.place("deep/x").unwrap(),
    );
    swap(&root.join("deep"));
    let mut text = String::new();
    read.open().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "mine");
    let (_, part) = written.begin().unwrap();
    part.finish().unwrap();
    // and so where the whole directory is another
    swap(&root);
    assert!(why_not(&reach, "deep/x").contains("or a link"));
    write(&reach, "x", "new").unwrap();
    assert_eq!(fs::read_to_string(home.join("secret/x")).unwrap(), "secret");
    assert_eq!(fs::read_dir(home.join("secret")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(home.join("files.old/x")).unwrap(), "new");
}

#[test]
fn a_file_that_becomes_a_link_or_a_pipe_after_the_look_is_not_opened() {
    let (_held, home) = directory();
    let reach = beneath(&home);
    let file = home.join("x");
    fs::write(&file, "mine").unwrap();
    let place = reach.place("x").unwrap();
    fs::remove_file(&file).unwrap();
    symlink("/etc/passwd", &file).unwrap();
    assert!(place.open().is_err());
    fs::remove_file(&file).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    let error = place.open().unwrap_err();
    assert_eq!(error.to_string(), "it is no plain file");
}
