//! `daemon.yaml`: what an owner may set. Everything is optional; unknown
//! fields are refused, so that a typo is not silently a default.

mod upstream;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, de};

pub use self::upstream::UpstreamConfig;
use crate::yaml::{self, Place, Source};

/// Longest file, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The daemon's settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The audit log.
    pub audit: AuditConfig,
    /// Sizes and times.
    pub limits: LimitsConfig,
    /// How long a call that a rule asks about waits for the owner, in seconds: 1
    /// to 86400.
    pub approval_timeout: ApprovalTimeout,
    /// The daemon's own log, on stderr.
    pub log: LogConfig,
    /// The way to the upstreams.
    pub upstream: UpstreamConfig,
    /// Whether the OS keychain may be asked for the master password.
    pub keychain: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            audit: AuditConfig::default(),
            limits: LimitsConfig::default(),
            approval_timeout: ApprovalTimeout::default(),
            log: LogConfig::default(),
            upstream: UpstreamConfig::default(),
            keychain: true,
        }
    }
}

/// How durable the audit log is, and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// When a written line is forced to the disk.
    pub sync: AuditSync,
    /// When the log goes on in a new file.
    pub rotate: RotateConfig,
    /// What all files of the log may take together before the oldest are
    /// deleted, in bytes: 1 MiB to 1 PiB.
    #[serde(deserialize_with = "kept_bytes")]
    pub keep: u64,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            sync: AuditSync::default(),
            rotate: RotateConfig::default(),
            keep: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// When the audit log goes on in a new file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RotateConfig {
    /// Size of the file, in bytes: 64 KiB to 1 GiB.
    #[serde(deserialize_with = "segment_bytes")]
    pub size: u64,
    /// Age of its first record, in seconds: 60 to 366 days; not set: any.
    #[serde(deserialize_with = "segment_age_s")]
    pub age: Option<u32>,
}

impl Default for RotateConfig {
    fn default() -> Self {
        Self {
            size: 64 * 1024 * 1024,
            age: None,
        }
    }
}

impl RotateConfig {
    /// Age of the file's first record.
    pub fn age(&self) -> Option<SignedDuration> {
        self.age
            .map(|seconds| SignedDuration::from_secs(i64::from(seconds)))
    }
}

/// When a written line is forced to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditSync {
    /// Once a second: a line survives the death of axisd, not always of the machine.
    #[default]
    Interval,
    /// Before each call goes out: a line survives a loss of power.
    Always,
}

/// Sizes and times.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Largest answer of an upstream that is held in memory, in bytes: 1 KiB to 16 MiB.
    #[serde(deserialize_with = "response_bytes")]
    pub response: usize,
    /// Largest answer that a client saves to a file, in bytes: 1 KiB to 1 TiB.
    #[serde(deserialize_with = "saved_bytes")]
    pub saved: usize,
    /// Longest whole call in seconds, where the action has no time of its own: 1 to 3600.
    #[serde(deserialize_with = "call_timeout_s")]
    pub call_timeout: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            response: 16 * 1024 * 1024,
            saved: 8 * 1024 * 1024 * 1024,
            call_timeout: 120,
        }
    }
}

impl LimitsConfig {
    /// Longest whole call.
    pub fn call_timeout(&self) -> Duration {
        Duration::from_secs(self.call_timeout)
    }
}

/// Seconds that a call waits for the owner's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ApprovalTimeout(#[serde(deserialize_with = "approval_timeout_s")] u64);

impl Default for ApprovalTimeout {
    fn default() -> Self {
        Self(300)
    }
}

impl From<ApprovalTimeout> for Duration {
    fn from(timeout: ApprovalTimeout) -> Self {
        Self::from_secs(timeout.0)
    }
}

/// The daemon's own log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// A `tracing` filter such as `info` or `axisd=debug`; `AXIS_LOG` overrides it.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            filter: "info".into(),
        }
    }
}

/// For people or for machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line an event.
    #[default]
    Human,
    /// One JSON object an event.
    Json,
}

/// Why `daemon.yaml` is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is there but can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// It is longer than any daemon.yaml needs to be.
    #[error("{path} is longer than {MAX_BYTES} bytes; shorten it")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Something in it isn't what it should be.
    #[error("{problem}\n{place}")]
    Malformed {
        /// What is wrong.
        problem: String,
        /// Where.
        place: Place,
    },
    /// The file that `upstream.ca_file` names holds no certificates.
    #[error("upstream.ca_file in daemon.yaml: {path} {problem}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl Config {
    /// Reads the file; one that isn't there means the defaults.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        match Self::text(path)? {
            Some(text) => Self::parse(&text, path),
            None => Ok(Self::default()),
        }
    }

    /// The text of the file, where there is one.
    pub fn text(path: &Path) -> Result<Option<String>, ConfigError> {
        let read = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let mut text = String::new();
        // opening a pipe would wait for someone to write into it
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(read(io::Error::other("it is not a plain file")));
        }
        match fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(read(error)),
            Ok(file) => file
                .take(MAX_BYTES + 1)
                .read_to_string(&mut text)
                .map_err(read)?,
        };
        // a file cut in the midst could still be YAML, and mean something else
        if u64::try_from(text.len()).is_ok_and(|length| length > MAX_BYTES) {
            return Err(ConfigError::TooLarge {
                path: path.to_owned(),
            });
        }
        Ok(Some(text))
    }

    /// What `text` says, which stands in the file `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        // a file of comments alone is no document
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
        {
            return Ok(Self::default());
        }
        let source = Source::new(text, path);
        source.parse().map_err(|error| ConfigError::Malformed {
            problem: yaml::message(&error),
            place: source.place(error.location()),
        })
    }
}

