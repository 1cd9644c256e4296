//! What a file looks like with our entry in it, for the ways people write them.

use super::*;
use crate::hosts::change::Effect;

/// The host, the file before, and after `add`.
const SHAPES: [(&str, &str, &str, &str); 17] = [
    (
        "an empty file",
        "claude-desktop",
        "",
        "{
  \"mcpServers\": {
    \"axis\": {
      \"command\": \"/opt/axis/bin/axis\",
      \"args\": [\"mcp\"],
      \"env\": {
        \"AXIS_IDENTITY\": \"local-dev\"
      }
    }
  }
}
",
    ),
    (
        "an empty object",
        "claude-code",
        "{}",
        "{
  \"mcpServers\": {
    \"axis\": {
      \"type\": \"stdio\",
      \"command\": \"/opt/axis/bin/axis\",
      \"args\": [\"mcp\"],
      \"env\": {
        \"AXIS_IDENTITY\": \"local-dev\"
      }
    }
  }
}",
    ),
    (
        "comments and trailing commas (fault 23)",
        "cursor",
        "// mine
{
  \"mcpServers\": {
    // the first
    \"github\": {
      \"command\": \"npx\", // npm
      \"args\": [\"-y\", \"x\",],
    }, // kept
    /* off: \"old\": {} */
  },
}
",
        "// mine
{
  \"mcpServers\": {
    // the first
    \"github\": {
      \"command\": \"npx\", // npm
      \"args\": [\"-y\", \"x\",],
    }, // kept
    \"axis\": {
      \"command\": \"/opt/axis/bin/axis\",
      \"args\": [\"mcp\"],
      \"env\": {
        \"AXIS_IDENTITY\": \"local-dev\"
      }
    },
    /* off: \"old\": {} */
  },
}
",
    ),
    (
        "tabs, no final line break",
        "cursor",
        "{\n\t\"mcpServers\": {\n\t\t\"a\": {\"command\": \"b\"} // c\n\t}\n}",
        "{\n\t\"mcpServers\": {\n\t\t\"a\": {\"command\": \"b\"}, // c\n\t\t\"axis\": {\n\t\t\t\"command\": \"/opt/axis/bin/axis\",\n\t\t\t\"args\": [\"mcp\"],\n\t\t\t\"env\": {\n\t\t\t\t\"AXIS_IDENTITY\": \"local-dev\"\n\t\t\t}\n\t\t}\n\t}\n}",
    ),
    (
        "Windows' line ends",
        "cursor",
        "{\r\n    \"mcpServers\": {\r\n        \"a\": {}\r\n    }\r\n}\r\n",
        "{\r\n    \"mcpServers\": {\r\n        \"a\": {},\r\n        \"axis\": {\r\n            \"command\": \"/opt/axis/bin/axis\",\r\n            \"args\": [\"mcp\"],\r\n            \"env\": {\r\n                \"AXIS_IDENTITY\": \"local-dev\"\r\n            }\r\n        }\r\n    }\r\n}\r\n",
    ),
    (
        "all in one line",
        "windsurf",
        "{\"mcpServers\":{\"a\":{\"command\":\"b\"}},\"x\":1}",
        "{\"mcpServers\":{\"a\":{\"command\":\"b\"},\"axis\":{\"command\":\"/opt/axis/bin/axis\",\"args\":[\"mcp\"],\"env\":{\"AXIS_IDENTITY\":\"local-dev\"}}},\"x\":1}",
    ),
    (
        "one line with spaces",
        "windsurf",
        "{ \"mcpServers\": { \"a\": {} } }\n",
        "{ \"mcpServers\": { \"a\": {}, \"axis\": {\"command\": \"/opt/axis/bin/axis\", \"args\": [\"mcp\"], \"env\": {\"AXIS_IDENTITY\": \"local-dev\"}} } }\n",
    ),
    (
        "no servers yet",
        "gemini",
        "{\n  \"theme\": \"dark\"\n}\n",
        "{
  \"theme\": \"dark\",
  \"mcpServers\": {
    \"axis\": {
      \"command\": \"/opt/axis/bin/axis\",
      \"args\": [\"mcp\"],
      \"env\": {
        \"AXIS_IDENTITY\": \"local-dev\"
      }
    }
  }
}
",
    ),
    (
        "a table with only a comment in it",
        "zed",
        "{
    \"context_servers\": {
        // none yet
    }
}
",
        "{
    \"context_servers\": {
        // none yet
        \"axis\": {
            \"source\": \"custom\",
            \"command\": \"/opt/axis/bin/axis\",
            \"args\": [\"mcp\"],
            \"env\": {
                \"AXIS_IDENTITY\": \"local-dev\"
            }
        }
    }
}
",
    ),
    (
        "only comments",
        "zed",
        "// Zed settings\n",
        "// Zed settings
{
  \"context_servers\": {
    \"axis\": {
      \"source\": \"custom\",
      \"command\": \"/opt/axis/bin/axis\",
      \"args\": [\"mcp\"],
      \"env\": {
        \"AXIS_IDENTITY\": \"local-dev\"
      }
    }
  }
}
",
    ),
    (
        "a host with another form",
        "opencode",
        "{\n  \"$schema\": \"https://opencode.ai/config.json\"\n}\n",
        "{
  \"$schema\": \"https://opencode.ai/config.json\",
  \"mcp\": {
    \"axis\": {
      \"type\": \"local\",
      \"enabled\": true,
      \"command\": [\"/opt/axis/bin/axis\", \"mcp\"],
      \"environment\": {
        \"AXIS_IDENTITY\": \"local-dev\"
      }
    }
  }
}
",
    ),
    (
        "odd indents",
        "cursor",
        "{\n   \"mcpServers\":\n   {\n        \"a\":{},\n     \"b\":{}\n   } }\n",
        "{\n   \"mcpServers\":\n   {\n        \"a\":{},\n     \"b\":{},\n     \"axis\": {\n        \"command\": \"/opt/axis/bin/axis\",\n        \"args\": [\"mcp\"],\n        \"env\": {\n           \"AXIS_IDENTITY\": \"local-dev\"\n        }\n     }\n   } }\n",
    ),
    (
        "an empty TOML",
        "codex",
        "",
        "[mcp_servers.axis]
command = \"/opt/axis/bin/axis\"
args = [\"mcp\"]

[mcp_servers.axis.env]
AXIS_IDENTITY = \"local-dev\"
",
    ),
    (
        "TOML with comments and others",
        "codex",
        "# mine
model = \"gpt\"   # fast

[mcp_servers.docs]
command = \"npx\" # here
env = { A = \"b\" }
",
        "# mine
model = \"gpt\"   # fast

[mcp_servers.docs]
command = \"npx\" # here
env = { A = \"b\" }

[mcp_servers.axis]
command = \"/opt/axis/bin/axis\"
args = [\"mcp\"]

[mcp_servers.axis.env]
AXIS_IDENTITY = \"local-dev\"
",
    ),
    (
        "TOML without a final line break",
        "codex",
        "model = \"gpt\"",
        "model = \"gpt\"

[mcp_servers.axis]
command = \"/opt/axis/bin/axis\"
args = [\"mcp\"]

[mcp_servers.axis.env]
AXIS_IDENTITY = \"local-dev\"
",
    ),
    (
        "TOML with Windows' line ends",
        "codex",
        "model = \"gpt\"\r\n",
        "model = \"gpt\"\r\n\r\n[mcp_servers.axis]\r\ncommand = \"/opt/axis/bin/axis\"\r\nargs = [\"mcp\"]\r\n\r\n[mcp_servers.axis.env]\r\nAXIS_IDENTITY = \"local-dev\"\r\n",
    ),
    (
        "TOML with the servers inline",
        "codex",
        "mcp_servers = { a = { command = \"b\" } }\n",
        "mcp_servers = { a = { command = \"b\" }, axis = { command = \"/opt/axis/bin/axis\", args = [\"mcp\"], env = { AXIS_IDENTITY = \"local-dev\" } } }\n",
    ),
];

#[test]
fn our_entry_is_written_as_the_rest_of_the_file_is() {
    for (name, id, before, after) in SHAPES {
        let case = Case::of(id, before);
        let applied = case.add().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(applied.effect, Effect::Added, "{name}");
        assert_eq!(case.text(), after, "{name}");
    }
}

#[test]
fn removing_gives_every_byte_back() {
    for (name, id, before, _) in SHAPES {
        let case = Case::of(id, before);
        case.add().unwrap();
        let applied = case.remove().unwrap();
        assert_eq!(applied.effect, Effect::Removed, "{name}");
        assert_eq!(case.text(), before, "{name}");
        assert!(!case.backup().exists(), "{name}");
    }
}

#[test]
fn without_a_backup_the_entry_goes_and_all_else_stays() {
    for (name, id, before, _) in SHAPES {
        // These leave an object, a table or a line break that only the backup
        // knows of.
        let rest = match name {
            "an empty file" | "an empty object" | "an empty TOML" => None,
            "only comments" => Some("// Zed settings\n{}\n"),
            "TOML without a final line break" => Some("model = \"gpt\"\n"),
            _ => Some(before),
        };
        let case = Case::of(id, before);
        case.add().unwrap();
        let applied = case.remove_without_backup().unwrap();
        assert_eq!(applied.deleted, rest.is_none(), "{name}");
        match rest {
            Some(rest) => assert_eq!(case.text(), rest, "{name}"),
            None => assert!(!case.file().exists(), "{name}"),
        }
    }
}

#[test]
fn what_changed_since_stays_when_ours_goes() {
    for (name, id, before, _) in SHAPES {
        let case = Case::of(id, before);
        case.add().unwrap();
        let addition = if id == "codex" {
            "# later\n"
        } else {
            "// later\n"
        };
        fs::write(case.file(), format!("{}\n{addition}", case.text())).unwrap();
        case.remove()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = case.text();
        assert!(text.ends_with(addition), "{name}: {text}");
        assert!(!text.contains("axis"), "{name}: {text}");
        assert!(case.backup().exists(), "{name}");
    }
}

#[test]
fn adding_again_writes_nothing() {
    for (name, id, before, _) in SHAPES {
        let case = Case::of(id, before);
        case.add().unwrap();
        let written = fs::metadata(case.file()).unwrap().modified().unwrap();
        let applied = case.add().unwrap();
        assert_eq!(applied.effect, Effect::Unchanged, "{name}");
        let now = fs::metadata(case.file()).unwrap().modified().unwrap();
        assert_eq!(now, written, "{name}");
    }
}

#[test]
fn a_new_identity_changes_that_alone_and_is_undone_as_well() {
    for (name, id, before, after) in SHAPES {
        let case = Case::of(id, before);
        case.add().unwrap();
        let mut other = entry();
        other.variables[0].1 = "editor".to_owned();
        let applied = case.plan(other).unwrap().apply().unwrap();
        let words = vec!["AXIS_IDENTITY: local-dev → editor".to_owned()];
        assert_eq!(applied.effect, Effect::Updated(words), "{name}");
        assert_eq!(case.text(), after.replace("local-dev", "editor"), "{name}");
        case.remove().unwrap();
        assert_eq!(
            case.text(),
            before,
            "{name}: the first backup is the one that counts"
        );
    }
}
