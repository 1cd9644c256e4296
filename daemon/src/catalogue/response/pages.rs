//! Where an answer says how to get the next page, and how many items there
//! are in all.

use http::HeaderName;
use http::header::LINK;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::super::definition::Pagination;

/// The pages of one action's answers.
pub(super) struct PageReader {
    pub(super) shape: Pagination,
    /// Params in the query whose values are integers.
    pub(super) integers: Vec<String>,
}

/// What an answer says of its pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The params that differ for the next page, as a JSON object's text.
    pub(super) next: Option<String>,
    /// How many items there are in all.
    pub(super) total: Option<u64>,
}

impl PageReader {
    /// The headers of an answer that it looks at.
    pub(super) fn headers(&self) -> impl Iterator<Item = &'static HeaderName> {
        self.shape.link.then_some(&LINK).into_iter()
    }

    pub(super) fn read(&self, headers: &[(HeaderName, String)], json: &str) -> Page {
        let shape = &self.shape;
        let total = shape.total.as_ref().and_then(|reach| reach.find(json));
        let is_last = shape
            .has_more
            .as_ref()
            .is_some_and(|reach| reach.find(json) != Some("true"));
        let next = if is_last {
            None
        } else {
            self.in_body(json).or_else(|| self.in_link(headers))
        };
        Page {
            next: next.map(|next| Value::from(next).to_string()),
            total: total.and_then(|total| total.parse().ok()),
        }
    }

    fn in_body(&self, json: &str) -> Option<Map<String, Value>> {
        let param = self.shape.param.as_ref()?;
        let value = serde_json::from_str(self.shape.next.as_ref()?.find(json)?).ok()?;
        match value {
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            Value::String(text) if text.is_empty() => None,
            value => Some(Map::from_iter([(param.clone(), value)])),
        }
    }

    /// The query of the URL in a `Link` header, as far as it says where the
    /// page is.
    fn in_link(&self, headers: &[(HeaderName, String)]) -> Option<Map<String, Value>> {
        let links = headers.iter().filter(|(name, _)| name == LINK);
        let url = links
            .map(|(_, value)| value)
            .find_map(|value| next_url(value))?;
        let pairs = form_urlencoded::parse(url.query()?.as_bytes());
        let named = pairs.filter(|(name, _)| PAGE_PARAMS.contains(&&**name));
        let next: Map<_, _> = named
            .map(|(name, value)| {
                let number = value.parse::<u64>().ok();
                let number = number.filter(|_| self.integers.iter().any(|known| **known == *name));
                let value = number.map_or_else(|| Value::from(&*value), Value::from);
                (name.into_owned(), value)
            })
            .collect();
        (!next.is_empty()).then_some(next)
    }
}

/// The query params that say where a page is; the others of a link were the
/// agent's own.
const PAGE_PARAMS: &[&str] = &[
    "after",
    "before",
    "cursor",
    "offset",
    "page",
    "page_token",
    "pageToken",
    "since",
    "start",
];

/// The target of `rel="next"` in a `Link` header (RFC 8288).
fn next_url(value: &str) -> Option<Url> {
    value.split('<').find_map(|part| {
        let (target, params) = part.split_once('>')?;
        let is_next = params.split([';', ',']).any(|param| {
            let param = param.trim();
            matches!(param, "rel=\"next\"" | "rel=next")
        });
        let base = Url::parse("https://relative.invalid").ok()?;
        is_next.then(|| base.join(target).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::reach::Reach;
    use super::*;

    fn reader(param: &str, next: &str, has_more: Option<&str>, link: bool) -> PageReader {
        PageReader {
            shape: Pagination {
                param: Some(param.into()),
                next: Reach::parse(next),
                has_more: has_more.and_then(Reach::parse),
                total: Reach::parse("total_count"),
                link,
            },
            integers: vec!["page".into()],
        }
    }

    #[test]
    fn a_cursor_becomes_the_param_that_asks_for_the_next_page() {
        let slack = reader("cursor", "response_metadata.next_cursor", None, false);
        let stripe = reader("starting_after", "data.-1.id", Some("has_more"), false);
        for (reader, json, next, total) in [
            (
                &slack,
                r#"{"response_metadata":{"next_cursor":"dGVhbQ=="}}"#,
                Some(r#"{"cursor":"dGVhbQ=="}"#),
                None,
            ),
            (
                &slack,
                r#"{"response_metadata":{"next_cursor":""}}"#,
                None,
                None,
            ),
            (&slack, r#"{"ok":true}"#, None, None),
            (&slack, "[]", None, None),
            (
                &stripe,
                r#"{"has_more":true,"data":[{"id":"a"},{"id":"b"}],"total_count":7}"#,
                Some(r#"{"starting_after":"b"}"#),
                Some(7),
            ),
            (
                &stripe,
                r#"{"has_more":false,"data":[{"id":"a"}]}"#,
                None,
                None,
            ),
            (&stripe, r#"{"data":[{"id":"a"}]}"#, None, None),
        ] {
            let page = reader.read(&[], json);
            assert_eq!((page.next.as_deref(), page.total), (next, total), "{json}");
        }
    }

    #[test]
    fn a_link_gives_only_the_params_that_say_where_the_page_is() {
        let github = reader("", "none", None, true);
        for (link, next) in [
            (
                r#"<https://api.github.com/repositories/1/issues?per_page=2&page=2>; rel="next", <https://api.github.com/repositories/1/issues?page=9>; rel="last""#,
                Some(r#"{"page":2}"#),
            ),
            (
                r#"<https://api.github.com/x?after=Y3Vyc29yOnYy>; rel="next""#,
                Some(r#"{"after":"Y3Vyc29yOnYy"}"#),
            ),
            (r#"<https://api.github.com/x?page=1>; rel="prev""#, None),
            (r#"</x?page=3>; title="a"; rel=next"#, Some(r#"{"page":3}"#)),
            ("nonsense", None),
            ("", None),
        ] {
            let page = github.read(&[(LINK, link.into())], "[]");
            assert_eq!(page.next.as_deref(), next, "{link}");
        }
    }
}
