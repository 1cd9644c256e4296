//! The places that credentials are imported from, by the words of the command.

use std::path::{Path, PathBuf};

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A `.env` file.
    Dotenv(PathBuf),
    /// This process's environment.
    Environment,
    /// The vault of axis-asv: its keystore.
    AxisAsv(PathBuf),
    /// The password store `pass`, or a folder of it.
    Pass(Option<String>),
    /// A CSV file that 1Password wrote.
    OnePassword(PathBuf),
    /// A CSV file that Bitwarden wrote.
    Bitwarden(PathBuf),
    /// An MCP host by its name, or its file.
    Host(String),
}

/// Why the words name no place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SourceError {
    /// Neither a word nor a file.
    #[error("there is no source and no file {0:?}")]
    Unknown(String),
    /// A word that needs a file with it.
    #[error("which {0}? Name it, or its file")]
    NoPath(&'static str),
    /// A file with a second one.
    #[error("{0:?} takes no second argument")]
    OnePathTooMany(String),
    /// There is no home to look in.
    #[error("there is no home directory to look for {0} in; name the file")]
    NoHome(&'static str),
}

/// The words that are no files.
pub const WORDS: [&str; 7] = [
    "env",
    "dotenv",
    "axis-asv",
    "pass",
    "1password",
    "bitwarden",
    "host",
];

impl Source {
    /// The place that `word` names, with what stands behind it.
    ///
    /// # Errors
    /// It names none, or it needs something with it.
    pub fn parse(word: &str, path: Option<&str>) -> Result<Self, SourceError> {
        let file = |what| path.map(PathBuf::from).ok_or(SourceError::NoPath(what));
        let nothing_more = |source| match path {
            None => Ok(source),
            Some(_) => Err(SourceError::OnePathTooMany(word.to_owned())),
        };
        match word.to_ascii_lowercase().as_str() {
            "env" | "environment" => nothing_more(Self::Environment),
            "dotenv" => Ok(Self::Dotenv(path.unwrap_or(".env").into())),
            "axis-asv" | "asv" => match path {
                Some(path) => Ok(Self::AxisAsv(path.into())),
                None => Ok(Self::AxisAsv(asv_keystore()?)),
            },
            "pass" => Ok(Self::Pass(path.map(str::to_owned))),
            "1password" => Ok(Self::OnePassword(file("1Password export")?)),
            "bitwarden" => Ok(Self::Bitwarden(file("Bitwarden export")?)),
            "host" => match path {
                Some(path) => Ok(Self::Host(path.to_owned())),
                None => Err(SourceError::NoPath("MCP host")),
            },
            _ if word.contains(['/', '.']) || Path::new(word).exists() => {
                nothing_more(Self::Dotenv(word.into()))
            }
            _ => Err(SourceError::Unknown(word.to_owned())),
        }
    }

    /// What it is called in a sentence.
    pub fn words(&self) -> String {
        match self {
            Self::Dotenv(path) => path.display().to_string(),
            Self::Environment => "the environment".into(),
            Self::AxisAsv(path) => format!("axis-asv's {}", path.display()),
            Self::Pass(None) => "the password store".into(),
            Self::Pass(Some(folder)) => format!("{folder} in the password store"),
            Self::OnePassword(path) => format!("the 1Password export {}", path.display()),
            Self::Bitwarden(path) => format!("the Bitwarden export {}", path.display()),
            Self::Host(name) => format!("the configuration of {name}"),
        }
    }
}

/// Where axis-asv keeps its keystore.
pub fn asv_keystore() -> Result<PathBuf, SourceError> {
    std::env::home_dir()
        .filter(|home| home.is_absolute())
        .map(|home| home.join(".axis/keystore.json"))
        .ok_or(SourceError::NoHome("axis-asv's keystore"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_files_name_places() {
        let parsed = |word, path| Source::parse(word, path);
        assert_eq!(parsed("env", None), Ok(Source::Environment));
        for (word, path, file) in [
            (".env", None, ".env"),
            ("../x/.env.local", None, "../x/.env.local"),
            ("dotenv", None, ".env"),
            ("dotenv", Some("a"), "a"),
        ] {
            assert_eq!(parsed(word, path), Ok(Source::Dotenv(file.into())));
        }
        assert_eq!(
            parsed("1Password", Some("e.csv")),
            Ok(Source::OnePassword("e.csv".into()))
        );
        assert_eq!(parsed("pass", None), Ok(Source::Pass(None)));
        assert_eq!(
            parsed("1pasword", None),
            Err(SourceError::Unknown("1pasword".into()))
        );
        assert!(parsed("bitwarden", None).is_err());
        assert!(parsed("env", Some("x")).is_err());
    }
}
