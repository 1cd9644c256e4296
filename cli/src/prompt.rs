//! How the owner's secrets come in: typed without echo, on stdin, or (the
//! master password) in `AXIS_MASTER_PASSWORD`. Never as an argument.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal, Read, Write};

use axis_proto::given;
use axis_proto::system;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};
use crate::menu;
use crate::output::warn;
use crate::system::Terminal;

/// The variable that stands for the prompt in scripts.
const PASSWORD_VARIABLE: &str = "AXIS_MASTER_PASSWORD";

/// The variable that stands for the prompt for another vault's password.
const IMPORT_VARIABLE: &str = "AXIS_IMPORT_PASSWORD";
/// The variable that stands for the prompt for the password after it.
const NEW_PASSWORD_VARIABLE: &str = "AXIS_NEW_MASTER_PASSWORD";

/// The shortest master password, in characters.
const MIN_PASSWORD_CHARS: usize = 8;

/// The largest secret that is read, in bytes.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The longest answer to a question, in bytes.
const MAX_ANSWER_BYTES: u64 = 4096;

/// How often a new password may be typed wrong.
const ATTEMPTS: usize = 3;

/// zxcvbn's score, 0 to 4, from which a password is not warned of.
const STRONG_SCORE: u8 = 3;

/// The master password from the environment, where it is set.
pub fn password_from_environment() -> Result<Option<SecretString>, Failure> {
    password_in(PASSWORD_VARIABLE)
}

fn password_in(variable: &str) -> Result<Option<SecretString>, Failure> {
    let Some(bytes) = given::password(variable) else {
        return Ok(None);
    };
    let Ok(password) = std::str::from_utf8(&bytes).map(SecretString::from) else {
        return Err(Failure::new(
            Exit::Usage,
            format!("{variable} is not UTF-8 text"),
        ));
    };
    if password.expose_secret().starts_with("${") {
        return Err(Failure::new(
            Exit::Usage,
            format!("{variable} holds a variable that was not expanded"),
        )
        .because("Whoever started this command passed \"${…}\" on as it stood.")
        .fix("set the variable to the password itself, or unset it to be asked"));
    }
    Ok(Some(password).filter(|password| !password.expose_secret().is_empty()))
}

/// The master password: from the environment, else asked for.
pub async fn master_password() -> Result<SecretString, Failure> {
    if let Some(password) = password_from_environment()? {
        return Ok(password);
    }
    let password = ask("Master password: ", PASSWORD_HELP).await?;
    if password.expose_secret().is_empty() {
        return Err(Failure::new(Exit::Usage, "no master password was entered"));
    }
    Ok(password)
}

/// A new master password: from the environment, else asked for twice.
/// One that is easy to guess is warned of.
pub async fn new_master_password() -> Result<SecretString, Failure> {
    new_password(password_from_environment()?, PASSWORD_HELP).await
}

/// The master password that takes the place of another: from an environment
/// variable of its own, else asked for twice.
pub async fn replacing_master_password() -> Result<SecretString, Failure> {
    new_password(
        password_in(NEW_PASSWORD_VARIABLE)?,
        "set AXIS_NEW_MASTER_PASSWORD, or run the command in a terminal",
    )
    .await
}

async fn new_password(
    given: Option<SecretString>,
    without_terminal: &str,
) -> Result<SecretString, Failure> {
    let password = match given {
        Some(password) => {
            check_length(&password)?;
            password
        }
        None => ask_for_new_password(without_terminal).await?,
    };
    if let Some(reason) = weakness(&password) {
        warn(&format!("this master password is weak: {reason}"));
    }
    Ok(password)
}

/// A secret typed without echo. What was pasted after its first line is
/// dropped, so that it doesn't end up in the shell.
pub async fn secret(prompt: &str) -> Result<SecretString, Failure> {
    let secret = ask(
        prompt,
        "pipe the secret in and add --stdin, for example: axis add github --stdin < token.txt",
    )
    .await?;
    Terminal::forget_typed();
    clean(&secret)
}

