//! The seal covers the owner's services and settings.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const ALLOW_ACME: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: acme, actions: ['*']}\n";

fn acme(base_url: &str, auth: &str, path: &str) -> String {
    format!(
        "service: acme\ntitle: Acme\nbase_url: {base_url}\nauth: {auth}\nactions:\n  things.list:\n    effect: read\n    method: GET\n    path: {path}\n"
    )
}

/// A home with a service `acme` of the owner's own, sealed.
fn sealed_with_acme(upstream: &Upstream, key: &str) -> Home {
    let home = Home::ready();
    home.policy(ALLOW_ACME);
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(
        home.file("services/acme.yaml"),
        acme(&upstream.url(), "bearer", "/things"),
    )
    .unwrap();
    wait_for("acme to be known", || {
        home.axis_without_password(&["services", "show", "acme"])
            .status
            .success()
            .then_some(())
    });
    home.axis_fed(&["add", "acme", "--stdin", "--yes", "--no-check"], key)
        .ok();
    home.axis(&["policy", "seal"]).ok();
    home
}

fn list(host: &mut Host) -> Value {
    host.execute("acme", "things.list", &json!({}))
}

#[test]
fn an_edited_service_file_does_what_was_sealed() {
    let upstream = Upstream::friendly();
    let other = Upstream::friendly();
    let key = canary("acme");
    let home = sealed_with_acme(&upstream, &key);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(list(&mut host)["ok"], true);
    let file = home.file("services/acme.yaml");
    let edits = [
        acme(&other.url(), "bearer", "/things"),
        acme(&upstream.url(), "{scheme: query, name: key}", "/things"),
        acme(&upstream.url(), "bearer", "/v1/users/delete-all"),
        "no service at all".to_owned(),
    ];
    for (at, edit) in edits.iter().enumerate() {
        fs::write(&file, edit).unwrap();
        wait_for_differences(&home, at + 1);
        assert_eq!(list(&mut host)["ok"], true, "{edit}");
        let last = upstream.requests().pop().unwrap();
        assert_eq!(last.path, "/things", "{edit}");
        assert_eq!(last.headers["authorization"], format!("Bearer {key}"));
    }
    assert!(other.requests().is_empty());

    // what it would mean is said
    fs::write(&file, &edits[1]).unwrap();
    let said = shown(&home);
    let words = said["differences"][0]["words"].to_string();
    assert!(words.contains(r#"auth: \"bearer\" → \"query\""#), "{said}");
    fs::write(&file, &edits[0]).unwrap();
    let said = shown(&home);
    let words = said["differences"][0]["words"].to_string();
    assert!(words.contains("base_url"), "{said}");
    let listed = home.axis_without_password(&["services", "list"]);
    assert!(
        listed
            .stderr
            .contains("acme.yaml differs from what is sealed"),
        "{}",
        listed.stderr
    );

    // unsealed while it is broken, what was sealed is the last good version
    fs::write(&file, &edits[3]).unwrap();
    home.axis(&["policy", "unseal"]).ok();
    assert_eq!(list(&mut host)["ok"], true);
    let listed = home.axis_without_password(&["services", "list"]);
    assert_eq!(listed.code(), 1, "{listed:?}");
    fs::write(&file, acme(&upstream.url(), "bearer", "/v2/things")).unwrap();
    wait_for("the mended file to count", || {
        list(&mut host);
        (upstream.requests().pop()?.path == "/v2/things").then_some(())
    });
}

#[test]
fn a_new_service_a_deleted_one_and_a_renamed_directory_change_nothing() {
    let upstream = Upstream::friendly();
    let home = sealed_with_acme(&upstream, &canary("new"));
    let mut host = Host::connect(&home, "local-dev");
    let evil = acme(&upstream.url(), "bearer", "/evil").replace("service: acme", "service: evil");
    fs::write(home.file("services/evil.yaml"), evil).unwrap();
    wait_for_differences(&home, 1);
    let answer = host.execute("evil", "things.list", &json!({}));
    assert_eq!(answer["error"]["code"], "unknown_service", "{answer}");
    fs::remove_file(home.file("services/acme.yaml")).unwrap();
    wait_for_differences(&home, 2);
    assert_eq!(list(&mut host)["ok"], true);
    assert_eq!(
        differing(&home),
        ["services/acme.yaml", "services/evil.yaml"]
    );
    fs::rename(home.file("services"), home.file("elsewhere")).unwrap();
    wait_for("the directory to be missed", || {
        (differing(&home) == ["services/acme.yaml"]).then_some(())
    });
    assert_eq!(list(&mut host)["ok"], true);
    home.axis(&["daemon", "restart"]).ok();
    assert_eq!(list(&mut host)["ok"], true);

    // and unsealed, what stands in the files counts
    home.axis(&["policy", "unseal"]).ok();
    let answer = list(&mut host);
    assert_eq!(answer["error"]["code"], "unknown_service", "{answer}");
    fs::rename(home.file("elsewhere"), home.file("services")).unwrap();
    wait_for("evil to count", || {
        let listed = home.axis_without_password(&["services", "list"]);
        listed.stdout.contains("evil").then_some(())
    });
}

#[test]
fn edited_settings_count_once_they_are_sealed() {
    let upstream = Upstream::answering(|request| {
        let size = if request.path.contains("large") {
            5000
        } else {
            10
        };
        axis_tests::Reply::json(200, &json!({"text": "x".repeat(size)}))
    });
    let home = Home::with_github(&upstream, &canary("settings"), ALLOW_GITHUB);
    fs::write(home.file("daemon.yaml"), "limits: {response: 1024}\n").unwrap();
    home.axis(&["policy", "seal"]).ok();
    let mut host = Host::connect(&home, "local-dev");
    let large = json!({"owner": "a", "repo": "large"});
    let code =
        |host: &mut Host| host.execute("github", "repos.get", &large)["error"]["code"].clone();
    assert_eq!(code(&mut host), "response_too_large", "sealed is in force");

    fs::write(home.file("daemon.yaml"), "limits: {response: 100000}\n").unwrap();
    wait_for_differences(&home, 1);
    assert_eq!(code(&mut host), "response_too_large");
    home.axis(&["daemon", "restart"]).ok();
    assert_eq!(
        code(&mut host),
        "response_too_large",
        "also after a restart"
    );
    let said = shown(&home);
    assert_eq!(
        said["differences"][0]["words"][0], "limits.response: 1024 → 100000",
        "{said}"
    );
    home.axis(&["policy", "seal"]).ok();
    assert_eq!(code(&mut host), Value::Null);
}

#[test]
fn a_proxy_that_an_agent_writes_into_daemon_yaml_is_never_asked() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let proxy = Upstream::friendly();
    // a host that only the proxy could reach
    home.axis_fed(
        &[
            "add",
            "github",
            "--replace",
            "--stdin",
            "--no-check",
            "--base-url",
            "https://github.invalid",
        ],
        &canary("proxied"),
    )
    .ok();
    let edit = format!("upstream: {{proxy: '{}'}}\n", proxy.url());
    fs::write(home.file("daemon.yaml"), &edit).unwrap();
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..2 {
        let answer = get(&mut host);
        assert_eq!(answer["error"]["code"], "upstream_unreachable", "{answer}");
        home.axis(&["daemon", "restart"]).ok();
    }
    // nor while the vault is locked, for what the owner adds then
    home.axis(&["daemon", "stop"]).ok();
    home.axis_without_password(&["daemon", "start"]).ok();
    let added = home.axis_fed(
        &[
            "add",
            "github",
            "--replace",
            "--stdin",
            "--base-url",
            "https://github.invalid",
        ],
        "ghp_0123456789abcdefghij0123456789abcdef",
    );
    assert!(added.stderr.contains("stored unchecked"), "{added:?}");
    assert!(proxy.requests().is_empty());
    // sealed, it is: the counter-test
    home.axis(&["unlock"]).ok();
    home.axis(&["policy", "seal"]).ok();
    get(&mut host);
    let asked = proxy.requests();
    assert_eq!(asked[0].method, "CONNECT", "{asked:?}");
    assert!(!asked[0].headers.contains_key("authorization"));
}

#[test]
fn certificates_count_only_once_they_are_sealed() {
    let upstream = TlsUpstream::start();
    let home = Home::with_github(&Upstream::friendly(), &canary("tls"), ALLOW_GITHUB);
    let add = [
        "add",
        "github",
        "--replace",
        "--stdin",
        "--no-check",
        "--base-url",
        &upstream.url,
    ];
    home.axis_fed(&add, &canary("tls")).ok();
    let path = home.file("company.pem");
    fs::write(&path, &upstream.pem).unwrap();
    let yaml = format!("upstream: {{ca_file: {}}}\n", path.display());
    fs::write(home.file("daemon.yaml"), yaml).unwrap();
    home.axis(&["daemon", "restart"]).ok();
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["error"]["code"], "upstream_unreachable");
    let doctor = home.axis_without_password(&["doctor"]).stdout;
    assert!(
        doctor.contains("upstream.ca_file in daemon.yaml doesn't count yet"),
        "{doctor}"
    );
    home.axis(&["policy", "seal", "--yes"]).ok();
    assert_eq!(get(&mut host)["ok"], true);
    home.axis(&["daemon", "restart"]).ok();
    assert_eq!(
        get(&mut host)["ok"],
        true,
        "as sealed, also after a restart"
    );
    home.axis(&["policy", "unseal"]).ok();
    assert_eq!(get(&mut host)["error"]["code"], "upstream_unreachable");
}

