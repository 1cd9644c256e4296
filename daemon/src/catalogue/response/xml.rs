//! XML as JSON: an element is an object of its children, or its text; children
//! of one name are a list. Attributes and namespaces' prefixes are left out:
//! the vendors that still speak XML put nothing into them.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Deeper nesting is no answer of a vendor's.
const MAX_DEPTH: usize = 60;

/// An element on its way in.
#[derive(Default)]
struct Element {
    name: String,
    children: Map<String, Value>,
    text: String,
}

/// `body` as JSON, the root's name its one member; `None` where it is no
/// well-formed XML. Elements named in `lists` are lists even if they stand alone.
pub(super) fn to_json(body: &[u8], lists: &[String]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    if !text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('<')
    {
        return None;
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if open.len() > MAX_DEPTH {
                    return None;
                }
                open.push(Element {
                    name: start.local_name().as_ref().to_owned(),
                    ..Element::default()
                });
            }
            Event::End(_) => {
                let ended = open.pop()?;
                open.last_mut()?.take(ended, lists);
            }
            Event::Text(part) => open.last_mut()?.text.push_str(&part.xml10_content()),
            Event::CData(part) => open.last_mut()?.text.push_str(&part.xml10_content()),
            Event::GeneralRef(name) => {
                // the five that XML itself knows, and characters by number
                let character = match name.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => {
                        quick_xml::escape::resolve_xml_entity(&name.xml10_content())?.to_owned()
                    }
                };
                open.last_mut()?.text.push_str(&character);
            }
            Event::Eof => break,
            // a document type could define entities; nobody needs one
            Event::DocType(_) => return None,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::Empty(_) => {}
        }
    }
    let root = open.pop().filter(|_| open.is_empty())?;
    (root.children.len() == 1 && root.text.trim().is_empty()).then(|| root.children.into())
}

impl Element {
    fn take(&mut self, child: Element, lists: &[String]) {
        let Element {
            name,
            children,
            text,
        } = child;
        let is_list = lists.contains(&name);
        let value = if children.is_empty() {
            // spaces may be part of a name; a break alone is only layout
            let is_layout = text.contains('\n') && text.trim().is_empty();
            if is_layout { "".into() } else { text.into() }
        } else {
            Value::from(children)
        };
        match self.children.get_mut(&name) {
            Some(Value::Array(items)) => items.push(value),
            Some(first) => {
                let before = first.take();
                *first = Value::Array(vec![before, value]);
            }
            None if is_list => drop(self.children.insert(name, Value::Array(vec![value]))),
            None => drop(self.children.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_become_members_texts_and_lists() {
        let lists = ["Contents".to_owned()];
        for (xml, value) in [
            (
                r#"<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>It&#39;s &lt;gone&gt; &amp; away</Message><Empty/></Error>"#,
                json!({"Error": {"Code": "NoSuchKey", "Message": "It's <gone> & away", "Empty": ""}}),
            ),
            (
                "<R xmlns='urn:x'><Contents><Key>a</Key></Contents></R>",
                json!({"R": {"Contents": [{"Key": "a"}]}}),
            ),
            (
                "<R><Tag>1</Tag><Tag>2</Tag><Contents>x</Contents><Contents>y</Contents></R>",
                json!({"R": {"Tag": ["1", "2"], "Contents": ["x", "y"]}}),
            ),
            (
                "<R>\n  <Key> a </Key>\n  <Key> </Key>\n  <Key>\n  </Key>\n</R>",
                json!({"R": {"Key": [" a ", " ", ""]}}),
            ),
            (
                "<a:R xmlns:a='u'><![CDATA[<b>]]></a:R>",
                json!({"R": "<b>"}),
            ),
        ] {
            assert_eq!(to_json(xml.as_bytes(), &lists), Some(value), "{xml}");
        }
    }

    #[test]
    fn what_is_no_plain_xml_is_left_alone() {
        let deep = "<a>".repeat(100_000);
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>"#;
        for text in [
            "",
            "{}",
            "<a>",
            "<a></b>",
            "<a/>b",
            "<a/><b/>",
            &deep,
            bomb,
            "<a>&unknown;</a>",
        ] {
            assert_eq!(
                to_json(text.as_bytes(), &[]),
                None,
                "{}",
                &text[..text.len().min(40)]
            );
        }
        assert_eq!(to_json(b"<a>\xff</a>", &[]), None);
    }
}
