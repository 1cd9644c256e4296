//! Names: readable, and each once.

use super::*;

/// The names of the actions, in the document's order.
fn names(paths: &Value) -> Vec<String> {
    let definition = definition(&document(paths, &json!({})));
    let actions = definition["actions"].as_object().unwrap();
    actions.keys().cloned().collect()
}

#[test]
fn a_name_reads_like_those_that_are_built_in() {
    for (method, path, id, tag, name) in [
        ("post", "/x", "issues/create", "", "issues.create"),
        (
            "get",
            "/x",
            "issues/list-comments",
            "",
            "issues.listComments",
        ),
        (
            "get",
            "/x",
            "storage.objects.list",
            "",
            "storage.objects.list",
        ),
        ("get", "/x", "listPets", "", "pets.list"),
        ("get", "/x", "getPetById", "", "pet.getById"),
        (
            "get",
            "/x",
            "list_orders_for_customer",
            "",
            "orders.listForCustomer",
        ),
        (
            "post",
            "/x",
            "createChatCompletion",
            "Chat",
            "chatCompletion.create",
        ),
        (
            "post",
            "/x",
            "PostPaymentIntentsIntentConfirm",
            "",
            "paymentIntentsIntentConfirm.post",
        ),
        ("get", "/x", "GetHTTPUrl2", "", "httpUrl2.get"),
        ("get", "/x", "showMe", "Users", "me.show"),
        ("get", "/x", "whoami", "Users", "users.whoami"),
        ("get", "/x", "users_whoami", "users", "usersWhoami"),
        ("get", "/x", "list", "", "list"),
        ("get", "/x", "getByName", "", "getByName"),
        (
            "get",
            "/items/{item_id}",
            "read_item_items__item_id__get",
            "",
            "item.read",
        ),
        ("get", "/pets", "", "", "pets.list"),
        ("get", "/pets/{id}", "", "", "pets.get"),
        (
            "post",
            "/v1/pets/{id}/check-ins",
            "",
            "",
            "v1.pets.checkIns.create",
        ),
        ("put", "/pets/{id}", "", "", "pets.put"),
        ("patch", "/pets/{id}", "", "", "pets.update"),
        ("delete", "/pets/{id}/", "", "", "pets.delete"),
        ("get", "/", "", "", "root.list"),
        ("get", "/x", "../../etc/passwd", "", "etc.passwd"),
        ("get", "/x", "..", "", "x.list"),
        ("get", "/x", "получить", "", "x.list"),
        ("get", "/x", "http.get", "", "api.http.get"),
    ] {
        let mut operation = json!({ "tags": [tag] });
        if !id.is_empty() {
            operation["operationId"] = id.into();
        }
        assert_eq!(
            names(&json!({ path: { method: operation } })),
            [name],
            "{id} {path}"
        );
    }
}

#[test]
fn names_that_compare_equal_are_told_apart_whatever_else_is_there() {
    let paths = json!({
        "/a": {"get": {"operationId": "getThing"}},
        "/b": {"get": {"operationId": "GetThing"}, "post": {"operationId": "get_thing"}},
        "/b/{x}": {"get": {"operationId": "getThing"}},
        "/b/{y}": {"get": {"operationId": "getThing"}},
    });
    let all = names(&paths);
    assert_eq!(
        all,
        [
            "thing.get",
            "thing.getBList",
            "thing.getBCreate",
            "thing.getBGet",
            "thing.getBGet2"
        ]
    );
    // a choice changes no name
    let text = document(&paths, &json!({}));
    let only = ["THING.getb*".to_owned()];
    let wishes = Wishes {
        only: &only,
        ..Wishes::default()
    };
    let imported = convert(&text, &wishes).unwrap();
    assert_eq!((imported.actions, imported.operations), (4, 4));
    assert!(!imported.yaml.contains("thing.get:"), "{}", imported.yaml);
    let only = ["none.*".to_owned()];
    let wishes = Wishes {
        only: &only,
        ..Wishes::default()
    };
    let error = convert(&text, &wishes).unwrap_err().to_string();
    assert!(error.contains("thing.get"), "{error}");
}

#[test]
fn a_very_long_name_is_cut_and_still_the_only_one() {
    let long = "x".repeat(300);
    let all = names(&json!({
        "/a": {"get": {"operationId": long}},
        "/b": {"get": {"operationId": long}},
        "/c": {"get": {"operationId": long}},
    }));
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|name| name.len() <= 128), "{all:?}");
}

#[test]
fn a_service_is_named_after_its_title_or_as_was_asked() {
    let titled = |title: &str| {
        json!({"openapi": "3.1.0", "info": {"title": title}, "servers": [{"url": "https://a.example"}],
            "paths": {"/x": {"get": {}}}})
        .to_string()
    };
    for (title, asked, name) in [
        ("Swagger Petstore", None, Some("swagger-petstore")),
        ("  GitHub v3 REST API!  ", None, Some("github-v3-rest-api")),
        ("", None, Some("imported-service")),
        ("日本語", None, None),
        ("x", Some("Acme_2"), Some("acme_2")),
        ("x", Some("../acme"), None),
        ("x", Some(""), None),
    ] {
        let wishes = Wishes {
            name: asked,
            ..Wishes::default()
        };
        let imported = convert(&titled(title), &wishes);
        assert_eq!(
            imported.ok().map(|it| it.name).as_deref(),
            name,
            "{title:?} {asked:?}"
        );
    }
}
