//! Policy and services come into force in one step.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A policy and a service file that belong together.
struct Pair {
    allow: &'static str,
    path: &'static str,
}

impl Pair {
    fn write(&self, home: &Home, upstream: &Upstream) {
        let policy = format!(
            "policies:\n  - identity: local-dev\n    allow: [{{ service: github, actions: [repos.get] }}{}]\n",
            self.allow
        );
        fs::write(home.file("policy.yaml"), policy).unwrap();
        fs::create_dir_all(home.file("services")).unwrap();
        let service = format!(
            "service: acme\ntitle: Acme\nbase_url: {}\nauth: bearer\nactions:\n  things.list: {{ effect: read, method: GET, path: {} }}\n",
            upstream.url(),
            self.path
        );
        fs::write(home.file("services/acme.yaml"), service).unwrap();
        home.axis(&["policy", "seal"]).ok();
    }
}

#[test]
fn no_call_is_decided_by_one_policy_and_made_by_the_services_of_another() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("switch"), ALLOW_GITHUB);
    let allowed = Pair {
        allow: ", { service: acme, actions: [things.list] }",
        path: "/harmless",
    };
    let denied = Pair {
        allow: "",
        path: "/dangerous",
    };
    allowed.write(&home, &upstream);
    home.axis_fed(
        &["add", "acme", "--stdin", "--yes", "--no-check"],
        "KEY-0123456789",
    )
    .ok();
    let over = AtomicBool::new(false);
    let (mut went, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut host = Host::connect(&home, "local-dev");
                    let (mut went, mut refused) = (0, 0);
                    while !over.load(Ordering::Relaxed) {
                        let answer = host.execute("acme", "things.list", &json!({}));
                        went += u32::from(answer["ok"] == true);
                        refused += u32::from(answer["denied"] == true);
                    }
                    (went, refused)
                })
            })
            .collect();
        for _ in 0..4 {
            denied.write(&home, &upstream);
            allowed.write(&home, &upstream);
        }
        over.store(true, Ordering::Relaxed);
        for call in calls {
            let (more, no) = call.join().unwrap();
            went += more;
            refused += no;
        }
    });
    assert!(went > 0 && refused > 0, "{went} {refused}");
    let paths: Vec<String> = upstream.requests().into_iter().map(|it| it.path).collect();
    assert!(paths.iter().all(|path| path == "/harmless"), "{paths:?}");
}
