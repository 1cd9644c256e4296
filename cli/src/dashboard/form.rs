//! What a form sends: read once, with its session's token checked, before
//! anyone acts on it.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use maud::html;
use secrecy::SecretString;

use super::page;
use super::session::Session;

/// The longest form, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// The fields of a form that came from a page of this session.
pub struct Form(Vec<(String, SecretString)>);

impl Form {
    /// The first value under `name`; empty where there is none.
    pub fn text<'f>(&'f self, name: &'f str) -> &'f str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every value under `name`.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        use secrecy::ExposeSecret;
        let fields = self.0.iter().filter(move |(key, _)| key == name);
        fields.map(|(_, value)| value.expose_secret())
    }
}

fn refused(status: StatusCode, why: &str) -> Response {
    let body = html! {
        h1 { "Nothing was done" }
        p { (why) }
        p { a href="/" { "To the overview" } }
    };
    (status, page::bare("Nothing was done", &body)).into_response()
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Response> {
        let session = request.extensions().get::<Session>().cloned();
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .map(|kind| kind.as_bytes().to_vec());
        if !kind.is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded")) {
            return Err(refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "A form is expected.",
            ));
        }
        let Ok(body) = to_bytes(request.into_body(), MOST_BYTES).await else {
            return Err(refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The form is too long, or broke off.",
            ));
        };
        let fields = url::form_urlencoded::parse(&body);
        let form = Self(
            fields
                .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                .collect(),
        );
        if !session.is_some_and(|session| session.is_own(form.text("csrf"))) {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "The form doesn't come from a page of this session: the page is from before you signed in. Open it anew.",
            ));
        }
        Ok(form)
    }
}
