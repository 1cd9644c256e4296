//! `axis import`: what is found, what is asked, what is stored, and that
//! nothing of a secret is ever shown.

mod axis_asv;
mod exports;
mod hostile;
mod questions;

use std::fs;
use std::path::Path;

use axis_tests::{Home, PASSWORD, Ran, Reply, Upstream, canary, run, wait_for};
use serde_json::{Value, json};

/// Runs `axis import` in the directory of `home`, with more variables.
fn import_with(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = home.command("axis");
    command
        .arg("import")
        .args(arguments)
        .current_dir(home.path())
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .envs(variables.iter().copied());
    let ran = run(command, "");
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains("CANARY"), "a secret was shown: {ran:#?}");
    }
    ran
}

fn import(home: &Home, arguments: &[&str]) -> Ran {
    import_with(home, &[], arguments)
}

/// The names of the credentials in the vault.
fn stored(home: &Home) -> Vec<String> {
    let listed = home.axis(&["list", "--json"]).ok().json();
    let names = listed["credentials"].as_array().unwrap().iter();
    names
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

/// A service of the owner's own at `upstream`, which asks `/me` whether a key
/// is accepted, and takes its key from these variables.
fn acme(home: &Home, upstream: &Upstream, environment: &str) {
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(
        home.file("services/acme.yaml"),
        format!(
            "service: acme\ntitle: Acme\nbase_url: {}\nauth: bearer\ncredential:\n  prompt: Acme key\n  \
             environment: [{environment}]\n  check: {{ method: GET, path: /me }}\nactions:\n  \
             me.get: {{ effect: read, method: GET, path: /me }}\n",
            upstream.url()
        ),
    )
    .unwrap();
    wait_for("acme to be in force", || {
        let shown = home.axis(&["services", "show", "acme"]);
        shown.status.success().then_some(())
    });
}

#[test]
fn the_keys_in_a_dotenv_are_stored_by_their_names_and_it_stays_as_it_was() {
    let home = Home::ready();
    let text = "# mine\nexport GITHUB_TOKEN=ghp_CANARY1\nGITHUB_TOKEN_WORK='ghp_CANARY2' # work\n\
        VITE_OPENAI_API_KEY=sk-CANARY3\nAWS_ACCESS_KEY_ID=AKIAIOSFODNN7CANARY4\n\
        AWS_SECRET_ACCESS_KEY=\"a/b+CANARY5\"\nDEEPSEEK_API_KEY=sk-CANARY6\n\
        STRIPE_SECRET_KEY=changeme\nNPM_TOKEN=npm_CANARY7\nPORT=3000\n";
    fs::write(home.file(".env"), text).unwrap();
    let ran = import(&home, &[".env", "--yes", "--no-check"]).ok();
    assert_eq!(stored(&home), ["aws", "github", "github/work", "openai"]);
    for said in [
        "GITHUB_TOKEN_WORK\tgithub/work\tnew\t.env, line 3\n",
        "AWS_ACCESS_KEY_ID:AWS_SECRET_ACCESS_KEY\taws\tnew\t",
        "DEEPSEEK_API_KEY\topenai/deepseek\tlooks like a key of openai; choose it if it is\t",
        "\ngithub\timported, unchecked\n",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran:#?}");
    }
    for said in [
        "STRIPE_SECRET_KEY: it is a placeholder",
        "NPM_TOKEN: no service is known to take it",
        "VITE_… is written into web pages",
        ".env still holds these in plaintext: GITHUB_TOKEN, ",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran:#?}");
    }
    assert_eq!(fs::read_to_string(home.file(".env")).unwrap(), text);

    // again, and what is there stays
    let again = import(&home, &[".env", "--yes", "--no-check"]).ok();
    assert!(
        again.stdout.contains("github\thas a credential already"),
        "{again:#?}"
    );
    assert!(again.stderr.contains("Nothing was imported."), "{again:#?}");
    let replaced = import(
        &home,
        &[".env", "--only", "GITHUB_TOKEN", "--no-check", "--replace"],
    )
    .ok();
    assert!(
        replaced
            .stdout
            .contains("would replace the one in the vault")
    );
}

#[test]
fn a_guess_and_an_unknown_name_are_imported_only_when_they_are_named() {
    let home = Home::ready();
    fs::write(
        home.file(".env"),
        "DEEPSEEK_API_KEY=sk-CANARY1\nMY_KEY=CANARY2\n",
    )
    .unwrap();
    import(&home, &[".env", "--yes", "--no-check"]).ok();
    assert_eq!(stored(&home), Vec::<String>::new());
    import(&home, &[".env", "--only", "deepseek_api_key", "--no-check"]).ok();
    assert_eq!(stored(&home), ["openai/deepseek"]);
    let unknown = import(&home, &[".env", "--only", "MY_KEY", "--no-check"]);
    assert_eq!(unknown.code(), 2);
    assert!(
        unknown.stderr.contains("--as MY_KEY=SERVICE"),
        "{unknown:#?}"
    );
    import(&home, &[".env", "--as", "MY_KEY=github/mine", "--no-check"]).ok();
    assert_eq!(stored(&home), ["github/mine", "openai/deepseek"]);
    for (word, said) in [
        ("MY_KEY=githb", "no service \"githb\""),
        ("MY_KEY", "not of the form NAME=SERVICE"),
    ] {
        let ran = import(&home, &[".env", "--as", word]);
        assert_eq!(ran.code(), 2);
        assert!(ran.stderr.contains(said), "{ran:#?}");
    }
}

#[test]
fn the_environment_is_imported_and_the_lines_that_set_it_are_named() {
    let home = Home::ready();
    fs::write(
        home.file(".bashrc"),
        "# a\nexport GITHUB_TOKEN=ghp_CANARY1\n",
    )
    .unwrap();
    let variables = [("GITHUB_TOKEN", "ghp_CANARY1"), ("LINEAR_API_KEY", "")];
    let ran = import_with(&home, &variables, &["env", "--yes", "--no-check"]).ok();
    assert_eq!(stored(&home), ["github"]);
    assert!(
        ran.stderr.contains("LINEAR_API_KEY: it is empty"),
        "{ran:#?}"
    );
    assert!(
        ran.stderr.contains(".bashrc, line 2: GITHUB_TOKEN"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains("unset GITHUB_TOKEN"), "{ran:#?}");
    assert!(!ran.stdout.contains("AXIS_"), "{ran:#?}");
}

#[test]
fn a_key_file_that_a_variable_names_is_read() {
    let home = Home::ready();
    let key = json!({ "type": "service_account", "client_email": "a@b.example",
        "private_key": "CANARY", "token_uri": "https://oauth2.googleapis.com/token" });
    fs::write(home.file("key.json"), key.to_string()).unwrap();
    fs::write(
        home.file(".env"),
        "GOOGLE_APPLICATION_CREDENTIALS=./key.json\n",
    )
    .unwrap();
    let ran = import(&home, &[".env", "--yes", "--no-check"]).ok();
    assert!(ran.stdout.contains("key.json"), "{ran:#?}");
    assert_eq!(stored(&home), ["gcp"]);
}

#[test]
fn only_the_lines_that_were_imported_are_deleted_and_only_when_asked_for() {
    let home = Home::ready();
    let path = home.file(".env");
    fs::write(
        &path,
        "A=1\r\nGITHUB_TOKEN=ghp_CANARY1\r\n# b\r\nDEEPSEEK_API_KEY=sk-CANARY2\r\n",
    )
    .unwrap();
    let ran = import(&home, &[".env", "--yes", "--no-check", "--delete-lines"]).ok();
    assert!(ran.stderr.contains("lines that went: 1"), "{ran:#?}");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "A=1\r\n# b\r\nDEEPSEEK_API_KEY=sk-CANARY2\r\n"
    );
    // what was in the vault already isn't deleted: nobody knows if it is the same
    fs::write(&path, "GITHUB_TOKEN=ghp_CANARY3\n").unwrap();
    import(&home, &[".env", "--yes", "--no-check", "--delete-lines"]).ok();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "GITHUB_TOKEN=ghp_CANARY3\n"
    );
    let other = import(&home, &["env", "--delete-lines"]);
    assert_eq!(other.code(), 2, "{other:#?}");
}

