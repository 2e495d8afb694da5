//! What a container was given, and the rules about it.

use crate::effects::existing::{Running, Source};
use crate::lookup::daemon::Daemon;
use crate::lookup::memory::Memory;
use crate::lookup::mounts::{Effort, Mount, Mounts};
use crate::lookup::{links, look_up};
use crate::policy::effects::{self, Effect, FieldPath as At, MountEffect};
use crate::policy::facts::{Facts, Question, Questions, RealPath, VolumeFacts};
use crate::policy::types::HostPath;
use crate::policy::{self, Inspected, Policy, Verdict, Violations};

/// What a container was given of the host.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// What was checked: each must be there.
    pub(super) checked: Vec<Asked>,
    /// What somebody beside SecDocker has given, as it is forbidden as it is written, or the daemon
    /// keeps: where it is in the container.
    given_places: Vec<HostPath>,
    /// And which paths of the host that are.
    given_paths: Vec<HostPath>,
}

/// A mount that was asked for and checked.
#[derive(Debug)]
pub(super) struct Asked {
    /// Where it is in the container, if the image has no links on the way there.
    pub(super) at: HostPath,
    /// What was asked for: several paths of a volume that is made of them.
    pub(super) paths: Vec<HostPath>,
    /// Where the daemon has mounted it for itself, of a volume.
    pub(super) kept_at: Option<HostPath>,
}

impl Sources {
    /// Where in the container something was asked for.
    pub(super) fn places(&self) -> impl Iterator<Item = &HostPath> {
        self.checked.iter().map(|asked| &asked.at).chain(&self.given_places)
    }

    /// Whether files that have these paths need no look.
    pub(super) fn in_order(&self, paths: &[HostPath]) -> bool {
        let is_known = |path: &HostPath| self.given_paths.iter().any(|known| path.is_within(known));
        paths.iter().any(is_known)
    }
}

/// The rules about paths, whom to ask about volumes, and the mounts of the host.
pub(super) struct Judge<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) policy: &'a Policy,
    pub(super) ours: Mounts,
    /// How much may still be found of other paths.
    pub(super) effort: Effort,
}

impl Judge<'_> {
    /// What the container was given; `None` if the daemon didn't say what a volume is.
    pub(super) fn sources(&self, running: &Running) -> Option<Sources> {
        let mut sources = Sources::default();
        for given in &running.given {
            let (paths, kept_at) = match &given.source {
                Source::Path(path) => (vec![path.clone()], None),
                Source::Volume { name, kept_at } => (self.volume(name)?, kept_at.clone()),
            };
            if !paths.is_empty() && !paths.iter().any(|path| self.forbids_as_written(path)) {
                sources.checked.push(Asked { at: given.at.clone(), paths, kept_at });
                continue;
            }
            let led_to: Vec<_> = paths.iter().filter_map(links::resolve).collect();
            sources.given_places.push(given.at.clone());
            sources.given_paths.extend(paths.into_iter().chain(led_to).chain(kept_at));
        }
        Some(sources)
    }

    /// The paths of the host that a volume is; none of one that the daemon keeps.
    fn volume(&self, name: &str) -> Option<Vec<HostPath>> {
        let questions = Questions::from_iter([Question::volume(name)]);
        let facts = look_up(&questions, self.daemon, &Memory::none());
        let effects = match facts.volume(name)? {
            VolumeFacts::Present(effects) => effects.as_slice(),
            VolumeFacts::Absent => &[],
        };
        let paths = effects.iter().filter_map(|effect| match effect {
            Effect::Mount(MountEffect::HostPath(path)) => Some(path.clone()),
            _ => None,
        });
        Some(paths.collect())
    }

    fn forbids_as_written(&self, path: &HostPath) -> bool {
        self.violations_of(path, Some(Vec::new())).is_some()
    }

    /// The paths of the host that a mount has.
    pub(super) fn paths(&self, mount: &Mount) -> Vec<HostPath> {
        self.ours.paths(&mount.place)
    }

    /// What is forbidden of the files that are mounted, perhaps because of what was asked for. Of the same
    /// files under several paths, one that is allowed is enough: it was asked for. What has no path here
    /// can't be told.
    pub(super) fn violations(&mut self, mount: &Mount, of: Option<&Asked>) -> Option<Violations> {
        let kept_at = of.and_then(|asked| asked.kept_at.as_ref());
        let mut first = None;
        for path in self.paths(mount) {
            if kept_at.is_some_and(|kept_at| path.is_within(kept_at)) {
                continue;
            }
            let violations = self.violations_as_real(&path)?;
            // A part of a volume is mounted (`VolumeOptions.Subpath`): the whole was asked for.
            let wholes = of.into_iter().flat_map(|asked| &asked.paths);
            let mut wholes = wholes.filter(|whole| path != **whole && path.is_within(whole));
            if wholes.any(|whole| self.violations_as_real(whole).is_none()) {
                return None;
            }
            first.get_or_insert(violations);
        }
        first
    }

    fn violations_as_real(&mut self, path: &HostPath) -> Option<Violations> {
        let aliases = self.ours.aliases(path, &mut self.effort);
        self.violations_of(path, aliases)
    }

    /// Judges a path as it is written: it has no links, whatever is there meanwhile. These are others of
    /// the same files, if they are known.
    fn violations_of(&self, path: &HostPath, aliases: Option<Vec<HostPath>>) -> Option<Violations> {
        let effect = Effect::Mount(MountEffect::HostPath(path.clone()));
        let asked = effects::RequestedEffect { effect, at: At::Field("mounts") };
        let mut questions = policy::questions(self.policy, std::slice::from_ref(&asked));
        questions.retain(|question| *question != Question::real_path(path));
        let mut facts: Facts = look_up(&questions, self.daemon, &Memory::none());
        if let Some(aliases) = aliases {
            facts.add_real_path(path.clone(), RealPath { path: path.clone(), aliases });
        }
        match policy::judge(self.policy, Inspected::new((), vec![asked]), &facts) {
            Verdict::Allowed(_) => None,
            Verdict::Forbidden(violations) => Some(violations),
        }
    }
}
