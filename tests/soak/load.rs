//! Who works meanwhile: agents with a shim each, agents that come and go, calls
//! that are cancelled, and the owner.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axis_tests::{Home, Host, PASSWORD, binary, run};
use serde_json::{Value, json};

use crate::samples::Window;
use crate::upstream::Temper;
use crate::{POLICY, pause};

/// Agents that call all the time.
pub const AGENTS: usize = 6;

/// Every how many calls an agent makes which.
const ROUND: usize = 1_000;

/// The load, and what came of it.
pub struct Load {
    home: PathBuf,
    secret: String,
    stopped: AtomicBool,
    window: Mutex<(Instant, Window)>,
    answered: AtomicUsize,
    /// Those that reached an axisd whose vault was open.
    decided: AtomicUsize,
    ends: Mutex<BTreeMap<String, usize>>,
    faults: Mutex<Vec<String>>,
}

/// The load at work; ends with [`Running::stop`].
pub struct Running {
    load: Arc<Load>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Waits until everyone has stopped.
    pub fn stop(self) {
        self.load.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads {
            if let Err(panic) = thread.join() {
                let words = panic.downcast_ref::<String>().cloned();
                self.load
                    .fault(format!("one stopped: {}", words.unwrap_or_default()));
            }
        }
    }
}

impl Load {
    /// For the axisd in `home`, which holds `secret`.
    pub fn new(home: &Home, secret: String) -> Self {
        Self {
            home: home.path().to_owned(),
            secret,
            stopped: AtomicBool::new(false),
            window: Mutex::new((Instant::now(), Window::default())),
            answered: AtomicUsize::new(0),
            decided: AtomicUsize::new(0),
            ends: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    /// Begins.
    pub fn start(self: &Arc<Self>) -> Running {
        let mut threads: Vec<JoinHandle<()>> = (0..AGENTS)
            .map(|number| {
                let load = self.clone();
                std::thread::spawn(move || load.call_on_and_on(number))
            })
            .collect();
        for work in [Self::come_and_go, Self::cancel, Self::own] {
            let load = self.clone();
            threads.push(std::thread::spawn(move || work(&load)));
        }
        Running {
            load: self.clone(),
            threads,
        }
    }

    /// The calls since this was last asked, and how long that was.
    pub fn window(&self) -> (Duration, Window) {
        let mut window = self.window.lock().unwrap();
        let (began, calls) = std::mem::replace(&mut *window, (Instant::now(), Window::default()));
        (began.elapsed(), calls)
    }

    /// How calls ended.
    pub fn summary(&self) -> String {
        let ends = self.ends.lock().unwrap();
        let mut text = format!("{} calls\n", self.answered.load(Ordering::Relaxed));
        for (end, count) in &*ends {
            let _ = writeln!(text, "  {end:<28} {count:>9}");
        }
        text
    }

    /// What must not have been.
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    /// What is wrong with the record of `home`.
    pub fn record_faults(&self, home: &Home) -> Vec<String> {
        let mut faults = Vec::new();
        let verified = home.axis(&["logs", "verify"]);
        println!("axis logs verify: {}", verified.stdout.trim());
        if verified.code() != 0 {
            faults.push(format!("the record doesn't verify: {verified:?}"));
        }
        let stats = home.axis_without_password(&["logs", "stats", "--json"]);
        let calls = stats.json()["total"]["calls"].as_u64().unwrap_or(0);
        let answered = self.decided.load(Ordering::Relaxed) as u64;
        println!("calls on record: {calls}");
        if calls < answered {
            faults.push(format!(
                "{answered} calls were answered, {calls} are on record"
            ));
        }
        faults
    }

    fn fault(&self, what: String) {
        let mut faults = self.faults.lock().unwrap();
        if faults.len() < 20 {
            faults.push(what);
        }
    }

    fn on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary("axis"));
        command
            .env_clear()
            .env("AXIS_HOME", &self.home)
            .env("HOME", &self.home)
            .env("PATH", "/usr/bin:/bin");
        command
    }

    fn host(&self) -> Host {
        let mut command = self.command();
        command.arg("mcp").env("AXIS_IDENTITY", "local-dev");
        let mut host = Host::spawn(command);
        host.initialize("2025-06-18");
        host
    }

    fn call_on_and_on(&self, agent: usize) {
        let mut host = self.host();
        let mut number = agent * 37;
        while self.on() {
            number += 1;
            let call = Call::of(number % ROUND);
            let began = Instant::now();
            let answer = call.make(&mut host);
            self.came(call, &answer, began.elapsed());
            self.look_for_the_key(&mut host);
        }
    }

