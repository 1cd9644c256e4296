//! The policy's share of a call: a decision and a reservation, with ten rules
//! and with ten thousand. Budget: 1 µs a decision, however many rules.

#![expect(clippy::expect_used, reason = "a benchmark ends at its first surprise")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use axisd::catalogue::Effect;
use axisd::names::{Identity, ServiceName};
use axisd::policy::{Decision, Limits, Policy, Request};
use divan::{Bencher, black_box};
use jiff::Timestamp;

fn main() {
    divan::main();
}

/// `rules` rules over fifty identities, as a large company might write them.
fn text(rules: usize) -> String {
    let mut text = String::from("policies:\n");
    for identity in 0..50.min(rules) {
        writeln!(text, "- identity: agent-{identity}\n  allow:").expect("a String grows");
        for rule in (identity..rules).step_by(50) {
            writeln!(
                text,
                "  - {{service: service-{}, actions: [\"things{rule}.create\", \"group{rule}.*\"]}}",
                rule % 700
            )
            .expect("a String grows");
        }
    }
    text
}

fn policy(rules: usize) -> Policy {
    Policy::parse(&text(rules), Path::new("policy.yaml")).expect("the policy is valid")
}

/// The last rule of an identity, so that nothing is found early.
fn request(rules: usize) -> (Identity, ServiceName, String) {
    let rule = rules - 1;
    let name = |kind: &str, number: usize| format!("{kind}-{number}");
    (
        Identity::parse(&name("agent", rule % 50)).expect("a name"),
        ServiceName::parse(&name("service", rule % 700)).expect("a name"),
        format!("Group{rule}.sub.list"),
    )
}

fn ask<'a>(identity: &'a Identity, service: &'a ServiceName, action: &'a str) -> Request<'a> {
    Request {
        identity,
        own_socket: false,
        service,
        action,
        effect: Effect::Write,
        params: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

#[divan::bench(args = [10, 10_000])]
fn decide_allow(bencher: Bencher, rules: usize) {
    let policy = policy(rules);
    let (identity, service, action) = request(rules);
    bencher.bench(|| policy.decide(&ask(black_box(&identity), &service, &action)));
}

#[divan::bench(args = [10, 10_000])]
fn decide_deny(bencher: Bencher, rules: usize) {
    let policy = policy(rules);
    let (identity, service, _) = request(rules);
    bencher.bench(|| policy.decide(&ask(black_box(&identity), &service, "nothing.like.this")));
}

/// A rule for each repository, all of one action of one identity: what decides
/// is a param alone.
fn by_repository(rules: usize) -> Policy {
    let mut text = String::from("policies:\n- identity: agent-0\n  allow:\n");
    for rule in 0..rules {
        writeln!(
            text,
            "  - {{service: github, actions: [issues.create], params: {{owner: acme, repo: repo-{rule}}}}}"
        )
        .expect("a String grows");
    }
    Policy::parse(&text, Path::new("policy.yaml")).expect("the policy is valid")
}

#[divan::bench(args = [10, 10_000])]
fn decide_by_a_param(bencher: Bencher, rules: usize) {
    let policy = by_repository(rules);
    let identity = Identity::parse("agent-0").expect("a name");
    let service = ServiceName::parse("github").expect("a name");
    let params =
        serde_json::json!({"owner": "acme", "repo": format!("repo-{}", rules - 1), "title": "t"});
    let params = params.as_object().expect("an object");
    bencher.bench(|| {
        policy.decide(&Request {
            params: Some(black_box(params)),
            ..ask(&identity, &service, "issues.create")
        })
    });
}

#[divan::bench]
fn reserve_and_commit(bencher: Bencher) {
    let policy = policy(10);
    let (identity, service, action) = request(10);
    let Decision::Allow(allowed) = policy.decide(&ask(&identity, &service, &action)) else {
        unreachable!("the request is made from a rule");
    };
    let limits = Limits::new();
    let mut now = Duration::ZERO;
    bencher.bench_local(|| {
        now += Duration::from_micros(100);
        let slot = limits.reserve(&allowed, &identity, &service, &action, now);
        slot.expect("there is no limit").commit(now);
    });
}

#[divan::bench(args = [10, 10_000])]
fn parse(bencher: Bencher, rules: usize) {
    let text = text(rules);
    bencher.bench(|| Policy::parse(black_box(&text), Path::new("policy.yaml")));
}
