//! README.md, run word for word: a newcomer's home, the quick start's commands
//! in their order, and what the tables promise. Only what needs a person or the
//! network is adapted: the prompts, and where GitHub is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use axis_tests::{Home, PASSWORD, Ran, Upstream, binary, canary, run};
use serde_json::Value;

/// The root of the repository.
fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

/// The part of `text` under the heading `title`.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let (_, after) = text
        .split_once(&format!("\n## {title}\n"))
        .unwrap_or_else(|| panic!("README.md has no section {title:?}"));
    after.split("\n## ").next().unwrap()
}

/// The code blocks of `text`: language and content.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap())
        .collect()
}

/// A user who has just built Axis: nothing of theirs is there yet.
struct Newcomer {
    home: Home,
}

impl Newcomer {
    fn new() -> Self {
        let home = Home::empty();
        fs::create_dir_all(home.file("target/release")).unwrap();
        for program in ["axis", "axisd"] {
            symlink(
                binary(program),
                home.file(&format!("target/release/{program}")),
            )
            .unwrap();
        }
        let runtime = home.file("runtime");
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
        Self { home }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.file(name)
    }

    /// Runs a line of the README as its shell would.
    fn shell(&self, line: &str, input: &str) -> Ran {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-euc", line])
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.file("runtime"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.file(".local/bin").display()),
            )
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        run(shell, input)
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.shell("target/release/axis daemon stop", "");
    }
}

/// Runs the commands of a section in their order. What needs a person or the
/// network is adapted: where keys come from, and where GitHub is.
fn walk(newcomer: &Newcomer, title: &str, upstream: &Upstream, key: &str) -> Vec<String> {
    let readme = readme();
    let mut ran = Vec::new();
    for (language, block) in blocks(section(&readme, title)) {
        match language {
            "sh" => {
                for line in block.lines().filter(|line| !line.trim().is_empty()) {
                    let base_url = upstream.url();
                    let (line, input) = match line {
                        "axis add github" => (format!("{line} --stdin --base-url {base_url}"), key),
                        "axis setup" => (
                            format!(
                                "{line} --yes --service github --stdin --base-url {base_url} --seal --host claude-code"
                            ),
                            key,
                        ),
                        line => (line.to_owned(), ""),
                    };
                    newcomer.shell(&line, input).ok();
                    ran.push(line);
                }
            }
            "yaml" => {
                let policy = newcomer.file(".config/axis/policy.yaml");
                assert!(policy.exists(), "init wrote the file that README names");
                fs::write(policy, block).unwrap();
                axis_tests::wait_for("the policy to be in force", || {
                    let status = newcomer.shell("axis status --json", "").ok().json();
                    assert_eq!(status["policy"]["error"], Value::Null, "{status}");
                    (status["policy"]["rules"] == 3).then_some(())
                });
            }
            "json" => {
                let host: Value = serde_json::from_str(block).unwrap();
                let written = fs::read_to_string(newcomer.file(".claude.json")).unwrap();
                let written: Value = serde_json::from_str(&written).unwrap();
                let (axis, own) = (&host["mcpServers"]["axis"], &written["mcpServers"]["axis"]);
                assert_eq!(axis["args"], own["args"]);
                assert_eq!(axis["env"]["AXIS_IDENTITY"], own["env"]["AXIS_IDENTITY"]);
            }
            other => panic!("a block of {other:?} that no test looks at"),
        }
    }
    ran
}

#[test]
fn the_quick_start_works_word_for_word() {
    let upstream = Upstream::friendly();
    let key = canary("readme");
    let newcomer = Newcomer::new();
    let ran = walk(&newcomer, "Quick start", &upstream, &key);
    assert_eq!(
        ran.last().map(String::as_str),
        Some("axis policy seal --dry-run")
    );
    let status = newcomer.shell("axis status --json", "").ok().json();
    assert_eq!(status["seal"]["sealed"], true);
    let calls = upstream.requests();
    let last = calls.last().unwrap();
    assert_eq!(last.headers["authorization"], format!("Bearer {key}"));
}

