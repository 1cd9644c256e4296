//! Where a credential may be sent: [`Host`] is sealed with it, [`BaseUrl`] is
//! what a service's paths are appended to.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::Url;

/// Stands for one label of a host's name.
const ANY_LABEL: &str = "*";

/// A host a credential is bound to: `api.github.com`, or with a port where it
/// is not 443: `127.0.0.1:8080`. Lowercase, IPv6 in brackets. In what a
/// credential is bound to, `*` stands for one label: `s3.*.amazonaws.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Host(String);

impl Host {
    /// The host and port that `url` leads to.
    pub fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        Some(match url.port_or_known_default()? {
            443 => Self(host.to_owned()),
            port => Self(format!("{host}:{port}")),
        })
    }

    /// A host as it stands in a definition, where `*` is any one label before
    /// the domain.
    pub fn pattern(text: &str) -> Option<Self> {
        let labels: Vec<&str> = text.split('.').collect();
        let is_label = |label: &&str| {
            let inner =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !label.is_empty() && label.bytes().all(inner)
        };
        let (before, domain) = labels.split_at_checked(labels.len().checked_sub(2)?)?;
        let fits = domain.iter().all(is_label)
            && before
                .iter()
                .all(|label| *label == ANY_LABEL || is_label(label));
        fits.then(|| Self(text.to_owned()))
    }

    /// Whether a credential bound to this may go to `host`.
    pub fn covers(&self, host: &Self) -> bool {
        if self == host {
            return true;
        }
        if !self.0.contains(ANY_LABEL) {
            return false;
        }
        let (mut own, mut other) = (self.0.split('.'), host.0.split('.'));
        loop {
            match (own.next(), other.next()) {
                (None, None) => return true,
                (Some(ANY_LABEL), Some(label)) if !label.is_empty() => {}
                (Some(own), Some(label)) if own == label => {}
                _ => return false,
            }
        }
    }

    /// Whether what is bound to this and what is bound to `other` may meet.
    pub fn meets(&self, other: &Self) -> bool {
        let (own, others) = (self.0.split('.'), other.0.split('.'));
        own.clone().count() == others.clone().count()
            && own
                .zip(others)
                .all(|(own, other)| own == other || [own, other].contains(&ANY_LABEL))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a URL at all.
    #[error("{text:?} is not a URL: {reason}; write it like https://api.example.com")]
    NotAUrl {
        /// The text.
        text: String,
        /// The parser's word.
        reason: String,
    },
    /// A scheme other than https, or http to a host that is not this machine.
    #[error(
        "{text:?} would send the credential unencrypted: use https; plain http is only for loopback (127.0.0.1, [::1], localhost)"
    )]
    Insecure {
        /// The text.
        text: String,
    },
    /// A user name, password, query or fragment in it.
    #[error("{text:?} must be scheme, host and path alone, without {part}")]
    Surplus {
        /// The text.
        text: String,
        /// What is too much.
        part: &'static str,
    },
}

/// An https URL, or plain http to loopback, that ends without a slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl {
    url: Url,
    host: Host,
}

impl BaseUrl {
    /// Parses and checks.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let not_a_url = |reason: String| BaseUrlError::NotAUrl {
            text: text.to_owned(),
            reason,
        };
        let url = Url::parse(text).map_err(|error| not_a_url(error.to_string()))?;
        let surplus = |part| BaseUrlError::Surplus {
            text: text.to_owned(),
            part,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Surplus {
                // the text holds a password: it is not repeated
                text: url.host_str().unwrap_or_default().to_owned(),
                part: "a user name or password",
            });
        }
        if url.query().is_some() {
            return Err(surplus("a query"));
        }
        if url.fragment().is_some() {
            return Err(surplus("a fragment"));
        }
        // the parser lets them stand; here they have a meaning of their own
        let is_special = |host: &str| host.contains(['*', '{', '}']);
        if url.host_str().is_some_and(is_special) {
            return Err(not_a_url("a host's name has none of * { }".into()));
        }
        let secure = match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url),
            _ => false,
        };
        if !secure {
            return Err(BaseUrlError::Insecure {
                text: text.to_owned(),
            });
        }
        let host = Host::of(&url).ok_or_else(|| not_a_url("it names no host".into()))?;
        Ok(Self { url, host })
    }

    /// The host that requests under this URL go to.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// This URL with `path_and_query` (encoded, starting with `/`) appended to
    /// its own path. Whatever stands in it, scheme and host stay what they are.
    pub fn join(&self, path_and_query: &str) -> Url {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        let mut url = self.url.clone();
        match self.url.path().trim_end_matches('/') {
            "" => url.set_path(path),
            base => url.set_path(&format!("{base}{path}")),
        }
        url.set_query(query);
        url
    }

    /// The text form, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = BaseUrlError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<BaseUrl> for String {
    fn from(base: BaseUrl) -> Self {
        base.as_str().to_owned()
    }
}

