//! The agent of macOS' launchd.

use std::fmt::Write;

use axis_proto::LAUNCHD_LABEL;

use super::{Installation, UnitFile, one_line};
use crate::failure::Failure;

const AGENT: &str = include_str!("../../../packaging/launchd/axisd.plist");

/// axisd's agent, as `installation` has it.
pub fn files(installation: &Installation) -> Result<Vec<UnitFile>, Failure> {
    let agents = installation.home.join("Library/LaunchAgents");
    Ok(vec![UnitFile {
        path: agents.join(format!("{LAUNCHD_LABEL}.plist")),
        text: agent(installation)?,
    }])
}

fn agent(installation: &Installation) -> Result<String, Failure> {
    let program = escaped(one_line(&installation.program)?);
    let log = escaped(one_line(&installation.log)?);
    let mut environment = "\t\t<key>PATH</key>\n".to_owned();
    for (name, value) in &installation.environment {
        let entry = format!(
            "\t\t<key>{}</key>\n\t\t<string>{}</string>\n",
            escaped(name),
            escaped(value)
        );
        environment.insert_str(0, &entry);
    }
    let mut text = AGENT.to_owned();
    for (usual, own) in [
        ("/usr/local/bin/axisd", program.as_str()),
        ("\t\t<key>PATH</key>\n", &environment),
        ("/dev/null", &log),
    ] {
        text = text.replacen(usual, own, 1);
    }
    Ok(text)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        let written = match character {
            '&' => escaped.write_str("&amp;"),
            '<' => escaped.write_str("&lt;"),
            '>' => escaped.write_str("&gt;"),
            other => escaped.write_char(other),
        };
        // a String takes whatever is written
        debug_assert!(written.is_ok());
    }
    escaped
}

#[cfg(test)]
mod tests {
    use axis_proto::socket::SocketDir;

    use super::*;

    #[test]
    fn the_agent_names_this_installation() {
        let installation = Installation {
            program: "/opt/a&b/axisd".into(),
            environment: vec![("AXIS_HOME".into(), "/Users/ann/<x>".into())],
            sockets: SocketDir::in_home("/Users/ann/<x>".as_ref()),
            log: "/Users/ann/axisd.log".into(),
            home: "/Users/ann".into(),
        };
        let [file] = files(&installation).unwrap().try_into().unwrap();
        assert_eq!(
            file.path.to_str().unwrap(),
            "/Users/ann/Library/LaunchAgents/dev.axis.axisd.plist"
        );
        for piece in [
            "<string>dev.axis.axisd</string>",
            "<string>/opt/a&amp;b/axisd</string>",
            "<key>AXIS_HOME</key>\n\t\t<string>/Users/ann/&lt;x&gt;</string>\n\t\t<key>PATH</key>",
            "<string>/Users/ann/axisd.log</string>",
        ] {
            assert!(file.text.contains(piece), "{piece} in {}", file.text);
        }
        assert!(!file.text.contains("/dev/null"), "{}", file.text);
    }
}
