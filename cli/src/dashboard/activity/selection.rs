//! Which lines are shown: the filters, as they stand in a page's URL.

use axis_proto::v1::LogsRequest;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded::{Serializer, parse};

use crate::commands::logs::selection::DECISIONS;
use crate::failure::{Exit, Failure};

/// Where the pages are.
pub const PATH: &str = "/activity";
/// What may stand in a page's URL.
const PARAMS: [&str; 11] = [
    "q", "identity", "service", "action", "decision", "events", "range", "from", "to", "before",
    "trail",
];
/// How many pages one can go back by "Newer" before it leads to the newest.
const MOST_TRAIL: usize = 60;

/// Which kinds of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// All but what says of a call that it began: each call stands there once.
    #[default]
    Usual,
    /// Calls, once each.
    Calls,
    /// What was asked of the owner, and the answers.
    Approvals,
    /// What the owner and axisd did.
    Owner,
    /// Every line.
    All,
}

impl Kind {
    /// All of them, with their word in the URL and what they are called.
    pub const ALL: [(Self, &str, &str); 5] = [
        (Self::Usual, "", "calls, approvals, owner"),
        (Self::Calls, "calls", "calls"),
        (Self::Approvals, "approvals", "approvals"),
        (Self::Owner, "owner", "owner and axisd"),
        (Self::All, "all", "every line, starts too"),
    ];

    fn events(self) -> &'static [&'static str] {
        match self {
            Self::Usual => &["finished", "approval", "admin"],
            Self::Calls => &["finished"],
            Self::Approvals => &["approval"],
            Self::Owner => &["admin"],
            Self::All => &[],
        }
    }

    fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(kind, ..)| *kind == self);
        found.map_or("", |(_, word, _)| word)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(kind, ..)| *kind == self);
        found.map_or("", |(.., name)| name)
    }
}

/// A stretch of time that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lately {
    /// Its word in the URL.
    pub word: &'static str,
    /// What it is called.
    pub name: &'static str,
    length: SignedDuration,
}

impl Lately {
    /// Those that can be had in one click.
    pub const ALL: [Self; 4] = [
        Self::of("1h", "last hour", 1),
        Self::of("24h", "last 24 hours", 24),
        Self::of("7d", "last 7 days", 24 * 7),
        Self::of("30d", "last 30 days", 24 * 30),
    ];

    const fn of(word: &'static str, name: &'static str, hours: i64) -> Self {
        Self {
            word,
            name,
            length: SignedDuration::from_hours(hours),
        }
    }
}

/// The filters, and which page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The line holds this.
    pub text: String,
    /// By this identity.
    pub identity: String,
    /// To this service.
    pub service: String,
    /// This action.
    pub action: String,
    /// Decided so.
    pub decision: String,
    /// Which kinds of lines.
    pub kind: Kind,
    /// A stretch of time up to now.
    pub lately: Option<Lately>,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Before then.
    pub to: Option<Timestamp>,
    /// The page before the line of that number; none: the newest.
    pub before: Option<u64>,
    /// The pages that lead here.
    pub trail: Vec<u64>,
}

impl Selection {
    /// What `query` asks for.
    ///
    /// # Errors
    /// A param that there isn't, or a value that is none of its own.
    pub fn of(query: Option<&str>) -> Result<Self, Failure> {
        Self::beside(query, "")
    }

