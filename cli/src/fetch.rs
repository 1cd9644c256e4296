//! Fetching a public document: https, or http to this machine; no credential
//! is sent, and neither time nor size is without a bound.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use crate::failure::{Exit, Failure};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(90);
const REDIRECTS: usize = 5;

/// The document at `url`, at most `limit` bytes, and where it was in the end.
pub async fn document(url: &Url, limit: usize) -> Result<(Vec<u8>, Url), Failure> {
    check(url).map_err(|problem| Failure::new(Exit::Usage, problem))?;
    let failed = |error: &dyn std::error::Error| {
        Failure::new(Exit::Failed, format!("can't fetch {url}")).because(deepest(error))
    };
    let client = client(is_loopback(url)).map_err(|error| failed(&*error))?;
    let response = client
        .get(url.clone())
        .header("accept", "application/json, application/yaml, */*")
        .send()
        .await
        .map_err(|error| failed(&error))?;
    let (status, at) = (response.status(), response.url().clone());
    if !status.is_success() {
        return Err(Failure::new(
            Exit::Failed,
            format!("can't fetch {url}: the server answered {status}"),
        ));
    }
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| failed(&error))?);
        if bytes.len() > limit {
            return Err(Failure::new(
                Exit::Failed,
                format!("the document at {url} is larger than {limit} bytes"),
            ));
        }
    }
    Ok((bytes, at))
}

/// # Errors
/// Why nothing is fetched from there, in words.
fn check(url: &Url) -> Result<(), String> {
    if !url.username().is_empty() || url.password().is_some() {
        // not repeated: it may be a real password
        return Err("the URL has a user name or a password in it; nothing is sent with a request for a document".into());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        _ => Err(format!(
            "{url} isn't https: someone on the way could change where your key goes; plain http is only for loopback"
        )),
    }
}

/// # Errors
/// Why a redirect isn't followed: nobody elsewhere has this machine asked.
fn follow(before: &[Url], to: &Url) -> Result<(), String> {
    check(to)?;
    if is_loopback(to) && !before.iter().all(is_loopback) {
        return Err(format!("it redirects to this machine, {to}"));
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn client(without_proxy: bool) -> Result<reqwest::Client, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let redirects = Policy::custom(|attempt| {
        if attempt.previous().len() > REDIRECTS {
            return attempt.error("too many redirects");
        }
        match follow(attempt.previous(), attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(problem) => attempt.error(problem),
        }
    });
    let mut client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("axis/", env!("CARGO_PKG_VERSION")))
        .redirect(redirects)
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT);
    if without_proxy {
        client = client.no_proxy();
    }
    Ok(client.build()?)
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_are_asked_and_nothing_is_sent_with_it() {
        for (url, good) in [
            ("https://api.example.com/openapi.json", true),
            ("http://127.0.0.1:8080/openapi.json", true),
            ("http://[::1]:8080/", true),
            ("http://localhost:8080/", true),
            ("http://api.example.com/openapi.json", false),
            ("http://127.0.0.1.nip.io/", false),
            ("https://me:secret@api.example.com/", false),
            ("https://me@api.example.com/", false),
            ("file:///etc/passwd", false),
            ("ftp://127.0.0.1/", false),
        ] {
            let checked = check(&Url::parse(url).unwrap());
            assert_eq!(checked.is_ok(), good, "{url}");
            assert!(
                !checked.err().unwrap_or_default().contains("secret"),
                "{url}"
            );
        }
    }

    #[test]
    fn no_server_elsewhere_has_this_machine_asked() {
        let url = |text| Url::parse(text).unwrap();
        for (before, to, good) in [
            ("https://a.example/", "https://b.example/", true),
            ("http://127.0.0.1:1/", "http://127.0.0.1:2/", true),
            ("http://127.0.0.1:1/", "https://a.example/", true),
            ("https://a.example/", "http://127.0.0.1:1/", false),
            ("https://a.example/", "https://localhost/", false),
            ("https://a.example/", "http://b.example/", false),
        ] {
            let followed = follow(&[url(before)], &url(to));
            assert_eq!(followed.is_ok(), good, "{before} {to}");
        }
    }
}
