//! Step 4: the MCP hosts that start `axis mcp` for their agents.

use super::Setup;
use crate::failure::{Exit, Failure};
use crate::hosts::{self, Allowed, Entry, Environment, Host, HostsError};
use crate::menu::{self, Choice};
use crate::output::warn;

impl Setup {
    /// Puts Axis into the configuration of the hosts that are chosen.
    pub(super) async fn hosts(&mut self) -> Result<(), Failure> {
        let environment = Environment::of_process()?;
        let known = hosts::known()?;
        let chosen = if self.plan.hosts.is_empty() {
            let found: Vec<&'static Host> = known
                .iter()
                .filter(|host| host.found(&environment).is_some())
                .collect();
            self.choose(&environment, found).await?
        } else {
            self.named_hosts()?
        };
        let is_asked_for = self.plan.all_hosts || !self.plan.hosts.is_empty();
        for host in chosen {
            if let Err(error) = self.configure(&environment, host) {
                if is_asked_for {
                    self.fall_short(&format!("{} is not configured", host.title));
                }
                let (what, fix) = Failure::from(error).sentence();
                warn(&format!("{}: {what}", host.title));
                let fix = fix.unwrap_or_else(|| format!("axis hosts add {}", host.id));
                self.advise(format!("{} is not configured: {fix}", host.title));
            }
        }
        Ok(())
    }

    /// The hosts that the command line names.
    pub(super) fn named_hosts(&self) -> Result<Vec<&'static Host>, Failure> {
        let known = hosts::known()?;
        let find = |name: &String| {
            let found = known.iter().find(|host| host.id.eq_ignore_ascii_case(name));
            found.ok_or_else(|| {
                Failure::new(Exit::Usage, format!("there is no MCP host {name:?}"))
                    .fix("axis hosts list names them")
            })
        };
        self.plan.hosts.iter().map(find).collect()
    }

    async fn choose(
        &mut self,
        environment: &Environment,
        found: Vec<&'static Host>,
    ) -> Result<Vec<&'static Host>, Failure> {
        const LATER: &str = "Let an MCP host use Axis: axis hosts add NAME";
        if found.is_empty() {
            self.note("None of those that Axis knows was found here.")?;
            self.advise(LATER.into());
            return Ok(Vec::new());
        }
        if self.plan.all_hosts {
            return Ok(found);
        }
        if !self.plan.asks {
            self.note("None was named, so none is changed: --host NAME, or --all-hosts")?;
            self.advise(LATER.into());
            return Ok(Vec::new());
        }
        let choices: Vec<Choice<&'static Host>> = found
            .iter()
            .map(|host| {
                let file = host
                    .found(environment)
                    .map(|place| environment.shorten(&place.file))
                    .unwrap_or_default();
                Choice::new(*host, &format!("{} ({file})", host.title))
            })
            .collect();
        let all = (0..choices.len()).collect();
        let chosen = menu::select_many("Which may use Axis?", choices, all).await?;
        let chosen = chosen.unwrap_or_default();
        if chosen.is_empty() {
            self.advise(LATER.into());
        }
        Ok(chosen)
    }

    fn configure(
        &mut self,
        environment: &Environment,
        host: &'static Host,
    ) -> Result<(), HostsError> {
        let place = host.place(environment, &hosts::Scope::User)?;
        let entry = Entry::of_this_program(&self.plan.identity, environment)?;
        let doubt = hosts::doubt(&entry.program);
        let edit = hosts::plan(host, &place, entry, Allowed::default())?;
        let file = environment.shorten(edit.file());
        if !edit.is_change() {
            let _ = self.done(&format!("{} uses Axis already: {file}", host.title));
            return Ok(());
        }
        let applied = edit.apply()?;
        let _ = self.done(&format!("{}: written into {file}", host.title));
        if let Some(backup) = applied.backup {
            let _ = self.note(&format!(
                "  as it was before: {}",
                environment.shorten(&backup)
            ));
        }
        if let Some(doubt) = doubt {
            warn(&format!(
                "{} will start this very program, but {doubt}",
                host.title
            ));
        }
        self.advise(format!("{}: {}", host.title, host.after));
        Ok(())
    }
}
