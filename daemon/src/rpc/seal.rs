//! What is sealed, as messages of admin.proto.

use axis_proto::v1;
use axis_proto::v1::seal_policy_request::What;
use tonic::Status;

use crate::owner::Owner;
use crate::owner::sealing::{Difference, Meaning, Shown, WhatToSeal};

/// The answer to ShowSeal.
pub fn shown(shown: Shown) -> v1::ShowSealResponse {
    v1::ShowSealResponse {
        sealed: shown.is_sealed,
        withheld: shown.is_withheld,
        differences: shown.differences.into_iter().map(difference).collect(),
        meaning: Some(meaning(shown.meaning)),
        digest: shown.digest,
        files: shown
            .files
            .into_iter()
            .map(|(name, bytes)| v1::SealedFile {
                name: name.to_string(),
                bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            })
            .collect(),
        rules: count(shown.rules),
        fault: shown.fault,
        new_certificates: shown.has_new_certificates,
    }
}

/// The part of Status.
pub fn status(owner: &Owner) -> v1::SealStatus {
    let standing = owner.sealing.standing();
    v1::SealStatus {
        sealed: standing.is_sealed,
        withheld: owner.broker.is_withheld(),
        differences: standing.differences.into_iter().map(difference).collect(),
        fault: standing.fault,
    }
}

/// What is to be sealed.
///
/// # Errors
/// The request doesn't say.
pub fn what(what: Option<What>) -> Result<WhatToSeal, Status> {
    match what {
        Some(What::Digest(digest)) => Ok(WhatToSeal::Shown(digest)),
        Some(What::PolicyText(text)) => Ok(WhatToSeal::Policy(text)),
        None => Err(Status::invalid_argument(
            "the request doesn't say what is to be sealed",
        )),
    }
}

fn difference(difference: Difference) -> v1::SealDifference {
    v1::SealDifference {
        name: difference.name.to_string(),
        path: difference.path.display().to_string(),
        lines: difference.lines.lines,
        left_out: count(difference.lines.left_out),
        words: difference.words,
        error: difference.error,
    }
}

fn meaning(meaning: Meaning) -> v1::SealMeaning {
    v1::SealMeaning {
        more: meaning.more,
        less: meaning.less,
        other: meaning.other,
        more_count: count(meaning.counts.more),
        less_count: count(meaning.counts.less),
        other_count: count(meaning.counts.other),
        cut: meaning.is_cut,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
