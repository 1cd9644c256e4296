//! What axisd holds at a moment, and whether it grows.

use std::fmt;
use std::fs;
use std::time::Duration;

use axis_tests::Home;

/// Memory that counts as noise: one large answer more in flight.
const ALLOWANCE_KIB: f64 = 8.0 * 1024.0;

/// Descriptors that count as noise: connections to the upstream that are kept.
const SPARE_DESCRIPTORS: usize = 8;

/// The calls since the last sample.
#[derive(Debug, Default, Clone)]
pub struct Window {
    /// How many ended.
    pub calls: usize,
    /// What the plain ones took.
    pub plain: Vec<Duration>,
}

impl Window {
    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.plain.clone();
        sorted.sort();
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(0.0, |it| it.as_secs_f64() * 1e3)
    }
}

/// axisd at a moment.
#[derive(Debug)]
pub struct Sample {
    /// Since the load began.
    pub at: Duration,
    calls_per_second: f64,
    p50: f64,
    p99: f64,
    resident: f64,
    own: f64,
    descriptors: usize,
    threads: usize,
    log: u64,
}

impl Sample {
    /// The names of the columns.
    pub const HEAD: &str =
        "      s   calls/s   p50 ms   p99 ms   RSS KiB   anon KiB   fds  threads   log MB";

    /// Looks at the axisd of `home`.
    pub fn take(home: &Home, at: Duration, window: (Duration, Window)) -> Self {
        let (time, window) = window;
        let pid = home.pid().unwrap();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |field: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let word = line.and_then(|rest| rest.split_whitespace().next());
            word.and_then(|text| text.parse().ok()).unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().count();
        let files = fs::read_dir(home.path()).unwrap().flatten();
        let log = files
            .filter(|file| file.file_name().to_string_lossy().starts_with("audit"))
            .filter_map(|file| Some(file.metadata().ok()?.len()))
            .sum();
        Self {
            at,
            calls_per_second: window.calls as f64 / time.as_secs_f64(),
            p50: window.percentile(50),
            p99: window.percentile(99),
            resident: number("VmRSS:"),
            own: number("RssAnon:"),
            descriptors,
            threads,
            log,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7} {:>9.0} {:>8.2} {:>8.2} {:>9} {:>10} {:>5} {:>8} {:>8}",
            self.at.as_secs(),
            self.calls_per_second,
            self.p50,
            self.p99,
            self.resident,
            self.own,
            self.descriptors,
            self.threads,
            self.log / 1_000_000,
        )
    }
}

/// The first third of the samples beside the last.
#[derive(Debug)]
pub struct Trend {
    own: (f64, f64),
    descriptors: (usize, usize),
    p50: (f64, f64),
    p99: (f64, f64),
    rate: (f64, f64),
}

impl Trend {
    /// Of `samples`, if they are enough.
    pub fn of(samples: &[Sample]) -> Option<Self> {
        let third = samples.len() / 3;
        if third < 3 {
            return None;
        }
        let (first, last) = (&samples[..third], &samples[samples.len() - third..]);
        let both = |value: fn(&Sample) -> f64| (middle(first, value), middle(last, value));
        let most = |of: &[Sample]| of.iter().map(|it| it.descriptors).max().unwrap_or(0);
        Some(Self {
            own: both(|it| it.own),
            descriptors: (most(first), most(last)),
            p50: both(|it| it.p50),
            p99: both(|it| it.p99),
            rate: both(|it| it.calls_per_second),
        })
    }

    /// What must not be.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let (before, after) = self.own;
        if after > before * 1.1 + ALLOWANCE_KIB {
            faults.push(format!("memory grew from {before} to {after} KiB"));
        }
        let (before, after) = self.descriptors;
        if after > before + SPARE_DESCRIPTORS {
            faults.push(format!("descriptors grew from {before} to {after}"));
        }
        faults
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "after the warm-up, last third / first third:")?;
        let mut row = |name: &str, (before, after): (f64, f64), digits: usize| {
            writeln!(
                f,
                "  {name:<22} {after:>10.digits$} / {before:>10.digits$} = {:.2}",
                after / before
            )
        };
        row("calls/s", self.rate, 0)?;
        row("p50, ms", self.p50, 2)?;
        row("p99, ms", self.p99, 2)?;
        row("own memory, KiB", self.own, 0)?;
        let (before, after) = self.descriptors;
        row("descriptors, at most", (before as f64, after as f64), 0)
    }
}

fn middle(samples: &[Sample], value: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
