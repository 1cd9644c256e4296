//! Axis' own entry in a host's file: what it should be, what stands there, and
//! the steps from one to the other.

use std::ffi::OsStr;
use std::path::Path;

use axis_shim::files::{Reach, VARIABLE as FILES};
use serde_json::{Map, Value};

use super::environment::Environment;
use super::error::HostsError;
use super::host::Shape;
use super::program;
use super::tree::Node;

/// The entry's name: hosts show tools as `mcp__axis__execute_action`.
pub const NAME: &str = "axis";

/// What the program is started with.
const ARGUMENTS: [&str; 1] = ["mcp"];

/// Says who the agent is.
pub const IDENTITY: &str = "AXIS_IDENTITY";

/// Variables that lead to another Axis than the usual one. Hosts start their
/// servers with few or none of the shell's, so they are written down.
const PLACES: [&str; 5] = [
    "AXIS_HOME",
    "AXIS_SOCKET",
    "AXIS_SOCKET_DIR",
    "AXIS_KEYSTORE_PATH",
    "AXIS_POLICY_PATH",
];

/// What our entry should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The absolute path of `axis`.
    pub program: String,
    /// Its variables: the identity, and where Axis is if not in the usual place.
    pub variables: Vec<(String, String)>,
    /// Variables that are written where the entry has none of that name; what
    /// the owner has put there stays.
    pub defaults: Vec<(String, String)>,
}

/// What stands under our name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All of its variables.
    pub variables: Vec<(String, String)>,
}

/// One step of bringing what stands there in line.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The keys within the entry.
    pub way: Vec<String>,
    /// What is to stand there; none takes it out.
    pub value: Option<Value>,
    /// What that changes, for the owner.
    pub words: String,
}

impl Entry {
    /// An entry that starts this program as `identity`, for the Axis that this
    /// process would use. Never holds a password. With the socket of one identity
    /// its agent has no files, unless `AXIS_FILES` is set here or there.
    pub fn of_this_program(identity: &str, environment: &Environment) -> Result<Self, HostsError> {
        let mut variables = vec![(IDENTITY.to_owned(), identity.to_owned())];
        for name in PLACES {
            let path = environment.path_variable(name);
            if let Some(path) = path.and_then(|path| path.into_os_string().into_string().ok()) {
                variables.push((name.to_owned(), path));
            }
        }
        let mut defaults = Vec::new();
        if let Some(files) = environment.variable(FILES) {
            Reach::parse(OsStr::new(files)).map_err(HostsError::Variable)?;
            variables.push((FILES.to_owned(), files.to_owned()));
        } else if (environment.path_variable("AXIS_SOCKET")).is_some_and(|it| is_identitys(&it)) {
            defaults.push((FILES.to_owned(), "off".to_owned()));
        }
        Ok(Self {
            program: program::path(environment)?,
            variables,
            defaults,
        })
    }

    /// What stands there, started from this program.
    pub fn renewed(standing: &Standing, environment: &Environment) -> Result<Self, HostsError> {
        Ok(Self {
            program: program::path(environment)?,
            ..standing.as_entry()
        })
    }

    /// The same in the form of a host.
    pub fn value(&self, shape: &Shape) -> Value {
        let mut members = shape.fixed.clone();
        let (command, arguments) = self.command(shape);
        members.insert(shape.command.clone(), command);
        if let Some(arguments) = arguments {
            members.insert(shape.args.clone(), arguments);
        }
        let variables: Map<String, Value> = (self.variables.iter())
            .chain(&self.defaults)
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect();
        members.insert(shape.env.clone(), Value::Object(variables));
        Value::Object(members)
    }

    fn command(&self, shape: &Shape) -> (Value, Option<Value>) {
        let program = Value::String(self.program.clone());
        let arguments = ARGUMENTS.map(|word| Value::String(word.to_owned()));
        if shape.args.is_empty() {
            let all = std::iter::once(program).chain(arguments).collect();
            (all, None)
        } else {
            (program, Some(arguments.into_iter().collect()))
        }
    }

