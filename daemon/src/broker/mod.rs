//! The one path of a call: from an agent's request to its outcome. The only
//! place where the rooms meet.

mod answer;
mod asking;
mod custody;
mod deciding;
mod listing;
pub mod opening;
pub mod outcome;
mod past;
mod refusal;
pub mod request;
mod standing;
mod stored;
mod strings;
#[cfg(test)]
mod tests;
mod underway;
mod warnings;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use axis_proto::socket::IdentityDirs;
use http::{HeaderValue, StatusCode};
use tokio::sync::watch;

pub use self::asking::Answered;
use self::asking::{Ask, Held, Pass};
use self::custody::Custody;
pub use self::listing::{Asker, Described, ListedAction, Listing};
use self::opening::Opening;
use self::outcome::{End, Failure, Outcome, Success};
use self::refusal::Refusal;
use self::request::ActionRequest;
use self::standing::Standing;
pub use self::standing::{Sealed, SealedPolicy, SealedText, upstream_settings};
pub use self::stored::{NotStored, USES_DAYS, Uses};
use self::underway::{InFlight, Underway};
use crate::approvals::{ApprovalId, Approvals, Notifier};
use crate::audit::{self, Audit, CallRecord, ConnectionId, Started};
use crate::auth::{self, Authorised, Authoriser};
use crate::catalogue::{Action, Catalogue, Effect, Service};
use crate::clock::Clock;
use crate::config::{Config, UpstreamConfig};
use crate::paths::Paths;
use crate::policy::{Limits, PolicyStore, Reservation};
use crate::selection::Selector;
use crate::services::ServiceStore;
use crate::sources::Sources;
use crate::upstream::request::BoundRequest;
use crate::upstream::{Errand, Plan, Streams, Upstream};
use crate::vault::{Credential, Vault};

/// From how many bytes on an answer takes long enough to read that other calls
/// shouldn't wait for it.
const LARGE_BODY: usize = 256 * 1024;

/// How long a call waits for a vault that is about to open, its key's
/// derivation included.
const OPENING: Duration = Duration::from_secs(4);

/// What a call passes through, in the order in which it does.
pub struct Broker {
    /// All known services and actions.
    pub services: Arc<ServiceStore>,
    /// Who may do what.
    pub policy: Arc<PolicyStore>,
    /// How often.
    pub limits: Limits,
    /// With whose word, where a rule asks for it.
    pub approvals: Approvals,
    notifier: Notifier,
    /// With which credential.
    pub vault: Arc<Vault>,
    /// Read from where, if it isn't in the vault.
    pub sources: Arc<Sources>,
    /// Used when.
    pub uses: Uses,
    /// Put into the request how.
    pub authoriser: Authoriser,
    /// On record.
    pub audit: Audit,
    /// To whom.
    pub upstream: Upstream,
    /// What of it.
    pub selector: Selector,
    /// When.
    pub clock: Arc<dyn Clock>,
    /// By which settings.
    pub settings: ArcSwap<Config>,
    /// By which of the vault's texts policy, services and settings are those
    /// that they are.
    seal: RwLock<SealedText>,
    /// Where identities have their own sockets.
    sockets: IdentityDirs,
    /// Whether the vault is about to open by itself.
    pub opening: Opening,
    /// How far back the limits know the calls made before this start; no call
    /// goes out before they do.
    remembered: Mutex<Option<Duration>>,
    ready: AtomicBool,
    changes: watch::Sender<u64>,
    in_flight: AtomicU64,
}

/// Why a call isn't ready to go out.
enum Stop {
    /// It ends here.
    Refused(Refusal),
    /// Someone has to be asked first.
    Ask(Box<Ask>),
}

impl<E: Into<Refusal>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// A call that everything was said yes to, ready to go out.
struct Admitted<'a> {
    service: &'a Service,
    action: &'a Action,
    timeout: Option<Duration>,
    credential: Arc<Credential>,
    request: BoundRequest,
    slot: Reservation,
    record: Started,
}

