//! Where the service wants its credential.

use axis_proto::headers::may_carry_credential;
use serde_json::Value;
use url::Url;

use super::document::{Document, Version, items, members, one_line};
use super::schema::note;

/// The one scheme of the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Auth {
    /// What stands under `auth`.
    pub(super) written: String,
    /// What `axis add` asks for.
    pub(super) prompt: Option<String>,
    place: Place,
    /// Its names in the document, all that are written in the same way.
    names: Vec<String>,
    /// What the document asks for where an operation says nothing of its own.
    global: Vec<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A header, in lowercase.
    Header(String),
    Query(String),
}

/// A scheme as a definition writes it.
struct Candidate {
    written: String,
    prompt: Option<String>,
    place: Place,
    remark: Option<String>,
}

/// The scheme that most of the document's requirements are met with.
pub(super) fn choose(document: &Document, remarks: &mut Vec<String>) -> Auth {
    let written = match document.version {
        Version::OpenApi3 => document
            .get("components")
            .and_then(|components| components.get("securitySchemes")),
        Version::Swagger2 => document.get("securityDefinitions"),
    };
    let mut known: Vec<(&String, Candidate)> = Vec::new();
    let mut unknown = Vec::new();
    for (name, scheme) in members(written) {
        let scheme = document.resolve(scheme).unwrap_or(&Value::Null);
        match candidate(scheme) {
            Ok(candidate) => known.push((name, candidate)),
            Err(kind) if kind == SIGNED_AS_AWS => remarks.push(format!(
                "{} {SIGNED_AS_AWS}: write auth: {{ scheme: aws_sigv4, service: … }} with the service's name in signatures",
                one_line(name, 60)
            )),
            Err(kind) => unknown.push(format!("{} ({kind})", one_line(name, 60))),
        }
    }
    if !unknown.is_empty() {
        remarks.push(format!("no auth scheme can do {}", unknown.join(", ")));
    }
    let global = requirements(document.get("security")).unwrap_or_default();
    let all: Vec<Vec<String>> = global.iter().cloned().chain(required(document)).collect();
    // of what is met with one key alone, the most wanted; then the first written
    let uses = |name: &str| {
        let alone = |one: &&Vec<String>| one.len() == 1 && one[0] == name;
        all.iter().filter(alone).count()
    };
    let mut best: Option<(usize, usize)> = None;
    for (at, (name, _)) in known.iter().enumerate() {
        let uses = uses(name);
        if best.is_none_or(|(most, _)| uses > most) {
            best = Some((uses, at));
        }
    }
    let Some((_, at)) = best else {
        remarks.push(
            "the document says nothing of a key that can be sent: auth is bearer; change it where that is wrong"
                .into(),
        );
        return Auth {
            written: "bearer".into(),
            prompt: None,
            place: Place::Header("authorization".into()),
            names: Vec::new(),
            global: Vec::new(),
        };
    };
    let written = known[at].1.written.clone();
    let names: Vec<String> = known
        .iter()
        .filter(|(_, other)| other.written == written)
        .map(|(name, _)| (*name).clone())
        .collect();
    let others: Vec<String> = known
        .iter()
        .filter(|(name, _)| !names.contains(name))
        .map(|(name, other)| format!("{} ({})", one_line(name, 60), other.written))
        .collect();
    if !others.is_empty() {
        remarks.push(format!(
            "auth is {written}; the document also has {}",
            others.join(", ")
        ));
    }
    let (_, chosen) = known.swap_remove(at);
    remarks.extend(chosen.remark);
    Auth {
        written,
        prompt: chosen.prompt,
        place: chosen.place,
        names,
        global,
    }
}

impl Auth {
    /// Whether the credential goes into this header (in lowercase).
    pub(super) fn is_header(&self, lower: &str) -> bool {
        matches!(&self.place, Place::Header(name) if name == lower)
    }

    /// Whether the credential goes into the query under this name.
    pub(super) fn is_query(&self, name: &str) -> bool {
        matches!(&self.place, Place::Query(own) if own == name)
    }

    /// Says it where an operation wants another credential than this one.
    pub(super) fn differs_for(&self, operation: &Value, losses: &mut Vec<String>) {
        let wanted = requirements(operation.get("security"));
        let wanted = wanted.as_ref().unwrap_or(&self.global);
        let is_met = |one: &Vec<String>| one.iter().all(|name| self.names.contains(name));
        if !wanted.is_empty() && !wanted.iter().any(is_met) {
            let ways: Vec<String> = wanted
                .iter()
                .take(3)
                .map(|way| one_line(&way.join(" and "), 80))
                .collect();
            note(
                losses,
                format!(
                    "it wants another key than auth sends: {}",
                    ways.join(", or ")
                ),
            );
        }
    }
}

