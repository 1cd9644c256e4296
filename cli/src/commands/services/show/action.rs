//! One action: what it takes, an example, what policy says to it, and the line
//! that would allow it.

use axis_proto::v1::{PolicyExplanation, Service, ServiceAction};
use serde_json::{Map, Value, json};

use crate::commands::param::{Typing, typing};
use crate::failure::Failure;
use crate::output::{Cell, Output, Table, Tone, printable};
use crate::policy_file::{list, scalar};

/// An action as it is shown.
pub struct Shown<'a> {
    /// Whose it is.
    pub service: &'a Service,
    /// Itself.
    pub action: &'a ServiceAction,
    /// Who would call it.
    pub identity: &'a str,
    /// What policy says to that.
    pub said: &'a PolicyExplanation,
}

impl Shown<'_> {
    /// For a program.
    pub fn document(&self) -> Value {
        json!({
            "service": self.service.service,
            "action": self.action.action,
            "effect": self.action.effect,
            "route": self.action.route,
            "params": self.schema(),
            "example": self.example(),
            "identity": self.identity,
            "allowed": self.said.allowed,
            "ask": (!self.said.ask.is_empty()).then_some(&self.said.ask),
            "policy": self.rule(),
        })
    }

    /// For a person.
    pub fn print(&self, output: Output) -> Result<(), Failure> {
        let (service, action) = (&self.service.service, &self.action.action);
        let name = format!("{} {}", printable(service), printable(action));
        output.line(output.paint(Tone::Strong, &name))?;
        output.line(format_args!(
            "  {} · {}",
            printable(&self.action.effect),
            printable(&self.action.route)
        ))?;
        self.print_params(output)?;
        output.line("")?;
        output.line("Example:")?;
        output.line(format_args!("  {}", printable(&self.command())))?;
        output.line(format_args!(
            "  and as an agent's params: {}",
            printable(&Value::Object(self.example()).to_string())
        ))?;
        output.line("")?;
        self.print_policy(output)
    }

    fn print_params(&self, output: Output) -> Result<(), Failure> {
        let schema = self.schema();
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let Some(properties) = schema["properties"]
            .as_object()
            .filter(|all| !all.is_empty())
        else {
            output.line("")?;
            return output.line("It takes no params.");
        };
        let (first, rest): (Vec<_>, Vec<_>) = properties
            .iter()
            .partition(|(name, _)| required.contains(&name.as_str()));
        let rows: Vec<Vec<Cell>> = first
            .iter()
            .chain(&rest)
            .map(|(name, param)| {
                let (tone, star) = if required.contains(&name.as_str()) {
                    (Tone::Strong, "*")
                } else {
                    (Tone::Plain, "")
                };
                vec![
                    Cell::new(tone, &format!("{name}{star}")),
                    Cell::plain(&kind(param)),
                    Cell::plain(&about(param)),
                ]
            })
            .collect();
        output.line("")?;
        Table::new(&["PARAM", "TYPE", "WHAT"]).print(output, &rows)
    }

    fn print_policy(&self, output: Output) -> Result<(), Failure> {
        let identity = printable(self.identity);
        match (self.said.allowed, self.said.ask.as_str()) {
            (true, "") => output.line(format_args!("Policy allows it to {identity}."))?,
            (true, _) => output.line(format_args!(
                "Policy allows it to {identity}, once each call is approved."
            ))?,
            (false, _) => output.line(format_args!(
                "Policy doesn't allow it to {identity}. This would: axis allow {} {}{}",
                printable(&self.service.service),
                printable(&self.action.action),
                self.identity_flag()
            ))?,
        }
        if let Some(line) = self.said.line.filter(|_| self.said.allowed) {
            return output.line(format_args!(
                "  line {line}: {}",
                printable(&self.said.excerpt)
            ));
        }
        output.line("  or in policy.yaml, under its `allow:`")?;
        for line in self.rule().lines() {
            output.line(format_args!("    {}", printable(line)))?;
        }
        Ok(())
    }

    /// The rule that allows it, and no more.
    pub fn rule(&self) -> String {
        format!(
            "- service: {}\n  actions: {}\n",
            scalar(&self.service.service),
            list([self.action.action.as_str()])
        )
    }

    /// The example as a command line.
    pub fn command(&self) -> String {
        let (service, action) = (&self.service.service, &self.action.action);
        let schema = self.schema();
        let words: String = self
            .example()
            .iter()
            .map(|(name, value)| word(name, value, &schema))
            .collect();
        format!(
            "axis call {service} {action}{words}{}",
            self.identity_flag()
        )
    }

    fn identity_flag(&self) -> String {
        if self.identity == crate::commands::call::DEFAULT_IDENTITY {
            String::new()
        } else {
            format!(" --identity {}", axis_proto::shell::word(self.identity))
        }
    }

    /// Params that are valid.
    pub fn example(&self) -> Map<String, Value> {
        serde_json::from_slice(&self.action.example).unwrap_or_default()
    }

    /// What its params have to be.
    pub fn schema(&self) -> Value {
        serde_json::from_slice(&self.action.params_schema).unwrap_or_default()
    }
}

/// One param of a command line, as `axis call` reads it.
fn word(name: &str, value: &Value, schema: &Value) -> String {
    let is_text = matches!(
        typing(&schema["properties"][name]),
        Typing::Text | Typing::TextOrStructure
    );
    let text = match value {
        Value::String(text) if is_text => text.clone(),
        value => value.to_string(),
    };
    format!(" {}", axis_proto::shell::word(&format!("{name}={text}")))
}

/// A param's type in a word or two.
pub fn kind(param: &Value) -> String {
    let types: Vec<&str> = match &param["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec!["any"],
    };
    types.join(" or ")
}

/// What a param is for, and which values it may have.
pub fn about(param: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(description) = param["description"].as_str() {
        parts.push(description.to_owned());
    }
    if let Some(values) = param["enum"].as_array() {
        let values: Vec<String> = values
            .iter()
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
            .collect();
        parts.push(format!("one of {}", values.join(", ")));
    }
    for (field, word) in [
        ("default", "default"),
        ("minimum", "from"),
        ("maximum", "to"),
    ] {
        if let Some(value) = param.get(field) {
            parts.push(format!("{word} {value}"));
        }
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_a_command_that_can_be_pasted() {
        let schema = json!({"properties": {
            "owner": {"type": "string"},
            "n": {"type": "integer"},
            "labels": {"type": "array"},
        }});
        let words: String = [
            ("owner", json!("it's")),
            ("n", json!(3)),
            ("labels", json!(["bug"])),
            ("extra", json!("5")),
        ]
        .iter()
        .map(|(name, value)| word(name, value, &schema))
        .collect();
        assert_eq!(
            words,
            r#" 'owner=it'\''s' n=3 'labels=["bug"]' 'extra="5"'"#
        );
    }

    #[test]
    fn a_param_says_its_values_and_limits() {
        let param = json!({"type": ["string", "array"], "description": "Its state", "enum": ["open", "closed"]});
        assert_eq!(kind(&param), "string or array");
        assert_eq!(about(&param), "Its state; one of open, closed");
        let param = json!({"type": "integer", "minimum": 1, "maximum": 100});
        assert_eq!(about(&param), "from 1; to 100");
        assert_eq!(kind(&json!({})), "any");
    }
}