#[test]
fn a_plaintext_copy_of_what_the_vault_has_is_never_passed_over_in_silence() {
    let home = Home::ready();
    let (one, two) = (home.file(".env"), home.file("two.env"));
    fs::write(&one, "GITHUB_TOKEN=ghp_CANARY1\n").unwrap();
    fs::write(&two, "GITHUB_TOKEN=ghp_CANARY2\n").unwrap();
    import(&home, &[".env", "--yes", "--no-check", "--delete-lines"]).ok();
    assert_eq!(fs::read_to_string(&one).unwrap(), "");
    let flags = ["--yes", "--no-check", "--delete-lines"];
    let ran = import(&home, &[&["two.env"], &flags[..]].concat()).ok();
    for said in [
        "github has a credential already; GITHUB_TOKEN in two.env was not stored",
        "axis import two.env --replace",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran:#?}");
    }
    let variables = [("GITHUB_TOKEN", "ghp_CANARY3")];
    let ran = import_with(&home, &variables, &["env", "--yes", "--no-check"]).ok();
    assert!(ran.stderr.contains("axis import env --replace"), "{ran:#?}");
    assert!(!ran.stderr.contains("delete"), "{ran:#?}");
    let replaced = import(&home, &[&["two.env", "--replace"], &flags[..]].concat()).ok();
    assert!(!replaced.stderr.contains("already;"), "{replaced:#?}");
    assert_eq!(fs::read_to_string(&two).unwrap(), "");
}

