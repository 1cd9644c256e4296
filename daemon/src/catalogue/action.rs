//! One thing a service can do: its params as agents see them, and the request
//! they make.

mod define;

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jsonschema::Validator;
use serde_json::Value;
use serde_yaml::Spanned;

pub(super) use self::define::{Parts, define_header};
use super::base::BaseTemplate;
use super::body::{BodyShape, member_key};
use super::cut;
use super::definition::{
    BodyFormat, Effect, ErrorShape, Idempotency, Pagination, ParamDefinition, SuccessShape,
};
use super::ordered::Ordered;
use super::param::{Param, Target};
use super::params::{MAX_PARAMS_BYTES, MAX_URL_BYTES, Params, ParamsError};
use super::path::PathTemplate;
use super::request::Draft;
use super::response::{ActionOutcome, Answer, ResponseReader};
use super::verdict::{self, MAX_PROBLEMS};
use crate::auth::Carrier;
use crate::names::{ServiceName, did_you_mean};
use crate::upstream::request::UpstreamRequest;

/// One action of one service.
pub struct Action {
    service: ServiceName,
    name: String,
    effect: Effect,
    timeout: Option<Duration>,
    method: Method,
    path: PathTemplate,
    params: Vec<Param>,
    passthrough: bool,
    body: BodyShape,
    /// Whether there is no body where no param writes one.
    body_is_optional: bool,
    /// Whether nothing else than one param makes the body.
    needs_whole_body: bool,
    /// Sent with each request unless a param sets the same one.
    headers: Box<[(HeaderName, HeaderValue)]>,
    idempotency: Option<HeaderName>,
    /// JSON, and kept as its text: a hundredth of all actions is ever called.
    schema: Box<str>,
    /// Compiled at the first call.
    validator: OnceLock<Result<Box<Validator>, String>>,
    /// JSON, like the schema.
    example: Box<str>,
    response: ResponseReader,
}

/// What a service's actions inherit from it.
pub(super) struct Inherited<'a> {
    pub(super) service: &'a ServiceName,
    pub(super) carrier: Carrier<'a>,
    pub(super) base: &'a BaseTemplate,
    pub(super) params: &'a Ordered<Spanned<ParamDefinition>>,
    pub(super) headers: &'a HeaderMap,
    pub(super) timeout: Option<Duration>,
    pub(super) body: BodyFormat,
    pub(super) error: &'a ErrorShape,
    pub(super) success: Option<&'a SuccessShape>,
    pub(super) pagination: Option<&'a Pagination>,
    pub(super) idempotency: Option<&'a Spanned<Idempotency>>,
}

impl Action {
    /// The name as the service's definition spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does to the world.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Its method and path, such as `GET /repos/{owner}/{repo}`.
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// How long a call may take, where the definition says so.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The params as one plain JSON Schema object, as JSON text.
    pub fn params_schema(&self) -> &str {
        &self.schema
    }

    /// Params that are valid, as JSON text.
    pub fn example(&self) -> &str {
        &self.example
    }