/// An upstream on this machine with a certificate that nobody vouches for.
struct TlsUpstream {
    url: String,
    pem: String,
    _runtime: tokio::runtime::Runtime,
}

impl TlsUpstream {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.unwrap())
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // a client that doesn't trust us hangs up here
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
                let _ = stream.shutdown().await;
            }
        });
        Self {
            url: format!("https://localhost:{port}"),
            pem: made.cert.pem(),
            _runtime: runtime,
        }
    }
}

#[test]
fn certificates_that_are_swapped_differ_from_the_sealed_ones() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("ca"), ALLOW_GITHUB);
    let certificate = |path: &Path| {
        let made = rcgen::generate_simple_self_signed(["api.example.com".to_owned()]).unwrap();
        fs::write(path, made.cert.pem()).unwrap();
    };
    let path = home.file("company.pem");
    certificate(&path);
    let yaml = format!("upstream: {{ca_file: {}}}\n", path.display());
    fs::write(home.file("daemon.yaml"), yaml).unwrap();
    home.axis(&["policy", "seal", "--yes"]).ok();
    certificate(&path);
    wait_for_differences(&home, 1);
    assert_eq!(differing(&home), ["ca_file"]);
    // no certificate, no file at all: the sealed ones stay in force
    let mut host = Host::connect(&home, "local-dev");
    for text in [Some("nothing"), None] {
        match text {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let ran = home.axis(&["policy", "seal"]);
        assert_eq!(ran.code(), 1, "{ran:?}");
        home.axis(&["daemon", "restart"]).ok();
        assert_eq!(get(&mut host)["ok"], true);
    }
}

