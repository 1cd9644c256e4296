//! The daemon killed again and again in the midst of calls.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axis_tests::{Home, Host, Reply, Upstream, canary, wait_for};
use serde_json::{Value, json};

const KILLS: u64 = 50;
/// The own limit of one rule.
const A_MINUTE: usize = 12;
/// Stripe is told the request's id as its `Idempotency-Key`, so that each
/// request at the upstream can be looked up in the log.
const POLICY: &str = "policies:
  - identity: local-dev
    allow:
      - { service: stripe, actions: [customers.create] }
      - { service: stripe, actions: [paymentIntents.create], rateLimit: { requestsPerMinute: 12 } }
      - { service: stripe, actions: [refunds.create], ttl: 3600 }
      - { service: stripe, actions: [products.create], ask: true }
";

/// Where each request went, with its key and when it came.
type Arrivals = Arc<Mutex<Vec<(String, String, Instant)>>>;

fn counting_upstream() -> (Upstream, Arrivals) {
    let arrivals = Arrivals::default();
    let record = arrivals.clone();
    let upstream = Upstream::answering(move |request| {
        let key = request.headers.get("idempotency-key").cloned();
        record.lock().unwrap().push((
            request.path.clone(),
            key.unwrap_or_default(),
            Instant::now(),
        ));
        Reply::json(200, &json!({"id": "x"})).after(Duration::from_millis(20))
    });
    (upstream, arrivals)
}

fn start(host: &mut Host, action: &str, number: u64) -> u64 {
    let params = match action {
        "paymentIntents.create" => json!({"amount": number + 100, "currency": "eur"}),
        "refunds.create" => json!({"charge": "ch_1"}),
        "products.create" => json!({"name": format!("p{number}")}),
        _ => json!({"name": format!("c{number}")}),
    };
    let more = json!({"_meta": {"progressToken": number}});
    host.start_execute_with("stripe", action, &params, &more)
}

/// A grant, which no kill may leave.
fn grant_for_an_hour(home: &Home, host: &mut Host) {
    let asked = start(host, "products.create", 0);
    let waiting = wait_for_question(home);
    home.axis(&["approve", &waiting, "--for", "1h"]).ok();
    assert_eq!(host.executed(asked)["ok"], true);
}

fn wait_for_question(home: &Home) -> String {
    wait_for("the question", || {
        let listed = home.axis_without_password(&["approvals", "--json"]);
        listed.json()[0]["id"].as_str().map(str::to_owned)
    })
}

#[test]
fn slow_after_fifty_kills_under_load_the_record_is_whole_and_limits_ttl_and_grants_hold() {
    let (upstream, arrivals) = counting_upstream();
    let home = Home::ready();
    home.add(
        "stripe",
        &canary("kills").replace("ghp_", "sk_test_"),
        &upstream.url(),
    );
    home.policy(POLICY);
    let mut host = Host::connect(&home, "local-dev");
    grant_for_an_hour(&home, &mut host);
    let products = |arrivals: &Arrivals| {
        let arrivals = arrivals.lock().unwrap();
        arrivals.iter().filter(|it| it.0 == "/v1/products").count()
    };
    let mut granted = 0;
    let random = std::collections::hash_map::RandomState::new();
    for round in 1..=KILLS {
        let before = upstream.requests().len();
        let mut load = Vec::new();
        for number in 0..3 {
            let number = round * 10 + number;
            load.push(start(&mut host, "customers.create", number));
            load.push(start(&mut host, "paymentIntents.create", number));
        }
        load.push(start(&mut host, "refunds.create", round));
        load.push(start(&mut host, "products.create", round));
        // every other time some have gone out already
        if round % 2 == 0 {
            upstream.wait_for_requests(before + 1);
        }
        let mut moment = random.build_hasher();
        moment.write_u64(round);
        #[expect(
            clippy::disallowed_methods,
            reason = "it strikes at another moment of the calls each time"
        )]
        std::thread::sleep(Duration::from_millis(moment.finish() % 70));
        home.kill();
        if round == 1 {
            granted = products(&arrivals);
        }
        for id in load {
            let answer = host.executed(id);
            let code = answer["error"]["code"].as_str();
            assert!(
                answer["ok"] == true
                    || answer["denied"] == true
                    || matches!(code, Some("daemon_unavailable" | "vault_locked")),
                "kill {round}: {answer}"
            );
        }
        home.axis(&["unlock"]).ok();
    }
    // the grant is gone with the first kill
    assert_eq!(products(&arrivals), granted);
    let asked = start(&mut host, "products.create", 999);
    wait_for_question(&home);
    home.axis_without_password(&["lock"]).ok();
    assert_eq!(host.executed(asked)["error"]["code"], "vault_locked");

    let lines = home.audit();
    let started: HashSet<&str> = lines
        .iter()
        .filter(|line| line["event"] == "started")
        .filter_map(|line| line["request_id"].as_str())
        .collect();
    let arrivals = arrivals.lock().unwrap().clone();
    for (path, key, _) in &arrivals {
        assert!(
            started.contains(key.as_str()),
            "{path} {key} is not on record"
        );
    }
    let came_to = |path: &str| {
        let came = arrivals.iter().filter(|arrival| arrival.0 == path);
        came.map(|arrival| arrival.2).collect::<Vec<_>>()
    };
    assert!(came_to("/v1/customers").len() > 20, "{}", arrivals.len());
    let refunds = lines
        .iter()
        .filter(|line| line["event"] == "started" && line["action"] == "refunds.create");
    assert_eq!(refunds.count(), 1, "once in an hour");
    assert!(came_to("/v1/refunds").len() <= 1);
    let limited = came_to("/v1/payment_intents");
    // a call is counted when it is on record, and arrives a moment later or,
    // killed in between, never
    assert!(limited.len() >= A_MINUTE / 2, "{}", limited.len());
    for window in limited.windows(A_MINUTE + 1) {
        let took = window[A_MINUTE].duration_since(window[0]);
        assert!(took > Duration::from_secs(58), "{took:?}");
    }
    let verified = home.axis(&["logs", "verify"]);
    assert_eq!(verified.code(), 0, "{verified:#?}");
    let aside = lines
        .iter()
        .filter(|line: &&Value| line["act"] == "chain_set_aside");
    assert_eq!(aside.count(), 0);
}
