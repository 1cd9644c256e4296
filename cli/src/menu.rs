//! Questions with arrow keys and masked input, for `axis setup`. Each waits
//! beside the caller, so that a signal ends the command and not only a line.
//! What is asked about goes through [`printable`] here.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use inquire::ui::RenderConfig;
use inquire::{Confirm, InquireError, MultiSelect, Password, PasswordDisplayMode, Select};
use secrecy::SecretString;
use tokio::task::spawn_blocking;

use crate::failure::{Exit, Failure};
use crate::output::printable;
use crate::system::{self, Modes};

/// The terminal as it was before the first question.
static BEFORE: OnceLock<Modes> = OnceLock::new();

/// Whether a menu was drawn, which hides the cursor and more.
static IS_DRAWN: AtomicBool = AtomicBool::new(false);

/// Whether something is being typed without echo.
static IS_HIDDEN: AtomicBool = AtomicBool::new(false);

/// Ends bracketed paste and another screen, shows the cursor.
const PLAIN_SCREEN: &[u8] = b"\x1b[?2004l\x1b[?25h";

/// Another screen, which leaves nothing behind when it is left.
const OTHER_SCREEN: &[u8] = b"\x1b[?1049h\x1b[H\x1b[2J";
const USUAL_SCREEN: &[u8] = b"\x1b[?1049l";

/// Most lines of a list that are shown at a time.
const PAGE: usize = 12;

/// One of the answers of a question.
#[derive(Clone, Debug)]
pub struct Choice<T> {
    /// What it stands for.
    pub value: T,
    /// Its line.
    text: String,
}

impl<T> Choice<T> {
    /// `text` may hold names from files.
    pub fn new(value: T, text: &str) -> Self {
        Self {
            value,
            text: printable(text).into_owned(),
        }
    }
}

impl<T> fmt::Display for Choice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a person can be asked: both what is typed and what is shown are a
/// terminal that can move its cursor.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && !is_dumb()
}

/// Whether the terminal only takes lines.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Keeps the terminal's modes, the first time.
fn keep_modes() {
    if BEFORE.get().is_none()
        && let Some(modes) = Modes::now()
    {
        BEFORE.get_or_init(|| modes);
    }
}

/// Something is going to be typed without echo: keeps the terminal as it is, for
/// [`restore_terminal`].
pub fn begin_hidden() {
    keep_modes();
    IS_HIDDEN.store(true, Ordering::SeqCst);
}

/// It was answered, and whoever asked has put the terminal back.
pub fn end_hidden() {
    IS_HIDDEN.store(false, Ordering::SeqCst);
}

/// Puts the terminal back as it was before the first question: one that a signal
/// broke off can't do that itself.
pub fn restore_terminal() {
    let Some(before) = BEFORE.get() else { return };
    let (is_drawn, is_hidden) = (
        IS_DRAWN.load(Ordering::SeqCst),
        IS_HIDDEN.load(Ordering::SeqCst),
    );
    // else it is as it was, and may be another program's by now
    if is_drawn || is_hidden {
        before.restore();
    }
    if is_drawn {
        let _ = io::stderr().write_all(PLAIN_SCREEN);
    }
    if is_hidden {
        before.end_line();
    }
}

/// One of several answers; none where Esc passes the question over. What is typed
/// isn't shown: it may be a password that its owner thinks is asked for.
pub async fn select<T: Send + 'static>(
    question: &str,
    help: &str,
    choices: Vec<Choice<T>>,
) -> Result<Option<T>, Failure> {
    one_of(question, help, choices, false).await
}

/// Like [`select`], of so many that what is typed finds one.
pub async fn find<T: Send + 'static>(
    question: &str,
    help: &str,
    choices: Vec<Choice<T>>,
) -> Result<Option<T>, Failure> {
    one_of(question, help, choices, true).await
}

