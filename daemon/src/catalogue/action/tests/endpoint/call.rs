//! What the request of a call may be, worked out from the definition and the
//! params without the code that makes it.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::Value;

use super::super::super::*;
use super::super::hostile::{ACCOUNT, sent};
use crate::catalogue::Service;
use crate::catalogue::param::Target;
use crate::upstream::request::BoundRequest;

/// Headers that an agent may set in a request of its own.
const OWN_HEADERS: [&str; 9] = [
    "accept",
    "accept-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "prefer",
    "range",
];

/// Headers that no params and no definition set.
const NEVER: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method-override",
];

/// A call that made a request.
pub(super) struct Call<'a> {
    pub(super) service: &'a Service,
    pub(super) action: &'a Action,
    pub(super) params: &'a Value,
}

impl Call<'_> {
    /// A param as a text; its account where it is none.
    fn text(&self, name: &str) -> String {
        match self.params.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) if number.is_f64() => {
                format!("{:.0}", number.as_f64().unwrap_or_default()).replace("-0", "0")
            }
            Some(other) => other.to_string(),
            None => ACCOUNT.to_owned(),
        }
    }

    fn target(&self, name: &str) -> &Target {
        &self.action.param(name).expect("it is declared").target
    }

    /// The bucket, where it stands before the host.
    fn bucket(&self) -> Option<String> {
        let mut params = self.action.params.iter();
        let bucket = params.find(|param| matches!(param.target, Target::Bucket))?;
        Some(self.text(&bucket.name)).filter(|name| !name.contains('.'))
    }

    /// The path's segments, decoded, as the template has them.
    fn segments(&self) -> Vec<String> {
        let base = url::Url::parse(self.service.base_url().as_str()).unwrap();
        let own = base.path_segments().unwrap().map(str::to_owned);
        let mut segments: Vec<_> = own.filter(|segment| !segment.is_empty()).collect();
        let route = self.action.route();
        let (_, path) = route.split_once(" /").unwrap();
        for (at, segment) in path.split('/').enumerate() {
            let Some((before, rest)) = segment.split_once('{') else {
                segments.push(segment.to_owned());
                continue;
            };
            let (name, after) = rest.split_once('}').unwrap();
            let text = self.text(name);
            match self.target(name) {
                Target::Bucket if at == 0 && self.bucket().is_some() => {}
                Target::Path { multi: true } | Target::Key => {
                    segments.extend(text.split('/').map(str::to_owned));
                }
                Target::RawPath => {
                    let text = text.strip_prefix('/').unwrap_or(&text);
                    segments.extend(text.split('/').map(str::to_owned));
                }
                _ => segments.push(format!("{before}{text}{after}")),
            }
        }
        if segments.is_empty() {
            segments.push(String::new());
        }
        segments
    }

    /// The host, as the template has it.
    fn host(&self) -> String {
        let base = self.service.base_text();
        let (_, host) = base.split_once("://").unwrap();
        let host = host.split('/').next().unwrap();
        let labels = host.split('.').map(|label| {
            let place = label.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            place.map_or_else(|| label.to_owned(), |place| self.text(place))
        });
        let labels: Vec<_> = self.bucket().into_iter().chain(labels).collect();
        labels.join(".")
    }

    pub(super) fn goes_where_it_should(&self, request: &BoundRequest) -> TestCaseResult {
        let url = &request.url;
        prop_assert_eq!(&request.method, &self.action.method);
        prop_assert_eq!(url.scheme(), "https");
        let host = self.host();
        prop_assert_eq!(url.host_str(), Some(host.as_str()));
        prop_assert_eq!(url.port(), None);
        prop_assert_eq!((url.username(), url.password()), ("", None));
        prop_assert_eq!(url.fragment(), None);
        let segments = url.path_segments().unwrap();
        let segments: Vec<_> = segments
            .map(|segment| {
                percent_decode_str(segment)
                    .decode_utf8()
                    .unwrap()
                    .into_owned()
            })
            .collect();
        prop_assert_eq!(&segments, &self.segments());
        let is_dot = |segment: &String| matches!(segment.trim(), "." | "..");
        prop_assert!(!segments.iter().any(is_dot), "{:?}", segments);
        // the HTTP library reads the same in it
        let uri: http::Uri = url.as_str().parse().unwrap();
        prop_assert_eq!(uri.host(), url.host_str());
        prop_assert_eq!(uri.path(), url.path());
        prop_assert_eq!(uri.query(), url.query());
        Ok(())
    }

    pub(super) fn has_its_own_query(&self, request: &BoundRequest) -> TestCaseResult {
        let fixed = url::form_urlencoded::parse(self.action.path.query().as_bytes());
        let mut names: Vec<String> = fixed.map(|(name, _)| name.into_owned()).collect();
        for param in &self.action.params {
            match &param.target {
                Target::Query { .. } => names.push(param.wire_name.clone()),
                Target::QueryPairs { .. } => {
                    let pairs = self.params.get(&param.name).and_then(Value::as_object);
                    names.extend(pairs.into_iter().flatten().map(|(name, _)| name.clone()));
                }
                _ => continue,
            }
            if let (Target::Query { .. }, Some(Value::String(text))) =
                (&param.target, self.params.get(&param.name))
            {
                let mut pairs = request.url.query_pairs();
                let is_there = pairs.any(|(name, value)| name == param.wire_name && value == *text);
                prop_assert!(is_there, "{} in {}", text, request.url);
            }
        }
        for (name, _) in request.url.query_pairs() {
            prop_assert!(names.iter().any(|known| *known == name), "{}", name);
        }
        Ok(())
    }

    pub(super) fn has_its_own_headers(&self, request: &BoundRequest) -> TestCaseResult {
        let is_raw = self.action.name.starts_with("http.");
        for (name, value) in &request.headers {
            let mut fixed = self.action.headers.iter().map(|(fixed, _)| fixed);
            let fixed = fixed.any(|fixed| fixed == name) || name == CONTENT_TYPE;
            let mut params = self.action.params.iter();
            let declared =
                params.any(|param| matches!(&param.target, Target::Header(own) if own == name));
            let free = is_raw && OWN_HEADERS.contains(&name.as_str());
            prop_assert!(fixed || declared || free, "{}", name);
            prop_assert!(!NEVER.contains(&name.as_str()), "{}", name);
            prop_assert!(!self.service.auth().carrier().is_header(name), "{}", name);
            let is_printable = value
                .as_bytes()
                .iter()
                .all(|byte| (0x20..0x7f).contains(byte));
            prop_assert!(is_printable, "{:?}", value);
        }
        Ok(())
    }

    pub(super) fn has_its_own_body(&self, request: &BoundRequest) -> TestCaseResult {
        let Some(body) = &request.body else {
            return Ok(());
        };
        match &self.action.body {
            BodyShape::Nothing => prop_assert!(false, "it has none"),
            BodyShape::Bytes => {}
            BodyShape::Graphql(_) => {
                let example = self.action.example();
                let example = sent(self.service, self.action, example).unwrap();
                let own: Value = serde_json::from_slice(&example.body.unwrap()).unwrap();
                let sent: Value = serde_json::from_slice(body).unwrap();
                prop_assert_eq!(&sent["query"], &own["query"]);
                prop_assert_eq!(sent.as_object().map(serde_json::Map::len), Some(2));
            }
            BodyShape::Json if self.action.name.starts_with("http.") => {
                let sent: Value = serde_json::from_slice(body).unwrap();
                prop_assert_eq!(Some(&sent), self.params.get("body"));
            }
            BodyShape::Json => {
                let sent: Value = serde_json::from_slice(body).unwrap();
                for name in sent.as_object().unwrap().keys() {
                    prop_assert!(self.fills_in_body(name), "{}", name);
                }
            }
            BodyShape::Form => {
                for (name, _) in url::form_urlencoded::parse(body) {
                    let is_own = self.fills_in_body(&name)
                        || name
                            .split('[')
                            .next()
                            .is_some_and(|root| self.fills_in_body(root));
                    prop_assert!(is_own, "{}", name);
                }
            }
        }
        Ok(())
    }

    /// Whether `name` is a member of the body for some param that was sent.
    fn fills_in_body(&self, name: &str) -> bool {
        let mut params = self.action.params.iter();
        let declared = params.any(|param| match &param.target {
            Target::Body { .. } => param.wire_name == name,
            Target::Nested(nest) => nest.top() == name,
            Target::WholeBody => self.params[&param.name].get(name).is_some(),
            _ => false,
        });
        let undeclared = self.action.passthrough
            && self.params.get(name).is_some()
            && self.action.param(name).is_none();
        declared || undeclared
    }
}