/// The secret that was typed, or that is in the file which it names as `@FILE`.
pub fn typed_or_file(typed: &SecretString) -> Result<SecretString, Failure> {
    let Some(path) = typed.expose_secret().strip_prefix('@') else {
        return clean(typed);
    };
    let path = path.trim();
    let unreadable =
        |why: String| Failure::new(Exit::Usage, format!("{path} can't be read: {why}"));
    // opening a pipe would wait for someone to write into it
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(unreadable("it is not a plain file".into()));
    }
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    read_secret(file, "the secret in the file")
}

/// A secret read from stdin to its end.
pub fn secret_from_stdin() -> Result<SecretString, Failure> {
    let what = "the secret on stdin";
    // Not through Stdin: its buffer would keep a copy for good.
    let stdin = system::unbuffered_stdin()
        .map_err(|error| Failure::new(Exit::Failed, format!("{what} can't be read: {error}")))?;
    read_secret(stdin, what)
}

fn read_secret(source: impl Read, what: &str) -> Result<SecretString, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    source
        .take(MAX_SECRET_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(Exit::Failed, format!("{what} can't be read: {error}")))?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(Failure::new(
            Exit::Usage,
            format!("{what} is longer than {MAX_SECRET_BYTES} bytes"),
        ));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::new(Exit::Usage, format!("{what} is not UTF-8 text")))?;
    clean(&SecretString::from(text))
}

/// Whether the owner says yes to `question`, on the terminal: stdin may be
/// where a secret comes from. It waits beside the caller, so that Ctrl-C ends
/// the command and not only this line.
pub async fn confirms(question: &str, without_terminal: &str) -> Result<bool, Failure> {
    let question = format!("{question} [y/N]");
    Ok(is_yes(&answer(&question, without_terminal).await?))
}

/// What the owner answers to `question`, on the terminal.
pub async fn answer(question: &str, without_terminal: &str) -> Result<String, Failure> {
    let no_terminal = |error: io::Error| {
        Failure::new(
            Exit::Usage,
            format!("there is no terminal to ask \"{question}\" on"),
        )
        .because(error.to_string())
        .fix(without_terminal)
    };
    let mut terminal = Terminal::open().map_err(no_terminal)?;
    write!(terminal, "{question} ").map_err(no_terminal)?;
    let answered = spawn_blocking(move || {
        let mut answer = String::new();
        BufReader::new((&mut terminal).take(MAX_ANSWER_BYTES)).read_line(&mut answer)?;
        if !answer.ends_with('\n') {
            // ended by Ctrl-D, which leaves the line open
            writeln!(terminal)?;
        }
        Ok(answer)
    });
    let answer = answered.await.unwrap_or_else(|error| Err(error.into()));
    answer.map_err(no_terminal)
}

/// Whether there is a terminal to ask on, and somebody who looks at it.
pub fn can_ask() -> bool {
    io::stderr().is_terminal() && Terminal::is_there()
}

/// The password of another vault: from `AXIS_IMPORT_PASSWORD`, else asked for.
pub async fn import_password(prompt: &str) -> Result<SecretString, Failure> {
    if let Some(bytes) = given::password(IMPORT_VARIABLE).filter(|bytes| !bytes.is_empty()) {
        return std::str::from_utf8(&bytes)
            .map(SecretString::from)
            .map_err(|_| {
                let what = format!("{IMPORT_VARIABLE} is not UTF-8 text");
                Failure::new(Exit::Usage, what)
            });
    }
    let without_terminal = "set AXIS_IMPORT_PASSWORD, or run the command in a terminal";
    let password = ask(prompt, without_terminal).await?;
    if password.expose_secret().is_empty() {
        return Err(Failure::new(Exit::Usage, "no password was entered"));
    }
    Ok(password)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

const PASSWORD_HELP: &str = "set AXIS_MASTER_PASSWORD, or run the command in a terminal";

/// The secret without its line end; refused where it is empty or holds
/// control characters, but for a key file's JSON, whose lines may stay as they
/// are. What was typed is never repeated.
fn clean(secret: &SecretString) -> Result<SecretString, Failure> {
    let text = secret.expose_secret().trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "the secret is empty; nothing was stored",
        ));
    }
    let is_json = text.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if !is_json && text.chars().any(char::is_control) {
        return Err(Failure::new(
            Exit::Usage,
            "the secret has a line break or another control character in it; nothing was stored",
        )
        .fix("copy the secret again, on one line"));
    }
    Ok(SecretString::from(text))
}

