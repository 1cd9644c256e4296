//! AWS Signature Version 4, made by the crate `aws-sigv4`: the secret key stays
//! here, and what is sent proves that it was.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, USER_AGENT};
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::AuthError;
use crate::upstream::request::BoundRequest;

/// Where nothing else is said: the region of AWS's global services.
pub(super) const DEFAULT_REGION: &str = "us-east-1";

/// The headers that the signature is made of.
pub(super) static CARRIERS: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-content-sha256"),
];

/// Headers that the HTTP client, or a proxy on the way, may write anew.
const UNSIGNED: [HeaderName; 3] = [ACCEPT, ACCEPT_ENCODING, USER_AGENT];

/// An access key. No Debug: it is secret.
#[derive(serde::Deserialize)]
pub(super) struct Keys {
    #[serde(alias = "AccessKeyId")]
    access_key_id: String,
    #[serde(alias = "SecretAccessKey")]
    secret_access_key: Zeroizing<String>,
    #[serde(alias = "SessionToken")]
    session_token: Option<Zeroizing<String>>,
}

impl Keys {
    /// Reads `ID:SECRET`, `ID:SECRET:SESSION-TOKEN`, or JSON as AWS's own
    /// tools write it.
    pub(super) fn parse(secret: &str) -> Result<Self, AuthError> {
        const FORM: AuthError = AuthError::Malformed {
            form: "ACCESS-KEY-ID:SECRET-ACCESS-KEY, with :SESSION-TOKEN behind it for temporary keys, or JSON with access_key_id, secret_access_key and session_token",
        };
        let keys = if secret.trim_start().starts_with('{') {
            serde_json::from_str(secret).map_err(|_| FORM)?
        } else {
            let mut parts = secret.trim().splitn(3, ':');
            let mut part = || parts.next().map(str::to_owned);
            Self {
                access_key_id: part().ok_or(FORM)?,
                secret_access_key: part().ok_or(FORM)?.into(),
                session_token: part().map(Zeroizing::new),
            }
        };
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let token = keys.session_token.as_ref().is_none_or(|it| is_word(it));
        if is_word(&keys.access_key_id) && is_word(&keys.secret_access_key) && token {
            Ok(keys)
        } else {
            Err(FORM)
        }
    }

    /// What no answer may hold. The key's id is no secret: AWS itself names it
    /// in its errors.
    pub(super) fn guarded(self) -> Vec<Zeroizing<String>> {
        let token = self.session_token;
        [self.secret_access_key].into_iter().chain(token).collect()
    }
}

/// Signs `request` for `service` as of `at`; the signature, which is as good
/// as the request itself for some minutes.
pub(super) fn apply(
    secret: &str,
    service: &str,
    region: &str,
    at: SystemTime,
    request: &mut BoundRequest,
) -> Result<Zeroizing<String>, AuthError> {
    let keys = Keys::parse(secret)?;
    for carrier in &CARRIERS {
        request.headers.remove(carrier);
    }
    let token = keys.session_token.as_deref().cloned();
    let identity = Credentials::new(
        keys.access_key_id,
        keys.secret_access_key.as_str(),
        token,
        None,
        "axis",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(settings(service))
        .build()
        .map_err(|_| AuthError::Unsignable)?
        .into();
    let body = match request.upload_size {
        // what comes in chunks can't be hashed before it is sent
        Some(_) => SignableBody::UnsignedPayload,
        None => SignableBody::Bytes(request.body.as_deref().unwrap_or_default()),
    };
    let signable = SignableRequest::new(
        request.method.as_str(),
        request.url.as_str(),
        request.headers.iter().filter_map(|(name, value)| {
            let signed = !UNSIGNED.contains(name);
            signed.then_some((name.as_str(), value.to_str().ok()?))
        }),
        body,
    )
    .map_err(|_| AuthError::Unsignable)?;
    let (instructions, signature) = sign(signable, &params)
        .map_err(|_| AuthError::Unsignable)?
        .into_parts();
    let (headers, _) = instructions.into_parts();
    for header in headers {
        let text = Zeroizing::new(header.value().as_bytes().to_vec());
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
            .map_err(|_| AuthError::Unsignable)?;
        value.set_sensitive(header.sensitive() || header.name() == AUTHORIZATION.as_str());
        let name = HeaderName::from_static(header.name());
        request.headers.insert(name, value);
    }
    Ok(signature.into())
}

/// S3 takes the path as it stands and wants the payload's hash in a header;
/// all others take the path encoded once more.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

#[cfg(test)]
mod tests;