/// What operations require themselves.
fn required(document: &Document) -> Vec<Vec<String>> {
    let paths = members(document.get("paths"));
    let operations = paths.flat_map(|(_, item)| members(Some(item)));
    operations
        .filter_map(|(_, operation)| requirements(operation.get("security")))
        .flatten()
        .collect()
}

/// Alternatives, each of schemes that are needed together.
fn requirements(written: Option<&Value>) -> Option<Vec<Vec<String>>> {
    written?.as_array()?;
    let alternatives = items(written);
    Some(
        alternatives
            .map(|together| {
                members(Some(together))
                    .map(|(name, _)| name.clone())
                    .collect()
            })
            .collect(),
    )
}

/// What is said of a key that signs and is never sent.
const SIGNED_AS_AWS: &str = "signs requests as AWS does";

/// # Errors
/// What kind it is, in words.
fn candidate(scheme: &Value) -> Result<Candidate, String> {
    let text = |name: &str| scheme.get(name).and_then(Value::as_str).unwrap_or_default();
    let bearer = |prompt: Option<&str>, remark: Option<String>| Candidate {
        written: "bearer".into(),
        prompt: prompt.map(str::to_owned),
        place: Place::Header("authorization".into()),
        remark,
    };
    let basic = || Candidate {
        written: "basic".into(),
        prompt: Some("User and password, as user:password".into()),
        place: Place::Header("authorization".into()),
        remark: None,
    };
    if text("x-amazon-apigateway-authtype").eq_ignore_ascii_case("awsSigv4") {
        return Err(SIGNED_AS_AWS.into());
    }
    match text("type") {
        "http" => match text("scheme").to_ascii_lowercase().as_str() {
            "bearer" => Ok(bearer(None, None)),
            "basic" => Ok(basic()),
            other => Err(format!("HTTP {}", one_line(other, 40))),
        },
        "basic" => Ok(basic()),
        "apiKey" => {
            let name = text("name");
            let is_name = !name.is_empty() && name.bytes().all(|b| (0x21..0x7f).contains(&b));
            let lower = name.to_ascii_lowercase();
            let quoted = Value::from(name);
            match text("in") {
                _ if !is_name => Err("an API key without a name".into()),
                "header" if !may_carry_credential(name) => Err(format!(
                    "an API key in {}, which is no header for one",
                    one_line(name, 40)
                )),
                "header" => Ok(Candidate {
                    written: format!("{{ scheme: header, name: {quoted} }}"),
                    prompt: None,
                    remark: (lower == "authorization").then(|| {
                        "the key is all that stands in the header Authorization; where the service wants a word before it, write auth: bearer, or a prefix".into()
                    }),
                    place: Place::Header(lower),
                }),
                "query" => Ok(Candidate {
                    written: format!("{{ scheme: query, name: {quoted} }}"),
                    prompt: None,
                    place: Place::Query(name.to_owned()),
                    remark: None,
                }),
                other => Err(format!("an API key in a {}", one_line(other, 40))),
            }
        }
        "oauth2" => Ok(client_credentials(scheme).unwrap_or_else(|| {
            bearer(
                Some("OAuth access token"),
                Some("the service uses OAuth 2.0: axis add takes an access token, and nothing renews it (auth: oauth2 can; docs/services.md says how)".into()),
            )
        })),
        "openIdConnect" => Ok(bearer(Some("OpenID Connect access token"), None)),
        other => Err(one_line(other, 40)),
    }
}

/// Where a program gets its tokens with an id and a secret alone, axisd can do
/// so itself.
fn client_credentials(scheme: &Value) -> Option<Candidate> {
    let flow = match scheme.get("flows") {
        Some(flows) if flows.as_object()?.len() == 1 => flows.get("clientCredentials")?,
        None if scheme.get("flow")?.as_str()? == "application" => scheme,
        _ => return None,
    };
    let token_url = flow.get("tokenUrl")?.as_str()?;
    let url = Url::parse(token_url).ok()?;
    let is_plain = url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_plain {
        return None;
    }
    let mut written = format!(
        "{{ scheme: oauth2, grant: client_credentials, token_url: {}",
        Value::from(url.as_str().trim_end_matches('/'))
    );
    let scopes: Vec<&String> = members(flow.get("scopes"))
        .map(|(scope, _)| scope)
        .filter(|scope| scope.bytes().all(|b| (0x21..0x7f).contains(&b)))
        .collect();
    if !scopes.is_empty() && scopes.len() <= 20 {
        written.push_str(", scopes: ");
        written.push_str(
            &scopes
                .into_iter()
                .map(String::as_str)
                .collect::<Value>()
                .to_string(),
        );
    }
    written.push_str(" }");
    Some(Candidate {
        written,
        prompt: Some("OAuth client, as JSON with client_id and client_secret".into()),
        place: Place::Header("authorization".into()),
        remark: None,
    })
}