async fn ask_for_new_password(without_terminal: &str) -> Result<SecretString, Failure> {
    for attempt in 1..=ATTEMPTS {
        let password = ask("New master password: ", without_terminal).await?;
        let fault = if let Err(fault) = check_length(&password) {
            fault
        } else {
            let again = ask("The same again: ", without_terminal).await?;
            if again.expose_secret() == password.expose_secret() {
                return Ok(password);
            }
            Failure::new(Exit::Usage, "the two passwords differ")
        };
        if attempt == ATTEMPTS {
            return Err(fault);
        }
        warn(&fault.sentence().0);
    }
    Err(Failure::cancelled())
}

/// Whether a new master password is long enough.
pub fn check_length(password: &SecretString) -> Result<(), Failure> {
    let length = password.expose_secret().chars().count();
    if length >= MIN_PASSWORD_CHARS {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        format!("the master password needs at least {MIN_PASSWORD_CHARS} characters"),
    ))
}

/// Why a password is easy to guess, where it is.
pub fn weakness(password: &SecretString) -> Option<String> {
    let estimate = zxcvbn::zxcvbn(password.expose_secret(), &["axis"]);
    if u8::from(estimate.score()) >= STRONG_SCORE {
        return None;
    }
    let warning = estimate
        .feedback()
        .and_then(zxcvbn::feedback::Feedback::warning)
        .map_or_else(
            || "It can be guessed with little effort.".to_owned(),
            |warning| warning.to_string(),
        );
    Some(format!("{warning} A few random words make a better one."))
}

/// What is typed without echo. It waits beside the caller, so that a signal ends
/// the command; what is typed after that goes nowhere.
async fn ask(prompt: &str, without_terminal: &str) -> Result<SecretString, Failure> {
    menu::begin_hidden();
    let shown = prompt.to_owned();
    let typed = spawn_blocking(move || rpassword::prompt_password(shown).map(SecretString::from));
    let typed = typed.await.unwrap_or_else(|error| Err(error.into()));
    menu::end_hidden();
    typed.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => Failure::cancelled(),
        ErrorKind::UnexpectedEof => Failure::new(Exit::Usage, "nothing was entered"),
        _ => Failure::new(
            Exit::Usage,
            format!(
                "there is no terminal to ask \"{}\" on",
                prompt.trim_end_matches([':', ' '])
            ),
        )
        .because(error.to_string())
        .fix(without_terminal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_loses_its_line_end_and_nothing_else() {
        let cases = [
            ("ghp_abc", "ghp_abc"),
            ("ghp_abc\n", "ghp_abc"),
            ("ghp_abc\r\n", "ghp_abc"),
            ("ghp_abc\r", "ghp_abc"),
            (" with blanks \n", " with blanks "),
            ("ключ\n", "ключ"),
        ];
        for (typed, stored) in cases {
            let secret = clean(&SecretString::from(typed)).unwrap();
            assert_eq!(secret.expose_secret(), stored, "{typed:?}");
        }
    }

    #[test]
    fn a_secret_that_can_not_be_one_is_refused_without_repeating_it() {
        for typed in [
            "",
            "\n",
            "\r\n",
            "first\nsecond",
            "tab\tin",
            "nul\0",
            "esc\u{1b}[A",
        ] {
            let failure = clean(&SecretString::from(typed)).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{typed:?}");
            let told = failure.to_string();
            assert!(!told.contains("first") && !told.contains("[A"), "{told}");
        }
    }

    #[test]
    fn only_yes_is_yes() {
        for (answer, yes) in [
            ("y\n", true),
            (" YES \r\n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yess\n", false),
        ] {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }

    #[test]
    fn a_password_is_measured_in_characters() {
        for (password, good) in [
            ("1234567", false),
            ("12345678", true),
            ("пароль12", true),
            ("", false),
        ] {
            let result = check_length(&SecretString::from(password));
            assert_eq!(result.is_ok(), good, "{password}");
        }
    }

    #[test]
    fn only_a_weak_password_is_warned_of() {
        for weak in ["password", "12345678", "axisaxis"] {
            assert!(weakness(&SecretString::from(weak)).is_some(), "{weak}");
        }
        let strong = SecretString::from("plinth-ferret-ocean-47-quartz");
        assert!(weakness(&strong).is_none());
    }
}
