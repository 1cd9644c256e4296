//! An operation's body as params.

use serde_json::{Map, json};

use super::Params;
use super::fields::{example, type_words};
use crate::openapi::body::{Body, Kind, WrittenBody};
use crate::openapi::operation::Operation;
use crate::openapi::schema::{is_read_only, note};

impl<'a> Params<'a> {
    /// Takes the body.
    ///
    /// # Errors
    /// Why an action can't have it, though the operation needs it.
    pub(in crate::openapi) fn take_body(
        &mut self,
        body: &Body<'a>,
        operation: &Operation<'a>,
        losses: &mut Vec<String>,
    ) -> Result<WrittenBody, String> {
        if body.kind == Kind::Multipart {
            let kind = match body.content_type.as_str() {
                kind if kind.starts_with("multipart/") => kind,
                _ => "multipart/form-data",
            };
            return Err(format!("its body is {kind}, which can't be written"));
        }
        if matches!(operation.method, "get" | "head") {
            let problem = format!("it has a body, and a {} can't", operation.method_word());
            if body.required {
                return Err(problem);
            }
            note(losses, format!("{problem}: it is left out"));
            return Ok(WrittenBody::default());
        }
        match body.kind {
            Kind::Json => self.take_fields(body, losses),
            Kind::Form => Ok(WrittenBody {
                word: Some("form"),
                ..self.take_fields(body, losses)?
            }),
            Kind::Text => Ok(self.take_whole(body, "content", None)),
            Kind::Bytes | Kind::Multipart => {
                Ok(self.take_whole(body, "content_base64", Some("base64")))
            }
        }
    }

    fn take_fields(
        &mut self,
        body: &Body<'a>,
        losses: &mut Vec<String>,
    ) -> Result<WrittenBody, String> {
        let mut written = WrittenBody::default();
        let is_own_type = body.kind == Kind::Json
            && !matches!(body.content_type.as_str(), "application/json" | "*/*");
        if is_own_type && is_sendable(&body.content_type) {
            written
                .headers
                .push(("content-type", body.content_type.clone()));
        }
        let mut has_lists = false;
        for (name, field, required) in &body.fields {
            let mut inner = Vec::new();
            let mut fields = self.schemas.convert(field, &mut inner);
            has_lists |= type_words(&fields).iter().any(|word| word == "array");
            self.describe(&mut fields, field);
            if *required {
                example(&mut fields, field, field);
            }
            self.add(name, "body", *required, fields);
        }
        let Some(schema) = body.schema else {
            written.passthrough = body.fields.is_empty();
            return Ok(written);
        };
        let shape = self
            .schemas
            .shape(schema)
            .map_err(|problem| format!("its body can't be read: {problem}"))?;
        if !shape.is_object && shape.or_other {
            if body.kind == Kind::Form {
                return Err("its form isn't an object".into());
            }
            note(
                losses,
                "its body isn't an object with fields: it is given whole, as JSON text in \"content\"".into(),
            );
            return Ok(self.take_whole(body, "content", None));
        }
        if shape.or_other {
            note(
                losses,
                "its body can also be something else than an object: only an object can be sent"
                    .into(),
            );
        }
        for (name, member) in shape.members.iter().copied() {
            if is_read_only(self.schemas.document, member) {
                continue;
            }
            if name.is_empty() || name.chars().any(char::is_control) {
                note(
                    losses,
                    format!("the field {name:?} of its body: it is left out"),
                );
                continue;
            }
            let mut inner = Vec::new();
            let mut fields = self.schemas.convert(member, &mut inner);
            for loss in inner {
                note(losses, format!("{name:?}: {loss}"));
            }
            has_lists |= type_words(&fields).iter().any(|word| word == "array");
            self.describe(&mut fields, member);
            let required = body.required && shape.required.contains(&name.as_str());
            if required {
                example(&mut fields, member, member);
            }
            self.add(name, "body", required, fields);
        }
        written.passthrough = shape.is_open || shape.members.is_empty();
        if has_lists && body.kind == Kind::Form {
            note(losses, "lists in its form are written as name[0]=…".into());
        }
        Ok(written)
    }

    /// One param that is the whole body.
    fn take_whole(&mut self, body: &Body<'a>, name: &str, encoding: Option<&str>) -> WrittenBody {
        let content_type = match body.content_type.as_str() {
            "*/*" => "application/octet-stream",
            other => other,
        };
        let mut fields = Map::from_iter([("type".to_owned(), json!("string"))]);
        let how = if encoding.is_some() {
            ", in base64"
        } else {
            ""
        };
        fields.insert(
            "description".into(),
            format!("The body, {content_type}{how}").into(),
        );
        if let Some(encoding) = encoding {
            fields.insert("encoding".into(), encoding.into());
            fields.insert("example".into(), "dGV4dA==".into());
        }
        // without it there is nothing to send
        self.add(name, "body", true, fields);
        let is_given = is_sendable(content_type) && content_type != "application/octet-stream";
        WrittenBody {
            word: Some("bytes"),
            passthrough: false,
            headers: is_given
                .then(|| ("content-type", content_type.to_owned()))
                .into_iter()
                .collect(),
        }
    }
}

fn is_sendable(content_type: &str) -> bool {
    !content_type.contains('*') && content_type.bytes().all(|b| (0x21..0x7f).contains(&b))
}
