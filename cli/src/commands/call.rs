//! `axis call`: the owner's own call, by the same policy and on the same record.

use std::env;
use std::path::Path;

use axis_proto::VERSION;
use axis_proto::socket::{absolute_variable, broker_client};
use axis_proto::v1::broker_client::BrokerClient;
use axis_proto::v1::outcome::End;
use axis_proto::v1::{Call as CallMessage, ListActionsRequest, Outcome};
use axis_shim::answer::Answer;
use axis_shim::files::Reach;
use axis_shim::transfer::{Files, Taken, messages};
use clap::Args;
use serde_json::Value;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::client::{Daemon, within_time};
use crate::commands::param;
use crate::failure::{Exit, Failure, deepest, is_unconnected, is_unreachable};
use crate::output::{Output, printable, tell};
use crate::prompt;

/// The identity that the owner's own calls are made under.
pub const DEFAULT_IDENTITY: &str = "local-dev";

/// Make a call yourself, by the same policy and on the same record as an agent's
///
/// Prints the answer as JSON, in the form that agents get. A key=value word
/// takes its type from the action: text stays text; numbers, booleans, arrays
/// and objects are written as JSON. Ctrl-C cancels the call.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis call github repos.get owner=rust-lang repo=rust\n  \
    axis call github repos.get --params '{\"owner\":\"rust-lang\",\"repo\":\"rust\"}'\n  \
    axis call github issues.create owner=acme repo=axis title=Hi 'labels=[\"bug\"]'\n  \
    axis call github repos.get owner=rust-lang repo=rust --select '{full_name, stargazers_count}'\n\n\
    Exits with 4 when policy or a limit says no.")]
pub struct Call {
    /// The service, such as github
    service: String,
    /// The action, such as issues.create
    action: String,
    /// Params, one word each
    #[arg(value_name = "KEY=VALUE")]
    words: Vec<String>,
    /// Params as one JSON object; words of the same name win
    #[arg(long, value_name = "JSON")]
    params: Option<String>,
    /// Why; kept in the audit log
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "called by the owner with axis call"
    )]
    justification: String,
    /// The name to act under [default: AXIS_IDENTITY, else local-dev]
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
    /// A jq expression over the result, such as '.[0].id'
    #[arg(long, value_name = "JQ", conflicts_with = "save_to")]
    select: Option<String>,
    /// Write the answer's body to this file, which is replaced
    #[arg(long, value_name = "FILE")]
    save_to: Option<String>,
    /// Send this file as the request's body
    #[arg(long, value_name = "FILE")]
    body_file: Option<String>,
}

impl Call {
    /// Makes the call and prints its answer.
    pub async fn run(self) -> Result<Exit, Failure> {
        let socket = absolute_variable("AXIS_SOCKET")?;
        let socket = socket.as_deref();
        let mut broker = broker(socket).await?;
        let identity = match &self.identity {
            Some(identity) => identity.clone(),
            None => env::var("AXIS_IDENTITY")
                .ok()
                .filter(|identity| !identity.is_empty())
                .unwrap_or_else(|| DEFAULT_IDENTITY.to_owned()),
        };
        let schema = if self.words.is_empty() {
            Value::Null
        } else {
            self.schema(&mut broker, &identity, socket).await?
        };
        let params = param::params(self.params.as_deref(), &self.words, &schema)?;
        let params = serde_json::to_vec(&params)
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        let call = CallMessage {
            identity,
            service: self.service,
            action: self.action,
            justification: self.justification,
            params: params.into(),
            client_version: VERSION.to_owned(),
            select: self.select,
            waits: true,
            ..CallMessage::default()
        };
        let answered = async {
            let files = Files::find(&Reach::Everywhere, self.save_to, self.body_file.as_deref())
                .map_err(Ended::File)?;
            execute(&mut broker, call, &files).await
        };
        let (answer, exit) = match answered.await {
            Ok(outcome) => {
                let exit = exit_of(&outcome);
                (Answer::from_outcome(outcome), exit)
            }
            Err(Ended::File(failure)) => (Answer::failed(&failure), exit_of_code(&failure.code)),
            Err(Ended::Unasked(status)) => return Err(unanswered(status, socket)),
            Err(Ended::Lost) => return Err(lost()),
        };
        Output::stdout().json_text(answer.text())?;
        Ok(exit)
    }