    /// What has to change for `node`, our entry as it stands, to do as this one.
    /// What else stands in it is left alone.
    pub fn steps_from(&self, shape: &Shape, node: &Node) -> Vec<Step> {
        let mut steps = Vec::new();
        let standing = Standing::read(shape, node);
        let (command, arguments) = self.command(shape);
        let now = standing.as_ref().map(|it| it.command.as_str());
        let same_arguments = standing
            .as_ref()
            .is_some_and(|it| it.arguments == ARGUMENTS);
        let same_command = now == Some(self.program.as_str());
        let command_words = || format!("program: {} → {}", now.unwrap_or("none"), self.program);
        let arguments_words = || "arguments: → mcp".to_owned();
        if let Some(arguments) = arguments {
            if !same_command {
                steps.push(set([&shape.command], command, command_words()));
            }
            if !same_arguments {
                steps.push(set([&shape.args], arguments, arguments_words()));
            }
        } else if !(same_command && same_arguments) {
            steps.push(set([&shape.command], command, command_words()));
        }
        let variables = standing.map(|it| it.variables).unwrap_or_default();
        let missing = (self.defaults.iter()).filter(|(it, _)| value_of(&variables, it).is_none());
        for (name, value) in self.variables.iter().chain(missing) {
            let now = value_of(&variables, name);
            if now != Some(value) {
                let words = format!("{name}: {} → {value}", now.unwrap_or("none"));
                let value = Value::String(value.clone());
                steps.push(set([&shape.env, name], value, words));
            }
        }
        for name in PLACES {
            let wanted = value_of(&self.variables, name);
            if let (None, Some(now)) = (wanted, value_of(&variables, name)) {
                steps.push(Step {
                    way: vec![shape.env.clone(), name.to_owned()],
                    value: None,
                    words: format!("{name}: {now} → none"),
                });
            }
        }
        steps
    }
}

/// Whether it is the socket of one identity where axisd puts it. Only an agent
/// in a sandbox is given that, and its shim may run outside.
fn is_identitys(socket: &Path) -> bool {
    let above = socket.parent().and_then(Path::parent);
    socket.ends_with("broker.sock") && above.is_some_and(|it| it.ends_with("identity"))
}

fn set<const N: usize>(way: [&String; N], value: Value, words: String) -> Step {
    Step {
        way: way.into_iter().cloned().collect(),
        value: Some(value),
        words,
    }
}

fn value_of<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = variables.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

impl Standing {
    /// Reads an entry; none where it starts no program.
    pub fn read(shape: &Shape, node: &Node) -> Option<Self> {
        let table = node.table()?;
        let command = table.get(&shape.command)?;
        let (command, arguments) = if shape.args.is_empty() {
            let mut words = command.texts()?.into_iter().map(str::to_owned);
            (words.next()?, words.collect())
        } else {
            let arguments = table.get(&shape.args);
            let arguments = arguments.map_or(Some(Vec::new()), Node::texts)?;
            (
                command.text()?.to_owned(),
                arguments.into_iter().map(str::to_owned).collect(),
            )
        };
        let variables = match table.get(&shape.env) {
            None => Vec::new(),
            Some(node) => (node.table()?.members.iter())
                .filter_map(|member| {
                    let value = member.node.text()?;
                    Some((member.key.clone(), value.to_owned()))
                })
                .collect(),
        };
        Some(Self {
            command,
            arguments,
            variables,
        })
    }

    /// Whether it starts `axis mcp`, wherever that lies.
    pub fn is_ours(&self) -> bool {
        let name = self.command.rsplit(['/', '\\']).next();
        matches!(name, Some("axis" | "axis.exe")) && self.arguments == ARGUMENTS
    }

    /// The identity that it acts under; a shim without one is `unknown`.
    pub fn identity(&self) -> Option<&str> {
        value_of(&self.variables, IDENTITY)
    }

    /// The socket of one identity that it calls at, where nothing says which
    /// files its calls may name: out of a sandbox, it reaches more than its agent.
    pub fn unconfined(&self) -> Option<&str> {
        let socket = value_of(&self.variables, "AXIS_SOCKET")?;
        let is_open = is_identitys(Path::new(socket)) && value_of(&self.variables, FILES).is_none();
        is_open.then_some(socket)
    }

    /// The entry that would be exactly this; none where it holds more.
    pub fn as_entry(&self) -> Entry {
        Entry {
            program: self.command.clone(),
            variables: self.variables.clone(),
            defaults: Vec::new(),
        }
    }
}
