//! What a write of the keystore means for what is open in memory.

use std::sync::Arc;

use crate::names::CredentialName;
use crate::vault::credential::Holding;
use crate::vault::reserved::Reserved;
use crate::vault::state::Opened;

/// What a write means for what is open in memory.
pub enum Change {
    /// Nothing in memory changes.
    Nothing,
    /// What the owner put there.
    Put(Holding),
    /// What a credential's use put in its place.
    Succeeded(Holding),
    Removed(CredentialName),
    /// What a reserved entry holds now.
    Reserved(Reserved, Option<Arc<str>>),
}

impl Change {
    pub fn applied_to(&self, opened: &Opened) -> Arc<Opened> {
        let mut opened = opened.clone();
        match self {
            Self::Nothing => {}
            Self::Put(holding) => {
                let name = holding.name();
                let before = opened.credentials.insert(name.clone(), holding.clone());
                let is_same = |before: &Holding| {
                    before.secret().expose() == holding.secret().expose()
                        && before.hosts() == holding.hosts()
                };
                if let Some(before) = before.filter(|before| !is_same(before))
                    && let Holding::Secret(before) = before
                {
                    let replaced = opened.replaced.entry(name.clone());
                    replaced.or_default().push(before);
                }
            }
            Self::Succeeded(holding) => {
                let name = holding.name().clone();
                opened.credentials.insert(name, holding.clone());
            }
            Self::Removed(name) => {
                opened.credentials.remove(name);
                opened.replaced.remove(name);
            }
            Self::Reserved(entry, Some(text)) => {
                opened.reserved.insert(*entry, Arc::clone(text));
            }
            Self::Reserved(entry, None) => {
                opened.reserved.remove(entry);
            }
        }
        Arc::new(opened)
    }
}
