//! What an agent may put into params so that a call leads elsewhere or says
//! something else, by what is tried, on every built-in action that has a place
//! for it. [`super::endpoint`] tries what nobody thought of.

mod body;
mod headers;
mod path;
mod site;
mod text;

use serde_json::{Map, Value};

use super::super::*;
use crate::catalogue::Service;
use crate::catalogue::param::{Param, Target};
use crate::catalogue::tests::catalogue;
use crate::upstream::request::BoundRequest;

/// What stands in for a param that the credential's account fills.
pub(super) const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

/// Every action of every built-in service.
pub(super) fn actions() -> impl Iterator<Item = (&'static Service, &'static Action)> {
    let services = catalogue().services();
    services.flat_map(|service| service.actions().map(move |action| (service, action)))
}

/// The request that `params` make, at the place that it would be sent to.
pub(super) fn sent(
    service: &Service,
    action: &Action,
    params: &str,
) -> Result<BoundRequest, ParamsError> {
    let mut request = action.build(params.as_bytes(), Some(ACCOUNT))?;
    let base = service.resolve(&mut request).unwrap().into_owned();
    Ok(BoundRequest::bind(request, &base, service.hosts()).unwrap())
}

/// Params that are valid.
pub(super) fn example(action: &Action) -> Value {
    serde_json::from_str(action.example()).unwrap()
}

/// The schemas of an action's params, by name.
fn schemas(action: &Action) -> Map<String, Value> {
    let mut schema: Value = serde_json::from_str(action.params_schema()).unwrap();
    serde_json::from_value(schema["properties"].take()).unwrap_or_default()
}

/// The action's example with `name` set to `value`.
fn with(action: &Action, name: &str, value: &Value) -> String {
    let mut params = example(action);
    params[name] = value.clone();
    params.to_string()
}

/// Every built-in action with each of its params that `wanted` picks.
fn params(
    wanted: fn(&Target) -> bool,
) -> impl Iterator<Item = (&'static Service, &'static Action, &'static Param)> {
    actions().flat_map(move |(service, action)| {
        let params = action.params.iter();
        params
            .filter(move |param| wanted(&param.target))
            .map(move |param| (service, action, param))
    })
}

/// Whether `params` are refused for `name`.
#[track_caller]
fn refused(service: &Service, action: &Action, name: &str, params: &str) {
    let Err(error) = sent(service, action, params) else {
        panic!("{action:?} takes {params}");
    };
    let quoted = format!("{name:?}");
    assert!(error.to_string().contains(&quoted), "{action:?}: {error}");
}
