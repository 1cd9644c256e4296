//! `axis dashboard`: the owner's pages in a browser.

use std::env;
use std::io::{self, ErrorKind, IsTerminal};

use axis_proto::v1::MintDashboardTokenRequest;
use clap::Args;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::client::{Daemon, ask};
use crate::dashboard::{self, App};
use crate::failure::{Exit, Failure};
use crate::output::{Output, tell};
use crate::prompt;

/// The port where nothing else is said.
const PORT: u16 = 3847;

/// Show what your agents do, and answer them, in your browser
///
/// Serves on 127.0.0.1 until Ctrl-C, and prints a link that signs one browser in,
/// once. Approving takes the master password each time; it isn't kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis dashboard\n  \
    axis dashboard --port 4000 --no-open\n  \
    axis dashboard --token")]
pub struct Dashboard {
    /// Where on 127.0.0.1 it listens
    #[arg(long, value_name = "PORT", default_value_t = PORT)]
    port: u16,
    /// Print the link and open no browser
    #[arg(long)]
    no_open: bool,
    /// Print a token with which /api/* of a running dashboard can be read, good
    /// for 24 hours or until axisd ends, and end
    #[arg(long, conflicts_with_all = ["port", "no_open"])]
    token: bool,
}

impl Dashboard {
    /// Serves until it is ended.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        if self.token {
            let minted = ask(daemon
                .admin
                .mint_dashboard_token(MintDashboardTokenRequest {}));
            output.line(minted.await?.token)?;
            return Ok(Exit::Done);
        }
        let listener = match dashboard::open(self.port).await {
            Ok(listener) => listener,
            Err(error) => return Err(self.unopened(&error)),
        };
        let address = listener
            .local_addr()
            .map_err(|error| self.unopened(&error))?;
        let app = App::new(address.port())?;
        let link = || -> Result<String, Failure> {
            let code = app.sessions().new_link()?;
            Ok(format!(
                "http://127.0.0.1:{}/login?code={code}",
                address.port()
            ))
        };
        let first = link()?;
        output.line(&first)?;
        tell("The link signs one browser in, once. Ctrl-C ends the dashboard.");
        if self.no_open || !has_desktop() {
            if env::var_os("SSH_CONNECTION").is_some() {
                let port = address.port();
                tell(format_args!(
                    "From another machine: ssh -L {port}:127.0.0.1:{port} and this host's name"
                ));
            }
        } else if let Err(error) = open_browser(&first) {
            tell(format_args!("No browser could be opened: {error}"));
        }
        let serving = dashboard::serve(listener, app.clone());
        if !io::stdin().is_terminal() {
            match serving.await {}
        }
        tell("Enter gives a new link.");
        tokio::pin!(serving);
        let mut keys = BufReader::new(tokio::io::stdin()).lines();
        loop {
            tokio::select! {
                never = &mut serving => match never {},
                pressed = keys.next_line() => match pressed {
                    Ok(Some(_)) => output.line(link()?)?,
                    Ok(None) | Err(_) => match serving.await {},
                },
            }
        }
    }

    fn unopened(&self, error: &io::Error) -> Failure {
        let port = self.port;
        let failure = Failure::new(
            Exit::Failed,
            format!("the dashboard can't listen on 127.0.0.1:{port}: {error}"),
        );
        let other = if port < u16::MAX { port + 1 } else { PORT };
        match error.kind() {
            ErrorKind::AddrInUse => failure
                .because(
                    "another program listens there; if that is a dashboard of yours, \
                     press Enter in its terminal for a new link",
                )
                .because(format!("who it is says: {}", who_listens(port)))
                .fix(format!("axis dashboard --port {other}")),
            ErrorKind::PermissionDenied => failure
                .because("ports below 1024 are the system's")
                .fix("axis dashboard"),
            _ => failure,
        }
    }
}

/// The command that tells who listens on a port.
fn who_listens(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!("ss -ltnp 'sport = :{port}'")
    } else if cfg!(windows) {
        format!("netstat -ano -p tcp | findstr :{port}")
    } else {
        format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
    }
}

/// Whether a browser that is opened here is one that the owner sees.
fn has_desktop() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_here = io::stdout().is_terminal() && !is_set("SSH_CONNECTION");
    is_here
        && (cfg!(any(target_os = "macos", windows))
            || is_set("DISPLAY")
            || is_set("WAYLAND_DISPLAY"))
}

/// Opens the owner's browser, which gets no secret of this process with it.
fn open_browser(link: &str) -> io::Result<()> {
    let mut last = None;
    for mut command in open::commands(link) {
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("AXIS_") {
                command.env_remove(name);
            }
        }
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        match command.spawn() {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("this system has no way to open one")))
}
