//! `axis hosts`: Axis in the files of MCP hosts, and out of them again.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use axis_tests::{Home, Host, PASSWORD, Ran, Reply, Upstream, binary, canary, run};
use serde_json::{Value, json};

const CURSOR: &str = "// mine
{
  \"mcpServers\": {
    \"files\": { \"command\": \"npx\", \"args\": [\"-y\", \"files\"], }, // kept
  },
}
";

/// A user with hosts: a home directory beside that of Axis.
struct User {
    axis: Home,
    home: tempfile::TempDir,
}

impl User {
    fn new(axis: Home) -> Self {
        let home = tempfile::Builder::new().prefix("user-").tempdir().unwrap();
        Self { axis, home }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.file(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.axis.command("axis");
        command
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .arg("hosts")
            .args(arguments);
        command
    }

    fn hosts(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments), "")
    }

    /// The entry that a host finds in its file.
    fn entry(&self, name: &str) -> Value {
        let file: Value = serde_json::from_str(&self.read(name)).unwrap();
        file["mcpServers"]["axis"].clone()
    }
}

/// What a host does with an entry: the program, its arguments, the variables of
/// the entry and next to nothing else.
fn start(entry: &Value) -> Host {
    let mut command = Command::new(entry["command"].as_str().unwrap());
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .current_dir("/");
    for argument in entry["args"].as_array().unwrap() {
        command.arg(argument.as_str().unwrap());
    }
    for (name, value) in entry["env"].as_object().unwrap() {
        command.env(name, value.as_str().unwrap());
    }
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    host
}

#[test]
fn the_entry_works_with_the_policy_of_a_fresh_init() {
    // fault 22: the identity of the hosts wasn't the one of the policy
    let key = canary("hosts");
    let upstream = Upstream::answering(|_| Reply::json(200, &json!({"full_name": "a/b"})));
    let axis = Home::ready();
    axis.add("github", &key, &upstream.url());
    let user = User::new(axis);
    user.hosts(&["add", "cursor", "--force"]).ok();
    let mut host = start(&user.entry(".cursor/mcp.json"));
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(
        upstream.requests()[0].headers["authorization"],
        format!("Bearer {key}")
    );
}

#[test]
fn a_file_with_comments_keeps_them_and_gets_every_byte_back() {
    // fault 23: setup wiped other servers from a Cursor config with comments
    let user = User::new(Home::empty());
    user.write(".cursor/mcp.json", CURSOR);
    let planned = user.hosts(&["add", "cursor", "--dry-run"]).ok();
    assert!(planned.stdout.contains("+    \"axis\": {"), "{planned:?}");
    assert_eq!(user.read(".cursor/mcp.json"), CURSOR);
    assert!(!user.file(".cursor/mcp.json.axis-backup").exists());
    let added = user.hosts(&["add", "cursor"]).ok();
    assert!(
        added
            .stdout
            .contains("before: ~/.cursor/mcp.json.axis-backup"),
        "{added:?}"
    );
    let text = user.read(".cursor/mcp.json");
    for line in CURSOR.lines() {
        assert!(text.lines().any(|it| it == line), "{line}");
    }
    assert_eq!(user.read(".cursor/mcp.json.axis-backup"), CURSOR);
    let again = user.hosts(&["add", "cursor"]).ok();
    assert!(again.stdout.contains("was there already"), "{again:?}");
    assert_eq!(user.read(".cursor/mcp.json"), text);
    let planned = user.hosts(&["remove", "cursor", "--dry-run"]).ok();
    assert!(planned.stdout.contains("-    \"axis\": {"), "{planned:?}");
    assert_eq!(user.read(".cursor/mcp.json"), text);
    user.hosts(&["remove", "cursor"]).ok();
    assert_eq!(user.read(".cursor/mcp.json"), CURSOR);
    let again = user.hosts(&["remove", "cursor"]).ok();
    assert!(again.stdout.contains("axis isn't in"), "{again:?}");
}

#[test]
fn the_path_is_absolute_and_a_link_of_the_owners_stays_one() {
    let user = User::new(Home::empty());
    let bin = user.file(".local/bin");
    fs::create_dir_all(&bin).unwrap();
    symlink(binary("axis"), bin.join("axis")).unwrap();
    let as_called = |program: &str, arguments: &[&str]| {
        let mut command = Command::new("/bin/sh");
        let line = format!(
            "exec {program} hosts add cursor --force {}",
            arguments.join(" ")
        );
        command
            .args(["-c", &line])
            .env_clear()
            .env("HOME", user.home.path())
            .env("AXIS_HOME", user.axis.path())
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .current_dir(user.home.path());
        run(command, "").ok()
    };
    let link = bin.join("axis").display().to_string();
    for program in [
        "axis",
        ".local/bin/axis",
        "./.local/../.local/bin/axis",
        &link,
    ] {
        let ran = as_called(program, &[]);
        assert_eq!(user.entry(".cursor/mcp.json")["command"], link, "{program}");
        assert!(!ran.stderr.contains("cargo clean"), "{ran:?}");
    }
    // the file itself lies where a build leaves it
    let ran = user.hosts(&["add", "cursor"]).ok();
    let file = binary("axis").canonicalize().unwrap();
    assert_eq!(
        user.entry(".cursor/mcp.json")["command"],
        file.to_str().unwrap()
    );
    assert!(ran.stderr.contains("cargo clean"), "{ran:?}");
    assert!(
        ran.stdout.contains(&format!("program: {link} → ")),
        "{ran:?}"
    );
}

