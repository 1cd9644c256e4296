//! Step 2: keys that lie about in plaintext move into the vault, and one more is
//! typed.

mod import;

use axis_proto::v1::{
    AddCredentialRequest, AddCredentialResponse, ListCredentialsRequest, ListServicesRequest,
    RevokeCredentialRequest, Service, ShowServiceRequest, Verdict,
};
use secrecy::{ExposeSecret, SecretString};

use super::Setup;
use crate::client::{ask, within_time};
use crate::failure::{Exit, Failure};
use crate::menu::{self, Choice};
use crate::output::warn;
use crate::prompt;

/// What becomes of a key that its vendor refuses.
#[derive(Clone, Copy)]
enum Refused {
    Again,
    Keep,
    TakeOut,
}

/// A key on its way into the vault.
pub(super) struct Key<'a> {
    pub service: &'a str,
    pub label: &'a str,
    pub secret: &'a SecretString,
    pub base_url: &'a str,
    pub confirmed_host: &'a str,
    pub replace: bool,
}

impl Setup {
    /// Imports what is found, then stores what is named or asked for.
    pub(super) async fn keys(&mut self) -> Result<(), Failure> {
        let services = ask(self.daemon.admin.list_services(ListServicesRequest {}))
            .await?
            .services;
        if self.plan.imports {
            self.import(&services).await?;
        }
        if let Some(wanted) = self.plan.service.clone() {
            self.store_named(&wanted).await?;
        } else if self.plan.asks {
            self.offer_services(&services).await?;
        }
        let stored = self.stored().await?;
        if stored.is_empty() {
            self.note("There is no key yet.")?;
            self.advise("Store a key: axis add github".into());
            return Ok(());
        }
        self.done(&format!("In the vault: {}", stored.join(", ")))
    }

    /// The names of the credentials in the vault.
    pub(super) async fn stored(&mut self) -> Result<Vec<String>, Failure> {
        let request = ListCredentialsRequest {};
        let listed = ask(self.daemon.admin.list_credentials(request)).await?;
        let credentials = listed.credentials.into_iter();
        Ok(credentials.map(|credential| credential.name).collect())
    }

    /// The service of that name; of an unknown one the nearest are named.
    pub(super) async fn find_service(&mut self, wanted: &str) -> Result<Service, Failure> {
        let request = ShowServiceRequest {
            service: wanted.to_owned(),
        };
        match within_time(self.daemon.admin.show_service(request)).await? {
            Ok(shown) => Ok(shown.service.unwrap_or_default()),
            Err(status) => Err(Failure::new(Exit::Usage, status.message())),
        }
    }