    /// The schema of the action's params; of an unknown action none, and the
    /// call itself is answered with the nearest names.
    async fn schema(
        &self,
        broker: &mut BrokerClient<Channel>,
        identity: &str,
        socket: Option<&Path>,
    ) -> Result<Value, Failure> {
        let request = ListActionsRequest {
            identity: identity.to_owned(),
            service: Some(self.service.clone()),
            action: Some(self.action.clone()),
        };
        match within_time(broker.list_actions(request)).await? {
            Ok(listed) => {
                let detail = listed.detail.unwrap_or_default();
                Ok(serde_json::from_slice(&detail.params_schema).unwrap_or_default())
            }
            Err(status) if status.code() == Code::NotFound => Ok(Value::Null),
            Err(status) => Err(unanswered(status, socket)),
        }
    }
}

/// The broker: where `AXIS_SOCKET` names one there is nothing else to reach.
async fn broker(socket: Option<&Path>) -> Result<BrokerClient<Channel>, Failure> {
    if let Some(path) = socket {
        return Ok(broker_client(path)?);
    }
    let (daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
    Ok(daemon.broker)
}

/// A call without params and without files, that waits for no approval.
pub async fn execute_simply(
    broker: &mut BrokerClient<Channel>,
    identity: &str,
    service: &str,
    action: &str,
    justification: &str,
) -> Result<Outcome, Failure> {
    let call = CallMessage {
        identity: identity.to_owned(),
        service: service.to_owned(),
        action: action.to_owned(),
        justification: justification.to_owned(),
        params: "{}".into(),
        client_version: VERSION.to_owned(),
        ..CallMessage::default()
    };
    let unreadable = |failure: axis_shim::answer::Failure| {
        Failure::new(exit_of_code(&failure.code), failure.message)
    };
    let files = Files::find(&Reach::Everywhere, None, None).map_err(unreadable)?;
    match execute(broker, call, &files).await {
        Ok(outcome) => Ok(outcome),
        Err(Ended::File(failure)) => Err(unreadable(failure)),
        Err(Ended::Unasked(status)) => Err(status.into()),
        Err(Ended::Lost) => Err(lost()),
    }
}

/// Why a call has no outcome.
enum Ended {
    /// One of its files can't be read or written.
    File(axis_shim::answer::Failure),
    /// axisd wasn't reached, or said no.
    Unasked(Status),
    /// The connection broke off: nobody on this side can tell how far it came.
    Lost,
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        if is_unreachable(&status) && !is_unconnected(&status) {
            Self::Lost
        } else {
            Self::Unasked(status)
        }
    }
}

/// What is said of a call that may have been made.
fn lost() -> Failure {
    Failure::new(
        Exit::Unavailable,
        "the connection to axisd broke off in mid-call",
    )
    .because("The call may or may not have reached the upstream: look before you repeat it.")
    .fix("axis logs --last 5")
}

/// What is said where axisd gave no outcome; of a socket that `AXIS_SOCKET`
/// names, no command here can start the axisd behind it.
fn unanswered(status: Status, socket: Option<&Path>) -> Failure {
    match socket {
        Some(path) if is_unreachable(&status) => Failure::new(
            Exit::Unavailable,
            format!("nothing answers on {} (AXIS_SOCKET)", path.display()),
        )
        .because(deepest(&status))
        .fix("set AXIS_SOCKET to a socket that axisd serves, or unset it"),
        _ => status.into(),
    }
}