#[test]
fn the_entry_leads_to_this_axis_and_holds_no_password() {
    let user = User::new(Home::empty());
    let mut command = user.command(&["add", "cursor", "--force", "--identity", "Editor-1"]);
    command
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("AXIS_SOCKET_DIR", "/run/elsewhere")
        .env("AXIS_POLICY_PATH", "not/absolute");
    run(command, "").ok();
    assert_eq!(
        user.entry(".cursor/mcp.json")["env"],
        json!({
            "AXIS_IDENTITY": "editor-1",
            "AXIS_HOME": user.axis.path().to_str().unwrap(),
            "AXIS_SOCKET_DIR": "/run/elsewhere",
        })
    );
    assert!(!user.read(".cursor/mcp.json").contains(PASSWORD));
}

#[test]
fn the_agent_of_one_identitys_socket_writes_no_file_by_its_calls() {
    let upstream = Upstream::friendly();
    let policy = "policies:\n  - identity: claude\n    socket: required\n    allow:\n      - {service: github, actions: ['*'], effects: [read]}\n";
    let axis = Home::with_github(&upstream, &canary("confined"), policy);
    axis.axis(&["identity", "add", "claude"]).ok();
    let user = User::new(axis);
    user.write(".claude/settings.json", "{}");
    let mut command = user.command(&["add", "cursor", "--force", "--identity", "claude"]);
    command.env(
        "AXIS_SOCKET",
        user.axis.file("run/identity/claude/broker.sock"),
    );
    run(command, "").ok();
    let entry = user.entry(".cursor/mcp.json");
    assert_eq!(entry["env"]["AXIS_FILES"], "off");
    let mut host = start(&entry);
    let repository = json!({"owner": "a", "repo": "b"});
    for file in [
        ".claude/settings.json",
        ".config/systemd/user/axisd.service",
        ".bashrc",
    ] {
        let more = json!({"save_to": user.file(file)});
        let answer = host.execute_with("github", "repos.get", &repository, &more);
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("AXIS_FILES=off"), "{answer}");
    }
    assert_eq!(user.read(".claude/settings.json"), "{}");
    assert!(!user.file(".bashrc").exists() && !user.file(".config").exists());
    assert!(upstream.requests().is_empty());
    let answer = host.execute("github", "repos.get", &repository);
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn all_that_are_found_are_configured_and_one_that_fails_keeps_none_back() {
    let user = User::new(Home::empty());
    let nothing = user.hosts(&["add", "--all"]);
    assert_eq!(nothing.code(), 1);
    assert!(
        nothing.stderr.contains("no MCP host is found"),
        "{nothing:?}"
    );
    user.write(".cursor/mcp.json", CURSOR);
    user.write(".gemini/settings.json", "{ \"theme\": }");
    user.write(".codex/config.toml", "# mine\n");
    fs::create_dir_all(user.file(".config/opencode")).unwrap();
    let ran = user.hosts(&["add", "--all"]);
    assert_eq!(ran.code(), 1);
    assert!(ran.stderr.contains("line 1, column"), "{ran:?}");
    assert_eq!(user.read(".gemini/settings.json"), "{ \"theme\": }");
    assert!(user.read(".cursor/mcp.json").contains("AXIS_IDENTITY"));
    assert!(
        user.read(".codex/config.toml")
            .contains("[mcp_servers.axis]")
    );
    let opencode: Value =
        serde_json::from_str(&user.read(".config/opencode/opencode.json")).unwrap();
    assert_eq!(opencode["mcp"]["axis"]["command"][1], "mcp");
    assert!(!user.file(".config/zed").exists(), "it isn't here");
    user.hosts(&["remove", "--all"]).ok();
    assert_eq!(user.read(".cursor/mcp.json"), CURSOR);
    assert_eq!(user.read(".codex/config.toml"), "# mine\n");
    assert!(!user.file(".config/opencode/opencode.json").exists());
}

