//! An upstream API: where it is, how it wants its credential, what it can do.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use regex::Regex;
use serde_yaml::Spanned;

use super::action::{Action, Inherited, define_header};
use super::base::{self, BaseTemplate, NoHost};
use super::definition::{
    self, BodyFormat, CredentialDefinition, Definition, DefinitionError, MethodWord, Source,
    SuccessShape,
};
use super::environment::KeyVariables;
use super::path::PathTemplate;
use super::raw;
use super::response::says_failure;
use crate::auth::AuthScheme;
use crate::host::{BaseUrl, Host};
use crate::names::ServiceName;
use crate::upstream::request::{Site, UpstreamRequest};
use crate::yaml::Place;

/// One service of the catalogue.
pub struct Service {
    name: ServiceName,
    title: String,
    base: BaseTemplate,
    hosts: Vec<Host>,
    auth: AuthScheme,
    credential: CredentialSpec,
    actions: Vec<Action>,
    /// Lowercase name → position in `actions`.
    by_name: HashMap<String, usize>,
}

/// What a service's credential looks like, and how to try it.
pub struct CredentialSpec {
    prompt: String,
    pattern: Option<Regex>,
    check: Option<Check>,
    environment: Vec<KeyVariables>,
    /// What an answer to the check with a good status must say.
    success: Option<SuccessShape>,
    is_graphql: bool,
}

/// A harmless request that shows whether a credential is accepted.
pub struct Check {
    /// The request.
    pub request: UpstreamRequest,
    /// Where it goes, if not to the service's own base URL.
    pub base_url: Option<BaseUrl>,
    /// How the credential gets into it, if not as for the service.
    pub auth: Option<AuthScheme>,
    /// The header of the answer that says when the credential ends.
    pub expires: Option<HeaderName>,
}

impl CredentialSpec {
    /// What to ask the owner for, such as `GitHub personal access token`.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// Whether `secret` has the shape the vendor gives its keys; true where
    /// the definition knows none. A mismatch is worth a warning, not a refusal.
    pub fn looks_right(&self, secret: &str) -> bool {
        self.pattern
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(secret))
    }

    /// What its secrets look like, as a regular expression; empty where the
    /// definition knows no shape.
    pub fn pattern(&self) -> &str {
        self.pattern.as_ref().map_or("", Regex::as_str)
    }

    /// The environment variables that usually hold it.
    pub fn environment(&self) -> &[KeyVariables] {
        &self.environment
    }

    /// A harmless request that the upstream answers with 2xx when it accepts
    /// the credential.
    pub fn check(&self) -> Option<&Check> {
        self.check.as_ref()
    }

    /// Whether an answer to the check that has a good status says that the
    /// credential is accepted.
    pub fn is_accepted(&self, body: &Bytes) -> bool {
        !says_failure(body, self.success.as_ref(), self.is_graphql)
    }
}

impl Service {
    /// Its name.
    pub fn name(&self) -> &ServiceName {
        &self.name
    }

    /// Its name for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where it is, unless the credential was added for another place. Where
    /// its params have a say in that, with stand-ins for them.
    pub fn base_url(&self) -> &BaseUrl {
        self.base.sample()
    }

    /// Where an OAuth client goes for tokens by the definition, wherever the
    /// service itself is; often nowhere.
    pub fn token_destination(&self) -> String {
        match &self.auth {
            AuthScheme::OAuth2(options) => options.token_url.host().to_string(),
            _ => String::new(),
        }
    }

    /// The base URL as the definition writes it.
    pub fn base_text(&self) -> &str {
        self.base.as_str()
    }

