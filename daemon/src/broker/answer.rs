//! An upstream's answer on its way to the agent.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::outcome::{Failure, Success};
use super::strings;
use crate::audit;
use crate::catalogue::{Action, ActionOutcome, Answer};
use crate::upstream::{LeakGuard, Patience, UpstreamError, UpstreamResponse};

/// From how many bytes on a result gets a hint at what would be shorter: hosts
/// cut what is longer, or put it into a file of theirs.
const LONG_RESULT: usize = 80 * 1000;

/// What the upstream's answer means for the agent.
pub(super) fn read(
    action: &Action,
    guard: &LeakGuard,
    answer: Result<UpstreamResponse, UpstreamError>,
    end: &mut audit::End,
) -> Result<Success, Failure> {
    let mut response = answer?;
    end.status = Some(response.status.as_u16());
    end.redacted = u64::from(response.redacted);
    if response.delivered.is_some() {
        return Ok(Success {
            result: "null".into(),
            ..Success::default()
        });
    }
    let mut look = Look {
        guard,
        patience: Patience::default(),
        found: 0,
    };
    if let Some(body) = look.strings(&response.body) {
        response.body = body;
    }
    let outcome = action.outcome(
        &Answer {
            status: response.status,
            content_type: response.content_type.as_deref(),
            headers: &response.headers,
            body: &response.body,
        },
        &mut |words| look.words(words),
    );
    let read = match outcome {
        ActionOutcome::Refused(error) => {
            // being put together may have joined what stood apart
            let message = look.words(&error.message);
            Err(Failure {
                retry_after_s: response.retry_after_s,
                message,
                ..error.into()
            })
        }
        ActionOutcome::Result(found) => {
            let body = response.body.as_ptr_range();
            let is_part_of_body = body.contains(&found.json.as_ptr());
            Ok(Success {
                result: if is_part_of_body {
                    found.json
                } else {
                    look.made(found.json)
                },
                next: found.next.map(|next| look.made(next.into())),
                total: found.total,
                hint: None,
            })
        }
    };
    end.redacted += look.found;
    read
}

/// Looks for the credential in what was made out of a body: what was decoded may
/// hold what couldn't be seen before.
struct Look<'g> {
    guard: &'g LeakGuard,
    /// For all of it together.
    patience: Patience,
    /// How often it was taken out.
    found: u64,
}

impl Look<'_> {
    /// `words` without it.
    fn words(&mut self, words: &str) -> String {
        let (words, found) = self
            .guard
            .redact_within(words.as_bytes(), &mut self.patience);
        self.found += u64::from(found);
        words
    }

    /// What is to be in the place of `json`, if its strings say it.
    fn strings(&mut self, json: &[u8]) -> Option<Bytes> {
        let (json, found) = strings::guarded(json, self.guard, &mut self.patience)?;
        self.found += u64::from(found);
        Some(json)
    }

    /// `json`, which axisd wrote, without it: in its text and in what its strings
    /// say.
    fn made(&mut self, json: Bytes) -> Bytes {
        let (text, found) = self.guard.redact_within(&json, &mut self.patience);
        self.found += u64::from(found);
        let json = if found == 0 {
            json
        } else if serde_json::from_str::<&RawValue>(&text).is_ok() {
            text.into()
        } else {
            // it was more than a part of one string: handed on as a text
            serde_json::Value::String(text).to_string().into()
        };
        self.strings(&json).unwrap_or(json)
    }
}

