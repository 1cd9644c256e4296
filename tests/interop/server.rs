//! A server in Python that a test starts, and homes whose credentials go to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use axis_tests::{Home, Host};
use serde_json::Value;

use super::python;

const ALLOW_ALL: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// The object keys that clients and servers most often disagree on.
pub const ODD_KEYS: [&str; 22] = [
    "plain.txt",
    "a b",
    " a ",
    "a+b",
    "100%",
    "50%zz",
    "a%20b",
    "a%2Fb",
    "ünïcode/名前 😀",
    "a=b&c=d",
    "what?x=1",
    "part#2",
    "~tilde",
    "a//b",
    "a///b//",
    "folder/",
    "/leading",
    "//twice",
    "/",
    "a;b:c@d,e$f",
    "it's (one)*!",
    "...dots/.hidden/a..b",
];

/// Keys that would be another path to whoever normalises it.
pub const DOT_KEYS: [&str; 12] = [
    ".",
    "..",
    "../other-bucket/key",
    "a/../../other-bucket/key",
    "a//../b",
    "/..",
    "a/./b",
    "%2e%2e/other-bucket/key",
    "a/%2E%2e/",
    "a/%252e%252e//b",
    "a\\..\\b",
    "a//%5c..%5c/",
];

/// A running server; it ends with this value.
pub struct Server {
    child: Child,
    /// What it said of itself.
    pub about: Value,
}

impl Server {
    /// Starts `script`, which first writes a line of JSON.
    pub fn start(script: &str) -> Self {
        let mut child = python(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // what else it says on stdout is for people
        let about = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| serde_json::from_str(&line).ok())
            .unwrap_or_else(|| panic!("{script} ended without a word"));
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, about }
    }

    /// One of the texts of what it said.
    pub fn text(&self, name: &str) -> &str {
        self.about[name].as_str().unwrap()
    }

    /// A home whose credential for `service` is `secret` and goes to it, and
    /// an agent there that may do everything.
    pub fn agent(&self, service: &str, secret: &str) -> (Home, Host) {
        agent_at(self.text("url"), service, secret)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same for any base URL.
pub fn agent_at(url: &str, service: &str, secret: &str) -> (Home, Host) {
    let home = Home::ready();
    home.add(service, secret, url);
    home.policy(ALLOW_ALL);
    let host = Host::connect(&home, "local-dev");
    (home, host)
}
