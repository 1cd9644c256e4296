//! The policy, asked about rather than obeyed, as messages of admin.proto.

use std::path::Path;

use axis_proto::v1;
use jiff::Timestamp;
use tonic::{Code, Status};

use crate::broker::Asker;
use crate::catalogue::{Catalogue, Effect, params_object};
use crate::names::Identity;
use crate::owner::Owner;
use crate::policy::{Decision, Policy, PolicyError, Request};
use crate::seal::FileName;

/// Most questions in one request.
const MAX_QUESTIONS: usize = 10_000;

/// The answer to ShowPolicy.
pub fn show(owner: &Owner) -> v1::ShowPolicyResponse {
    let current = owner.broker.policy.current();
    let path = owner.broker.policy.path().display().to_string();
    if owner.broker.is_withheld() {
        return v1::ShowPolicyResponse {
            path,
            withheld: true,
            sealed: true,
            ..v1::ShowPolicyResponse::default()
        };
    }
    let standing = owner.sealing.standing();
    let mut differing = standing.differences.iter();
    v1::ShowPolicyResponse {
        path,
        text: current.policy.is_some().then(|| current.text.to_string()),
        error: current.error.as_ref().map(ToString::to_string),
        sealed: current.is_sealed,
        withheld: false,
        differs: differing.any(|file| file.name == FileName::Policy),
    }
}

/// The answer to CheckPolicy.
///
/// # Errors
/// No policy was sent.
pub fn check(
    owner: &Owner,
    request: v1::CheckPolicyRequest,
) -> Result<v1::CheckPolicyResponse, Status> {
    let written = request
        .policy
        .ok_or_else(|| Status::invalid_argument("the request holds no policy"))?;
    Ok(match read(&written) {
        Ok(policy) => v1::CheckPolicyResponse {
            error: None,
            warnings: owner.broker.warnings_of(&policy),
            rules: u32::try_from(policy.rule_count()).unwrap_or(u32::MAX),
            notes: policy.notes(),
        },
        Err(error) => v1::CheckPolicyResponse {
            error: Some(error.to_string()),
            ..v1::CheckPolicyResponse::default()
        },
    })
}

/// The answer to ExplainPolicy.
///
/// # Errors
/// Too many questions, or a policy that can't be read.
pub fn explain(
    owner: &Owner,
    request: &v1::ExplainPolicyRequest,
) -> Result<v1::ExplainPolicyResponse, Status> {
    if request.questions.len() > MAX_QUESTIONS {
        return Err(Status::invalid_argument(format!(
            "more than {MAX_QUESTIONS} questions at once"
        )));
    }
    if request.policy.is_none() && owner.broker.is_withheld() {
        return Err(Status::with_details(
            Code::FailedPrecondition,
            "the policy is sealed, and the vault that holds it is locked",
            "axis unlock".into(),
        ));
    }
    let in_force = owner.broker.policy.current();
    let own = request.policy.as_ref().map(|written| {
        let policy = read(written).map_err(|error| Status::invalid_argument(error.to_string()));
        policy.map(|policy| (policy, written.text.as_str()))
    });
    let own = own.transpose()?;
    let text = own.as_ref().map_or(&*in_force.text, |(_, text)| text);
    let catalogue = owner.broker.services.catalogue();
    let at = owner.broker.clock.wall();
    let explanations = request.questions.iter().map(|question| {
        let policy = match &own {
            Some((policy, _)) => Some(policy),
            None => in_force.policy.as_deref(),
        };
        let asker = asker(question, policy);
        let decided = asker.and_then(|asker| {
            let decided = decide(question, &asker, &catalogue, at, |request| match policy {
                Some(policy) => policy.decide(request),
                None => in_force.decide(request),
            });
            decided.map(|(decision, effect)| (asker, decision, effect))
        });
        match decided {
            Ok((asker, decision, effect)) => v1::PolicyExplanation {
                own_socket: asker.own_socket,
                ..explanation(owner, &asker, decision, effect, text)
            },
            Err(problem) => v1::PolicyExplanation {
                error: Some(problem),
                ..v1::PolicyExplanation::default()
            },
        }
    });
    Ok(v1::ExplainPolicyResponse {
        explanations: explanations.collect(),
    })
}

fn read(written: &v1::PolicyText) -> Result<Policy, PolicyError> {
    Policy::parse(&written.text, Path::new(&written.origin))
}

/// Who calls, and where.
fn asker(question: &v1::PolicyQuestion, policy: Option<&Policy>) -> Result<Asker, String> {
    let identity = Identity::parse(&question.identity).map_err(|error| error.to_string())?;
    let required = || policy.is_some_and(|policy| policy.requires_own_socket(&identity));
    Ok(Asker {
        own_socket: question.own_socket.unwrap_or_else(required),
        identity,
    })
}

/// The decision on one question, and the action's effect.
fn decide(
    question: &v1::PolicyQuestion,
    asker: &Asker,
    catalogue: &Catalogue,
    at: Timestamp,
    decide: impl FnOnce(&Request<'_>) -> Decision,
) -> Result<(Decision, Effect), String> {
    let (service, action) = catalogue
        .resolve(&question.service, &question.action)
        .map_err(|error| error.to_string())?;
    let params = question.params.as_ref().map(|bytes| {
        params_object(bytes).ok_or("params must be one JSON object that names nothing twice")
    });
    let params = params.transpose()?;
    let decision = decide(&Request {
        identity: &asker.identity,
        own_socket: asker.own_socket,
        service: service.name(),
        action: action.name(),
        effect: action.effect(),
        params: params.as_ref(),
        at,
    });
    Ok((decision, action.effect()))
}

fn explanation(
    owner: &Owner,
    asker: &Asker,
    decision: Decision,
    effect: Effect,
    text: &str,
) -> v1::PolicyExplanation {
    let line = match &decision {
        Decision::Allow(allowed) => Some(allowed.line),
        Decision::Deny(denial) => denial.line,
    };
    let excerpt = line.and_then(|line| text.lines().nth(line.checked_sub(1)?));
    let common = v1::PolicyExplanation {
        line: line.and_then(|line| u32::try_from(line).ok()),
        excerpt: excerpt.unwrap_or_default().trim().to_owned(),
        effect: effect.word().to_owned(),
        ..v1::PolicyExplanation::default()
    };
    match decision {
        Decision::Allow(allowed) => v1::PolicyExplanation {
            allowed: true,
            ttl_s: allowed
                .ttl
                .and_then(|ttl| u32::try_from(ttl.as_secs()).ok()),
            requests_per_minute: allowed.limit.requests_per_minute,
            rule_requests_per_minute: allowed.rule_limit.requests_per_minute,
            ask: allowed
                .ask
                .map(|approver| approver.word().to_owned())
                .unwrap_or_default(),
            credential: allowed
                .credential
                .map(|label| label.as_str().to_owned())
                .unwrap_or_default(),
            ..common
        },
        Decision::Deny(denial) => {
            let denial = owner.broker.directed(denial, &asker.identity);
            v1::PolicyExplanation {
                reason: denial.reason,
                hint: denial.hint,
                ..common
            }
        }
    }
}
