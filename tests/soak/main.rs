//! A soak: the real binaries under a mixed load for minutes, with agents that
//! come and go, upstreams that misbehave, and an owner who works meanwhile. It
//! prints what axisd holds every ten seconds, and fails where memory or
//! descriptors grow, an answer holds the key, or the record doesn't verify.
//!
//! ```text
//! cargo bench --bench soak -- --minutes 5
//! cargo bench --bench soak -- --minutes 5 --kill-every 20
//! ```
//!
//! With `--kill-every` axisd is killed again and again, and what is looked at is
//! the record: every call that was answered is on it, and it verifies.
//! No part of the test run; the figures stand in docs/performance.md.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a program for measuring prints figures and stops where it stands"
)]

mod load;
mod samples;
mod upstream;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axis_tests::{Home, canary, wait_for};

use load::Load;
use samples::{Sample, Trend};

const POLICY: &str = "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: [repos.get, issues.create, search.code] }
";

/// Between two samples.
const EVERY: Duration = Duration::from_secs(10);

/// What comes before is start, not steady state.
const WARM_UP: Duration = Duration::from_mins(1);

/// What is asked of this run.
struct Options {
    minutes: u64,
    kill_every: Option<u64>,
}

impl Options {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let number = |name: &str| -> Option<u64> {
            let at = arguments.iter().position(|argument| argument == name)?;
            let value = arguments.get(at + 1).and_then(|text| text.parse().ok());
            Some(value.unwrap_or_else(|| panic!("{name} takes a whole number")))
        };
        Self {
            minutes: number("--minutes").unwrap_or(5),
            kill_every: number("--kill-every"),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::read();
    let secret = canary("soak");
    let upstream = upstream::start(&secret);
    let home = Home::with_github(&upstream, &secret, POLICY);
    let load = Arc::new(Load::new(&home, secret));
    let running = load.start();

    let whole = Duration::from_mins(options.minutes);
    println!(
        "{} agents, {} minutes{}\n\n{}",
        load::AGENTS,
        options.minutes,
        options
            .kill_every
            .map_or_else(String::new, |each| format!(", axisd killed every {each} s")),
        Sample::HEAD
    );
    let began = Instant::now();
    let mut samples = Vec::new();
    let mut killed = Instant::now();
    let mut kills = 0;
    while began.elapsed() < whole {
        pause(Duration::from_secs(1));
        if options
            .kill_every
            .is_some_and(|each| killed.elapsed() >= Duration::from_secs(each))
        {
            home.kill();
            // the owner among the load may lock it in the same moment
            wait_for("axisd to be there again, unlocked", || {
                home.axis(&["unlock"]).status.success().then_some(())
            });
            kills += 1;
            killed = Instant::now();
        }
        if began.elapsed() >= EVERY * (u32::try_from(samples.len()).unwrap() + 1) {
            let sample = Sample::take(&home, began.elapsed(), load.window());
            println!("{sample}");
            samples.push(sample);
        }
    }
    running.stop();

    println!("\n{}", load.summary());
    let mut faults = load.faults();
    if kills == 0 {
        samples.retain(|sample| sample.at >= WARM_UP);
        match Trend::of(&samples) {
            Some(trend) => {
                println!("{trend}");
                faults.extend(trend.faults());
            }
            None => println!("too short for a trend: --minutes 3 at least"),
        }
    } else {
        println!("{kills} kills");
    }
    faults.extend(load.record_faults(&home));
    for fault in &faults {
        println!("FAULT: {fault}");
    }
    if faults.is_empty() {
        println!("no fault");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "time passing is what a soak is about"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
