//! The units of a user's own systemd.

use std::env;
use std::path::PathBuf;

use super::{Installation, UnitFile, one_line};
use crate::failure::Failure;

const SERVICE: &str = include_str!("../../../packaging/systemd/user/axisd.service");
const SOCKET: &str = include_str!("../../../packaging/systemd/user/axisd.socket");

/// axisd's units, as `installation` has them.
pub fn files(installation: &Installation) -> Result<Vec<UnitFile>, Failure> {
    let directory = directory(installation);
    Ok(vec![
        UnitFile {
            path: directory.join("axisd.service"),
            text: service(installation)?,
        },
        UnitFile {
            path: directory.join("axisd.socket"),
            text: socket(installation)?,
        },
    ])
}

fn directory(installation: &Installation) -> PathBuf {
    let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    config
        .filter(|config| config.is_absolute())
        .unwrap_or_else(|| installation.home.join(".config"))
        .join("systemd/user")
}

fn service(installation: &Installation) -> Result<String, Failure> {
    let program = quoted(one_line(&installation.program)?).replace('$', "$$");
    let mut lines = vec![format!("ExecStart={program}\n")];
    for (name, value) in &installation.environment {
        let assignment = quoted(&format!("{name}={value}"));
        lines.push(format!("Environment={assignment}\n"));
    }
    let own = lines.concat();
    Ok(replaced(SERVICE, "ExecStart=/usr/bin/axisd\n", &own))
}

fn socket(installation: &Installation) -> Result<String, Failure> {
    let sockets = &installation.sockets;
    let mut text = SOCKET.to_owned();
    for (name, path) in [
        ("broker.sock", sockets.broker()),
        ("admin.sock", sockets.admin()),
    ] {
        let usual = format!("ListenStream=%t/axis/{name}\n");
        let own = format!("ListenStream={}\n", one_line(&path)?.replace('%', "%%"));
        text = replaced(&text, &usual, &own);
    }
    Ok(text)
}

fn replaced(text: &str, usual: &str, own: &str) -> String {
    text.replacen(usual, own, 1)
}

/// A word as systemd reads it, whatever is in it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-=@:+,".contains(&byte);
    if word.bytes().all(plain) {
        return word.to_owned();
    }
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use axis_proto::socket::SocketDir;

    use super::*;

    #[test]
    fn the_units_name_this_installation_and_keep_all_else() {
        let installation = Installation {
            program: "/opt/my axis/$x/axisd".into(),
            environment: vec![("AXIS_HOME".into(), "/home/ann/100% \"safe\"".into())],
            sockets: SocketDir::in_home("/home/ann/100% \"safe\"".as_ref()),
            log: "/home/ann/axisd.log".into(),
            home: "/home/ann".into(),
        };
        let service = service(&installation).unwrap();
        for line in [
            "ExecStart=\"/opt/my axis/$$x/axisd\"",
            "Environment=\"AXIS_HOME=/home/ann/100%% \\\"safe\\\"\"",
            "Type=notify",
            "NoNewPrivileges=yes",
        ] {
            assert!(service.lines().any(|it| it == line), "{line} in {service}");
        }
        assert!(!service.contains("/usr/bin"), "{service}");
        let socket = socket(&installation).unwrap();
        for line in [
            "ListenStream=/home/ann/100%% \"safe\"/run/broker.sock",
            "ListenStream=/home/ann/100%% \"safe\"/run/admin.sock",
            "SocketMode=0600",
        ] {
            assert!(socket.lines().any(|it| it == line), "{line} in {socket}");
        }
        assert!(!socket.contains("%t"), "{socket}");
    }
}
