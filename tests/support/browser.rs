//! Debian's Chromium through its chromedriver, each with a profile of its own,
//! and someone who looks, clicks and types.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::http::Method;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use url::Url;

use crate::home::signal;
use crate::{Dashboard, PATIENCE, wait_for};

/// A running browser with one window; it ends with this value.
pub struct Browser {
    runtime: Runtime,
    client: Client,
    driver: Driver,
    profile: TempDir,
}

impl Browser {
    /// Starts one.
    ///
    /// # Panics
    /// Where chromedriver or chromium is missing: tests/run installs both.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with more flags of Chromium's.
    ///
    /// # Panics
    /// Like [`Self::start`].
    pub fn with(flags: &[&str]) -> Self {
        let profile = tempfile::Builder::new()
            .prefix("axis-browser-")
            .tempdir()
            .expect("a temporary directory can be made");
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .env_clear()
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is there: tests/run installs chromium-driver");
        let mut driver = Driver(driver);
        let stdout = driver.0.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let started = lines.find_map(|line| {
            let port = line.split_once("started successfully on port ")?.1;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = started.expect("chromedriver names its port");
        // it says little more, and must not wait for a reader
        std::thread::spawn(move || lines.for_each(drop));
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--window-size=1440,900".to_owned(),
            format!(
                "--user-data-dir={}",
                profile.path().join("profile").display()
            ),
        ];
        if rustix::process::geteuid().is_root() {
            arguments.push("--no-sandbox".to_owned());
        }
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().cloned().unwrap_or_default());
        let address = format!("http://127.0.0.1:{port}/");
        let connected =
            runtime.block_on(async { timeout(PATIENCE * 2, builder.connect(&address)).await });
        let client = match connected {
            Ok(Ok(client)) => client,
            failed => {
                let why = failed.map(Result::err);
                panic!("no browser (tests/run installs chromium): {why:?}");
            }
        };
        Self {
            runtime,
            client,
            driver,
            profile,
        }
    }

    /// Starts one that is signed in.
    pub fn signed_in(dashboard: &Dashboard) -> Self {
        let browser = Self::start();
        browser.sign_in(dashboard);
        browser
    }

    /// Signs in by the dashboard's link.
    pub fn sign_in(&self, dashboard: &Dashboard) {
        self.goto(dashboard.link());
        assert_eq!(self.url(), dashboard.url("/"), "{}", self.text());
    }

    /// Opens an address and waits until it is loaded.
    pub fn goto(&self, url: &str) {
        self.wait_on(self.client.goto(url), url);
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.wait_on(self.client.current_url(), "the address")
            .to_string()
    }

    /// The tab's title.
    pub fn title(&self) -> String {
        self.wait_on(self.client.title(), "the title")
    }

    /// The page before.
    pub fn back(&self) {
        self.wait_on(self.client.back(), "the page before");
    }

    /// What the body shows.
    pub fn text(&self) -> String {
        let text = self.js("return document.body ? document.body.innerText : ''");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What `script` returns.
    pub fn js(&self, script: &str) -> Value {
        self.js_with(script, vec![])
    }

    /// The same with `arguments`.
    pub fn js_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.wait_on(self.client.execute(script, arguments), script)
    }

    /// What `script` gives to its last argument, a function.
    pub fn js_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.wait_on(self.client.execute_async(script, arguments), script)
    }

    /// Waits until `script` returns something true; a page that comes in between
    /// counts as not yet.
    pub fn wait(&self, what: &str, script: &str) -> Value {
        wait_for(&format!("{what} in the browser"), || {
            let run = async { timeout(PATIENCE, self.client.execute(script, vec![])).await };
            let found = self.runtime.block_on(run).ok()?.ok()?;
            let is_true = !matches!(found, Value::Null | Value::Bool(false));
            (is_true && found != json!(0) && found != json!("")).then_some(found)
        })
    }

    /// Waits until the body shows `words`.
    pub fn wait_for_text(&self, words: &str) {
        let script = format!(
            "return document.body.innerText.includes({})",
            Value::from(words)
        );
        self.wait(words, &script);
    }

    /// Clicks on the first element that `css` picks.
    pub fn click(&self, css: &str) {
        let found = self.wait_on(self.client.find(Locator::Css(css)), css);
        self.wait_on(found.click(), css);
    }

    /// Presses keys, one after the other, for the element that has the focus. `\u{e004}` is Tab, `\u{e007}`
    /// Enter, as WebDriver has them.
    pub fn keys(&self, keys: &str) {
        let mut typed = KeyActions::new("keyboard".to_owned());
        for value in keys.chars() {
            typed = typed
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.wait_on(self.client.perform_actions(typed), keys);
    }

    /// A command of Chromium's own protocol.
    pub fn chromium(&self, command: &str, params: &Value) -> Value {
        let body = json!({"cmd": command, "params": params});
        self.command("goog/cdp/execute", body)
    }

    /// Shows pages as a screen of that width, light or dark.
    pub fn screen(&self, width: u32, is_dark: bool) {
        self.chromium(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}),
        );
        let scheme = if is_dark { "dark" } else { "light" };
        self.chromium(
            "Emulation.setEmulatedMedia",
            &json!({"features": [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]}),
        );
    }

    /// What the console said since it was asked last: errors, and what the
    /// page's policy forbade. A page that isn't there, or isn't for one, is none.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let messages = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        messages
            .filter_map(|entry| entry["message"].as_str())
            .filter(|message| !message.contains("Failed to load resource"))
            .map(str::to_owned)
            .collect()
    }

    fn command(&self, path: &'static str, body: Value) -> Value {
        let command = Raw { path, body };
        self.wait_on(self.client.issue_cmd(command), path)
    }

    #[track_caller]
    fn wait_on<T, E: std::fmt::Display>(
        &self,
        action: impl Future<Output = Result<T, E>>,
        what: &str,
    ) -> T {
        let done = self
            .runtime
            .block_on(async { timeout(PATIENCE * 2, action).await });
        let ended = done.unwrap_or_else(|_| panic!("waited in vain for {what}"));
        ended.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// What it shows, beside the tests' programs, for whoever looks for the fault.
    fn keep_picture(&self) {
        let picture = async { timeout(PATIENCE, self.client.screenshot()).await };
        let Ok(Ok(picture)) = self.runtime.block_on(picture) else {
            return;
        };
        let Some(target) = std::env::current_exe()
            .ok()
            .and_then(|program| program.ancestors().nth(3).map(std::path::Path::to_owned))
        else {
            return;
        };
        let name = std::thread::current()
            .name()
            .unwrap_or("test")
            .replace("::", "-");
        let directory = target.join("screenshots");
        let _ = fs::create_dir_all(&directory);
        let _ = fs::write(directory.join(format!("{name}.png")), picture);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_picture();
        }
        let closing = self.client.clone().close();
        let closing = async { timeout(Duration::from_secs(5), closing).await };
        let _ = self.runtime.block_on(closing);
        self.driver.end();
        // a browser that didn't listen
        for pid in processes_of(&self.profile.path().display().to_string()) {
            signal(pid, Signal::KILL);
        }
    }
}

/// A chromedriver that ends whatever happens.
struct Driver(Child);

impl Driver {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.end();
    }
}

/// The processes with `word` on their command line.
fn processes_of(word: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(word)
    })
    .collect()
}

/// A command that WebDriver itself doesn't know.
#[derive(Debug)]
struct Raw {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
