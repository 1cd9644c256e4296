//! Why a request can't carry its credential.

/// Why a credential can't be put into a request. No variant repeats it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is nothing in it.
    #[error(
        "the stored credential is empty; the owner can mend it with `axis add SERVICE --replace`"
    )]
    Empty,
    /// It holds something that no request can carry.
    #[error(
        "the stored credential holds a line break, a control character or a letter outside ASCII, which no HTTP header can carry; the owner can mend it with `axis add SERVICE --replace`"
    )]
    Unsendable,
    /// It isn't written the way its scheme needs.
    #[error(
        "the stored credential must be {form}; the owner can mend it with `axis add SERVICE --replace`"
    )]
    Malformed {
        /// What it should look like.
        form: &'static str,
    },
}