#[test]
fn only_the_line_whose_value_was_stored_is_deleted() {
    let home = Home::ready();
    fs::write(
        home.file(".env"),
        "STRIPE_SECRET_KEY=sk_test_CANARY1\nA=1\nSTRIPE_SECRET_KEY=sk_test_CANARY2\n",
    )
    .unwrap();
    let ran = import(&home, &[".env", "--yes", "--no-check", "--delete-lines"]).ok();
    let said = "another value of STRIPE_SECRET_KEY stays in .env, line 1";
    assert!(ran.stderr.contains(said), "{ran:#?}");
    assert_eq!(
        fs::read_to_string(home.file(".env")).unwrap(),
        "STRIPE_SECRET_KEY=sk_test_CANARY1\nA=1\n"
    );
}

#[test]
fn the_very_secret_is_stored_and_its_service_is_asked() {
    let key = canary("import");
    let good = format!("Bearer {key}");
    let upstream = Upstream::answering(move |request| {
        let is_good = request.headers.get("authorization") == Some(&good);
        Reply::json(if is_good { 200 } else { 401 }, &json!({ "ok": is_good }))
    });
    let home = Home::ready();
    acme(&home, &upstream, "ACME_TOKEN, ACME_OLD_TOKEN");
    home.policy(
        "policies:\n  - identity: local-dev\n    allow:\n      - {service: acme, actions: ['*']}\n",
    );
    fs::write(
        home.file(".env"),
        format!("ACME_TOKEN=\"{key}\"\nACME_OLD_TOKEN=of-yesterday\n"),
    )
    .unwrap();
    let only = [".env", "--only", "ACME_TOKEN,ACME_OLD_TOKEN"];
    let unconfirmed = import(&home, &only);
    assert_eq!(unconfirmed.code(), 2, "{unconfirmed:#?}");
    let url = upstream.url();
    let host = url.strip_prefix("http://").unwrap();
    let ran = import(&home, &[&only[..], &["--confirm-host", host]].concat());
    assert_eq!(ran.code(), 0, "{ran:#?}");
    assert!(
        ran.stdout.contains("acme\timported, and accepted\n"),
        "{ran:#?}"
    );
    assert!(
        ran.stdout
            .contains("acme/old\timported, but refused by its service\n"),
        "{ran:#?}"
    );
    assert!(
        !ran.stdout.contains(&key) && !ran.stderr.contains(&key),
        "{ran:#?}"
    );
    let called = home.axis_without_password(&["call", "acme", "me.get"]).ok();
    assert!(called.stdout.contains("true"), "{called:#?}");
}

#[test]
fn a_service_file_that_claims_another_one_s_variable_gets_nothing() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    acme(&home, &upstream, "GITHUB_TOKEN, OPENAI_API_KEY, ACME_TOKEN");
    fs::write(
        home.file(".env"),
        "GITHUB_TOKEN=ghp_CANARY1\nOPENAI_API_KEY=sk-CANARY2\nACME_TOKEN=CANARY3\n",
    )
    .unwrap();
    let ran = import(&home, &[".env", "--yes", "--no-check"]).ok();
    assert!(
        ran.stdout.contains("acme\tnot built in, goes to 127.0.0.1"),
        "{ran:#?}"
    );
    assert_eq!(stored(&home), ["github", "openai"]);
    assert!(upstream.requests().is_empty());
}

