//! Params: from an operation's path, query, headers and body to those of an
//! action, each under a name of its own.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::auth::Auth;
use super::body::{Body, Kind, WrittenBody};
use super::document::{Version, items};
use super::operation::Operation;
use super::schema::{Schemas, is_read_only, note};

/// Longest name of a param, in bytes.
const MAX_NAME: usize = 64;

/// Headers that axisd sets itself or lets nobody set; beside them those that
/// OpenAPI says are no params.
const NOT_SET: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// The params of one action in the making.
pub(super) struct Params<'a> {
    schemas: &'a Schemas<'a>,
    auth: &'a Auth,
    /// Names of all kinds, in lowercase.
    names: HashSet<String>,
    /// Params of the path: the document's name, the action's, and its fields
    /// once they are known.
    in_path: Vec<(String, String, Option<Map<String, Value>>)>,
    others: Vec<(String, Map<String, Value>)>,
    /// Places that are filled: where, and the name on the wire.
    filled: HashSet<(&'static str, String)>,
}

impl<'a> Params<'a> {
    pub(super) fn new(schemas: &'a Schemas<'a>, auth: &'a Auth) -> Self {
        Self {
            schemas,
            auth,
            names: HashSet::new(),
            in_path: Vec::new(),
            others: Vec::new(),
            filled: HashSet::new(),
        }
    }

