//! The catalogue as a whole: the built-in services, and finding them.

use std::path::Path;
use std::sync::LazyLock;

use super::*;

/// A service from a definition's text.
pub(super) fn define(text: &str) -> Result<Service, DefinitionError> {
    Service::read(text, Path::new("test.yaml")).map(|(service, _)| service)
}

/// The built-in services, read once.
pub(super) fn catalogue() -> &'static Catalogue {
    static BUILTIN: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::builtin().unwrap_or_else(|error| panic!("{error}")));
    &BUILTIN
}

#[test]
fn the_built_in_services_want_their_credential_where_the_vendors_do() {
    for (service, carrier, right, wrong, check) in [
        (
            "openai",
            "authorization",
            "sk-proj-x",
            "ghp_x",
            "/v1/models",
        ),
        ("anthropic", "x-api-key", "sk-ant-x", "sk-x", "/v1/models"),
        ("github", "authorization", "github_pat_x", "sk-x", "/user"),
    ] {
        let service = catalogue().service(service).unwrap();
        assert!(
            service
                .auth()
                .carrier()
                .is_header(&carrier.parse().unwrap())
        );
        assert!(service.credential().looks_right(right));
        assert!(!service.credential().looks_right(wrong));
        let asked = service.credential().check().unwrap();
        assert_eq!(asked.request.path_and_query, check);
        assert_eq!(asked.request.method, "GET");
    }
    let headers = &catalogue()
        .service("anthropic")
        .unwrap()
        .credential()
        .check()
        .unwrap()
        .request
        .headers;
    assert_eq!(headers["anthropic-version"], "2023-06-01");
}

#[test]
fn model_apis_may_think_for_ten_minutes() {
    let timeout = |service, action| catalogue().resolve(service, action).unwrap().1.timeout();
    let ten_minutes = Some(std::time::Duration::from_mins(10));
    assert_eq!(timeout("openai", "responses.create"), ten_minutes);
    assert_eq!(timeout("anthropic", "messages.create"), ten_minutes);
    assert_eq!(timeout("github", "repos.get"), None);
}

#[test]
fn every_schema_is_one_plain_object_and_every_example_is_valid() {
    fn plain(schema: &serde_json::Value, place: &str) {
        let object = schema.as_object().unwrap();
        assert!(object.contains_key("type"), "{place} has no type");
        for keyword in [
            "$ref",
            "$defs",
            "$schema",
            "anyOf",
            "oneOf",
            "allOf",
            "additionalProperties",
        ] {
            assert!(!object.contains_key(keyword), "{place} has {keyword}");
        }
        if schema["type"].to_string().contains("array") {
            assert!(object.contains_key("items"), "{place} has no items");
        }
        if let Some(items) = object.get("items") {
            plain(items, place);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            plain(property, &format!("{place}.{name}"));
        }
    }
    for service in catalogue().services() {
        for action in service.actions() {
            let place = format!("{} {}", service.name(), action.name());
            let schema = serde_json::from_str(action.params_schema()).unwrap();
            plain(&schema, &place);
            assert_eq!(schema["type"], "object");
            let validator = jsonschema::Validator::new(&schema).unwrap();
            let example = serde_json::from_str(action.example()).unwrap();
            assert!(validator.is_valid(&example), "{place}");
            let built = action.build(action.example().as_bytes(), Some("AC1"));
            assert!(built.is_ok(), "{place}");
        }
    }
}

#[test]
fn each_built_in_service_is_named_for_its_file() {
    let files = super::BUILTIN.files().map(include_dir::File::path);
    let mut stems: Vec<_> = files.map(|path| path.file_stem().unwrap()).collect();
    stems.sort();
    let names: Vec<_> = catalogue()
        .services()
        .map(|service| service.name().as_str())
        .collect();
    assert_eq!(names, stems);
}

#[test]
fn names_are_found_without_case() {
    for (service, action) in [
        ("openai", "responses.create"),
        ("OpenAI", "Responses.Create"),
        ("GITHUB", "ISSUES.CREATE"),
    ] {
        let (found, _) = catalogue().resolve(service, action).unwrap();
        assert_eq!(found.name().as_str(), service.to_lowercase());
    }
}

#[test]
fn an_unknown_service_is_an_error_that_names_the_nearest() {
    for (wanted, says) in [
        ("opnai", "Did you mean \"openai\"?"),
        ("githib", "Did you mean \"github\"?"),
        ("constructor", "Known: anthropic, "),
        ("__proto__", "Known"),
        ("toString", "Known"),
        (".", "Known"),
        ("*", "Known"),
        ("a/b", "Known"),
        ("openai ", "Did you mean \"openai\"?"),
        ("\u{43e}penai", "no service"),
        ("con", "no service"),
        ("", "no service"),
    ] {
        let error = catalogue().resolve(wanted, "responses.create").unwrap_err();
        assert!(matches!(error, ResolveError::UnknownService { .. }));
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = catalogue().unknown_service(&"x".repeat(10_000)).to_string();
    assert!(error.len() < 300);
}

#[test]
fn an_unknown_action_is_an_error_that_names_the_nearest() {
    for (service, action, says) in [
        ("github", "issue.create", "Did you mean \"issues.create\""),
        ("github", "zzz", "has no action \"zzz\""),
        ("github", "Responses.create", "The service openai has it"),
        ("anthropic", "repos.get", "The service github has it"),
        ("openai", "__proto__", "has no action"),
        ("openai", "*", "has no action"),
    ] {
        let error = catalogue().resolve(service, action).unwrap_err();
        assert!(matches!(error, ResolveError::UnknownAction { .. }));
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_service_with_few_actions_names_them_all() {
    let small = "{ service: small, title: Small, base_url: https://api.example.com, auth: bearer, actions: { pets.list: { effect: read, method: GET, path: /pets } } }";
    let service = define(small).unwrap();
    let error = catalogue().unknown_action(&service, "zzz").to_string();
    assert!(error.contains("It has: pets.list"), "{error}");
}
