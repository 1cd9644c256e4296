//! Params that an operation declares, by where they go.

use axis_proto::headers::{is_name, is_reserved};
use serde_json::{Map, Value, json};

use super::Params;
use super::fields::{example, scalars_only, set_types, type_words, without_null};
use crate::openapi::body::{Body, Kind};
use crate::openapi::document::{Version, items, members};
use crate::openapi::operation::Operation;
use crate::openapi::schema::note;

impl<'a> Params<'a> {
    /// Takes the declared params; Swagger 2's body is among them.
    ///
    /// # Errors
    /// Why an action can't have them, though the operation needs them.
    pub(in crate::openapi) fn take_declared(
        &mut self,
        operation: &Operation<'a>,
        losses: &mut Vec<String>,
    ) -> Result<Option<Body<'a>>, String> {
        let document = self.schemas.document;
        let mut declared: Vec<(&'a str, &'a str, &'a Value)> = Vec::new();
        for param in operation.written_params() {
            let param = document
                .resolve(param)
                .map_err(|problem| format!("one of its params can't be read: {problem}"))?;
            let text = |field: &str| param.get(field).and_then(Value::as_str).unwrap_or_default();
            let (name, place) = (text("name"), text("in"));
            // an operation's own takes the place of its path's
            declared.retain(|known| (known.0, known.1) != (name, place));
            declared.push((name, place, param));
        }
        let mut body: Option<Body<'a>> = None;
        for (name, place, param) in declared {
            let required = param.get("required") == Some(&Value::Bool(true));
            match place {
                "body" => {
                    let (kind, content_type) = self
                        .consumed(operation)
                        .unwrap_or((Kind::Json, "application/json".into()));
                    body = Some(Body {
                        kind: if matches!(kind, Kind::Form | Kind::Multipart) {
                            Kind::Json
                        } else {
                            kind
                        },
                        content_type,
                        schema: param.get("schema"),
                        fields: Vec::new(),
                        required,
                    });
                }
                "formData" => {
                    let kind = match self.consumed(operation) {
                        _ if param.get("type") == Some(&json!("file")) => Kind::Multipart,
                        Some((Kind::Multipart, _)) => Kind::Multipart,
                        _ => Kind::Form,
                    };
                    let form = body.get_or_insert(Body {
                        kind,
                        content_type: "application/x-www-form-urlencoded".into(),
                        schema: None,
                        fields: Vec::new(),
                        required: false,
                    });
                    if kind == Kind::Multipart {
                        form.kind = kind;
                    }
                    form.required |= required;
                    form.fields.push((name, param, required));
                }
                _ => {
                    if let Err(problem) = self.take_one(name, place, param, required, losses) {
                        if required {
                            return Err(problem);
                        }
                        note(losses, format!("{problem}: it is left out"));
                    }
                }
            }
        }
        Ok(body)
    }

    fn consumed(&self, operation: &Operation<'a>) -> Option<(Kind, String)> {
        let own = operation.value.get("consumes");
        let types = items(own.or_else(|| self.schemas.document.get("consumes")));
        Body::best_type(types.filter_map(Value::as_str))
    }

    /// # Errors
    /// Why it can't be a param.
    fn take_one(
        &mut self,
        name: &str,
        place: &str,
        param: &'a Value,
        required: bool,
        losses: &mut Vec<String>,
    ) -> Result<(), String> {
        let lower = name.to_ascii_lowercase();
        let mut inner = Vec::new();
        let (schema, is_json_text) = self.schema_of(param);
        let mut fields = self.schemas.convert(schema, &mut inner);
        if is_json_text {
            fields = Map::from_iter([("type".to_owned(), json!("string"))]);
        }
        for loss in inner {
            note(losses, format!("{name:?}: {loss}"));
        }
        let place = match place {
            "path" => {
                scalars_only(&mut fields, "its values joined by commas");
                self.describe(&mut fields, param);
                let known = self.in_path.iter_mut().find(|known| known.wire == name);
                if let Some(known) = known {
                    without_null(&mut fields);
                    example(&mut fields, param, schema);
                    known.fields = Some(fields);
                }
                return Ok(());
            }
            "query" => {
                if self.auth.is_query(name) {
                    return Ok(());
                }
                if self.take_query_object(name, param, required, losses)? {
                    return Ok(());
                }
                let wire = self.query_style(name, param, &mut fields)?;
                self.describe(&mut fields, param);
                if required {
                    example(&mut fields, param, schema);
                }
                self.add(&wire, "query", required, fields);
                return Ok(());
            }
            "header" => {
                if matches!(lower.as_str(), "accept" | "authorization" | "content-type")
                    || self.auth.is_header(&lower)
                {
                    return Ok(());
                }
                if !is_name(&lower) || is_reserved(&lower) {
                    return Err(format!("the header {name:?} can't be a param"));
                }
                scalars_only(&mut fields, "its values joined by commas");
                without_null(&mut fields);
                "header"
            }
            "cookie" => return Err(format!("{name:?} is a cookie, which can't be sent")),
            other => return Err(format!("{name:?} is in {other:?}, which isn't known")),
        };
        self.describe(&mut fields, param);
        if required {
            example(&mut fields, param, schema);
        }
        self.add(name, place, required, fields);
        Ok(())
    }