/// Whether `url` can only lead to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_are_base_urls() {
        for good in [
            "https://api.github.com",
            "https://ghe.example.com/api/v3/",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost:1",
        ] {
            assert!(BaseUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.github.com",
            "http://127.0.0.1.nip.io",
            "http://localhost.evil.example",
            "ftp://127.0.0.1",
            "https://user:pw@api.github.com",
            "https://api.github.com/?a=1",
            "https://api.github.com/#x",
            "https://*.github.com",
            "https://{x}.github.com",
            "api.github.com",
            "",
        ] {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_carries_its_port_unless_it_is_443() {
        let host = |text| BaseUrl::parse(text).unwrap().host().as_str().to_owned();
        assert_eq!(host("https://API.github.com:443/x"), "api.github.com");
        assert_eq!(host("https://api.github.com:8443"), "api.github.com:8443");
        assert_eq!(host("http://127.0.0.1"), "127.0.0.1:80");
    }

    #[test]
    fn a_pattern_covers_one_label_for_each_star_and_never_another_domain() {
        let buckets = Host::pattern("*.s3.*.amazonaws.com").unwrap();
        for (text, covered) in [
            ("b.s3.eu-west-1.amazonaws.com", true),
            ("s3.eu-west-1.amazonaws.com", false),
            ("a.b.s3.eu-west-1.amazonaws.com", false),
            ("b.s3.eu-west-1.amazonaws.com:444", false),
            ("b.s3.eu-west-1.amazonaws.com.evil.example", false),
            ("b.s3.evil.example", false),
            ("b.ec2.eu-west-1.amazonaws.com", false),
            ("b.s3..amazonaws.com", false),
        ] {
            assert_eq!(buckets.covers(&Host(text.into())), covered, "{text}");
        }
        for bad in [
            "*", "*.com", "a.*", "*.*.com", "a.b*.c.d", "*a.b.c", "a..b.c", "a.b.c:1", "A.b.c", "",
        ] {
            assert_eq!(Host::pattern(bad), None, "{bad}");
        }
    }

    #[test]
    fn joining_keeps_the_base_path() {
        for (base, path, joined) in [
            (
                "https://ghe.example.com/api/v3/",
                "/repos/o/r?x=1",
                "https://ghe.example.com/api/v3/repos/o/r?x=1",
            ),
            (
                "https://api.github.com",
                "/repos/a%2Fb/c%3Fd?q=%26%23+%3F&empty=",
                "https://api.github.com/repos/a%2Fb/c%3Fd?q=%26%23+%3F&empty=",
            ),
        ] {
            assert_eq!(BaseUrl::parse(base).unwrap().join(path).as_str(), joined);
        }
    }

    #[test]
    fn joining_never_leaves_the_host() {
        for path in [
            "@evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            ".evil.example/",
            ":81/",
            "/#@evil.example",
            "\t//evil.example",
            "https://evil.example/",
        ] {
            for base in ["https://api.github.com", "http://127.0.0.1:8080/v3"] {
                let base = BaseUrl::parse(base).unwrap();
                let url = base.join(path);
                assert_eq!(Host::of(&url).as_ref(), Some(base.host()), "{path:?}");
                assert_eq!(url.scheme(), base.url.scheme(), "{path:?}");
            }
        }
    }
}
