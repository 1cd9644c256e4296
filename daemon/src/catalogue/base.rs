//! Where a service is: one base URL, or one whose host has places for params
//! (`https://s3.{region}.amazonaws.com`). A param fills one label of the host
//! and can't do more, so the domain is always the definition's.

use std::borrow::Cow;

use crate::host::{BaseUrl, Host};
use crate::upstream::request::{Site, UpstreamRequest};

/// Longest label of a host, in bytes.
const MAX_LABEL_BYTES: usize = 63;
/// How a label begins that stands for one of another alphabet.
pub(super) const PUNYCODE: &str = "xn--";
/// Labels at the end of a host that no param fills.
const FIXED_LABELS: usize = 2;

/// A base URL with places in its host; nearly always without.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct BaseTemplate {
    text: String,
    places: Vec<String>,
    /// The URL with a stand-in for each place.
    sample: BaseUrl,
}

/// Why a request's params make no host. Params are checked before, so this is
/// met only where a definition forgot to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the param {0:?} makes no part of a host's name")]
pub struct NoHost(String);

impl BaseTemplate {
    /// The places in the host, in order.
    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(String::as_str)
    }

    /// The URL, with a stand-in in each place.
    pub(super) fn sample(&self) -> &BaseUrl {
        &self.sample
    }

    /// As it stands in the definition.
    pub(super) fn as_str(&self) -> &str {
        if self.places.is_empty() {
            return self.sample.as_str();
        }
        &self.text
    }

    /// The base URL that `request` goes to. A bucket that may stand before the
    /// host leaves the path.
    ///
    /// # Errors
    /// A place without a param.
    pub(super) fn resolve(
        &self,
        request: &mut UpstreamRequest,
    ) -> Result<Cow<'_, BaseUrl>, NoHost> {
        let before = virtual_host(&request.site);
        if self.places.is_empty() && before.is_none() {
            return Ok(Cow::Borrowed(&self.sample));
        }
        let mut text = self.text.clone();
        for place in &self.places {
            let label = request.site.label(place).filter(|label| is_label(label));
            let label = label.ok_or_else(|| NoHost(place.clone()))?;
            text = text.replace(&format!("{{{place}}}"), label);
        }
        if let Some(before) = before {
            let rest = request
                .path_and_query
                .strip_prefix('/')
                .and_then(|path| path.strip_prefix(before))
                .ok_or_else(|| NoHost(before.to_owned()))?;
            let slash = if rest.starts_with('/') { "" } else { "/" };
            text = text.replacen("://", &format!("://{before}."), 1);
            request.path_and_query = format!("{slash}{rest}");
        }
        let base = BaseUrl::parse(&text).map_err(|_| NoHost(text))?;
        Ok(Cow::Owned(base))
    }
}

/// What stands before the host: no name with a dot, for which no certificate
/// would hold.
fn virtual_host(site: &Site) -> Option<&str> {
    site.virtual_host.as_deref().filter(|name| is_label(name))
}

/// Whether `text` is one label of a host and nothing else, and reads as what
/// it is.
pub(super) fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL_BYTES).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.starts_with(PUNYCODE)
}

/// Whether a credential sealed to `hosts` goes wherever the template leads.
pub(super) fn covers(hosts: &[Host], base: &BaseTemplate) -> bool {
    hosts.iter().any(|host| host.covers(base.sample.host()))
}

impl TryFrom<String> for BaseTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", &text));
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let mut labels = Vec::new();
        let mut places = Vec::new();
        for label in host.split('.') {
            let place = label.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            match place {
                Some(place) => {
                    places.push(place.to_owned());
                    labels.push("x");
                }
                None => labels.push(label),
            }
        }
        if !places.is_empty() {
            let fixed = host.rsplit('.').take(FIXED_LABELS);
            let domain = fixed.filter(|label| !label.is_empty() && !label.starts_with('{'));
            if scheme != "https" || domain.count() < FIXED_LABELS {
                return Err(format!(
                    "{text:?} can only have places for params in https, and before the domain"
                ));
            }
        }
        let sample = if places.is_empty() {
            text.clone()
        } else {
            format!("{scheme}://{}{path}", labels.join("."))
        };
        let sample = BaseUrl::parse(&sample).map_err(|error| error.to_string())?;
        Ok(Self {
            text: text.trim_end_matches('/').to_owned(),
            places,
            sample,
        })
    }
}

#[cfg(test)]
mod tests;