impl Broker {
    /// Opens all that calls pass through. Nothing of it fails for the state
    /// that the files are in: that is said when it is asked for.
    ///
    /// # Errors
    /// A built-in definition or the HTTP client is broken.
    pub fn build(config: &Config, paths: &Paths, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let vault = Arc::new(Vault::open(paths.keystore.clone(), clock.clone()));
        let mut audit = standing::audit_settings(config);
        // what may be deleted can be sealed, too, so nothing is before the unlock
        audit.rotation.keep = u64::MAX;
        let audit = Audit::open(paths.audit.clone(), clock.clone(), audit);
        let mut settings = config.clone();
        if standing::is_sealed_shut(&vault) {
            // the file only proposes, and the unlock tells the way
            settings.upstream = UpstreamConfig::default();
        }
        // whoever can edit the file could read all calls by its certificates:
        // they count once the owner has sealed them
        let upstream = Upstream::new(&upstream_settings(&settings, None))?;
        let services = ServiceStore::load(paths.services.clone(), Catalogue::builtin()?);
        let keeper = Custody::new(vault.clone(), audit.clone(), services.clone());
        Ok(Self {
            services,
            policy: PolicyStore::load(paths.policy.clone()),
            limits: Limits::new(),
            approvals: Approvals::new(clock.clone(), config.approval_timeout.into()),
            notifier: Notifier::default(),
            vault,
            sources: Arc::new(Sources::new(clock.clone())),
            uses: Uses::default(),
            audit,
            authoriser: Authoriser::new(upstream.clone(), clock.clone(), Arc::new(keeper)),
            upstream,
            selector: Selector::default(),
            clock,
            settings: ArcSwap::from_pointee(settings),
            seal: RwLock::new(None),
            sockets: paths.sockets.identities(),
            opening: Opening::new(),
            remembered: Mutex::new(None),
            ready: AtomicBool::new(false),
            changes: watch::channel(0).0,
            in_flight: AtomicU64::new(0),
        })
    }

    /// Takes one request from an agent to its outcome. Whatever the end, it is
    /// on record before this returns; dropped, the call is cancelled, and that
    /// is on record.
    pub async fn execute(&self, request: ActionRequest, streams: Streams) -> Outcome {
        let _counted = InFlight::count(&self.in_flight);
        self.opening.settled(OPENING).await;
        let began = self.clock.monotonic();
        let mut pass = None;
        let end = loop {
            let standing = self.standing();
            let admitted = self.admit(&request, streams.plan(), &standing, pass.take());
            match admitted.await {
                Ok(admitted) => {
                    let effect = admitted.action.effect();
                    break match self.send(admitted, streams, began).await {
                        // the call has succeeded and is on record as such, whatever comes of this
                        End::Success(success) => self.choose(&request, effect, success).await,
                        end => end,
                    };
                }
                Err(Stop::Refused(refusal)) => break self.refused(refusal, &request),
                // what was approved is looked at anew: things may have changed
                Err(Stop::Ask(ask)) => {
                    match self.approval(*ask, &request, streams.parts.as_ref()).await {
                        Ok(given) => pass = Some(given),
                        Err(refusal) => break self.refused(refusal, &request),
                    }
                }
            }
        };
        Outcome {
            request_id: request.id,
            end,
        }
    }

    fn refused(&self, refusal: Refusal, request: &ActionRequest) -> End {
        refusal.record(&self.audit, request);
        refusal.into_end()
    }