fn response_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let bytes = within(deserializer, "limits.response", 1024, 16 * 1024 * 1024)?;
    usize::try_from(bytes).map_err(de::Error::custom)
}

fn saved_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let bytes = within(
        deserializer,
        "limits.saved",
        1024,
        1024 * 1024 * 1024 * 1024,
    )?;
    usize::try_from(bytes).map_err(de::Error::custom)
}

fn call_timeout_s<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, "limits.call_timeout", 1, 3600)
}

fn approval_timeout_s<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, "approval_timeout", 1, 24 * 60 * 60)
}

fn segment_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(
        deserializer,
        "audit.rotate.size",
        64 * 1024,
        1024 * 1024 * 1024,
    )
}

fn segment_age_s<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let seconds = within(deserializer, "audit.rotate.age", 60, 366 * 24 * 60 * 60)?;
    u32::try_from(seconds).map(Some).map_err(de::Error::custom)
}

fn kept_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(
        deserializer,
        "audit.keep",
        1024 * 1024,
        1024 * 1024 * 1024 * 1024 * 1024,
    )
}

fn within<'de, D: Deserializer<'de>>(
    deserializer: D,
    field: &str,
    least: u64,
    most: u64,
) -> Result<u64, D::Error> {
    let value = u64::deserialize(deserializer)?;
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(de::Error::custom(format_args!(
        "{field} is {value}; it must be from {least} to {most}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("daemon.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_is_optional() {
        for text in ["", "# only a comment\n", "{}", "audit: {}"] {
            assert_eq!(parse(text).unwrap(), Config::default(), "{text:?}");
        }
        let rotate = parse("audit: {rotate: {size: 65536, age: 86400}, keep: 1048576}").unwrap();
        assert_eq!(rotate.audit.rotate.size, 65_536);
        assert_eq!(
            rotate.audit.rotate.age(),
            Some(SignedDuration::from_hours(24))
        );
        assert_eq!(rotate.audit.keep, 1024 * 1024);
        let config = parse("audit: {sync: always}\nlimits: {response: 2048}\n").unwrap();
        assert_eq!(config.audit.sync, AuditSync::Always);
        assert_eq!(config.limits.response, 2048);
        assert_eq!(config.limits.call_timeout, 120);
    }

    #[test]
    fn a_mistake_is_shown_with_its_line_and_a_caret() {
        for (text, expected) in [
            (
                "log:\n  format: jsn\n",
                "\n --> daemon.yaml:2:11\n  |\n2 |   format: jsn\n  |           ^^^",
            ),
            (
                "limits:\n  call_timeout: 0\n",
                "limits.call_timeout is 0; it must be from 1 to 3600\n --> daemon.yaml:2:17\n  |\n2 |   call_timeout: 0\n  |                 ^",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.ends_with(expected), "{error}");
        }
    }

    #[test]
    fn what_only_resembles_a_setting_is_refused() {
        for text in [
            "limits: {call_timeout: 0755}",
            "audit: &a {}\nlog: {<<: *a}",
            "log: {filter: !env HOME}",
            "audit: {}\naudit: {sync: always}",
            "audit: {}\n---\naudit: {}",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_not_cut() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!("audit: {{sync: always}} #{}", " ".repeat(64 * 1024));
        fs::write(file.path(), text).unwrap();
        let error = Config::load(file.path()).unwrap_err().to_string();
        assert!(error.contains("longer than 65536 bytes"), "{error}");
    }

    #[test]
    fn mistakes_are_located() {
        let cases = [
            ("audit: {snyc: always}", "snyc"),
            ("audit: {sync: sometimes}", "sometimes"),
            ("audit: {rotate: {size: 10}}", "audit.rotate.size is 10"),
            ("audit: {rotate: {size: 64 MiB}}", "64 MiB"),
            ("audit: {rotate: {age: 59}}", "from 60 to"),
            ("audit: {rotate: {every: 1}}", "every"),
            ("audit: {keep: 0}", "audit.keep is 0"),
            ("limits: {call_timeout: 0}", "from 1 to 3600"),
            ("limits: {response: 99999999999}", "limits.response"),
            ("limits: {saved: 1}", "limits.saved is 1"),
            ("approval_timeout: 0", "approval_timeout is 0"),
            ("keychain: maybe", "keychain"),
            ("limits: [", "daemon.yaml:1:9"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
