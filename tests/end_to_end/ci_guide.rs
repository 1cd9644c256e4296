//! docs/ci-guide.md, run step by step as a runner would: the commands as they
//! stand there, each step with its own environment, on a machine without a
//! terminal, a keychain, D-Bus or a home that can be written to.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use axis_tests::{Home, Upstream, binary, canary, run};
use serde_json::Value;

/// Stands for Claude Code: looks for the key where an agent could, then starts
/// the server that the configuration names and asks it for its tools.
const CLAUDE: &str = r#"#!/bin/sh
set -eu
env | grep -qFf "$CANARY_FILE" && { echo "the key is in the environment" >&2; exit 9; }
env | grep -q AXIS_MASTER_PASSWORD && { echo "the password is in the environment" >&2; exit 9; }
while test "$1" != --mcp-config; do shift; done
printf '%s\n%s\n%s\n' \
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"ci","version":"1"}}}' \
  '{"jsonrpc":"2.0","method":"notifications/initialized"}' \
  '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"execute_action","arguments":{"service":"github","action":"repos.get","justification":"the job asks","params":{"owner":"o","repo":"r"}}}}' |
  AXIS_IDENTITY=ci "$(sed 's/.*"command": *"\([^"]*\)".*/\1/' "$2" | head -n 1)" mcp
"#;

/// A runner: directories, programs that stand in, variables that steps leave.
struct Runner {
    home: Home,
    upstream: Upstream,
    key: String,
}

impl Runner {
    fn new(name: &str) -> Self {
        let home = Home::empty();
        for directory in ["programs", "temp", "project/axis-source/target/release"] {
            fs::create_dir_all(home.file(directory)).unwrap();
        }
        // a home that can't be written to, and isn't
        fs::create_dir(home.file("sealed-home")).unwrap();
        let read_only = fs::Permissions::from_mode(0o500);
        fs::set_permissions(home.file("sealed-home"), read_only).unwrap();
        for (program, text) in [
            ("git", "#!/bin/sh\nexit 0\n"),
            ("cargo", "#!/bin/sh\nexit 0\n"),
            ("claude", CLAUDE),
        ] {
            let path = home.file("programs").join(program);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // what the steps would have built
        let built = [
            home.file("temp/axis-source/target/release"),
            home.file("project/axis-source/target/release"),
        ];
        for directory in built {
            fs::create_dir_all(&directory).unwrap();
            for program in ["axis", "axisd"] {
                symlink(binary(program), directory.join(program)).unwrap();
            }
        }
        let key = canary(name);
        fs::write(home.file("canary"), &key).unwrap();
        Self {
            home,
            upstream: Upstream::friendly(),
            key,
        }
    }

    /// Runs a step's commands with nothing in the environment but these.
    fn step(&self, commands: &str, variables: &BTreeMap<String, String>) -> String {
        // the one thing that is adapted: where GitHub is
        let base_url = format!("--base-url {}", self.upstream.url());
        let commands = commands.replace("axis setup", &format!("axis setup {base_url}"));
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", &commands])
            .current_dir(self.home.file("project"))
            .env_clear()
            .env("HOME", self.home.file("sealed-home"))
            .env("CANARY_FILE", self.home.file("canary"))
            .envs(variables);
        if !variables.contains_key("PATH") {
            shell.env("PATH", self.path());
        }
        let ran = run(shell, "").ok();
        assert!(!ran.stdout.contains(&self.key) && !ran.stderr.contains(&self.key));
        ran.stdout
    }

    fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.home.file("programs").display())
    }

    /// The agent's call went out with the key, and nothing else of HOME changed.
    fn check(&self, shown: &str) {
        let calls = self.upstream.requests();
        let call = calls.iter().find(|call| call.path == "/repos/o/r").unwrap();
        assert_eq!(
            call.headers["authorization"],
            format!("Bearer {}", self.key)
        );
        assert!(shown.contains("\"ok\":true"), "{shown}");
        assert!(
            shown.contains("the job asks"),
            "the log shows the call: {shown}"
        );
        let left = fs::read_dir(self.home.file("sealed-home")).unwrap().count();
        assert_eq!(left, 0, "nothing is written outside AXIS_HOME");
        let audit = fs::read_to_string(self.home.file("project/audit.csv")).unwrap();
        assert!(audit.contains("repos.get"), "{audit}");
    }
}

impl Drop for Runner {
    /// A step that failed left its axisd behind.
    fn drop(&mut self) {
        for home in ["temp/axis", "project/.axis"] {
            let home = self.home.file(home);
            if home.exists() {
                let mut axis = Command::new(binary("axis"));
                axis.args(["daemon", "stop"]).env("AXIS_HOME", home);
                let _ = axis.output();
            }
        }
    }
}

fn guide(language: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ci-guide.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n## {language}\n")).unwrap();
    let yaml = section.split("```yaml\n").nth(1).unwrap();
    serde_yaml::from_str(yaml.split("```").next().unwrap()).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn the_steps_for_github_actions_run_in_their_order() {
    let runner = Runner::new("github-actions");
    let temp = runner.home.file("temp").display().to_string();
    let mut exported = BTreeMap::new();
    let mut path = runner.path();
    let mut shown = String::new();
    let guide = guide("GitHub Actions");
    let steps = guide["jobs"]["agent"]["steps"].as_array().unwrap();
    let mut ran = 0;
    for step in steps {
        let Some(commands) = step["run"].as_str() else {
            assert!(step["uses"].is_string());
            continue;
        };
        let mut variables = exported.clone();
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            let value = match value.as_str().unwrap() {
                "${{ secrets.AGENT_GITHUB_TOKEN }}" => runner.key.clone(),
                "${{ vars.AXIS_REPOSITORY }}" => "https://git.example/axis".to_owned(),
                other => panic!("{name}: {other}"),
            };
            variables.insert(name.clone(), value);
        }
        for (name, file) in [("GITHUB_PATH", "path"), ("GITHUB_ENV", "env")] {
            let file = runner.home.file(file);
            variables.insert(name.to_owned(), file.display().to_string());
        }
        variables.insert("RUNNER_TEMP".to_owned(), temp.clone());
        variables.insert("PATH".to_owned(), path.clone());
        shown += &runner.step(commands, &variables);
        ran += 1;
        if let Ok(more) = fs::read_to_string(runner.home.file("path")) {
            path = format!("{}:{}", more.trim(), runner.path());
        }
        let set = fs::read_to_string(runner.home.file("env")).unwrap_or_default();
        let set = set.lines().filter_map(|line| line.split_once('='));
        exported.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    assert_eq!(ran, 4);
    runner.check(&shown);
}

#[test]
fn the_job_for_gitlab_runs_in_its_order() {
    let runner = Runner::new("gitlab");
    let project = runner.home.file("project");
    let token = runner.home.file("temp/token");
    fs::write(&token, &runner.key).unwrap();
    let guide = guide("GitLab CI");
    let job = &guide["agent"];
    let mut variables = BTreeMap::from([
        ("CI_PROJECT_DIR".to_owned(), project.display().to_string()),
        ("AGENT_GITHUB_TOKEN".to_owned(), token.display().to_string()),
        (
            "AXIS_REPOSITORY".to_owned(),
            "https://git.example/axis".to_owned(),
        ),
    ]);
    for (name, value) in job["variables"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let value = value.replace("$CI_PROJECT_DIR", &project.display().to_string());
        variables.insert(name.clone(), value);
    }
    // one shell for what comes before and the script, another one after it
    let before = [texts(&job["before_script"]), texts(&job["script"])].concat();
    let mut shown = runner.step(&before.join("\n"), &variables);
    shown += &runner.step(&texts(&job["after_script"]).join("\n"), &variables);
    assert!(!token.exists(), "the file with the token is gone");
    runner.check(&shown);
}