    /// The path with the names that its params have here.
    ///
    /// # Errors
    /// Why a definition can't have such a path.
    pub(super) fn take_path(&mut self, path: &str) -> Result<String, String> {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte);
        let mut written = String::new();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        for (at, segment) in segments.iter().enumerate() {
            written.push('/');
            let is_end = at + 1 == segments.len();
            if matches!(*segment, "." | "..") || (segment.is_empty() && !is_end) {
                return Err(format!("its path has the segment {segment:?}"));
            }
            let (before, rest) = segment.split_once('{').unwrap_or((segment, ""));
            written.push_str(before);
            let mut after = "";
            if before.len() < segment.len() {
                let Some((name, end)) = rest.split_once('}') else {
                    return Err(format!("its path has {{ without }} in {segment:?}"));
                };
                if end.contains('{') {
                    return Err(format!(
                        "its path has two params in the segment {segment:?}"
                    ));
                }
                if self.in_path.iter().any(|(known, ..)| known == name) {
                    return Err(format!("its path has the param {name:?} twice"));
                }
                let own = self.name(name, "path");
                written.push_str(&format!("{{{own}}}"));
                self.in_path.push((name.to_owned(), own, None));
                after = end;
            }
            if !before.bytes().chain(after.bytes()).all(plain) {
                return Err(format!(
                    "its path has the segment {segment:?}; beside a param there may be letters, digits, - . _ ~ : and @"
                ));
            }
            written.push_str(after);
        }
        if let Some(query) = query {
            let plain = |byte: u8| plain(byte) || b"=&%+".contains(&byte);
            if !query.bytes().all(plain) {
                return Err(format!("its path has the query {query:?}"));
            }
            for pair in query.split('&') {
                let name = pair.split('=').next().unwrap_or_default();
                self.filled.insert(("query", name.to_owned()));
            }
            written.push('?');
            written.push_str(query);
        }
        Ok(written)
    }

    /// Takes the declared params; Swagger 2's body is among them.
    ///
    /// # Errors
    /// Why an action can't have them, though the operation needs them.
    pub(super) fn take_declared(
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
                let known = self.in_path.iter_mut().find(|(wire, ..)| wire == name);
                if let Some((_, _, filled)) = known {
                    without_null(&mut fields);
                    example(&mut fields, param, schema);
                    *filled = Some(fields);
                }
                return Ok(());
            }
            "query" => {
                if self.auth.is_query(name) {
                    return Ok(());
                }
                self.query_style(name, param, &mut fields)?;
                "query"
            }
            "header" => {
                if matches!(lower.as_str(), "accept" | "authorization" | "content-type")
                    || self.auth.is_header(&lower)
                {
                    return Ok(());
                }
                let is_token = !lower.is_empty()
                    && lower
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&b));
                if !is_token
                    || NOT_SET.contains(&lower.as_str())
                    || lower.starts_with("x-forwarded-")
                {
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
        let content = super::document::members(param.get("content")).next();
        match content.and_then(|(_, content)| content.get("schema")) {
            Some(schema) => (schema, true),
            None => (&Value::Null, false),
        }
    }

    /// How lists stand in the query; objects can't.
    fn query_style(
        &self,
        name: &str,
        param: &Value,
        fields: &mut Map<String, Value>,
    ) -> Result<(), String> {
        let mut types = type_words(fields);
        types.retain(|word| word != "object");
        if types.is_empty() {
            return Err(format!("{name:?} is an object in the query"));
        }
        fields.remove("properties");
        let is_list = types.iter().any(|word| word == "array");
        set_types(fields, types);
        if !is_list {
            return Ok(());
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
                "deepObject" => false,
                other => return Err(format!("{name:?} is a list written as {other}")),
            }
        };
        if is_comma {
            fields.insert("style".into(), "comma".into());
        }
        Ok(())
    }

    /// Takes the body.
    ///
    /// # Errors
    /// Why an action can't have it, though the operation needs it.
    pub(super) fn take_body(
        &mut self,
        body: Body<'a>,
        operation: &Operation<'a>,
        losses: &mut Vec<String>,
    ) -> Result<WrittenBody, String> {
        let refused = match body.kind {
            _ if operation.method == "get" => Some("it has a body, and a GET can't".to_owned()),
            Kind::Multipart => Some(format!(
                "its body is {}, which can't be written",
                if body.content_type.starts_with("multipart/") {
                    &body.content_type
                } else {
                    "multipart/form-data"
                }
            )),
            _ => None,
        };
        if let Some(problem) = refused {
            if body.required {
                return Err(problem);
            }
            note(losses, format!("{problem}: it is left out"));
            return Ok(WrittenBody::default());
        }
        match body.kind {
            Kind::Json => self.take_fields(&body, losses),
            Kind::Form => Ok(WrittenBody {
                word: Some("form"),
                ..self.take_fields(&body, losses)?
            }),
            Kind::Text => Ok(self.take_whole(&body, "content", None)),
            Kind::Bytes | Kind::Multipart => {
                Ok(self.take_whole(&body, "content_base64", Some("base64")))
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
        }
        self.add(name, "body", false, fields);
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

    fn describe(&self, fields: &mut Map<String, Value>, written: &'a Value) {
        let text = self.schemas.described(written);
        if let Some(text) = self.schemas.description(text) {
            let more = fields.get("description").and_then(Value::as_str);
            let text = more.map_or(text.clone(), |more| format!("{text} ({more})"));
            fields.insert("description".into(), text.into());
        }
    }

    /// Adds a param under a name that no other one has.
    fn add(&mut self, wire: &str, place: &'static str, required: bool, fields: Map<String, Value>) {
        let on_the_wire = if place == "header" {
            wire.to_ascii_lowercase()
        } else {
            wire.to_owned()
        };
        if !self.filled.insert((place, on_the_wire)) {
            return;
        }
        let name = self.name(wire, place);
        let mut written = Map::from_iter([("in".to_owned(), json!(place))]);
        if name != wire {
            written.insert("as".into(), wire.into());
        }
        if required {
            written.insert("required".into(), true.into());
        }
        written.extend(fields);
        self.others.push((name, written));
    }

    /// A name for `wire` that agents and hosts take, and that is free.
    fn name(&mut self, wire: &str, place: &str) -> String {
        let plain: String = wire
            .trim_end_matches("[]")
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') {
                    c
                } else {
                    '_'
                }
            })
            .take(MAX_NAME)
            .collect();
        let plain = plain.trim_matches('_');
        // such as $filter, and what is written in another script
        let plain = if plain.is_empty() { place } else { plain };
        let numbered = (2..).map(|number| format!("{plain}_{place}{number}"));
        let names = [plain.to_owned(), format!("{plain}_{place}")]
            .into_iter()
            .chain(numbered);
        for name in names {
            if self.names.insert(name.to_ascii_lowercase()) {
                return name;
            }
        }
        plain.to_owned()
    }

    /// All of them: those in the path first, then what else is required. What
    /// the path has and nobody declared is a text.
    pub(super) fn finish(self) -> Vec<(String, Map<String, Value>)> {
        let mut all = Vec::new();
        for (_, name, fields) in self.in_path {
            let mut written = Map::from_iter([
                ("in".to_owned(), json!("path")),
                ("required".to_owned(), json!(true)),
            ]);
            let text = || Map::from_iter([("type".to_owned(), json!("string"))]);
            written.extend(fields.unwrap_or_else(text));
            all.push((name, written));
        }
        let is_required =
            |(_, fields): &(String, Map<String, Value>)| fields.contains_key("required");
        let (required, optional): (Vec<_>, Vec<_>) = self.others.into_iter().partition(is_required);
        all.extend(required);
        all.extend(optional);
        all
    }
}

