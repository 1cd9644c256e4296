//! The names that axisd knows, for whoever types the beginning of one.

use std::env;
use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::time::Duration;

use axis_proto::v1::{
    ListCredentialsRequest, ListIdentitiesRequest, ListServicesRequest, Service, ShowServiceRequest,
};
use clap::{ArgMatches, CommandFactory};
use clap_complete::CompletionCandidate;
use serde_json::Value;

use crate::Cli;
use crate::client::Daemon;

/// How long a Tab may take, in all that is asked of axisd.
const PATIENCE: Duration = Duration::from_millis(150);

/// Names of services.
pub fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    let services = known_services().unwrap_or_default();
    let named = services.iter().map(|service| {
        CompletionCandidate::new(&service.service).help(Some(service.title.clone().into()))
    });
    begun(current, named.collect())
}

/// Names of the actions of the service that is typed already.
pub fn actions(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(service) = typed("service") else {
        return Vec::new();
    };
    let services = known_services().unwrap_or_default();
    let mut services = services.iter();
    let found = services.find(|it| it.service.eq_ignore_ascii_case(&service));
    let actions = found.map(|it| it.actions.as_slice()).unwrap_or_default();
    let named = actions.iter().map(|action| {
        CompletionCandidate::new(&action.action).help(Some(action.effect.clone().into()))
    });
    begun(current, named.collect())
}

/// Names of the params of the action that is typed already, each with its `=`.
pub fn params(current: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(service), Some(action)) = (typed("service"), typed("action")) else {
        return Vec::new();
    };
    let request = ShowServiceRequest { service };
    let shown = asked(async |mut daemon| {
        let shown = daemon.admin.show_service(request).await.ok()?;
        shown.into_inner().service
    });
    let actions = shown.map(|service| service.actions).unwrap_or_default();
    let mut actions = actions.iter();
    let found = actions.find(|it| it.action.eq_ignore_ascii_case(&action));
    let schema = found.and_then(|it| serde_json::from_slice::<Value>(&it.params_schema).ok());
    let properties = schema.as_ref().and_then(|it| it["properties"].as_object());
    let named = properties
        .into_iter()
        .flatten()
        .map(|(name, _)| CompletionCandidate::new(format!("{name}=")));
    begun(current, named.collect())
}

/// Names of identities.
pub fn identities(current: &OsStr) -> Vec<CompletionCandidate> {
    let listed = asked(async |mut daemon| {
        let listed = daemon.admin.list_identities(ListIdentitiesRequest {}).await;
        Some(listed.ok()?.into_inner().identities)
    });
    let named = listed.unwrap_or_default();
    beginning_with(current, named.iter().map(|it| it.identity.as_str()))
}

/// Labels of the credentials of the service that is typed already.
pub fn labels(current: &OsStr) -> Vec<CompletionCandidate> {
    let service = typed("service");
    let listed = asked(async |mut daemon| {
        let listed = daemon
            .admin
            .list_credentials(ListCredentialsRequest {})
            .await;
        Some(listed.ok()?.into_inner().credentials)
    });
    let credentials = listed.unwrap_or_default();
    let labels = credentials.iter().filter(|credential| {
        let is_its = |service: &String| service.eq_ignore_ascii_case(&credential.service);
        !credential.label.is_empty() && service.as_ref().is_none_or(is_its)
    });
    beginning_with(current, labels.map(|it| it.label.as_str()))
}

/// Those of `names` that begin so.
pub fn beginning_with<'n>(
    current: &OsStr,
    names: impl IntoIterator<Item = &'n str>,
) -> Vec<CompletionCandidate> {
    let candidates = names.into_iter().map(CompletionCandidate::new);
    begun(current, candidates.collect())
}

fn begun(current: &OsStr, candidates: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str().map(str::to_lowercase) else {
        return Vec::new();
    };
    let begins = |candidate: &CompletionCandidate| {
        let name = candidate.get_value().to_string_lossy();
        // whatever a file of somebody's defines, no shell gets more than a word
        name.chars().all(|c| c.is_ascii_graphic()) && name.to_lowercase().starts_with(&current)
    };
    candidates.into_iter().filter(begins).collect()
}

/// What stands before the word that is being typed.
fn typed(argument: &str) -> Option<String> {
    let words: Vec<OsString> = env::args_os().skip(2).collect();
    let mut words = words.as_slice();
    // without the word itself: it is half a word, and behind it may stand more
    let at = env::var("_CLAP_COMPLETE_INDEX").ok();
    let at = at.and_then(|at| at.parse().ok());
    words = words.get(..at.unwrap_or(words.len().saturating_sub(1)))?;
    let command = Cli::command().ignore_errors(true);
    let matches = command.try_get_matches_from(words).ok()?;
    value(&matches, argument)
}

fn value(matches: &ArgMatches, argument: &str) -> Option<String> {
    if let Some((_, inner)) = matches.subcommand() {
        return value(inner, argument);
    }
    matches
        .try_get_one::<String>(argument)
        .ok()
        .flatten()
        .cloned()
}

fn known_services() -> Option<Vec<Service>> {
    asked(async |mut daemon| {
        let listed = daemon.admin.list_services(ListServicesRequest {}).await;
        Some(listed.ok()?.into_inner().services)
    })
}

/// What the running axisd answers; nothing where none runs, or not in time.
fn asked<T, F: Future<Output = Option<T>>>(question: impl FnOnce(Daemon) -> F) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let answer = runtime.block_on(async {
        let answer = async {
            let (daemon, _) = Daemon::running().await.ok()??;
            question(daemon).await
        };
        tokio::time::timeout(PATIENCE, answer).await.ok()?
    });
    runtime.shutdown_background();
    answer
}
