//! Which of what was found is imported: what the flags say, else what the
//! owner answers.

use axis_proto::shell;
use axis_proto::v1::{Credential, Service};

use crate::failure::{Exit, Failure};
use crate::import::{Assigned, Certainty, Found, Skipped};
use crate::output::{printable, tell, warn};
use crate::prompt;

/// How often an answer may be one that can't be understood.
const ATTEMPTS: usize = 3;

/// Something that was found, beside what is known of it here.
pub struct Candidate {
    /// What was found.
    pub found: Found,
    /// Whether the vault has a credential of that name.
    pub is_stored: bool,
    /// Where it goes, of a service whose file says so; empty of one that is
    /// built in.
    pub own_host: String,
    /// The same, once its owner has said yes to it.
    pub confirmed_host: String,
}

/// What the flags say.
pub struct Wish<'a> {
    /// Everything that is sure.
    pub yes: bool,
    /// These.
    pub only: &'a [String],
    /// What was told apart by hand.
    pub assigned: &'a [Assigned],
    /// Also what is stored already.
    pub replace: bool,
}

/// What was found beside what the vault has.
pub fn candidates(
    found: Vec<Found>,
    stored: &[Credential],
    services: &[Service],
) -> Vec<Candidate> {
    let of = |found: Found| {
        let is_it = |credential: &&Credential| {
            credential.service == found.service && credential.label == found.label
        };
        let mut services = services.iter();
        let own = services.find(|it| it.service == found.service && !it.file.is_empty());
        Candidate {
            is_stored: stored.iter().find(is_it).is_some(),
            own_host: own.map(|service| service.host.clone()).unwrap_or_default(),
            confirmed_host: String::new(),
            found,
        }
    };
    found.into_iter().map(of).collect()
}

impl Candidate {
    /// Whether one of these names is it.
    fn is_named(&self, names: &[String]) -> bool {
        names.iter().any(|name| {
            name.eq_ignore_ascii_case(&self.found.variable())
                || name.eq_ignore_ascii_case(&self.found.credential())
                || (self.found.names()).any(|variable| variable.eq_ignore_ascii_case(name))
        })
    }

    /// Whether it stays as it is in the vault, so that what was found of it is a
    /// plaintext copy, or another value.
    pub fn is_kept(&self, wish: &Wish<'_>) -> bool {
        let is_meant = wish.only.is_empty() && wish.assigned.is_empty()
            || self.is_named(wish.only)
            || (wish.assigned.iter()).any(|one| self.is_named(std::slice::from_ref(&one.variable)));
        self.is_stored && !wish.replace && is_meant
    }

    /// Whether it is imported when nobody says otherwise.
    pub fn is_sure(&self, replace: bool) -> bool {
        self.found.certainty == Certainty::Named && (!self.is_stored || replace)
    }
}

/// A name that was asked for and isn't there is a mistake, not nothing.
pub fn refuse_missing(
    candidates: &[Candidate],
    skipped: &[Skipped],
    only: &[String],
    assigned: &[Assigned],
) -> Result<(), Failure> {
    let variables = assigned.iter().map(|one| &one.variable);
    for name in only.iter().chain(variables) {
        let name_alone = std::slice::from_ref(name);
        if candidates.iter().any(|it| it.is_named(name_alone)) {
            continue;
        }
        let shown = printable(name);
        let failure = Failure::new(Exit::Usage, format!("nothing to import is called {shown}"));
        let why = skipped
            .iter()
            .find(|skipped| skipped.variable.split(':').any(|part| part == name));
        let failure = match why {
            Some(skipped) => failure.because(skipped.why.clone()),
            None => failure.because("What no service is known to take needs its service said."),
        };
        return Err(failure.fix(format!(
            "--as {shown}=SERVICE, or --as {shown}=SERVICE/LABEL"
        )));
    }
    Ok(())
}

