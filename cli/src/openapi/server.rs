//! Where the service is.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::document::{Document, Version, items, members, one_line};
use super::operation::Operation;
use super::{ImportError, Wishes};

/// The base URL, and what each operation's own one means beside it.
#[derive(Debug)]
pub(super) struct Servers {
    base: Url,
    origin: Option<Url>,
    /// The owner said where it is: what the document says doesn't count.
    is_asked: bool,
}

impl Servers {
    /// The document's first server that a key may go to; where it names none,
    /// the one that most operations name.
    pub(super) fn choose(
        document: &Document,
        operations: &[Operation<'_>],
        wishes: &Wishes<'_>,
        remarks: &mut Vec<String>,
    ) -> Result<Self, ImportError> {
        let origin = wishes.origin.cloned();
        if let Some(asked) = wishes.base_url {
            let base = usable(asked, None).map_err(ImportError::Server)?;
            return Ok(Self {
                base,
                origin,
                is_asked: true,
            });
        }
        let own: Vec<String> = match document.version {
            Version::Swagger2 => swagger_server(document).into_iter().collect(),
            Version::OpenApi3 => items(document.get("servers"))
                .filter_map(|server| filled(server, remarks))
                .collect(),
        };
        let is_usable = |url: &String| usable(url, origin.as_ref()).is_ok();
        let at = own.iter().position(is_usable).unwrap_or(0);
        let written = match own.get(at) {
            Some(chosen) => {
                if own.len() > 1 {
                    let which = if at > 0 { " that a key may go to" } else { "" };
                    remarks.push(format!(
                        "the document names {} servers; {} is the first{which} (another one: --base-url)",
                        own.len(),
                        one_line(chosen, 200)
                    ));
                }
                chosen.clone()
            }
            None => most_used(operations).unwrap_or_else(|| "/".into()),
        };
        let base = usable(&written, origin.as_ref()).map_err(|problem| {
            ImportError::Server(format!(
                "{problem}; say where the service is with --base-url https://…"
            ))
        })?;
        if written.contains('?') {
            remarks.push("the query in the server's URL is left out".into());
        }
        Ok(Self {
            base,
            origin,
            is_asked: false,
        })
    }

    /// The base URL, without a slash at its end.
    pub(super) fn base_url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The path that an operation with servers of its own has under the base.
    ///
    /// # Errors
    /// Why it isn't under the base, in words.
    pub(super) fn path_of(&self, operation: &Operation<'_>) -> Result<String, String> {
        let path = operation.path.to_owned();
        let Some(server) = operation.server() else {
            return Ok(path);
        };
        if self.is_asked {
            return Ok(path);
        }
        let written = filled(server, &mut Vec::new()).ok_or("its server has no URL")?;
        if written.contains('?') {
            return Err("its own server's URL has a query, which no path can keep".to_owned());
        }
        let own = usable(&written, self.origin.as_ref())?;
        let base_path = self.base.path().trim_end_matches('/');
        let under = own
            .path()
            .trim_end_matches('/')
            .strip_prefix(base_path)
            .filter(|rest| rest.is_empty() || rest.starts_with('/'));
        match under {
            Some(rest) if own.origin() == self.base.origin() => Ok(format!("{rest}{path}")),
            _ => Err(format!(
                "it is on another server, {}; the key only goes to one host",
                one_line(own.as_str(), 200)
            )),
        }
    }
}

/// The server that most operations name, the first of them where several do.
fn most_used(operations: &[Operation<'_>]) -> Option<String> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (at, operation) in operations.iter().enumerate() {
        if let Some(url) = operation
            .server()
            .and_then(|it| filled(it, &mut Vec::new()))
        {
            let (count, _) = counts.entry(url).or_insert((0, usize::MAX - at));
            *count += 1;
        }
    }
    counts
        .into_iter()
        .max_by_key(|(_, rank)| *rank)
        .map(|(url, _)| url)
}

/// A server's URL with its variables' defaults.
fn filled(server: &Value, remarks: &mut Vec<String>) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in members(server.get("variables")) {
        let default = match variable.get("default") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => continue,
        };
        let place = format!("{{{name}}}");
        if url.contains(&place) {
            url = url.replace(&place, &default);
            let remark = format!(
                "{} in the server's URL is {}, its default",
                one_line(&place, 80),
                one_line(&default, 80)
            );
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
    }
    Some(url)
}

fn swagger_server(document: &Document) -> Option<String> {
    let text = |name| document.get(name).and_then(Value::as_str);
    let base_path = text("basePath").unwrap_or("/");
    let Some(host) = text("host") else {
        return text("basePath").map(str::to_owned);
    };
    let schemes: Vec<&str> = items(document.get("schemes"))
        .filter_map(Value::as_str)
        .collect();
    let scheme = match schemes.first() {
        Some(first) if !schemes.contains(&"https") => first,
        _ => "https",
    };
    Some(format!(
        "{scheme}://{host}/{}",
        base_path.trim_start_matches('/')
    ))
}

/// `text` as a URL that a key may go to. What is wrong with it never repeats a
/// password.
fn usable(text: &str, origin: Option<&Url>) -> Result<Url, String> {
    let shown = one_line(text, 200);
    if text.contains(['{', '}']) {
        return Err(format!(
            "the server {shown:?} has a variable without a default"
        ));
    }
    let parsed = match origin {
        Some(origin) => origin.join(text),
        // as the document was got, and of a file that isn't known
        None if text.starts_with("//") => Url::parse(&format!("https:{text}")),
        None => Url::parse(text),
    };
    let mut url = parsed.map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => {
            format!("the document only says that the service is at {shown:?}, not on which server")
        }
        error => format!("the server {shown:?} is no URL: {error}"),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the server's URL has a user name or a password in it".into());
    }
    // a URL may have them there, a definition may not: they have a meaning of
    // their own
    if url
        .host_str()
        .is_some_and(|host| host.contains(['*', '{', '}']))
    {
        return Err(format!("the server {shown:?} has a host that is none"));
    }
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if !(url.scheme() == "https" || (url.scheme() == "http" && is_loopback)) {
        return Err(format!(
            "the server {shown:?} isn't https, and a key is never sent in the clear"
        ));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}