    /// Everything that is decided before the upstream sees a byte. What a rule
    /// asks about goes on with the `pass` that was given for it.
    async fn admit<'c>(
        &self,
        request: &ActionRequest,
        plan: Plan,
        standing: &'c Standing,
        pass: Option<Pass>,
    ) -> Result<Admitted<'c>, Stop> {
        let identity = request.check()?;
        if self.is_withheld() {
            return Err(refusal::withheld(&self.vault).into());
        }
        let (service, action) = standing
            .catalogue
            .resolve(&request.service, &request.action)?;
        let allowed = self.decide(request, &identity, service, action, standing)?;
        let label = allowed.credential.as_ref();
        let account = if action.wants_account() {
            let credential = self.credential(service, label, standing).await?;
            auth::account(service.auth(), credential.secret().expose()).map(str::to_owned)
        } else {
            None
        };
        if plan.upload.is_some() && allowed.ask.is_some() {
            return Err(refusal::not_to_be_shown(service, action).into());
        }
        if plan.save && action.judges_by_body() {
            return Err(refusal::not_to_be_saved(service, action).into());
        }
        let params = asking::params(request, &allowed);
        let mut call = if plan.upload.is_some() {
            action.build_for_upload(&params, account.as_deref())?
        } else {
            action.build(&params, account.as_deref())?
        };
        let stated = allowed.ask.map(|_| call.headers.clone());
        if let Some(header) = action.idempotency() {
            let id = HeaderValue::try_from(request.id.to_string());
            call.headers.extend(id.ok().map(|id| (header.clone(), id)));
        }
        if let Some(expression) = &request.select {
            self.selector.check(expression).await?;
        }
        let credential = self.credential(service, label, standing).await?;
        let base_url = match credential.base_url() {
            Some(own) => Cow::Borrowed(own),
            None => service.resolve(&mut call)?,
        };
        let bound =
            BoundRequest::bind(call, &base_url, credential.hosts())?.with_upload(plan.upload);
        let question = stated.zip(allowed.ask).map(|(headers, approver)| {
            let subject = asking::Subject {
                approver,
                request,
                identity: &identity,
                service,
                action,
                credential: credential.name(),
            };
            subject.question(&params, &bound, &headers)
        });
        let now = self.clock.monotonic();
        let (held, approval) = asking::pass(pass, question.as_ref(), &allowed)?;
        let mut slot = if let Some(slot) = held {
            slot
        } else {
            let (service, action) = (service.name(), action.name());
            self.limits
                .reserve(&allowed, &identity, service, action, now)?
        };
        if let (Some(question), Some(approver), None) = (question, allowed.ask, &approval) {
            return Err(Stop::Ask(Box::new(Ask {
                question,
                approver,
                held: Held { allowed, slot },
            })));
        }
        let id = request.id.to_string();
        let named = label.map(|_| credential.name().to_string());
        let record = self.audit.started(&CallRecord {
            credential: named.as_deref(),
            approval: approval.as_ref().map(ApprovalId::as_str),
            ..refusal::call_record(request, &id)
        })?;
        self.used(credential.name());
        self.audit.synced(&record).await?;
        slot.started(now);
        Ok(Admitted {
            action,
            service,
            timeout: action.timeout(),
            credential,
            request: bound,
            slot,
            record,
        })
    }

    /// The call itself. From here on it is on record as started, so it also
    /// gets its end on record: dropping this future cancels the call.
    async fn send(&self, admitted: Admitted<'_>, streams: Streams, began: Duration) -> End {
        let Admitted {
            service,
            action,
            timeout,
            credential,
            request,
            slot,
            record,
        } = admitted;
        let underway = Underway::new(self, record, began);
        let base_url = credential.base_url().unwrap_or(service.base_url());
        let authorised = self
            .authoriser
            .authorise(service.auth(), base_url, &credential, request)
            .await;
        let Authorised {
            request,
            guard,
            token,
            others,
        } = match authorised {
            Ok(authorised) => authorised,
            Err(error) => {
                let failure = Failure::from(error);
                underway.ended(audit::End {
                    error: Some(failure.code.as_str()),
                    ..audit::End::default()
                });
                return End::Failed(failure);
            }
        };
        let errand = Errand {
            keep: action.answer_headers(),
            timeout,
            repeatable: action.effect() == Effect::Read || action.idempotency().is_some(),
        };
        let answer = if streams.is_plain() {
            self.upstream.send(request, &guard, &errand).await
        } else {
            self.upstream
                .transfer(request, &guard, &errand, streams)
                .await
        };
        let late = self.authoriser.come_since(&credential, &others);
        let (answer, guard) = if late.is_empty() {
            (answer, guard)
        } else {
            let guard = Arc::new(guard.beside(&late));
            (answer.map(|it| it.guarded_again(&guard)), guard)
        };
        if let Ok(answer) = &answer
            && answer.status == StatusCode::UNAUTHORIZED
        {
            match token {
                Some(token) => token.rejected(),
                None => self.rejected(&credential),
            }
        }
        let mut end = audit::End::default();
        let outcome = if answer.as_ref().is_ok_and(|it| it.body.len() > LARGE_BODY) {
            // other calls go on meanwhile on another thread
            tokio::task::block_in_place(|| answer::read(action, &guard, answer, &mut end))
        } else {
            answer::read(action, &guard, answer, &mut end)
        };
        end.error = outcome.as_ref().err().map(|failure| failure.code.as_str());
        let now = underway.ended(end);
        match outcome {
            Ok(success) => {
                slot.commit(now);
                End::Success(success)
            }
            Err(failure) => End::Failed(failure),
        }
    }

    /// What of the result the agent wants.
    async fn choose(&self, request: &ActionRequest, effect: Effect, whole: Success) -> End {
        let Some(expression) = &request.select else {
            return End::Success(answer::hinted(whole));
        };
        match self.selector.apply(expression, &whole.result).await {
            Ok(result) => End::Success(Success { result, ..whole }),
            Err(error) if effect == Effect::Read => End::Failed(error.into()),
            // a call that changed something is not to be made again for this
            Err(error) => End::Success(Success {
                hint: Some(format!(
                    "{error}. The call itself was done, so this is the whole result"
                )),
                ..whole
            }),
        }
    }

    /// Told that what [`Broker::list`] answers may have changed.
    pub fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Hears of each change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Calls that have not ended yet.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Told that a connection has ended.
    pub fn connection_closed(&self, connection: ConnectionId) {
        self.audit.connection_closed(connection);
    }
}