    /// The same, where `query` may also have the param `other`, which is no
    /// filter.
    ///
    /// # Errors
    /// Like [`Self::of`].
    pub fn beside(query: Option<&str>, other: &str) -> Result<Self, Failure> {
        let mut of = Self::default();
        for (name, value) in parse(query.unwrap_or_default().as_bytes()) {
            if name == other && !other.is_empty() {
                continue;
            }
            if !PARAMS.contains(&&*name) {
                return Err(unknown(&name));
            }
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match &*name {
                "q" => value.clone_into(&mut of.text),
                "identity" => value.clone_into(&mut of.identity),
                "service" => value.clone_into(&mut of.service),
                "action" => value.clone_into(&mut of.action),
                "decision" => {
                    let decision = DECISIONS
                        .iter()
                        .find(|word| word.eq_ignore_ascii_case(value));
                    let decision = decision.ok_or_else(|| {
                        let words = DECISIONS.join(", ");
                        wrong("decision", value, &format!("one of {words}"))
                    })?;
                    (*decision).clone_into(&mut of.decision);
                }
                "events" => {
                    let kind = Kind::ALL.iter().find(|(_, word, _)| *word == value);
                    of.kind = kind
                        .map(|(kind, ..)| *kind)
                        .ok_or_else(|| wrong("events", value, "calls, approvals, owner or all"))?;
                }
                "range" => {
                    let range = Lately::ALL.iter().find(|range| range.word == value);
                    of.lately =
                        Some(*range.ok_or_else(|| wrong("range", value, "1h, 24h, 7d or 30d"))?);
                }
                "from" => of.from = Some(moment("from", value)?),
                "to" => of.to = Some(moment("to", value)?),
                "before" => of.before = Some(number("before", value)?),
                "trail" => {
                    let numbers = value.split('.').take(MOST_TRAIL);
                    of.trail = numbers
                        .map(|value| number("trail", value))
                        .collect::<Result<_, _>>()?;
                }
                _ => {}
            }
        }
        // moments that someone wrote say more than a quick choice
        if of.from.is_some() || of.to.is_some() {
            of.lately = None;
        }
        Ok(of)
    }

    /// The request for these lines, whichever page.
    pub fn request(&self) -> LogsRequest {
        let lately = self.lately.map(|lately| lately.length);
        let lately = lately.and_then(|length| Timestamp::now().checked_sub(length).ok());
        LogsRequest {
            service: self.service.clone(),
            identity: self.identity.clone(),
            action: self.action.clone(),
            decision: self.decision.clone(),
            since_ms: self.from.or(lately).map(Timestamp::as_millisecond),
            until_ms: self.to.map(Timestamp::as_millisecond),
            text: self.text.clone(),
            events: self
                .kind
                .events()
                .iter()
                .map(|event| (*event).to_owned())
                .collect(),
            ..LogsRequest::default()
        }
    }

    /// The same lines, from the newest.
    pub fn newest(&self) -> Self {
        Self {
            before: None,
            trail: Vec::new(),
            ..self.clone()
        }
    }

    /// The page of older lines, before that of the number `seq`.
    pub fn older(&self, seq: u64) -> Self {
        let mut older = self.clone();
        if let Some(here) = self.before {
            older.trail.push(here);
            let extra = older.trail.len().saturating_sub(MOST_TRAIL);
            older.trail.drain(..extra);
        }
        older.before = Some(seq);
        older
    }

    /// The page of newer lines that led here.
    pub fn newer(&self) -> Self {
        let mut newer = self.clone();
        newer.before = newer.trail.pop();
        newer
    }

    /// Whether new lines can be among those that are shown.
    pub fn is_live(&self) -> bool {
        self.before.is_none() && self.to.is_none()
    }

    /// Whether any filter is set.
    pub fn is_filtered(&self) -> bool {
        self.newest() != Self::default()
    }

