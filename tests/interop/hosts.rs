//! Claude Code and Codex as their vendors ship them, configured by
//! `axis hosts add`, calling a tool at a model that stands in for theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use axis_tests::{Home, Ran, Reply, Upstream, canary, run};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::json;

use super::model::{LAST_WORDS, stand_in, tool_answers};

const POLICY: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get]}\n";

/// A machine with Axis, an upstream, a model, and a home directory of a user
/// in which a host lives.
pub(super) struct Machine {
    pub(super) axis: Home,
    key: String,
    github: Upstream,
    model: Upstream,
    pub(super) user: tempfile::TempDir,
}

impl Machine {
    pub(super) fn new(tag: &str) -> Self {
        let key = canary(tag);
        let github = Upstream::answering(|_| {
            Reply::json(200, &json!({"full_name": "acme/axis", "stars": 4711}))
        });
        let axis = Home::with_github(&github, &key, POLICY);
        Self {
            axis,
            key,
            github,
            model: stand_in(),
            user: tempfile::Builder::new().prefix("user-").tempdir().unwrap(),
        }
    }

    /// `axis hosts …` as the user types it.
    pub(super) fn hosts(&self, arguments: &[&str]) -> Ran {
        run(self.hosts_command(arguments), "")
    }

    /// The same, not run yet.
    pub(super) fn hosts_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.axis.command("axis");
        command
            .env("HOME", self.user.path())
            .arg("hosts")
            .args(arguments);
        command
    }

    /// A host from npm, in this user's home: quiet, and with no way out but the
    /// stand-in.
    pub(super) fn host(&self, name: &str) -> Command {
        let work = self.user.path().join("work");
        fs::create_dir_all(&work).unwrap();
        let mut command = Command::new(npm_program(name));
        command
            .env_clear()
            .current_dir(work)
            .env("HOME", self.user.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("ANTHROPIC_BASE_URL", self.model.url())
            .env("ANTHROPIC_API_KEY", "no-key-of-anybody")
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("DISABLE_TELEMETRY", "1")
            .env("DISABLE_ERROR_REPORTING", "1")
            .env("OPENAI_API_KEY", "no-key-of-anybody")
            // whatever else it would reach for is refused at once
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("NO_PROXY", "127.0.0.1,localhost");
        command
    }

    fn codex(&self, arguments: &[&str]) -> Ran {
        let provider = format!(
            "model_providers.standin={{name=\"stand-in\", base_url=\"{}/v1\", wire_api=\"responses\", env_key=\"OPENAI_API_KEY\"}}",
            self.model.url()
        );
        let mut command = self.host("codex");
        command.args(arguments);
        for setting in [
            "model_provider=\"standin\"",
            &provider,
            "model=\"stand-in\"",
            "analytics.enabled=false",
            "check_for_update_on_startup=false",
        ] {
            command.args(["-c", setting]);
        }
        run(command, "")
    }

    /// The call went out with the key, its answer came back to the model, and
    /// the key is nowhere on the agent's side.
    fn assert_called(&self, ran: &Ran) {
        let calls = self.github.requests();
        assert_eq!(calls.len(), 1, "{ran:#?}");
        assert_eq!(calls[0].path, "/repos/acme/axis");
        assert_eq!(
            calls[0].headers["authorization"],
            format!("Bearer {}", self.key)
        );
        let answers = tool_answers(&self.model.requests());
        assert!(
            answers
                .iter()
                .any(|it| it.contains("acme/axis") && it.contains("4711")),
            "{answers:?}"
        );
        assert!(ran.stdout.contains(LAST_WORDS), "{ran:#?}");
        let encoded = STANDARD_NO_PAD.encode(&self.key);
        let forms = [
            self.key.clone(),
            hex::encode(&self.key),
            encoded[..encoded.len() - 4].to_owned(),
        ];
        let mut seen = vec![
            ("stdout".to_owned(), ran.stdout.clone().into_bytes()),
            ("stderr".to_owned(), ran.stderr.clone().into_bytes()),
        ];
        for request in self.model.requests() {
            seen.push((request.path.clone(), request.body.to_vec()));
        }
        let before = seen.len();
        read_all(self.user.path(), &mut seen);
        assert!(seen.len() > before + 1, "the host has left files");
        let transcripts = seen[before..]
            .iter()
            .filter(|(_, bytes)| holds(bytes, "4711"));
        assert!(transcripts.count() > 0, "no transcript holds the answer");
        for (name, bytes) in &seen {
            for form in &forms {
                assert!(!holds(bytes, form), "the key stands in {name}");
            }
        }
        let finished = self.axis.audited_calls();
        assert!(
            finished.iter().any(|it| it["event"] == "finished"
                && it["identity"] == "local-dev"
                && it["decision"] == "allow"),
            "{finished:?}"
        );
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn read_all(directory: &Path, seen: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() {
            read_all(&path, seen);
        } else if kind.is_file() {
            seen.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

/// A program that `tests/run` has installed from npm.
fn npm_program(name: &str) -> PathBuf {
    let modules = std::env::var_os("AXIS_TEST_NODE_MODULES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests-npm/node_modules"),
        PathBuf::from,
    );
    let program = modules.join(".bin").join(name);
    assert!(
        program.exists(),
        "{} is missing: ./tests/run installs it",
        program.display()
    );
    program
}

#[test]
fn claude_code_calls_a_tool_of_axis() {
    let machine = Machine::new("claude");
    machine.hosts(&["add", "claude-code", "--force"]).ok();
    let listed = run_in(machine.host("claude"), &["mcp", "list"]);
    assert!(
        listed
            .stdout
            .lines()
            .any(|line| line.starts_with("axis:") && line.contains("Connected")),
        "{listed:#?}"
    );
    let ran = run_in(
        machine.host("claude"),
        &[
            "--print",
            "Which repository is it?",
            "--output-format",
            "stream-json",
            "--verbose",
            "--allowedTools",
            "mcp__axis__execute_action",
        ],
    )
    .ok();
    machine.assert_called(&ran);
    // what the host wrote into its file meanwhile stays when ours goes
    let file = machine.user.path().join(".claude.json");
    let before: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert!(
        before.as_object().unwrap().len() > 1,
        "claude keeps more in it"
    );
    machine.hosts(&["remove", "claude-code"]).ok();
    let mut wanted = before;
    wanted.as_object_mut().unwrap().remove("mcpServers");
    let after: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(after, wanted);
    let listed = run_in(machine.host("claude"), &["mcp", "list"]);
    assert!(!listed.stdout.contains("axis:"), "{listed:#?}");
}

#[test]
fn codex_calls_a_tool_of_axis() {
    let machine = Machine::new("codex");
    let config = machine.user.path().join(".codex/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let mine = "# mine\nfile_opener = \"none\" # kept\n";
    fs::write(&config, mine).unwrap();
    machine.hosts(&["add", "codex"]).ok();
    let listed = machine.codex(&["mcp", "list"]).ok();
    assert!(
        listed
            .stdout
            .lines()
            .any(|line| line.starts_with("axis ") && line.contains("enabled")),
        "{listed:#?}"
    );
    let ran = machine
        .codex(&[
            "exec",
            "--json",
            "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox",
            "Which repository is it?",
        ])
        .ok();
    machine.assert_called(&ran);
    machine.hosts(&["remove", "codex"]).ok();
    assert!(fs::read_to_string(&config).unwrap().starts_with(mine));
    let listed = machine.codex(&["mcp", "list"]).ok();
    assert!(!listed.stdout.contains("axis"), "{listed:#?}");
}

pub(super) fn run_in(mut command: Command, arguments: &[&str]) -> Ran {
    command.args(arguments);
    run(command, "")
}
