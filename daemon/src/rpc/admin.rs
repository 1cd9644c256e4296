//! admin.sock: what the owner may ask.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axis_proto::v1;
use axis_proto::v1::admin_server::Admin;
use futures_util::{Stream, StreamExt};
use secrecy::SecretString;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::peer::Caller;
use super::{approvals, credentials, identities, keychain, logs, policy, seal, services, status};
use crate::audit::Peer;
use crate::owner::sealing::SealingError;
use crate::owner::{Owner, OwnerError, Unlock};
use crate::sources::SourceError;

/// The service on admin.sock.
pub struct AdminRpc {
    owner: Arc<Owner>,
    stopping: CancellationToken,
}

impl AdminRpc {
    /// Following of logs ends with `stopping`.
    pub fn new(owner: Arc<Owner>, stopping: CancellationToken) -> Self {
        Self { owner, stopping }
    }
}

/// How long a vault that is about to open is waited for before its state is told.
const OPENING: Duration = Duration::from_secs(3);

/// A stream of answers.
pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Admin for AdminRpc {
    type LogsStream = Answers<v1::LogsResponse>;
    type WatchApprovalsStream = Answers<v1::WatchApprovalsResponse>;

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        self.owner.broker.opening.settled(OPENING).await;
        Ok(Response::new(status::of(&self.owner)))
    }

    async fn init(
        &self,
        request: Request<v1::InitRequest>,
    ) -> Result<Response<v1::InitResponse>, Status> {
        let by = peer(&request)?;
        let password = SecretString::from(request.into_inner().master_password);
        let generation = self.owner.init(password, &by).await?;
        Ok(Response::new(v1::InitResponse { generation }))
    }

    async fn unlock(
        &self,
        request: Request<v1::UnlockRequest>,
    ) -> Result<Response<v1::UnlockResponse>, Status> {
        let by = peer(&request)?;
        let request = request.into_inner();
        let unlock = Unlock {
            password: SecretString::from(request.master_password),
            accept_older: request.accept_older,
            only_if_never_locked: request.only_if_never_locked,
        };
        let credentials = self.owner.unlock(unlock, Some(&by)).await?;
        Ok(Response::new(v1::UnlockResponse {
            credentials: u32::try_from(credentials).unwrap_or(u32::MAX),
        }))
    }

    async fn verify_password(
        &self,
        request: Request<v1::VerifyPasswordRequest>,
    ) -> Result<Response<v1::VerifyPasswordResponse>, Status> {
        let by = peer(&request)?;
        let password = SecretString::from(request.into_inner().master_password);
        self.owner.verify_password(password, &by).await?;
        Ok(Response::new(v1::VerifyPasswordResponse {}))
    }

    async fn lock(
        &self,
        request: Request<v1::LockRequest>,
    ) -> Result<Response<v1::LockResponse>, Status> {
        Ok(Response::new(v1::LockResponse {
            was_unlocked: self.owner.lock(&peer(&request)?),
        }))
    }

    async fn add_credential(
        &self,
        request: Request<v1::AddCredentialRequest>,
    ) -> Result<Response<v1::AddCredentialResponse>, Status> {
        let by = peer(&request)?;
        let added = credentials::add(&self.owner, request.into_inner(), &by).await?;
        Ok(Response::new(added))
    }

    async fn list_credentials(
        &self,
        _: Request<v1::ListCredentialsRequest>,
    ) -> Result<Response<v1::ListCredentialsResponse>, Status> {
        Ok(Response::new(status::credentials(&self.owner)))
    }

    async fn revoke_credential(
        &self,
        request: Request<v1::RevokeCredentialRequest>,
    ) -> Result<Response<v1::RevokeCredentialResponse>, Status> {
        let by = peer(&request)?;
        let revoked = credentials::revoke(&self.owner, request.into_inner(), &by).await?;
        Ok(Response::new(revoked))
    }

    async fn logs(
        &self,
        request: Request<v1::LogsRequest>,
    ) -> Result<Response<Self::LogsStream>, Status> {
        logs::lines(&self.owner, request.into_inner(), &self.stopping).await
    }

    async fn logs_head(
        &self,
        _: Request<v1::LogsHeadRequest>,
    ) -> Result<Response<v1::LogsHeadResponse>, Status> {
        logs::head(&self.owner).await.map(Response::new)
    }

    async fn logs_stats(
        &self,
        request: Request<v1::LogsStatsRequest>,
    ) -> Result<Response<v1::LogsStatsResponse>, Status> {
        logs::stats(&self.owner, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn verify_logs(
        &self,
        request: Request<v1::VerifyLogsRequest>,
    ) -> Result<Response<v1::VerifyLogsResponse>, Status> {
        logs::verify(&self.owner, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn doctor(
        &self,
        request: Request<v1::DoctorRequest>,
    ) -> Result<Response<v1::DoctorResponse>, Status> {
        let by = peer(&request)?;
        let online = request.into_inner().online;
        let report = status::doctor(&self.owner, online, &by).await;
        Ok(Response::new(report))
    }

    async fn list_services(
        &self,
        _: Request<v1::ListServicesRequest>,
    ) -> Result<Response<v1::ListServicesResponse>, Status> {
        Ok(Response::new(services::list(&self.owner)))
    }

    async fn show_service(
        &self,
        request: Request<v1::ShowServiceRequest>,
    ) -> Result<Response<v1::ShowServiceResponse>, Status> {
        let name = request.into_inner().service;
        services::show(&self.owner, &name).map(Response::new)
    }

    async fn validate_service(
        &self,
        request: Request<v1::ValidateServiceRequest>,
    ) -> Result<Response<v1::ValidateServiceResponse>, Status> {
        let (owner, request) = (self.owner.clone(), request.into_inner());
        // reading a definition of a megabyte takes a while
        tokio::task::spawn_blocking(move || services::validate(&owner, &request))
            .await
            .map(Response::new)
            .map_err(|_| OwnerError::Crashed.into())
    }

    async fn show_policy(
        &self,
        _: Request<v1::ShowPolicyRequest>,
    ) -> Result<Response<v1::ShowPolicyResponse>, Status> {
        Ok(Response::new(policy::show(&self.owner)))
    }

    async fn check_policy(
        &self,
        request: Request<v1::CheckPolicyRequest>,
    ) -> Result<Response<v1::CheckPolicyResponse>, Status> {
        let (owner, request) = (self.owner.clone(), request.into_inner());
        // reading ten thousand rules takes a while
        tokio::task::spawn_blocking(move || policy::check(&owner, request))
            .await
            .map_err(|_| Status::from(OwnerError::Crashed))?
            .map(Response::new)
    }

    async fn explain_policy(
        &self,
        request: Request<v1::ExplainPolicyRequest>,
    ) -> Result<Response<v1::ExplainPolicyResponse>, Status> {
        let (owner, request) = (self.owner.clone(), request.into_inner());
        tokio::task::spawn_blocking(move || policy::explain(&owner, &request))
            .await
            .map_err(|_| Status::from(OwnerError::Crashed))?
            .map(Response::new)
    }

    async fn watch_approvals(
        &self,
        _: Request<v1::WatchApprovalsRequest>,
    ) -> Result<Response<Self::WatchApprovalsStream>, Status> {
        let broker = self.owner.broker.clone();
        let changes = WatchStream::new(broker.approvals.changes());
        let answers = changes.map(move |_| Ok(approvals::now(&broker)));
        let until = self.stopping.clone().cancelled_owned();
        Ok(Response::new(Box::pin(answers.take_until(until))))
    }

    async fn approve(
        &self,
        request: Request<v1::ApproveRequest>,
    ) -> Result<Response<v1::ApproveResponse>, Status> {
        let by = peer(&request)?;
        let approved = approvals::approve(&self.owner, request.into_inner(), &by).await?;
        Ok(Response::new(approved))
    }

    async fn reject(
        &self,
        request: Request<v1::RejectRequest>,
    ) -> Result<Response<v1::RejectResponse>, Status> {
        let by = peer(&request)?;
        let rejected = approvals::reject(&self.owner, &request.into_inner(), &by)?;
        Ok(Response::new(rejected))
    }

    async fn show_seal(
        &self,
        request: Request<v1::ShowSealRequest>,
    ) -> Result<Response<v1::ShowSealResponse>, Status> {
        let shown = self
            .owner
            .show_seal(request.into_inner().policy_text)
            .await?;
        Ok(Response::new(seal::shown(shown)))
    }

    async fn seal_policy(
        &self,
        request: Request<v1::SealPolicyRequest>,
    ) -> Result<Response<v1::SealPolicyResponse>, Status> {
        let by = peer(&request)?;
        let request = request.into_inner();
        let password = SecretString::from(request.master_password);
        let what = seal::what(request.what)?;
        let sealed = self.owner.seal(password, what, &by).await?;
        Ok(Response::new(v1::SealPolicyResponse {
            digest: sealed.digest,
            rules: u32::try_from(sealed.rules).unwrap_or(u32::MAX),
            files: u32::try_from(sealed.files).unwrap_or(u32::MAX),
        }))
    }

    async fn unseal_policy(
        &self,
        request: Request<v1::UnsealPolicyRequest>,
    ) -> Result<Response<v1::UnsealPolicyResponse>, Status> {
        let by = peer(&request)?;
        let password = SecretString::from(request.into_inner().master_password);
        let was_sealed = self.owner.unseal(password, &by).await?;
        Ok(Response::new(v1::UnsealPolicyResponse { was_sealed }))
    }

    async fn add_identity(
        &self,
        request: Request<v1::AddIdentityRequest>,
    ) -> Result<Response<v1::AddIdentityResponse>, Status> {
        let by = peer(&request)?;
        let request = request.into_inner();
        let password = SecretString::from(request.master_password);
        let identity = identities::identity(&request.identity)?;
        let served = self
            .owner
            .add_identity(password, identity, request.uid, &by)
            .await?;
        Ok(Response::new(v1::AddIdentityResponse {
            socket: Some(identities::own_socket(served)),
        }))
    }

    async fn list_identities(
        &self,
        _: Request<v1::ListIdentitiesRequest>,
    ) -> Result<Response<v1::ListIdentitiesResponse>, Status> {
        Ok(Response::new(identities::list(&self.owner)))
    }

    async fn remove_identity(
        &self,
        request: Request<v1::RemoveIdentityRequest>,
    ) -> Result<Response<v1::RemoveIdentityResponse>, Status> {
        let by = peer(&request)?;
        let request = request.into_inner();
        let password = SecretString::from(request.master_password);
        let identity = identities::identity(&request.identity)?;
        let left = self.owner.remove_identity(password, identity, &by).await?;
        Ok(Response::new(v1::RemoveIdentityResponse {
            left: left.unwrap_or_default(),
        }))
    }

    async fn stop(
        &self,
        request: Request<v1::StopRequest>,
    ) -> Result<Response<v1::StopResponse>, Status> {
        self.owner.stop(&peer(&request)?);
        Ok(Response::new(v1::StopResponse {
            pid: std::process::id(),
        }))
    }

    async fn set_keychain(
        &self,
        request: Request<v1::SetKeychainRequest>,
    ) -> Result<Response<v1::SetKeychainResponse>, Status> {
        let by = peer(&request)?;
        let password = SecretString::from(request.into_inner().master_password);
        self.owner.set_keychain(password, &by).await?;
        Ok(Response::new(v1::SetKeychainResponse {
            account: self.owner.keychain.account().to_owned(),
        }))
    }

    async fn delete_keychain(
        &self,
        request: Request<v1::DeleteKeychainRequest>,
    ) -> Result<Response<v1::DeleteKeychainResponse>, Status> {
        let was_stored = self.owner.delete_keychain(&peer(&request)?).await?;
        Ok(Response::new(v1::DeleteKeychainResponse { was_stored }))
    }

    async fn keychain_status(
        &self,
        _: Request<v1::KeychainStatusRequest>,
    ) -> Result<Response<v1::KeychainStatusResponse>, Status> {
        Ok(Response::new(keychain::status(&self.owner).await))
    }

    async fn rotate_password(
        &self,
        request: Request<v1::RotatePasswordRequest>,
    ) -> Result<Response<v1::RotatePasswordResponse>, Status> {
        let by = peer(&request)?;
        let rotated = credentials::rotate(&self.owner, request.into_inner(), &by).await?;
        Ok(Response::new(rotated))
    }

    async fn resolve_source(
        &self,
        request: Request<v1::ResolveSourceRequest>,
    ) -> Result<Response<v1::ResolveSourceResponse>, Status> {
        let resolved = credentials::resolve_source(&self.owner, request.into_inner());
        Ok(Response::new(resolved.await?))
    }

    async fn mint_dashboard_token(
        &self,
        request: Request<v1::MintDashboardTokenRequest>,
    ) -> Result<Response<v1::MintDashboardTokenResponse>, Status> {
        let (token, until) = self.owner.mint_dashboard_token(&peer(&request)?)?;
        Ok(Response::new(v1::MintDashboardTokenResponse {
            token,
            expires_at: format!("{until:.0}"),
        }))
    }

    async fn check_dashboard_token(
        &self,
        request: Request<v1::CheckDashboardTokenRequest>,
    ) -> Result<Response<v1::CheckDashboardTokenResponse>, Status> {
        let valid = self.owner.is_dashboard_token(&request.get_ref().token);
        Ok(Response::new(v1::CheckDashboardTokenResponse { valid }))
    }

    async fn undo_credential(
        &self,
        request: Request<v1::UndoCredentialRequest>,
    ) -> Result<Response<v1::UndoCredentialResponse>, Status> {
        let by = peer(&request)?;
        let undone = credentials::undo(&self.owner, request.into_inner(), &by).await?;
        Ok(Response::new(undone))
    }
}

fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    Caller::of(request).map(|caller| caller.peer)
}

impl From<OwnerError> for Status {
    fn from(error: OwnerError) -> Self {
        let code = match &error {
            OwnerError::Vault(vault) => status::code_of(vault),
            OwnerError::Identity(error) => identities::code_of(error),
            OwnerError::Keychain(error) => keychain::code_of(error),
            OwnerError::Source(SourceError::Busy(_) | SourceError::Unanswered { .. }) => {
                Code::DeadlineExceeded
            }
            OwnerError::NotWaiting(_) => Code::NotFound,
            OwnerError::UnknownService(_)
            | OwnerError::Secret { .. }
            | OwnerError::BaseUrl(_)
            | OwnerError::Unconfirmed { .. }
            | OwnerError::Source(_)
            | OwnerError::TtlTooLong { .. }
            | OwnerError::ApprovalCount { .. }
            | OwnerError::GrantTooLong { .. }
            | OwnerError::ReasonTooLong { .. } => Code::InvalidArgument,
            OwnerError::Sealing(error) => match error {
                SealingError::Changed => Code::Aborted,
                SealingError::NotSealed => Code::FailedPrecondition,
                SealingError::Broken { .. } | SealingError::Seal(_) => Code::InvalidArgument,
            },
            OwnerError::OtherHost { .. } | OwnerError::UnconfirmedCommand { .. } => Code::Aborted,
            OwnerError::SourceUnread(_) => Code::Unknown,
            OwnerError::LockedByOwner | OwnerError::LogUnreadable => Code::FailedPrecondition,
            OwnerError::Unrecordable(_) | OwnerError::Logs(_) | OwnerError::Stopping => {
                Code::Unavailable
            }
            OwnerError::Unread(_) => Code::DataLoss,
            OwnerError::LogBusy => Code::ResourceExhausted,
            OwnerError::Files(_) | OwnerError::Crashed => Code::Internal,
        };
        let hint = error.hint().unwrap_or_default();
        Status::with_details(code, error.to_string(), hint.as_bytes().to_vec().into())
    }
}
