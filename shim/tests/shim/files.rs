//! `AXIS_FILES` and the files of a call.

use axis_proto::v1::Call;
use axis_proto::v1::execute_request::Part;
use axis_shim::files::Reach;
use axis_shim::transfer::{Files, messages};
use serde_json::json;
use tokio_stream::StreamExt;

use super::fake::Home;
use super::host::{Host, a_call, object};

#[tokio::test]
async fn a_wrong_word_for_files_fails_each_call_in_words_but_not_the_session() {
    let home = Home::new();
    let daemon = home.start();
    let mut settings = home.settings();
    settings.files = Reach::parse("${FILES}".as_ref());
    let mut host = Host::open(settings).await;
    let description = host.description().await;
    assert!(
        description.contains("AXIS_FILES is ${FILES}: write on, off"),
        "{description}"
    );
    let mut saving = a_call();
    saving["save_to"] = json!("x");
    for (tool, arguments) in [
        ("execute_action", a_call()),
        ("execute_action", saving),
        ("list_actions", json!({})),
    ] {
        let answer = object(&host.tool(tool, arguments).await);
        assert_eq!(answer["error"]["code"], "invalid_params");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("AXIS_FILES is"), "{answer}");
    }
    assert!(daemon.fake.calls.lock().unwrap().is_empty());
    host.close().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_that_was_looked_at_is_the_one_that_is_sent_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("body");
    let content = vec![7; 300_000];
    std::fs::write(&path, &content).unwrap();
    let files = Files::find(&Reach::Everywhere, None, path.to_str()).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    // a call is sent again where axisd was started or the vault opened for it
    let both = [(); 2].map(|()| messages(Call::default(), files.body()));
    for mut sent in both {
        let mut body = Vec::new();
        while let Some(message) = sent.next().await {
            if let Some(Part::Body(chunk)) = message.part {
                body.extend_from_slice(&chunk);
            }
        }
        assert_eq!(body, content);
    }
}
