//! Of the credentials, asked of those who gave them out.

use jiff::Timestamp;

use super::{Check, fail, ok, replace_command, warn};
use crate::audit::Peer;
use crate::names::CredentialName;
use crate::owner::Owner;
use crate::owner::checking::Verdict;

/// How many days before its end a credential is warned of.
const SOON_DAYS: i64 = 14;

/// Asks each credential's upstream whether it accepts it.
pub(super) async fn credentials(owner: &Owner, by: &Peer) -> Vec<Check> {
    let now = owner.broker.clock.wall();
    match owner.check_credentials(by).await {
        Ok(verdicts) => verdicts
            .iter()
            .map(|(name, verdict)| check(name, verdict, now))
            .collect(),
        Err(error) => vec![fail("accepted", error.to_string(), "axis doctor")],
    }
}

fn check(name: &CredentialName, verdict: &Verdict, now: Timestamp) -> Check {
    let replace = || replace_command(&name.to_string());
    match verdict {
        Verdict::Accepted {
            said,
            expires: Some(end),
        } => {
            let days = end.duration_since(now).as_hours() / 24;
            if *end <= now {
                let message = format!("{name}: {said}, but it ended at {end}");
                fail("accepted", message, replace())
            } else if days < SOON_DAYS {
                let message = format!("{name}: {said}; it ends in {days} days, at {end}");
                warn("accepted", message, replace())
            } else {
                ok("accepted", format!("{name}: {said}; it ends at {end}"))
            }
        }
        Verdict::Accepted {
            said,
            expires: None,
        } => ok("accepted", format!("{name}: {said}")),
        Verdict::Refused { said } => fail("accepted", format!("{name}: {said}"), replace()),
        Verdict::Unknown { why } => warn("accepted", format!("{name}: not known: {why}"), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_a_vendor_says_becomes_a_check_with_the_command_that_mends_it() {
        let name = CredentialName::parse("github", "work").unwrap();
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let accepted = |end: Option<&str>| Verdict::Accepted {
            said: "api.github.com accepts it (200)".into(),
            expires: end.map(|end| end.parse().unwrap()),
        };
        let refused = Verdict::Refused {
            said: "api.github.com refuses it (401 Unauthorized)".into(),
        };
        let unknown = Verdict::Unknown {
            why: "could not connect".into(),
        };
        let mend = "axis add github --label work --replace";
        for (verdict, state, fix) in [
            (accepted(None), State::Ok, ""),
            (accepted(Some("2026-07-01T00:00:00Z")), State::Ok, ""),
            (accepted(Some("2026-06-09T00:00:00Z")), State::Warn, mend),
            (accepted(Some("2026-05-31T23:59:59Z")), State::Fail, mend),
            (refused, State::Fail, mend),
            (unknown, State::Warn, ""),
        ] {
            let check = check(&name, &verdict, now);
            assert_eq!((check.state, check.fix.as_str()), (state, fix), "{check:?}");
            assert!(check.message.starts_with("github/work: "), "{check:?}");
        }
    }
}
