//! Files on the disk: modes, links, others who write them at the same time.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;
use crate::hosts::change::Effect;

const OTHERS: &str = "{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_mode_stays_and_the_backup_is_closed_to_others() {
    for wanted in [0o600, 0o640, 0o644, 0o664] {
        let case = Case::of("cursor", OTHERS);
        set_mode(case.file(), wanted);
        let applied = case.add().unwrap();
        assert_eq!(mode(case.file()), wanted);
        assert_eq!(applied.backup.as_deref(), Some(&*case.backup()));
        assert_eq!(mode(&case.backup()), 0o600);
        assert_eq!(fs::read_to_string(case.backup()).unwrap(), OTHERS);
        assert_eq!(
            names(case.file().parent().unwrap()),
            ["mcp.json", "mcp.json.axis-backup"]
        );
    }
}

#[test]
fn a_new_file_is_the_users_alone_and_goes_again() {
    let case = Case::empty("cursor");
    let applied = case.add().unwrap();
    assert_eq!(applied.backup, None);
    assert_eq!(mode(case.file()), 0o600);
    let applied = case.remove().unwrap();
    assert!(applied.deleted);
    assert_eq!(names(case.file().parent().unwrap()), [""; 0]);
    assert_eq!(case.remove().unwrap().effect, Effect::Absent);
}

#[test]
fn a_missing_directory_is_made_only_where_that_is_allowed() {
    let case = Case::empty("cursor");
    fs::remove_dir(case.file().parent().unwrap()).unwrap();
    assert!(matches!(case.add(), Err(HostsError::NoDirectory { .. })));
    assert!(!case.file().parent().unwrap().exists());
    let allowed = Allowed {
        making_directory: true,
        ..Allowed::default()
    };
    plan(case.host, &case.place, entry(), allowed)
        .unwrap()
        .apply()
        .unwrap();
    assert!(case.text().contains(PROGRAM));
}

#[test]
fn a_link_stays_a_link_and_what_it_leads_to_is_written() {
    let case = Case::empty("claude-code");
    let real = case.home.path().join("dotfiles");
    fs::create_dir(&real).unwrap();
    let real = real.join("claude.json");
    fs::write(&real, OTHERS).unwrap();
    for link in ["dotfiles/claude.json", real.to_str().unwrap()] {
        symlink(link, case.file()).unwrap();
        case.add().unwrap();
        assert!(case.file().is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains(PROGRAM));
        assert!(case.backup().is_file(), "it lies beside the link");
        assert_eq!(names(real.parent().unwrap()), ["claude.json"]);
        case.remove().unwrap();
        assert!(case.file().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), OTHERS);
        fs::remove_file(case.file()).unwrap();
    }
    // one that leads nowhere yet
    let next = case.home.path().join("dotfiles/new.json");
    symlink("dotfiles/new.json", case.file()).unwrap();
    case.add().unwrap();
    assert!(case.file().is_symlink());
    assert!(fs::read_to_string(next).unwrap().contains(PROGRAM));
    // and one that leads to itself
    fs::remove_file(case.file()).unwrap();
    symlink(case.file(), case.file()).unwrap();
    assert!(matches!(case.add(), Err(HostsError::Io { .. })));
}

#[test]
fn a_link_in_a_project_that_leads_out_of_it_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let (project, outside) = (home.path().join("project"), home.path().join("outside"));
    for directory in [&project, &outside, &project.join("config")] {
        fs::create_dir(directory).unwrap();
    }
    let environment = Environment::at(home.path());
    let scope = Scope::Project(project.clone());
    let place = |id: &str| host(id).place(&environment, &scope);
    fs::write(outside.join("mcp.json"), OTHERS).unwrap();
    let (mcp, vscode) = (project.join(".mcp.json"), project.join(".vscode"));
    for link in ["../outside/mcp.json", "../outside/not-yet.json"] {
        symlink(link, &mcp).unwrap();
        let refused = place("claude-code");
        assert!(
            matches!(refused, Err(HostsError::OutsideProject { .. })),
            "{link}"
        );
        fs::remove_file(&mcp).unwrap();
    }
    symlink(&outside, &vscode).unwrap();
    assert!(matches!(
        place("vscode"),
        Err(HostsError::OutsideProject { .. })
    ));
    // one that stays in the project is as good as a file
    fs::remove_file(&vscode).unwrap();
    symlink(project.join("config"), &vscode).unwrap();
    assert!(place("vscode").is_ok());
    assert!(place("claude-code").is_ok());
}

#[test]
fn what_is_read_only_is_refused_and_left_alone() {
    let case = Case::of("cursor", OTHERS);
    set_mode(case.file(), 0o444);
    let error = case.add().unwrap_err();
    assert!(matches!(error, HostsError::ReadOnly { .. }), "{error}");
    assert!(error.fix().unwrap().contains("chmod u+w"));
    set_mode(case.file(), 0o644);
    let directory = case.file().parent().unwrap();
    set_mode(directory, 0o555);
    let error = case.add().unwrap_err();
    assert!(matches!(error, HostsError::ReadOnly { .. }), "{error}");
    set_mode(directory, 0o755);
    assert_eq!(case.text(), OTHERS);
    assert_eq!(names(directory), ["mcp.json"]);
}

#[test]
fn what_stands_there_already_needs_no_writing() {
    let case = Case::of("cursor", OTHERS);
    case.add().unwrap();
    set_mode(case.file(), 0o444);
    assert_eq!(case.add().unwrap().effect, Effect::Unchanged);
}

