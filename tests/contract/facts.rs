//! The vendors' interfaces as facts: one file a service, one action a line,
//! separated by tabs:
//!
//! `issues.get  GET  /repos/{owner}/{repo}  owner@path:string! since@query:string`
//!
//! A param is `name@place:type`, as the vendor names it, with `|` between
//! several types and `any` where the vendor says nothing. `!` marks what the
//! vendor requires, `*` what only the definition does: without it the call
//! would be pointless, though the vendor's description takes it.
//!
//! A GraphQL operation has its signature in a fifth column; its params are the
//! variables of a query, those of its input as `input.title`.

use std::collections::BTreeMap;
use std::path::Path;

/// Who requires a param.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    No,
    ByVendor,
    ByDefinition,
}

/// One param as the vendor has it.
pub struct Param {
    pub place: String,
    pub types: Vec<String>,
    pub required: Required,
}

/// One operation as the vendor has it.
pub struct Operation {
    pub method: String,
    /// With the base URL's own path before it.
    pub path: String,
    /// Place and name on the wire → param, in the vendor's order.
    pub params: Vec<(String, Param)>,
    /// `mutation issueCreate(input: IssueCreateInput!)`, where it is GraphQL.
    pub signature: Option<String>,
}

impl Operation {
    /// The param of that name at that place, with its name.
    pub fn param(&self, place: &str, name: &str) -> Option<(&str, &Param)> {
        let mut at_place = self.params.iter().filter(|(_, param)| param.place == place);
        let found = at_place.find(|(known, _)| known == name);
        found.map(|(name, param)| (name.as_str(), param))
    }

    /// The params in the path, in its order.
    pub fn in_path(&self) -> Vec<(&str, &Param)> {
        let places = self.path.split('{').skip(1);
        let filled = places.filter_map(|rest| rest.split_once('}'));
        filled
            .map(|(name, _)| self.param("path", name))
            .map(|param| param.expect("a fact for each place in a path"))
            .collect()
    }

    /// The names on the wire of what every call has at `place`, sorted.
    pub fn required(&self, place: &str) -> Vec<&str> {
        let here = self.params.iter().filter(|(_, param)| param.place == place);
        let needed = here.filter(|(_, param)| param.required != Required::No);
        let mut names: Vec<_> = needed.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// The facts of `service`: action → operation. Nothing where there is no file.
pub fn of(service: &str) -> Option<BTreeMap<String, Operation>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/facts");
    let text = std::fs::read_to_string(dir.join(format!("{service}.tsv"))).ok()?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut operations = BTreeMap::new();
    for line in lines {
        let (action, operation) = parse(line).unwrap_or_else(|| panic!("{service}: {line}"));
        let twice = operations.insert(action.to_owned(), operation).is_some();
        assert!(!twice, "{service} {action} stands twice in the facts");
    }
    Some(operations)
}

fn parse(line: &str) -> Option<(&str, Operation)> {
    let mut columns = line.split('\t');
    let action = columns.next()?;
    let (method, path) = (columns.next()?.to_owned(), columns.next()?.to_owned());
    let params = columns.next().unwrap_or_default().split_ascii_whitespace();
    let params = params.map(parse_param).collect::<Option<_>>()?;
    let operation = Operation {
        method,
        path,
        params,
        signature: columns.next().map(str::to_owned),
    };
    Some((action, operation))
}

fn parse_param(text: &str) -> Option<(String, Param)> {
    let (name, rest) = text.split_once('@')?;
    let (place, types) = rest.split_once(':')?;
    let (types, required) = match (types.strip_suffix('!'), types.strip_suffix('*')) {
        (Some(types), _) => (types, Required::ByVendor),
        (_, Some(types)) => (types, Required::ByDefinition),
        _ => (types, Required::No),
    };
    let param = Param {
        place: place.to_owned(),
        types: types.split('|').map(str::to_owned).collect(),
        required,
    };
    Some((name.to_owned(), param))
}
