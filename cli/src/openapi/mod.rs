//! OpenAPI documents (3.0, 3.1, Swagger 2) as service definitions. Pure: text
//! in, text and notes out; no disk, no network.
//!
//! An operation that a definition can't express is left out, and one that it
//! can express in part is written with what is missing said: [`Imported`] has
//! a note for each, so that nothing is dropped in silence.

mod auth;
mod body;
mod document;
mod naming;
mod operation;
mod params;
mod response;
mod schema;
mod server;
#[cfg(test)]
mod tests;
mod writing;

use regex::Regex;
use url::Url;

pub use document::{Document, MAX_BYTES};

use naming::Names;
use operation::{Converter, Operation};
use server::Servers;
use writing::Written;

/// The largest definition that axisd reads, in bytes.
const MAX_DEFINITION_BYTES: usize = 1 << 20;

/// How much of an action's detail is written: as much as fits into a definition.
const DETAILS: [Detail; 5] = [
    Detail::new(200, 3),
    Detail::new(120, 2),
    Detail::new(60, 2),
    Detail::new(60, 1),
    Detail::new(0, 1),
];

/// How much of a param is written.
#[derive(Debug, Clone, Copy)]
pub struct Detail {
    /// Characters of a description.
    description: usize,
    /// Levels of objects and lists inside a param.
    depth: usize,
}

impl Detail {
    const fn new(description: usize, depth: usize) -> Self {
        Self { description, depth }
    }
}

/// What the owner asked for.
#[derive(Debug, Default)]
pub struct Wishes<'a> {
    /// The service's name; else it is made from the document's title.
    pub name: Option<&'a str>,
    /// Where the service is; else the document says so.
    pub base_url: Option<&'a str>,
    /// Which actions, `*` standing for anything; none for all.
    pub only: &'a [String],
    /// Where the document came from, where that is a URL: relative servers
    /// belong to it.
    pub origin: Option<&'a Url>,
}

/// A definition, and what of the document isn't in it.
#[derive(Debug)]
pub struct Imported {
    /// The service's name.
    pub name: String,
    /// The definition.
    pub yaml: String,
    /// How many actions it has.
    pub actions: usize,
    /// How many operations the document has, of those that were asked for.
    pub operations: usize,
    /// Operations that no action came of.
    pub left_out: Vec<Note>,
    /// Operations that an action lacks something of.
    pub in_part: Vec<Note>,
    /// What was decided for the service as a whole.
    pub remarks: Vec<String>,
}

/// What is to be said about one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Method and path, and the action's name.
    pub operation: String,
    /// In words.
    pub says: Vec<String>,
}

/// Why nothing came of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Neither JSON nor YAML.
    #[error("this is neither JSON nor YAML that can be read: {0}")]
    Unreadable(String),
    /// Not of a kind that is known.
    #[error("this is no OpenAPI 3.0 or 3.1 and no Swagger 2 document: {0}")]
    OtherKind(String),
    /// There is nothing to call.
    #[error("no action can be made: {0}")]
    NoAction(String),
    /// Where the service is can't be told, or mustn't be.
    #[error("{0}")]
    Server(String),
    /// The name can't be a service's.
    #[error(
        "{0:?} can't be a service's name: use up to 64 of a-z, 0-9, _ and -; give one with --name"
    )]
    Name(String),
    /// A pattern of `--only` that can't be used.
    #[error("the pattern {0:?} can't be used")]
    Pattern(String),
    /// Even the shortest form is too long.
    #[error(
        "the definition would have {0} bytes, and a service file can have {MAX_DEFINITION_BYTES}: choose the actions that you need, such as --only 'issues.*'"
    )]
    TooLarge(usize),
}

/// Converts the document `text`.
///
/// # Errors
/// [`ImportError`] where no service comes of it.
pub fn convert(text: &str, wishes: &Wishes<'_>) -> Result<Imported, ImportError> {
    let document = Document::read(text)?;
    let mut remarks = Vec::new();
    let name = naming::service(wishes.name, &document)?;
    let auth = auth::choose(&document, &mut remarks);
    let operations = Operation::all(&document);
    let servers = Servers::choose(&document, &operations, wishes, &mut remarks)?;
    let wanted = patterns(wishes.only)?;

    let mut last = 0;
    for (round, detail) in DETAILS.into_iter().enumerate() {
        let converter = Converter::new(&document, &auth, &servers, detail);
        let attempt = one_pass(&operations, &converter, &wanted)?;
        let yaml = writing::definition(&Written {
            name: &name,
            title: &document.title(),
            base_url: servers.base_url(),
            auth: &auth,
            actions: &attempt.actions,
        });
        if yaml.len() > MAX_DEFINITION_BYTES {
            last = yaml.len();
            continue;
        }
        if round > 0 {
            remarks.push(
                "descriptions and the fields inside of params are shortened, so that the definition fits into a file of 1 MiB; with --only they stay whole"
                    .into(),
            );
        }
        return Ok(Imported {
            name,
            yaml,
            actions: attempt.actions.len(),
            operations: attempt.operations,
            left_out: attempt.left_out,
            in_part: attempt.in_part,
            remarks,
        });
    }
    Err(ImportError::TooLarge(last))
}

/// What came of the operations at one level of detail.
struct Attempt {
    actions: Vec<operation::Action>,
    operations: usize,
    left_out: Vec<Note>,
    in_part: Vec<Note>,
}

fn one_pass(
    operations: &[Operation<'_>],
    converter: &Converter<'_>,
    wanted: &[Regex],
) -> Result<Attempt, ImportError> {
    let mut names = Names::default();
    let mut attempt = Attempt {
        actions: Vec::new(),
        operations: 0,
        left_out: Vec::new(),
        in_part: Vec::new(),
    };
    let mut others = Vec::new();
    for operation in operations {
        // named before it is chosen, so that a choice changes no name
        let name = names.of(operation);
        if !(wanted.is_empty() || wanted.iter().any(|pattern| pattern.is_match(&name))) {
            others.push(name);
            continue;
        }
        attempt.operations += 1;
        let words = format!("{} {} ({name})", operation.method_word(), operation.path);
        match converter.convert(operation, name) {
            Ok((action, losses)) => {
                attempt.actions.push(action);
                if !losses.is_empty() {
                    attempt.in_part.push(Note {
                        operation: words,
                        says: losses,
                    });
                }
            }
            Err(reason) => attempt.left_out.push(Note {
                operation: words,
                says: vec![reason],
            }),
        }
    }
    if attempt.actions.is_empty() {
        return Err(ImportError::NoAction(if attempt.operations > 0 {
            let first = &attempt.left_out[0];
            format!("{}: {}", first.operation, first.says.join("; "))
        } else if others.is_empty() {
            "the document has no operations under paths".into()
        } else {
            let some: Vec<&str> = others.iter().take(5).map(String::as_str).collect();
            format!(
                "--only fits none of {}; there are for example {}",
                others.len(),
                some.join(", ")
            )
        }));
    }
    Ok(attempt)
}

/// `*` stands for anything; names compare without case.
fn patterns(globs: &[String]) -> Result<Vec<Regex>, ImportError> {
    globs
        .iter()
        .map(|glob| {
            let parts: Vec<String> = glob.split('*').map(regex::escape).collect();
            Regex::new(&format!("(?i)^{}$", parts.join(".*")))
                .map_err(|_| ImportError::Pattern(glob.chars().take(80).collect()))
        })
        .collect()
}