    /// The base URL that `request` goes to, which is made to fit it.
    ///
    /// # Errors
    /// Its params make no host.
    pub fn resolve(&self, request: &mut UpstreamRequest) -> Result<Cow<'_, BaseUrl>, NoHost> {
        self.base.resolve(request)
    }

    /// The hosts that its credentials are sealed to, unless they are added for
    /// another place; `*` stands for one label.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// All hosts that its credentials go to by the definition, token endpoints
    /// included, as the owner is shown them.
    pub fn destinations(&self) -> String {
        let mut names: Vec<&str> = self.hosts.iter().map(Host::as_str).collect();
        let token_host = self.auth.token_host();
        let more = token_host.iter().map(Host::as_str);
        names.extend(more.filter(|host| !self.hosts.iter().any(|known| known.as_str() == *host)));
        names.join(", ")
    }

    /// Where it wants the credential.
    pub fn auth(&self) -> &AuthScheme {
        &self.auth
    }

    /// What its credential looks like.
    pub fn credential(&self) -> &CredentialSpec {
        &self.credential
    }

    /// Its actions in the definition's order.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = &Action> {
        self.actions.iter()
    }

    /// The action of that name, compared without case.
    pub fn action(&self, name: &str) -> Option<&Action> {
        let at = self.by_name.get(&name.to_ascii_lowercase())?;
        self.actions.get(*at)
    }

    /// Reads and checks the definition `text`, which stands in the file
    /// `origin`; and the place of its name.
    ///
    /// # Errors
    /// [`DefinitionError`] with the first thing that is wrong.
    pub fn read(text: &str, origin: &Path) -> Result<(Self, Place), DefinitionError> {
        let source = Source::new(text, origin);
        let written = definition::parse(source)?;
        let name_at = source.place(Some(written.service.referenced));
        Ok((Self::define(written, source)?, name_at))
    }

    /// Reads a built-in definition, which is JSON: faster, and with errors that
    /// point at the file alone.
    ///
    /// # Errors
    /// [`DefinitionError`] with the first thing that is wrong.
    pub(super) fn read_builtin(json: &str, origin: &Path) -> Result<Self, DefinitionError> {
        let source = Source::new(json, origin);
        let written =
            serde_json::from_str(json).map_err(|error| source.error(None, error.to_string()))?;
        Self::define(written, source)
    }

    fn define(written: Definition, source: Source<'_>) -> Result<Self, DefinitionError> {
        let name = ServiceName::parse(&written.service.value)
            .map_err(|error| source.error(Some(written.service.referenced), error.to_string()))?;
        let carrier = written.auth.carrier();
        let mut headers = HeaderMap::new();
        for (name, value) in written.headers.iter() {
            let (name, value) = define_header(name, value, carrier, source)?;
            headers.insert(name, value);
        }
        let inherited = Inherited {
            service: &name,
            carrier,
            base: &written.base_url.value,
            params: &written.params,
            headers: &headers,
            timeout: written.timeout_s.map(|timeout| timeout.0),
            body: written.body,
            error: &written.error,
            success: written.success.as_ref(),
            pagination: written.pagination.as_ref(),
            idempotency: written.idempotency.as_ref(),
        };
        let actions_at = written.actions.referenced;
        let mut actions = Vec::new();
        let mut by_name = HashMap::new();
        for (action, written) in written.actions.value {
            let at = written.referenced;
            if policy_leaves_out(&action) {
                let problem =
                    format!("{action:?}: http.* are the actions that every service has by itself");
                return Err(source.error(Some(at), problem));
            }
            if by_name
                .insert(action.to_ascii_lowercase(), actions.len())
                .is_some()
            {
                let problem =
                    format!("the action {action:?} stands twice: names compare without case");
                return Err(source.error(Some(at), problem));
            }
            actions.push(Action::define(action, written, &inherited, source)?);
        }
        if actions.is_empty() {
            return Err(source.error(Some(actions_at), "a service needs at least one action"));
        }
        for action in raw::actions(&inherited) {
            by_name.insert(action.name().to_owned(), actions.len());
            actions.push(action);
        }
        Ok(Self {
            credential: CredentialSpec {
                is_graphql: written.body == BodyFormat::Graphql,
                success: written.success,
                ..define_credential(written.credential, &written.title, &headers, source)?
            },
            title: written.title,
            hosts: define_hosts(written.hosts, &written.base_url, source)?,
            base: written.base_url.value,
            auth: written.auth,
            actions,
            by_name,
            name,
        })
    }
}

