//! `axis demo`, as the README has a newcomer run it.

use axis_tests::Home;

#[test]
fn the_demo_shows_what_it_promises_and_leaves_nothing_behind() {
    let home = Home::empty();
    let tmp = home.file("tmp");
    std::fs::create_dir(&tmp).unwrap();
    let mut command = home.command("axis");
    command
        .arg("demo")
        .env_remove("AXIS_HOME")
        .env("TMPDIR", &tmp);
    let ran = axis_tests::run(command, "").ok();
    for word in [
        "\"ok\":true",
        "\"denied\":true",
        "Rate limit exceeded",
        "Policy denied",
    ] {
        let compact: String = ran
            .stdout
            .chars()
            .filter(|c| *c != ' ' && *c != '\n')
            .collect();
        let wanted: String = word.chars().filter(|c| *c != ' ').collect();
        assert!(compact.contains(&wanted), "{word}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\u{1b}'), "no colour in a pipe");
    assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0, "no leftovers");
    let home_files: Vec<_> = std::fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(home_files, ["tmp"], "nothing in the user's home");
}
