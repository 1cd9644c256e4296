//! The frame of every page: what goes on and what waits on top, the other
//! pages, and the way to lock at once.

use axis_proto::v1::StatusResponse;
use axis_proto::v1::vault_status::State as VaultState;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::app::{App, Standing};
use super::approvals::{self, Refused};
use super::login;
use super::session::{Notice, Session};
use super::words::{Tone, command, count, counted, mending, said, span, state, text};
use crate::failure::{Exit, Failure};

/// The pages, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// What there is to see first.
    Overview,
    /// The audit log.
    Activity,
    /// Credentials and what they are for.
    Services,
    /// Who may do what.
    Policy,
    /// What waits for the owner.
    Approvals,
    /// What is right and what isn't.
    Health,
}

impl Tab {
    const ALL: [Self; 6] = [
        Self::Overview,
        Self::Activity,
        Self::Services,
        Self::Policy,
        Self::Approvals,
        Self::Health,
    ];

    /// Its name and where it is.
    fn name_and_path(self) -> (&'static str, &'static str) {
        match self {
            Self::Overview => ("Overview", "/"),
            Self::Activity => ("Activity", "/activity"),
            Self::Services => ("Services", "/services"),
            Self::Policy => ("Policy", "/policy"),
            Self::Approvals => ("Approvals", "/approvals"),
            Self::Health => ("Health", "/health"),
        }
    }
}

/// One request for a page, by someone who is signed in.
pub struct Visit {
    /// The dashboard.
    pub app: App,
    /// Whose request it is.
    pub session: Session,
    /// What was asked for, with its query.
    pub uri: Uri,
    /// What came of a form that led here.
    notice: Option<Notice>,
    /// Somebody looks at it: it is no part of a page that a script asks for.
    is_seen: bool,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let session = parts.extensions.get::<Session>().cloned();
        let session = session.ok_or_else(login::asked_for)?;
        let aim = parts.headers.get("sec-fetch-dest");
        let is_seen =
            parts.method == Method::GET && aim.is_none_or(|aim| aim.as_bytes() == b"document");
        Ok(Self {
            app: app.clone(),
            notice: is_seen
                .then(|| app.sessions().take_notice(&session))
                .flatten(),
            session,
            uri: parts.uri.clone(),
            is_seen,
        })
    }
}

impl Visit {
    /// Where a form's answer leads back to: this page.
    pub fn here(&self) -> String {
        let path = self.uri.path_and_query();
        path.map_or_else(|| "/".to_owned(), ToString::to_string)
    }

    /// The answer that was refused and led here, once.
    pub fn refused(&self) -> Option<Refused> {
        let sessions = self.app.sessions();
        self.is_seen
            .then(|| sessions.take_refused(&self.session))
            .flatten()
    }

    /// The page `tab` with `body`, or what kept axisd from telling it.
    pub async fn page(&self, tab: Tab, body: Result<Markup, Failure>) -> Response {
        let standing = self.app.standing().await;
        self.framed(tab, &standing, body)
    }

    /// Like [`Self::page`], where it was asked already how axisd is.
    pub fn framed(&self, tab: Tab, standing: &Standing, body: Result<Markup, Failure>) -> Response {
        let (status, body) = match body {
            Ok(body) => (StatusCode::OK, body),
            Err(failure) => (code(&failure), problem(&failure)),
        };
        (status, self.frame(tab, standing, &body)).into_response()
    }

    fn frame(&self, tab: Tab, standing: &Standing, body: &Markup) -> Markup {
        let (title, _) = tab.name_and_path();
        let waiting = standing.approvals.waiting.len();
        document(
            title,
            &html! {
                a.skip href="#main" { "Skip to the content" }
                header {
                    div.top {
                        a.brand href="/" { "axis" }
                        nav aria-label="Pages" {
                            @for tab_ in Tab::ALL {
                                @let (name, path) = tab_.name_and_path();
                                a href=(path) aria-current=[(tab_ == tab).then_some("page")] {
                                    (name)
                                    @if tab_ == Tab::Approvals {
                                        span #waiting-count .count hidden[waiting == 0] { (waiting) }
                                    }
                                }
                            }
                        }
                        form.lock method="post" action="/lock" {
                            input type="hidden" name="csrf" value=(self.session.csrf);
                            input type="hidden" name="back" value=(self.here());
                            button type="submit" title="Forget the vault's key at once; axis unlock opens it again" { "Lock" }
                        }
                    }
                    p #told .unseen role="status" {}
                    div.bar {
                        (approvals::bar(&standing.approvals, &self.session, &self.here(), tab))
                        ul #standing .standing aria-label="How axisd is" { (self::standing(standing.status.as_ref())) }
                    }
                }
                main #main tabindex="-1" {
                    h1.page { (title) }
                    @match &self.notice {
                        Some(Notice::Done(words)) => { p.notice.good role="status" { (said(words)) } }
                        Some(Notice::NotDone(words)) => { p.notice.warn role="alert" { (said(words)) } }
                        None => {}
                    }
                    (body)
                }
            },
        )
    }
}

