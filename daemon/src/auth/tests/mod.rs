//! Schemes one by one, and what they share.

mod jwt;
mod placing;
mod reflected;
mod replaced;
mod tokens;

use std::sync::Arc;

use http::{HeaderMap, Method};

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::host::BaseUrl;
use crate::names::CredentialName;
use crate::upstream::LeakGuard;
use crate::upstream::request::{AuthorisedRequest, BoundRequest, Site, UpstreamRequest};
use crate::upstream::{Upstream, UpstreamSettings};
use crate::vault::{Credential, Secret};

/// An RSA key in both forms that vendors hand out.
const PKCS8: &str = include_str!("rsa-pkcs8.pem");
const PKCS1: &str = include_str!("rsa-pkcs1.pem");
/// Its public half.
const PUBLIC: &[u8] = include_bytes!("rsa-public.der");

fn clock() -> Arc<ManualClock> {
    let now = "2026-01-15T10:30:00Z".parse().unwrap();
    Arc::new(ManualClock::starting_at(now))
}

fn authoriser(clock: Arc<dyn Clock>, keeper: Arc<dyn Keeper>) -> Authoriser {
    let upstream = Upstream::new(&UpstreamSettings::default()).unwrap();
    Authoriser::new(upstream, clock, keeper)
}

fn name() -> CredentialName {
    CredentialName::parse("test", "").unwrap()
}

fn credential(secret: &str, hosts: Vec<Host>) -> Arc<Credential> {
    let secret = Secret::from_string(secret.into());
    Arc::new(Credential::new(name(), secret, hosts, None))
}

fn get(base: &BaseUrl, headers: HeaderMap) -> BoundRequest {
    let request = UpstreamRequest {
        method: Method::GET,
        path_and_query: "/x".into(),
        headers,
        body: None,
        site: Site::default(),
    };
    BoundRequest::bind(request, base, &[base.host().clone()]).unwrap()
}

/// A keeper for schemes that need none.
struct NoKeeper;

impl Keeper for NoKeeper {
    fn current(&self, _: &CredentialName) -> Result<Arc<Credential>, AuthError> {
        Err(AuthError::Unkept("there is no keeper here".into()))
    }

    fn seal(&self, _: &Arc<Credential>) -> Result<Seal, AuthError> {
        Err(AuthError::Unkept("there is no keeper here".into()))
    }

    fn guards_beside(&self, _: &Credential) -> Result<Vec<Arc<LeakGuard>>, AuthError> {
        Ok(Vec::new())
    }
}
