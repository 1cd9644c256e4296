//! A policy and a call's params.
//!
//! - Any text is a policy, or an error that names the file.
//! - The same request gets the same decision, in either case of its action.
//! - What is allowed on the general socket is so on the identity's own, and what
//!   is allowed with params can be allowed at all.
//! - Who has no entry, where none is for all, may do nothing.

use std::path::Path;

use axisd::catalogue::Effect;
use axisd::names::{Identity, ServiceName};
use axisd::policy::{Decision, Policy, Request};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Words of a policy that are tried as names of services and actions.
const WORDS: usize = 6;

/// Bytes: params as JSON, a zero, the policy.
pub fn run(data: &[u8]) {
    let (params, text) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (&data[..0], data),
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let policy = match Policy::parse(text, Path::new("policy.yaml")) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(error.to_string().contains("policy.yaml"), "{error}");
            return;
        }
    };
    let params: Map<String, Value> = serde_json::from_slice(params).unwrap_or_default();
    let mut identities: Vec<Identity> = policy.identities().take(3).cloned().collect();
    identities.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    // an entry for all says "*", or escapes it
    let all = text.contains(['*', '\\']);
    let stranger = Identity::parse("nobody-at-all").ok();
    let stranger = stranger.filter(|it| !all && policy.identities().all(|known| known != it));

    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let words = || text.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    let services = words().filter_map(|word| ServiceName::parse(word).ok());
    for service in services.take(WORDS) {
        for action in words().filter(|word| word.contains('.')).take(WORDS) {
            for identity in &identities {
                let request = Request {
                    identity,
                    own_socket: false,
                    service: &service,
                    action,
                    effect: [Effect::Read, Effect::Write][action.len() % 2],
                    params: Some(&params),
                    at: Timestamp::UNIX_EPOCH,
                };
                decide(&policy, &request);
            }
            if let Some(stranger) = &stranger {
                let request = Request {
                    identity: stranger,
                    own_socket: true,
                    service: &service,
                    action,
                    effect: Effect::Read,
                    params: None,
                    at: Timestamp::UNIX_EPOCH,
                };
                assert!(!allows(&policy.decide(&request)), "a stranger is let in");
            }
        }
    }
}

fn decide(policy: &Policy, request: &Request<'_>) {
    let decision = policy.decide(request);
    assert_eq!(policy.decide(request), decision);
    let upper = request.action.to_ascii_uppercase();
    let shouted = policy.decide(&Request {
        action: &upper,
        ..*request
    });
    assert_eq!(allows(&shouted), allows(&decision), "{upper}");
    match &decision {
        Decision::Allow(allowed) => {
            assert!(allowed.line > 0);
            let own = policy.decide(&Request {
                own_socket: true,
                ..*request
            });
            assert!(allows(&own), "its own socket takes rights away");
            let ever = policy.decide(&Request {
                params: None,
                ..*request
            });
            assert!(allows(&ever), "it is allowed and can't be");
            let possible = policy.possible(request.identity, request.service, request.action);
            let key = &allowed.rule_limit.of;
            assert!(
                possible.iter().any(|(_, it)| it == key),
                "its limit would be forgotten"
            );
        }
        Decision::Deny(denial) => assert!(!denial.reason.is_empty()),
    }
}

fn allows(decision: &Decision) -> bool {
    matches!(decision, Decision::Allow(_))
}
