//! What the MACs of the log say, over all of its files.

use super::chain::{AuditKey, Fault};
use super::record::Act;
use super::verify::Seen;

/// A line by its file and number, and its record's number.
#[derive(Clone, Copy)]
struct Place {
    file: usize,
    line: u64,
    seq: u64,
}

/// A stretch of files in which each line continues the one before it.
#[derive(Default)]
struct Run {
    first_seq: u64,
    last_seq: u64,
    /// The last line whose MAC fits: the chain proves all before it.
    proven: Option<Place>,
}

/// What the MACs say.
pub(super) struct Macs<'key> {
    key: Option<&'key dyn AuditKey>,
    runs: Vec<Run>,
    /// Of each file, the run of its last line, where it has one, and how many
    /// MACs fit.
    files: Vec<(Option<usize>, u64)>,
    fault: Option<(usize, u64, Fault)>,
}

impl<'key> Macs<'key> {
    pub(super) fn new(key: Option<&'key dyn AuditKey>) -> Self {
        Self {
            key,
            runs: Vec::new(),
            files: Vec::new(),
            fault: None,
        }
    }

    /// The lines that come are those of the next file.
    pub(super) fn next_file(&mut self) {
        self.files.push((None, 0));
    }

    /// Takes the next line, and says whether its MAC fits.
    pub(super) fn see(&mut self, seen: &Seen<'_>) -> bool {
        let file = self.files.len().saturating_sub(1);
        if self.runs.is_empty() || (seen.number == 1 && !seen.continues) {
            self.runs.push(Run {
                first_seq: seen.parsed.seq,
                ..Run::default()
            });
        }
        let run = self.runs.len().saturating_sub(1);
        let (Some(run_now), Some(file_now)) = (self.runs.last_mut(), self.files.last_mut()) else {
            return false;
        };
        run_now.last_seq = seen.parsed.seq;
        file_now.0 = Some(run);
        let Some(mac) = seen.link.mac else {
            // that there is none shows without the key
            if seen.parsed.needs_mac() {
                let fault = if seen.parsed.is_known() {
                    Fault::NoMac
                } else {
                    Fault::Unknown
                };
                self.fault.get_or_insert((file, seen.number, fault));
            }
            return false;
        };
        match self.key {
            Some(key) if seen.link.mac_fits(mac, key) => {
                file_now.1 += 1;
                run_now.proven = Some(Place {
                    file,
                    line: seen.number,
                    seq: seen.parsed.seq,
                });
                // the key began here: what came before has another one's MACs
                if seen.parsed.act == Some(Act::Init.as_str()) {
                    self.fault = None;
                }
                return true;
            }
            Some(_) => {
                self.fault
                    .get_or_insert((file, seen.number, Fault::ForeignMac));
            }
            None => {}
        }
        false
    }

    /// How many lines of a file have a MAC that fits.
    pub(super) fn fitting(&self, file: usize) -> u64 {
        self.files.get(file).map_or(0, |(_, fitting)| *fitting)
    }

    /// The first line of a file whose MAC doesn't fit, or is missing.
    pub(super) fn fault(&self, file: usize) -> Option<(u64, Fault)> {
        let (of, line, fault) = self.fault.as_ref()?;
        (*of == file).then(|| (*line, fault.clone()))
    }

    /// Which of a file's `lines` the key proves, in words.
    pub(super) fn coverage(&self, file: usize, lines: u64) -> String {
        if self.key.is_none() {
            return LOCKED.into();
        }
        let run = self
            .files
            .get(file)
            .and_then(|(run, _)| self.runs.get((*run)?));
        // a later file proves all of this one
        let last = match run.and_then(|run| run.proven) {
            Some(proven) if proven.file > file => lines,
            Some(proven) if proven.file == file => proven.line,
            _ => 0,
        };
        match (last, lines.saturating_sub(last)) {
            (0, 0) => "no records".into(),
            (0, _) => "no line is proven by the audit key, only chained".into(),
            (last, 0) => format!("lines 1 to {last} are proven by the audit key"),
            (last, after) => format!(
                "lines 1 to {last} are proven by the audit key; the last {after}, written while the vault was locked, are only chained"
            ),
        }
    }

    /// Which records up to the log's last the key proves, in words.
    pub(super) fn whole(&self) -> String {
        let Some(run) = self.runs.last() else {
            return "no records".into();
        };
        let (first, last) = (run.first_seq, run.last_seq);
        match run.proven {
            _ if self.key.is_none() => LOCKED.into(),
            None => {
                format!("records {first} to {last} are not proven by the audit key, only chained")
            }
            Some(proven) if proven.seq == last => {
                format!("records {first} to {last} are proven by the audit key")
            }
            Some(proven) => format!(
                "records {first} to {} are proven by the audit key; the last {}, written while the vault was locked, are only chained",
                proven.seq,
                last.saturating_sub(proven.seq)
            ),
        }
    }
}

const LOCKED: &str =
    "the hash chain was checked; what the audit key proves can't be said while the vault is locked";