    /// An answer to `call`.
    fn came(&self, call: Call, answer: &Value, took: Duration) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        {
            let mut window = self.window.lock().unwrap();
            window.1.calls += 1;
            if call == Call::Get(Temper::Kilobyte) {
                window.1.plain.push(took);
            }
        }
        let code = answer["error"]["code"].as_str();
        let end = if answer["ok"] == true {
            "ok"
        } else if answer["denied"] == true {
            "denied"
        } else {
            code.unwrap_or("?")
        };
        // of an axisd that was killed, or locked by its owner
        let away = matches!(end, "daemon_unavailable" | "vault_locked");
        if !away {
            self.decided.fetch_add(1, Ordering::Relaxed);
            if (end == "ok") != call.succeeds() {
                self.fault(format!("{call:?}: {answer}"));
            }
        }
        *self.ends.lock().unwrap().entry(end.to_owned()).or_default() += 1;
    }

    fn look_for_the_key(&self, host: &mut Host) {
        if host.transcript.contains(&self.secret) {
            self.fault(format!("the key in an answer: {}", host.transcript));
        }
        host.transcript.clear();
    }

    /// Agents that start, call once, and end or are killed.
    fn come_and_go(&self) {
        let mut number = 0;
        while self.on() {
            number += 1;
            let mut host = self.host();
            let call = Call::Get(Temper::Kilobyte);
            let began = Instant::now();
            let answer = call.make(&mut host);
            self.came(call, &answer, began.elapsed());
            self.look_for_the_key(&mut host);
            if number % 2 == 0 {
                assert!(host.close().success());
            }
            pause(Duration::from_millis(200));
        }
    }

    /// Calls that are cancelled under way, and shims killed with a call open.
    fn cancel(&self) {
        while self.on() {
            let mut host = self.host();
            for _ in 0..20 {
                let call = host.start_execute("github", "repos.get", &repo(Temper::Slow));
                host.notify("notifications/cancelled", &json!({ "requestId": call }));
                pause(Duration::from_millis(20));
            }
            let call = Call::Get(Temper::Kilobyte);
            let began = Instant::now();
            let answer = call.make(&mut host);
            self.came(call, &answer, began.elapsed());
            host.start_execute("github", "repos.get", &repo(Temper::Slow));
        }
    }

    /// What an owner does now and then.
    fn own(&self) {
        let mut number = 0;
        while self.on() {
            number += 1;
            for arguments in [
                &["status"][..],
                &["logs", "--last", "20"],
                &["services"],
                &["list"],
            ] {
                let mut command = self.command();
                command.args(arguments);
                let ran = run(command, "");
                if ran.stdout.contains(&self.secret) {
                    self.fault(format!("the key printed by {arguments:?}"));
                }
            }
            // saved as editors do it
            let saved = self.home.join("policy.yaml.new");
            fs::write(&saved, format!("{POLICY}# saved {number} times\n")).unwrap();
            fs::rename(&saved, self.home.join("policy.yaml")).unwrap();
            if number % 10 == 0 {
                for arguments in [&["lock"][..], &["unlock"]] {
                    let mut command = self.command();
                    command
                        .args(arguments)
                        .env("AXIS_MASTER_PASSWORD", PASSWORD);
                    run(command, "");
                }
            }
            pause(Duration::from_secs(1));
        }
    }
}

fn repo(temper: Temper) -> Value {
    json!({"owner": temper.name(), "repo": "r"})
}

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Get(Temper),
    Write,
    Denied,
    WrongParams,
}

impl Call {
    /// The one that is made at this place of a round: mostly plain ones.
    fn of(place: usize) -> Self {
        match place {
            1 => Self::Get(Temper::Endless),
            place if place % 100 == 2 => Self::Get(Temper::Megabyte),
            place if place % 50 == 3 => Self::Get(Temper::Broken),
            place if place % 50 == 4 => Self::Get(Temper::Slow),
            place if place % 20 == 5 => Self::Get(Temper::Failing),
            place if place % 20 == 6 => Self::Get(Temper::Compressed),
            place if place % 20 == 7 => Self::Get(Temper::Reflecting),
            place if place % 20 == 8 => Self::Denied,
            place if place % 20 == 9 => Self::WrongParams,
            place if place % 20 == 10 => Self::Write,
            _ => Self::Get(Temper::Kilobyte),
        }
    }

    fn succeeds(self) -> bool {
        match self {
            Self::Get(temper) => temper.succeeds(),
            Self::Write => true,
            Self::Denied | Self::WrongParams => false,
        }
    }

    fn make(self, host: &mut Host) -> Value {
        match self {
            Self::Get(temper) => host.execute("github", "repos.get", &repo(temper)),
            Self::Write => {
                let params = json!({"owner": "a", "repo": "b", "title": "t"});
                host.execute("github", "issues.create", &params)
            }
            Self::Denied => host.execute(
                "github",
                "repos.delete",
                &json!({"owner": "a", "repo": "b"}),
            ),
            Self::WrongParams => host.execute("github", "repos.get", &json!({"owner": 1})),
        }
    }
}