#[test]
fn others_files_and_directories_are_not_touched() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away; the check compares two numbers.
        let case = Case::of("cursor", OTHERS);
        assert_eq!(
            fs::metadata(case.file()).unwrap().uid(),
            rustix::process::geteuid().as_raw()
        );
        return;
    }
    let case = Case::of("cursor", OTHERS);
    std::os::unix::fs::chown(case.file(), Some(12345), None).unwrap();
    assert!(matches!(
        case.add(),
        Err(HostsError::Foreign { uid: 12345, .. })
    ));
    let case = Case::of("cursor", OTHERS);
    std::os::unix::fs::chown(case.file().parent().unwrap(), Some(12345), None).unwrap();
    assert!(matches!(
        case.add(),
        Err(HostsError::Foreign { uid: 12345, .. })
    ));
    let case = Case::empty("cursor");
    std::os::unix::fs::chown(case.home.path(), Some(12345), None).unwrap();
    fs::remove_dir(case.file().parent().unwrap()).unwrap();
    assert!(matches!(
        case.add(),
        Err(HostsError::Foreign { uid: 12345, .. })
    ));
}

#[test]
fn a_byte_order_mark_stays() {
    for (id, text) in [
        ("cursor", OTHERS),
        ("cursor", ""),
        ("codex", "model = \"x\"\n"),
    ] {
        let before = format!("\u{feff}{text}");
        let case = Case::of(id, &before);
        case.add().unwrap();
        let after = case.text();
        assert!(after.starts_with('\u{feff}') && after.contains(PROGRAM));
        assert_eq!(after.matches('\u{feff}').count(), 1);
        case.remove().unwrap();
        assert_eq!(case.text(), before);
    }
}

#[test]
fn what_is_no_text_file_is_refused() {
    let case = Case::empty("cursor");
    fs::write(case.file(), b"{\"a\": \"\xff\"}").unwrap();
    assert!(matches!(case.add(), Err(HostsError::NotText { .. })));
    fs::remove_file(case.file()).unwrap();
    fs::create_dir(case.file()).unwrap();
    assert!(matches!(case.add(), Err(HostsError::NotRegular { .. })));
    fs::remove_dir(case.file()).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(case.file())
        .status()
        .unwrap();
    assert!(pipe.success());
    assert!(matches!(case.add(), Err(HostsError::NotRegular { .. })));
    fs::remove_file(case.file()).unwrap();
    let large = fs::File::create(case.file()).unwrap();
    large.set_len((64 << 20) + 1).unwrap();
    assert!(matches!(case.add(), Err(HostsError::TooLarge { .. })));
}

#[test]
fn what_another_program_wrote_meanwhile_is_kept() {
    let case = Case::of("cursor", OTHERS);
    let edit = case.plan(entry()).unwrap();
    let theirs = OTHERS.replace("\"a\"", "\"theirs\"");
    fs::write(case.file(), &theirs).unwrap();
    edit.apply().unwrap();
    assert!(case.text().contains("theirs") && case.text().contains(PROGRAM));
    assert_eq!(fs::read_to_string(case.backup()).unwrap(), theirs);
    // it came, it went, it broke
    let case = Case::empty("cursor");
    let edit = case.plan(entry()).unwrap();
    fs::write(case.file(), OTHERS).unwrap();
    edit.apply().unwrap();
    assert!(case.text().contains("\"a\"") && case.text().contains(PROGRAM));
    let edit = plan_removal(case.host, &case.place, Allowed::default()).unwrap();
    fs::write(case.file(), "{ half").unwrap();
    assert!(matches!(edit.apply(), Err(HostsError::Unparsable { .. })));
    assert_eq!(case.text(), "{ half");
}

#[test]
fn many_at_once_leave_one_whole_file() {
    let case = Case::of("cursor", OTHERS);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (host, place) = (case.host, &case.place);
            scope.spawn(move || {
                let mut entry = entry();
                entry.variables[0].1 = format!("agent-{number}");
                plan(host, place, entry, Allowed::default())
                    .unwrap()
                    .apply()
                    .unwrap();
            });
        }
    });
    let text = case.text();
    assert_eq!(text.matches("\"axis\"").count(), 1, "{text}");
    assert!(text.contains("\"a\": {}"), "{text}");
    case.remove().unwrap();
    assert_eq!(case.text(), OTHERS);
}

#[test]
fn a_link_in_the_backups_place_is_replaced_and_not_followed() {
    let case = Case::of("cursor", OTHERS);
    let victim = case.home.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, case.backup()).unwrap();
    case.add().unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(!case.backup().is_symlink());
}

#[test]
fn a_forged_backup_is_never_put_back() {
    let case = Case::of("cursor", OTHERS);
    case.add().unwrap();
    let evil = "{\n  \"mcpServers\": {\n    \"a\": {\"command\": \"evil\"}\n  }\n}\n";
    fs::write(case.backup(), evil).unwrap();
    case.remove().unwrap();
    assert_eq!(case.text(), OTHERS);
}

#[test]
fn a_megabyte_of_history_stays_as_it_is() {
    let history: Vec<String> = (0..20_000)
        .map(|number| {
            format!(
                "    {{ \"display\": \"line {number} \\u00e4 \\\"q\\\"\", \"n\": {number}.50 }}"
            )
        })
        .collect();
    let before = format!(
        "{{\n  \"numStartups\": 41,\n  \"history\": [\n{}\n  ],\n  \"mcpServers\": {{\n    \"a\": {{}}\n  }},\n  \"last\": 1e3\n}}",
        history.join(",\n")
    );
    assert!(before.len() > 1 << 20);
    let case = Case::of("claude-code", &before);
    case.add().unwrap();
    let after = case.text();
    let at = after.find(",\n    \"axis\"").unwrap();
    let added = after.len() - before.len();
    assert_eq!(format!("{}{}", &after[..at], &after[at + added..]), before);
    case.remove().unwrap();
    assert_eq!(case.text(), before);
}
