//! One service file: from its bytes to a service, or to words that say why not.

use std::path::Path;
use std::sync::Arc;

use crate::catalogue::{Catalogue, DefinitionError, MAX_DEFINITION_BYTES, Service};
use crate::yaml::{self, Place};
use axis_proto::regular::{self, Links, NotRead};

/// A definition that can be in force, and where its name stands.
#[derive(Debug, Clone)]
pub(super) struct Good {
    pub(super) service: Arc<Service>,
    pub(super) name_at: Place,
}

/// The text of the file at `path`.
///
/// # Errors
/// `None` where nothing is there, else what is wrong with it.
pub(super) fn text(path: &Path) -> Result<String, Option<DefinitionError>> {
    let whole = |problem: String| Some(DefinitionError::at(Place::whole(path), problem));
    match regular::read(path, MAX_DEFINITION_BYTES, Links::Refuse) {
        Ok(bytes) => yaml::text(bytes, path).map_err(|place| {
            let problem = "this isn't UTF-8 text; save the file as UTF-8";
            Some(DefinitionError::at(place, problem))
        }),
        Err(NotRead::Kind(kind)) => Err(whole(format!(
            "it is {kind}; a service's definition must be a regular file in this directory"
        ))),
        Err(NotRead::TooLarge) => Err(whole(format!(
            "it is larger than {MAX_DEFINITION_BYTES} bytes; leave out actions that you don't need"
        ))),
        Err(NotRead::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Err(None),
        Err(NotRead::Io(error)) => Err(whole(format!("it can't be read: {error}"))),
    }
}

/// The service that `text` in the file `origin` defines, where its name is none
/// of `builtin`.
pub(super) fn parse(
    text: &str,
    origin: &Path,
    builtin: &Catalogue,
) -> Result<Good, DefinitionError> {
    let (service, name_at) = Service::read(text, origin)?;
    let name = service.name();
    if builtin.service(name.as_str()).is_some() {
        let problem = format!(
            "the service {name} is built in and can't be defined anew: copy it under another name, such as `service: {name}-acme`"
        );
        return Err(DefinitionError::at(name_at, problem));
    }
    Ok(Good {
        service: Arc::new(service),
        name_at,
    })
}
