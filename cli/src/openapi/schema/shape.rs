//! The members of an object that a body is, or of one in the query.

use serde_json::Value;

use super::{MAX_NESTING, MAX_PARTS, Schemas, list, types};
use crate::openapi::document::{items, members};

/// The members that an object has, in all its parts and alternatives.
#[derive(Debug, Default)]
pub(in crate::openapi) struct Shape<'a> {
    pub(in crate::openapi) members: Vec<(&'a String, &'a Value)>,
    pub(in crate::openapi) required: Vec<&'a str>,
    /// Whether it may have others.
    pub(in crate::openapi) is_open: bool,
    /// Whether it is an object at all.
    pub(in crate::openapi) is_object: bool,
    /// Whether it may also be something that is no object.
    pub(in crate::openapi) or_other: bool,
}

impl<'a> Schemas<'a> {
    /// The members of `schema`, which describes a body.
    pub(in crate::openapi) fn shape(&self, schema: &'a Value) -> Result<Shape<'a>, String> {
        self.shape_within(schema, MAX_NESTING)
    }

    fn shape_within(&self, schema: &'a Value, nesting: usize) -> Result<Shape<'a>, String> {
        let mut shape = Shape::default();
        if nesting == 0 || self.is_worn_out() {
            shape.is_object = true;
            shape.is_open = true;
            return Ok(shape);
        }
        let schema = self.document.resolve(schema)?;
        let types = types(schema);
        shape.is_object = types.contains(&"object") || schema.get("properties").is_some();
        shape.or_other = types.iter().any(|it| !matches!(*it, "object" | "null"));
        shape.is_open = match schema.get("additionalProperties") {
            Some(Value::Bool(open)) => *open,
            Some(Value::Object(_)) => true,
            _ => false,
        };
        shape.members = members(schema.get("properties")).collect();
        shape.required = items(schema.get("required"))
            .filter_map(Value::as_str)
            .collect();
        for part in list(schema, "allOf").iter().take(MAX_PARTS) {
            let part = self.shape_within(part, nesting - 1)?;
            shape.is_object |= part.is_object;
            shape.is_open |= part.is_open;
            shape.required.extend(&part.required);
            shape.add(part);
        }
        for keyword in ["oneOf", "anyOf"] {
            let alternatives = list(schema, keyword);
            shape.is_open |= alternatives.len() > MAX_PARTS;
            let parts: Vec<Shape<'a>> = alternatives
                .iter()
                .take(MAX_PARTS)
                .map(|part| self.shape_within(part, nesting - 1))
                .collect::<Result<_, _>>()?;
            let Some(first) = parts.iter().find(|part| part.is_object) else {
                shape.or_other |= !parts.is_empty() && !shape.is_object;
                continue;
            };
            // only what every alternative needs is needed
            let objects = || parts.iter().filter(|part| part.is_object);
            let everywhere: Vec<&str> = first
                .required
                .iter()
                .filter(|name| objects().all(|part| part.required.contains(name)))
                .copied()
                .collect();
            shape.or_other |= parts.iter().any(|part| !part.is_object || part.or_other);
            shape.required.extend(everywhere);
            for part in parts.into_iter().filter(|part| part.is_object) {
                shape.is_object = true;
                shape.is_open |= part.is_open;
                shape.add(part);
            }
        }
        Ok(shape)
    }
}

impl Shape<'_> {
    fn add(&mut self, other: Self) {
        for (name, member) in other.members {
            if !self.members.iter().any(|(known, _)| *known == name) {
                self.members.push((name, member));
            }
        }
    }
}
