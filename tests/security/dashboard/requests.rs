//! Which requests are answered, and what every answer carries.

use axis_tests::{Dashboard, Wire, head, wait_for};

use super::{is_unlocked, scene, token_of};

/// What no answer may lack.
#[track_caller]
fn is_guarded(answer: &Wire, what: &str) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{what}: {answer:?}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{what}: {answer:?}");
    }
    for (name, _) in &answer.headers {
        assert!(!name.starts_with("access-control-"), "{what}: {answer:?}");
    }
}

#[test]
fn every_answer_carries_the_headers_and_none_lets_another_site_in() {
    let (home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let csrf = token_of(&dashboard, &cookie);
    let own = ("cookie", cookie.as_str());
    let evil = ("origin", "http://evil.example");
    let preflight = ("access-control-request-method", "POST");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let good = format!("csrf={csrf}&back=/");
    let long = format!("csrf={csrf}&x={}", "x".repeat(100_000));
    for (expected, method, path, headers, body) in [
        (200, "GET", "/", vec![own], ""),
        (200, "HEAD", "/", vec![own], ""),
        (200, "GET", "/live", vec![own], ""),
        (200, "GET", "/activity/live", vec![own], ""),
        (200, "GET", "/api/health", vec![own], ""),
        (200, "GET", "/assets/dashboard.js", vec![], ""),
        (204, "HEAD", "/login?code=x", vec![], ""),
        (303, "POST", "/lock", vec![own, form], good.as_str()),
        (400, "GET", "/login?code=a&code=b", vec![], ""),
        (401, "GET", "/", vec![], ""),
        (401, "GET", "/live", vec![], ""),
        (401, "GET", "/nowhere", vec![], ""),
        (401, "POST", "/lock", vec![form], good.as_str()),
        (401, "GET", "/login?code=guess", vec![], ""),
        (401, "GET", "/api/health", vec![], ""),
        (401, "GET", "/api/services", vec![], ""),
        (401, "GET", "/api/logs", vec![], ""),
        (401, "GET", "/api/policy", vec![], ""),
        (401, "GET", "/api/stats", vec![], ""),
        (403, "GET", "/", vec![own, evil], ""),
        (403, "GET", "/assets/dashboard.js", vec![evil], ""),
        (403, "POST", "/lock", vec![own, form], "csrf=guess"),
        (403, "OPTIONS", "/lock", vec![own, evil, preflight], ""),
        (403, "OPTIONS", "/api/stats", vec![own, evil, preflight], ""),
        (404, "GET", "/nowhere", vec![own], ""),
        (404, "GET", "/assets/nothing.js", vec![], ""),
        (404, "GET", "/api/nothing", vec![own], ""),
        (405, "OPTIONS", "/lock", vec![own, preflight], ""),
        (405, "DELETE", "/", vec![own], ""),
        (405, "POST", "/api/stats", vec![own, form], good.as_str()),
        (413, "POST", "/lock", vec![own, form], long.as_str()),
        (415, "POST", "/lock", vec![own], good.as_str()),
        (
            415,
            "POST",
            "/approvals",
            vec![own, ("content-type", "text/plain")],
            good.as_str(),
        ),
    ] {
        let answer = Wire::send(port, &head(method, port, path, &headers, body));
        let what = format!("{method} {path} {headers:?}");
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
        is_guarded(&answer, &what);
    }
    let misdirected = Wire::send(
        port,
        b"GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
    );
    assert_eq!(misdirected.status, 421);
    is_guarded(&misdirected, "another name");
    home.axis(&["daemon", "stop"]).ok();
    for path in [
        "/",
        "/activity",
        "/services",
        "/policy",
        "/approvals",
        "/health",
        "/api/stats",
    ] {
        let answer = Wire::get(port, path, &[own]);
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        is_guarded(&answer, path);
    }
}

/// Fault 14 of the original: it served any Host.
#[test]
fn only_its_own_name_with_its_port_is_answered_to() {
    let (_home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let other = port ^ 1;
    let sent = |target: &str, hosts: &[String]| {
        let hosts = hosts.iter().map(|host| format!("host: {host}\r\n"));
        let hosts = hosts.collect::<Vec<_>>().concat();
        let request = format!(
            "GET {target} HTTP/1.1\r\n{hosts}cookie: {cookie}\r\nconnection: close\r\n\r\n"
        );
        Wire::try_send(port, request.as_bytes()).map_or(0, |answer| answer.status)
    };
    for (expected, host) in [
        (200, format!("127.0.0.1:{port}")),
        (200, format!("localhost:{port}")),
        (200, format!("LOCALHOST:{port}")),
        (421, "127.0.0.1".to_owned()),
        (421, "localhost".to_owned()),
        (421, format!("127.0.0.1:{other}")),
        (421, format!("localhost.:{port}")),
        (421, format!("127.0.0.1.:{port}")),
        (421, format!("[::1]:{port}")),
        (421, format!("[::ffff:127.0.0.1]:{port}")),
        (421, format!("0.0.0.0:{port}")),
        (421, format!("127.1:{port}")),
        (421, format!("2130706433:{port}")),
        (421, format!("0x7f000001:{port}")),
        (421, format!("evil.example:{port}")),
        (421, format!("localhost.evil.example:{port}")),
        (421, format!("a.localhost:{port}")),
        (421, format!("owner@127.0.0.1:{port}")),
        (421, format!("127.0.0.1:{port}@evil.example")),
        (421, format!("127.0.0.1:{port}, evil.example")),
        (421, format!("127.0.0.1:0{port}")),
        (421, format!("http://127.0.0.1:{port}")),
        (421, String::new()),
    ] {
        assert_eq!(
            sent("/health", std::slice::from_ref(&host)),
            expected,
            "{host:?}"
        );
    }
    let own = format!("127.0.0.1:{port}");
    let evil = format!("evil.example:{port}");
    assert_eq!(sent("/health", &[]), 421, "no Host");
    assert_eq!(sent("/health", &[own.clone(), evil.clone()]), 421, "two");
    assert_eq!(sent("/health", &[own.clone(), own.clone()]), 421, "twice");
    // a target with a host of its own
    for (expected, target) in [
        (200, format!("http://127.0.0.1:{port}/health")),
        (421, format!("http://evil.example:{port}/health")),
        (421, format!("http://owner@127.0.0.1:{port}/health")),
        (421, format!("http://127.0.0.1:{other}/health")),
    ] {
        assert_eq!(
            sent(&target, std::slice::from_ref(&own)),
            expected,
            "{target}"
        );
    }
    assert_ne!(
        sent(&format!("http://127.0.0.1:{port}/health"), &[evil]),
        200
    );
}

#[test]
fn what_another_page_sends_is_refused_even_with_the_session_and_its_token() {
    let (home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let csrf = token_of(&dashboard, &cookie);
    let form = format!("csrf={csrf}&back=/");
    let own = ("cookie", cookie.as_str());
    let origins = [
        "null".to_owned(),
        String::new(),
        "http://evil.example".to_owned(),
        format!("http://127.0.0.1:{}", port ^ 1),
        "http://127.0.0.1".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}.evil.example"),
        format!("http://evil.example/http://127.0.0.1:{port}"),
    ];
    for origin in &origins {
        let headers = [own, ("origin", origin.as_str())];
        let posted = Wire::post(port, "/lock", &headers, &form);
        assert_eq!(posted.status, 403, "{origin:?}: {posted:?}");
        let read = Wire::get(port, "/api/stats", &headers);
        assert_eq!(read.status, 403, "{origin:?}: {read:?}");
        assert!(!read.body.contains("total"), "{read:?}");
    }
    for site in ["same-site", "cross-site", "unheard-of", ""] {
        let by = ("sec-fetch-site", site);
        for path in [
            "/api/logs",
            "/live",
            "/activity/live",
            "/",
            "/assets/dashboard.js",
        ] {
            for mode in ["cors", "no-cors", "nested-navigate"] {
                let headers = [own, by, ("sec-fetch-mode", mode)];
                let read = Wire::get(port, path, &headers);
                assert_eq!(read.status, 403, "{site} {mode} {path}");
            }
            for place in [
                "iframe", "frame", "embed", "object", "script", "image", "empty",
            ] {
                let mode = ("sec-fetch-mode", "navigate");
                let headers = [own, by, mode, ("sec-fetch-dest", place)];
                let read = Wire::get(port, path, &headers);
                assert_eq!(read.status, 403, "{site} {place} {path}");
            }
        }
        let mode = ("sec-fetch-mode", "navigate");
        let headers = [own, by, mode, ("sec-fetch-dest", "document")];
        let posted = Wire::post(port, "/lock", &headers, &form);
        assert_eq!(posted.status, 403, "a form of a page that is {site}");
    }
    assert!(is_unlocked(&home));
}

#[test]
fn a_form_needs_the_token_of_its_own_session_once() {
    let (home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let csrf = token_of(&dashboard, &cookie);
    let second = Dashboard::open(&home);
    let others = token_of(&second, &second.sign_in());
    let own = [("cookie", cookie.as_str())];
    for form in [
        String::new(),
        "back=/".to_owned(),
        "csrf=".to_owned(),
        format!("csrf={others}"),
        format!("csrf={}", &csrf[1..]),
        format!("csrf={csrf}0"),
        format!("csrf=%20{csrf}"),
        format!("CSRF={csrf}"),
        format!("csrf[]={csrf}"),
        format!("csrf={others}&csrf={csrf}"),
    ] {
        for path in ["/lock", "/approvals"] {
            let answer = Wire::post(port, path, &own, &form);
            assert_eq!(answer.status, 403, "{path} {form}: {answer:?}");
        }
    }
    // in the address it is none, nor under another dashboard's cookie
    let address = format!("/lock?csrf={csrf}");
    assert_eq!(Wire::post(port, &address, &own, "").status, 403);
    assert_eq!(Wire::get(port, &address, &own).status, 405);
    let renamed = cookie.replace(&port.to_string(), &second.port().to_string());
    let there = Wire::post(
        second.port(),
        "/lock",
        &[("cookie", &renamed)],
        &format!("csrf={csrf}"),
    );
    assert_eq!(there.status, 401, "{there:?}");
    assert!(is_unlocked(&home));
    let locked = Wire::post(
        port,
        "/lock",
        &own,
        &format!("csrf={csrf}&back=//evil.example/"),
    );
    assert_eq!(locked.status, 303);
    assert_eq!(
        locked.header("location"),
        Some("/"),
        "it leads nowhere else"
    );
    wait_for("the lock", || (!is_unlocked(&home)).then_some(()));
}
