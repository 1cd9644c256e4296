//! What an agent could make of credentials that are read by a program: any
//! program run by axisd, or another one run in the right one's place.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use axis_proto::v1::{
    AddCredentialRequest, ResolveSourceRequest, RotatePasswordRequest, UndoCredentialRequest,
};
use axis_tests::{Home, Upstream, canary};

const ALLOW: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get]}\n";

/// A program that leaves a mark, as a source.
fn marking(home: &Home) -> String {
    let program = home.file("mark");
    let mark = home.file("marked");
    fs::write(
        &program,
        format!("#!/bin/sh\ntouch {}\nprintf ghp_1\n", mark.display()),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("cmd://{}", program.display())
}

#[test]
fn whoever_lacks_the_password_has_no_program_run_and_changes_nothing() {
    let home = Home::ready();
    let source = marking(&home);
    let keystore = fs::read(home.file("keystore.json")).unwrap();
    let path = home.file("run/admin.sock");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut client = axis_proto::socket::admin_client(&path).unwrap();
        let resolved = client
            .resolve_source(ResolveSourceRequest {
                source: source.clone(),
                ..Default::default()
            })
            .await
            .unwrap();
        for check in [true, false] {
            let added = client.add_credential(AddCredentialRequest {
                master_password: "not the password".into(),
                service: "github".into(),
                source: source.clone(),
                confirmed_command: resolved.get_ref().command.clone(),
                check,
                ..Default::default()
            });
            assert!(added.await.is_err());
        }
        let rotated = client.rotate_password(RotatePasswordRequest {
            master_password: "not the password".into(),
            new_password: "the agent's very own".into(),
        });
        assert!(rotated.await.is_err());
        let undone = client.undo_credential(UndoCredentialRequest {
            master_password: "not the password".into(),
            service: "github".into(),
            ..Default::default()
        });
        assert!(undone.await.is_err());
    });
    assert!(!home.file("marked").exists(), "it was run");
    assert_eq!(fs::read(home.file("keystore.json")).unwrap(), keystore);
    let wrong = home.audit().into_iter();
    let wrong = wrong.filter(|line| line["act"] == "wrong_password").count();
    assert_eq!(wrong, 4, "each is on record");
}

#[test]
fn what_the_owner_did_not_see_is_not_run() {
    let home = Home::ready();
    let source = marking(&home);
    let path = home.file("run/admin.sock");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = runtime.block_on(async {
        let mut client = axis_proto::socket::admin_client(&path).unwrap();
        let request = AddCredentialRequest {
            master_password: axis_tests::PASSWORD.into(),
            service: "github".into(),
            source,
            confirmed_command: "/usr/bin/op read --no-newline op://a/b/c".into(),
            ..Default::default()
        };
        client.add_credential(request).await
    });
    let refused = refused.unwrap_err();
    assert!(refused.message().contains("confirmed"), "{refused}");
    assert!(!home.file("marked").exists(), "it was run");
}

#[test]
fn neither_a_reference_nor_what_was_replaced_can_be_edited_in_the_file() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("edited"), ALLOW);
    let source = marking(&home);
    let add = [
        "add",
        "github",
        "--yes",
        "--replace",
        "--no-check",
        "--source",
    ];
    home.axis(&[&add[..], &[&source]].concat()).ok();
    fs::remove_file(home.file("marked")).unwrap();
    home.kill();
    let file = home.file("keystore.json");
    let whole: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for name in ["github", ".previous/github"] {
        let mut edited = whole.clone();
        let text = edited["entries"][name]["ciphertext"].as_str().unwrap();
        let flipped = if text.starts_with('0') { "1" } else { "0" };
        let text = format!("{flipped}{}", &text[1..]);
        edited["entries"][name]["ciphertext"] = text.into();
        fs::write(&file, edited.to_string()).unwrap();
        let opened = home.axis(&["unlock"]);
        assert_ne!(opened.code(), 0, "{name}: {opened:?}");
        assert!(opened.stderr.contains(name), "it is named: {opened:?}");
        home.kill();
    }
    let mut removed = whole.clone();
    removed["entries"]
        .as_object_mut()
        .unwrap()
        .remove(".previous/github");
    fs::write(&file, removed.to_string()).unwrap();
    assert_ne!(home.axis(&["unlock"]).code(), 0);
    assert!(
        !home.file("marked").exists(),
        "a vault that is shut runs nothing"
    );
}
