//! `axis policy explain`: what the policy says to one call, and the rule
//! behind it.

use std::path::PathBuf;

use axis_proto::v1::{
    ExplainPolicyRequest, PolicyExplanation, PolicyQuestion, PolicyText, ShowServiceRequest,
};
use clap::Args;
use serde_json::{Value, json};

use super::{Socket, read};
use crate::client::{Daemon, ask};
use crate::commands::call::DEFAULT_IDENTITY;
use crate::commands::param;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable};
use crate::prompt;

/// Say what the policy decides on a call, and by which rule
///
/// No call is made. Exits with 0 where it would be allowed, with 4 where it
/// would be denied. Limits and ttl are named, not looked at.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis policy explain github issues.create owner=acme repo=axis\n  \
    axis policy explain github repos.delete --identity ci-runner\n  \
    axis policy explain github repos.get --policy new-policy.yaml")]
pub struct Explain {
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
    /// Who would call
    #[arg(long, value_name = "NAME", default_value = DEFAULT_IDENTITY)]
    identity: String,
    /// Where the call comes in [default: the identity's own socket where its
    /// entry says `socket: required`, else the general one]
    #[arg(long, value_name = "SOCKET")]
    socket: Option<Socket>,
    /// Ask this file instead of the policy in force
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

impl Explain {
    /// Asks, and says it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let policy = self.policy.as_deref().map(read).transpose()?;
        let schema = schema(&mut daemon, &self.service, &self.action).await?;
        let params = param::params(self.params.as_deref(), &self.words, &schema)?;
        let params = serde_json::to_vec(&params).map_err(|error| {
            Failure::new(Exit::Usage, format!("the params make no JSON: {error}"))
        })?;
        let question = PolicyQuestion {
            identity: self.identity,
            service: self.service,
            action: self.action,
            params: Some(params.into()),
            own_socket: self.socket.map(Socket::is_own),
        };
        let explanations = explain(&mut daemon, policy, vec![question]).await?;
        let explanation = explanations.into_iter().next().unwrap_or_default();
        if let Some(problem) = &explanation.error {
            return Err(Failure::new(Exit::Usage, problem.clone()));
        }
        if self.json {
            output.json(&document(&explanation))?;
        } else {
            show(output, &explanation)?;
        }
        Ok(if explanation.allowed {
            Exit::Done
        } else {
            Exit::Denied
        })
    }
}

/// Asks axisd; the answers have the order of the questions.
pub async fn explain(
    daemon: &mut Daemon,
    policy: Option<PolicyText>,
    questions: Vec<PolicyQuestion>,
) -> Result<Vec<PolicyExplanation>, Failure> {
    let request = ExplainPolicyRequest { policy, questions };
    Ok(ask(daemon.admin.explain_policy(request))
        .await?
        .explanations)
}

/// The schema of an action's params; nothing for an action that isn't there,
/// which axisd then says itself.
async fn schema(daemon: &mut Daemon, service: &str, action: &str) -> Result<Value, Failure> {
    let request = ShowServiceRequest {
        service: service.to_owned(),
    };
    let shown = ask(daemon.admin.show_service(request)).await?;
    let actions = shown.service.unwrap_or_default().actions;
    let mut actions = actions.iter();
    let found = actions.find(|known| known.action.eq_ignore_ascii_case(action));
    Ok(found
        .and_then(|found| serde_json::from_slice(&found.params_schema).ok())
        .unwrap_or_default())
}

/// The decision's word: `ask` where the call would wait for an approval.
pub fn decision(explanation: &PolicyExplanation) -> &'static str {
    match (explanation.allowed, explanation.ask.is_empty()) {
        (true, true) => "allow",
        (true, false) => "ask",
        (false, _) => "deny",
    }
}

fn document(explanation: &PolicyExplanation) -> Value {
    json!({
        "decision": decision(explanation),
        "approval": (!explanation.ask.is_empty()).then_some(&explanation.ask),
        "reason": (!explanation.allowed).then_some(&explanation.reason),
        "hint": explanation.hint,
        "line": explanation.line,
        "effect": explanation.effect,
        "socket": if explanation.own_socket { "own" } else { "general" },
        "ttl": explanation.ttl_s,
        "requests_per_minute": explanation.requests_per_minute,
        "rule_requests_per_minute": explanation.rule_requests_per_minute,
        "credential": (!explanation.credential.is_empty()).then_some(&explanation.credential),
    })
}

fn show(output: Output, explanation: &PolicyExplanation) -> Result<(), Failure> {
    let socket = if explanation.own_socket {
        ", on the identity's own socket"
    } else {
        ""
    };
    let about = format!("({}{socket})", explanation.effect);
    if explanation.allowed {
        let sign = output.paint(Tone::Good, "✓ allowed");
        output.line(format_args!("{sign} {about}"))?;
        match explanation.ask.as_str() {
            "" => {}
            "host" => output.line("  once the MCP host's user, or the owner, approves it")?,
            _ => output.line("  once the owner approves it: axis approvals")?,
        }
    } else {
        let sign = output.paint(Tone::Bad, "✗ denied");
        output.line(format_args!("{sign} {about}"))?;
        output.line(format_args!("  {}", printable(&explanation.reason)))?;
    }
    if let Some(line) = explanation.line {
        let excerpt = printable(&explanation.excerpt);
        output.line(format_args!("  line {line}: {excerpt}"))?;
    }
    for (what, limit) in [
        (
            "over all of the identity's calls",
            explanation.requests_per_minute,
        ),
        ("by this rule", explanation.rule_requests_per_minute),
    ] {
        if let Some(limit) = limit {
            output.line(format_args!("  at most {limit} calls in any 60 s, {what}"))?;
        }
    }
    if let Some(ttl) = explanation.ttl_s {
        output.line(format_args!("  after a success denied for {ttl} s"))?;
    }
    if !explanation.credential.is_empty() {
        let label = printable(&explanation.credential);
        output.line(format_args!("  with the credential labelled {label}"))?;
    }
    if let Some(hint) = &explanation.hint {
        output.line(format_args!("  {}", printable(hint)))?;
    }
    Ok(())
}
