//! A definition's GraphQL query against the signature of the operation that it
//! calls.

use std::collections::BTreeMap;

use graphql_parser::query::{
    Definition, Field, OperationDefinition, Selection, SelectionSet, Value, VariableDefinition,
    parse_query,
};

use crate::facts::Operation;
use crate::written::Action;

/// What is wrong with the query of `action`.
pub fn faults(action: &Action, vendor: &Operation) -> Vec<String> {
    let (graphql, signature) = match (&action.graphql, &vendor.signature) {
        (Some(graphql), Some(signature)) => (graphql, signature),
        (None, None) => return Vec::new(),
        _ => return vec!["is GraphQL, or the vendor's operation is, but not both".into()],
    };
    let signature = Signature::parse(signature);
    match Call::parse(&graphql.query) {
        Ok(call) => call.faults(&signature, &graphql.result, graphql.input.as_deref()),
        Err(problem) => vec![problem],
    }
}

/// `mutation issueCreate(input: IssueCreateInput!)`.
struct Signature<'a> {
    kind: &'a str,
    field: &'a str,
    /// Argument → type.
    arguments: BTreeMap<&'a str, &'a str>,
}

impl<'a> Signature<'a> {
    fn parse(text: &'a str) -> Self {
        let (kind, rest) = text
            .split_once(' ')
            .expect("query or mutation, and a field");
        let (field, arguments) = rest.split_once('(').unwrap_or((rest, ")"));
        let arguments = arguments.trim_end_matches(')').split(", ");
        Self {
            kind,
            field,
            arguments: arguments.filter_map(|one| one.split_once(": ")).collect(),
        }
    }
}

/// The one operation of a query, and the one field that it asks for.
struct Call {
    kind: &'static str,
    field: String,
    /// Variable → type.
    variables: BTreeMap<String, String>,
    /// Argument → what is put into it.
    arguments: BTreeMap<String, String>,
}

impl Call {
    fn parse(text: &str) -> Result<Self, String> {
        let document = parse_query::<String>(text).map_err(|error| error.to_string())?;
        let [Definition::Operation(operation)] = document.definitions.as_slice() else {
            return Err("is not one query or mutation".into());
        };
        let (kind, variables, fields) = match operation {
            OperationDefinition::Query(query) => {
                ("query", &query.variable_definitions, &query.selection_set)
            }
            OperationDefinition::Mutation(mutation) => (
                "mutation",
                &mutation.variable_definitions,
                &mutation.selection_set,
            ),
            _ => return Err("is no named query or mutation".into()),
        };
        let field = the_one(fields).ok_or("asks for more than one field")?;
        Ok(Self {
            kind,
            field: field.name.clone(),
            variables: variables.iter().map(typed).collect(),
            arguments: field.arguments.iter().map(filled).collect(),
        })
    }

    fn faults(&self, vendor: &Signature<'_>, result: &str, input: Option<&str>) -> Vec<String> {
        let mut faults = Vec::new();
        if (self.kind, self.field.as_str()) != (vendor.kind, vendor.field) {
            let (kind, field) = (vendor.kind, vendor.field);
            faults.push(format!(
                "{} {}, the vendor {kind} {field}",
                self.kind, self.field
            ));
        }
        if result.split('.').next() != Some(&self.field) {
            faults.push(format!("takes its result from {result}"));
        }
        for (argument, value) in &self.arguments {
            let declared = value
                .strip_prefix('$')
                .and_then(|name| self.variables.get(name));
            match (declared, vendor.arguments.get(argument.as_str())) {
                (Some(ours), Some(theirs))
                    if ours.trim_end_matches('!') == theirs.trim_end_matches('!')
                        && (ours.ends_with('!') || !theirs.ends_with('!')) => {}
                (ours, theirs) => faults.push(format!(
                    "fills {argument} with {value} ({ours:?}), the vendor takes {theirs:?}"
                )),
            }
        }
        for (argument, kind) in &vendor.arguments {
            if kind.ends_with('!') && !self.arguments.contains_key(*argument) {
                faults.push(format!("leaves out {argument}, which is required"));
            }
        }
        for variable in self.variables.keys().map(String::as_str).chain(input) {
            let used = self
                .arguments
                .values()
                .any(|value| value.strip_prefix('$') == Some(variable));
            if !used {
                faults.push(format!("never uses ${variable}"));
            }
        }
        faults
    }
}

/// The only field of a selection.
fn the_one<'q>(fields: &'q SelectionSet<'q, String>) -> Option<&'q Field<'q, String>> {
    match fields.items.as_slice() {
        [Selection::Field(field)] => Some(field),
        _ => None,
    }
}

fn typed(variable: &VariableDefinition<'_, String>) -> (String, String) {
    (variable.name.clone(), variable.var_type.to_string())
}

fn filled((argument, value): &(String, Value<'_, String>)) -> (String, String) {
    (argument.clone(), value.to_string())
}