#[test]
fn the_steps_by_hand_work_word_for_word() {
    let upstream = Upstream::friendly();
    let key = canary("by-hand");
    let newcomer = Newcomer::new();
    let install = blocks(section(&readme(), "Quick start"))[0].1.to_owned();
    newcomer.shell(&install, "").ok();
    // the host is on this machine
    let claude = newcomer.file(".local/bin/claude");
    fs::write(&claude, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&claude, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = walk(&newcomer, "The same by hand", &upstream, &key);
    assert_eq!(ran.last().map(String::as_str), Some("axis policy seal"));
    let calls = upstream.requests();
    let last = calls.last().unwrap();
    assert_eq!(last.path, "/repos/rust-lang/rust");
    assert_eq!(last.headers["authorization"], format!("Bearer {key}"));
}

#[test]
fn the_files_are_where_the_readme_says() {
    let newcomer = Newcomer::new();
    let axis = "target/release/axis";
    newcomer.shell(&format!("{axis} init"), "").ok();
    let readme = readme();
    let mut found = 0;
    for row in section(&readme, "Files and environment").lines() {
        let mut words = row.split('`').skip(1).step_by(2);
        let directory = row
            .split('`')
            .skip(1)
            .step_by(2)
            .find(|word| word.ends_with('/'));
        let Some(directory) = directory else { continue };
        let directory = directory
            .replace("~/", "")
            .replace("$XDG_RUNTIME_DIR", "runtime");
        for name in words.by_ref().take_while(|word| !word.contains('/')) {
            if name != "daemon.yaml" {
                let file = newcomer.file(&directory).join(name);
                assert!(file.exists(), "{} is not there", file.display());
                found += 1;
            }
        }
    }
    assert_eq!(found, 5, "the rows of the table");
}

#[test]
fn every_command_of_the_readme_has_its_options() {
    let home = Home::empty();
    let readme = readme();
    let mut commands = 0;
    for row in section(&readme, "Commands")
        .lines()
        .filter(|row| row.starts_with("| `"))
    {
        let mut help = String::new();
        for word in row.replace("\\|", "|").split('`').skip(1).step_by(2) {
            if let Some(command) = word.strip_prefix("axis ") {
                let names: Vec<&str> = command
                    .split([' ', '|'])
                    .filter(|name| name.chars().all(|c| c.is_ascii_lowercase()))
                    .collect();
                let lines = match names.as_slice() {
                    [
                        group @ ("daemon" | "keychain" | "policy" | "services"),
                        acts @ ..,
                    ] => acts.iter().map(|act| vec![*group, *act]).collect(),
                    _ => vec![names.clone()],
                };
                for mut line in lines {
                    line.push("--help");
                    help += &home.axis_without_password(&line).ok().stdout;
                    commands += 1;
                }
            } else if word.starts_with("--") {
                let option = word.split(' ').next().unwrap();
                assert!(help.contains(option), "{option} in: {row}");
            }
        }
    }
    assert!(commands >= 16, "{commands} commands");
}

#[test]
fn the_environment_in_the_readme_is_the_environment_in_the_help() {
    let home = Home::empty();
    let help = home.axis_without_password(&["--help"]).ok().stdout;
    let readme = readme();
    let variables = |text: &str| {
        let mut names: Vec<String> = text
            .split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
            .filter(|word| word.starts_with("AXIS_") || *word == "NO_COLOR")
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(
        variables(section(&readme, "Files and environment")),
        variables(&help)
    );
}

#[test]
fn no_link_leads_nowhere() {
    let docs = fs::read_dir(repository().join("docs")).unwrap();
    let pages = docs
        .map(|page| page.unwrap().path())
        .filter(|page| page.extension().is_some_and(|kind| kind == "md"))
        .chain([repository().join("README.md")]);
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|after| {
            let target = after.split(')').next()?.split('#').next()?;
            (!target.is_empty() && !target.contains("://")).then_some(target)
        });
        for link in links {
            let target = page.parent().unwrap().join(link);
            assert!(target.exists(), "{} links to {link}", page.display());
        }
    }
}
