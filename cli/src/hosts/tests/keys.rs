//! Keys in plain text are named and never shown.

use super::*;
use crate::hosts::secrets::{KeyPatterns, secrets, secrets_in};

const SECRETS: [&str; 13] = [
    "ghp_0123456789abcdef0123",
    "very-private-1",
    "Bearer abc123def456",
    "hunter2hunter2",
    "sk-live-0123456789abcdef",
    "plain-token-77",
    "s3cr3t-db-pass",
    "qwertyuiop99",
    "master pass words",
    "zzzz1111zzzz",
    "in-a-project-1",
    "argument-secret-2",
    "sk-commented-out-123456",
];

const FILE: &str = r#"{
  "primaryApiKey": "qwertyuiop99",
  "theme": "dark",
  "mcpServers": {
    "github": {
      "command": "npx",
      "args": ["-y", "server-github", "--log=debug", "--api-key", "argument-secret-2"],
      "env": { "GITHUB_TOKEN": "ghp_0123456789abcdef0123", "LOG_LEVEL": "debug" }
    },
    // "old": { "env": { "K": "sk-commented-out-123456" } },
    "db": { "command": "x", "env": { "DATABASE_URL": "postgres://u:s3cr3t-db-pass@h/d", "MY_VAULT_KEY": "very-private-1", "KEY_FILE": "/home/me/.keys/a.pem", "REF_TOKEN": "${HOME_TOKEN}", "PORT": "8080" } },
    "docker": { "command": "docker", "args": ["run", "-e", "API_PASSWORD=hunter2hunter2", "-e", "PASSED_TOKEN", "img"] },
    "web": { "url": "https://h/mcp?api_key=zzzz1111zzzz", "headers": { "Authorization": "Bearer abc123def456", "X-Api-Key": "plain-token-77", "Accept": "application/json" } },
    "odd": { "command": "x", "env": { "SOMETHING": "sk-live-0123456789abcdef" } },
    "axis": {
      "command": "/opt/axis/bin/axis", "args": ["mcp"],
      "env": { "AXIS_IDENTITY": "old", "AXIS_MASTER_PASSWORD": "master pass words" }
    }
  },
  "projects": { "/srv/app": { "mcpServers": { "p": { "env": { "P_SECRET": "in-a-project-1" } } } } }
}
"#;

fn patterns() -> KeyPatterns {
    let mut patterns = KeyPatterns::default();
    patterns.learn("github", &["GITHUB_TOKEN".to_owned()], "^ghp_");
    patterns.learn("openai", &["OPENAI_API_KEY".to_owned()], "^sk-");
    patterns
}

