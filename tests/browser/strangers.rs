//! Pages of other sites in the browser in which the owner is signed in.

use axis_tests::{Browser, Dashboard, Host, Upstream, wait_for};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};

use crate::{ask, is_unlocked, open, scene};

/// A site whose every page is empty: what it does, the test has it do.
fn hostile_site() -> Upstream {
    let page = get(|| async { Html("<!doctype html><title>hostile</title><p>hostile</p>") });
    Upstream::routed(Router::new().fallback(page))
}

/// Tries to read pages, documents and streams in all the ways a page can; gives
/// what it could read.
const READS: &str = r#"
const [base, done] = arguments;
const got = [];
const within = (promise, what) => Promise.race([
  promise.catch(() => {}),
  new Promise((resolve) => setTimeout(resolve, 4000)),
]);
const tries = [];
for (const path of ["/", "/activity", "/api/stats", "/api/logs", "/live", "/activity/live", "/health"]) {
  for (const credentials of ["include", "omit"]) {
    tries.push(within(fetch(base + path, { credentials }).then(async (answer) => got.push(["fetch", path, answer.status]))));
    tries.push(within(fetch(base + path, { credentials, mode: "no-cors" }).then(async (answer) => {
      const text = await answer.text();
      if (text) got.push(["no-cors", path, text]);
    })));
    tries.push(within(fetch(base + path, { credentials, headers: { Authorization: "Bearer x" } }).then((answer) => got.push(["preflight", path, answer.status]))));
  }
}
const element = (name, properties) => new Promise((resolve) => {
  const made = Object.assign(document.createElement(name), properties);
  made.onload = () => { resolve(); if (name !== "iframe") got.push([name, properties.src || properties.href]); };
  made.onerror = () => resolve();
  document.body.append(made);
  setTimeout(resolve, 4000);
  if (name === "iframe") setTimeout(() => {
    try { if (made.contentDocument?.body?.innerText) got.push(["iframe", made.contentDocument.body.innerText]); } catch { }
    resolve();
  }, 1500);
});
for (const path of ["/assets/dashboard.js", "/assets/activity.js", "/api/stats"]) tries.push(element("script", { src: base + path }));
for (const path of ["/assets/icon.svg", "/"]) tries.push(element("img", { src: base + path }));
tries.push(element("link", { rel: "stylesheet", href: base + "/assets/style.css" }));
tries.push(element("iframe", { src: base + "/approvals" }));
tries.push(new Promise((resolve) => {
  const source = new EventSource(base + "/live", { withCredentials: true });
  source.addEventListener("now", (event) => { got.push(["events", event.data]); source.close(); resolve(); });
  source.onerror = () => { source.close(); resolve(); };
  setTimeout(resolve, 4000);
}));
Promise.all(tries).then(() => done(got));
"#;

/// Tries to change something in all the ways a page can.
const CHANGES: &str = r#"
const [base, id, done] = arguments;
const tries = [];
const bodies = ["", "csrf=", "csrf=0&back=/", `csrf=x&do=reject&id=${id}&reason=x`, `csrf=x&do=approve&id=${id}&password=guess`];
for (const path of ["/lock", "/approvals"]) for (const body of bodies) {
  const form = { "Content-Type": "application/x-www-form-urlencoded" };
  for (const mode of ["cors", "no-cors"]) for (const method of ["POST", "GET"]) {
    const options = method === "GET" ? {} : { body, headers: form };
    tries.push(fetch(`${base}${path}${method === "GET" ? "?" + body : ""}`, { method, mode, credentials: "include", ...options }).catch(() => {}));
  }
  navigator.sendBeacon(base + path, new Blob([body], { type: "application/x-www-form-urlencoded" }));
  const frame = document.createElement("iframe");
  frame.name = `frame${document.forms.length}`;
  document.body.append(frame);
  for (const enctype of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]) {
    const sent = document.createElement("form");
    Object.assign(sent, { method: "post", action: base + path, target: frame.name, enctype });
    for (const [name, value] of new URLSearchParams(body)) {
      const field = document.createElement("input");
      Object.assign(field, { name, value });
      sent.append(field);
    }
    document.body.append(sent);
    sent.submit();
  }
}
Promise.all(tries).then(() => setTimeout(() => done(true), 500));
"#;

#[test]
fn a_page_of_another_port_or_name_reads_nothing_and_changes_nothing() {
    let (home, upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let mut host = Host::connect(&home, "local-dev");
    ask(&mut host, "waits for the owner");
    let approvals = wait_for("the call that waits", || {
        let listed = home
            .axis_without_password(&["approvals", "--json"])
            .ok()
            .json();
        (listed.as_array()?.len() == 1).then_some(listed)
    });
    let browser = Browser::signed_in(&dashboard);
    let site = hostile_site();
    let port = site.url().rsplit(':').next().unwrap().to_owned();
    // the second is of the same site, as browsers count: its cookies go along
    for stranger in [
        format!("http://evil.localhost:{port}/"),
        format!("http://127.0.0.1:{port}/"),
    ] {
        browser.goto(&stranger);
        for name in ["127.0.0.1", "localhost"] {
            let base = json!(format!("http://{name}:{}", dashboard.port()));
            let read = browser.js_async(READS, vec![base.clone()]);
            assert_eq!(read, json!([]), "{stranger} reads");
            let id = approvals[0]["id"].clone();
            browser.js_async(CHANGES, vec![base, id]);
        }
        // a window of its own, which it may open and not look into
        let looked = browser.js_async(
            "const [url, done] = arguments; const opened = window.open(url); \
             setTimeout(() => { let seen = null; \
               try { seen = opened && opened.document && opened.location.href !== 'about:blank' \
                 ? opened.document.body.innerText : null; } catch { } \
               done(seen); }, 1500)",
            vec![json!(dashboard.url("/activity"))],
        );
        assert_eq!(looked, Value::Null, "{stranger} looks into a window");
    }
    assert!(is_unlocked(&home));
    let now = home.axis_without_password(&["approvals", "--json"]).ok();
    assert_eq!(now.json(), approvals, "it still waits");
    assert!(upstream.requests().is_empty());
    let acts = home.audit();
    assert!(
        acts.iter()
            .all(|line| line["act"] != "lock" && line["act"] != "wrong_password"),
        "{acts:?}"
    );
    // and the owner is still in
    open(&browser, &dashboard, "/");
    browser.wait_for_text("1 call waits");
}

#[test]
fn a_name_that_is_bent_to_this_machine_is_not_answered_to() {
    let (home, _upstream) = scene();
    let dashboard = Dashboard::open(&home);
    let browser = Browser::with(&["--host-resolver-rules=MAP rebind.example 127.0.0.1"]);
    browser.sign_in(&dashboard);
    let port = dashboard.port();
    for page in ["/", "/activity", "/assets/dashboard.js", "/api/stats"] {
        browser.goto(&format!("http://rebind.example:{port}{page}"));
        browser.wait_for_text("answers only to 127.0.0.1 and localhost");
    }
    let status = browser.js_async(
        "const done = arguments[0]; \
         fetch('/lock', { method: 'POST', body: new URLSearchParams({ csrf: 'x' }) }) \
           .then((answer) => done(answer.status))",
        vec![],
    );
    assert_eq!(status, 421);
    // its own link, under the other name, is not used up by it either
    browser.goto(&format!("http://rebind.example:{port}/login?code=guess"));
    browser.wait_for_text("answers only to");
    assert!(is_unlocked(&home));
}
