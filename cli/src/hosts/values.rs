//! What servers in hosts' files are given as variables and headers: keys that
//! `axis import` brings into the vault.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::environment::Environment;
use super::error::HostsError;
use super::file::Snapshot;
use super::host::{Format, Scope, known};
use super::secrets::NAMED;
use super::tree::{Found, Node};
use super::{entry, json, toml};

/// One variable or header of one server.
pub struct ServerValue {
    /// The server.
    pub server: String,
    /// The variable's or header's name.
    pub name: String,
    /// Whether it is a header: its name says nothing of whose key it holds.
    pub is_header: bool,
    /// What it holds, without the word `Bearer`.
    pub value: SecretString,
}

/// The file that the host of this name reads for its user, where it is a name.
///
/// # Errors
/// The host keeps none on this system.
pub fn file_of(id: &str) -> Result<Option<PathBuf>, HostsError> {
    let environment = Environment::of_process()?;
    let mut hosts = known()?.iter();
    let host = hosts.find(|host| host.id.eq_ignore_ascii_case(id));
    host.map(|host| Ok(host.place(&environment, &Scope::User)?.file))
        .transpose()
}

/// The variables and headers of all servers in `file` but Axis itself.
///
/// # Errors
/// It can't be read, or doesn't parse.
pub fn values(file: &Path) -> Result<Vec<ServerValue>, HostsError> {
    let snapshot = Snapshot::read(file)?;
    let text = snapshot.text()?;
    let is_toml = file.extension().is_some_and(|kind| kind == "toml");
    let format = if is_toml { Format::Toml } else { Format::Json };
    let parsed = match format {
        Format::Toml => toml::parse(text).map(Some),
        Format::Json => json::parse(text),
    };
    let root = parsed.map_err(|(line, column, why)| HostsError::Unparsable {
        file: file.to_owned(),
        line,
        column,
        why,
    })?;
    let mut values = Vec::new();
    if let Some(root) = root {
        root.each_text(&mut |found| values.extend(value(&root, found)));
    }
    Ok(values)
}

fn value(root: &Node, found: &Found<'_>) -> Option<ServerValue> {
    let (server, name, text, is_header) = match found.way {
        [.., server, block, name] if NAMED.contains(&block.as_str()) => {
            let is_header = block.to_ascii_lowercase().contains("header");
            (server, name.clone(), found.text, is_header)
        }
        // `-e NAME=value` of a program in a container
        [.., server, _, number] => {
            let (_, parents) = found.way.split_last()?;
            let Node::List(_, items) = root.at(parents)? else {
                return None;
            };
            let before = items.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
            if !matches!(before.text()?, "-e" | "--env") {
                return None;
            }
            let (name, text) = found.text.split_once('=')?;
            (server, name.to_owned(), text, false)
        }
        _ => return None,
    };
    if server == entry::NAME || name.starts_with("AXIS_") {
        return None;
    }
    let bare = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    Some(ServerValue {
        server: server.clone(),
        name,
        is_header,
        value: SecretString::from(bare),
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(name: &str, text: &str) -> Vec<(String, String, String)> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        let values = values(&file).unwrap().into_iter();
        let words = values.map(|it| (it.server, it.name, it.value.expose_secret().to_owned()));
        words.collect()
    }

    fn one(server: &str, name: &str, value: &str) -> (String, String, String) {
        (server.into(), name.into(), value.into())
    }

    #[test]
    fn variables_and_headers_are_read_from_json_with_comments_and_from_toml() {
        let json = r#"{ // mine
            "mcpServers": {
              "gh": { "command": "x", "env": { "GITHUB_TOKEN": "ghp_1", }, "args": ["run", "-e", "A=b"] },
              "web": { "url": "https://x", "headers": { "Authorization": "Bearer sk_1" } },
              "axis": { "env": { "AXIS_IDENTITY": "me", "X": "y" } },
            } }"#;
        assert_eq!(
            read("mcp.json", json),
            [
                one("gh", "GITHUB_TOKEN", "ghp_1"),
                one("gh", "A", "b"),
                one("web", "Authorization", "sk_1"),
            ]
        );
        let toml = "[mcp_servers.gh]\ncommand = \"x\"\n[mcp_servers.gh.env]\nGITHUB_TOKEN = \"ghp_1\" # mine\n";
        assert_eq!(
            read("config.toml", toml),
            [one("gh", "GITHUB_TOKEN", "ghp_1")]
        );
        assert_eq!(read("empty.json", ""), []);
    }
}
