//! `axis list`: what is in the vault, secrets aside.

use axis_proto::v1::vault_status::State;
use axis_proto::v1::{Credential, ListCredentialsRequest, ListCredentialsResponse, VaultStatus};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Cell, Output, Table, Tone, printable, tell, warn};
use crate::prompt;

/// List the stored credentials
///
/// Shows names, hosts, where each is kept, how old it is and when it was used
/// last, never a secret. The hosts are sealed with the secret: while the vault is
/// locked they are not known.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis list\n  axis list --json")]
pub struct List {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// The stored credentials as a script sees them.
#[derive(Serialize)]
pub struct Document<'a> {
    /// While the vault is locked the hosts aren't known.
    pub unlocked: bool,
    /// By name.
    pub credentials: Vec<Entry<'a>>,
}

/// One of them; never its secret.
#[derive(Serialize)]
pub struct Entry<'a> {
    name: &'a str,
    service: &'a str,
    label: Option<&'a str>,
    hosts: &'a [String],
    created_at: &'a str,
    updated_at: &'a str,
    /// Where the secret is read from; none where it is in the vault.
    source: Option<&'a str>,
    last_used_at: Option<&'a str>,
    /// Whole days since the secret was stored.
    age_days: Option<i64>,
    /// Old enough to be changed.
    stale: bool,
    /// Until when `axis undo` brings back the one before.
    previous_until: Option<&'a str>,
}

/// From this age on a credential should be changed.
const STALE_DAYS: i64 = 90;

impl List {
    /// Lists them.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, status) = Daemon::reach(prompt::password_from_environment()?).await?;
        let vault = status.vault.unwrap_or_default();
        let listed = ask(daemon.admin.list_credentials(ListCredentialsRequest {})).await?;
        if self.json {
            output.json(&document(&listed, Timestamp::now()))?;
        } else {
            show(output, &listed, &vault)?;
        }
        Ok(Exit::Done)
    }
}

/// Days since the secret is the one that it is; of one that is kept elsewhere
/// that isn't known.
fn age_days(credential: &Credential, now: Timestamp) -> Option<i64> {
    if !credential.source.is_empty() {
        return None;
    }
    let since: Timestamp = credential.updated_at.parse().ok()?;
    Some(now.duration_since(since).as_hours() / 24)
}

/// Whether it should be changed.
pub fn is_stale(credential: &Credential, now: Timestamp) -> bool {
    age_days(credential, now).is_some_and(|days| days >= STALE_DAYS)
}

/// Whether it has been there for a day or more and, as far as is known, was not
/// used.
pub fn is_unused(credential: &Credential, unused_days: Option<u32>, now: Timestamp) -> bool {
    let created: Option<Timestamp> = credential.created_at.parse().ok();
    let has_been_there = created.is_none_or(|at| now.duration_since(at).as_hours() >= 24);
    credential.last_used_at.is_none() && unused_days.is_some() && has_been_there
}

/// How long ago a moment was, in words.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        ..120 => "just now".to_owned(),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// When it was used last, as far as that is known.
pub fn last_use(credential: &Credential, unused_days: Option<u32>, now: Timestamp) -> Cell {
    if let Some(at) = &credential.last_used_at {
        return Cell::plain(&at.parse().map_or_else(|_| at.clone(), |at| ago(at, now)));
    }
    let Some(days) = unused_days else {
        return Cell::new(Tone::Faint, "not known");
    };
    let created: Option<Timestamp> = credential.created_at.parse().ok();
    let age = created.map(|at| now.duration_since(at).as_hours() / 24);
    if age.is_some_and(|age| age < i64::from(days)) {
        return Cell::plain("never");
    }
    Cell::plain(&format!("not in {days} days"))
}

/// How old its secret is, in words.
pub fn age(credential: &Credential, now: Timestamp) -> Cell {
    match age_days(credential, now) {
        None if credential.source.is_empty() => Cell::new(Tone::Faint, "not known"),
        None => Cell::new(Tone::Faint, "kept elsewhere"),
        Some(..=0) => Cell::plain("today"),
        Some(1) => Cell::plain("1 day"),
        Some(days @ STALE_DAYS..) => Cell::new(Tone::Warn, &format!("{days} days: change it")),
        Some(days) => Cell::plain(&format!("{days} days")),
    }
}

