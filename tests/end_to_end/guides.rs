//! The commands in docs/*.md, run as they stand there. (README.md and
//! docs/ci-guide.md have tests of their own.) Only where keys come from and where
//! vendors are is adapted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use axis_tests::{Home, PASSWORD, Reply, Session, Upstream, binary, run};
use serde_json::json;

/// Commands that change the machine, as root: what they install is tried in
/// `service`, as far as no machine has to be changed for it.
const OF_ROOT: [&str; 3] = ["sudo ", "alias axis-owner=", "axis-owner "];

/// The lines of a page's shell blocks.
fn commands(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(page);
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    lines
        .map(|line| line.split(" # ").next().unwrap().trim().to_owned())
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter(|line| !OF_ROOT.iter().any(|start| line.starts_with(start)))
        .collect()
}

/// A shell in whose PATH the programs are.
struct Shell<'a> {
    home: &'a Home,
    more: Vec<(String, String)>,
}

impl<'a> Shell<'a> {
    fn new(home: &'a Home) -> Self {
        fs::create_dir_all(home.file("programs")).unwrap();
        Self {
            home,
            more: Vec::new(),
        }
    }

    fn stand_in(&self, name: &str, script: &str) {
        let path = self.home.file("programs").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn runs(&self, line: &str, input: &str) {
        let programs = self.home.file("programs");
        let built = binary("axis");
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            programs.display(),
            built.parent().unwrap().display()
        );
        let mut shell = Command::new("bash");
        shell
            .args(["-euc", line])
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("AXIS_HOME", self.home.path())
            .env("AXIS_MASTER_PASSWORD", PASSWORD)
            .env("PATH", path)
            .envs(self.more.iter().cloned());
        run(shell, input).ok();
    }
}

#[test]
fn the_commands_about_the_audit_log_work() {
    let home = Home::ready();
    let shell = Shell::new(&home);
    let lines = commands("audit.md");
    assert!(lines.len() >= 2, "{lines:?}");
    for line in lines {
        shell.runs(&line, "");
    }
}

#[test]
fn the_commands_about_policy_work() {
    let home = Home::ready();
    let shell = Shell::new(&home);
    let lines = commands("policy.md");
    assert!(!lines.is_empty());
    for line in lines {
        shell.runs(&line, "");
    }
}

#[test]
fn the_commands_about_the_daemon_work_in_a_session_with_a_keychain() {
    let session = Session::login();
    let home = Home::ready();
    let mut shell = Shell::new(&home);
    let address = session.address().to_owned();
    shell
        .more
        .push(("DBUS_SESSION_BUS_ADDRESS".into(), address));
    shell.stand_in("systemctl", "#!/bin/sh\nexit 0\n");
    shell.stand_in("journalctl", "#!/bin/sh\nexit 0\n");
    // the axisd that runs was started without that session
    shell.runs("axis daemon restart", "");
    let lines = commands("daemon.md");
    assert!(lines.len() >= 6, "{lines:?}");
    for line in lines {
        // it goes on until somebody ends it
        shell.runs(&line.replace("logs --tail", "logs"), "");
    }
}

#[test]
fn the_commands_about_services_work() {
    let vendor = Upstream::answering(|request| {
        if request.path == "/openapi.json" {
            return Reply::json(
                200,
                &json!({
                    "openapi": "3.0.3",
                    "info": {"title": "Tickets", "version": "1"},
                    "paths": {"/tickets": {"get": {"operationId": "tickets.list", "responses": {}}}},
                }),
            );
        }
        Reply::json(200, &json!([{"id": 1}]))
    });
    let home = Home::ready();
    let mut shell = Shell::new(&home);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/services.md");
    let text = fs::read_to_string(page).unwrap();
    let (_, after) = text.split_once("```yaml\nservice: tickets\n").unwrap();
    let definition = after.split("```").next().unwrap();
    let definition = format!("service: tickets\n{definition}");
    fs::write(home.file("tickets.yaml"), definition).unwrap();
    shell.stand_in(
        "an-editor",
        "#!/bin/sh\nmkdir -p \"$(dirname \"$1\")\" && cp \"$HOME/tickets.yaml\" \"$1\"\n",
    );
    shell.more.push(("EDITOR".into(), "an-editor".into()));
    let lines = commands("services.md");
    assert!(lines.len() >= 4, "{lines:?}");
    for line in lines {
        let url = vendor.url();
        if line == "axis add tickets" {
            let added = format!("{line} --stdin --no-check --base-url {url}");
            axis_tests::wait_for("the service to be in force", || {
                let shown = home.axis(&["services", "show", "tickets"]);
                shown.status.success().then_some(())
            });
            shell.runs(&added, "a-token-0123456789\n");
            shell.runs("axis allow tickets tickets.list", "");
        } else if line.starts_with("axis services import https://tickets.example") {
            let import = line.replace("https://tickets.example", &url);
            shell.runs(&format!("{import} --name tickets2"), "");
        } else {
            shell.runs(&line, "");
        }
    }
    let called = vendor.requests();
    assert!(
        called
            .iter()
            .any(|call| call.path == "/api/tickets?state=open"),
        "{called:?}"
    );
}