/// `success` with a word on its length, where it is long.
pub(super) fn hinted(mut success: Success) -> Success {
    let length = success.result.len();
    if length > LONG_RESULT && success.hint.is_none() {
        success.hint = Some(format!(
            "This result has {} kB. Give select (a jq expression such as .[0] or {{id, title}}) to get \
             only what you need of it, or save_to to put it into a file.",
            length / 1000
        ));
    }
    success
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http::StatusCode;

    use super::*;
    use crate::catalogue::Catalogue;

    const SECRET: &str = "canary/0123456789+abcdef";
    /// The same with HTML's `&` by its number.
    const NUMBERED: &str = "canary\\u0026#47;0123456789\\u0026#43;abcdef";

    /// What a vendor answers to an action of its own.
    fn read_answer(
        (service, action): (&str, &str),
        status: StatusCode,
        content_type: &str,
        body: &str,
    ) -> Result<Success, Failure> {
        let catalogue = Catalogue::builtin().unwrap();
        let (_, action) = catalogue.resolve(service, action).unwrap();
        let response = UpstreamResponse {
            status,
            content_type: Some(content_type.into()),
            headers: Vec::new(),
            retry_after_s: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
            delivered: None,
            redacted: 0,
        };
        let guard = LeakGuard::new(&[SECRET]);
        let mut end = audit::End::default();
        let read = read(action, &guard, Ok(response), &mut end);
        assert!(end.redacted > 0, "nothing was found");
        read
    }

    fn read_xml(action: &str, status: StatusCode, body: &str) -> Result<Success, Failure> {
        read_answer(("aws", action), status, "application/xml", body)
    }

    fn read_json(action: &str, status: StatusCode, body: &str) -> Result<Success, Failure> {
        read_answer(("github", action), status, "application/json", body)
    }

    fn assert_clean(text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        assert!(text.contains("[redacted by axis]"), "{text}");
        for part in ["0123456789", "0\\u00001\\u00002", "0 1 2", "MDEyMzQ1"] {
            assert!(!text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn what_an_answer_is_put_together_from_is_guarded_as_strings_say_it() {
        let file =
            format!(r#"{{"description":"{NUMBERED}","content":"aGFsbG8K","encoding":"base64"}}"#);
        let deep = format!("{}\"{NUMBERED}\"{}", "[".repeat(150), "]".repeat(150));
        let half = format!(r#"{{"a":"\ud83d {NUMBERED}"}}"#);
        let wide: Vec<u8> = SECRET.bytes().flat_map(|byte| [byte, 0]).collect();
        let wide = STANDARD.encode(wide);
        let (head, tail) = wide.split_at(30);
        let wide = format!(r#"{{"content":"{head}\n{tail}","encoding":"base64"}}"#);
        for (action, body) in [
            ("contents.read", &file),
            ("contents.readme", &wide),
            ("repos.get", &deep),
            ("repos.get", &half),
        ] {
            let success = read_json(action, StatusCode::OK, body).unwrap();
            assert_clean(&success.result);
            serde_json::from_slice::<&RawValue>(&success.result).unwrap();
        }
        let events = format!("data: {{\"a\":\"{NUMBERED}\"}}\n\ndata: [DONE]\n\n");
        let get = ("github", "repos.get");
        let success = read_answer(get, StatusCode::OK, "text/event-stream", &events).unwrap();
        assert_clean(&success.result);
    }

    #[test]
    fn an_errors_words_are_guarded_before_they_are_cut_or_put_into_one_line() {
        let wide = SECRET.split("").skip(1).collect::<Vec<_>>().join("\\u0000");
        let base64 = STANDARD.encode(SECRET);
        let (head, tail) = base64.split_at(16);
        let lines = format!("{head}\\u000a{tail}");
        let cut = format!("{} {NUMBERED}", "x".repeat(962));
        for said in [wide, lines, cut] {
            for body in [
                format!(r#"{{"message":"bad {said}"}}"#),
                format!(r#"{{"message":"bad","errors":[{{"field":"{said}"}}]}}"#),
            ] {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let failure = read_json("repos.get", status, &body).unwrap_err();
                assert_clean(failure.message.as_bytes());
            }
        }
        let (head, tail) = SECRET.split_at(9);
        for (room, end) in [
            (970, ""),
            (970, &*format!("<Code>{head}<!-- -->{tail}</Code>")),
        ] {
            let body = format!(
                "<Error><Message>{} {head}<!-- -->{tail}</Message>{end}</Error>",
                "x".repeat(room)
            );
            let failure = read_xml("s3.getObject", StatusCode::BAD_REQUEST, &body).unwrap_err();
            assert_clean(failure.message.as_bytes());
        }
    }

    #[test]
    fn what_took_too_long_to_look_through_is_still_json() {
        let guard = LeakGuard::new(&[&format!("{}abc0", "\\".repeat(24))]);
        let mut look = Look {
            guard: &guard,
            patience: Patience::default(),
            found: 0,
        };
        let text = format!("\"{}\"", "\\".repeat(100_000));
        let made = look.made(text.into());
        assert!(look.found > 0);
        serde_json::from_slice::<&RawValue>(&made).unwrap();
        assert_eq!(&look.made("[1,2]".into())[..], b"\"[redacted by axis]\"");
    }

    #[test]
    fn what_is_no_utf_8_is_looked_into_as_well() {
        let guard = LeakGuard::new(&[SECRET]);
        let mut look = Look {
            guard: &guard,
            patience: Patience::default(),
            found: 0,
        };
        let made = [b"\"\xff ", SECRET.as_bytes(), b"\""].concat();
        assert_clean(&look.made(made.into()));
        assert_eq!(look.found, 1);
    }

    #[test]
    fn what_decoding_joins_is_guarded_wherever_it_goes() {
        let (head, tail) = SECRET.split_at(9);
        for apart in [
            format!("{head}<!-- -->{tail}"),
            format!("{head}<![CDATA[{tail}]]>"),
        ] {
            let refused =
                format!("<Error><Code>Odd</Code><Message>it is {apart}</Message></Error>");
            let failure = read_xml("s3.getObject", StatusCode::BAD_REQUEST, &refused).unwrap_err();
            assert_eq!(failure.message, "it is [redacted by axis] (Odd)");

            let list = format!(
                "<ListAllMyBucketsResult><ContinuationToken>{apart}</ContinuationToken></ListAllMyBucketsResult>"
            );
            let success = read_xml("s3.listBuckets", StatusCode::OK, &list).unwrap();
            let next = success.next.unwrap();
            assert_eq!(&next[..], br#"{"continuation_token":"[redacted by axis]"}"#);
            assert!(!String::from_utf8_lossy(&success.result).contains(SECRET));
        }
    }
}
