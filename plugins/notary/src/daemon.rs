//! The daemon as the one who asks the registry, with its own certificates, mirrors and rules for names.

use secdocker_plugin_common::reference::{ImageName, ImageRef};
use secdocker_plugin_common::text::shown;
use secdocker_plugin_common::{Deadline, LocalImage};
use serde::Deserialize;

use crate::remote::{Platform, Remote, Trouble};

/// Questions to the daemon.
pub trait Daemon {
    /// `GET` of a path without a version prefix: status and body.
    ///
    /// # Errors
    /// A sentence, if there is no answer.
    fn get(&self, path: &str, deadline: Deadline<'_>) -> Result<(u16, Vec<u8>), String>;
}

/// What else the daemon says of an image (Engine API `ImageInspect`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Inspection {
    repo_tags: Option<Vec<String>>,
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Inspection {
    /// Asks by identifier: a name could mean another image meanwhile.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn of(
        local: &LocalImage,
        daemon: &impl Daemon,
        deadline: Deadline<'_>,
    ) -> Result<Self, Trouble> {
        let path = format!("/images/{}/json", local.id);
        match daemon.get(&path, deadline).map_err(Trouble)? {
            (200, body) => serde_json::from_slice(&body)
                .map_err(|error| Trouble(format!("unexpected answer from the daemon: {error}"))),
            (status, body) => Err(refused(status, &body)),
        }
    }

    /// The names that the image has.
    pub fn names(&self) -> impl Iterator<Item = ImageName> {
        let tags = self.repo_tags.iter().flatten();
        tags.filter_map(|tag| match ImageRef::parse(tag) {
            Ok(ImageRef::Named(name)) => Some(name),
            Ok(ImageRef::Id(_)) | Err(_) => None,
        })
    }

    /// What it runs on.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone().unwrap_or_default(),
        }
    }
}

/// Registries through the daemon (Engine API `DistributionInspect`).
#[derive(Debug)]
pub struct ThroughDaemon<'a, D> {
    daemon: &'a D,
}

impl<'a, D: Daemon> ThroughDaemon<'a, D> {
    /// Through this daemon.
    pub fn new(daemon: &'a D) -> Self {
        Self { daemon }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Distribution {
    descriptor: Descriptor,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

impl<D: Daemon> Remote for ThroughDaemon<'_, D> {
    fn digest(&self, name: &ImageName, deadline: Deadline<'_>) -> Result<Option<String>, Trouble> {
        // The characters of a completed name need no encoding in a path.
        let tag = name.tag().unwrap_or("latest");
        let path = format!("/distribution/{}:{tag}/json", name.repository());
        match self.daemon.get(&path, deadline).map_err(Trouble)? {
            (200, body) => {
                let answer: Distribution = serde_json::from_slice(&body).map_err(|error| {
                    Trouble(format!("unexpected answer from the daemon: {error}"))
                })?;
                Ok(Some(answer.descriptor.digest))
            }
            (404, _) => Ok(None),
            (status, body) => Err(refused(status, &body)),
        }
    }

    fn config_digest(
        &self,
        _name: &ImageName,
        _digest: &str,
        _platform: &Platform,
        _deadline: Deadline<'_>,
    ) -> Result<Option<String>, Trouble> {
        Ok(None)
    }
}

fn refused(status: u16, body: &[u8]) -> Trouble {
    let message = serde_json::from_slice::<serde_json::Value>(body).ok();
    let message = message.as_ref().and_then(|body| body.get("message")?.as_str());
    Trouble(format!("the daemon answered {status}: {}", shown(message.unwrap_or_default())))
}