/// A page without the frame, for someone who isn't signed in.
pub fn bare(title: &str, body: &Markup) -> Markup {
    document(title, &html! { main #main .bare { (body) } })
}

/// `<title>`s begin with the page's name, so that tabs are told apart.
fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title data-title=(title) { (title) " · axis" }
                link rel="stylesheet" href="/assets/style.css";
                link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
                script src="/assets/dashboard.js" defer {}
            }
            body { (body) }
        }
    }
}

/// How axisd is, as items of a list.
pub fn standing(status: Result<&StatusResponse, &Failure>) -> Markup {
    let status = match status {
        Ok(status) => status,
        Err(failure) => {
            let (sentence, fix) = failure.sentence();
            return html! {
                li data-down { (state(Tone::Bad, &sentence)) }
                @if let Some(fix) = fix { li { (mending(&fix)) } }
            };
        }
    };
    let vault = status.vault.clone().unwrap_or_default();
    let policy = status.policy.clone().unwrap_or_default();
    let seal = status.seal.clone().unwrap_or_default();
    let audit = status.audit.clone().unwrap_or_default();
    let credentials = counted(vault.credentials.into(), "credential", "credentials");
    html! {
        li { @match vault.state() {
            VaultState::Unlocked => { (state(Tone::Good, "unlocked")) " " (credentials) }
            VaultState::Locked => { (state(Tone::Warn, "locked")) " " (command("axis unlock")) }
            VaultState::Absent | VaultState::Unspecified => {
                (state(Tone::Warn, "no vault yet")) " " (command("axis setup"))
            }
        } }
        li { @if policy.error.is_some() {
                a href="/policy" { (state(Tone::Bad, "policy.yaml has an error")) }
            } @else if seal.fault.is_some() {
                a href="/policy" { (state(Tone::Bad, "the seal is not in force")) }
            } @else if !policy.loaded {
                (state(Tone::Warn, if seal.withheld { "policy sealed until the unlock" } else { "no policy: all is denied" }))
            } @else {
                (state(Tone::Good, "policy")) " " (counted(policy.rules.into(), "rule", "rules"))
                @if seal.sealed { ", sealed" } @else { ", not sealed" }
                @if !seal.differences.is_empty() { " " (state(Tone::Warn, "files differ")) }
            }
        }
        li { @if audit.writable {
                (state(if audit.warnings.is_empty() { Tone::Good } else { Tone::Warn }, "record"))
                " " (count(audit.next_seq.saturating_sub(1)))
            } @else { a href="/health" { (state(Tone::Bad, "the record can't be written: no call goes out")) } }
        }
        li.faint { "axisd " (text(&status.version)) ", up " (span(status.uptime_s)) }
    }
}

/// Why a page can't say what it should, and what mends it.
pub fn problem(failure: &Failure) -> Markup {
    let (sentence, fix) = failure.sentence();
    html! {
        section.problem role="alert" data-down[failure.exit() == Exit::Unavailable] {
            p { (state(Tone::Bad, "error")) " " (text(&sentence)) }
            @if let Some(fix) = fix {
                p { (mending(&fix)) }
            }
            @if failure.exit() == Exit::Unavailable {
                p.faint { "This page comes back by itself." }
            }
        }
    }
}

/// Why one part of a page can't be told; the rest of it stands, so the page
/// doesn't load itself again.
pub fn partly(failure: &Failure) -> Markup {
    let (sentence, fix) = failure.sentence();
    html! {
        p { (state(Tone::Bad, "this can't be told now")) " " (said(&sentence)) }
        @if let Some(fix) = fix { p { (mending(&fix)) } }
    }
}

fn code(failure: &Failure) -> StatusCode {
    match failure.exit() {
        Exit::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Exit::Usage => StatusCode::BAD_REQUEST,
        Exit::Denied => StatusCode::FORBIDDEN,
        Exit::Done | Exit::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