/// Whether `*` in a policy leaves this action out.
fn policy_leaves_out(action: &str) -> bool {
    action.to_ascii_lowercase().starts_with("http.")
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({}, {} actions)", self.name, self.actions.len())
    }
}

fn define_hosts(
    written: Option<Spanned<Vec<String>>>,
    base: &Spanned<BaseTemplate>,
    source: Source<'_>,
) -> Result<Vec<Host>, DefinitionError> {
    let has_places = base.value.places().next().is_some();
    let Some(written) = written else {
        if has_places {
            let problem = "a base_url with places for params needs hosts: where its credentials may go, such as [ s3.*.example.com ]";
            return Err(source.error(Some(base.referenced), problem));
        }
        return Ok(vec![base.value.sample().host().clone()]);
    };
    let hosts: Option<Vec<Host>> = written
        .value
        .iter()
        .map(|text| Host::pattern(text))
        .collect();
    let hosts = hosts.filter(|hosts| base::covers(hosts, &base.value)).ok_or_else(|| {
        let problem = "hosts must be names in lowercase, with * for one label before the domain, and cover the base_url";
        source.error(Some(written.referenced), problem)
    })?;
    Ok(hosts)
}

fn define_credential(
    written: CredentialDefinition,
    title: &str,
    headers: &HeaderMap,
    source: Source<'_>,
) -> Result<CredentialSpec, DefinitionError> {
    let pattern = written.pattern.map(|pattern| {
        Regex::new(&pattern.value)
            .map_err(|error| source.error(Some(pattern.referenced), error.to_string()))
    });
    let check = written.check.map(|check| {
        let at = Some(check.path.referenced);
        let path =
            PathTemplate::parse(&check.path.value).map_err(|problem| source.error(at, problem))?;
        if path.params().next().is_some() {
            return Err(source.error(at, "the check's path can't have params"));
        }
        if !matches!(
            check.method,
            MethodWord::Get | MethodWord::Head | MethodWord::Post
        ) {
            let problem = "a check changes nothing: its method is GET or HEAD, or POST where the API asks for it";
            return Err(source.error(at, problem));
        }
        let mut headers = headers.clone();
        let (content_type, body) = match (check.form, check.graphql) {
            (Some(form), _) => (Some("application/x-www-form-urlencoded"), Some(form.into())),
            (None, Some(query)) => {
                let body = serde_json::json!({ "query": query }).to_string();
                (Some("application/json"), Some(body.into()))
            }
            (None, None) => (None, None),
        };
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let request = UpstreamRequest {
            method: check.method.method(),
            path_and_query: match path.query() {
                "" => path.render(|_| None),
                query => format!("{}?{query}", path.render(|_| None)),
            },
            headers,
            body,
            site: Site::default(),
        };
        let expires = check.expires.map(|name| {
            HeaderName::try_from(name.value.as_str()).map_err(|_| {
                source.error(
                    Some(name.referenced),
                    "expires must be the name of a header",
                )
            })
        });
        Ok(Check {
            expires: expires.transpose()?,
            request,
            base_url: check.base_url,
            auth: check.auth,
        })
    });
    let environment = match written.environment {
        Some(names) => names
            .value
            .iter()
            .map(|name| KeyVariables::parse(name))
            .collect::<Result<_, _>>()
            .map_err(|problem| source.error(Some(names.referenced), problem))?,
        None => Vec::new(),
    };
    Ok(CredentialSpec {
        environment,
        prompt: written
            .prompt
            .unwrap_or_else(|| format!("{title} credential")),
        pattern: pattern.transpose()?,
        check: check.transpose()?,
        success: None,
        is_graphql: false,
    })
}
