//! Schemes with a token endpoint, against one on this machine.

mod clients;
mod endpoints;

use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap as Headers, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use super::jwt::read;
use super::*;

/// One request as a token endpoint got it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) form: Vec<(String, String)>,
}

impl Asked {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let found = self.form.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

type Answer = dyn Fn(usize, &Asked) -> Response + Send + Sync;

/// A token endpoint that answers as told, each time it is let.
pub(super) struct Endpoint {
    pub(super) base: BaseUrl,
    shared: Arc<Shared>,
    pub(super) arrivals: mpsc::UnboundedReceiver<()>,
}

struct Shared {
    asked: Mutex<Vec<Asked>>,
    answer: Box<Answer>,
    gate: Semaphore,
    arrived: mpsc::UnboundedSender<()>,
}

impl Endpoint {
    pub(super) async fn answering(
        answer: impl Fn(usize, &Asked) -> Response + Send + Sync + 'static,
    ) -> Self {
        let endpoint = Self::closed(answer).await;
        endpoint.open();
        endpoint
    }

    /// One that keeps its answers to itself until it is opened.
    pub(super) async fn closed(
        answer: impl Fn(usize, &Asked) -> Response + Send + Sync + 'static,
    ) -> Self {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            answer: Box::new(answer),
            gate: Semaphore::new(0),
            arrived,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            base: BaseUrl::parse(&base).unwrap(),
            shared,
            arrivals,
        }
    }

    pub(super) fn open(&self) {
        self.shared.gate.add_permits(1000);
    }

    pub(super) fn url(&self, path: &str) -> BaseUrl {
        BaseUrl::parse(&format!("{}{path}", self.base)).unwrap()
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: Headers,
    body: axum::body::Bytes,
) -> Response {
    let header = |name: &str| {
        let value = headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    };
    let asked = Asked {
        path: uri.to_string(),
        authorization: header("authorization"),
        form: url::form_urlencoded::parse(&body).into_owned().collect(),
    };
    let count = {
        let mut all = shared.asked.lock().unwrap();
        all.push(asked.clone());
        all.len()
    };
    shared.arrived.send(()).unwrap();
    shared.gate.acquire().await.unwrap().forget();
    (shared.answer)(count, &asked)
}

pub(super) fn ok(body: &Value) -> Response {
    axum::Json(body).into_response()
}

pub(super) fn token(count: usize) -> Response {
    ok(
        &json!({"access_token": format!("token-number-{count}"), "expires_in": 3600, "token_type": "Bearer"}),
    )
}

/// A keeper of one credential.
pub(super) struct TestKeeper {
    pub(super) current: Arc<Mutex<Arc<Credential>>>,
    pub(super) full: Arc<AtomicBool>,
}

impl TestKeeper {
    pub(super) fn of(credential: &Arc<Credential>) -> Arc<Self> {
        Arc::new(Self {
            current: Arc::new(Mutex::new(credential.clone())),
            full: Arc::default(),
        })
    }

    pub(super) fn stored(&self) -> Arc<Credential> {
        self.current.lock().unwrap().clone()
    }

    fn stored_refresh_token(&self) -> String {
        let stored: Value = serde_json::from_str(self.stored().secret().expose()).unwrap();
        stored["refresh_token"].as_str().unwrap().to_owned()
    }
}

impl Keeper for TestKeeper {
    fn current(&self, _: &CredentialName) -> Result<Arc<Credential>, AuthError> {
        Ok(self.stored())
    }

    fn seal(&self, old: &Arc<Credential>) -> Result<Seal, AuthError> {
        let (current, full) = (self.current.clone(), self.full.clone());
        let old = old.clone();
        Ok(Box::new(move |secret: SecretString| {
            if full.load(Ordering::SeqCst) {
                return Err("the disk is full".into());
            }
            let new = credential(secret.expose_secret(), old.hosts().to_vec());
            *current.lock().unwrap() = new.clone();
            Ok(new)
        }))
    }

