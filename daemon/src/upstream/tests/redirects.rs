use super::loopback::Answer;
use super::*;
use crate::upstream::Errand;

fn redirect(status: u16, location: &str) -> Answer {
    Answer::whole(&format!("{status} Elsewhere\r\nLocation: {location}"), "")
}

#[tokio::test]
async fn a_redirect_within_the_host_is_followed_with_the_credential() {
    let server = Loopback::answering(|request| match request {
        r if r.starts_with("POST /v1/x ") => redirect(308, "/v2/x"),
        _ => Answer::whole("200 OK", "here"),
    })
    .await;
    let response = call(&server).await.unwrap();
    assert_eq!(response.body, "here");
    let last = server.requests().pop().unwrap();
    assert!(last.starts_with("POST /v2/x "), "{last}");
    assert!(last.contains(KEY) && last.ends_with("{\"a\":1}"), "{last}");
    assert!(!last.to_lowercase().contains("referer"), "{last}");
}

#[tokio::test]
async fn a_redirect_to_another_host_is_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let other = Loopback::answering(|_| Answer::whole("200 OK", "caught")).await;
        let port = other.base().rsplit(':').next().unwrap().to_owned();
        for location in [
            format!("{}/v1/x", other.base()),
            format!("//127.0.0.1:{port}/"),
            format!("http://localhost:{port}/"),
            format!("https://127.0.0.1:{port}/"),
            "https://api.github.com/".to_owned(),
        ] {
            let told = location.clone();
            let server = Loopback::answering(move |_| redirect(status, &told)).await;
            let error = call(&server).await.unwrap_err();
            let UpstreamError::ForeignRedirect { to_host, .. } = &error else {
                panic!("{status} to {location}: {error}");
            };
            assert!(!to_host.is_empty());
            assert_harmless(&error);
        }
        assert_eq!(other.connections(), 0, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_scheme_of_the_same_host_is_never_followed() {
    let server = Loopback::answering(|request| {
        let host = request.lines().find_map(|line| line.strip_prefix("host: "));
        redirect(302, &format!("https://{}/v1/x", host.unwrap()))
    })
    .await;
    let error = call(&server).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::ForeignRedirect { .. }),
        "{error}"
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_key_in_the_name_of_another_host_is_not_repeated() {
    let key = "Sk-Canary-0123456789";
    let server =
        Loopback::answering(|_| redirect(302, "https://sk-canary-0123456789.example/")).await;
    let request = request(Method::GET, &server.base(), "/");
    let error = upstream()
        .send(request, &LeakGuard::new(&[key]), &Errand::default())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("https://[redacted by axis].example"),
        "{error}"
    );
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_sixth() {
    let server = Loopback::answering(|_| redirect(307, "/v1/x")).await;
    let error = call(&server).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::TooManyRedirects { limit: 5, .. }),
        "{error}"
    );
    assert_eq!(server.requests().len(), 6);
    assert_harmless(&error);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_an_answer() {
    let server = Loopback::answering(|_| Answer::whole("302 Found", "no location")).await;
    let response = call(&server).await.unwrap();
    assert_eq!(
        (response.status.as_u16(), &response.body[..]),
        (302, b"no location".as_slice())
    );
}
