//! What becomes of files as people write them.

use super::*;

fn rule() -> RuleText {
    let mut rule = RuleText::default();
    rule.field("service", "github".into());
    rule.field("actions", list(["a.b"]));
    rule
}

fn entry(root: &Node, at: usize) -> &Node {
    &root.value("policies").unwrap().items()[at]
}

/// The text with the rule in the list `name` of the first entry.
fn with(text: &str, name: &str, before: Option<usize>) -> String {
    let root = Node::read(text).unwrap();
    let new = Layout::of(text).with_rule(entry(&root, 0), name, &rule(), before);
    assert!(Node::read(&new).is_some(), "{new}");
    new
}

fn without(text: &str, name: &str, at: usize) -> Option<String> {
    let root = Node::read(text).unwrap();
    let (key, rules) = entry(&root, 0).field(name).unwrap();
    Layout::of(text).without_item(key, rules, at)
}

const BLOCK: &str = "# head
policies:
  - identity: a   # who
    allow:
      # about x
      - service: s  # one
        actions: [x]   # end of x
      # about y
      - { service: s, actions: [y] } # two

      # - { service: s, actions: [off] }
    # before the next
  - identity: b
    allow: []
# tail
";

#[test]
fn a_rule_goes_behind_the_last_one_or_before_another_with_its_comment() {
    let new = "      - service: github\n        actions: [\"a.b\"]\n";
    let two = "      - { service: s, actions: [y] } # two\n";
    assert_eq!(
        with(BLOCK, "allow", None),
        BLOCK.replace(two, &format!("{two}{new}"))
    );
    let about = "      # about y\n";
    assert_eq!(
        with(BLOCK, "allow", Some(1)),
        BLOCK.replace(about, &format!("{new}{about}"))
    );
}

#[test]
fn a_list_that_is_missing_is_made_and_line_ends_are_the_files_own() {
    let two = "      - { service: s, actions: [y] } # two\n";
    let deny = "    deny:\n      - service: github\n        actions: [\"a.b\"]\n";
    assert_eq!(
        with(BLOCK, "deny", None),
        BLOCK.replace(two, &format!("{two}{deny}"))
    );
    let crlf = BLOCK.replace('\n', "\r\n");
    let new = with(&crlf, "deny", None);
    assert_eq!(new.replace("\r\n", "\n"), with(BLOCK, "deny", None));
    assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
}

#[test]
fn what_stands_in_brackets_stays_in_brackets() {
    let new = "{ service: github, actions: [\"a.b\"] }";
    for (text, name, before, expected) in [
        (
            "policies: [{identity: a, allow: [{service: s, actions: [x]}]}]",
            "allow",
            None,
            format!("policies: [{{identity: a, allow: [{{service: s, actions: [x]}}, {new}]}}]"),
        ),
        (
            "policies: [{identity: a, allow: [{service: s, actions: [x]}]}]",
            "allow",
            Some(0),
            format!("policies: [{{identity: a, allow: [{new}, {{service: s, actions: [x]}}]}}]"),
        ),
        (
            "policies: [{identity: a, allow: [ ]} ] # x",
            "allow",
            None,
            format!("policies: [{{identity: a, allow: [{new} ]}} ] # x"),
        ),
        (
            "policies: [{identity: a, allow: []}]\n",
            "deny",
            None,
            format!("policies: [{{identity: a, allow: [], deny: [{new}]}}]\n"),
        ),
        (
            "policies:\n- identity: a\n  allow: []",
            "allow",
            None,
            format!("policies:\n- identity: a\n  allow: [{new}]"),
        ),
    ] {
        assert_eq!(with(text, name, before), expected);
    }
}

#[test]
fn a_new_entry_goes_to_the_end_in_the_files_own_style() {
    let add = |text: &str| {
        let root = Node::read(text).unwrap();
        let new = Layout::of(text).with_entry(&root, "*", "allow", &rule());
        assert!(Node::read(&new).is_some(), "{new}");
        new
    };
    let entry =
        "- identity: \"*\"\n    allow:\n      - service: github\n        actions: [\"a.b\"]\n";
    assert_eq!(add(BLOCK), format!("{BLOCK}\n  {entry}"));
    assert_eq!(add("policies: []\n"), format!("policies:\n  {entry}"));
    let inline = "{ identity: \"*\", allow: [{ service: github, actions: [\"a.b\"] }] }";
    assert_eq!(add("{policies: []}"), format!("{{policies: [{inline}]}}"));
    assert_eq!(
        add("policies: [{identity: a, allow: []}]"),
        format!("policies: [{{identity: a, allow: []}}, {inline}]")
    );
    let default = include_str!("../../../../config/policy.yaml");
    assert!(add(default).starts_with(default.trim_end()));
}

#[test]
fn a_rule_goes_with_its_lines_and_nothing_else() {
    let first = "      - service: s  # one\n        actions: [x]   # end of x\n";
    assert_eq!(
        without(BLOCK, "allow", 0).unwrap(),
        BLOCK.replace(first, "")
    );
    let only =
        "policies:\n- identity: a\n  allow: # why\n  - { service: s, actions: [x] }\n  # end\n";
    assert_eq!(
        without(only, "allow", 0).unwrap(),
        "policies:\n- identity: a\n  allow: [] # why\n  # end\n"
    );
    let flow = "policies: [{identity: a, allow: [{service: s, actions: [x]}, {service: s, actions: [y]}]}]";
    assert_eq!(
        without(flow, "allow", 1).unwrap(),
        "policies: [{identity: a, allow: [{service: s, actions: [x]}]}]"
    );
    assert_eq!(
        without(flow, "allow", 0).unwrap(),
        "policies: [{identity: a, allow: [{service: s, actions: [y]}]}]"
    );
}

#[test]
fn a_comment_is_never_taken_along() {
    let flow = "policies: [{identity: a, allow: [{service: s, actions: [x]}, # about y\n {service: s, actions: [y]}]}]";
    assert_eq!(without(flow, "allow", 1), None);
    let one_line = flow.replace(
        "\n {service: s, actions: [y]}",
        "\n {service: s, actions: [y]}, {service: s, actions: [z]}",
    );
    assert_eq!(
        without(&one_line, "allow", 1).unwrap(),
        one_line.replace("{service: s, actions: [y]}, ", "")
    );
}

#[test]
fn what_could_be_read_as_something_else_is_quoted() {
    for (text, written) in [
        ("github", "github"),
        ("issues.create", "issues.create"),
        ("no", "\"no\""),
        ("True", "\"True\""),
        ("12", "\"12\""),
        ("*", "\"*\""),
        ("a: b", "\"a: b\""),
        ("", "\"\""),
        ("a\"b\n", "\"a\\\"b\\n\""),
    ] {
        assert_eq!(scalar(text), written);
    }
}