    /// Where these lines are, under `path`.
    pub fn link(&self, path: &str) -> String {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return path.to_owned();
        }
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{path}?{query}")
    }

    fn pairs(&self) -> Vec<(&'static str, String)> {
        let trail: Vec<String> = self.trail.iter().map(u64::to_string).collect();
        let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        let lately = self.lately.map(|lately| lately.word.to_owned());
        let pairs = [
            ("q", self.text.clone()),
            ("identity", self.identity.clone()),
            ("service", self.service.clone()),
            ("action", self.action.clone()),
            ("decision", self.decision.clone()),
            ("events", self.kind.word().to_owned()),
            ("range", lately.unwrap_or_default()),
            ("from", moment(self.from).unwrap_or_default()),
            ("to", moment(self.to).unwrap_or_default()),
            (
                "before",
                self.before.map(|seq| seq.to_string()).unwrap_or_default(),
            ),
            ("trail", trail.join(".")),
        ];
        let pairs = pairs.into_iter();
        pairs.filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// RFC 3339, or as a form writes it: then in UTC.
fn moment(name: &str, value: &str) -> Result<Timestamp, Failure> {
    let in_utc = || value.parse::<DateTime>()?.to_zoned(TimeZone::UTC);
    let moment = value
        .parse()
        .or_else(|_| in_utc().map(|zoned| zoned.timestamp()));
    moment.map_err(|_| wrong(name, value, "a moment such as 2026-01-15T10:30:00Z"))
}

fn number(name: &str, value: &str) -> Result<u64, Failure> {
    let number = value.parse();
    number.map_err(|_| wrong(name, value, "the number of a line"))
}

fn unknown(name: &str) -> Failure {
    let known = PARAMS.join(", ");
    Failure::new(
        Exit::Usage,
        format!("this page takes no {name} in its address: it takes {known}"),
    )
}

fn wrong(name: &str, value: &str, expected: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("{name}={value} in the page's address is not {expected}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Selection {
        Selection::of(Some(query)).unwrap()
    }

    #[test]
    fn filters_come_back_out_of_their_own_link() {
        for query in [
            "",
            "?q=a+%26b%3D%22&identity=x%0Ay&service=github&action=repos.get&decision=deny&events=all&from=2026-01-15T10%3A30%3A00Z&to=2026-01-16T10%3A30%3A00Z&before=7&trail=90.8",
            "?events=calls&range=24h",
        ] {
            let selection = of(query.trim_start_matches('?'));
            assert_eq!(selection.link(PATH), format!("{PATH}{query}"));
        }
        assert_eq!(of("q=&service=+&events=&decision="), Selection::default());
        assert_eq!(of("decision=ASK"), of("decision=ask"));
        let local = of("from=2026-01-15T10:30");
        assert_eq!(local, of("from=2026-01-15T10:30:00Z"));
        // what was written counts more than a quick choice
        assert_eq!(of("from=2026-01-15T10:30&range=1h"), local);
    }

    #[test]
    fn what_is_no_filter_is_said() {
        for (query, says) in [
            ("from=yesterday", "from=yesterday"),
            ("before=-1", "the number of a line"),
            ("trail=1.x", "the number of a line"),
            ("events=some", "calls, approvals"),
            ("range=2w", "24h"),
            ("decision=zzz", "allow, deny, error, ask"),
            ("since=foo", "q, identity, service"),
            ("after=7", "no after"),
        ] {
            let failure = Selection::of(Some(query)).unwrap_err();
            let (sentence, _) = failure.sentence();
            assert!(sentence.contains(says), "{sentence}");
        }
        let beside = Selection::beside(Some("q=x&after=7"), "after").unwrap();
        assert_eq!(beside, of("q=x"));
    }

    #[test]
    fn newer_leads_back_the_way_that_older_came() {
        let first = of("service=github");
        let second = first.older(900);
        let third = second.older(850);
        assert_eq!(
            third.link(PATH),
            "/activity?service=github&before=850&trail=900"
        );
        assert_eq!(third.newer(), second);
        assert_eq!(second.newer(), first);
        assert_eq!(third.newest(), first);
        let mut deep = first.clone();
        for seq in (0..10_000).rev() {
            deep = deep.older(seq);
        }
        assert!(deep.link(PATH).len() < 1_000);
        assert_eq!(of(deep.link("").trim_start_matches('?')), deep);
    }

    #[test]
    fn a_request_has_each_call_once_and_every_line_only_where_asked_for() {
        let request = Selection::default().request();
        assert_eq!(request.events, ["finished", "approval", "admin"]);
        assert_eq!(request.since_ms, None);
        assert!(of("events=all").request().events.is_empty());
        let since = of("range=1h").request().since_ms.unwrap();
        let now = Timestamp::now().as_millisecond();
        assert!((3_500_000..3_700_000).contains(&(now - since)));
        assert!(!of("to=2026-01-15T10:30").is_live());
        assert!(of("range=1h").is_live());
    }
}
