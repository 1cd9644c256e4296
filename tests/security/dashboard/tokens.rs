//! The read-only token for `/api/`, and what it doesn't open.

use axis_tests::{Dashboard, Home, Wire};

use super::scene;

fn minted(home: &Home) -> String {
    let minted = home.axis_without_password(&["dashboard", "--token"]).ok();
    minted.stdout.trim().to_owned()
}

#[test]
fn a_token_reads_the_api_of_a_dashboard_that_runs_and_opens_nothing_else() {
    let (home, dashboard, _cookie) = scene();
    let port = dashboard.port();
    let token = minted(&home);
    assert!(token.len() >= 32, "{token}");
    let acts = home.audit();
    assert!(
        acts.iter().any(|line| line["act"]
            .as_str()
            .is_some_and(|act| act.contains("token"))),
        "it is on record: {acts:?}"
    );
    assert!(
        !acts.iter().any(|line| line.to_string().contains(&token)),
        "and not itself"
    );
    let bearer = format!("Bearer {token}");
    let own = [("authorization", bearer.as_str())];
    for path in ["health", "services", "logs", "policy", "stats", "approvals"] {
        let path = format!("/api/{path}");
        let read = Wire::get(port, &path, &own);
        assert_eq!(read.status, 200, "{path}: {read:?}");
        assert_eq!(
            read.header("content-type"),
            Some("application/json"),
            "{path}"
        );
        assert_eq!(read.header("set-cookie"), None, "{path}");
        // in the address it is none: addresses are written down everywhere
        for name in ["token", "access_token", "bearer", "authorization", "code"] {
            let address = format!("{path}?{name}={token}");
            assert_ne!(Wire::get(port, &address, &[]).status, 200, "{address}");
        }
        for sent in [
            format!("Bearer {}", &token[1..]),
            format!("Bearer {token}0"),
            format!("Basic {token}"),
            token.clone(),
            "Bearer ".to_owned(),
            format!("Bearer {}", "x".repeat(token.len())),
        ] {
            let read = Wire::get(port, &path, &[("authorization", &sent)]);
            assert_eq!(read.status, 401, "{path}: {read:?}");
        }
        let cookie = format!("axis_session_{port}={token}");
        assert_eq!(Wire::get(port, &path, &[("cookie", &cookie)]).status, 401);
        let posted = Wire::post(port, &path, &own, "csrf=x");
        assert_eq!(posted.status, 405, "{path}: {posted:?}");
    }
    for path in [
        "/",
        "/activity",
        "/activity/live",
        "/live",
        "/services",
        "/policy",
        "/approvals",
        "/health",
    ] {
        assert_eq!(Wire::get(port, path, &own).status, 401, "{path}");
    }
    for path in ["/lock", "/approvals"] {
        for form in ["", "csrf=x", &format!("csrf={token}")] {
            assert_eq!(Wire::post(port, path, &own, form).status, 401, "{path}");
        }
    }
    assert_eq!(
        Wire::get(port, &format!("/login?code={token}"), &own).status,
        401
    );
    // another dashboard of the same axisd takes it, a later axisd doesn't
    let second = Dashboard::open(&home);
    assert_eq!(Wire::get(second.port(), "/api/stats", &own).status, 200);
    home.axis(&["daemon", "restart"]).ok();
    let old = Wire::get(port, "/api/stats", &own);
    assert_eq!(old.status, 401, "{old:?}");
}
