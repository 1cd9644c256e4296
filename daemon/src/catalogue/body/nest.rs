//! A param that stands deeper in a JSON body than at its top:
//! `at: personalizations.0.to, wrap: email` makes of `to: "a@example.com"`
//! the body `{"personalizations":[{"to":[{"email":"a@example.com"}]}]}`.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Where a param stands, and in what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::catalogue) struct Nest {
    /// Member names, `0` for the first item of a list, `+` for one more.
    at: Vec<String>,
    /// The member of an object that a bare text becomes; of a list, each text.
    wrap: Option<String>,
    /// Makes a list of a single value.
    listed: bool,
    /// What else stands in that object.
    with: Map<String, Value>,
}

/// A part of a body that is made of several params.
#[derive(Debug)]
pub(super) enum Node {
    Raw(String),
    Object(Vec<(String, Node)>),
    List(Vec<Node>),
}

impl Nest {
    /// Reads where a param stands: `personalizations.0.to`, with `[]` behind it
    /// where the value is one of a list.
    ///
    /// # Errors
    /// What is wrong with it, to be read after the param's name.
    pub(in crate::catalogue) fn parse(
        at: &str,
        wrap: Option<String>,
        with: Map<String, Value>,
    ) -> Result<Self, String> {
        let (path, listed) = match at.strip_suffix("[]") {
            Some(path) => (path, true),
            None => (at, false),
        };
        let at: Vec<_> = path.split('.').map(str::to_owned).collect();
        let is_named = at
            .first()
            .is_some_and(|first| !matches!(&**first, "0" | "+"));
        if at.iter().any(String::is_empty) || !is_named {
            return Err(format!(
                "is at {path:?}, which is no path such as personalizations.0.to"
            ));
        }
        if wrap.is_none() && !with.is_empty() {
            return Err("has with, which only means something beside wrap".into());
        }
        Ok(Self {
            at,
            wrap,
            listed,
            with,
        })
    }

    /// The member of the body that it is in.
    pub(in crate::catalogue) fn top(&self) -> &str {
        self.at.first().map_or("", String::as_str)
    }

    /// Puts a value, as it was written, into `body`.
    ///
    /// # Errors
    /// What is wrong with it, to be read after the param's name.
    pub(super) fn put(&self, body: &mut Node, raw: &str) -> Result<(), String> {
        let value = match raw.as_bytes().first() {
            Some(b'[') if self.wrap.is_some() || self.listed => {
                // parsed before as part of the whole, so this can't fail
                let items: Vec<Box<RawValue>> = serde_json::from_str(raw).unwrap_or_default();
                Node::List(items.iter().map(|item| self.wrapped(item.get())).collect())
            }
            _ if self.listed => Node::List(vec![self.wrapped(raw)]),
            _ => self.wrapped(raw),
        };
        place(body, &self.at, value).map_err(|()| {
            format!(
                "goes into {:?}, which another param fills; send one of them",
                self.top()
            )
        })
    }

    fn wrapped(&self, raw: &str) -> Node {
        match &self.wrap {
            Some(member) if raw.starts_with('"') => {
                let beside = self.with.iter();
                let beside =
                    beside.map(|(name, value)| (name.clone(), Node::Raw(value.to_string())));
                let own = (member.clone(), Node::Raw(raw.to_owned()));
                Node::Object(beside.chain([own]).collect())
            }
            _ => Node::Raw(raw.to_owned()),
        }
    }
}

fn place(node: &mut Node, path: &[String], value: Node) -> Result<(), ()> {
    let Some((step, rest)) = path.split_first() else {
        *node = value;
        return Ok(());
    };
    let next = || match rest.first().map(String::as_str) {
        Some("0" | "+") => Node::List(Vec::new()),
        _ => Node::Object(Vec::new()),
    };
    let inner = match (node, step.as_str()) {
        (Node::List(items), "0") if items.is_empty() => {
            items.push(next());
            items.last_mut()
        }
        (Node::List(items), "0") => items.first_mut(),
        (Node::List(items), "+") => {
            items.push(next());
            items.last_mut()
        }
        (Node::Object(members), name) => {
            let known = members.iter().position(|(known, _)| known == name);
            if known.is_some() && rest.is_empty() {
                return Err(());
            }
            let at = known.unwrap_or_else(|| {
                members.push((name.to_owned(), next()));
                members.len() - 1
            });
            members.get_mut(at).map(|(_, inner)| inner)
        }
        _ => None,
    };
    place(inner.ok_or(())?, rest, value)
}

impl Node {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(raw) => out.extend_from_slice(raw.as_bytes()),
            Self::Object(members) => {
                out.push(b'{');
                for (at, (name, inner)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(super::member_key(name).as_bytes());
                    inner.write(out);
                }
                out.push(b'}');
            }
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nest(at: &str, wrap: Option<&str>, with: &str) -> Nest {
        let with = serde_json::from_str(with).unwrap();
        Nest::parse(at, wrap.map(str::to_owned), with).unwrap()
    }

    #[test]
    fn params_build_one_body_together() {
        let mut body = Node::Object(Vec::new());
        for (nest, raw) in [
            (nest("p.0.to[]", Some("email"), "{}"), r#""a@x""#),
            (
                nest("p.0.cc[]", Some("email"), "{}"),
                r#"["b@x",{"email":"c@x","name":"C"}]"#,
            ),
            (nest("from", Some("email"), "{}"), r#"{"email":"d@x"}"#),
            (
                nest("content.+", Some("value"), r#"{"type":"text/plain"}"#),
                r#""hi""#,
            ),
            (
                nest("content.+", Some("value"), r#"{"type":"text/html"}"#),
                r#""<b>""#,
            ),
            (nest("a.b.c", None, "{}"), "9007199254740993"),
        ] {
            nest.put(&mut body, raw).unwrap();
        }
        let mut text = Vec::new();
        body.write(&mut text);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            r#"{"p":[{"to":[{"email":"a@x"}],"cc":[{"email":"b@x"},{"email":"c@x","name":"C"}]}],"from":{"email":"d@x"},"content":[{"type":"text/plain","value":"hi"},{"type":"text/html","value":"<b>"}],"a":{"b":{"c":9007199254740993}}}"#
        );
    }

    #[test]
    fn what_another_param_fills_is_not_filled_twice() {
        let mut body = Node::Object(Vec::new());
        nest("a", None, "{}").put(&mut body, "[1]").unwrap();
        for at in ["a", "a.0.b", "a.b", "a.+"] {
            assert!(nest(at, None, "{}").put(&mut body, "1").is_err(), "{at}");
        }
        for bad in ["", ".", "a.", "0.a", "+"] {
            assert!(Nest::parse(bad, None, Map::new()).is_err(), "{bad}");
        }
        assert!(Nest::parse("a", None, Map::from_iter([("b".into(), 1.into())])).is_err());
    }
}