    /// The params that it has.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        self.params.iter().map(|param| param.name.as_str())
    }

    /// Whether params that it doesn't have go into the body as they are.
    pub fn takes_any_param(&self) -> bool {
        self.passthrough
    }

    /// The header in which the vendor looks for a repeated call; a call that
    /// sets it can be made again without being done twice.
    pub fn idempotency(&self) -> Option<&HeaderName> {
        self.idempotency.as_ref()
    }

    /// Whether [`Self::build`] may want to know the credential's account.
    pub fn wants_account(&self) -> bool {
        self.params.iter().any(|param| param.is_account)
    }

    /// Headers of the answer that [`Self::outcome`] looks at.
    pub fn answer_headers(&self) -> &[HeaderName] {
        self.response.headers()
    }

    /// Makes the request that `params` (a JSON object's text; nothing counts
    /// as `{}`) describe; `account` is what stands in for a param that the
    /// credential's account fills. Pure: nothing is sent, no credential is in it.
    ///
    /// # Errors
    /// [`ParamsError`], which names every wrong param at once.
    pub fn build(
        &self,
        params: &[u8],
        account: Option<&str>,
    ) -> Result<UpstreamRequest, ParamsError> {
        self.make(params, account, false)
    }

    /// The same for a request whose body comes in chunks behind it, as only
    /// that of an action can whose body is bytes.
    ///
    /// # Errors
    /// As for [`Self::build`].
    pub fn build_for_upload(
        &self,
        params: &[u8],
        account: Option<&str>,
    ) -> Result<UpstreamRequest, ParamsError> {
        self.make(params, account, true)
    }

    fn make(
        &self,
        params: &[u8],
        account: Option<&str>,
        upload: bool,
    ) -> Result<UpstreamRequest, ParamsError> {
        if params.len() > MAX_PARAMS_BYTES {
            return Err(ParamsError::TooLarge { size: params.len() });
        }
        let params = Params::parse(params).map_err(|problem| ParamsError::Unreadable {
            problem,
            usage: self.usage(),
        })?;
        let mut problems = self.schema_problems(&params);
        let mut unnamed = 0;
        let mut draft = Draft::default();
        for field in params.fields() {
            let name = field.name;
            let placed = if let Some(param) = self.param(name) {
                draft
                    .place(param, &self.body, &field)
                    .map_err(|problem| format!("{name:?} {problem}"))
            } else if self.passthrough && !self.is_wire_name(name) {
                draft
                    .body
                    .put(&self.body, name, &member_key(name), None, &field)
                    .map_err(|problem| format!("{:?} {problem}", cut(name)))
            } else if problems.len() < MAX_PROBLEMS {
                Err(self.unknown(name))
            } else {
                unnamed += 1;
                Ok(())
            };
            let room = problems.len() < 2 * MAX_PROBLEMS;
            problems.extend(placed.err().filter(|_| room));
        }
        problems.extend(self.fill_account(&mut draft, account).err());
        if upload {
            let problem = self.check_upload(&draft, &mut problems).err();
            problems.extend(problem);
        } else if self.needs_whole_body && !draft.body.has_whole() {
            problems.push(format!("{} is missing", self.body_params().join(" or ")));
        }
        if unnamed > 0 {
            problems.push(format!("{unnamed} more params are unknown"));
        }
        if !problems.is_empty() {
            return Err(ParamsError::Wrong {
                action: format!("{} {}", self.service, self.name),
                problems,
                usage: self.usage(),
            });
        }
        let mut request = self.finish(draft);
        let length = request.path_and_query.len();
        if length > MAX_URL_BYTES {
            return Err(ParamsError::TooLongForUrl { length });
        }
        if upload && let Some(content_type) = self.body.content_type() {
            request.headers.entry(CONTENT_TYPE).or_insert(content_type);
        }
        Ok(request)
    }

    /// Whether a file can be the body beside these params; none of them is
    /// missing for it then.
    fn check_upload(&self, draft: &Draft<'_>, problems: &mut Vec<String>) -> Result<(), String> {
        if !matches!(self.body, BodyShape::Bytes) {
            return Err(
                "its body is made of its params, so body_file can't be it; body_file is for actions whose body is a file's bytes"
                    .into(),
            );
        }
        let names = self.body_params();
        if draft.body.has_whole() {
            return Err(format!(
                "body_file is the body, so leave out {}",
                names.join(" and ")
            ));
        }
        problems.retain(|problem| {
            let missing = problem.strip_suffix(" is missing");
            missing.is_none_or(|name| !names.contains(&name.trim_matches('"')))
        });
        Ok(())
    }

    /// Whether an answer must be looked into to tell a good one from an error,
    /// so that it can't be handed on unread.
    pub fn judges_by_body(&self) -> bool {
        self.response.judges_by_body()
    }

    /// What the upstream's answer means. Of its headers `headers` gives those
    /// that [`Self::answer_headers`] names. All of it has been through the leak
    /// guard; what this makes of it (a decoded file) has not. The words of an error
    /// are cut and put into one line, so `look` gets them before that.
    pub fn outcome(
        &self,
        answer: &Answer<'_>,
        look: &mut dyn FnMut(&str) -> String,
    ) -> ActionOutcome {
        self.response.read(answer, look)
    }

    fn fill_account<'p>(
        &'p self,
        draft: &mut Draft<'p>,
        account: Option<&str>,
    ) -> Result<(), String> {
        for param in self.params.iter().filter(|param| param.is_account) {
            let name = param.name.as_str();
            if draft.segment(name).is_some() {
                continue;
            }
            match account {
                Some(account) => draft
                    .put_segment(name, account)
                    .map_err(|problem| format!("the credential's account {problem}"))?,
                None => {
                    return Err(format!(
                        "{name} is missing, and the credential names no account"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The params of which one is the body.
    fn body_params(&self) -> Vec<&str> {
        let whole = self
            .params
            .iter()
            .filter(|param| matches!(param.target, Target::Body { .. } | Target::Base64));
        whole.map(|param| param.name.as_str()).collect()
    }

    fn finish(&self, mut draft: Draft<'_>) -> UpstreamRequest {
        let draft_site = std::mem::take(&mut draft.site);
        let mut path_and_query = self.path.render(|name| draft.segment(name));
        for query in [self.path.query(), &draft.query] {
            if !query.is_empty() {
                let has_query = path_and_query.contains('?');
                path_and_query.push(if has_query { '&' } else { '?' });
                path_and_query.push_str(query);
            }
        }
        let mut headers: HeaderMap = self.headers.iter().cloned().collect();
        headers.extend(draft.headers);
        let has_none = self.body_is_optional && draft.body.is_untouched();
        let body = (!has_none).then(|| draft.body.finish(&self.body)).flatten();
        if body.as_ref().is_some_and(|body| !body.is_empty())
            && let Some(content_type) = self.body.content_type()
        {
            headers.entry(CONTENT_TYPE).or_insert(content_type);
        }
        UpstreamRequest {
            method: self.method.clone(),
            path_and_query,
            headers,
            body,
            site: draft_site,
        }
    }

    fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// Whether a declared param goes into the body under `name`; an undeclared
    /// one of that name would put it there twice.
    fn is_wire_name(&self, name: &str) -> bool {
        let mut in_body = self
            .params
            .iter()
            .filter(|param| matches!(param.target, Target::Body { .. }));
        in_body.any(|param| param.wire_name == name)
    }

    fn schema_problems(&self, params: &Params<'_>) -> Vec<String> {
        match self.validator.get_or_init(|| self.compile()) {
            Ok(validator) if validator.is_valid(params.object()) => Vec::new(),
            Ok(validator) => verdict::problems(validator, params.object()),
            Err(error) => vec![format!("the definition's own schema is wrong: {error}")],
        }
    }

    fn compile(&self) -> Result<Box<Validator>, String> {
        let schema: Value =
            serde_json::from_str(&self.schema).map_err(|error| error.to_string())?;
        let validator = Validator::new(&schema).map_err(|error| error.to_string())?;
        Ok(Box::new(validator))
    }

    /// What to send, in a few words.
    fn usage(&self) -> String {
        let optional = self.params.iter().filter(|param| !param.required);
        let names: Vec<_> = optional.map(|param| param.name.as_str()).collect();
        let more = match (names.as_slice(), self.passthrough) {
            ([], false) => String::new(),
            ([], true) => "; any other field goes into the body".into(),
            (names, false) => format!("; optional: {}", names.join(", ")),
            (names, true) => format!(
                "; optional: {} and any other field of the body",
                names.join(", ")
            ),
        };
        format!("Send for example {}{more}", self.example)
    }

    fn unknown(&self, name: &str) -> String {
        let shown = cut(name);
        if let Some(param) = self.params.iter().find(|param| param.wire_name == name) {
            return format!("{shown:?} is called {:?} here", param.name);
        }
        let names = || self.params.iter().map(|param| param.name.as_str());
        let advice = did_you_mean(&shown, names()).unwrap_or_else(|| {
            let known: Vec<_> = names().collect();
            match known.as_slice() {
                [] => "it takes no params".into(),
                known => format!("it takes {}", known.join(", ")),
            }
        });
        format!("there is no param {shown:?} ({advice})")
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({} {})", self.service, self.name)
    }
}

#[cfg(test)]
mod tests;
