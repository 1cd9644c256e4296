//! What a write of the keystore means for what is open in memory.

use std::sync::Arc;

use crate::names::CredentialName;
use crate::vault::credential::Credential;
use crate::vault::reserved::Reserved;
use crate::vault::state::Opened;

/// What a write means for what is open in memory.
pub enum Change {
    Put(Arc<Credential>),
    Removed(CredentialName),
    /// What a reserved entry holds now.
    Reserved(Reserved, Option<Arc<str>>),
}

impl Change {
    pub fn applied_to(&self, opened: &Opened) -> Arc<Opened> {
        let mut opened = opened.clone();
        match self {
            Self::Put(credential) => {
                let name = credential.name().clone();
                opened.credentials.insert(name, Arc::clone(credential));
            }
            Self::Removed(name) => {
                opened.credentials.remove(name);
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
