use axis_proto::v1::ActionSummary;

use super::*;

fn service(name: &str, has_credential: bool, actions: &[(&str, bool)]) -> ServiceActions {
    ServiceActions {
        service: name.to_owned(),
        title: name.to_uppercase(),
        has_credential,
        actions: actions
            .iter()
            .map(|(action, allowed)| ActionSummary {
                action: (*action).to_owned(),
                effect: "read".to_owned(),
                allowed: *allowed,
                ask: action.starts_with("asked."),
            })
            .collect(),
    }
}

fn description(services: Vec<ServiceActions>, vault_locked: bool) -> String {
    let knowledge = Knowledge::Actions {
        actions: ListActionsResponse {
            identity: "local-dev".into(),
            services,
            ..ListActionsResponse::default()
        },
        vault_locked,
    };
    tools(&knowledge, &Reach::Everywhere)[0]
        .description
        .clone()
        .unwrap()
        .into_owned()
}

#[test]
fn actions_that_ask_the_owner_are_marked() {
    let text = description(
        vec![service(
            "github",
            true,
            &[("asked.one", true), ("repos.get", true)],
        )],
        false,
    );
    assert!(text.contains("asked.one*, repos.get"), "{text}");
    assert!(text.contains("pending"), "{text}");
    let none = description(vec![service("github", true, &[("repos.get", true)])], false);
    assert!(!none.contains("pending"), "{none}");
}

#[test]
fn the_description_names_what_is_allowed_and_nothing_else() {
    let text = description(
        vec![
            service(
                "github",
                true,
                &[
                    ("repos.get", true),
                    ("issues.create", false),
                    ("pulls.create", true),
                ],
            ),
            service("openai", false, &[("responses.create", true)]),
            service("stripe", true, &[("charges.create", false)]),
        ],
        false,
    );
    assert!(
        text.contains("\n- github: repos.get, pulls.create\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "- openai: responses.create (no credential yet: the owner runs `axis add openai`)"
        ),
        "{text}"
    );
    assert!(
        !text.contains("issues.create") && !text.contains("stripe"),
        "{text}"
    );
    assert!(!text.contains("locked"), "{text}");
}

#[test]
fn the_description_says_when_nothing_can_be_called() {
    assert!(description(vec![], false).contains("allows \"local-dev\" nothing"));
    assert!(description(vec![service("s", true, &[("a", true)])], true).contains("`axis unlock`"));
    for (knowledge, part) in [
        (Knowledge::Nothing, "not running yet"),
        (
            Knowledge::Problem("AXIS_IDENTITY is wrong".into()),
            "AXIS_IDENTITY is wrong",
        ),
    ] {
        assert!(
            tools(&knowledge, &Reach::Everywhere)[0]
                .description
                .as_ref()
                .unwrap()
                .contains(part)
        );
    }
}

#[test]
fn a_large_catalogue_stays_within_the_budget_and_names_list_actions() {
    let names: Vec<String> = (0..500).map(|n| format!("resource{n}.create")).collect();
    let actions: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), true)).collect();
    for count in [1, 10, 1000] {
        let services = (0..count)
            .map(|n| service(&format!("service{n}"), n % 2 == 0, &actions))
            .collect();
        let text = description(services, true);
        assert!(text.len() < 6000, "{count}: {}", text.len());
        assert!(text.contains("- service0: 500 actions"), "{text}");
        assert!(text.contains("Call list_actions with a service"), "{text}");
    }
}

#[test]
fn the_tools_text_has_at_most_1500_tokens() {
    // of a kind with the real ones: eleven services, two hundred actions and more
    let names: Vec<String> = (0..24)
        .map(|n| format!("some{n}.resources.createOrUpdate"))
        .collect();
    for per_service in [1, 5, 10, 19, 24] {
        let actions: Vec<(&str, bool)> = names
            .iter()
            .take(per_service)
            .map(|name| (name.as_str(), true))
            .collect();
        let services = (0..11)
            .map(|n| service(&format!("service-{n}"), n % 2 == 0, &actions))
            .collect();
        let knowledge = Knowledge::Actions {
            actions: ListActionsResponse {
                identity: "local-dev".into(),
                services,
                ..ListActionsResponse::default()
            },
            vault_locked: true,
        };
        let text = serde_json::to_string(&tools(&knowledge, &Reach::Everywhere)).unwrap();
        assert!(text.len() <= 6000, "{per_service}: {} bytes", text.len());
    }
}

#[test]
fn schemas_are_plain_enough_for_every_host() {
    for tool in tools(&Knowledge::Nothing, &Reach::Everywhere) {
        assert!(tool.name.len() <= 20);
        assert!(tool.output_schema.is_none());
        assert!(tool.annotations.is_some());
        assert_eq!(tool.input_schema["type"], "object");
        walk(&Value::Object((*tool.input_schema).clone()), &tool.name);
    }
}

/// The rules of real hosts for one schema and all inside it.
fn walk(schema: &Value, place: &str) {
    let schema = schema.as_object().unwrap();
    for (keyword, value) in schema {
        match keyword.as_str() {
            "type" => assert!(
                matches!(
                    value.as_str().unwrap(),
                    "string" | "object" | "boolean" | "integer"
                ),
                "{place}: {value}"
            ),
            "description" => assert!(value.is_string()),
            "required" => assert!(value.as_array().unwrap().iter().all(Value::is_string)),
            "properties" => {
                for (name, property) in value.as_object().unwrap() {
                    walk(property, &format!("{place}.{name}"));
                }
            }
            other => panic!("{place} has {other:?}, which some host refuses"),
        }
    }
    assert!(schema.contains_key("type"), "{place} has no type");
}

#[test]
fn annotations_say_which_tool_acts() {
    let tools = tools(&Knowledge::Nothing, &Reach::Everywhere);
    let act = tools[0].annotations.as_ref().unwrap();
    assert_eq!(
        (act.read_only_hint, act.open_world_hint),
        (Some(false), Some(true))
    );
    let list = tools[1].annotations.as_ref().unwrap();
    assert_eq!(
        (list.read_only_hint, list.destructive_hint),
        (Some(true), Some(false))
    );
}

#[test]
fn the_files_that_may_be_named_are_described_and_where_there_are_none_nothing_is() {
    let schema = |files: &Reach| {
        let tools = tools(&Knowledge::Nothing, files);
        serde_json::to_string(&tools).unwrap()
    };
    assert!(schema(&Reach::Everywhere).contains("\"save_to\""));
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let beneath = schema(&Reach::parse(directory.as_os_str()).unwrap());
    let said = format!("Path of a file in {} (no name", directory.display());
    assert_eq!(beneath.matches(&said).count(), 2, "{beneath}");
    let none = schema(&Reach::Nowhere);
    for word in ["save_to", "body_file", "file"] {
        assert!(!none.contains(word), "{none}");
    }
}
