//! `axis policy seal`: what stands in the files counts only once its owner has
//! sealed it.

use axis_proto::v1::seal_policy_request::What;
use axis_proto::v1::{SealPolicyRequest, ShowSealRequest, ShowSealResponse};
use clap::Args;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::difference::{self, Most};
use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable};
use crate::prompt;

/// Seal the policy, your service files and daemon.yaml as they stand
///
/// An agent that runs as your user can edit these files. Once they are sealed,
/// in the vault and with the master password, they only propose: a change
/// counts when it is sealed, too, and until then what was sealed stays in
/// force, also across a restart. What a change would allow or deny is shown
/// before the password is asked for; read it, and enter the password only if
/// the change is yours.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis policy seal\n  axis policy seal --dry-run --all")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as many options are given or not"
)]
pub struct Seal {
    /// Show what would be sealed, or how it differs from what is, and no more
    #[arg(long)]
    dry_run: bool,
    /// Show every line of a long difference
    #[arg(long)]
    all: bool,
    /// Say yes to certificates of your own that aren't sealed yet
    #[arg(long)]
    yes: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

impl Seal {
    /// Shows it and seals it; the master password is the confirmation.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let shown = ask(daemon.admin.show_seal(ShowSealRequest::default())).await?;
        if self.dry_run && self.json {
            output.json(&document(&shown, None))?;
            return Ok(verdict(&shown));
        }
        if !self.json {
            show(output, self.most(), &shown)?;
        }
        if shown.withheld {
            return Err(Failure::new(
                Exit::Unavailable,
                "the vault is locked, so what is sealed can't be told",
            )
            .fix("axis unlock"));
        }
        if let Some(broken) = shown.differences.iter().find(|file| file.error.is_some()) {
            if self.dry_run {
                return Ok(Exit::Failed);
            }
            return Err(Failure::new(
                Exit::Failed,
                format!(
                    "nothing was sealed, since {} can't be as it stands",
                    broken.name
                ),
            )
            .because(broken.error.clone().unwrap_or_default()));
        }
        if self.dry_run {
            return Ok(Exit::Done);
        }
        if shown.sealed && shown.differences.is_empty() && shown.fault.is_none() {
            if self.json {
                output.json(&document(&shown, Some(false)))?;
            }
            return Ok(Exit::Done);
        }
        if shown.new_certificates && !self.yes {
            let question = "Let upstreams be believed by these certificates of your own? Whoever holds the key of one can read every call and key";
            let without_terminal = "look at ca_file with axis policy seal --dry-run, and add --yes if those certificates are yours";
            if !prompt::confirms(question, without_terminal).await? {
                return Err(Failure::new(
                    Exit::Failed,
                    "the certificates were not confirmed; nothing was sealed",
                )
                .fix("take upstream.ca_file out of daemon.yaml"));
            }
        }
        let password = prompt::master_password().await?;
        let request = SealPolicyRequest {
            master_password: password.expose_secret().to_owned(),
            what: Some(What::Digest(shown.digest.clone())),
        };
        drop(password);
        let sealed = daemon
            .confide(async move |mut admin| admin.seal_policy(request).await)
            .await??;
        if self.json {
            output.json(&document(&shown, Some(true)))?;
            return Ok(Exit::Done);
        }
        output.line(output.paint(
            Tone::Good,
            &format!("Sealed: files: {}, rules: {}", sealed.files, sealed.rules),
        ))?;
        output.line(
            "From now on a change counts only after another `axis policy seal`; `axis policy unseal` ends that.",
        )?;
        Ok(Exit::Done)
    }
}

impl Seal {
    fn most(&self) -> Most {
        if self.all { Most::ALL } else { Most::USUAL }
    }
}

fn verdict(shown: &ShowSealResponse) -> Exit {
    if shown.differences.iter().any(|file| file.error.is_some()) {
        Exit::Failed
    } else {
        Exit::Done
    }
}

fn show(output: Output, most: Most, shown: &ShowSealResponse) -> Result<(), Failure> {
    if let Some(fault) = &shown.fault {
        let fault = printable(fault);
        output.line(output.paint(
            Tone::Bad,
            &format!("What is sealed is not in force, so no call goes out: {fault}"),
        ))?;
    }
    if shown.withheld {
        return Ok(());
    }
    if !shown.sealed {
        output.line("Nothing is sealed yet. This would be:")?;
        for file in &shown.files {
            let name = printable(&file.name);
            match file.name.as_str() {
                "policy.yaml" => output.line(format_args!(
                    "  {name}: rules: {} (axis policy show prints it)",
                    shown.rules
                ))?,
                _ => output.line(format_args!("  {name}: {} bytes", file.bytes))?,
            }
        }
    } else if shown.differences.is_empty() {
        return output.line(output.paint(
            Tone::Good,
            "The files are what is sealed: there is nothing to do.",
        ));
    } else {
        output
            .line("These differ from what is sealed, which stays in force until you seal them:")?;
    }
    if !shown.sealed && shown.differences.iter().any(|file| file.error.is_none()) {
        output.line("Beside the policy that would seal, and with it put or keep in force:")?;
    }
    for file in &shown.differences {
        difference::show_file(output, "", most, file)?;
    }
    difference::show_meaning(output, most, &shown.meaning.clone().unwrap_or_default())
}

fn document(shown: &ShowSealResponse, sealed_now: Option<bool>) -> Value {
    let meaning = shown.meaning.clone().unwrap_or_default();
    json!({
        "sealed": shown.sealed || sealed_now == Some(true),
        "sealed_now": sealed_now.unwrap_or_default(),
        "withheld": shown.withheld,
        "fault": shown.fault,
        "digest": shown.digest,
        "new_certificates": shown.new_certificates,
        "rules": shown.rules,
        "files": shown.files.iter().map(|file| json!({
            "name": file.name,
            "bytes": file.bytes,
        })).collect::<Vec<_>>(),
        "differences": shown.differences.iter().map(difference::document).collect::<Vec<_>>(),
        "would_allow": meaning.more,
        "would_deny": meaning.less,
        "would_change": meaning.other,
        "counts": {
            "would_allow": meaning.more_count,
            "would_deny": meaning.less_count,
            "would_change": meaning.other_count,
        },
    })
}