fn is_sendable(content_type: &str) -> bool {
    !content_type.contains('*') && content_type.bytes().all(|b| (0x21..0x7f).contains(&b))
}

fn type_words(fields: &Map<String, Value>) -> Vec<String> {
    match fields.get("type") {
        Some(Value::String(word)) => vec![word.clone()],
        Some(Value::Array(words)) => words
            .iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

fn set_types(fields: &mut Map<String, Value>, types: Vec<String>) {
    let types = match types.as_slice() {
        [one] => Value::from(one.as_str()),
        _ => types.into(),
    };
    fields.insert("type".into(), types);
}

/// Leaves no lists and objects; where there was nothing else, it is a text.
fn scalars_only(fields: &mut Map<String, Value>, says: &str) {
    let mut types = type_words(fields);
    let had_list = types.iter().any(|word| word == "array");
    types.retain(|word| !matches!(word.as_str(), "array" | "object"));
    if types.is_empty() {
        types.push("string".into());
        if had_list && !says.is_empty() {
            fields.insert("description".into(), says.into());
        }
    }
    for keyword in ["items", "properties", "minItems", "maxItems"] {
        fields.remove(keyword);
    }
    set_types(fields, types);
}

/// A path or a header has no way to say null.
fn without_null(fields: &mut Map<String, Value>) {
    let mut types = type_words(fields);
    types.retain(|word| word != "null");
    if types.is_empty() {
        types.push("string".into());
    }
    set_types(fields, types);
    if let Some(Value::Array(options)) = fields.get_mut("enum") {
        options.retain(|option| !option.is_null());
    }
}

/// The document's own example, where it is short and of the right type.
fn example(fields: &mut Map<String, Value>, param: &Value, schema: &Value) {
    let candidates = [
        param.get("example"),
        schema.get("example"),
        items(schema.get("examples")).next(),
        schema.get("default"),
    ];
    let types = type_words(fields);
    let options = fields.get("enum").and_then(Value::as_array);
    let fits = |value: &&Value| {
        let is_of_type = match value {
            Value::String(text) => {
                types.iter().any(|it| it == "string") && !text.chars().any(char::is_control)
            }
            Value::Bool(_) => types.iter().any(|it| it == "boolean"),
            Value::Number(number) => types
                .iter()
                .any(|it| it == "number" || (it == "integer" && !number.is_f64())),
            _ => false,
        };
        let is_in_bounds = |bound: &str, fits: fn(f64, f64) -> bool| {
            let bound = fields.get(bound).and_then(Value::as_f64);
            bound
                .zip(value.as_f64())
                .is_none_or(|(bound, value)| fits(value, bound))
        };
        is_of_type
            && value.to_string().len() <= 120
            && options.is_none_or(|options| options.contains(value))
            && is_in_bounds("minimum", |value, bound| value >= bound)
            && is_in_bounds("maximum", |value, bound| value <= bound)
    };
    if let Some(value) = candidates.into_iter().flatten().find(fits) {
        fields.insert("example".into(), value.clone());
    }
}
