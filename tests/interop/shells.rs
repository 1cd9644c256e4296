//! Completion in the shells that people use, with keys as they press them, and
//! manual pages as mandoc reads them. PowerShell is not among them: Debian has
//! no package of it.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use axis_tests::{Home, Ran, Terminal, binary, run};

/// The PATH on which the `axis` under test comes first.
fn path() -> String {
    let directory = binary("axis").parent().unwrap().display().to_string();
    format!("{directory}:/usr/local/bin:/usr/bin:/bin")
}

/// Types `keys` in an interactive shell, and gives back the line that they make.
fn typed(home: &Home, shell: &str, setup: &str, keys: &str) -> String {
    let path = path();
    let variables = [("PATH", path.as_str()), ("TERM", "dumb"), ("PS1", "$ ")];
    let mut terminal = Terminal::running(home, &variables, shell);
    // in two words, so that it isn't seen while it is typed
    terminal.after("$ ", &format!("{setup}; echo re''ady\r"));
    // to the beginning of the line, which then is only shown
    terminal.after("ready\r\n", &format!("{keys}\u{1}echo 'GOT:' \r"));
    terminal.after("GOT: ", "exit\r");
    let (_, screen) = terminal.end();
    let got = screen.rsplit("\nGOT: ").next().unwrap();
    got.lines().next().unwrap().trim().to_owned()
}

/// Each with what Tab makes of it.
const LINES: [(&str, &str); 4] = [
    ("axis call gith\t", "axis call github"),
    (
        "axis call github issues.lockI\t",
        "axis call github issues.lockI",
    ),
    (
        "axis call github pulls.me\t",
        "axis call github pulls.merge",
    ),
    (
        "axis allow github --identity loc\t",
        "axis allow github --identity local-dev",
    ),
];

#[test]
fn bash_completes_services_actions_and_identities() {
    let home = Home::ready();
    for (keys, line) in LINES {
        let setup = "source <(axis completions bash)";
        assert_eq!(
            typed(&home, "bash --norc --noprofile -i", setup, keys),
            line
        );
    }
}

#[test]
fn zsh_completes_services_actions_and_identities() {
    let home = Home::ready();
    for (keys, line) in LINES {
        let setup = "autoload -U compinit && compinit -u; source <(axis completions zsh)";
        assert_eq!(typed(&home, "zsh -f -i", setup, keys), line);
    }
}

#[test]
fn zsh_completes_at_the_first_tab_out_of_a_file_of_its_path() {
    let home = Home::empty();
    let setup = "mkdir ~/fns && axis completions zsh >~/fns/_axis; \
                 fpath=(~/fns $fpath); autoload -U compinit && compinit -u";
    assert_eq!(
        typed(&home, "zsh -f -i", setup, "axis stat\t"),
        "axis status"
    );
}

#[test]
fn fish_completes_services_actions_and_identities() {
    let home = Home::ready();
    for (line, name) in [
        ("axis call gith", "github\t"),
        ("axis call github issues.c", "issues.create\t"),
        ("axis call github repos.get ow", "owner="),
        ("axis policy explain --identity loc", "local-dev"),
        ("axis stat", "status\t"),
        ("axis import axis", "axis-asv"),
    ] {
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c"])
            .arg(format!(
                "axis completions fish | source; complete -C '{line}'"
            ))
            .env_clear()
            .env("AXIS_HOME", home.path())
            .env("HOME", home.path())
            .env("PATH", path());
        let ran = run(fish, "").ok();
        let mut lines = ran.stdout.lines();
        assert!(lines.any(|it| it.starts_with(name)), "{line}: {ran:#?}");
    }
}

/// Asks as the function of bash does, with the words of `line`.
fn asked(home: &Home, line: &str) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = home.command("axis");
    command
        .arg("--")
        .args(&words)
        .env("AXIS_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    run(command, "")
}

#[test]
fn completing_starts_no_daemon_and_needs_none() {
    let home = Home::empty();
    let ran = asked(&home, "axis call gith").ok();
    assert_eq!(ran.stdout, "");
    assert_eq!(home.pid(), None);
    assert!(!home.file("run/axisd.lock").exists());
    assert!(asked(&home, "axis stat").ok().stdout.contains("status"));
}

#[test]
fn a_daemon_that_says_nothing_holds_up_nobody() {
    let home = Home::empty();
    let run_directory = home.file("run");
    fs::create_dir(&run_directory).unwrap();
    fs::set_permissions(
        &run_directory,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let _admin = UnixListener::bind(run_directory.join("admin.sock")).unwrap();
    let _broker = UnixListener::bind(run_directory.join("broker.sock")).unwrap();
    let began = Instant::now();
    assert_eq!(asked(&home, "axis call gith").ok().stdout, "");
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn an_agent_s_shim_is_no_shell_s_question() {
    let home = Home::ready();
    let mut shim = home.command("axis");
    shim.arg("mcp").env("AXIS_COMPLETE", "bash");
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let ran = run(shim, &format!("{hello}\n"));
    assert!(ran.stdout.starts_with(r#"{"jsonrpc":"2.0""#), "{ran:#?}");
}

#[test]
fn each_command_has_a_manual_page_that_mandoc_reads() {
    let home = Home::empty();
    let pages = home.file("man");
    let mut command = home.command("axis");
    command.arg("man").arg(&pages);
    run(command, "").ok();
    let names: Vec<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    for page in [
        "axis.1",
        "axis-call.1",
        "axis-policy-seal.1",
        "axis-import.1",
    ] {
        assert!(names.contains(&page.to_owned()), "{page}: {names:?}");
    }
    for name in &names {
        let mut mandoc = Command::new("mandoc");
        mandoc
            .args(["-T", "lint", "-W", "error"])
            .arg(pages.join(name));
        let ran = run(mandoc, "");
        assert!(ran.status.success(), "{name}: {ran:#?}");
    }
    let mut mandoc = Command::new("mandoc");
    mandoc.args(["-T", "ascii"]).arg(pages.join("axis-call.1"));
    assert!(run(mandoc, "").ok().stdout.contains("github repos.get"));
}