#[test]
fn a_host_that_is_not_here_or_not_known_is_refused() {
    let user = User::new(Home::empty());
    let ran = user.hosts(&["add", "zed"]);
    assert_eq!(ran.code(), 1);
    assert!(
        ran.stderr.contains("Zed isn't found on this machine"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("fix: axis hosts add zed --force"),
        "{ran:?}"
    );
    assert!(!user.file(".config").exists());
    let ran = user.hosts(&["add", "curser"]);
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("'cursor'"), "{ran:?}");
    let ran = user.hosts(&["add"]);
    assert_eq!(ran.code(), 2);
    let ran = user.hosts(&["add", "zed", "--project"]);
    assert_eq!(ran.code(), 1);
    assert!(ran.stderr.contains("leave --project out"), "{ran:?}");
    let missing = format!("--project={}", user.file("mistyped").display());
    let ran = user.hosts(&["add", "cursor", &missing]);
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("there is no directory"), "{ran:?}");
    for identity in ["", "${AXIS_IDENTITY}", "two words", "-x"] {
        let ran = user.hosts(&["add", "zed", "--force", &format!("--identity={identity}")]);
        assert_eq!(ran.code(), 2, "{identity}: {ran:?}");
    }
}

#[test]
fn a_projects_file_lies_at_the_root_of_its_checkout() {
    let user = User::new(Home::empty());
    let deep = user.file("work/app/src/deep");
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(user.file("work/app/.git")).unwrap();
    let in_project = |arguments: &[&str]| {
        let mut command = user.command(arguments);
        command.current_dir(&deep);
        run(command, "").ok()
    };
    let added = in_project(&["add", "claude-code", "vscode", "--project"]);
    assert!(
        added.stdout.contains("think before you commit"),
        "{added:?}"
    );
    assert_eq!(user.entry("work/app/.mcp.json")["type"], "stdio");
    let vscode: Value = serde_json::from_str(&user.read("work/app/.vscode/mcp.json")).unwrap();
    assert_eq!(vscode["servers"]["axis"]["args"], json!(["mcp"]));
    assert!(!user.file(".claude.json").exists());
    let listed = in_project(&["list", "--json"]).json();
    let listed: Vec<&Value> = (listed.as_array().unwrap().iter())
        .filter(|it| it["scope"] == "project")
        .collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(listed[0]["configured"]["identity"], "local-dev");
    in_project(&["remove", "claude-code", "vscode", "--project"]);
    assert!(!user.file("work/app/.mcp.json").exists());
    // and where it is said
    in_project(&[
        "add",
        "cursor",
        &format!("--project={}", user.file("work").display()),
    ]);
    assert_eq!(user.entry("work/.cursor/mcp.json")["args"], json!(["mcp"]));
}

#[test]
fn the_list_tells_which_use_axis_and_what_they_start() {
    let user = User::new(Home::empty());
    user.write(".cursor/mcp.json", CURSOR);
    user.write(
        ".gemini/settings.json",
        r#"{"mcpServers": {"axis": {"command": "/gone/axis", "args": ["mcp"], "env": {"AXIS_IDENTITY": "g"}}}}"#,
    );
    user.write(".kiro/settings/mcp.json", "{ nonsense");
    user.write(
        ".lmstudio/mcp.json",
        "{\"mcpServers\": {\"axis\": {\"command\": \"other\\u001b[31m\", \"args\": [\"x\"]}}}",
    );
    user.hosts(&["add", "cursor"]).ok();
    for arguments in [&["--json"][..], &["list", "--json"]] {
        let listed = user.hosts(arguments).ok().json();
        let of = |id: &str| {
            let mut all = listed.as_array().unwrap().iter();
            all.find(|it| it["host"] == id).unwrap().clone()
        };
        assert_eq!(of("cursor")["found"], true);
        assert_eq!(of("cursor")["configured"]["identity"], "local-dev");
        assert_eq!(of("cursor")["configured"]["is_this_program"], true);
        assert_eq!(of("gemini")["configured"]["exists"], false);
        assert_eq!(of("gemini")["configured"]["is_axis"], true);
        assert_eq!(of("lm-studio")["configured"]["is_axis"], false);
        assert!(of("kiro")["problem"].as_str().unwrap().contains("line 1"));
        assert_eq!(of("zed")["found"], false);
        assert_eq!(of("zed")["configured"], Value::Null);
        assert!(listed.as_array().unwrap().len() >= 15);
    }
    let listed = user.hosts(&[]).ok();
    assert!(
        listed.stdout.contains("as g; /gone/axis is gone"),
        "{listed:?}"
    );
    assert!(
        listed.stdout.contains("kiro\tyes\tcan't be read"),
        "{listed:?}"
    );
    assert!(!listed.stdout.contains('\u{1b}') && !listed.stderr.contains('\u{1b}'));
}

