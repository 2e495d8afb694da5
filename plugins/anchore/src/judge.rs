//! One image, from its name to a verdict: hand in, make sure that it is the local one, wait for the
//! analysis, read what came of it.

use secdocker_plugin::Verdict;
use secdocker_plugin_common::reference::{ImageName, ImageRef};
use secdocker_plugin_common::{Asked, Backoff, Deadline, LocalImage, Purpose, Stop};

use crate::config::{Mode, Settings};
use crate::engine::{Record, Status, Target};

/// Judges by a configuration.
#[derive(Debug)]
pub struct Judge {
    settings: Settings,
}

impl Judge {
    /// By these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// By which it judges.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The verdict on an image, before the deadline.
    pub fn judge(&self, asked: &Asked, deadline: Deadline<'_>) -> Verdict {
        self.try_judge(asked, deadline).unwrap_or_else(|stop| self.settings.otherwise.verdict(stop))
    }

    fn try_judge(&self, asked: &Asked, deadline: Deadline<'_>) -> Result<Verdict, Stop> {
        let target = target(asked)?;
        let record = self.settings.server.submit(&target, deadline)?;
        bind(may_run(asked), &record)?;
        let digest = record.image_digest.clone();
        self.wait_for_analysis(record, deadline)?;
        let mut reasons = Vec::new();
        if self.settings.mode != Mode::Policy {
            let findings = self.settings.server.findings(&digest, deadline)?;
            reasons.extend(self.settings.limits.exceeded(&findings));
        }
        if self.settings.mode != Mode::Count {
            reasons.extend(self.settings.server.policy(&digest, &target.full_tag(), deadline)?);
        }
        let verdict = match reasons.is_empty() {
            true => Verdict::allow().with_pin(digest),
            false => Verdict::deny(reasons.join("; ")),
        };
        Ok(verdict.with_ttl(self.settings.ttl))
    }

    fn wait_for_analysis(&self, record: Record, deadline: Deadline<'_>) -> Result<(), Stop> {
        let mut backoff = Backoff::for_analyses();
        let digest = record.image_digest;
        let mut status = record.analysis_status;
        loop {
            match status {
                Status::Analyzed => return Ok(()),
                Status::AnalysisFailed => {
                    return Err(Stop::Error(format!("Anchore could not analyse {digest}")));
                }
                Status::NotAnalyzed | Status::Analyzing => {}
            }
            if !deadline.pause(backoff.next_pause()) {
                return Err(Stop::Pending);
            }
            let record = self.settings.server.image(&digest, deadline)?;
            if record.image_digest != digest {
                let said = record.image_digest;
                return Err(Stop::odd("Anchore", format!("about {said}, not {digest}")));
            }
            status = record.analysis_status;
        }
    }
}

/// What to hand in: with the digest by which the daemon has the image, if it has it from there and will
/// use it.
fn target(asked: &Asked) -> Result<Target, Stop> {
    match (&asked.reference, &asked.local) {
        (ImageRef::Named(name), Some(local)) if asked.purpose == Purpose::Create => {
            named(name, Some(local))
        }
        (ImageRef::Named(name), _) => named(name, None),
        (ImageRef::Id(_), Some(local)) => {
            let entry = local.repo_digests.first().ok_or_else(|| {
                Stop::Deny(
                    "it was never in a registry from which Anchore could fetch it".to_owned(),
                )
            })?;
            Ok(Target {
                repository: entry.repository.clone(),
                tag: tag_of(&entry.digest),
                digest: Some(entry.digest.clone()),
            })
        }
        (ImageRef::Id(_), None) => {
            Err(Stop::Deny("no image here has this identifier, and no registry knows it".into()))
        }
    }
}

fn named(name: &ImageName, local: Option<&LocalImage>) -> Result<Target, Stop> {
    let mut known = local.into_iter().flat_map(|local| local.digests_in(name));
    let digest = match name.digest() {
        Some(digest) if local.is_some() && !known.any(|known| known == digest) => {
            return Err(Stop::Deny(format!("the local image does not have the digest {digest}")));
        }
        Some(digest) => Some(digest),
        None => known.next(),
    };
    let tag = match (name.tag(), name.digest()) {
        (Some(tag), _) => tag.to_owned(),
        (None, digest) => tag_of(digest.unwrap_or_default()),
    };
    let repository = name.repository().to_owned();
    Ok(Target { repository, tag, digest: digest.map(ToOwned::to_owned) })
}

/// Anchore wants a tag beside each digest. One that nobody pulls by leaves the real ones alone.
fn tag_of(digest: &str) -> String {
    digest.replace(':', "-")
}

/// The local image, if it may run. A node that can't fetch a service's image takes what it has by that
/// tag, and this host may be one of them; with a digest, it can be no other.
fn may_run(asked: &Asked) -> Option<&LocalImage> {
    let is_fixed = matches!(&asked.reference, ImageRef::Named(name) if name.digest().is_some());
    match asked.purpose {
        Purpose::Pull => None,
        Purpose::Service if is_fixed => None,
        Purpose::Service | Purpose::Create => asked.local.as_ref(),
    }
}

/// Whether what Anchore looks at is what would run. Not there yet, it can be nothing else.
fn bind(local: Option<&LocalImage>, record: &Record) -> Result<(), Stop> {
    let Some(local) = local else { return Ok(()) };
    let digests = [Some(record.image_digest.as_str()), record.parent_digest.as_deref()];
    let is_same = digests.into_iter().flatten().any(|digest| local.has_digest(digest));
    match is_same || record.has_id(&local.id) {
        true => Ok(()),
        false => Err(Stop::Deny(format!(
            "the local image ({}) is not the one that Anchore has under this name ({})",
            local.id, record.image_digest
        ))),
    }
}