    /// The key of the service that the command line names.
    async fn store_named(&mut self, wanted: &str) -> Result<(), Failure> {
        let service = &self.find_service(wanted).await?;
        if self.stored().await?.contains(&service.service) {
            return self.done(&format!(
                "There is a key of {} already; another takes its place with: axis add {} --replace",
                service.title, service.service
            ));
        }
        let base_url = self.plan.base_url.clone().unwrap_or_default();
        let Some(confirmed) = self.confirm_host(service, &base_url).await? else {
            return Ok(());
        };
        if !self.plan.from_stdin {
            if !self.plan.asks {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("there is no key of {} to store", service.title),
                )
                .fix("pipe it in and add --stdin"));
            }
            return self.ask_key(service, &base_url, &confirmed).await;
        }
        let secret = prompt::secret_from_stdin()?;
        let key = Key {
            service: &service.service,
            label: "",
            secret: &secret,
            base_url: &base_url,
            confirmed_host: &confirmed,
            replace: false,
        };
        let added = self.store(&key).await?;
        self.tell_stored(&added)
    }

    /// Asks which services' keys are to be stored, until there are enough.
    async fn offer_services(&mut self, services: &[Service]) -> Result<(), Failure> {
        loop {
            let stored = self.stored().await?;
            let open = services
                .iter()
                .filter(|service| !stored.contains(&service.service));
            let mut choices: Vec<Choice<Option<usize>>> = open
                .map(|service| {
                    let at = services.iter().position(|it| it.service == service.service);
                    Choice::new(at, &format!("{} ({})", service.title, service.service))
                })
                .collect();
            let question = if stored.is_empty() {
                choices.push(Choice::new(None, "none now"));
                "Which service's key do you want to store?"
            } else {
                choices.insert(0, Choice::new(None, "no, go on"));
                "One more key?"
            };
            let help = "Type to find one; Esc: none";
            let chosen = menu::find(question, help, choices).await?.flatten();
            let Some(service) = chosen.and_then(|at| services.get(at)) else {
                return Ok(());
            };
            if let Some(confirmed) = self.confirm_host(service, "").await? {
                self.ask_key(service, "", &confirmed).await?;
            }
        }
    }

    /// A service that isn't built in is only a file that says where its key
    /// goes: the owner sees that first. None where they say no.
    async fn confirm_host(
        &mut self,
        service: &Service,
        base_url: &str,
    ) -> Result<Option<String>, Failure> {
        let hosts = if base_url.is_empty() {
            &service.host
        } else {
            &service.token_host
        };
        if service.file.is_empty() || hosts.is_empty() {
            return Ok(Some(String::new()));
        }
        if !self.plan.asks {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "{} isn't built in, and its key would go to {hosts}",
                    service.service
                ),
            )
            .fix(format!(
                "axis add {} --yes, once you have looked at that",
                service.service
            )));
        }
        let question = format!("Its key will go to {hosts}. Is that right?");
        let help = format!("{} is defined in {}", service.service, service.file);
        let is_right = menu::confirm(
            &crate::output::printable(&question),
            &crate::output::printable(&help),
            false,
        )
        .await?;
        Ok(is_right.then(|| hosts.clone()))
    }

    /// Asks for a key and stores it; one that is refused may be typed again.
    async fn ask_key(
        &mut self,
        service: &Service,
        base_url: &str,
        confirmed: &str,
    ) -> Result<(), Failure> {
        let shown = ask(self.daemon.admin.show_service(ShowServiceRequest {
            service: service.service.clone(),
        }))
        .await?;
        let what = crate::output::printable(&shown.credential_prompt).into_owned();
        // a wrong password is told before anything secret is typed
        self.password().await?;
        let mut replace = false;
        loop {
            let question = format!("{what}:");
            let help = "Paste it; @FILE reads it from a file; Esc: not now";
            let Some(typed) = menu::masked(&question, help).await? else {
                return Ok(());
            };
            let secret = match prompt::typed_or_file(&typed) {
                Ok(secret) => secret,
                Err(failure) => {
                    warn(&failure.sentence().0);
                    continue;
                }
            };
            let key = Key {
                service: &service.service,
                label: "",
                secret: &secret,
                base_url,
                confirmed_host: confirmed,
                replace,
            };
            let added = self.store(&key).await?;
            self.tell_stored(&added)?;
            if added.verdict() != Verdict::Refused {
                return Ok(());
            }
            let choices = vec![
                Choice::new(Refused::Again, "type it again"),
                Choice::new(Refused::Keep, "keep it all the same"),
                Choice::new(Refused::TakeOut, "take it out again"),
            ];
            let help = "Esc: keep it";
            match menu::select("The vendor refuses this key:", help, choices).await? {
                Some(Refused::Again) => replace = true,
                Some(Refused::TakeOut) => return self.take_out(&service.service).await,
                Some(Refused::Keep) | None => return Ok(()),
            }
        }
    }

    async fn take_out(&mut self, service: &str) -> Result<(), Failure> {
        let password = self.password().await?;
        ask(self
            .daemon
            .admin
            .revoke_credential(RevokeCredentialRequest {
                master_password: password.expose_secret().to_owned(),
                service: service.to_owned(),
                label: String::new(),
            }))
        .await?;
        self.done(&format!("{service} has no key again."))
    }

    /// Seals one key into the vault.
    pub(super) async fn store(&mut self, key: &Key<'_>) -> Result<AddCredentialResponse, Failure> {
        let password = self.password().await?;
        ask(self.daemon.admin.add_credential(AddCredentialRequest {
            master_password: password.expose_secret().to_owned(),
            service: key.service.to_owned(),
            label: key.label.to_owned(),
            secret: key.secret.expose_secret().to_owned(),
            base_url: key.base_url.to_owned(),
            replace: key.replace,
            check: self.plan.checks,
            confirmed_host: key.confirmed_host.to_owned(),
            ..AddCredentialRequest::default()
        }))
        .await
    }

    pub(super) fn tell_stored(&self, added: &AddCredentialResponse) -> Result<(), Failure> {
        let name = &added.name;
        let hosts = added.hosts.join(", ");
        match &added.checked {
            Some(checked) => self.done(&format!("{name}: stored; {checked}"))?,
            None => self.done(&format!("{name}: stored; only ever sent to {hosts}"))?,
        }
        for warning in &added.warnings {
            warn(warning);
        }
        Ok(())
    }
}
