use axis_proto::v1::Service;

use super::*;

fn services() -> Vec<Service> {
    [
        ("openai", "^sk-", &["OPENAI_API_KEY"][..]),
        ("anthropic", "^sk-ant-", &["ANTHROPIC_API_KEY"]),
        (
            "github",
            "^(ghp_|github_pat_)",
            &["GITHUB_TOKEN", "GH_TOKEN"],
        ),
        ("stripe", "^(sk|rk)_", &["STRIPE_SECRET_KEY"]),
        (
            "aws",
            r"^((AKIA|ASIA)[A-Z0-9]{12,}:.|\s*\{)",
            &[
                "AWS_ACCESS_KEY_ID:AWS_SECRET_ACCESS_KEY:AWS_SESSION_TOKEN",
                "AWS_ACCESS_KEY_ID:AWS_SECRET_ACCESS_KEY",
            ],
        ),
        (
            "twilio",
            "^AC[0-9a-fA-F]{32}:",
            &["TWILIO_ACCOUNT_SID:TWILIO_AUTH_TOKEN"],
        ),
        (
            "gcp",
            r"^(\s*\{|ya29\.)",
            &["@GOOGLE_APPLICATION_CREDENTIALS"],
        ),
        ("evil", "", &["GITHUB_TOKEN", "EVIL_TOKEN"]),
    ]
    .into_iter()
    .map(|(name, pattern, environment)| Service {
        service: name.into(),
        credential_pattern: pattern.into(),
        environment: environment.iter().map(|&way| way.into()).collect(),
        file: if name == "evil" { "evil.yaml" } else { "" }.into(),
        ..Service::default()
    })
    .collect()
}

fn sorted(variables: &[(&str, &str)]) -> Findings {
    let items = variables
        .iter()
        .map(|(name, value)| Item::variable(name, "here", value))
        .collect();
    Known::of(&services()).sort(items, &[], Path::new(""))
}

/// What was found, a word each: `variable>credential`, `?` behind a guess, `!`
/// behind an odd shape.
fn words(findings: &Findings) -> Vec<String> {
    let words = findings.found.iter().map(|found| {
        let guess = if found.certainty == Certainty::Guessed {
            "?"
        } else {
            ""
        };
        let odd = if found.shape_ok { "" } else { "!" };
        format!("{}>{}{guess}{odd}", found.variable(), found.credential())
    });
    words.collect()
}

const AWS: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");

