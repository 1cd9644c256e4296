//! A form's pairs in the making: `a=1&b[c]=2`, nesting in brackets.

use std::collections::HashMap;

use serde_json::value::RawValue;
use url::form_urlencoded;

use super::super::definition::ListStyle;
use super::super::ordered::Ordered;

/// Longest name with all its brackets, in bytes; it is written again for each
/// value below it.
const MAX_NAME_BYTES: usize = 1024;
/// Longest form, in bytes.
const MAX_FORM_BYTES: usize = 8 << 20;

/// The pairs that params have written so far.
#[derive(Default)]
pub(super) struct Form {
    text: String,
    /// What the params are called up to a bracket, and whether one of them is
    /// called that alone.
    roots: HashMap<String, bool>,
}

impl Form {
    /// Adds a param: objects as `key[member]`, lists as `key[0]` or in their
    /// own style, `null` as an empty value, which unsets; numbers with the
    /// digits they had.
    ///
    /// # Errors
    /// What is wrong with the value, to be read after the param's name.
    pub(super) fn put(
        &mut self,
        name: &str,
        raw: &str,
        style: Option<ListStyle>,
    ) -> Result<(), String> {
        let root = name.split('[').next().unwrap_or_default();
        let alone = root == name;
        let before = self.roots.insert(root.to_owned(), alone);
        // of `a` and `a[b]` one server would read the first, one the last
        if before == Some(true) || (alone && before.is_some()) {
            return Err("is what another param fills, too; send one of them".into());
        }
        self.put_value(name, raw, style)
    }

    fn put_value(&mut self, key: &str, raw: &str, style: Option<ListStyle>) -> Result<(), String> {
        if key.len() > MAX_NAME_BYTES {
            return Err(format!(
                "makes a name of more than {MAX_NAME_BYTES} bytes in the form"
            ));
        }
        match raw.as_bytes().first() {
            Some(b'{') => {
                // parsed before as part of the whole, so this can't fail
                let members: Ordered<Box<RawValue>> = serde_json::from_str(raw).unwrap_or_default();
                for (name, value) in members.iter() {
                    if name.contains(['[', ']']) {
                        return Err(
                            "holds a name with a bracket, which would be read as nesting".into(),
                        );
                    }
                    self.put_value(&format!("{key}[{name}]"), value.get(), None)?;
                }
            }
            Some(b'[') => {
                let items: Vec<Box<RawValue>> = serde_json::from_str(raw).unwrap_or_default();
                for (at, item) in items.iter().enumerate() {
                    match style {
                        Some(_) => self.put_value(key, item.get(), None)?,
                        None => self.put_value(&format!("{key}[{at}]"), item.get(), None)?,
                    }
                }
            }
            Some(b'"') => {
                let text: String = serde_json::from_str(raw).unwrap_or_default();
                self.put_pair(key, &text)?;
            }
            Some(b'n') => self.put_pair(key, "")?,
            _ => self.put_pair(key, raw)?,
        }
        Ok(())
    }

    fn put_pair(&mut self, key: &str, value: &str) -> Result<(), String> {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text
            .extend(form_urlencoded::byte_serialize(key.as_bytes()));
        self.text.push('=');
        self.text
            .extend(form_urlencoded::byte_serialize(value.as_bytes()));
        if self.text.len() > MAX_FORM_BYTES {
            return Err(format!("makes a form of more than {MAX_FORM_BYTES} bytes"));
        }
        Ok(())
    }

    /// Whether no pair is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The pairs as they go out.
    pub(super) fn finish(self) -> String {
        self.text
    }
}
