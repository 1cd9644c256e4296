//! Params of every built-in action.
//!
//! - They make a request or an error that says what to write.
//! - The request goes to a host that the service's credentials are sealed to, by
//!   the same scheme and port, and under what its definition says of the path.
//! - No header of Axis's own, none that carries the credential, no line break.
//! - What says that it is JSON is.

use std::sync::LazyLock;

use axis_proto::headers::is_reserved;
use axisd::auth::Carrier;
use axisd::catalogue::{Action, Catalogue, Service};
use axisd::host::BaseUrl;
use axisd::upstream::request::{BoundRequest, UpstreamRequest};
use serde_json::Value;

use super::Bytes;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::builtin().expect("the built-in services are sound"));

/// Bytes: the service's number, the action's in two bytes, the params.
pub fn run(data: &[u8]) {
    let mut data = Bytes(data);
    let (service, action) = (usize::from(data.byte()), data.short());
    let services = CATALOGUE.services();
    let at = service % services.len();
    let Some(service) = CATALOGUE.services().nth(at) else {
        return;
    };
    let at = action % service.actions().len();
    let Some(action) = service.actions().nth(at) else {
        return;
    };
    sound(service, action, data.rest());
}

/// What holds whatever the params are.
pub fn sound(service: &Service, action: &Action, params: &[u8]) {
    let built = action.build(params, Some("AC0123"));
    let again = action.build(params, Some("AC0123"));
    match (built, again) {
        (Ok(request), Ok(again)) => {
            assert_eq!(request.path_and_query, again.path_and_query);
            assert_eq!(request.headers, again.headers);
            assert_eq!(request.body, again.body);
            check(service, action, request);
        }
        (Err(error), Err(again)) => assert_eq!(error.to_string(), again.to_string()),
        _ => panic!("the same params make a request and make none"),
    }
    if let Ok(request) = action.build_for_upload(params, Some("AC0123")) {
        assert!(request.body.is_none(), "two bodies");
        check(service, action, request);
    }
}

/// What holds for every request.
pub fn check(service: &Service, action: &Action, mut request: UpstreamRequest) {
    let route = action.route();
    let (method, template) = route.split_once(' ').expect("a method and a path");
    assert_eq!(request.method.as_str(), method);
    headers(service, &request);
    body(&request);

    let text = &request.path_and_query;
    assert!(text.starts_with('/'), "{text}");
    let is_url = |b: u8| b.is_ascii_graphic() && !b"\\<>\"#`{}".contains(&b);
    assert!(text.bytes().all(is_url), "{text}");
    if !template.contains("..") {
        let literal = template.split(['{', '?']).next().unwrap_or_default();
        let literal = literal.trim_end_matches('/');
        assert!(text.starts_with(literal), "{text} isn't under {template}");
    }

    // its definition may give a service several places: params choose among them
    let Ok(base) = service.resolve(&mut request) else {
        return;
    };
    let base: BaseUrl = base.into_owned();
    assert!(
        service.hosts().iter().any(|host| host.covers(base.host())),
        "{} is not sealed",
        base.host()
    );
    let url = base.join(&request.path_and_query);
    let origin = base.join("/");
    assert_eq!(url.origin(), origin.origin(), "{url}");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    let under = origin.path().trim_end_matches('/');
    assert!(url.path().starts_with(under), "{url} isn't under {under}");
    let path = request.path_and_query.split('?').next().unwrap_or_default();
    for segment in path.split('/') {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        assert!(plain != ".." && plain != ".", "{path} climbs");
    }
    if let Carrier::Query(name) = service.auth().carrier() {
        let mut names = url.query_pairs().map(|(name, _)| name);
        assert!(
            names.all(|it| !it.eq_ignore_ascii_case(name)),
            "{url} has a key"
        );
    }
    assert!(BoundRequest::bind(request, &base, service.hosts()).is_ok());
}

fn headers(service: &Service, request: &UpstreamRequest) {
    let carrier = service.auth().carrier();
    for (name, value) in &request.headers {
        assert!(!is_reserved(name.as_str()), "{name} is Axis's own");
        assert!(!carrier.is_header(name), "{name} carries the credential");
        let printable = value.as_bytes().iter().all(|b| (0x20..0x7f).contains(b));
        assert!(printable, "{name}: {value:?}");
    }
}

fn body(request: &UpstreamRequest) {
    let content_type = request.headers.get(http::header::CONTENT_TYPE);
    let is_json = content_type.is_some_and(|it| it == "application/json");
    if let Some(body) = &request.body
        && is_json
    {
        let value = serde_json::from_slice::<Value>(body);
        assert!(value.is_ok(), "{}", String::from_utf8_lossy(body));
    }
}