    fn guards_beside(&self, _: &Credential) -> Result<Vec<Arc<LeakGuard>>, AuthError> {
        Ok(Vec::new())
    }
}

pub(super) fn google() -> AuthScheme {
    AuthScheme::GoogleServiceAccount {
        scopes: vec!["https://www.googleapis.com/auth/devstorage.read_write".into()],
    }
}

pub(super) fn google_key(token_uri: &str) -> String {
    json!({
        "type": "service_account",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key_id": "key-1",
        "private_key": PKCS8,
        "token_uri": token_uri,
    })
    .to_string()
}

pub(super) fn oauth2(endpoint: &Endpoint, grant: GrantType, client_auth: ClientAuth) -> AuthScheme {
    AuthScheme::OAuth2(OAuth2 {
        grant,
        token_url: endpoint.url("/oauth/token"),
        scopes: vec!["read".into(), "write".into()],
        client_auth,
    })
}

pub(super) const CLIENT: &str = r#"{"client_id": "the client", "client_secret": "s3cret:/0123456789", "refresh_token": "refresh-number-0", "note": "kept"}"#;

/// The Authorization header of a request that was authorised.
pub(super) async fn bearer_of(
    auth: &Authoriser,
    scheme: &AuthScheme,
    credential: &Arc<Credential>,
) -> Result<String, AuthError> {
    let base = BaseUrl::parse("https://api.example.com").unwrap();
    let request = get(&base, HeaderMap::new());
    let Authorised {
        request: AuthorisedRequest(request),
        ..
    } = auth.authorise(scheme, &base, credential, request).await?;
    Ok(request.headers["authorization"]
        .to_str()
        .unwrap()
        .to_owned())
}

/// An endpoint that takes each refresh token once and gives the next.
pub(super) async fn rotating() -> Endpoint {
    Endpoint::answering(|count, asked| {
        let wanted = format!("refresh-number-{}", count - 1);
        if asked.field("refresh_token") != Some(&wanted) {
            let body = json!({"error": "invalid_grant"});
            return (StatusCode::BAD_REQUEST, axum::Json(body)).into_response();
        }
        ok(&json!({
            "access_token": format!("token-number-{count}"),
            "refresh_token": format!("refresh-number-{count}"),
            "expires_in": "3600",
        }))
    })
    .await
}

#[tokio::test]
async fn a_service_accounts_key_becomes_a_token_that_is_kept_until_a_minute_before_its_end() {
    let endpoint = Endpoint::answering(|count, _| token(count)).await;
    let clock = clock();
    let auth = authoriser(clock.clone(), Arc::new(NoKeeper));
    let url = endpoint.url("/token");
    let key = credential(&google_key(url.as_str()), vec![url.host().clone()]);
    for (pass, wanted) in [
        (0, "Bearer token-number-1"),
        (3539, "Bearer token-number-1"),
        (1, "Bearer token-number-2"),
    ] {
        clock.advance(Duration::from_secs(pass));
        assert_eq!(bearer_of(&auth, &google(), &key).await.unwrap(), wanted);
    }
    let asked = endpoint.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].path, "/token");
    assert_eq!(
        asked[0].field("grant_type"),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
    );
    let (header, claims) = read(asked[0].field("assertion").unwrap());
    assert_eq!(header["kid"], "key-1");
    let now = clock.wall().as_second() - 3540;
    assert_eq!(
        claims,
        json!({
            "iss": "robot@project.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/devstorage.read_write",
            "aud": url.as_str(),
            "iat": now,
            "exp": now + 3600,
        })
    );
}

#[tokio::test]
async fn an_access_token_of_google_is_used_as_it_is() {
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let ready = credential("ya29.ready-made", Vec::new());
    let sent = bearer_of(&auth, &google(), &ready).await.unwrap();
    assert_eq!(sent, "Bearer ya29.ready-made");
}

#[tokio::test]
async fn many_calls_that_wait_share_one_fetch() {
    let mut endpoint = Endpoint::closed(|count, _| token(count)).await;
    let auth = Arc::new(authoriser(clock(), Arc::new(NoKeeper)));
    let url = endpoint.url("/token");
    let key = credential(&google_key(url.as_str()), vec![url.host().clone()]);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let (auth, key) = (auth.clone(), key.clone());
            tokio::spawn(async move { bearer_of(&auth, &google(), &key).await.unwrap() })
        })
        .collect();
    endpoint.arrivals.recv().await.unwrap();
    endpoint.open();
    for call in calls {
        assert_eq!(call.await.unwrap(), "Bearer token-number-1");
    }
    assert_eq!(endpoint.asked().len(), 1);
}