async fn one_of<T: Send + 'static>(
    question: &str,
    help: &str,
    choices: Vec<Choice<T>>,
    filters: bool,
) -> Result<Option<T>, Failure> {
    let (question, help) = (question.to_owned(), help.to_owned());
    asked(move || {
        let menu = Select::new(&question, choices)
            .with_help_message(&help)
            .with_page_size(page());
        let menu = if filters {
            menu
        } else {
            menu.without_filtering()
        };
        menu.prompt().map(|choice| choice.value)
    })
    .await
}

/// Any number of answers, `chosen` of them from the start; none where Esc passes
/// the question over.
pub async fn select_many<T: Send + 'static>(
    question: &str,
    choices: Vec<Choice<T>>,
    chosen: Vec<usize>,
) -> Result<Option<Vec<T>>, Failure> {
    let question = question.to_owned();
    asked(move || {
        let is_short = choices.len() <= PAGE;
        let menu = MultiSelect::new(&question, choices)
            .with_help_message("Space chooses, Enter goes on, Esc passes it over")
            .with_default(&chosen)
            .with_page_size(page());
        let menu = if is_short {
            menu.without_filtering()
        } else {
            menu
        };
        menu.prompt()
            .map(|choices| choices.into_iter().map(|choice| choice.value).collect())
    })
    .await
}

/// Yes or no; `default` is what Enter says, and Esc says no.
pub async fn confirm(question: &str, help: &str, default: bool) -> Result<bool, Failure> {
    let (question, help) = (question.to_owned(), help.to_owned());
    let answer = asked(move || {
        let confirm = Confirm::new(&question).with_default(default);
        match help.as_str() {
            "" => confirm.prompt(),
            help => confirm.with_help_message(help).prompt(),
        }
    })
    .await?;
    Ok(answer.unwrap_or(false))
}

/// A secret, a star for each character; none where Esc passes the question over.
pub async fn masked(question: &str, help: &str) -> Result<Option<SecretString>, Failure> {
    let (question, help) = (question.to_owned(), help.to_owned());
    asked(move || {
        let password = Password::new(&question)
            .with_display_mode(PasswordDisplayMode::Masked)
            .without_confirmation();
        let typed = match help.as_str() {
            "" => password.prompt(),
            help => password.with_help_message(help).prompt(),
        };
        typed.map(SecretString::from)
    })
    .await
}

/// Shows `lines` on a screen of their own, which leaves nothing behind, until
/// the question is answered with yes.
pub async fn on_another_screen(lines: &str, question: &str) -> Result<(), Failure> {
    struct Other;
    impl Drop for Other {
        fn drop(&mut self) {
            // what can't be written was not shown either
            let _ = io::stderr().write_all(USUAL_SCREEN);
        }
    }
    let failed = |error: io::Error| Failure::new(Exit::Failed, format!("can't show it: {error}"));
    let mut screen = io::stderr();
    screen.write_all(OTHER_SCREEN).map_err(failed)?;
    let _other = Other;
    screen.write_all(lines.as_bytes()).map_err(failed)?;
    while !confirm(question, "It isn't shown again", false).await? {}
    Ok(())
}

/// As many lines as fit under the question.
fn page() -> usize {
    let rows = system::rows().unwrap_or(24);
    usize::from(rows).saturating_sub(6).clamp(3, PAGE)
}

async fn asked<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, InquireError> + Send + 'static,
) -> Result<Option<T>, Failure> {
    keep_modes();
    IS_DRAWN.store(true, Ordering::SeqCst);
    let answered = spawn_blocking(move || {
        // an empty NO_COLOR counts as none, as everywhere in Axis
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        inquire::set_global_render_config(if no_colour {
            RenderConfig::empty()
        } else {
            RenderConfig::default_colored()
        });
        question()
    });
    match answered.await {
        Ok(Ok(answer)) => Ok(Some(answer)),
        Ok(Err(InquireError::OperationCanceled)) => Ok(None),
        Ok(Err(InquireError::OperationInterrupted)) => Err(Failure::cancelled()),
        Ok(Err(error)) => Err(Failure::new(
            Exit::Failed,
            format!("the terminal can't be asked: {error}"),
        )),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            format!("the question broke off: {error}"),
        )),
    }
}
