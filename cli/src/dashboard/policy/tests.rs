//! The rules in words, and nothing of a file that a page would obey.

use std::fmt::Write;

use axis_proto::v1::{CheckPolicyResponse, SealDifference, SealMeaning, ShowSealResponse};

use super::*;

const POLICY: &str = r#"policies:
  - identity: ci-runner
    socket: required
    rateLimit: { requestsPerMinute: 30 }
    approval: host
    allow:
      - service: github
        actions: ["*"]
        effects: [read]
      - { service: github, actions: ["issues.*"], effects: [write], ask: true, ttl: 60 }
      - service: "*"
        actions: [repos.get]
        params: { owner: acme, repo: ["a", "1"], per_page: { max: 100 }, odd: { min: 1, max: 9 } }
        until: 2030-01-01T00:00:00Z
        credential: work
        rateLimit: { requestsPerMinute: 1 }
    deny:
      - { service: github, actions: [repos.delete] }
  - identity: "*"
    allow: []
"#;

#[test]
fn rules_are_said_as_people_think_of_them() {
    let shown = rules::show(POLICY).into_string();
    for words in [
        "<bdi>ci-runner</bdi>",
        "Every identity",
        "Only on its own socket",
        "At most 30 calls in any 60 s over all its calls.",
        "the agent's host may approve",
        "all <bdi>reads</bdi>",
        "<bdi>writes</bdi> of <code><bdi>issues.*</bdi></code>",
        "each call waits until it is approved",
        "after a success not again for 60 s",
        "every service",
        "the param <code><bdi>owner</bdi></code> is <code><bdi>acme</bdi></code>",
        "is one of <code><bdi>&quot;a&quot;</bdi></code>, <code><bdi>&quot;1&quot;</bdi></code>",
        "is at most <code><bdi>100</bdi></code>",
        "is from <code><bdi>1</bdi></code> to <code><bdi>9</bdi></code>",
        "until <time datetime=\"2030-01-01T00:00:00Z\">",
        "with the credential labelled <bdi>work</bdi>",
        "at most 1 call in any 60 s",
        "href=\"#L18\"",
        "No rules: nothing is allowed.",
    ] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    let (never, may) = (shown.find("never</span>"), shown.find("may</span>"));
    assert!(never.unwrap() < may.unwrap(), "what denies wins: {shown}");
    assert_eq!(rules::identities(POLICY), ["ci-runner", "*"]);
}

#[test]
fn what_has_no_words_is_shown_as_it_is_written() {
    let policy = "policies:\n  - identity: a\n    later: [1, 2]\n    allow:\n      - { service: s, actions: [x], ttl: soon, mood: { good: true } }\n";
    let shown = rules::show(policy).into_string();
    for yaml in ["later", "[1, 2]", "ttl", "soon", "mood", "{ good: true }"] {
        assert!(shown.contains(yaml), "{yaml} in {shown}");
    }
    let repeated = "policies:\n  - &a { identity: a, allow: [] }\n  - *a\n";
    assert!(rules::show(repeated).into_string().contains("anchors"));
}

#[test]
fn nothing_in_a_file_is_markup_or_hidden() {
    const HOSTILE: &str = "<script>alert(1)</script>\u{202e}\u{1b}[2J\" onclick=\"x";
    let policy = "policies:\n  - identity: \"<script>\\u202e\"\n    allow: [{ service: '<script>', actions: ['<script>'], params: { '<script>': '<script>' } }]\n";
    let checked = CheckPolicyResponse {
        warnings: vec![format!("line 2: {HOSTILE}"), HOSTILE.to_owned()],
        notes: vec![format!("line 3: {HOSTILE}")],
        error: None,
        rules: 1,
    };
    let seal = ShowSealResponse {
        sealed: true,
        fault: Some(HOSTILE.to_owned()),
        differences: vec![SealDifference {
            name: HOSTILE.to_owned(),
            path: HOSTILE.to_owned(),
            lines: vec![format!("+{HOSTILE}"), format!("-{HOSTILE}")],
            words: vec![HOSTILE.to_owned()],
            error: Some(HOSTILE.to_owned()),
            left_out: 3,
        }],
        meaning: Some(SealMeaning {
            more: vec![HOSTILE.to_owned()],
            more_count: 1,
            ..SealMeaning::default()
        }),
        ..ShowSealResponse::default()
    };
    let shown = ShowPolicyResponse {
        path: HOSTILE.to_owned(),
        error: Some(HOSTILE.to_owned()),
        ..ShowPolicyResponse::default()
    };
    for page in [
        rules::show(policy),
        text::show(&format!("{policy}# {HOSTILE}\n"), &checked),
        seal::show(&seal),
        standing(&shown, &seal, &checked),
    ] {
        let page = page.into_string();
        assert!(page.contains("&lt;script&gt;"), "{page}");
        for sign in ["<script", "\u{202e}", "\u{1b}", "\" onclick"] {
            assert!(!page.contains(sign), "{sign:?} in {page}");
        }
    }
    let diff = seal::show(&seal).into_string();
    assert!(diff.contains("class=\"added\"") && diff.contains("class=\"removed\""));
}

#[test]
fn many_rules_are_folded_and_none_is_left_out() {
    let mut policy = "policies:\n  - identity: a\n    allow:\n".to_owned();
    for number in 0..10_000 {
        writeln!(policy, "      - {{ service: s{number}, actions: [x] }}").unwrap();
    }
    let shown = rules::show(&policy).into_string();
    assert!(shown.contains("<bdi>s9999</bdi>"));
    assert!(!shown.contains("<details class=\"identity\" open"));
    let text = text::show(&policy, &CheckPolicyResponse::default()).into_string();
    assert!(text.contains("id=\"L10003\""));
}

#[test]
fn only_what_a_shell_takes_as_a_name_becomes_part_of_a_command() {
    for (name, expected) in [
        ("issues.create", true),
        ("ci-runner_2", true),
        ("a;b", false),
        ("$(x)", false),
        ("--identity", false),
        ("a b", false),
        ("", false),
    ] {
        assert_eq!(is_plain(name), expected, "{name}");
    }
}
