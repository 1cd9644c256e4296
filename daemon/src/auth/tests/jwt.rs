use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use serde_json::{Value, json};

use super::super::jwt::sign;
use super::*;

/// What stands in a token, if its signature is `PUBLIC`'s.
pub(super) fn read(token: &str) -> (Value, Value) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let (_, algorithms) = known
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256)
        .unwrap();
    algorithms[0]
        .verify_signature(PUBLIC, signed.as_bytes(), &decode(signature))
        .expect("the signature is the key's");
    let json = |text: &str| serde_json::from_slice(&decode(text)).unwrap();
    (json(header), json(claims))
}

#[test]
fn a_token_is_signed_with_either_form_of_a_key() {
    let claims = json!({"iss": "me", "iat": 1, "exp": 2});
    for (pem, id) in [(PKCS8, Some("key-1")), (PKCS1, None)] {
        let (header, read) = read(&sign(&claims, id, pem).unwrap());
        assert_eq!(read, claims);
        assert_eq!(header["alg"], "RS256");
        assert_eq!(header["typ"], "JWT");
        assert_eq!(header["kid"].as_str(), id);
    }
}

#[test]
fn what_is_no_rsa_key_is_refused_without_being_repeated() {
    let cut = PKCS8.replace("MII", "MIJ");
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for pem in ["", "not a pem", no_key, cut.as_str()] {
        let error = sign(&json!({}), None, pem).unwrap_err();
        assert!(matches!(error, AuthError::Malformed { .. }), "{pem}");
        assert!(!error.to_string().contains("AAAA"));
    }
}
