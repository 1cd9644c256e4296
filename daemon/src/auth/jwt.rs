//! JSON Web Tokens signed with RS256: the crate `jsonwebtoken` writes them,
//! ring signs them, as it does for TLS.

use std::sync::Arc;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::RsaSigningKey;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;
use serde::Serialize;
use zeroize::Zeroizing;

use super::AuthError;

/// Lets `jsonwebtoken` sign with ring. Nothing is ever verified or read here.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::RS256 => Ok(Box::new(Rs256::of(key.as_bytes())?)),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    key_utils: KeyUtils::new_unimplemented(),
};

/// The claims, signed with the RSA key in `pem`.
///
/// # Errors
/// [`AuthError::Malformed`] where that is no RSA key.
pub(super) fn sign(
    claims: &impl Serialize,
    key_id: Option<&str>,
    pem: &str,
) -> Result<Zeroizing<String>, AuthError> {
    const NO_KEY: AuthError = AuthError::Malformed {
        form: "JSON whose private_key is an RSA key in PEM form",
    };
    // whoever installed one first installed this one
    let _ = RING.install_default();
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| NO_KEY)?;
    let header = Header {
        kid: key_id.map(str::to_owned),
        ..Header::new(Algorithm::RS256)
    };
    let key = EncodingKey::from_rsa_der(der.secret_der());
    let signed = jsonwebtoken::encode(&header, claims, &key).map_err(|_| NO_KEY)?;
    Ok(Zeroizing::new(signed))
}

/// A shorter "signature" is a word like any other.
const SHORTEST_SIGNATURE_BYTES: usize = 16;

/// The signature of what is a JSON Web Token. What stands before it can be
/// guessed, so whoever shows the signature alone shows the token.
pub(super) fn signature(token: &str) -> Option<&str> {
    let (claims, signature) = token.rsplit_once('.')?;
    let is_token = claims.starts_with("eyJ") && claims.matches('.').count() == 1;
    (is_token && signature.len() >= SHORTEST_SIGNATURE_BYTES).then_some(signature)
}

struct Rs256(Arc<dyn SigningKey>);

impl Rs256 {
    fn of(der: &[u8]) -> Result<Self, Error> {
        let forms: [PrivateKeyDer<'_>; 2] = [
            PrivatePkcs8KeyDer::from(der).into(),
            PrivatePkcs1KeyDer::from(der).into(),
        ];
        let key = forms.iter().find_map(|form| RsaSigningKey::new(form).ok());
        let key = key.ok_or(ErrorKind::InvalidKeyFormat)?;
        Ok(Self(Arc::new(key)))
    }
}

impl Signer<Vec<u8>> for Rs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let signer = self.0.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        signer
            .ok_or_else(signature::Error::new)?
            .sign(message)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}