#[tokio::test]
async fn a_fetch_outlives_the_call_that_began_it() {
    let mut endpoint = Endpoint::closed(|count, _| token(count)).await;
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let url = endpoint.url("/token");
    let key = credential(&google_key(url.as_str()), vec![url.host().clone()]);
    {
        let scheme = google();
        let mut call = Box::pin(bearer_of(&auth, &scheme, &key));
        poll_fn(|context| {
            assert!(call.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        endpoint.arrivals.recv().await.unwrap();
    }
    endpoint.open();
    auth.settled().await;
    let sent = bearer_of(&auth, &google(), &key).await.unwrap();
    assert_eq!(sent, "Bearer token-number-1");
    assert_eq!(endpoint.asked().len(), 1);
}

#[tokio::test]
async fn a_token_that_the_upstream_rejects_is_forgotten_and_a_failure_is_not_kept() {
    let endpoint = Endpoint::answering(|count, _| match count {
        2 => (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response(),
        count => token(count),
    })
    .await;
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let url = endpoint.url("/token");
    let key = credential(&google_key(url.as_str()), vec![url.host().clone()]);
    let base = BaseUrl::parse("https://api.example.com").unwrap();
    let request = get(&base, HeaderMap::new());
    let first = auth.authorise(&google(), &base, &key, request).await;
    first.ok().unwrap().token.unwrap().rejected();
    let error = bearer_of(&auth, &google(), &key).await.unwrap_err();
    assert!(
        matches!(error, AuthError::Refused { status: 503, .. }),
        "{error}"
    );
    let sent = bearer_of(&auth, &google(), &key).await.unwrap();
    assert_eq!(sent, "Bearer token-number-3");
}

#[tokio::test]
async fn each_set_of_scopes_has_a_token_of_its_own() {
    let endpoint = Endpoint::answering(|count, _| token(count)).await;
    let auth = authoriser(clock(), Arc::new(NoKeeper));
    let url = endpoint.url("/token");
    let key = credential(&google_key(url.as_str()), vec![url.host().clone()]);
    let other = AuthScheme::GoogleServiceAccount {
        scopes: vec!["a".into(), "b".into()],
    };
    for (scheme, wanted) in [
        (&google(), "Bearer token-number-1"),
        (&other, "Bearer token-number-2"),
        (&google(), "Bearer token-number-1"),
    ] {
        assert_eq!(bearer_of(&auth, scheme, &key).await.unwrap(), wanted);
    }
    let (_, claims) = read(endpoint.asked()[1].field("assertion").unwrap());
    assert_eq!(claims["scope"], "a b");
}

#[tokio::test]
async fn a_github_apps_key_becomes_a_token_of_its_installation() {
    let endpoint = Endpoint::answering(|count, _| {
        let body = json!({"token": format!("ghs_{count}"), "expires_at": "2026-01-15T11:30:00Z"});
        (StatusCode::CREATED, axum::Json(body)).into_response()
    })
    .await;
    let clock = clock();
    let auth = authoriser(clock.clone(), Arc::new(NoKeeper));
    let secret = json!({"app_id": 12345, "installation_id": "67890", "private_key": PKCS1});
    let base = endpoint.url("/api/v3");
    let key = credential(&secret.to_string(), vec![base.host().clone()]);
    for (pass, wanted) in [(0, "ghs_1"), (3500, "ghs_1"), (60, "ghs_2")] {
        clock.advance(Duration::from_secs(pass));
        let request = get(&base, HeaderMap::new());
        let authorised = auth
            .authorise(&AuthScheme::GithubApp, &base, &key, request)
            .await;
        let AuthorisedRequest(request) = authorised.ok().unwrap().request;
        assert_eq!(request.headers["authorization"], format!("Bearer {wanted}"));
    }
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.path, "/api/v3/app/installations/67890/access_tokens");
    let (_, claims) = read(asked.authorization.strip_prefix("Bearer ").unwrap());
    let began = clock.wall().as_second() - 3560;
    assert_eq!(
        claims,
        json!({"iss": "12345", "iat": began - 60, "exp": began + 540})
    );
}

#[test]
fn a_key_of_another_form_is_refused_without_being_repeated() {
    for (scheme, secret) in [
        (google(), r#"{"client_email": "e", "private_key": 7}"#),
        (
            AuthScheme::GithubApp,
            r#"{"app_id": 1, "private_key": "hunter2"}"#,
        ),
        (
            AuthScheme::GithubApp,
            r#"{"app_id": 1, "installation_id": "../../user", "private_key": "hunter2"}"#,
        ),
        (AuthScheme::GithubApp, "hunter2"),
    ] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let auth = authoriser(clock(), Arc::new(NoKeeper));
        let key = credential(secret, Vec::new());
        let error = runtime
            .block_on(bearer_of(&auth, &scheme, &key))
            .unwrap_err();
        assert!(matches!(error, AuthError::Malformed { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn the_hosts_of_a_token_endpoint_are_sealed_with_the_credential() {
    let defined = AuthScheme::OAuth2(OAuth2 {
        grant: GrantType::ClientCredentials,
        token_url: BaseUrl::parse("https://id.example.com/token").unwrap(),
        scopes: Vec::new(),
        client_auth: ClientAuth::Basic,
    });
    let own = r#"{"client_id": "c", "token_url": "https://login.example.org:8443/t"}"#;
    let key = google_key("http://127.0.0.1:9/token");
    for (scheme, secret, elsewhere, wanted) in [
        (AuthScheme::Bearer, "x", false, ""),
        (AuthScheme::GithubApp, "x", false, ""),
        (google(), key.as_str(), false, "oauth2.googleapis.com"),
        (google(), key.as_str(), true, "127.0.0.1:9"),
        (google(), "ya29.ready", true, "oauth2.googleapis.com"),
        (defined.clone(), CLIENT, false, "id.example.com"),
        (defined.clone(), CLIENT, true, "id.example.com"),
        (defined.clone(), own, false, "login.example.org:8443"),
    ] {
        let hosts = token_hosts(&scheme, secret, elsewhere).unwrap();
        let hosts: Vec<_> = hosts.iter().map(Host::as_str).collect();
        assert_eq!(hosts.join(" "), wanted, "{scheme:?} {elsewhere}");
    }
    assert!(token_hosts(&defined, "no json", false).is_err());
}
