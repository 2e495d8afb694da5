//! One image, from its name to a verdict: begin a scan, or go on waiting for one that was begun before;
//! wait for its report; count.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secdocker_plugin::Verdict;
use secdocker_plugin_common::local::parts;
use secdocker_plugin_common::reference::{self, ImageRef};
use secdocker_plugin_common::{Asked, Backoff, Deadline, Finding, LocalImage, Purpose, Stop};

use crate::adapter::{Artifact, Report};
use crate::config::{Registry, Settings};

/// Scans that are remembered because their reports were not ready in time.
const UNFINISHED_MAX: usize = 256;

/// The pauses between two questions, whatever the scanner wants.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5);

/// Judges by a configuration.
#[derive(Debug)]
pub struct Judge {
    settings: Settings,
    /// Identifiers of scans, by repository and digest: a scan that takes longer than one request may wait
    /// must not begin anew with each.
    unfinished: Mutex<BTreeMap<String, String>>,
}

/// What is to be scanned.
struct Target {
    /// `docker.io/library/app`
    repository: String,
    digest: String,
    tag: Option<String>,
}

impl Judge {
    /// By these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, unfinished: Mutex::default() }
    }

    /// By which it judges.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The verdict on an image, before the deadline.
    pub fn judge(&self, asked: &Asked, deadline: Deadline<'_>) -> Verdict {
        let target = match target(asked) {
            Ok(Some(target)) => Ok(target),
            Ok(None) => return self.settings.on_absent.verdict("the image is not there yet"),
            Err(stop) => Err(stop),
        };
        let found =
            target.and_then(|target| Ok((self.findings(&target, deadline)?, target.digest)));
        match found {
            Ok((findings, digest)) => {
                let reasons = self.settings.limits.exceeded(&findings);
                let verdict = match reasons.is_empty() {
                    true => Verdict::allow().with_pin(digest),
                    false => Verdict::deny(reasons.join("; ")),
                };
                verdict.with_ttl(self.settings.ttl)
            }
            Err(stop) => self.settings.otherwise.verdict(stop),
        }
    }

    fn findings(&self, target: &Target, deadline: Deadline<'_>) -> Result<Vec<Finding>, Stop> {
        let key = format!("{}@{}", target.repository, target.digest);
        if let Some(id) = self.taken(&key)
            && let Some(findings) = self.wait(&key, id, target, deadline)?
        {
            return Ok(findings);
        }
        let id = self.begin(target, deadline)?;
        let findings = self.wait(&key, id, target, deadline)?;
        findings.ok_or_else(|| Stop::odd("the scanner", "it has forgotten its own scan"))
    }

    fn begin(&self, target: &Target, deadline: Deadline<'_>) -> Result<String, Stop> {
        let (host, repository) = parts(&target.repository);
        let none = Registry::default();
        let compared = reference::comparable(&target.repository);
        let registry = self.settings.registries.get(parts(&compared).0).unwrap_or(&none);
        let artifact = Artifact {
            registry_url: &registry.url.clone().unwrap_or_else(|| usual_url(host)),
            authorization: registry.authorization.as_ref(),
            repository,
            digest: &target.digest,
            tag: target.tag.as_deref(),
        };
        self.settings.adapter.scan(&artifact, deadline)
    }

    /// Waits for a report; `None` if the scanner knows nothing of the scan. A scan that is not over by the
    /// deadline is remembered.
    fn wait(
        &self,
        key: &str,
        id: String,
        target: &Target,
        deadline: Deadline<'_>,
    ) -> Result<Option<Vec<Finding>>, Stop> {
        let mut backoff = Backoff::for_analyses();
        loop {
            let wanted = match self.settings.adapter.report(&id, &target.digest, deadline)? {
                Report::Done(findings) => return Ok(Some(findings)),
                Report::Unknown => return Ok(None),
                Report::Later(wanted) => wanted,
            };
            let pause = wanted.unwrap_or_else(|| backoff.next_pause());
            if !deadline.pause(pause.clamp(*PAUSES.start(), *PAUSES.end())) {
                self.remember(key, id);
                return Err(Stop::Pending);
            }
        }
    }

    fn taken(&self, key: &str) -> Option<String> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }

    fn remember(&self, key: &str, id: String) {
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        // Of many images that nobody asked for again, any may be forgotten.
        if unfinished.len() >= UNFINISHED_MAX {
            unfinished.pop_first();
        }
        unfinished.insert(key.to_owned(), id);
    }
}

/// What to scan; `None` of what is not there yet, and will be asked about again before it runs. A service
/// is not asked about again once its nodes have fetched its image.
fn target(asked: &Asked) -> Result<Option<Target>, Stop> {
    let Asked { purpose, reference, local } = asked;
    match (purpose, reference, local) {
        (Purpose::Create, _, None) => Ok(None),
        (Purpose::Create, reference, Some(local)) => here(reference, local).map(Some),
        (Purpose::Service | Purpose::Pull, ImageRef::Named(name), _) => match name.digest() {
            Some(digest) => Ok(Some(Target {
                repository: name.repository().to_owned(),
                digest: digest.to_owned(),
                tag: name.tag().map(ToOwned::to_owned),
            })),
            None if *purpose == Purpose::Pull => Ok(None),
            None => Err(Stop::Deny(
                "only a digest in its name says what a service's nodes will fetch".into(),
            )),
        },
        // The same identifier is the same image everywhere.
        (Purpose::Service | Purpose::Pull, ImageRef::Id(_), Some(local)) => {
            here(reference, local).map(Some)
        }
        (Purpose::Service | Purpose::Pull, ImageRef::Id(_), None) => {
            Err(Stop::Deny("no image here has this identifier, and no registry knows it".into()))
        }
    }
}

/// The scanner fetches it by the digest that the daemon has it by.
fn here(reference: &ImageRef, local: &LocalImage) -> Result<Target, Stop> {
    let nowhere =
        || Stop::Deny("it was never in that registry, from which a scanner could fetch it".into());
    let ImageRef::Named(name) = reference else {
        let entry = local.repo_digests.first().ok_or_else(nowhere)?.clone();
        return Ok(Target { repository: entry.repository, digest: entry.digest, tag: None });
    };
    let known = |wanted: &&str| name.digest().is_none_or(|digest| digest == *wanted);
    let digest = local.digests_in(name).find(known).ok_or_else(nowhere)?.to_owned();
    let (repository, tag) = (name.repository().to_owned(), name.tag().map(ToOwned::to_owned));
    Ok(Target { repository, digest, tag })
}

fn usual_url(host: &str) -> String {
    match host {
        "docker.io" => "https://registry-1.docker.io".to_owned(),
        host => format!("https://{host}"),
    }
}
