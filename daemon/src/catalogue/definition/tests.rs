use super::super::tests::define;

const HEAD: &str = "service: test\ntitle: Test\nbase_url: https://api.example.com\nauth: bearer\n";

fn action(fields: &str) -> String {
    format!("{HEAD}actions:\n  x.do:\n    effect: read\n    method: GET\n    {fields}\n")
}

fn post(params: &str) -> String {
    format!(
        "{HEAD}actions:\n  x.do:\n    effect: write\n    method: POST\n    path: /x/{{id}}\n    params:\n      id: {{ in: path, type: string, required: true }}\n      {params}\n"
    )
}

/// Each text is refused at its line, with its words.
fn assert_refused(cases: Vec<(String, usize, &str)>) {
    let mut missed = Vec::new();
    for (text, line, says) in cases {
        let error = define(&text).unwrap_err();
        let placed = error.place.line() == Some(line) && error.place.column().is_some();
        if !placed || !error.to_string().contains(says) {
            missed.push(format!("line {line}, {says:?}: {error}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn a_small_definition_is_enough() {
    let service = define(&action("path: /x")).unwrap();
    assert_eq!(service.name().as_str(), "test");
    assert_eq!(service.credential().prompt(), "Test credential");
    assert!(service.credential().looks_right("anything"));
    assert!(service.credential().check().is_none());
    assert_eq!(service.action("X.DO").unwrap().name(), "x.do");
}

#[test]
fn no_param_takes_the_place_of_a_credential_in_the_query() {
    let head = HEAD.replace("bearer", "{ scheme: query, name: key }");
    let with = |param: &str| {
        format!(
            "{head}actions:\n  x.do:\n    effect: read\n    method: GET\n    path: /x\n    params:\n      {param}\n"
        )
    };
    assert_refused(vec![
        (
            with("key: { in: query, type: string }"),
            11,
            "where the credential goes",
        ),
        (
            with("Key: { in: query, type: string }"),
            11,
            "where the credential goes",
        ),
        (
            with("a: { in: query, as: key, type: string }"),
            11,
            "where the credential goes",
        ),
    ]);
    define(&with("authorized: { in: query, as: keys, type: string }")).unwrap();
}

#[test]
fn a_wrong_definition_is_refused_with_line_and_column() {
    assert_refused(vec![
        (format!("{HEAD}actions: {{}}\n"), 5, "at least one action"),
        (format!("{HEAD}colour: red\nactions: {{}}\n"), 5, "colour"),
        (HEAD.to_owned(), 4, "actions"),
        (
            HEAD.replace("https", "http") + "actions: {}",
            3,
            "unencrypted",
        ),
        (
            HEAD.replace("bearer", "bearr") + "actions: {}",
            4,
            "no auth scheme \"bearr\"",
        ),
        (
            HEAD.replace("service: test", "service: a b") + "actions: {}",
            1,
            "service name",
        ),
        (action("path: /x\n    pth: /y"), 10, "pth"),
        (action("path: /x\n    timeout_s: 0"), 10, "1 to 3600"),
        (action("path: /x\n    timeout_s: soon"), 10, "soon"),
        (action("path: x"), 9, "start with /"),
        (action("path: /x?y={z}"), 9, "may hold"),
        (action("path: /x/{id}"), 9, "{id} is no param"),
        (
            action("path: /x\n    response: jsn"),
            10,
            "json, text, bytes, xml",
        ),
        (
            action("path: /x\n    response: { format: text, decode_base64: { from: a, into: b } }"),
            10,
            "needs the format json",
        ),
        (
            action("path: /x\n    passthrough: body"),
            10,
            "a GET has no body",
        ),
        (action("path: /x\n    passthrough: query"), 10, "query"),
        (
            action("path: /x\n    headers: { Authorization: Bearer x }"),
            10,
            "where the credential goes",
        ),
        (
            action("path: /x\n    headers: { Host: evil.example }"),
            10,
            "can't be set",
        ),
        (
            action("path: /x\n    headers: { x-a: \"a\\nb\" }"),
            10,
            "line breaks",
        ),
        (action("path: /x\n    method: GET"), 10, "method"),
    ]);
}

#[test]
fn a_wrong_param_is_refused_with_line_and_column() {
    assert_refused(vec![
        (post("a: { in: body }"), 12, "has no type"),
        (post("a: { type: string }"), 12, "`in`"),
        (post("a: { in: body, type: strng }"), 12, "strng"),
        (
            post("a: { in: body, type: array }"),
            12,
            "array without items",
        ),
        (
            post("a: { in: body, type: object, properties: { b: { type: array } } }"),
            12,
            "array without items",
        ),
        (
            post("a: { in: body, type: string, maxLen: 1 }"),
            12,
            "maxLen",
        ),
        (
            post("a: { in: body, type: object, properties: { b: { type: string, in: body } } }"),
            12,
            "in",
        ),
        (
            post("a: { in: body, type: string, pattern: '(' }"),
            12,
            "regex",
        ),
        (
            post("a: { in: body, type: string, required: yes }"),
            12,
            "yes",
        ),
        (
            post("a: { in: path, type: string, required: true }"),
            12,
            "must stand once",
        ),
        (
            post("a: { in: header, as: cookie, type: string }"),
            12,
            "can't be set",
        ),
        (
            post("a: { in: header, as: authorization, type: string }"),
            12,
            "where the credential goes",
        ),
        (
            post("a: { in: header, as: content-type, type: string }"),
            12,
            "content-type",
        ),
        (
            post("a: { in: header, type: array, items: { type: string } }"),
            12,
            "in the body",
        ),
        (post("a: { in: query, type: object }"), 12, "in the body"),
        (
            post("a: { in: query, type: array, items: { type: object } }"),
            12,
            "in the body",
        ),
        (
            post("a: { in: query, type: string, empty_segments: true }"),
            12,
            "empty_segments",
        ),
        (
            post("a: { in: query, type: string, multi: true }"),
            12,
            "multi",
        ),
        (
            post("a: { in: query, type: string, style: comma }"),
            12,
            "style",
        ),
        (
            post("a: { in: body, type: string }\n      b: { in: body, as: a, type: string }"),
            13,
            "goes where another one goes",
        ),
        (
            post("a: { in: body, type: string }\n      a: { in: body, type: string }"),
            13,
            "a",
        ),
        (
            post("a: &x { in: body, type: string }").replace("actions", "<<: {}\nactions"),
            5,
            "merge",
        ),
    ]);
}

#[test]
fn a_path_param_must_always_be_there() {
    let text = post("").replace(", required: true", "");
    let error = define(&text).unwrap_err();
    assert!(error.problem.contains("must be required"), "{error}");
}

#[test]
fn two_params_can_t_make_up_a_segment_together() {
    let text = post("b: { in: path, type: string, required: true }").replace("{id}", "{id}{b}");
    assert!(define(&text).unwrap_err().problem.contains("one {param}"));
}

#[test]
fn actions_that_differ_in_case_alone_are_one() {
    let text = action("path: /x\n  X.Do: { effect: read, method: GET, path: /y }");
    assert!(define(&text).unwrap_err().problem.contains("stands twice"));
}

#[test]
fn an_error_points_at_the_place() {
    let error = define(&action("path: x")).unwrap_err().to_string();
    assert_eq!(
        error,
        "the path \"x\" must start with /\n --> test.yaml:9:11\n  |\n9 |     path: x\n  |           ^"
    );
}
