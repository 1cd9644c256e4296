//! What the policy in force says to the actions of a service, for each identity
//! that it names.

use axis_proto::v1::{
    ExplainPolicyRequest, ListIdentitiesRequest, PolicyExplanation, PolicyQuestion, ServiceAction,
};
use maud::{Markup, html};

use crate::commands::policy::explain::decision;
use crate::dashboard::app::{App, answer};
use crate::dashboard::words::{Tone, said, state, text};
use crate::failure::Failure;

/// So many identities are asked for.
const IDENTITIES: usize = 8;
/// Whoever the policy doesn't name is as this one, which a shim without a name
/// has.
const ANY_OTHER: &str = "unknown";

/// The answers, a row an action.
pub struct Rights {
    /// Whose they are, a column each.
    pub identities: Vec<String>,
    /// How many more the policy names.
    pub left_out: usize,
    rows: Vec<Vec<PolicyExplanation>>,
}

impl Rights {
    /// Asks axisd about all of `actions` at once.
    pub async fn ask(
        app: &App,
        service: &str,
        actions: &[&ServiceAction],
    ) -> Result<Self, Failure> {
        let mut admin = app.admin();
        let listed = answer(admin.list_identities(ListIdentitiesRequest {})).await?;
        let mut identities: Vec<String> = listed
            .identities
            .into_iter()
            .filter(|identity| identity.in_policy && identity.identity != "*")
            .map(|identity| identity.identity)
            .collect();
        let left_out = identities.len().saturating_sub(IDENTITIES);
        identities.truncate(IDENTITIES);
        if !identities.iter().any(|identity| identity == ANY_OTHER) {
            identities.push(ANY_OTHER.to_owned());
        }
        let questions = actions
            .iter()
            .flat_map(|action| {
                identities.iter().map(|identity| PolicyQuestion {
                    identity: identity.clone(),
                    service: service.to_owned(),
                    action: action.action.clone(),
                    params: None,
                    own_socket: None,
                })
            })
            .collect();
        let request = ExplainPolicyRequest {
            policy: None,
            questions,
        };
        let explained = answer(admin.explain_policy(request)).await?.explanations;
        let rows = explained
            .chunks(identities.len())
            .map(<[PolicyExplanation]>::to_vec)
            .collect();
        Ok(Self {
            identities,
            left_out,
            rows,
        })
    }

    /// How many of the actions the identity in column `at` may call, be it once
    /// each call is approved.
    pub fn allowed(&self, at: usize) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| row.get(at).is_some_and(|said| said.allowed))
            .count()
    }

    /// Whether anybody may call the action in row `at`.
    pub fn any_allowed(&self, at: usize) -> bool {
        self.of(at).any(|(_, said)| said.allowed)
    }

    /// What is said to the action in row `at`, an identity after the other.
    pub fn of(&self, at: usize) -> impl Iterator<Item = (&str, &PolicyExplanation)> {
        let row = self.rows.get(at).into_iter().flatten();
        self.identities.iter().map(String::as_str).zip(row)
    }
}

/// An identity as a heading.
pub fn name(identity: &str) -> Markup {
    html! { (said(identity)) @if identity == ANY_OTHER { span.faint.sv-other { " and any other" } } }
}

/// Allow, ask or deny, with the way to the rule behind it.
pub fn mark(said: &PolicyExplanation) -> Markup {
    let word = decision(said);
    let tone = match word {
        "allow" => Tone::Good,
        "ask" => Tone::Waits,
        // most are denied: what isn't should be seen
        _ => Tone::Plain,
    };
    html! {
        @if let Some(line) = said.line {
            a.sv-rule href={ "/policy#L" (line) } title={ "line " (line) ": " (text(said.excerpt.trim())) } { (state(tone, word)) }
        } @else if said.error.is_some() {
            (state(Tone::Warn, "not known"))
        } @else {
            (state(tone, word))
        }
    }
}
