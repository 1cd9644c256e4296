//! An operation, and the action that comes of it.

use serde_json::{Map, Value};

use super::Detail;
use super::auth::Auth;
use super::body::{Body, WrittenBody};
use super::document::{Document, items, members, one_line};
use super::params::Params;
use super::response;
use super::schema::Schemas;
use super::server::Servers;

/// The HTTP methods of OpenAPI.
const METHODS: &[&str] = &[
    "get", "post", "put", "patch", "delete", "head", "options", "trace",
];

/// One operation of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) path: &'a str,
    /// In lowercase.
    pub(super) method: &'a str,
    pub(super) value: &'a Value,
    /// What it shares with the other operations on its path.
    item: &'a Value,
}

impl<'a> Operation<'a> {
    /// All operations in the document's order. A path that refers to nowhere
    /// has an operation of no method, which nothing comes of.
    pub(super) fn all(document: &'a Document) -> Vec<Self> {
        let mut all = Vec::new();
        for (path, item) in members(document.get("paths")) {
            if !path.starts_with('/') {
                continue;
            }
            let Ok(item) = document.resolve(item) else {
                all.push(Self {
                    path,
                    method: "any",
                    value: &Value::Null,
                    item,
                });
                continue;
            };
            for (method, value) in members(Some(item)) {
                let Some(method) = METHODS.iter().find(|known| **known == method.as_str()) else {
                    continue;
                };
                all.push(Self {
                    path,
                    method,
                    value,
                    item,
                });
            }
        }
        all
    }

    /// `GET` and the like.
    pub(super) fn method_word(&self) -> &'static str {
        match self.method {
            "get" => "GET",
            "post" => "POST",
            "put" => "PUT",
            "patch" => "PATCH",
            "delete" => "DELETE",
            "head" => "HEAD",
            "options" => "OPTIONS",
            "trace" => "TRACE",
            _ => "ANY",
        }
    }

    /// The server that it is on, where it isn't the document's.
    pub(super) fn server(&self) -> Option<&'a Value> {
        let own = |value: &'a Value| items(value.get("servers")).next();
        own(self.value).or_else(|| own(self.item))
    }

    /// What its path's and its own params are written as; own ones last.
    pub(super) fn written_params(&self) -> impl Iterator<Item = &'a Value> {
        items(self.item.get("parameters")).chain(items(self.value.get("parameters")))
    }
}

/// An action of the definition to be.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) effect: &'static str,
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Name, and fields as they are written.
    pub(super) params: Vec<(String, Map<String, Value>)>,
    /// The word under `body`, where it isn't JSON.
    pub(super) body: Option<&'static str>,
    pub(super) passthrough: bool,
    pub(super) headers: Vec<(&'static str, String)>,
    /// The word under `response`, where it isn't JSON.
    pub(super) response: Option<&'static str>,
}

/// What operations are converted with.
pub(super) struct Converter<'a> {
    pub(super) document: &'a Document,
    pub(super) auth: &'a Auth,
    servers: &'a Servers,
    detail: Detail,
}

impl<'a> Converter<'a> {
    pub(super) fn new(
        document: &'a Document,
        auth: &'a Auth,
        servers: &'a Servers,
        detail: Detail,
    ) -> Self {
        Self {
            document,
            auth,
            servers,
            detail,
        }
    }

    /// The action called `name` of `operation`, and what it lacks.
    ///
    /// # Errors
    /// Why there can't be one, in words.
    pub(super) fn convert(
        &self,
        operation: &Operation<'_>,
        name: String,
    ) -> Result<(Action, Vec<String>), String> {
        let effect = match operation.method_word() {
            "GET" | "HEAD" => "read",
            "DELETE" => "delete",
            "POST" | "PUT" | "PATCH" => "write",
            "ANY" => {
                return Err(self
                    .document
                    .resolve(operation.item)
                    .err()
                    .unwrap_or_default());
            }
            other => return Err(format!("an action can't have the method {other}")),
        };
        let mut losses = Vec::new();
        self.auth.differs_for(operation.value, &mut losses);
        let path = self.servers.path_of(operation)?;
        let schemas = Schemas::new(self.document, self.detail);
        let mut params = Params::new(&schemas, self.auth);
        let path = params.take_path(&path)?;
        let body = params.take_declared(operation, &mut losses)?;
        let body = match body {
            Some(form) => Some(form),
            None => Body::of(self.document, operation),
        };
        let written = match body {
            Some(body) => params.take_body(&body, operation, &mut losses)?,
            None => WrittenBody::default(),
        };
        let response = response::of(self.document, operation);
        let mut headers = written.headers;
        headers.extend(response.accept.map(|accept| ("accept", accept)));
        let action = Action {
            name,
            effect,
            method: operation.method_word(),
            path,
            params: params.finish(),
            body: written.word,
            passthrough: written.passthrough,
            headers,
            response: response.word,
        };
        for loss in &mut losses {
            *loss = one_line(loss, 300);
        }
        Ok((action, losses))
    }
}
