//! Where something stands under our name already, or nothing can.

use super::*;
use crate::hosts::change::Effect;

#[test]
fn keys_of_the_owners_in_our_entry_stay() {
    let case = Case::of(
        "cline",
        r#"{
  "mcpServers": {
    "axis": {
      "disabled": false, // on
      "autoApprove": ["list_actions"],
      "args": ["mcp"],
      "command": "/old/axis",
      "env": {"MINE": "1", "AXIS_HOME": "/elsewhere"}
    }
  }
}
"#,
    );
    let applied = case.add().unwrap();
    let Effect::Updated(words) = applied.effect else {
        panic!("{:?}", applied.effect);
    };
    assert_eq!(
        words,
        [
            "program: /old/axis → /opt/axis/bin/axis",
            "AXIS_IDENTITY: none → local-dev",
            "AXIS_HOME: /elsewhere → none"
        ]
    );
    assert_eq!(
        case.text(),
        r#"{
  "mcpServers": {
    "axis": {
      "disabled": false, // on
      "autoApprove": ["list_actions"],
      "args": ["mcp"],
      "command": "/opt/axis/bin/axis",
      "env": {"MINE": "1", "AXIS_IDENTITY": "local-dev"}
    }
  }
}
"#
    );
}

#[test]
fn files_are_off_for_the_agent_of_one_identity_unless_its_entry_says_otherwise() {
    let socket = "/run/user/1000/axis/identity/claude/broker.sock";
    let written = |environment: Environment| {
        let it = Entry::of_this_program("claude", &environment).unwrap();
        let all: Vec<_> = it.variables.into_iter().chain(it.defaults).collect();
        (all.into_iter().find(|(name, _)| name == "AXIS_FILES")).map(|(_, value)| value)
    };
    let plain = Environment::at(Path::new("/home/me"));
    let own = plain.clone().with("AXIS_SOCKET", socket);
    let off = Some("off".to_owned());
    assert_eq!(written(plain.clone()), None);
    assert_eq!(written(own.clone()), off);
    // what a sandbox sees, in which the shim runs, too
    assert_eq!(
        written(plain.with("AXIS_SOCKET", "/run/axis/broker.sock")),
        None
    );
    assert_eq!(written(own.clone().with("AXIS_FILES", "")), off);
    assert_eq!(written(own.clone().with("AXIS_FILES", "/")).unwrap(), "/");
    let wrong = own.clone().with("AXIS_FILES", "here");
    let error = Entry::of_this_program("claude", &wrong).unwrap_err();
    assert!(error.to_string().contains("AXIS_FILES is here"), "{error}");

    let with = |environment: &Environment| Entry {
        program: PROGRAM.to_owned(),
        ..Entry::of_this_program("claude", environment).unwrap()
    };
    for (env, words) in [
        (
            r#"{"AXIS_IDENTITY": "claude"}"#,
            Some("AXIS_FILES: none → off"),
        ),
        (r#"{"AXIS_FILES": "/home/me/files"}"#, None),
        (r#"{"AXIS_FILES": "on"}"#, None),
    ] {
        let before = format!(
            r#"{{"mcpServers": {{"axis": {{"command": "axis", "args": ["mcp"], "env": {env}}}}}}}"#
        );
        let case = Case::of("cursor", &before);
        let Effect::Updated(told) = case.plan(with(&own)).unwrap().apply().unwrap().effect else {
            panic!("{env} is brought in line");
        };
        let told: Vec<_> = told.iter().filter(|it| it.contains("AXIS_FILES")).collect();
        assert_eq!(told, words.iter().collect::<Vec<_>>(), "{env}");
        let again = case.plan(with(&own)).unwrap();
        assert_eq!(again.effect, Effect::Unchanged, "{env}");
        // without that socket it stays: it may be the owner's
        case.add().unwrap();
        assert!(case.text().contains("AXIS_FILES"), "{}", case.text());
        let said = own.clone().with("AXIS_FILES", "/");
        case.plan(with(&said)).unwrap().apply().unwrap();
        assert!(
            case.text().contains(r#""AXIS_FILES": "/""#),
            "{}",
            case.text()
        );
    }
    for id in ["cursor", "codex", "opencode"] {
        let case = Case::empty(id);
        case.plan(with(&own)).unwrap().apply().unwrap();
        assert!(case.text().contains("AXIS_FILES"), "{}", case.text());
        case.remove_without_backup().unwrap();
        assert!(!case.file().exists(), "{id}: nothing of it is left");
    }
}

#[test]
fn an_entry_in_toml_is_brought_in_line_where_it_stands() {
    let inline = "[mcp_servers.axis]\ncommand = \"axis\"\nargs = [\"mcp\"] # ours\nstartup_timeout_sec = 5\n\n[tui]\nx = 1\n";
    let case = Case::of("codex", inline);
    case.add().unwrap();
    assert_eq!(
        case.text(),
        "[mcp_servers.axis]\ncommand = \"/opt/axis/bin/axis\"\nargs = [\"mcp\"] # ours\nstartup_timeout_sec = 5\n\n[mcp_servers.axis.env]\nAXIS_IDENTITY = \"local-dev\"\n\n[tui]\nx = 1\n"
    );
    let case = Case::of(
        "codex",
        "[mcp_servers]\naxis = { command = \"axis\", args = [\"mcp\"], env = { AXIS_IDENTITY = \"old\", MINE = \"1\" } }\n",
    );
    case.add().unwrap();
    assert_eq!(
        case.text(),
        "[mcp_servers]\naxis = { command = \"/opt/axis/bin/axis\", args = [\"mcp\"], env = { AXIS_IDENTITY = \"local-dev\", MINE = \"1\" } }\n"
    );
    case.remove_without_backup().unwrap();
    assert_eq!(case.text(), "[mcp_servers]\n");
}

#[test]
fn somebody_elses_entry_of_our_name_stays_unless_it_is_forced() {
    for (id, before) in [
        (
            "cursor",
            "{\n  \"mcpServers\": {\n    \"axis\": {\n      \"url\": \"https://axis.example/mcp\"\n    },\n    \"b\": {}\n  }\n}\n",
        ),
        (
            "cursor",
            "{\n  \"mcpServers\": {\n    \"axis\": {\"command\": \"npx\", \"args\": [\"axis-asv\", \"mcp\"]},\n    \"b\": {}\n  }\n}\n",
        ),
        (
            "codex",
            "[mcp_servers.axis]\nurl = \"https://axis.example/mcp\"\n\n[mcp_servers.b]\ncommand = \"c\"\n",
        ),
    ] {
        let case = Case::of(id, before);
        assert!(
            matches!(case.add(), Err(HostsError::NotOurs { .. })),
            "{before}"
        );
        assert!(
            matches!(case.remove(), Err(HostsError::NotOurs { .. })),
            "{before}"
        );
        assert_eq!(case.text(), before);
        assert!(!case.backup().exists());
        let forced = Allowed {
            replacing: true,
            ..Allowed::default()
        };
        let edit = plan(case.host, &case.place, entry(), forced).unwrap();
        assert_eq!(edit.apply().unwrap().effect, Effect::Replaced);
        let text = case.text();
        assert!(
            text.contains(PROGRAM) && !text.contains("axis.example") && !text.contains("axis-asv"),
            "{text}"
        );
        assert_eq!(fs::read_to_string(case.backup()).unwrap(), before);
        case.remove().unwrap();
        assert!(!case.text().contains(PROGRAM));
    }
}

#[test]
fn a_file_that_can_not_be_right_is_refused_with_the_place_and_stays() {
    let cases = [
        (
            "cursor",
            "{\n  \"mcpServers\": {\n    \"a\": }\n}\n",
            "line 3, column 10",
        ),
        ("cursor", "{\"mcpServers\": {} \"x\": 1}", "line 1, column"),
        ("cursor", "{'mcpServers': {}}", "line 1, column 2"),
        ("cursor", "{\n  mcpServers: {}\n}", "line 2, column 3"),
        ("cursor", "{\"mcpServers\": {", "line 1, column"),
        ("cursor", "{} {}", "line 1, column 4"),
        (
            "cursor",
            "[]",
            "the whole file\" should be a table, but is a list",
        ),
        ("cursor", "\"text\"", "should be a table, but is a string"),
        (
            "cursor",
            "{\"mcpServers\": []}",
            "\"mcpServers\" should be a table, but is a list",
        ),
        (
            "cursor",
            "{\"mcpServers\": null}",
            "\"mcpServers\" should be a table, but is a plain value",
        ),
        (
            "cursor",
            "{\"mcpServers\": {}, \"mcpServers\": {}}",
            "\"mcpServers\" twice",
        ),
        (
            "cursor",
            "{\"mcpServers\": {\"axis\": {}, \"axis\": {}}}",
            "\"axis\" twice",
        ),
        (
            "cursor",
            "{\"mcpServers\": {\"axis\": 1}}",
            "has an entry \"axis\" already",
        ),
        ("codex", "a = 1\nb = \n", "line 2, column 5"),
        ("codex", "a = 1\na = 2\n", "line 2, column 1"),
        (
            "opencode",
            "{\"mcp\": {\"servers\": {\"a\": {\"type\": \"local\"}}}}",
            "a newer form",
        ),
        (
            "codex",
            "mcp_servers = 1\n",
            "\"mcp_servers\" should be a table",
        ),
        (
            "codex",
            "[[mcp_servers]]\na = 1\n",
            "\"mcp_servers\" should be a table, but is a list",
        ),
    ];
    for (id, text, words) in cases {
        let case = Case::of(id, text);
        let error = case.add().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
        assert!(
            error.contains(&case.file().display().to_string()),
            "{error}"
        );
        assert_eq!(case.text(), text);
        assert!(!case.backup().exists());
    }
}

#[test]
fn a_file_nested_too_deep_is_refused_and_not_followed_down() {
    for (id, text) in [
        ("cursor", "[".repeat(200_000)),
        ("cursor", "{\"a\":".repeat(100_000)),
        ("codex", format!("a = {}", "[".repeat(100_000))),
    ] {
        let case = Case::of(id, &text);
        assert!(
            matches!(case.add(), Err(HostsError::Unparsable { .. })),
            "{id}"
        );
    }
}

#[test]
fn a_comment_before_our_entry_does_not_swallow_what_follows() {
    let case = Case::of(
        "cursor",
        "{\"mcpServers\": {\"a\": {}, // last\n\"axis\": {\"command\": \"axis\", \"args\": [\"mcp\"]}}}",
    );
    case.remove().unwrap();
    assert_eq!(case.text(), "{\"mcpServers\": {\"a\": {} // last\n}}");
}
