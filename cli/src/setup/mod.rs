//! From nothing to a first safe call, one step after the other. Each step does
//! one thing whole before the next one asks, so that a setup that is broken off
//! leaves nothing half done, and one that runs again finds what is there.

mod access;
mod call;
mod hosts;
mod keys;
mod password;
mod seal;
mod vault;

use std::path::PathBuf;

use secrecy::SecretString;

use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::menu;
use crate::output::{Output, Tone, printable};

/// How many steps there are.
const STEPS: usize = 6;

/// What was asked for on the command line.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Plan {
    /// Whether a person answers; else what isn't said has its default.
    pub asks: bool,
    /// The name that agents act under.
    pub identity: String,
    /// The service whose key is to be stored.
    pub service: Option<String>,
    /// Whether that key comes on stdin.
    pub from_stdin: bool,
    /// Where that key may go, if not to the service's own host.
    pub base_url: Option<String>,
    /// Files that hold keys in plaintext.
    pub env_files: Vec<PathBuf>,
    /// Whether keys in plaintext are looked for.
    pub imports: bool,
    /// MCP hosts to configure.
    pub hosts: Vec<String>,
    /// Whether all that are found are configured.
    pub all_hosts: bool,
    /// Whether the master password is made up.
    pub generates_password: bool,
    /// Whether vendors are asked if they accept a key.
    pub checks: bool,
    /// What needs no asking any more.
    pub answers: Answers,
}

/// Answers to questions that are not asked then.
pub struct Answers {
    /// What agents may do.
    pub access: Option<Access>,
    /// Whether the keychain keeps the master password.
    pub keychain: Option<bool>,
    /// Whether the policy is sealed.
    pub seal: Option<bool>,
    /// Whether the lines of imported keys are deleted.
    pub delete_env_lines: Option<bool>,
}

/// What agents may do with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// What changes nothing.
    Read,
    /// What changes or adds something, too; nothing that deletes.
    Write,
    /// The same, once the owner has approved each write.
    Ask,
    /// No more than now.
    Nothing,
}

/// A setup on its way.
struct Setup {
    plan: Plan,
    output: Output,
    daemon: Daemon,
    /// Once it was entered and is known to be right.
    password: Option<SecretString>,
    /// What is left to the owner, for the end.
    advice: Vec<String>,
    /// What the command line asked for and could not be done.
    unmet: Vec<String>,
    step: usize,
}

/// Goes through all steps.
///
/// # Errors
/// The owner broke it off, or a step can't be done; what was done before stays.
pub async fn run(plan: Plan) -> Result<Exit, Failure> {
    if plan.asks && !menu::is_possible() {
        let why = if menu::is_dumb() {
            "the terminal can't move its cursor (TERM is dumb), which the questions need"
        } else {
            "there is no terminal to ask on"
        };
        return Err(
            Failure::new(Exit::Usage, why).fix(
                "axis setup --yes takes the defaults and asks nothing; axis setup --help names what can be said",
            ),
        );
    }
    let output = Output::stdout();
    if plan.asks {
        output.line(output.paint(Tone::Strong, "Axis setup"))?;
        output.line(
            "Each step is done as soon as it is answered. Esc passes a question over, Ctrl-C ends\n\
             the setup; run it again, and it goes on.",
        )?;
    }
    let (daemon, status) = Daemon::reach(None).await?;
    let mut setup = Setup {
        plan,
        output,
        daemon,
        password: None,
        advice: Vec::new(),
        unmet: Vec::new(),
        step: 0,
    };
    setup.check_plan().await?;
    let ended = setup.all(status).await;
    if let (Err(failure), true) = (&ended, setup.step > 0) {
        setup.tell_where_it_ended(failure);
    }
    ended
}

impl Setup {
    /// What can't be right on the command line is told before anything is done.
    async fn check_plan(&mut self) -> Result<(), Failure> {
        self.named_hosts()?;
        for file in &self.plan.env_files {
            if !file.exists() {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("there is no {}", file.display()),
                ));
            }
        }
        if let Some(service) = self.plan.service.clone() {
            self.find_service(&service).await?;
        }
        Ok(())
    }

    async fn all(&mut self, status: axis_proto::v1::StatusResponse) -> Result<Exit, Failure> {
        self.begin("Vault")?;
        self.vault(status).await?;
        self.keychain().await?;
        self.begin("Keys")?;
        self.keys().await?;
        self.begin("What agents may do")?;
        self.access().await?;
        self.begin("MCP hosts")?;
        self.hosts().await?;
        self.begin("Seal")?;
        self.seal().await?;
        self.begin("A first call")?;
        self.first_call().await?;
        self.finish()
    }

    fn begin(&mut self, title: &str) -> Result<(), Failure> {
        self.step += 1;
        let title = format!("{}/{STEPS} {title}", self.step);
        self.output.line("")?;
        self.output.line(self.output.paint(Tone::Strong, &title))
    }

    fn done(&self, text: &str) -> Result<(), Failure> {
        let mark = self.output.paint(Tone::Good, "✓");
        self.output
            .line(format_args!("  {mark} {}", printable(text)))
    }

    fn note(&self, text: &str) -> Result<(), Failure> {
        self.output.line(format_args!("  {}", printable(text)))
    }

    /// Something that the owner should see to, now and at the end.
    fn advise(&mut self, text: String) {
        if !self.advice.contains(&text) {
            self.advice.push(text);
        }
    }

    fn tell_where_it_ended(&self, failure: &Failure) {
        if matches!(failure, Failure::ReaderGone) {
            return;
        }
        let next = if self.plan.asks {
            "go on with: axis setup"
        } else {
            "run the same command again to go on"
        };
        crate::output::tell(format_args!(
            "\nThe setup ended in step {} of {STEPS}. What was done before stays; {next}",
            self.step
        ));
    }

    /// Something that was asked for on the command line could not be done.
    fn fall_short(&mut self, what: &str) {
        self.unmet.push(what.to_owned());
    }

    fn finish(&self) -> Result<Exit, Failure> {
        let output = self.output;
        output.line("")?;
        if self.unmet.is_empty() {
            output.line(output.paint(Tone::Good, "Axis is set up."))?;
        } else {
            let unmet = self.unmet.join(", ");
            let but = format!("Axis is set up, but not as asked: {}", printable(&unmet));
            output.line(output.paint(Tone::Bad, &but))?;
        }
        for advice in &self.advice {
            let mut lines = advice.lines();
            output.line(format_args!(
                "  • {}",
                printable(lines.next().unwrap_or(""))
            ))?;
            for line in lines {
                output.line(format_args!("    {}", printable(line)))?;
            }
        }
        output.line("")?;
        for (command, what) in [
            ("axis dashboard", "what agents do, and what waits for you"),
            ("axis logs --tail", "the record of it, as it grows"),
            ("axis allow SERVICE ACTION", "let them do more"),
            ("axis doctor", "what is the matter, and what mends it"),
        ] {
            output.line(format_args!("  {command:<27}{what}"))?;
        }
        Ok(if self.unmet.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        })
    }
}
