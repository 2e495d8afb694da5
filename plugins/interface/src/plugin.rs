//! What a plugin is.

use crate::config_file::ConfigFile;
use crate::host::Host;
use crate::request::Request;
use crate::verdict::Verdict;

/// Why a plugin can't begin; a sentence will do: `"url is missing".into()`.
pub type OpenError = Box<dyn std::error::Error>;

/// What a verdict follows from, and so between which requests it may be shared: while it is being
/// reached, and afterwards for as long as [`Verdict::with_ttl`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole request: every request is asked about, nothing is shared.
    Request,
    /// The image's name and content, and nothing else in the request.
    Name,
    /// The image's content alone, whatever it is called.
    Digest,
}

/// Says whether images may be used. One instance lives as long as SecDocker, and is asked from several
/// threads at once.
pub trait Plugin: Sized + Send + Sync + 'static {
    /// What the plugin calls itself, for the log.
    const NAME: &str;

    /// What a verdict follows from.
    const SCOPE: Scope = Scope::Request;

    /// Whether several requests may be asked about at once, unless SecDocker's configuration says fewer.
    const CONCURRENT: bool = true;

    /// Begins, when SecDocker starts. `config` is the plugin's own `config.yml`, there or not.
    ///
    /// # Errors
    /// Why it can't: SecDocker then says so and does not start.
    fn open(config: &ConfigFile, host: Host) -> Result<Self, OpenError>;

    /// Judges one request. It may block, but not past [`Request::deadline`]: nobody listens any more, and
    /// its thread is counted as lost.
    fn process(&self, request: &Request<'_>) -> Verdict;
}