/// What `--json` prints.
pub fn document(listed: &ListCredentialsResponse, now: Timestamp) -> Document<'_> {
    Document {
        unlocked: listed.unlocked,
        credentials: listed
            .credentials
            .iter()
            .map(|credential| Entry {
                name: &credential.name,
                service: &credential.service,
                label: Some(credential.label.as_str()).filter(|label| !label.is_empty()),
                hosts: &credential.hosts,
                created_at: &credential.created_at,
                updated_at: &credential.updated_at,
                source: Some(credential.source.as_str()).filter(|source| !source.is_empty()),
                last_used_at: credential.last_used_at.as_deref(),
                age_days: age_days(credential, now),
                stale: is_stale(credential, now),
                previous_until: credential.previous_until.as_deref(),
            })
            .collect(),
    }
}

fn show(
    output: Output,
    listed: &ListCredentialsResponse,
    vault: &VaultStatus,
) -> Result<(), Failure> {
    if listed.credentials.is_empty() {
        // A keystore that can't be read looks empty, too.
        match vault.state() {
            State::Unlocked | State::Unspecified => {
                tell("No credentials yet. Next: axis add github");
            }
            State::Absent => tell("There is no vault yet. Next: axis init"),
            State::Locked => warn(&vault.detail),
        }
        return Ok(());
    }
    let now = Timestamp::now();
    let rows: Vec<Vec<Cell>> = listed
        .credentials
        .iter()
        .map(|credential| {
            let hosts = if listed.unlocked {
                Cell::plain(&credential.hosts.join(", "))
            } else {
                Cell::new(Tone::Faint, "(locked)")
            };
            vec![
                Cell::new(Tone::Strong, &credential.name),
                hosts,
                match credential.source.as_str() {
                    "" if listed.unlocked => Cell::plain("vault"),
                    "" => Cell::new(Tone::Faint, "(locked)"),
                    source => Cell::plain(source),
                },
                age(credential, now),
                last_use(credential, listed.unused_days, now),
            ]
        })
        .collect();
    Table::new(&["CREDENTIAL", "HOSTS", "KEPT IN", "AGE", "LAST USED"]).print(output, &rows)?;
    for credential in &listed.credentials {
        if let Some(until) = &credential.previous_until {
            let label = match credential.label.as_str() {
                "" => String::new(),
                label => format!(" --label {label}"),
            };
            tell(printable(&format!(
                "{} was replaced; until {until} the one before comes back with: axis undo {}{label}",
                credential.name, credential.service
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn stored(at: &str) -> Credential {
        Credential {
            created_at: at.into(),
            updated_at: at.into(),
            ..Credential::default()
        }
    }

    #[test]
    fn what_is_ninety_days_old_is_marked_in_words() {
        let now = at("2026-06-01T12:00:00Z");
        for (since, words, stale) in [
            ("2026-06-01T11:00:00Z", "today", false),
            ("2026-06-02T11:00:00Z", "today", false),
            ("2026-05-31T11:00:00Z", "1 day", false),
            ("2026-03-04T11:00:00Z", "89 days", false),
            ("2026-03-03T11:00:00Z", "90 days: change it", true),
            ("2020-03-03T11:00:00Z", "2281 days: change it", true),
            ("no time", "not known", false),
        ] {
            let credential = stored(since);
            assert_eq!(age(&credential, now).text(), words);
            assert_eq!(is_stale(&credential, now), stale, "{since}");
        }
        let elsewhere = Credential {
            source: "op://a/b/c".into(),
            ..stored("2020-01-01T00:00:00Z")
        };
        assert!(!is_stale(&elsewhere, now), "its age isn't known here");
    }

    #[test]
    fn a_last_use_says_how_long_ago_and_what_isnt_known() {
        let now = at("2026-06-01T12:00:00Z");
        let used = |at: Option<&str>, created: &str, unused: Option<u32>| {
            let credential = Credential {
                last_used_at: at.map(str::to_owned),
                ..stored(created)
            };
            last_use(&credential, unused, now).text().to_owned()
        };
        let old = "2020-01-01T00:00:00Z";
        for (last, words) in [
            ("2026-06-01T11:59:30Z", "just now"),
            ("2026-06-01T12:30:00Z", "just now"),
            ("2026-06-01T11:00:00Z", "60 min ago"),
            ("2026-05-31T12:00:00Z", "24 h ago"),
            ("2026-05-02T12:00:00Z", "30 days ago"),
        ] {
            assert_eq!(used(Some(last), old, None), words);
        }
        assert_eq!(used(None, old, None), "not known");
        assert_eq!(used(None, old, Some(90)), "not in 90 days");
        assert_eq!(used(None, "2026-05-31T12:00:00Z", Some(90)), "never");

        let unused = |created, unused_days| is_unused(&stored(created), unused_days, now);
        assert!(unused("2026-05-31T12:00:00Z", Some(90)));
        assert!(
            !unused("2026-06-01T11:00:00Z", Some(90)),
            "it was just stored"
        );
        assert!(!unused(old, None), "it isn't known");
    }
}
