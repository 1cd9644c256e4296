//! `axis identity list`: which identities there are, and where each is served.

use axis_proto::v1::ListIdentitiesResponse;
use clap::Args;
use serde::Serialize;

use super::listed;
use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Cell, Output, Table, Tone, tell, warn};
use crate::prompt;

/// List the identities, and the sockets on which they are served
///
/// Those are listed that have a socket of their own, or an entry in the policy.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis identity list\n  axis identity list --json")]
pub struct List {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    sealed: bool,
    broker_socket: &'a str,
    identities: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    identity: &'a str,
    directory: Option<&'a str>,
    socket: Option<&'a str>,
    uid: Option<u32>,
    created_at: Option<&'a str>,
    problem: Option<&'a str>,
    in_policy: bool,
    own_socket_required: bool,
}

impl List {
    /// Lists them.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let listed = listed(&mut daemon).await?;
        if self.json {
            output.json(&document(&listed))?;
        } else {
            show(output, &listed)?;
        }
        Ok(Exit::Done)
    }
}

fn document(listed: &ListIdentitiesResponse) -> Document<'_> {
    let given = |text: &'_ str| !text.is_empty();
    Document {
        sealed: listed.sealed,
        broker_socket: &listed.broker_socket,
        identities: listed
            .identities
            .iter()
            .map(|identity| {
                let socket = identity.socket.as_ref();
                Entry {
                    identity: &identity.identity,
                    directory: socket.map(|socket| socket.directory.as_str()),
                    socket: socket.map(|socket| socket.path.as_str()),
                    uid: socket.and_then(|socket| socket.uid),
                    created_at: socket
                        .map(|socket| socket.created_at.as_str())
                        .filter(|text| given(text)),
                    problem: socket
                        .map(|socket| socket.problem.as_str())
                        .filter(|text| given(text)),
                    in_policy: identity.in_policy,
                    own_socket_required: identity.own_socket_required,
                }
            })
            .collect(),
    }
}

fn show(output: Output, listed: &ListIdentitiesResponse) -> Result<(), Failure> {
    if listed.identities.is_empty() {
        tell("No identity has a socket of its own, or an entry in the policy.");
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = listed
        .identities
        .iter()
        .map(|identity| {
            let served = match (&identity.socket, identity.own_socket_required) {
                (Some(_), true) => Cell::plain("its own socket only"),
                (Some(_), false) => Cell::plain("its own socket, and the general one"),
                (None, false) => Cell::new(Tone::Faint, "the general socket"),
                (None, true) => Cell::new(
                    Tone::Warn,
                    &format!("nowhere: axis identity add {}", identity.identity),
                ),
            };
            let socket = identity.socket.as_ref();
            let directory = socket.map_or("", |socket| socket.directory.as_str());
            let uid = socket.and_then(|socket| socket.uid);
            let uid = uid.map(|uid| uid.to_string()).unwrap_or_default();
            let policy = if identity.in_policy {
                Cell::plain("has an entry")
            } else {
                Cell::new(Tone::Warn, "no entry of its own")
            };
            vec![
                Cell::new(Tone::Strong, &identity.identity),
                served,
                policy,
                Cell::plain(&uid),
                Cell::plain(directory),
            ]
        })
        .collect();
    Table::new(&["IDENTITY", "SERVED ON", "POLICY", "UID", "DIRECTORY"]).print(output, &rows)?;
    if !listed.sealed {
        warn(
            "the vault hasn't been unlocked since axisd started: which directories are of your making is known after `axis unlock`",
        );
    }
    for identity in &listed.identities {
        if let Some(socket) = &identity.socket
            && !socket.problem.is_empty()
        {
            let (name, problem) = (&identity.identity, &socket.problem);
            warn(&format!("the socket of {name} isn't served: {problem}"));
        }
    }
    Ok(())
}
