//! An OpenAPI document: axisd takes what the importer makes of it, or the
//! importer says why it makes nothing.

use std::path::Path;

use axis_cli::openapi::{ImportError, Wishes, convert};
use axisd::catalogue::Service;

use super::service_file::accepted;

/// Bytes: the document.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let base_url = Some("https://api.example.com/v1");
    for wishes in [
        Wishes::default(),
        Wishes {
            name: Some("own"),
            base_url,
            ..Wishes::default()
        },
    ] {
        match convert(text, &wishes) {
            Ok(imported) => {
                assert!(imported.actions > 0, "a service that can do nothing");
                let read = Service::read(&imported.yaml, Path::new("own.yaml"));
                let (service, _) =
                    read.unwrap_or_else(|error| panic!("{error}\n{}", imported.yaml));
                assert_eq!(service.name().as_str(), imported.name);
                accepted(&service);
                let notes = imported.left_out.iter().chain(&imported.in_part);
                for said in notes.flat_map(|note| &note.says) {
                    assert!(!said.contains(['\n', '\0']), "{said:?}");
                }
            }
            // a name that can't be a service's is no question of the document
            Err(ImportError::Name(name)) => assert!(wishes.name.is_none(), "{name}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
