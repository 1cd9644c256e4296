//! The raw actions `http.get` … `http.delete`, which every service has: a
//! request to its host as the agent writes it. A policy has to name them; `*`
//! leaves them out.

use http::HeaderMap;
use serde_json::json;

use super::action::{Action, Inherited, Parts};
use super::body::BodyShape;
use super::definition::{BodyFormat, Effect, MethodWord, Place};
use super::param::{Param, Target};
use super::path::PathTemplate;
use crate::auth::Carrier;

/// One action for each method.
pub(super) fn actions(inherited: &Inherited<'_>) -> Vec<Action> {
    [
        ("http.get", MethodWord::Get, Effect::Read),
        ("http.post", MethodWord::Post, Effect::Write),
        ("http.put", MethodWord::Put, Effect::Write),
        ("http.patch", MethodWord::Patch, Effect::Write),
        ("http.delete", MethodWord::Delete, Effect::Delete),
    ]
    .into_iter()
    .map(|(name, method, effect)| action(name, method, effect, inherited))
    .collect()
}

fn action(name: &str, method: MethodWord, effect: Effect, inherited: &Inherited<'_>) -> Action {
    let has_body = !matches!(method, MethodWord::Get);
    let body = match inherited.body {
        _ if !has_body => BodyShape::Nothing,
        BodyFormat::Form => BodyShape::Form,
        BodyFormat::Bytes => BodyShape::Bytes,
        BodyFormat::Json | BodyFormat::Graphql => BodyShape::Json,
    };
    let credential = match inherited.carrier {
        Carrier::Query(name) => Some(name.to_owned()),
        Carrier::Headers(_) => None,
    };
    let mut params = vec![
        param("path", Target::RawPath, true),
        param("query", Target::QueryPairs { credential }, false),
        param("headers", Target::Headers, false),
    ];
    let mut properties = json!({
        "path": {"type": "string", "description": "Below the service's base URL, without a query", "examples": ["/"]},
        "query": {"type": "object", "description": "Text, numbers, or lists of them"},
        "headers": {"type": "object", "description": "Such as accept or range"},
    });
    if has_body {
        params.push(param("body", Target::WholeBody, false));
        let (types, how) = match body {
            BodyShape::Form => (json!("object"), "Sent as a form"),
            BodyShape::Bytes => (json!("string"), "Sent as it is"),
            _ => (
                json!(["object", "array", "string", "number", "boolean"]),
                "Sent as JSON",
            ),
        };
        properties["body"] = json!({"type": types, "description": how});
        if matches!(body, BodyShape::Json) {
            properties["body"]["items"] =
                json!({"type": ["object", "string", "number", "boolean", "null"]});
        }
    }
    let mut required = vec!["path"];
    let mut example = json!({"path": "/"});
    for (name, written) in inherited.params.iter() {
        let written = &written.value;
        if written.place == Place::Host {
            params.push(param(name, Target::Host, true));
            properties[name] = written.schema.to_json();
            example[name] = written.schema.example();
            required.push(name);
        }
    }
    let schema = json!({"type": "object", "properties": properties, "required": required});
    Action::assemble(Parts {
        name: name.to_owned(),
        effect,
        method: method.method(),
        path: slash_and_path(),
        params,
        body,
        headers: HeaderMap::clone(inherited.headers),
        schema,
        example,
        inherited,
    })
}

/// `/{path}`.
fn slash_and_path() -> PathTemplate {
    PathTemplate::parse("/{path}").unwrap_or_else(|problem| unreachable!("{problem}"))
}

fn param(name: &str, target: Target, required: bool) -> Param {
    Param {
        name: name.to_owned(),
        wire_name: name.to_owned(),
        member_key: super::body::member_key(name),
        target,
        required,
        integer: false,
        is_account: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::params::ParamsError;
    use super::super::tests::catalogue;
    use super::*;
    use crate::upstream::request::UpstreamRequest;

    fn build(service: &str, action: &str, params: &Value) -> Result<UpstreamRequest, ParamsError> {
        let (_, action) = catalogue().resolve(service, action).unwrap();
        action.build(params.to_string().as_bytes(), None)
    }

    #[test]
    fn an_agent_writes_path_query_headers_and_body() {
        let request = build(
            "github",
            "http.post",
            &json!({
                "path": "/repos/o/r/a b/",
                "query": {"page": 2, "labels": ["a&b", "c"], "none": null, "yes": true},
                "headers": {"Accept": "application/vnd.github.raw+json"},
                "body": {"a": [1, {"b": null}]},
            }),
        )
        .unwrap();
        assert_eq!(request.method, "POST");
        assert_eq!(
            request.path_and_query,
            "/repos/o/r/a%20b/?page=2&labels=a%26b&labels=c&yes=true"
        );
        assert_eq!(request.headers["accept"], "application/vnd.github.raw+json");
        assert_eq!(request.headers["x-github-api-version"], "2022-11-28");
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.body.unwrap(), r#"{"a":[1,{"b":null}]}"#);
    }

    #[test]
    fn without_a_body_none_is_sent() {
        for action in ["http.get", "http.delete", "http.put"] {
            let request = build("github", action, &json!({"path": "user"})).unwrap();
            assert_eq!(request.path_and_query, "/user");
            assert_eq!(request.body.filter(|body| !body.is_empty()), None);
        }
        let request = build("github", "http.get", &json!({"path": "/"})).unwrap();
        assert_eq!(request.path_and_query, "/");
    }

    #[test]
    fn what_leads_elsewhere_or_authorises_is_refused() {
        for (params, says) in [
            (json!({"path": "/../x"}), "path segments"),
            (json!({"path": "/a/%2e%2e/x"}), "path segments"),
            (json!({"path": "//evil.example/x"}), "//"),
            (json!({"path": "/a?b=1"}), "query"),
            (json!({"path": "/a#b"}), "query"),
            (json!({"path": "/a\\b"}), "backslash"),
            (json!({"path": "https://evil.example"}), "//"),
            (
                json!({"path": "/x", "headers": {"Authorization": "Bearer x"}}),
                "can't set the header",
            ),
            (
                json!({"path": "/x", "headers": {"Host": "evil.example"}}),
                "can't set the header",
            ),
            (
                json!({"path": "/x", "headers": {"x-forwarded-host": "e"}}),
                "can't set the header",
            ),
            (
                json!({"path": "/x", "headers": {"accept": "a\r\nb: c"}}),
                "printable ASCII",
            ),
            (
                json!({"path": "/x", "headers": {"accept": 1}}),
                "something else than text",
            ),
            (
                json!({"path": "/x", "query": {"a": {"b": 1}}}),
                "more than text",
            ),
            (
                json!({"path": "/x", "query": {"a": [[1]]}}),
                "more than text",
            ),
            (json!({"path": "/x", "body": 1}), "no param \"body\""),
            (json!({}), "\"path\" is missing"),
        ] {
            let error = build("github", "http.get", &params)
                .unwrap_err()
                .to_string();
            assert!(error.contains(says), "{params}: {error}");
        }
    }
}
