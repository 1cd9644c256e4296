//! Approvals with a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::audit::Peer;
use crate::clock::ManualClock;
use crate::names::{CredentialName, Identity, ServiceName};

const TIMEOUT: Duration = Duration::from_mins(5);

struct Bench {
    clock: Arc<ManualClock>,
    approvals: Approvals,
}

fn bench() -> Bench {
    let clock = Arc::new(ManualClock::starting_at(
        "2026-01-15T10:30:00Z".parse().unwrap(),
    ));
    Bench {
        approvals: Approvals::new(clock.clone(), TIMEOUT),
        clock,
    }
}

fn question(identity: &str, action: &str, params: &str) -> Question {
    let parts = [identity, action, params].map(str::as_bytes);
    Question {
        binding: Binding::to(parts),
        request_id: Uuid::new_v4(),
        identity: Identity::parse(identity).unwrap(),
        own_socket: false,
        peer: Peer {
            uid: 1000,
            pid: None,
            exe: None,
        },
        justification: "why not".into(),
        service: ServiceName::parse("github").unwrap(),
        action: action.into(),
        effect: "delete",
        credential: CredentialName::parse("github", "").unwrap(),
        params: params.into(),
        method: "DELETE".into(),
        host: "api.github.com".into(),
        target: "/".into(),
    }
}

impl Bench {
    fn ask(&self, identity: &str, action: &str, params: &str) -> Waiting {
        match self.approvals.ask(question(identity, action, params)) {
            Ok(Asked::Waiting(waiting)) => waiting,
            Ok(Asked::Granted(id)) => panic!("granted by {id}"),
            Err(error) => panic!("{error}"),
        }
    }

