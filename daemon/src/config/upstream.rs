//! `upstream` in `daemon.yaml`: the way to the upstreams, and whose
//! certificates are believed on it.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::{Config, ConfigError};
use axis_proto::regular::{self, Links, NotRead};

/// Longest file of certificates, in bytes.
const MAX_CA_BYTES: usize = 1024 * 1024;

/// The way to the upstreams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamConfig {
    /// Through which HTTP proxy upstreams are reached: it is asked for a
    /// connection (`CONNECT`), and TLS goes through it from end to end. What
    /// is on this machine is never reached through it.
    #[serde(deserialize_with = "proxy")]
    pub proxy: Option<Url>,
    /// A file of root certificates in PEM that are believed beside the
    /// system's and Mozilla's, once the owner has sealed them: whoever holds
    /// the key of one could read every call.
    #[serde(deserialize_with = "ca_file")]
    pub ca_file: Option<PathBuf>,
}

impl Config {
    /// The text of the file that `upstream.ca_file` names, where it names one.
    ///
    /// # Errors
    /// [`ConfigError::CaFile`].
    pub fn ca_text(&self) -> Result<Option<String>, ConfigError> {
        let Some(path) = &self.upstream.ca_file else {
            return Ok(None);
        };
        let fault = |problem: String| ConfigError::CaFile {
            path: path.clone(),
            problem,
        };
        let bytes =
            regular::read(path, MAX_CA_BYTES, Links::Follow).map_err(|error| match error {
                NotRead::Kind(kind) => fault(format!("is {kind}; name a file of certificates")),
                NotRead::TooLarge => fault(format!("is larger than {MAX_CA_BYTES} bytes")),
                NotRead::Io(error) => fault(format!("can't be read: {error}")),
            })?;
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| fault("is no text; certificates must be in PEM".into()))
    }
}

fn proxy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.map(Some).ok_or_else(|| {
        de::Error::custom(
            "upstream.proxy must be the URL of an HTTP proxy without a path, such as http://proxy.example.com:3128",
        )
    })
}

fn ca_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::from(String::deserialize(deserializer)?);
    if path.is_absolute() {
        return Ok(Some(path));
    }
    Err(de::Error::custom(
        "upstream.ca_file must be an absolute path, such as /etc/ssl/company.pem",
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("daemon.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_proxy_and_a_file_of_certificates_are_taken() {
        let text = "upstream: {proxy: 'http://proxy:3128', ca_file: /etc/ssl/company.pem}";
        let upstream = parse(text).unwrap().upstream;
        assert_eq!(upstream.proxy.unwrap().as_str(), "http://proxy:3128/");
        assert_eq!(upstream.ca_file.unwrap(), Path::new("/etc/ssl/company.pem"));
    }

    #[test]
    fn what_can_not_be_a_proxy_or_a_file_is_refused_where_it_stands() {
        for (text, expected) in [
            (
                "upstream:\n  proxy: socks5://proxy:1080\n",
                "daemon.yaml:2:10",
            ),
            ("upstream:\n  proxy: proxy:3128\n", "daemon.yaml:2:10"),
            ("upstream:\n  proxy: http://p/path\n", "daemon.yaml:2:10"),
            ("upstream:\n  proxy: http://p/?q\n", "daemon.yaml:2:10"),
            ("upstream:\n  ca_file: company.pem\n", "daemon.yaml:2:12"),
            ("upstream:\n  ca: /a\n", "daemon.yaml:2:3"),
            ("upstream:\n  proxy:\n", "daemon.yaml:2:8"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
