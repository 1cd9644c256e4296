//! `axis policy test`: a file of calls, each with the decision that is
//! expected, so that a team can keep its policy under CI.

use std::path::{Path, PathBuf};

use axis_proto::v1::{PolicyExplanation, PolicyQuestion};
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::explain::explain;
use super::{Socket, read, read_text};
use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable};
use crate::prompt;

/// Hold the policy against a file of calls with expected decisions
///
/// The file is YAML:
///
///   tests:
///     - identity: ci-runner
///       service: github
///       action: issues.create
///       params: { owner: acme }
///       expect: allow
///     - { identity: ci-runner, service: github, action: repos.delete, expect: deny }
///
/// `expect` is allow, ask (the owner is asked first) or deny. Without `params`
/// it is asked whether the action can be allowed at all.
/// `socket: own` or `general` says where the call comes in; without it, on the
/// identity's own socket where its entry says `socket: required`.
/// `reason` names words that a denial must hold. Exits with 1 when a decision
/// is another one.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:\n  axis policy test policy-tests.yaml --policy policy.yaml"
)]
pub struct Test {
    /// The file of calls
    file: PathBuf,
    /// Test this file instead of the policy in force
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tests: Vec<Case>,
}

/// One call, and what is expected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    identity: String,
    service: String,
    action: String,
    params: Option<Map<String, Value>>,
    socket: Option<Socket>,
    expect: Expected,
    reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Allow,
    Ask,
    Deny,
}

impl Expected {
    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

impl Test {
    /// Asks for every call, and says which decisions are others.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let cases = cases(&self.file)?;
        let policy = self.policy.as_deref().map(read).transpose()?;
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let questions = cases.iter().map(Case::question).collect();
        let answers = explain(&mut daemon, policy, questions).await?;
        let verdicts: Vec<_> = cases
            .iter()
            .zip(&answers)
            .map(|(case, answer)| case.difference(answer))
            .collect();
        let failed = verdicts.iter().flatten().count();
        if self.json {
            let cases = cases.iter().zip(&verdicts);
            let cases: Vec<_> = cases
                .map(|(case, verdict)| case.document(verdict.as_deref()))
                .collect();
            output.json(
                &json!({ "passed": cases.len() - failed, "failed": failed, "tests": cases }),
            )?;
        } else {
            for (case, verdict) in cases.iter().zip(&verdicts) {
                if let Some(difference) = verdict {
                    let sign = output.paint(Tone::Bad, "✗");
                    output.line(format_args!(
                        "{sign} {}: {}",
                        printable(&case.name()),
                        printable(difference)
                    ))?;
                }
            }
            output.line(format_args!(
                "tests: {}, passed: {}, failed: {failed}",
                cases.len(),
                cases.len() - failed
            ))?;
        }
        Ok(if failed == 0 {
            Exit::Done
        } else {
            Exit::Failed
        })
    }
}

fn cases(file: &Path) -> Result<Vec<Case>, Failure> {
    let text = read_text(file)?;
    let read: Result<File, _> = serde_yaml::from_str(&text);
    let read = read.map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("{} holds no tests: {error}", file.display()),
        )
        .fix("axis policy test --help shows the form")
    })?;
    if read.tests.is_empty() {
        let problem = format!("{} holds no test", file.display());
        return Err(Failure::new(Exit::Failed, problem));
    }
    Ok(read.tests)
}

impl Case {
    fn name(&self) -> String {
        format!("{} {} {}", self.identity, self.service, self.action)
    }

    fn question(&self) -> PolicyQuestion {
        let params = self.params.as_ref();
        PolicyQuestion {
            identity: self.identity.clone(),
            service: self.service.clone(),
            action: self.action.clone(),
            params: params.map(|params| json!(params).to_string().into()),
            own_socket: self.socket.map(Socket::is_own),
        }
    }

    /// What is decided otherwise than expected.
    fn difference(&self, answer: &PolicyExplanation) -> Option<String> {
        if let Some(error) = &answer.error {
            return Some(error.clone());
        }
        let line = match answer.line {
            Some(line) => format!(" by line {line}"),
            None => String::new(),
        };
        let decided = match (answer.allowed, answer.ask.is_empty()) {
            (true, true) => Expected::Allow,
            (true, false) => Expected::Ask,
            (false, _) => Expected::Deny,
        };
        if decided != self.expect {
            let reason = if answer.allowed {
                String::new()
            } else {
                format!(": {}", answer.reason)
            };
            return Some(format!(
                "expected {}, but it is {}{line}{reason}",
                self.expect.word(),
                decided.word()
            ));
        }
        let wanted = self.reason.as_ref()?;
        (!answer.reason.contains(wanted.as_str())).then(|| {
            format!(
                "expected a denial that says {wanted:?}, but it says: {}",
                answer.reason
            )
        })
    }

    fn document(&self, difference: Option<&str>) -> Value {
        json!({
            "identity": self.identity,
            "service": self.service,
            "action": self.action,
            "expect": self.expect.word(),
            "passed": difference.is_none(),
            "difference": difference,
        })
    }
}
