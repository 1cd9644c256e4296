//! A service file: any text is a service whose every action makes a request that
//! stays at its hosts, or an error that names the file.

use std::path::Path;

use axisd::catalogue::Service;
use serde_json::Value;

use super::params_to_request::{check, sound};

/// Bytes: the file.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Service::read(text, Path::new("own.yaml")) {
        Ok((service, _)) => accepted(&service),
        Err(error) => {
            assert!(error.to_string().contains("own.yaml"), "{error}");
            assert!(!error.headline().contains('\n'), "{error}");
        }
    }
}

/// What holds for every service that axisd takes.
pub fn accepted(service: &Service) {
    assert!(!service.hosts().is_empty(), "it may go nowhere");
    assert!(service.actions().len() > 0, "it can do nothing");
    for action in service.actions() {
        let name = action.name();
        assert!(
            service.action(&name.to_ascii_uppercase()).is_some(),
            "{name} isn't found"
        );
        let schema: Value = serde_json::from_str(action.params_schema()).expect("a schema");
        assert!(schema.is_object(), "{name}: {schema}");
        let example = action.example();
        if let Ok(request) = action.build(example.as_bytes(), Some("AC0123")) {
            check(service, action, request);
        }
        sound(service, action, b"{}");
    }
}