    fn is_granted(&self, identity: &str, action: &str, params: &str) -> bool {
        match self.approvals.ask(question(identity, action, params)) {
            Ok(Asked::Granted(_)) => true,
            Ok(Asked::Waiting(waiting)) => {
                waiting.leave(false);
                false
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn said(waiting: &Waiting) -> Ended {
    waiting.answer(Some(Duration::ZERO)).await
}

#[tokio::test(start_paused = true)]
async fn one_approval_lets_one_of_two_identical_calls_go() {
    let bench = bench();
    let (one, other) = (bench.ask("a", "x", "{}"), bench.ask("a", "x", "{}"));
    assert!(one.is_new() && !other.is_new());
    assert_eq!(one.id(), other.id());
    assert_eq!(bench.approvals.open().len(), 1);
    assert_eq!(said(&one).await, Ended::Pending);
    let ids = [one.id().clone()];
    bench.approvals.approve(&ids, None).unwrap();
    assert_eq!(said(&other).await, Ended::Approved(ids[0].clone()));
    assert_eq!(said(&one).await, Ended::Taken);
    assert!(!one.leave(false) && !other.leave(false));
    // the next one is asked about anew
    let next = bench.ask("a", "x", "{}");
    assert!(next.is_new());
    assert_ne!(next.id(), &ids[0]);
    assert!(bench.approvals.approve(&ids, None).is_err(), "a replay");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_hears_the_answer_at_once() {
    let bench = bench();
    let waiting = bench.ask("a", "x", "{}");
    let id = waiting.id().clone();
    let answer = tokio::spawn(async move { waiting.answer(None).await });
    tokio::task::yield_now().await;
    let rejected = bench.approvals.reject(std::slice::from_ref(&id), "no");
    assert_eq!(rejected.unwrap().len(), 1);
    let reason = "no".to_owned();
    assert_eq!(answer.await.unwrap(), Ended::Rejected { reason });
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_for_nothing_but_what_was_asked() {
    let bench = bench();
    let asked = bench.ask("a", "x", "{}");
    let others = [
        bench.ask("b", "x", "{}"),
        bench.ask("a", "y", "{}"),
        bench.ask("a", "x", "{\"more\":1}"),
    ];
    let ids = [asked.id().clone()];
    bench.approvals.approve(&ids, None).unwrap();
    for other in &others {
        assert_eq!(said(other).await, Ended::Pending);
    }
    assert!(matches!(said(&asked).await, Ended::Approved(_)));
}

#[tokio::test(start_paused = true)]
async fn who_was_told_to_come_back_hears_the_answer_then() {
    let bench = bench();
    for (params, approve) in [("{}", true), ("{\"a\":1}", false)] {
        let first = bench.ask("a", "x", params);
        let ids = [first.id().clone()];
        assert!(!first.leave(true), "a pending call stays asked");
        if approve {
            bench.approvals.approve(&ids, None).unwrap();
        } else {
            bench.approvals.reject(&ids, "").unwrap();
        }
        let again = bench.ask("a", "x", params);
        assert_eq!(again.id(), &ids[0]);
        let heard = said(&again).await;
        assert_eq!(matches!(heard, Ended::Approved(_)), approve, "{heard:?}");
        assert_eq!(matches!(heard, Ended::Rejected { .. }), !approve);
        again.leave(false);
        assert!(bench.ask("a", "x", params).is_new(), "told once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_withdraws_its_question_unless_another_waits() {
    let bench = bench();
    let (one, other) = (bench.ask("a", "x", "{}"), bench.ask("a", "x", "{}"));
    let ids = [one.id().clone()];
    assert!(!one.leave(false));
    assert_eq!(bench.approvals.open().len(), 1);
    assert!(other.leave(false));
    assert!(bench.approvals.open().is_empty());
    assert!(bench.approvals.approve(&ids, None).is_err());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_answers_ends_and_a_late_yes_is_none() {
    let bench = bench();
    let waiting = bench.ask("a", "x", "{}");
    let ids = [waiting.id().clone()];
    // whatever is done to the wall clock
    bench.clock.step_wall(SignedDuration::from_hours(-24));
    bench.clock.advance(Duration::from_secs(299));
    assert!(bench.approvals.sweep().is_empty());
    bench.clock.step_wall(SignedDuration::from_hours(48));
    bench.clock.advance(Duration::from_secs(1));
    assert!(bench.approvals.approve(&ids, None).is_err());
    let lapsed = bench.approvals.sweep();
    assert!(lapsed.len() == 1 && !lapsed[0].was_approved);
    assert_eq!(said(&waiting).await, Ended::Expired { after: TIMEOUT });
    waiting.leave(false);
    assert!(bench.ask("a", "x", "{}").is_new());
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_no_call_comes_for_lapses() {
    let bench = bench();
    let waiting = bench.ask("a", "x", "{}");
    let ids = [waiting.id().clone()];
    waiting.leave(true);
    bench.approvals.approve(&ids, None).unwrap();
    bench.clock.advance(TIMEOUT);
    let lapsed = bench.approvals.sweep();
    assert!(lapsed.len() == 1 && lapsed[0].was_approved);
    assert!(bench.ask("a", "x", "{}").is_new());
}

#[tokio::test(start_paused = true)]
async fn a_grant_covers_the_same_identity_and_action_until_its_end() {
    let bench = bench();
    let asked = bench.ask("a", "x", "{}");
    let same = bench.ask("a", "x", "{\"other\":\"params\"}");
    let foreign = bench.ask("b", "x", "{}");
    let elsewhere = Question {
        own_socket: true,
        ..question("a", "x", "{\"own\":\"socket\"}")
    };
    let Ok(Asked::Waiting(elsewhere)) = bench.approvals.ask(elsewhere) else {
        panic!("it is a question of its own");
    };
    let ids = [asked.id().clone()];
    let lasting = Duration::from_mins(15);
    bench.approvals.approve(&ids, Some(lasting)).unwrap();
    assert!(matches!(said(&asked).await, Ended::Approved(_)));
    assert!(matches!(said(&same).await, Ended::Approved(_)));
    assert_eq!(said(&foreign).await, Ended::Pending);
    assert_eq!(said(&elsewhere).await, Ended::Pending);
    assert!(bench.is_granted("a", "x", "{\"third\":3}"));
    assert!(!bench.is_granted("a", "y", "{}"));
    assert_eq!(bench.approvals.grants().len(), 1);
    bench.clock.step_wall(SignedDuration::from_hours(-48));
    bench.clock.advance(lasting);
    assert!(!bench.is_granted("a", "x", "{}"));
    bench.approvals.sweep();
    assert!(bench.approvals.grants().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_owner_ends_a_grant_by_its_id() {
    let bench = bench();
    let asked = bench.ask("a", "x", "{}");
    let ids = [asked.id().clone()];
    bench
        .approvals
        .approve(&ids, Some(Duration::from_mins(15)))
        .unwrap();
    assert!(bench.is_granted("a", "x", "{}"));
    assert_eq!(bench.approvals.reject(&ids, "").unwrap().len(), 1);
    assert!(!bench.is_granted("a", "x", "{}"));
    // two that were approved together make one grant, which one id ends
    let (one, other) = (bench.ask("a", "x", "{}"), bench.ask("a", "x", "{\"b\":1}"));
    let ids = [one.id().clone(), other.id().clone()];
    let lasting = Some(Duration::from_mins(15));
    bench.approvals.approve(&ids, lasting).unwrap();
    let [grant] = bench.approvals.grants().try_into().unwrap();
    bench.approvals.reject(&[grant.id], "").unwrap();
    assert!(!bench.is_granted("a", "x", "{}"));
}

#[tokio::test(start_paused = true)]
async fn a_lock_forgets_questions_answers_and_grants() {
    let bench = bench();
    let (granted, asked) = (bench.ask("a", "x", "{}"), bench.ask("a", "y", "{}"));
    let approved = bench.ask("a", "z", "{}");
    let approved_id = [approved.id().clone()];
    approved.leave(true);
    bench.approvals.approve(&approved_id, None).unwrap();
    let lasting = Some(Duration::from_mins(15));
    bench
        .approvals
        .approve(&[granted.id().clone()], lasting)
        .unwrap();
    assert_eq!(bench.approvals.clear(), (2, 1));
    assert_eq!(said(&asked).await, Ended::Locked);
    assert!(!bench.is_granted("a", "x", "{}"));
    assert!(bench.ask("a", "z", "{}").is_new());
    // an id of before the lock is worth nothing
    assert!(
        bench
            .approvals
            .approve(&[asked.id().clone()], None)
            .is_err()
    );
    assert!(!asked.leave(false));
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_removed_leaves_no_grant_to_the_next_of_its_name() {
    let bench = bench();
    let on = |own_socket, action: &str| {
        let asked = bench.approvals.ask(Question {
            own_socket,
            ..question("ci", action, "{}")
        });
        match asked.unwrap() {
            Asked::Granted(_) => None,
            Asked::Waiting(waiting) => Some(waiting),
        }
    };
    for own_socket in [true, false] {
        let ids = [on(own_socket, "x").unwrap().id().clone()];
        let lasting = Some(Duration::from_mins(15));
        bench.approvals.approve(&ids, lasting).unwrap();
        assert!(on(own_socket, "x").is_none());
    }
    let waiting = on(true, "y").unwrap();
    bench.approvals.forget(&Identity::parse("ci").unwrap());
    assert!(on(true, "x").is_some(), "its grant is gone");
    assert!(
        on(false, "x").is_none(),
        "that of the general socket is not"
    );
    assert_eq!(said(&waiting).await, Ended::Taken);
}

#[tokio::test(start_paused = true)]
async fn several_are_answered_together_or_not_at_all() {
    let bench = bench();
    let (one, other) = (bench.ask("a", "x", "{}"), bench.ask("a", "y", "{}"));
    let unknown = ApprovalId::typed("zzzzzzzz");
    let ids = [one.id().clone(), unknown, other.id().clone()];
    assert!(bench.approvals.approve(&ids, None).is_err());
    assert!(bench.approvals.reject(&ids, "").is_err());
    assert_eq!(said(&one).await, Ended::Pending);
    let ids = [one.id().clone(), other.id().clone()];
    assert_eq!(bench.approvals.approve(&ids, None).unwrap().len(), 2);
    assert!(matches!(said(&one).await, Ended::Approved(_)));
    assert!(matches!(said(&other).await, Ended::Approved(_)));
}

#[tokio::test(start_paused = true)]
async fn nobody_floods_the_owner_or_keeps_others_out() {
    let bench = bench();
    let mut waiting = Vec::new();
    let refused = (0..40).find_map(|number| {
        match bench.approvals.ask(question("a", "x", &number.to_string())) {
            Ok(Asked::Waiting(one)) => {
                waiting.push(one);
                None
            }
            Ok(Asked::Granted(_)) => panic!("nothing was granted"),
            Err(error) => Some((number, error)),
        }
    });
    assert_eq!(refused, Some((16, TooMany::Waiting { waiting: 16 })));
    assert!(bench.ask("b", "x", "{}").is_new());
    // asking and withdrawing again and again is no way round
    for one in waiting {
        one.leave(false);
    }
    let refused = (0..40).find_map(|number| {
        match bench.approvals.ask(question("a", "y", &number.to_string())) {
            Ok(Asked::Waiting(one)) => {
                one.leave(false);
                None
            }
            Ok(Asked::Granted(_)) => panic!("nothing was granted"),
            Err(error) => Some((number, error)),
        }
    });
    let wait = TooMany::Asked { retry_after_s: 61 };
    assert_eq!(refused, Some((14, wait)));
    bench.clock.advance(Duration::from_secs(61));
    assert!(bench.ask("a", "y", "{}").is_new());
}

#[tokio::test(start_paused = true)]
async fn new_names_bring_no_new_room() {
    let bench = bench();
    let refused = (0..500).find_map(|number| {
        let asked = bench
            .approvals
            .ask(question(&format!("a{number}"), "x", "{}"));
        match asked {
            Ok(Asked::Waiting(one)) => {
                one.leave(false);
                None
            }
            Ok(Asked::Granted(_)) => panic!("nothing was granted"),
            Err(error) => Some((number, error)),
        }
    });
    assert_eq!(refused, Some((120, TooMany::Asked { retry_after_s: 10 })));
    // nor do params that nobody could look at
    bench.clock.advance(Duration::from_secs(61));
    let long = |identity: usize, number: usize| {
        let params = "x".repeat(1024 * 1024 - number);
        bench
            .approvals
            .ask(question(&format!("b{identity}"), "x", &params))
    };
    for identity in 0..4 {
        assert!(long(identity, 0).is_ok() && long(identity, 1).is_ok());
        // one doesn't take the room of the others
        assert!(matches!(long(identity, 2), Err(TooMany::Bytes)));
    }
    assert!(matches!(long(4, 0), Err(TooMany::Bytes)));
}

#[tokio::test(start_paused = true)]
async fn a_hosts_window_answers_only_what_it_was_asked() {
    let bench = bench();
    let (one, other) = (bench.ask("a", "x", "{}"), bench.ask("a", "y", "{}"));
    let key = one.host_key();
    let foreign = other.host_key();
    let forged = HostKey::of(&[7; 16]).unwrap();
    for key in [foreign, forged] {
        assert!(
            bench
                .approvals
                .answer_by_host(one.id(), &key, true)
                .is_err()
        );
    }
    assert_eq!(said(&one).await, Ended::Pending);
    bench
        .approvals
        .answer_by_host(one.id(), &key, true)
        .unwrap();
    assert!(matches!(said(&one).await, Ended::Approved(_)));
    assert!(
        bench
            .approvals
            .answer_by_host(one.id(), &key, true)
            .is_err()
    );
    assert_eq!(said(&other).await, Ended::Pending);
}

#[test]
fn parts_of_a_binding_do_not_run_together() {
    let binding = |parts: &[&str]| Binding::to(parts.iter().map(|part| part.as_bytes()));
    assert_ne!(binding(&["ab", "c"]), binding(&["a", "bc"]));
    assert_ne!(binding(&["a", ""]), binding(&["a"]));
    assert_eq!(binding(&["a", "b"]), binding(&["a", "b"]));
}

#[test]
fn an_id_is_short_and_taken_as_people_type_it() {
    let id = ApprovalId::random();
    assert_eq!(id.as_str().len(), 8);
    assert_eq!(
        ApprovalId::typed(&format!(" {} ", id.as_str().to_uppercase())),
        id
    );
}
