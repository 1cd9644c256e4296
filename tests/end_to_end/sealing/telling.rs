//! What is said of a difference, and that nobody seals what wasn't shown.

use axis_proto::v1::seal_policy_request::What;
use axis_proto::v1::{SealPolicyRequest, ShowSealRequest};

use super::*;

/// Asks axisd to seal `what`.
fn ask_to_seal(home: &Home, what: What) -> Result<(), tonic::Status> {
    let path = home.file("run/admin.sock");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut admin = axis_proto::socket::admin_client(&path).unwrap();
        admin.show_seal(ShowSealRequest::default()).await?;
        let request = SealPolicyRequest {
            master_password: axis_tests::PASSWORD.into(),
            what: Some(what),
        };
        admin.seal_policy(request).await.map(drop)
    })
}

#[test]
fn what_changed_since_it_was_shown_is_not_sealed() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    fs::write(home.file("policy.yaml"), ALLOW_GITHUB).unwrap();
    let digest = shown(&home)["digest"].as_str().unwrap().to_owned();
    // the agent is quicker than the owner types
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    let refused = ask_to_seal(&home, What::Digest(digest.clone())).unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Aborted, "{refused}");
    assert!(refused.message().contains("have changed"), "{refused}");
    fs::write(home.file("policy.yaml"), ALLOW_GITHUB).unwrap();
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(home.file("services/new.yaml"), "service: new\n").unwrap();
    assert!(ask_to_seal(&home, What::Digest(digest.clone())).is_err());
    fs::remove_file(home.file("services/new.yaml")).unwrap();
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(create(&mut host)["denied"], true);
    ask_to_seal(&home, What::Digest(digest)).unwrap();
    assert_eq!(create(&mut host)["ok"], true);
}

#[test]
fn a_policy_sealed_alone_leaves_the_other_files_as_they_were() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("alone"), "policies: []\n");
    let unsealed = ask_to_seal(&home, What::PolicyText(ALLOW_GITHUB.into())).unwrap_err();
    assert_eq!(unsealed.code(), tonic::Code::FailedPrecondition);
    home.axis(&["policy", "seal"]).ok();
    fs::write(home.file("daemon.yaml"), "limits: {call_timeout: 1}\n").unwrap();
    let broken = ask_to_seal(&home, What::PolicyText("policies: [x]".into())).unwrap_err();
    assert_eq!(broken.code(), tonic::Code::InvalidArgument, "{broken}");
    ask_to_seal(&home, What::PolicyText(ALLOW_GITHUB.into())).unwrap();
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(differing(&home), ["policy.yaml", "daemon.yaml"]);
    // whoever sealed it didn't write the file: that is told, if a moment later
    wait_for("both files to be told", || {
        let told = acts(&home, "seal_differs");
        told.iter()
            .any(|it| it.starts_with("policy.yaml"))
            .then_some(())
    });
}

#[test]
fn each_change_of_a_file_is_on_record_once() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let policy = home.file("policy.yaml");
    let sealed = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, ALLOW_ALL).unwrap();
    wait_for_differences(&home, 1);
    // the same text again, and what others look at, say nothing new
    fs::write(&policy, ALLOW_ALL).unwrap();
    fs::write(home.file("daemon.yaml"), "limits: {call_timeout: 9}\n").unwrap();
    wait_for_differences(&home, 2);
    fs::write(&policy, sealed).unwrap();
    wait_for("the difference to be gone", || {
        (differing(&home) == ["daemon.yaml"]).then_some(())
    });
    wait_for("status to see it, too", || {
        let status = home.axis_without_password(&["status"]).stdout;
        (!status.contains("policy.yaml differs")).then_some(())
    });
    fs::write(&policy, ALLOW_ALL).unwrap();
    wait_for_differences(&home, 3);
    let told = acts(&home, "seal_differs");
    let names: Vec<&str> = told
        .iter()
        .map(|it| it.split(':').next().unwrap())
        .collect();
    assert_eq!(names, ["policy.yaml", "daemon.yaml", "policy.yaml"]);
}

#[test]
fn doctor_recommends_the_seal_and_names_what_differs() {
    let home = Home::ready();
    let seal = |home: &Home| {
        let doctor = home.axis_without_password(&["doctor", "--json"]).json();
        let checks = doctor["checks"].as_array().unwrap().clone();
        checks
            .into_iter()
            .find(|check| check["name"] == "seal")
            .unwrap()
    };
    let check = seal(&home);
    assert_eq!(check["state"], "warn", "{check}");
    assert_eq!(check["fix"], "axis policy seal");
    home.axis(&["policy", "seal"]).ok();
    assert_eq!(seal(&home)["state"], "ok");
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    wait_for_differences(&home, 1);
    let check = seal(&home);
    assert_eq!(check["state"], "warn", "{check}");
    assert!(
        check["message"]
            .as_str()
            .unwrap()
            .contains("policy.yaml differs")
    );
    let show = home.axis_without_password(&["policy", "show"]).ok().stdout;
    assert!(show.contains("this is what is sealed"), "{show}");
    assert!(!show.contains("http.get"), "{show}");
}

#[test]
fn a_difference_cant_move_the_owners_terminal_or_hide_itself() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    // a policy may hold no control characters; a service file's comment may
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(
        home.file("services/acme.yaml"),
        "# \u{1b}[2J\u{1b}[1;1H all is well \u{202e}\u{200b}\u{7}\nservice: acme\n",
    )
    .unwrap();
    fs::write(
        home.file("policy.yaml"),
        format!("{ALLOW_ALL}# \u{202e}gnihton\u{2066}\n"),
    )
    .unwrap();
    wait_for_differences(&home, 2);
    for arguments in [
        &["policy", "seal", "--dry-run"][..],
        &["policy", "seal", "--dry-run", "--json"],
        &["status"],
        &["status", "--json"],
    ] {
        let ran = home.axis_without_password(arguments);
        for text in [&ran.stdout, &ran.stderr] {
            for hidden in ['\u{1b}', '\u{7}', '\u{202e}', '\u{200b}', '\u{2066}'] {
                assert!(!text.contains(hidden), "{arguments:?} {hidden:?}: {text}");
            }
        }
        assert!(ran.stdout.contains("202e"), "{}", ran.stdout);
    }
}