/// The places of those that are imported.
pub async fn choose(candidates: &[Candidate], wish: &Wish<'_>) -> Result<Vec<usize>, Failure> {
    let all = 0..candidates.len();
    if !wish.only.is_empty() || !wish.assigned.is_empty() {
        let mut names: Vec<String> = wish.only.to_vec();
        names.extend(wish.assigned.iter().map(|one| one.variable.clone()));
        let chosen = all.filter(|at| candidates.get(*at).is_some_and(|it| it.is_named(&names)));
        return Ok(without_stored(candidates, chosen.collect(), wish.replace));
    }
    let sure: Vec<usize> = all
        .filter(|at| {
            candidates
                .get(*at)
                .is_some_and(|it| it.is_sure(wish.replace))
        })
        .collect();
    if wish.yes {
        return Ok(sure);
    }
    if !candidates.iter().any(|it| !it.is_stored || wish.replace) {
        return Ok(Vec::new());
    }
    let numbers = numbers(&sure);
    let question = match sure.len() {
        0 => "Import which? (numbers such as 1,3-5; Enter for none)".to_owned(),
        count if count == candidates.len() => {
            "Import all of them? (y, numbers such as 1,3-5; Enter for none)".to_owned()
        }
        _ => format!("Import {numbers}? (y, or numbers such as 1,3-5; Enter for none)"),
    };
    for _ in 0..ATTEMPTS {
        let answer = prompt::answer(
            &question,
            "add --yes for all that is sure, or --only NAME,…",
        )
        .await?;
        match answered(&answer, &sure, candidates.len()) {
            Some(chosen) => return Ok(without_stored(candidates, chosen, wish.replace)),
            None => warn(&format!(
                "that is neither y nor numbers from 1 to {}",
                candidates.len()
            )),
        }
    }
    Err(Failure::new(
        Exit::Usage,
        "nothing was chosen; nothing was imported",
    ))
}

/// The owner's word for where the keys of services of their own go. A variable's
/// name says nothing of that: anyone could have written such a service's file.
pub async fn confirm_hosts(
    candidates: &mut [Candidate],
    confirmed: &[String],
) -> Result<(), Failure> {
    for candidate in candidates.iter_mut() {
        if candidate.own_host.is_empty() {
            continue;
        }
        let service = printable(&candidate.found.service).into_owned();
        let host = printable(&candidate.own_host).into_owned();
        tell(format_args!(
            "The service {service} isn't built in; its file says that its key goes to {host}."
        ));
        let question = format!("Is {host} right?");
        let fix = format!(
            "look at its file, then add --confirm-host {}",
            shell::word(&host)
        );
        if confirmed.contains(&candidate.own_host) || prompt::confirms(&question, &fix).await? {
            candidate.confirmed_host.clone_from(&candidate.own_host);
        }
    }
    Ok(())
}

/// What is stored stays as it is, unless it is to be replaced.
fn without_stored(candidates: &[Candidate], chosen: Vec<usize>, replace: bool) -> Vec<usize> {
    let is_free = |at: &usize| {
        candidates
            .get(*at)
            .is_some_and(|it| !it.is_stored || replace)
    };
    let (free, taken): (Vec<_>, Vec<_>) = chosen.into_iter().partition(is_free);
    for candidate in taken.iter().filter_map(|at| candidates.get(*at)) {
        warn(&format!(
            "{} has a credential already; this one was not stored (--replace stores it)",
            candidate.found.credential()
        ));
    }
    free
}

/// Places as people count them: 1,3-5.
fn numbers(places: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for place in places.iter().map(|at| at + 1) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == place => *last = place,
            _ => runs.push((place, place)),
        }
    }
    let runs = runs.into_iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    runs.collect::<Vec<_>>().join(",")
}

/// The places that an answer means; none where it can't be understood.
fn answered(answer: &str, sure: &[usize], count: usize) -> Option<Vec<usize>> {
    match answer.trim().to_lowercase().as_str() {
        "" | "n" | "no" | "none" => return Some(Vec::new()),
        "y" | "yes" => return (!sure.is_empty()).then(|| sure.to_vec()),
        "all" => return Some((0..count).collect()),
        _ => {}
    }
    let mut chosen = Vec::new();
    for part in answer.split([',', ' ']).map(str::trim) {
        if part.is_empty() {
            continue;
        }
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first == 0 || last > count || first > last {
            return None;
        }
        chosen.extend(first - 1..last);
    }
    chosen.sort_unstable();
    chosen.dedup();
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_chooses_what_it_says() {
        let sure = [0, 2];
        for (answer, chosen) in [
            ("", Some(vec![])),
            ("n\n", Some(vec![])),
            ("Y\n", Some(vec![0, 2])),
            ("all", Some(vec![0, 1, 2, 3])),
            ("1,3-4\n", Some(vec![0, 2, 3])),
            ("4 1 1", Some(vec![0, 3])),
            ("0", None),
            ("5", None),
            ("3-2", None),
            ("1-99999999999999999999", None),
            ("GITHUB_TOKEN", None),
        ] {
            assert_eq!(answered(answer, &sure, 4), chosen, "{answer:?}");
        }
        assert_eq!(answered("y", &[], 4), None);
    }

    #[test]
    fn places_are_counted_from_one() {
        assert_eq!(numbers(&[0, 1, 2, 4, 6, 7]), "1-3,5,7-8");
        assert_eq!(numbers(&[]), "");
    }
}
