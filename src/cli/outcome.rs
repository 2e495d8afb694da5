//! How a command ended, and what every command needs: its configuration, and where its words go.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::redirect::RedirectError;
use crate::audit::AuditError;
use crate::config::ConfigError;
use crate::proxy::StartError;

/// The exit status when a command could not do its work.
pub const EXIT_ERROR: u8 = 2;

/// Where a configuration is looked for when none is named.
const CONFIG_PLACES: [&str; 2] = ["config.yml", "/etc/secdocker/config.yml"];

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Done,
    /// `explain` found a request that would be refused, `plugin-test` an image, or `redirect status` a
    /// connection that does not come.
    Refused,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum CliError {
    /// The arguments make no sense; the text says why.
    Usage(String),
    /// No configuration was named, and none is where it is looked for.
    NoConfig,
    /// The configuration is broken.
    Config(ConfigError),
    /// There is no log to write to.
    Audit(AuditError),
    /// The proxy can't start.
    Start(StartError),
    /// The rules of a redirect.
    Redirect(RedirectError),
    /// A file or the kernel refused something: what, and why.
    Io(String, io::Error),
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(reason) => write!(f, "{reason} (see secdocker --help)"),
            Self::NoConfig => {
                let [here, system] = CONFIG_PLACES;
                write!(f, "there is neither {here} nor {system}; name one with --config")
            }
            Self::Config(error) => error.fmt(f),
            Self::Audit(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Redirect(error) => error.fmt(f),
            Self::Io(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for CliError {}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<RedirectError> for CliError {
    fn from(error: RedirectError) -> Self {
        Self::Redirect(error)
    }
}

impl From<lexopt::Error> for CliError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Writes to standard output; a reader who has seen enough is no error.
pub(super) fn print(text: &str) -> Result<Outcome, CliError> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Io("cannot write to standard output".into(), error))
        }
        _ => Ok(Outcome::Done),
    }
}

pub(super) fn find_config(named: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let mut places = CONFIG_PLACES.iter().map(PathBuf::from);
    named.or_else(|| places.find(|place| Path::exists(place))).ok_or(CliError::NoConfig)
}
