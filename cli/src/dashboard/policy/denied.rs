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
}

/// The denials of the last days, the most frequent first.
pub async fn read(visit: &Visit, has_policy: bool) -> Result<Vec<Denied>, Failure> {
    let since = Timestamp::now().checked_sub(HOURS.hours());
    let request = LogsStatsRequest {
        since_ms: since.ok().map(Timestamp::as_millisecond),
        ..LogsStatsRequest::default()
    };
    let denials = answer(visit.app.admin().logs_stats(request)).await?.denials;
    let questions = denials.iter().map(|denial| PolicyQuestion {
        identity: denial.identity.clone(),
        service: denial.service.clone(),
        action: denial.action.clone(),
        params: None,
        own_socket: None,
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
    let denied = denials.into_iter().map(|denial| Denied {
        denial,
        now: explained.next(),
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
                    @for Denied { denial, now: says } in denied {
                        tr {
                            td.number { (count(denial.times)) }
                            th scope="row" { (said(&denial.identity)) span.plain-word { ": " } (said(&denial.service)) " " (said(&denial.action)) }
                            td { (said(&denial.reason)) }
                            td { (remedy(denial, says.as_ref())) }
                            td.nowrap { (ago(&denial.last_at, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn remedy(denial: &Denial, says: Option<&PolicyExplanation>) -> Markup {
    let Some(says) = says else {
        return html! { span.faint { "no policy is in force" } };
    };
    if let Some(error) = &says.error {
        return html! { span.faint { "nothing: " (said(error)) } };
    }
    html! {
        @if says.allowed {
            (state(Tone::Good, "a rule allows it, on its terms"))
            @if let Some(line) = says.line { " " (line_link(line)) }
        } @else {
            @if let Some(line) = says.line { p { "Look at " (line_link(line)) } }
            @if let Some(hint) = &says.hint { p { (said(hint)) } }
            @if let Some(allow) = allow(denial) { p { (command(&allow)) } }
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