/// One call to its end. Dropping the future cancels the call.
async fn execute(
    broker: &mut BrokerClient<Channel>,
    call: CallMessage,
    files: &Files,
) -> Result<Outcome, Ended> {
    let mut receiver = files.receiver().map_err(Ended::File)?;
    let messages = messages(files.announced_in(call), files.body());
    let mut answers = broker.execute(messages).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        let Some(part) = answer.part else { continue };
        match receiver.take(part).await.map_err(Ended::File)? {
            Taken::Outcome(outcome) => return Ok(outcome),
            Taken::Waiting(waiting) => tell(format_args!(
                "Waiting for an approval: axis approve {}",
                printable(&waiting.approval_id)
            )),
            Taken::News(_) | Taken::Nothing => {}
        }
    }
    Err(Ended::Lost)
}

/// The exit code of an outcome.
fn exit_of(outcome: &Outcome) -> Exit {
    match &outcome.end {
        Some(End::Success(_)) => Exit::Done,
        Some(End::Denied(_)) => Exit::Denied,
        Some(End::Failed(failed)) => exit_of_code(&failed.code),
        // pending only for a client that doesn't wait
        Some(End::Pending(_)) | None => Exit::Failed,
    }
}

/// The exit code of an error code.
fn exit_of_code(code: &str) -> Exit {
    match code {
        "vault_locked" | "daemon_unavailable" | "audit_unavailable" => Exit::Unavailable,
        "invalid_params" | "unknown_service" | "unknown_action" => Exit::Usage,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use axis_proto::v1::Failed;

    use super::*;

    fn broken(kind: ErrorKind) -> Status {
        Status::from_error(Box::new(Error::from(kind)))
    }

    #[test]
    fn only_what_was_never_connected_was_surely_not_sent() {
        for (kind, is_lost) in [
            (ErrorKind::NotFound, false),
            (ErrorKind::ConnectionRefused, false),
            (ErrorKind::PermissionDenied, false),
            (ErrorKind::BrokenPipe, true),
            (ErrorKind::ConnectionReset, true),
        ] {
            let ended = Ended::from(broken(kind));
            assert_eq!(matches!(ended, Ended::Lost), is_lost, "{kind}");
        }
        let said_no = Ended::from(Status::unavailable("axisd ends"));
        assert!(matches!(said_no, Ended::Unasked(_)));
        let told = lost().to_string();
        assert!(told.contains("look before you repeat it"), "{told}");
        assert!(told.ends_with("fix: axis logs --last 5"), "{told}");
    }

    #[test]
    fn a_socket_of_the_environment_is_named_where_nothing_answers_on_it() {
        let told = unanswered(broken(ErrorKind::NotFound), Some(Path::new("/nope")));
        assert_eq!(told.exit(), Exit::Unavailable);
        let told = told.to_string();
        let said = "error: nothing answers on /nope (AXIS_SOCKET)\n";
        assert!(told.starts_with(said), "{told}");
        assert!(!told.contains("axis daemon start"), "{told}");
        let denied = Status::not_found("no such service");
        let told = unanswered(denied, Some(Path::new("/nope"))).to_string();
        assert_eq!(told, "error: no such service");
    }

    fn ended(end: End) -> Outcome {
        Outcome {
            request_id: "id".to_owned(),
            end: Some(end),
        }
    }

    #[test]
    fn an_error_code_has_its_exit_code() {
        let cases = [
            ("vault_locked", 3),
            ("daemon_unavailable", 3),
            ("audit_unavailable", 3),
            ("invalid_params", 2),
            ("unknown_service", 2),
            ("unknown_action", 2),
            ("no_credential", 1),
            ("upstream_error", 1),
            ("upstream_timeout", 1),
            ("cancelled", 1),
            ("internal_error", 1),
        ];
        for (code, exit) in cases {
            let failed = Failed {
                code: code.to_owned(),
                ..Failed::default()
            };
            assert_eq!(exit_of(&ended(End::Failed(failed))) as u8, exit, "{code}");
        }
    }

    #[test]
    fn an_outcome_has_its_exit_code() {
        let success = axis_proto::v1::Success::default();
        assert_eq!(exit_of(&ended(End::Success(success))), Exit::Done);
        let denied = axis_proto::v1::Denied::default();
        assert_eq!(exit_of(&ended(End::Denied(denied))), Exit::Denied);
        assert_eq!(exit_of(&Outcome::default()), Exit::Failed);
    }
}
