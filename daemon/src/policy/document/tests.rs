//! What a policy file may not be, and how its faults are shown.

use std::fmt::Write as _;

use super::*;
use crate::policy::Policy;
use crate::policy::error::Fault;
use crate::policy::pattern::ActionPattern;

fn refused(text: &str) -> PolicyError {
    match Policy::parse(text, Path::new("policy.yaml")) {
        Ok(_) => panic!("accepted: {text:?}"),
        Err(error) => error,
    }
}

/// An entry for `a` whose `allow` is `rules`.
fn entry(rules: &str) -> String {
    format!("policies:\n- identity: a\n  allow: {rules}\n")
}

/// A policy whose only rule has `fields` too.
fn rule(fields: &str) -> String {
    entry(&format!("[{{service: s, actions: [x], {fields}}}]"))
}

/// A text, the line and column of its fault, and a part of what is said.
type Refused<'a> = (String, usize, usize, &'a str);

#[track_caller]
fn all_refused(cases: &[Refused<'_>]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(text, line, column, part)| {
            let error = refused(text);
            let right = (error.line(), error.column()) == (Some(*line), Some(*column))
                && error.to_string().contains(part);
            let shown: String = text.chars().take(200).collect();
            (!right).then(|| format!("{shown:?} at {line}:{column} {part:?}, but:\n{error}\n"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_of_another_shape_is_refused() {
    all_refused(&[
        (String::new(), 1, 1, "empty"),
        ("# nothing\n\n".into(), 1, 1, "`policies: []`"),
        ("---\n".into(), 1, 4, "must be fields"),
        ("~\n".into(), 1, 1, "must be fields"),
        ("policies\n".into(), 1, 1, "must be fields"),
        ("[]\n".into(), 1, 1, "must be fields"),
        ("policies:\n".into(), 1, 9, "a list"),
        ("version: 1\npolicies: []\n".into(), 1, 1, "\"version\""),
        ("policies: []\npolicies: []\n".into(), 2, 1, "second time"),
        (
            "policies:\n- identity: a\n  allow: []\n  allow: []\n".into(),
            4,
            3,
            "\"allow\"",
        ),
        (
            "policies:\n- identity: a\n  allow: []\n- identity: A\n  allow: []\n".into(),
            4,
            13,
            "in line 2",
        ),
        (rule("TTL: 300"), 3, 38, "did you mean \"ttl\"?"),
        (rule("ask: maybe"), 3, 43, "true or false"),
        (rule("ask: yes"), 3, 43, "true or false"),
        (rule("effects: [reed]"), 3, 48, "is no effect"),
        (rule("effects: []"), 3, 47, "no effect is named"),
        (rule("effects:"), 3, 45, "must be a list"),
        (rule("until: tomorrow"), 3, 45, "is no moment"),
        (rule("until: 2027-01-31T18:00:00"), 3, 45, "with its offset"),
        (rule("credential: ''"), 3, 50, "empty"),
        (
            rule("params: {p: {maximum: 1}}"),
            3,
            50,
            "has the field \"maximum\"",
        ),
        (
            "policies:\n- identity: a\n  deny: [{service: s, actions: [x], ttl: 5}]\n".into(),
            3,
            42,
            "ttl stands in a deny rule",
        ),
        (
            "policies:\n- identity: a\n  alow: []\n  allow: []\n".into(),
            3,
            3,
            "\"allow\"?",
        ),
        (
            "policies:\n- identity: a\n  ratelimit: {requestsPerMinute: 1}\n  allow: []\n".into(),
            3,
            3,
            "did you mean \"rateLimit\"?",
        ),
        (
            "policies:\n- identity: a\n  rateLimit: {}\n  allow: []\n".into(),
            3,
            14,
            "requestsPerMinute",
        ),
        (
            "policies:\n- identity: a\n  rateLimit:\n  allow: []\n".into(),
            3,
            12,
            "fields",
        ),
        ("policies:\n- identity: a\n".into(), 2, 13, "`allow: []`"),
        (
            "policies:\n- allow: []\n".into(),
            2,
            3,
            "whom the entry is for",
        ),
        (entry(""), 3, 8, "a list"),
        (entry("[{actions: [x]}]"), 3, 12, "\"service\""),
        (entry("[{service: s}]"), 3, 12, "\"actions\""),
        (entry("[{service: s, actions: x}]"), 3, 33, "a list"),
        (
            "policies:\n- identity: ''\n  allow: []\n".into(),
            2,
            13,
            "empty",
        ),
    ]);
}

#[test]
fn a_number_that_is_none_or_out_of_range_is_refused() {
    all_refused(&[
        (rule("ttl: 0300"), 3, 43, "\"0300\""),
        (rule("ttl: .nan"), 3, 43, "\".nan\""),
        (rule("ttl: .inf"), 3, 43, "\".inf\""),
        (rule("ttl: 1e308"), 3, 43, "1e308"),
        (rule("ttl: 1.5"), 3, 43, "1.5"),
        (rule("ttl: 0"), 3, 43, "from 1 to 31536000"),
        (rule("ttl: -5"), 3, 43, "-5"),
        (rule("ttl: 31536001"), 3, 43, "31536001"),
        (rule("ttl: '300'"), 3, 43, "text \"300\""),
        (rule("ttl: 1_000"), 3, 43, "1_000"),
        (rule("ttl: true"), 3, 43, "true"),
        (rule("ttl: "), 3, 41, "left out"),
        (rule("ttl: [1]"), 3, 38, "whole number"),
        (
            "policies:\n- identity: a\n  rateLimit: {requestsPerMinute: 0}\n  allow: []\n".into(),
            3,
            34,
            "from 1 to 100000",
        ),
        (
            "policies:\n- identity: a\n  rateLimit: {requestsPerMinute: -1}\n  allow: []\n".into(),
            3,
            34,
            "-1",
        ),
    ]);
}

#[test]
fn a_name_that_is_none_is_refused() {
    all_refused(&[
        (entry("[{service: s, actions: [[x]]}]"), 3, 34, "one name"),
        (
            entry("[{service: s, actions: [~]}]"),
            3,
            34,
            "nothing is written",
        ),
        (entry("[{service: 'git*', actions: [x]}]"), 3, 21, "star"),
        (
            entry("[{service: s, actions: ['iss*']}]"),
            3,
            34,
            "\"issues.*\"",
        ),
        (
            entry("[{service: s, actions: ['*.create']}]"),
            3,
            34,
            "star",
        ),
        (entry("[{service: s, actions: ['a.*.b']}]"), 3, 34, "star"),
        (
            entry("[{service: s, actions: ['.*']}]"),
            3,
            34,
            "can't be an action",
        ),
        (
            entry("[{service: s, actions: ['a b']}]"),
            3,
            34,
            "can't be an action",
        ),
        (
            entry("[{service: s, actions: ['']}]"),
            3,
            34,
            "can't be an action",
        ),
        (
            "policies:\n- identity: 'dev-*'\n  allow: []\n".into(),
            2,
            13,
            "star",
        ),
        (
            "policies:\n- identity: l\u{43e}cal-dev\n  allow: []\n".into(),
            2,
            13,
            "can't be",
        ),
        (
            "policies:\n- identity: ${AXIS_IDENTITY}\n  allow: []\n".into(),
            2,
            13,
            "expanding",
        ),
    ]);
}

#[test]
fn yaml_that_hides_repeats_or_breaks_is_refused() {
    let mut bomb = String::new();
    for (name, of) in ('b'..='j').zip('a'..='i') {
        let nine = vec![format!("*{of}"); 9].join(",");
        writeln!(bomb, "{name}: &{name} [{nine}]").unwrap();
    }
    all_refused(&[
        (
            format!("policies:\n- identity: '*'\n  allow: &a [x,x]\n{bomb}"),
            3,
            14,
            "fields",
        ),
        (
            format!("policies: {}", "[".repeat(100_000)),
            1,
            266,
            "recursion",
        ),
        (
            "policies: !!python/object/apply:os.system ['id']\n".into(),
            1,
            11,
            "!!python",
        ),
        (
            "policies:\n- identity: !!binary bG9jYWwtZGV2\n  allow: []\n".into(),
            2,
            13,
            "!!binary",
        ),
        ("policies: !!seq []\n".into(), 1, 11, "!!seq"),
        (
            entry("[{<<: {service: s}, actions: [x]}]"),
            3,
            12,
            "merge keys",
        ),
        (
            "policies: []\n---\npolicies: []\n".into(),
            2,
            1,
            "one YAML document",
        ),
        ("policies: []\n...\npolicies: []\n".into(), 3, 1, ""),
        ("\u{feff}policies: []\n".into(), 1, 1, "byte-order mark"),
        ("policies: []\u{0}\n".into(), 1, 13, "control character"),
        (
            "policies: []\n# \u{1b}[2Jnothing to see\n".into(),
            2,
            3,
            "control character",
        ),
        ("# hidden\rpolicies: []\n".into(), 1, 9, "control character"),
        (
            "policies: []\n# \u{2028}x\n".into(),
            2,
            3,
            "control character",
        ),
        ("policies:\n\t- identity: a\n".into(), 2, 2, "tabs"),
        (
            entry("[{service: s, act").trim_end().into(),
            3,
            11,
            "not valid YAML",
        ),
        (entry("*nothing"), 3, 10, "not valid YAML"),
        (
            "policies:\n- identity: a\n  allow: []  # none\n  # more\n\n  - service: s\n    actions: [x]\n"
                .into(),
            6,
            5,
            "the list of line 3, which is `[]`: none; delete",
        ),
        (
            "policies:\n- identity: a\n  deny: []\n  allow: *x\n  - service: s\n".into(),
            4,
            10,
            "not valid YAML",
        ),
        (
            "policies: &a\n- identity: x\n  allow: *a\n".into(),
            3,
            10,
            "not valid YAML",
        ),
    ]);
}

#[test]
fn words_that_yaml_takes_for_booleans_are_names_here() {
    let text = "policies:\n- identity: no\n  allow: [{service: on, actions: [yes]}]\n";
    let entries = read(text, Path::new("p")).unwrap();
    assert_eq!(entries[0].scope.to_string(), "no");
    assert_eq!(
        entries[0].allow[0].actions[0].0,
        ActionPattern::Named("yes".into())
    );
}

#[test]
fn an_error_points_at_the_text_the_way_a_compiler_does() {
    let text = "policies:\n  - identity: a\n    alow: []\n    allow: []\n";
    assert_eq!(
        refused(text).to_string(),
        "there is no field \"alow\" here; did you mean \"allow\"?\n \
         --> policy.yaml:3:5\n  \
         |\n\
         3 |     alow: []\n  \
         |     ^^^^"
    );
    assert_eq!(
        refused(text).headline(),
        "policy.yaml:3:5: there is no field \"alow\" here; did you mean \"allow\"?"
    );
}

#[test]
fn a_long_line_is_shown_around_its_fault() {
    let many = "{service: s, actions: [x]}, ".repeat(500);
    let error = refused(&entry(&format!(
        "[{many}{{service: S, actions: ['x*']}}, {many}]"
    )));
    let text = error.to_string();
    assert!(
        text.lines().all(|line| line.chars().count() < 130),
        "{text}"
    );
    assert!(text.contains("'x*'"), "{text}");
    let lines: Vec<&str> = text.lines().rev().take(2).collect();
    let caret = lines[0].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[1].chars().nth(caret), Some('\''), "{text}");
}

#[test]
fn a_reused_list_is_as_good_as_a_written_one_and_a_bomb_is_not() {
    let text = "policies:\n\
        - {identity: a, allow: &rules [{service: s, actions: [x], ttl: 5}]}\n\
        - {identity: b, allow: *rules}\n";
    assert_eq!(read(text, Path::new("p")).unwrap()[1].allow.len(), 1);

    let rules = "{service: s, actions: [x,x,x,x,x,x,x,x]},".repeat(90);
    let mut bomb = format!("policies:\n- {{identity: a, allow: &r [{rules}]}}\n");
    for number in 0..500 {
        writeln!(bomb, "- {{identity: a{number}, allow: *r}}").unwrap();
    }
    assert!(matches!(refused(&bomb).fault(), Fault::TooComplex { .. }));
}

#[test]
fn the_size_limits_hold() {
    let rules = "{service: s, actions: [x]},".repeat(MAX_RULES);
    let most = format!("{}- identity: b\n  allow: [", entry(&format!("[{rules}]")));
    let entries = read(&format!("{most}]\n"), Path::new("p")).unwrap();
    assert_eq!(entries[0].allow.len(), MAX_RULES);
    let error = refused(&format!("{most}{{service: t, actions: [x]}}]\n"));
    assert_eq!(*error.fault(), Fault::TooManyRules { limit: MAX_RULES });
    assert_eq!((error.line(), error.column()), (Some(5), Some(21)));

    let long = format!("policies: []\n{}", "# comment\n".repeat(110_000));
    assert!(matches!(refused(&long).fault(), Fault::TooLarge { .. }));
    let commented = format!(
        "policies:\n{}- {{identity: a, allow: []}}\n",
        "# c\n".repeat(5_000)
    );
    assert_eq!(read(&commented, Path::new("p")).unwrap().len(), 1);
}