#[test]
fn a_broken_daemon_yaml_keeps_a_sealed_axisd_from_nothing() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    fs::write(home.file("daemon.yaml"), "limits: {call_timeout: 0}\n").unwrap();
    home.axis(&["daemon", "restart"]).ok();
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(differing(&home), ["daemon.yaml"]);
    // unsealed, it does: it is what counts then
    home.axis(&["policy", "unseal"]).ok();
    let ran = home.axis(&["daemon", "restart"]);
    assert_eq!(ran.code(), 3, "{ran:?}");
}

#[test]
fn a_credential_for_a_service_that_isnt_sealed_yet_names_what_to_do() {
    let home = Home::ready();
    home.axis(&["policy", "seal"]).ok();
    fs::create_dir_all(home.file("services")).unwrap();
    let text = acme("https://api.acme.example", "bearer", "/things");
    fs::write(home.file("services/acme.yaml"), text).unwrap();
    wait_for_differences(&home, 1);
    let add = ["add", "acme", "--stdin", "--yes", "--no-check"];
    let ran = home.axis_fed(&add, "SECRET-0123456789");
    assert_ne!(ran.code(), 0, "{ran:?}");
    assert!(ran.stderr.contains("axis policy seal"), "{}", ran.stderr);
    home.axis(&["policy", "seal"]).ok();
    home.axis_fed(&add, "SECRET-0123456789").ok();
}