#[test]
fn keys_in_plain_text_are_named_by_service_and_never_shown() {
    let secrets = [
        "ghp_0123456789abcdefghij",
        "master pass words",
        "linear-without-a-form",
    ];
    let user = User::new(Home::ready());
    user.write(
        ".cursor/mcp.json",
        &json!({"mcpServers": {
            "gh": {"command": "x", "env": {"GITHUB_TOKEN": secrets[0]}},
            "li": {"command": "x", "env": {"LINEAR_API_KEY": secrets[2]}},
            "axis": {"command": "axis", "args": ["mcp"], "env": {"AXIS_MASTER_PASSWORD": secrets[1]}},
        }})
        .to_string(),
    );
    let outputs = [
        user.hosts(&[]).ok(),
        user.hosts(&["list", "--json"]).ok(),
        user.hosts(&["add", "cursor", "--dry-run"]).ok(),
        user.hosts(&["add", "cursor"]).ok(),
    ];
    for ran in &outputs {
        for secret in secrets {
            assert!(
                !ran.stdout.contains(secret) && !ran.stderr.contains(secret),
                "{ran:?}"
            );
        }
    }
    for ran in [&outputs[0], &outputs[3]] {
        for words in [
            "a key of github stands in plain text in ~/.cursor/mcp.json (server gh, GITHUB_TOKEN)",
            "a key of linear stands in plain text in ~/.cursor/mcp.json (server li, LINEAR_API_KEY)",
            "`axis import host cursor` brings it into the vault",
            "the master password stands in ~/.cursor/mcp.json (server axis, AXIS_MASTER_PASSWORD)",
        ] {
            assert!(ran.stderr.contains(words), "{ran:?}");
        }
    }
    let listed = outputs[1].json();
    let cursor = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["host"] == "cursor")
        .unwrap();
    assert_eq!(cursor["secrets"].as_array().unwrap().len(), 3);
    assert_eq!(cursor["secrets"][0]["service"], "github");
    assert!(
        user.read(".cursor/mcp.json").contains(secrets[1]),
        "nothing of the owner's is taken"
    );
    let mode = fs::metadata(user.file(".cursor/mcp.json.axis-backup"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_key_that_was_deleted_from_the_file_is_told_as_long_as_its_backup_holds_it() {
    let key = "ghp_CANARY0123456789abcdef";
    let user = User::new(Home::ready());
    let file = json!({"mcpServers": {"gh": {"command": "x", "env": {"GITHUB_TOKEN": key}}}});
    user.write(".cursor/mcp.json", &file.to_string());
    let backup = user.file(".cursor/mcp.json.axis-backup");
    let remove = format!("rm {}", backup.display());
    let added = user.hosts(&["add", "cursor"]).ok();
    assert!(
        added
            .stderr
            .contains("once it is stored, delete it there, and with")
            && added.stderr.contains(&remove),
        "{added:?}"
    );
    let text = user.read(".cursor/mcp.json");
    user.write(".cursor/mcp.json", &text.replace(key, "${GITHUB_TOKEN}"));
    let doctor = || {
        let mut command = user.axis.command("axis");
        command
            .env("HOME", user.home.path())
            .args(["doctor", "--json"]);
        run(command, "").stdout
    };
    let listed = user.hosts(&[]).ok();
    let words = "a key of github still stands in plain text in ~/.cursor/mcp.json.axis-backup";
    assert!(listed.stderr.contains(words), "{listed:?}");
    assert!(listed.stderr.contains(&remove), "{listed:?}");
    assert!(!listed.stderr.contains("CANARY"), "{listed:?}");
    assert!(doctor().contains(&remove), "{}", doctor());
    fs::remove_file(backup).unwrap();
    let listed = user.hosts(&[]).ok();
    assert!(!listed.stderr.contains("plain text"), "{listed:?}");
    assert!(!doctor().contains(&remove), "{}", doctor());
}

#[test]
fn an_identity_that_policy_allows_nothing_is_warned_of() {
    let user = User::new(Home::ready());
    let ran = user.hosts(&["add", "cursor", "--force"]).ok();
    assert!(!ran.stderr.contains("nothing yet"), "{ran:?}");
    let ran = user
        .hosts(&["add", "cursor", "--identity", "stranger"])
        .ok();
    assert!(
        ran.stderr
            .contains("axis allow SERVICE ACTION --identity stranger"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("AXIS_IDENTITY: local-dev → stranger"),
        "{ran:?}"
    );
    user.axis
        .policy("policies:\n  - identity: '*'\n    allow:\n      - {service: github, actions: [repos.get]}\n");
    let ran = user
        .hosts(&["add", "cursor", "--identity", "stranger"])
        .ok();
    assert!(!ran.stderr.contains("allows stranger nothing"), "{ran:?}");
}