    /// A param's schema, and whether its value is written as JSON text.
    fn schema_of(&self, param: &'a Value) -> (&'a Value, bool) {
        if self.schemas.document.version == Version::Swagger2 {
            return (param, false);
        }
        if let Some(schema) = param.get("schema") {
            return (schema, false);
        }
        let content = members(param.get("content")).next();
        match content.and_then(|(_, content)| content.get("schema")) {
            Some(schema) => (schema, true),
            None => (&Value::Null, false),
        }
    }

    /// Takes an object in the query as one param for each of its members, as
    /// far as those are no objects. Whether it is such an object.
    fn take_query_object(
        &mut self,
        name: &str,
        param: &'a Value,
        required: bool,
        losses: &mut Vec<String>,
    ) -> Result<bool, String> {
        let text = |field: &str| param.get(field).and_then(Value::as_str);
        let is_deep = match text("style").unwrap_or("form") {
            "deepObject" => true,
            "form" if param.get("explode") != Some(&Value::Bool(false)) => false,
            _ => return Ok(false),
        };
        let (Some(schema), Version::OpenApi3) =
            (param.get("schema"), self.schemas.document.version)
        else {
            return Ok(false);
        };
        let shape = self.schemas.shape(schema)?;
        if !shape.is_object || shape.members.is_empty() || (shape.or_other && !is_deep) {
            return Ok(false);
        }
        if shape.or_other {
            note(
                losses,
                format!(
                    "{name:?} can also be written without brackets: only its fields are params"
                ),
            );
        }
        for (member, inner) in shape.members.iter().copied() {
            let wire = if is_deep {
                format!("{name}[{member}]")
            } else {
                member.clone()
            };
            let mut fields = self.schemas.convert(inner, losses);
            let types = type_words(&fields);
            if types
                .iter()
                .all(|word| matches!(word.as_str(), "object" | "array" | "null"))
            {
                note(
                    losses,
                    format!(
                        "{wire:?} is a list or an object inside an object in the query: it is left out"
                    ),
                );
                continue;
            }
            scalars_only(&mut fields, "");
            self.describe(&mut fields, inner);
            let required = required && shape.required.contains(&member.as_str());
            self.add(&wire, "query", required, fields);
        }
        Ok(true)
    }

    /// How lists stand in the query; objects can't. The name on the wire.
    fn query_style(
        &self,
        name: &str,
        param: &Value,
        fields: &mut Map<String, Value>,
    ) -> Result<String, String> {
        let mut types = type_words(fields);
        types.retain(|word| word != "object");
        if types.is_empty() {
            return Err(format!("{name:?} is an object in the query"));
        }
        fields.remove("properties");
        let is_list = types.iter().any(|word| word == "array");
        set_types(fields, types);
        if !is_list {
            return Ok(name.to_owned());
        }
        if let Some(inner) = fields.get_mut("items").and_then(Value::as_object_mut) {
            scalars_only(inner, "");
        }
        let text = |field: &str| param.get(field).and_then(Value::as_str);
        let is_comma = if self.schemas.document.version == Version::Swagger2 {
            match text("collectionFormat").unwrap_or("csv") {
                "multi" => false,
                "csv" => true,
                other => return Err(format!("{name:?} is a list written as {other}")),
            }
        } else {
            match text("style").unwrap_or("form") {
                "form" => param.get("explode") == Some(&Value::Bool(false)),
                // what no standard says and everyone means by it
                "deepObject" if !name.ends_with(']') => return Ok(format!("{name}[]")),
                "deepObject" => false,
                other => return Err(format!("{name:?} is a list written as {other}")),
            }
        };
        if is_comma {
            fields.insert("style".into(), "comma".into());
        }
        Ok(name.to_owned())
    }
}
