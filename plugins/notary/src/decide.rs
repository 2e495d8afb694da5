//! The table of decisions: what the daemon has, what the registry serves, and what follows.

use secdocker_plugin::Verdict;
use secdocker_plugin_common::config::{self, Choice};
use secdocker_plugin_common::reference::{ImageName, ImageRef};
use secdocker_plugin_common::{Asked, Deadline, LocalImage};

use crate::daemon::{Daemon, Inspection};
use crate::remote::{Remote, Trouble};

/// What happens to an image that was asked for by its identifier, which no registry knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnId {
    /// It is refused.
    #[default]
    Deny,
    /// One of its names must pass.
    Names,
}

/// What the configuration leaves open.
#[derive(Debug, Clone, Copy)]
pub struct Choices {
    /// The daemon doesn't have the image.
    pub on_absent: Choice,
    /// Neither does the image come from that repository, nor has the registry the tag.
    pub on_local_only: Choice,
    /// Asked for by identifier.
    pub on_id: OnId,
    /// The same configuration under another digest is the same image.
    pub same_config: bool,
    /// The registry could not be asked.
    pub on_error: Option<Choice>,
}

/// The verdict on an image.
pub fn decide(
    asked: &Asked,
    choices: &Choices,
    remote: &impl Remote,
    daemon: &impl Daemon,
    deadline: Deadline<'_>,
) -> Verdict {
    let Some(local) = &asked.local else {
        return choices.on_absent.verdict("the image is not there yet");
    };
    let around = Around { local, choices, remote, daemon, deadline };
    let decided = match &asked.reference {
        ImageRef::Named(name) => around.named(name),
        ImageRef::Id(_) => around.by_id(),
    };
    decided.unwrap_or_else(|Trouble(why)| config::on_error(choices.on_error, why))
}

/// All that a decision stands on.
struct Around<'a, R, D> {
    local: &'a LocalImage,
    choices: &'a Choices,
    remote: &'a R,
    daemon: &'a D,
    deadline: Deadline<'a>,
}

impl<R: Remote, D: Daemon> Around<'_, R, D> {
    fn named(&self, name: &ImageName) -> Result<Verdict, Trouble> {
        if let Some(digest) = name.digest() {
            return Ok(self.pinned(name, digest));
        }
        let known: Vec<&str> = self.local.digests_in(name).collect();
        match self.remote.digest(name, self.deadline)? {
            Some(remote) if known.contains(&remote.as_str()) => {
                Ok(Verdict::allow_because(format!("{name} is {remote}")).with_pin(remote))
            }
            Some(_) if known.is_empty() => {
                Ok(Verdict::deny(format!("the local image named {name} was not pulled from there")))
            }
            Some(remote) => self.moved(name, &known, &remote),
            None if known.is_empty() => {
                let reason = format!("{name} is known here only, not to its registry");
                Ok(self.choices.on_local_only.verdict(reason))
            }
            None => Ok(Verdict::deny(format!("the registry has no {name} any more"))),
        }
    }

    /// Nothing can move then; but the image must come from the repository that was named.
    fn pinned(&self, name: &ImageName, digest: &str) -> Verdict {
        match self.local.digests_in(name).any(|known| known == digest) {
            true => Verdict::allow_because(format!("the local image is {name}")).with_pin(digest),
            false => Verdict::deny(format!("the local image does not come from {name}")),
        }
    }

    /// The registry serves another digest; under it may still stand the same image.
    fn moved(&self, name: &ImageName, known: &[&str], remote: &str) -> Result<Verdict, Trouble> {
        if self.choices.same_config {
            let platform = Inspection::of(self.local, self.daemon, self.deadline)?.platform();
            let config = self.remote.config_digest(name, remote, &platform, self.deadline)?;
            if config.is_some_and(|config| config == self.local.id) {
                let reason = format!("{name} is {remote}, with the local image's configuration");
                return Ok(Verdict::allow_because(reason).with_pin(remote));
            }
        }
        let known = known.join(", ");
        Ok(Verdict::deny(format!("{name} is {known} here, but its registry serves {remote}")))
    }

    fn by_id(&self) -> Result<Verdict, Trouble> {
        if self.choices.on_id == OnId::Deny {
            return Ok(Verdict::deny("asked for by identifier, which no registry knows"));
        }
        // A tag that has moved to another image is not among them.
        let inspection = Inspection::of(self.local, self.daemon, self.deadline)?;
        let mut last = Verdict::deny("the image has no name");
        for name in inspection.names() {
            last = self.named(&name)?;
            if last.decision() == secdocker_plugin::Decision::Allow {
                return Ok(last);
            }
        }
        Ok(last)
    }
}
