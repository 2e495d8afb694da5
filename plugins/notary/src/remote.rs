//! What a registry serves under a name.

use secdocker_plugin_common::Deadline;
use secdocker_plugin_common::reference::ImageName;

/// Why the other side is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble(pub String);

/// The image's platform, as the daemon has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platform {
    /// `linux`
    pub os: String,
    /// `amd64`
    pub architecture: String,
    /// `v7`; often empty.
    pub variant: String,
}

/// Somebody who can be asked.
pub trait Remote {
    /// The digest of the manifest or index under a name's tag; `None` if the registry has none.
    ///
    /// # Errors
    /// [`Trouble`], if that could not be found out.
    fn digest(&self, name: &ImageName, deadline: Deadline<'_>) -> Result<Option<String>, Trouble>;

    /// The digest of the configuration that the manifest `digest` has for a platform. `None` if it can't be
    /// asked for here, or there is none for the platform.
    ///
    /// # Errors
    /// [`Trouble`], if that could not be found out.
    fn config_digest(
        &self,
        name: &ImageName,
        digest: &str,
        platform: &Platform,
        deadline: Deadline<'_>,
    ) -> Result<Option<String>, Trouble>;
}
