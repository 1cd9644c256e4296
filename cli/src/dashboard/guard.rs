//! What no page of ours would send is refused before anything looks at it, and
//! every answer tells the browser what it may do with it.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::login;
use super::neighbour::Neighbour;

/// Everything comes from here, nothing is written into a page, and no other
/// page has this one in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// On every answer, errors too.
const HEADERS: [(HeaderName, &str); 8] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (CACHE_CONTROL, "no-store"),
    // not no-referrer, with which a browser says of our own forms that they come from nowhere
    (REFERRER_POLICY, "same-origin"),
    (X_FRAME_OPTIONS, "DENY"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    ),
];

/// Puts the headers on whatever answer there is. The connection of a form ends
/// with it, so that its buffers are wiped with the password in them; and whoever
/// was refused or isn't signed in keeps no place.
pub async fn headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_signed_in = app.sessions().of(request.headers(), app.port()).is_some();
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    if !is_read || !is_signed_in || response.status().is_client_error() {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Refuses requests of other users, under other names and from other sites.
pub async fn gate(State(app): State<App>, request: Request, next: Next) -> Response {
    let neighbour = request.extensions().get::<Neighbour>().copied();
    let neighbour = neighbour.unwrap_or(Neighbour::Unknown);
    match problem(
        request.method(),
        request.headers(),
        request.uri().authority().map(Authority::as_str),
        neighbour,
        app.port(),
    ) {
        None => next.run(request).await,
        Some((status, problem)) => (status, format!("{problem}\n")).into_response(),
    }
}

/// Lets those in who are signed in; the others learn how to.
pub async fn signed_in(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match app.sessions().of(request.headers(), app.port()) {
        Some(session) => {
            request.extensions_mut().insert(session);
            next.run(request).await
        }
        None => login::asked_for(),
    }
}

/// What is wrong with a request, before it is known whose it is.
fn problem(
    method: &Method,
    headers: &HeaderMap,
    authority: Option<&str>,
    neighbour: Neighbour,
    port: u16,
) -> Option<(StatusCode, &'static str)> {
    if let Neighbour::Other(_) | Neighbour::Gone = neighbour {
        return Some((
            StatusCode::FORBIDDEN,
            "This dashboard belongs to another user of this machine.",
        ));
    }
    let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let is_own = |host: &str| own.iter().any(|own| own.eq_ignore_ascii_case(host));
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().filter(|host| is_own(host)),
        _ => None,
    };
    let Some(host) = host.filter(|_| authority.is_none_or(is_own)) else {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "This dashboard answers only to 127.0.0.1 and localhost, with its port.",
        ));
    };
    let other_site = Some((
        StatusCode::FORBIDDEN,
        "A page of another site may not ask this.",
    ));
    if let Some(origin) = headers.get(ORIGIN) {
        let own = format!("http://{host}");
        if !origin
            .to_str()
            .is_ok_and(|origin| origin.eq_ignore_ascii_case(&own))
        {
            return other_site;
        }
    }
    let text = |name| headers.get(name).map(HeaderValue::as_bytes);
    let is_by_own = match text("sec-fetch-site") {
        None | Some(b"same-origin" | b"none") => true,
        Some(_) => false,
    };
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    // whoever follows a link in another site's page gets a page, and no session
    // with it; from another port of this host the browser would send it along
    let is_followed_link = !changes
        && text("sec-fetch-site") == Some(b"cross-site")
        && text("sec-fetch-mode") == Some(b"navigate")
        && text("sec-fetch-dest") == Some(b"document");
    if !is_by_own && !is_followed_link {
        return other_site;
    }
    // a browser says where a form comes from; what says nothing is no browser,
    // and has to have a session and its token all the same
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: &Method, headers: &[(&'static str, &str)], neighbour: Neighbour) -> u16 {
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            sent.append(*name, HeaderValue::from_str(value).unwrap());
        }
        problem(method, &sent, None, neighbour, 3847).map_or(200, |(status, _)| status.as_u16())
    }

    #[test]
    fn only_the_own_names_are_answered_to() {
        for (host, expected) in [
            ("127.0.0.1:3847", 200),
            ("localhost:3847", 200),
            ("LocalHost:3847", 200),
            ("127.0.0.1", 421),
            ("localhost", 421),
            ("127.0.0.1:3848", 421),
            ("127.0.0.1:38470", 421),
            ("evil.example:3847", 421),
            ("localhost.evil.example:3847", 421),
            ("127.0.0.1:3847.evil.example", 421),
            ("evil@127.0.0.1:3847", 421),
            ("[::1]:3847", 421),
            ("0.0.0.0:3847", 421),
            ("2130706433:3847", 421),
            ("", 421),
        ] {
            let found = verdict(&Method::GET, &[("host", host)], Neighbour::Own);
            assert_eq!(found, expected, "{host}");
        }
        assert_eq!(verdict(&Method::GET, &[], Neighbour::Own), 421);
        let twice = [("host", "127.0.0.1:3847"), ("host", "evil.example")];
        assert_eq!(verdict(&Method::GET, &twice, Neighbour::Own), 421);
    }

    #[test]
    fn requests_that_another_page_makes_are_refused() {
        let host = ("host", "127.0.0.1:3847");
        let navigated = [
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        for (method, headers, expected) in [
            (Method::POST, vec![("origin", "http://127.0.0.1:3847")], 200),
            (Method::POST, vec![("origin", "http://localhost:3847")], 403),
            (Method::POST, vec![("origin", "http://127.0.0.1:5173")], 403),
            (
                Method::POST,
                vec![("origin", "https://127.0.0.1:3847")],
                403,
            ),
            (Method::POST, vec![("origin", "null")], 403),
            (Method::GET, vec![("origin", "https://evil.example")], 403),
            (Method::GET, vec![("sec-fetch-site", "same-site")], 403),
            (Method::GET, vec![("sec-fetch-site", "cross-site")], 403),
            (Method::GET, vec![("sec-fetch-site", "none")], 200),
            (Method::GET, vec![("sec-fetch-site", "same-origin")], 200),
            (
                Method::GET,
                [&[("sec-fetch-site", "cross-site")], &navigated[..]].concat(),
                200,
            ),
            (
                Method::POST,
                [&[("sec-fetch-site", "cross-site")], &navigated[..]].concat(),
                403,
            ),
            (
                Method::GET,
                [&[("sec-fetch-site", "same-site")], &navigated[..]].concat(),
                403,
            ),
            (
                Method::GET,
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                ],
                403,
            ),
        ] {
            let headers = [&[host], &headers[..]].concat();
            assert_eq!(
                verdict(&method, &headers, Neighbour::Own),
                expected,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn another_user_is_refused_and_an_unknown_one_has_to_sign_in() {
        let host = [("host", "127.0.0.1:3847")];
        for (neighbour, expected) in [
            (Neighbour::Own, 200),
            (Neighbour::Unknown, 200),
            (Neighbour::Other(1001), 403),
            (Neighbour::Gone, 403),
        ] {
            assert_eq!(verdict(&Method::GET, &host, neighbour), expected);
        }
    }
}
