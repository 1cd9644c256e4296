//! `axis logs stats`: how many calls, how they ended, how long they took.

use axis_proto::v1::{CallStats, LogsStatsRequest, LogsStatsResponse};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::selection::Calls;
use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Cell, Output, Table, Tone};
use crate::prompt;

/// Count the calls of the audit log, by service and identity
///
/// Calls, denials, errors and those that ended before you had answered (asked),
/// and within how many milliseconds half and 99 % of the calls that went out had
/// ended.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis logs stats\n  axis logs stats --since 24h --identity ci-runner"
)]
pub struct Stats {
    #[command(flatten)]
    calls: Calls,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// The counts as a script sees them.
#[derive(Serialize)]
pub struct Document<'a> {
    total: Counts,
    /// By service and identity.
    rows: Vec<Row<'a>>,
    /// By service, whoever called.
    services: Vec<ServiceRow<'a>>,
    /// By stretch of time, where it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    times: Vec<Time>,
    /// What was denied most.
    denials: Vec<Denied<'a>>,
}

#[derive(Serialize)]
struct ServiceRow<'a> {
    service: &'a str,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
struct Time {
    start: String,
    calls: u64,
    denied: u64,
    errors: u64,
    asked: u64,
}

#[derive(Serialize)]
struct Denied<'a> {
    identity: &'a str,
    service: &'a str,
    action: &'a str,
    reason: &'a str,
    times: u64,
    last_at: &'a str,
}

#[derive(Serialize)]
struct Row<'a> {
    service: &'a str,
    identity: &'a str,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
struct Counts {
    calls: u64,
    denied: u64,
    errors: u64,
    asked: u64,
    p50_ms: Option<u64>,
    p99_ms: Option<u64>,
}

impl Stats {
    /// Counts them.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let request = LogsStatsRequest {
            service: self.calls.service,
            identity: self.calls.identity,
            action: self.calls.action,
            since_ms: self.calls.since.map(Timestamp::as_millisecond),
            until_ms: self.calls.until.map(Timestamp::as_millisecond),
            ..LogsStatsRequest::default()
        };
        // a log of many gigabytes takes its time
        let stats = daemon.admin.logs_stats(request).await?.into_inner();
        if self.json {
            output.json(&document(&stats))?;
        } else {
            show(output, &stats)?;
        }
        Ok(Exit::Done)
    }
}

fn counts(stats: &CallStats) -> Counts {
    Counts {
        calls: stats.calls,
        denied: stats.denied,
        errors: stats.errors,
        asked: stats.asked,
        p50_ms: stats.p50_ms,
        p99_ms: stats.p99_ms,
    }
}

/// What `--json` prints.
pub fn document(stats: &LogsStatsResponse) -> Document<'_> {
    Document {
        total: counts(&stats.total.clone().unwrap_or_default()),
        rows: stats
            .rows
            .iter()
            .map(|row| Row {
                service: &row.service,
                identity: &row.identity,
                counts: counts(row),
            })
            .collect(),
        services: stats
            .services
            .iter()
            .map(|row| ServiceRow {
                service: &row.service,
                counts: counts(row),
            })
            .collect(),
        times: stats
            .times
            .iter()
            .map(|time| Time {
                start: Timestamp::from_millisecond(time.start_ms)
                    .map(|start| start.to_string())
                    .unwrap_or_default(),
                calls: time.calls,
                denied: time.denied,
                errors: time.errors,
                asked: time.asked,
            })
            .collect(),
        denials: stats
            .denials
            .iter()
            .map(|denial| Denied {
                identity: &denial.identity,
                service: &denial.service,
                action: &denial.action,
                reason: &denial.reason,
                times: denial.times,
                last_at: &denial.last_at,
            })
            .collect(),
    }
}

fn show(output: Output, stats: &LogsStatsResponse) -> Result<(), Failure> {
    let total = stats.total.clone().unwrap_or_default();
    let mut rows: Vec<Vec<Cell>> = stats
        .rows
        .iter()
        .map(|row| cells(&row.service, &row.identity, row))
        .collect();
    rows.push(cells("all", "", &total));
    let columns = [
        "SERVICE", "IDENTITY", "CALLS", "DENIED", "ERRORS", "ASKED", "P50 MS", "P99 MS",
    ];
    Table::new(&columns).print(output, &rows)
}

fn cells(service: &str, identity: &str, stats: &CallStats) -> Vec<Cell> {
    let number = |number: u64| Cell::plain(&number.to_string());
    let bad = |number: u64, tone| match number {
        0 => Cell::plain("0"),
        number => Cell::new(tone, &number.to_string()),
    };
    let ms = |ms: Option<u64>| ms.map_or_else(|| Cell::plain("-"), number);
    vec![
        Cell::plain(service),
        Cell::plain(identity),
        number(stats.calls),
        bad(stats.denied, Tone::Bad),
        bad(stats.errors, Tone::Warn),
        number(stats.asked),
        ms(stats.p50_ms),
        ms(stats.p99_ms),
    ]
}
