//! What a request for JSON asks for: its params, read strictly, so that a slip
//! is told and not taken for a wider question.

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use jiff::{Span, SpanRelativeTo, Timestamp};
use serde_json::json;

use crate::commands::logs::selection;

/// The params of one request.
pub struct Query(Vec<(String, String)>);

/// What is wrong with one of them.
#[derive(Debug, thiserror::Error)]
#[error("{param}: {problem}")]
pub struct WrongParam {
    param: String,
    problem: String,
    fix: String,
}

impl WrongParam {
    /// `problem` with `param`, and what is right.
    pub fn new(param: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            param: param.to_owned(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }
}

impl IntoResponse for WrongParam {
    fn into_response(self) -> Response {
        let error = json!({"error": {
            "param": self.param,
            "message": self.to_string(),
            "fix": self.fix,
        }});
        (StatusCode::BAD_REQUEST, Json(error)).into_response()
    }
}

impl Query {
    /// The params of `uri`, each of which is one of `known` and there once.
    pub fn of(uri: &Uri, known: &[&str]) -> Result<Self, WrongParam> {
        let query = uri.query().unwrap_or_default().as_bytes();
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query) {
            if !known.contains(&name.as_ref()) {
                let fix = match known {
                    [] => "It takes none.".to_owned(),
                    known => format!("It takes {}.", known.join(", ")),
                };
                return Err(WrongParam::new(&name, "there is no such param", fix));
            }
            if params.iter().any(|(given, _)| *given == name) {
                return Err(WrongParam::new(&name, "it is there twice", "Give it once."));
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(params))
    }

    /// What was given; empty counts as nothing.
    fn given(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Text as it is; empty where none was given.
    pub fn text(&self, name: &str) -> String {
        self.given(name).unwrap_or_default().to_owned()
    }

    /// One of a few words; empty where none was given.
    pub fn word(&self, name: &str, words: &[&str]) -> Result<String, WrongParam> {
        match self.given(name) {
            Some(word) if !words.contains(&word) => Err(WrongParam::new(
                name,
                format!("{word:?} is none of its words"),
                format!("Write one of {}.", words.join(", ")),
            )),
            word => Ok(word.unwrap_or_default().to_owned()),
        }
    }

    /// A whole number from 1 to `most`.
    pub fn number(&self, name: &str, most: u64) -> Result<Option<u64>, WrongParam> {
        let Some(given) = self.given(name) else {
            return Ok(None);
        };
        match given.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
            _ => Err(WrongParam::new(
                name,
                format!("{given:?} is no number that it takes"),
                if most == u64::MAX {
                    "Write a whole number from 1 on.".to_owned()
                } else {
                    format!("Write a whole number from 1 to {most}.")
                },
            )),
        }
    }

    /// A moment, or a stretch of time before now; in ms since 1970.
    pub fn moment(&self, name: &str) -> Result<Option<i64>, WrongParam> {
        let Some(given) = self.given(name) else {
            return Ok(None);
        };
        let moment = selection::moment(given).map_err(|right| {
            WrongParam::new(
                name,
                format!("{given:?} is no moment"),
                capitalised(&right) + ".",
            )
        })?;
        Ok(Some(moment.as_millisecond()))
    }

    /// A stretch of time in ms, into which what lies between `since_ms` and now
    /// is divided; 0 where none was given.
    pub fn stretch(&self, name: &str, since_ms: Option<i64>) -> Result<u64, WrongParam> {
        const MOST: u64 = 1_000;
        let Some(given) = self.given(name) else {
            return Ok(0);
        };
        let wrong = |problem: &str, fix: &str| Err(WrongParam::new(name, problem, fix));
        let Some(since_ms) = since_ms else {
            return wrong("it needs since", "Say since when: since=24h.");
        };
        let span = given.parse::<Span>().ok();
        let length = span.and_then(|span| {
            let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
            u64::try_from(length.ok()?.as_millis()).ok()
        });
        let Some(length) = length.filter(|length| *length > 0) else {
            return wrong(
                &format!("{given:?} is no stretch of time"),
                "Write one such as 1m, 30m or 1d.",
            );
        };
        let all = Timestamp::now().as_millisecond().saturating_sub(since_ms);
        // both ends may lie within a stretch
        if u64::try_from(all).unwrap_or_default() / length + 2 > MOST {
            return wrong(
                &format!("since then there are more than {MOST} of {given}"),
                "Write a longer one, or a later since.",
            );
        }
        Ok(length)
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, WrongParam> {
        let uri = format!("/logs?{text}").parse().unwrap();
        Query::of(&uri, &["last", "q", "decision", "since", "stretch"])
    }

    #[test]
    fn what_is_given_is_read_and_what_is_not_is_nothing() {
        let given = query("last=20&q=a+b%26&decision=deny&since=2h&stretch=1m").unwrap();
        assert_eq!(given.number("last", 1000).unwrap(), Some(20));
        assert_eq!(given.text("q"), "a b&");
        assert_eq!(given.word("decision", &["allow", "deny"]).unwrap(), "deny");
        let since = given.moment("since").unwrap();
        assert!(since.is_some());
        assert_eq!(given.stretch("stretch", since).unwrap(), 60_000);
        let empty = query("q=&last=").unwrap();
        assert_eq!(empty.text("q"), "");
        assert_eq!(empty.number("last", 1000).unwrap(), None);
        assert_eq!(empty.stretch("stretch", None).unwrap(), 0);
    }

    #[test]
    fn each_slip_names_its_param() {
        for slip in ["lst=3", "q=a&q=b", "LAST=3"] {
            let wrong = query(slip).err().unwrap();
            assert!(slip.starts_with(&wrong.param), "{wrong}");
        }
        for last in ["0", "1001", "-1", "ten", "1.5", "+1"] {
            let given = query(&format!("last={last}")).unwrap();
            assert!(given.number("last", 1000).is_err(), "{last}");
        }
        for stretch in ["0s", "-1h", "soon", "1s"] {
            let given = query(&format!("since=1d&stretch={stretch}")).unwrap();
            let since = given.moment("since").unwrap();
            assert!(given.stretch("stretch", since).is_err(), "{stretch}");
        }
        assert!(query("since=yesterday").unwrap().moment("since").is_err());
        assert!(
            query("stretch=1h")
                .unwrap()
                .stretch("stretch", None)
                .is_err()
        );
    }
}