#[test]
fn names_and_shapes_tell_the_service_and_the_label() {
    for (variables, expected) in [
        (
            &[("GITHUB_TOKEN", "ghp_1")][..],
            &["GITHUB_TOKEN>github"][..],
        ),
        (&[("github_token", "ghp_1")], &["github_token>github"]),
        (&[("GITHUB_TOKEN", "odd")], &["GITHUB_TOKEN>github!"]),
        (
            &[("GITHUB_TOKEN_WORK", "ghp_1")],
            &["GITHUB_TOKEN_WORK>github/work"],
        ),
        (&[("GITHUB_TOKEN_URL", "https://x")], &[]),
        (
            &[("GITHUB_TOKEN", "ghp_1"), ("GH_TOKEN", "ghp_2")],
            &["GITHUB_TOKEN>github", "GH_TOKEN>github/gh"],
        ),
        (
            &[("GITHUB_TOKEN", "ghp_1"), ("GH_TOKEN", "ghp_1")],
            &["GITHUB_TOKEN>github"],
        ),
        (&[("GITHUB_PAT_CI", "ghp_1")], &["GITHUB_PAT_CI>github/ci"]),
        (&[("STRIPE_WEBHOOK_SECRET", "whsec_1")], &[]),
        (
            &[("DEEPSEEK_API_KEY", "sk-1")],
            &["DEEPSEEK_API_KEY>openai/deepseek?"],
        ),
        (&[("CLAUDE", "sk-ant-1")], &["CLAUDE>anthropic/claude?"]),
        (
            &[AWS, ("AWS_SECRET_ACCESS_KEY", "s3")],
            &["AWS_ACCESS_KEY_ID:AWS_SECRET_ACCESS_KEY>aws"],
        ),
        (
            &[
                ("AWS_SESSION_TOKEN", "t3"),
                ("AWS_SECRET_ACCESS_KEY", "s3"),
                ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
            ],
            &["AWS_ACCESS_KEY_ID:AWS_SECRET_ACCESS_KEY:AWS_SESSION_TOKEN>aws"],
        ),
        (
            &[
                ("PROD_AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
                ("PROD_AWS_SECRET_ACCESS_KEY", "s3"),
            ],
            &["PROD_AWS_ACCESS_KEY_ID:PROD_AWS_SECRET_ACCESS_KEY>aws/prod"],
        ),
        (&[AWS], &[]),
        (
            &[("EVIL_TOKEN", "e1"), ("GITHUB_TOKEN", "ghp_1")],
            &["EVIL_TOKEN>evil?", "GITHUB_TOKEN>github"],
        ),
        (&[("PORT", "3000"), ("JSON", "{\"a\": 1}")], &[]),
    ] {
        assert_eq!(words(&sorted(variables)), expected);
    }
}

#[test]
fn a_pair_is_joined_with_a_colon() {
    let found = sorted(&[AWS, ("AWS_SECRET_ACCESS_KEY", " s/+ ")]);
    assert_eq!(
        found.found[0].secret.expose_secret(),
        "AKIAIOSFODNN7EXAMPLE:s/+"
    );
}

#[test]
fn what_is_left_out_is_said_with_its_reason() {
    for (variables, expected) in [
        (&[("GITHUB_TOKEN", "")][..], "GITHUB_TOKEN: it is empty"),
        (
            &[("GITHUB_TOKEN", "${TOKEN}")],
            "GITHUB_TOKEN: it names another variable, and nobody filled that in",
        ),
        (
            &[AWS],
            "AWS_ACCESS_KEY_ID: AWS_SECRET_ACCESS_KEY isn't there, and both make the key",
        ),
        (
            &[("STRIPE_WEBHOOK_SECRET", "whsec_1")],
            "STRIPE_WEBHOOK_SECRET: it doesn't look like a key of stripe",
        ),
        (
            &[("NPM_TOKEN", "npm_1")],
            "NPM_TOKEN: no service is known to take it",
        ),
        (
            &[("GITHUB_TOKEN", "ghp_1"), ("GH_TOKEN", "ghp_1")],
            "GH_TOKEN: it is the same as GITHUB_TOKEN",
        ),
        (
            &[("GOOGLE_APPLICATION_CREDENTIALS", "/dev/zero")],
            "GOOGLE_APPLICATION_CREDENTIALS: /dev/zero is a pipe, a socket or a device, not a file",
        ),
    ] {
        let findings = sorted(variables);
        let said: Vec<_> = findings
            .skipped
            .iter()
            .map(|skipped| format!("{}: {}", skipped.variable, skipped.why))
            .collect();
        assert_eq!(said, [expected]);
    }
}

#[test]
fn a_title_has_to_look_right_too() {
    let titled = |title, value| {
        let items = vec![Item::titled(title, "a store", value)];
        Known::of(&services()).sort(items, &[], Path::new(""))
    };
    assert_eq!(
        words(&titled("GitHub token (work)", "ghp_1")),
        ["GitHub token (work)>github"]
    );
    let two = ["GitHub token (work)", "GitHub token (home)"]
        .iter()
        .zip(["ghp_1", "ghp_2"])
        .map(|(title, value)| Item::titled(title, "a store", value));
    let two = Known::of(&services()).sort(two.collect(), &[], Path::new(""));
    assert_eq!(
        words(&two),
        [
            "GitHub token (work)>github/work",
            "GitHub token (home)>github/home"
        ]
    );
    let login = titled("GitHub", "the password of my account");
    assert!(login.found.is_empty() && login.skipped.is_empty());
    let named = titled("GITHUB_TOKEN", "the password of my account");
    assert!(named.found.is_empty());
}

#[test]
fn a_web_page_s_variable_is_warned_of() {
    let found = sorted(&[("VITE_OPENAI_API_KEY", "sk-1")]);
    assert_eq!(words(&found), ["VITE_OPENAI_API_KEY>openai"]);
    assert!(found.found[0].remarks[0].contains("VITE_"));
}

#[test]
fn the_owner_s_word_beats_all_names() {
    let items = vec![Item::variable("MY_KEY", "here", "anything")];
    let assigned = [Assigned {
        variable: "MY_KEY".into(),
        service: "github".into(),
        label: "mine".into(),
    }];
    let found = Known::of(&services()).sort(items, &assigned, Path::new(""));
    assert_eq!(words(&found), ["MY_KEY>github/mine!"]);
}