#[test]
fn the_keys_of_other_servers_come_from_a_host_s_file_by_name_or_path() {
    let home = Home::ready();
    let text = r#"{ // mine
      "mcpServers": {
        "gh": { "command": "x", "env": { "GITHUB_TOKEN": "ghp_CANARY1", "PORT": "1" } },
        "pay": { "url": "https://x", "headers": { "Authorization": "Bearer sk_live_CANARY2" } },
        "axis": { "command": "axis", "args": ["mcp"], "env": { "AXIS_IDENTITY": "local-dev" } },
      },
    }"#;
    let path = written(&home, ".cursor/mcp.json", text);
    let ran = import(&home, &["host", "cursor", "--yes", "--no-check"]).ok();
    assert_eq!(stored(&home), ["github"]);
    assert!(ran.stdout.contains("server gh"), "{ran:#?}");
    assert!(
        ran.stderr
            .contains("still holds these in plaintext: GITHUB_TOKEN"),
        "{ran:#?}"
    );
    import(
        &home,
        &[
            "host",
            &path,
            "--as",
            "pay Authorization=stripe",
            "--no-check",
        ],
    )
    .ok();
    assert_eq!(stored(&home), ["github", "stripe"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let survey = import(&home, &[]).ok();
    assert!(
        survey.stdout.contains("axis import host cursor\n"),
        "{survey:#?}"
    );
    for (name, said) in [
        ("cursr", "no MCP host and no file"),
        ("./none.json", "there is no "),
    ] {
        let ran = import(&home, &["host", name]);
        assert_eq!(ran.code(), 2, "{ran:#?}");
        assert!(ran.stderr.contains(said), "{ran:#?}");
    }
}

#[test]
fn without_a_source_it_says_what_is_here_and_opens_nothing() {
    let home = Home::ready();
    fs::create_dir(home.file(".axis")).unwrap();
    fs::copy(axis_asv::fixture(), home.file(".axis/keystore.json")).unwrap();
    fs::write(home.file(".env"), "GITHUB_TOKEN=ghp_CANARY1\n").unwrap();
    let ran = import(&home, &[]).ok();
    assert!(
        ran.stdout.contains(".env\t1\taxis import .env\n"),
        "{ran:#?}"
    );
    assert!(
        ran.stdout.contains("\t11\taxis import axis-asv\n"),
        "{ran:#?}"
    );
    assert_eq!(stored(&home), Vec::<String>::new());
}

#[test]
fn nothing_is_imported_into_no_vault_or_with_a_wrong_password() {
    let home = Home::empty();
    fs::write(home.file(".env"), "GITHUB_TOKEN=ghp_CANARY1\n").unwrap();
    let none = import(&home, &[".env", "--yes"]);
    assert_eq!(none.code(), 3, "{none:#?}");
    assert!(none.stderr.contains("axis init"), "{none:#?}");
    home.axis(&["init"]).ok();
    let wrong = import_with(
        &home,
        &[("AXIS_MASTER_PASSWORD", "another password")],
        &[".env", "--yes"],
    );
    assert_eq!(wrong.code(), 1, "{wrong:#?}");
    assert_eq!(stored(&home), Vec::<String>::new());
}

/// Writes `text` as the file `name`.
fn written(home: &Home, name: &str, text: &str) -> String {
    let path = home.file(name);
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// What the audit says of stored credentials.
fn additions(home: &Home) -> Vec<Value> {
    let mut lines = home.audit();
    lines.retain(|line| line["act"] == "add");
    lines
}

#[test]
fn each_import_is_on_record_as_an_addition() {
    let home = Home::ready();
    let path = written(
        &home,
        "keys.env",
        "GITHUB_TOKEN=ghp_CANARY1\nSLACK_TOKEN=xoxb-CANARY2\n",
    );
    import(&home, &[&path, "--yes", "--no-check"]).ok();
    let lines = additions(&home);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(!json!(lines).to_string().contains("CANARY"));
}
