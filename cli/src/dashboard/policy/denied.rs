//! What was denied most of late, why, and what would allow it. Identities,
//! services and actions are in the agents' words.

use axis_proto::v1::{
    Denial, ExplainPolicyRequest, LogsStatsRequest, PolicyExplanation, PolicyQuestion,
};
use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

use super::super::app::answer;
use super::super::page::Visit;
use super::super::words::{Tone, ago, command, count, said, state};
use super::{is_plain, line_link};
use crate::commands::call::DEFAULT_IDENTITY;
use crate::failure::Failure;

/// How far back it looks, in hours.
const HOURS: i64 = 7 * 24;

/// What was denied, with what the policy says of it now.
pub struct Denied {
    denial: Denial,
    now: Option<PolicyExplanation>,
    /// Only that it came over the general socket kept it from being allowed.
    is_of_socket: bool,
}

/// The denials of the last days, the most frequent first.
pub async fn read(visit: &Visit, has_policy: bool) -> Result<Vec<Denied>, Failure> {
    let since = Timestamp::now().checked_sub(HOURS.hours());
    let request = LogsStatsRequest {
        since_ms: since.ok().map(Timestamp::as_millisecond),
        ..LogsStatsRequest::default()
    };
    let denials = answer(visit.app.admin().logs_stats(request)).await?.denials;
    let questions = denials.iter().flat_map(|denial| {
        // as its entry says; and over the general socket, where one of its own is asked for
        [None, Some(false)].map(|own_socket| PolicyQuestion {
            identity: denial.identity.clone(),
            service: denial.service.clone(),
            action: denial.action.clone(),
            params: None,
            own_socket,
        })
    });
    let questions: Vec<_> = questions.collect();
    let mut explained = Vec::new();
    if has_policy && !questions.is_empty() {
        let request = ExplainPolicyRequest {
            policy: None,
            questions,
        };
        explained = answer(visit.app.admin().explain_policy(request))
            .await?
            .explanations;
    }
    let mut explained = explained.into_iter();
    let denied = denials.into_iter().map(|denial| {
        let (usual, general) = (explained.next(), explained.next());
        let is_of_socket = usual
            .as_ref()
            .zip(general.as_ref())
            .is_some_and(|(usual, general)| {
                usual.reason != general.reason && denial.reason == general.reason
            });
        Denied {
            denial,
            now: if is_of_socket { general } else { usual },
            is_of_socket,
        }
    });
    Ok(denied.collect())
}

/// The table of them.
pub fn show(denied: &[Denied]) -> Markup {
    let now = Timestamp::now();
    html! {
        @if denied.is_empty() { p.faint { "Nothing." } }
        @else {
            table.checks.denials {
                thead { tr {
                    th scope="col" { "Times" } th scope="col" { "Who wanted what" } th scope="col" { "Why not" }
                    th scope="col" { "What would allow it" } th scope="col" { "Last" }
                } }
                tbody {
                    @for one in denied {
                        @let denial = &one.denial;
                        tr {
                            td.number { (count(denial.times)) }
                            th scope="row" { (said(&denial.identity)) span.plain-word { ": " } (said(&denial.service)) " " (said(&denial.action)) }
                            td { (said(&denial.reason)) }
                            td { (remedy(one)) }
                            td.nowrap { (ago(&denial.last_at, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn remedy(denied: &Denied) -> Markup {
    let Some(says) = &denied.now else {
        return html! { span.faint { "no policy is in force" } };
    };
    if let Some(error) = &says.error {
        return html! { span.faint { "nothing: " (said(error)) } };
    }
    // where a rule is near, what it asks for is for the owner to change: a wider
    // one beside it would do without
    let is_near = says.line.is_some() && says.hint.is_some();
    let command_for = (!is_near && !denied.is_of_socket)
        .then(|| allow(&denied.denial))
        .flatten();
    html! {
        @if says.allowed {
            (state(Tone::Good, "a rule allows it, on its terms"))
            @if let Some(line) = says.line { " " (line_link(line)) }
        } @else {
            @if let Some(line) = says.line { p { "Look at " (line_link(line)) } }
            @if let Some(hint) = &says.hint { p { (said(hint)) } }
            @if let Some(allow) = command_for { p { (command(&allow)) } }
        }
    }
}

/// The command that allows it; none where a name is none that can be typed.
fn allow(denial: &Denial) -> Option<String> {
    let Denial {
        identity,
        service,
        action,
        ..
    } = denial;
    if !(is_plain(identity) && is_plain(service) && is_plain(action)) {
        return None;
    }
    let of = match identity.as_str() {
        DEFAULT_IDENTITY => String::new(),
        other => format!(" --identity {other}"),
    };
    Some(format!("axis allow {service} {action}{of}"))
}
