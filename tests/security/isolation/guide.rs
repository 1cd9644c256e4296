//! The commands of docs/isolation.md, run as they stand there, by an ordinary
//! user. What is root's is tried in `system_user`, and in `end_to_end/service`.

use std::fs;
use std::path::Path;

use axis_tests::{PASSWORD, run};

use super::{Machine, as_ordinary_user, directory_of_the_user, packaged, shell, within};

/// Commands that change the machine.
const OF_ROOT: [&str; 2] = ["sudo ", "axis-owner "];

fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = page.split(fence.as_str()).skip(1);
    blocks.map(|it| it.split("```").next().unwrap()).collect()
}

#[test]
fn the_commands_about_isolation_work_as_they_stand_in_the_guide() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/isolation.md");
    let page = fs::read_to_string(page).unwrap();
    let machine = Machine::new("guide", "policies: []\n", PASSWORD);
    let home = &machine.home;
    let sandbox = home.file("axis-sandbox");
    fs::copy(packaged("sandbox/bubblewrap/axis-sandbox"), sandbox).unwrap();
    machine.written("its-policy.yaml", blocks(&page, "yaml")[0]);
    machine.written("systemctl", "#!/bin/sh\nexit 0\n");
    machine.written(
        "an-editor",
        "#!/bin/sh\ncat \"$AXIS_HOME/its-policy.yaml\" > \"$1\"\n",
    );
    machine
        .agent_shell("chmod 755 \"$HOME\"/systemctl \"$HOME\"/an-editor")
        .ok();
    let project = directory_of_the_user("axis-project-");

    let lines = blocks(&page, "sh").into_iter().flat_map(str::lines);
    let lines: Vec<_> = lines
        .filter(|line| !OF_ROOT.iter().any(|start| line.starts_with(start)))
        .collect();
    assert!(lines.len() >= 9, "{lines:?}");
    for line in lines {
        if let Some(edit @ "policy edit") = line.strip_prefix("axis ") {
            let editor = home.file("an-editor").display().to_string();
            let variables = [
                ("EDITOR", editor.as_str()),
                ("AXIS_MASTER_PASSWORD", PASSWORD),
            ];
            let mut terminal = machine.at_a_terminal(&variables, edit);
            terminal.after("Seal this change? [y/N]", "y\r");
            let (code, screen) = terminal.end();
            assert_eq!(code, 0, "{screen}");
            continue;
        }
        let mut command = shell(line);
        command
            .env("PATH", format!("{}:/usr/bin:/bin", home.path().display()))
            .env("HOME", home.path())
            .env("AXIS_HOME", home.path())
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        let ran = run(within(as_ordinary_user(&command), project.path()), "");
        assert!(ran.status.success(), "{line}: {ran:#?}");
    }
    assert_eq!(machine.upstream.requests().len(), 2, "both went out");
    let (level, said) = machine.doctor("level");
    assert_eq!(level, 3, "{said}");
}