#[test]
fn each_is_found_with_its_server_and_its_name() {
    let case = Case::of("claude-code", FILE);
    let found = secrets_in(case.host, case.file(), &patterns());
    let found: Vec<(&str, &str, Option<&str>)> = (found.iter())
        .map(|it| {
            (
                it.server.as_str(),
                it.variable.as_str(),
                it.service.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("github", "--api-key", None),
            ("github", "GITHUB_TOKEN", Some("github")),
            ("db", "DATABASE_URL", None),
            ("db", "MY_VAULT_KEY", None),
            ("docker", "API_PASSWORD", None),
            ("web", "url", None),
            ("web", "Authorization", None),
            ("web", "X-Api-Key", None),
            ("odd", "SOMETHING", Some("openai")),
            ("axis", "AXIS_MASTER_PASSWORD", None),
            ("p", "P_SECRET", None),
        ]
    );
}

#[test]
fn they_are_found_in_toml_and_in_projects_too() {
    let case = Case::of(
        "codex",
        "[mcp_servers.a]\ncommand = \"x\"\nenv = { A_TOKEN = \"abcdefgh12\" }\nbearer_token_env_var = \"B_TOKEN\"\n[mcp_servers.b]\nurl = \"https://x\"\nhttp_headers = { Authorization = \"Bearer 1234567890\" }\n",
    );
    let project = case.home.path().join("app");
    fs::create_dir_all(project.join(".cursor")).unwrap();
    fs::write(
        project.join(".cursor/mcp.json"),
        r#"{"mcpServers": {"c": {"env": {"C_PASSWORD": "correct horse"}}}}"#,
    )
    .unwrap();
    let environment = Environment::at(case.home.path());
    let found = secrets(&environment, Some(&project), &KeyPatterns::default());
    let found: Vec<(&str, &str, &str)> = (found.iter())
        .map(|it| (it.host.as_str(), it.server.as_str(), it.variable.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("cursor", "c", "C_PASSWORD"),
            ("codex", "a", "A_TOKEN"),
            ("codex", "b", "Authorization"),
        ]
    );
}

#[test]
fn what_is_left_in_the_backup_alone_is_told_from_what_is_in_the_file() {
    let text =
        r#"{"mcpServers": {"a": {"env": {"A_TOKEN": "abcdefgh12", "B_TOKEN": "abcdefgh34"}}}}"#;
    let case = Case::of("cursor", text);
    case.add().unwrap();
    let of_file = |case: &Case| -> Vec<(String, bool, bool)> {
        let found = secrets_in(case.host, case.file(), &patterns()).into_iter();
        found
            .map(|it| {
                let is_in_backup = it.backup == Some(case.backup());
                (it.variable, it.is_in_file, is_in_backup)
            })
            .collect()
    };
    assert_eq!(
        of_file(&case),
        [
            ("A_TOKEN".to_owned(), true, true),
            ("B_TOKEN".to_owned(), true, true)
        ]
    );
    fs::write(case.file(), case.text().replace("abcdefgh34", "${B}")).unwrap();
    assert_eq!(
        of_file(&case),
        [
            ("A_TOKEN".to_owned(), true, true),
            ("B_TOKEN".to_owned(), false, true)
        ]
    );
    fs::remove_file(case.backup()).unwrap();
    assert_eq!(of_file(&case), [("A_TOKEN".to_owned(), true, false)]);
}

#[test]
fn references_and_harmless_values_are_none() {
    for value in [
        "",
        "${TOKEN}",
        "$TOKEN",
        "{env:TOKEN}",
        "${input:token}",
        "op://vault/x/y",
        "<your token>",
        "YOUR_API_KEY",
        "%TOKEN%",
        "Bearer ${TOKEN}",
        "/home/me/keys/token.pem",
        "~/token",
    ] {
        let text = format!(
            r#"{{"mcpServers": {{"a": {{"env": {{"A_TOKEN": "{value}"}}, "headers": {{"Authorization": "{value}"}}, "args": ["--token", "{value}", "--token={value}"]}}}}}}"#
        );
        let case = Case::of("cursor", &text);
        assert_eq!(
            secrets_in(case.host, case.file(), &patterns()),
            [],
            "{value}"
        );
    }
    for name in [
        "KEYBOARD",
        "MONKEY",
        "TOKENIZER",
        "AXIS_IDENTITY",
        "PUBLIC_KEY",
        "AWS_ACCESS_KEY_ID",
    ] {
        let text =
            format!(r#"{{"mcpServers": {{"a": {{"env": {{"{name}": "something long"}}}}}}}}"#);
        let case = Case::of("cursor", &text);
        assert_eq!(
            secrets_in(case.host, case.file(), &patterns()),
            [],
            "{name}"
        );
    }
}

#[test]
fn a_diff_shows_no_secret_of_the_file() {
    for text in [
        FILE.to_owned(),
        FILE.replace('\n', " ").replace(
            "// \"old\": { \"env\": { \"K\": \"sk-commented-out-123456\" } },",
            "",
        ),
    ] {
        let case = Case::of("claude-code", &text);
        let edit = case.plan(entry()).unwrap();
        let diff = edit.diff().join("\n");
        assert!(diff.contains("local-dev"), "{diff}");
        for secret in SECRETS {
            assert!(!diff.contains(secret), "{secret}: {diff}");
        }
        edit.apply().unwrap();
        assert!(
            case.text().contains("ghp_0123456789abcdef0123"),
            "the file keeps them"
        );
    }
}

#[test]
fn no_error_quotes_the_file() {
    let case = Case::of(
        "cursor",
        "{\"mcpServers\": {\"a\": {\"env\": {\"T\": \"ghp_0123456789abcdef0123\" \"x\"}}}}",
    );
    let error = case.add().unwrap_err().to_string();
    assert!(!error.contains("ghp_"), "{error}");
    let case = Case::of(
        "codex",
        "[mcp_servers.a.env]\nT = \"ghp_0123456789abcdef0123\" x\n",
    );
    let error = case.add().unwrap_err().to_string();
    assert!(!error.contains("ghp_"), "{error}");
}
