//! What all sessions know of images together: whether requests are under way that may change what they
//! are called or hold, and which have had a forbidden name. The same of volumes and networks: whether requests are
//! under way that may change which there are.
//!
//! What was learned of one is worth nothing once such a request has begun, and what is asked
//! while it runs may be from before or after it. So there are epochs: each ends when a change begins,
//! and the next one begins when none is under way any more.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::build_sessions::BuildSessions;
use crate::policy::Policy;
use crate::policy::facts::Facts;
use crate::policy::tainted::{TaintedImages, TooManyForbidden, Viewer};

/// Counts changes of images, and remembers which were forbidden; clones share it.
#[derive(Debug, Clone, Default)]
pub struct ImageChanges(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    images: Count,
    volumes: Count,
    forbidden: Mutex<TaintedImages>,
    builds: BuildSessions,
}

/// Changes of one kind.
#[derive(Debug, Default)]
pub struct Count {
    under_way: AtomicUsize,
    ended: AtomicU64,
    abandoned: AtomicU64,
}

/// Of what a request may change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changing {
    /// What images are called or hold.
    pub images: bool,
    /// Which volumes and networks there are.
    pub volumes: bool,
}

impl Count {
    /// The epoch; none while a change is under way.
    pub fn epoch(&self) -> Option<u64> {
        // A change that has ended since is in the number: it counts up before it stops counting as
        // under way.
        let is_quiet = self.under_way.load(Ordering::SeqCst) == 0;
        is_quiet.then(|| self.ended.load(Ordering::SeqCst))
    }

    /// How many changes were lost sight of, which the daemon may still carry out: their connection
    /// ended before it had answered, or it answers before it begins.
    pub fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::SeqCst)
    }

    fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
    }

    fn end(&self, is_done: bool) {
        if !is_done {
            self.abandoned.fetch_add(1, Ordering::SeqCst);
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ImageChanges {
    /// The epoch of images; none while a change is under way.
    pub fn epoch(&self) -> Option<u64> {
        self.0.images.epoch()
    }

    /// How many changes of images were lost sight of.
    pub fn abandoned(&self) -> u64 {
        self.0.images.abandoned()
    }

    /// The changes of volumes and networks.
    pub fn of_volumes(&self) -> &Count {
        &self.0.volumes
    }

    /// Remembers the forbidden images that the facts tell of, and adds to the facts what was remembered
    /// of their images.
    ///
    /// # Errors
    /// [`TooManyForbidden`] if one could not be remembered.
    pub(crate) fn remember(
        &self,
        policy: &Policy,
        viewer: &Viewer,
        facts: &mut Facts,
    ) -> Result<(), TooManyForbidden> {
        if policy.images.is_empty() {
            return Ok(());
        }
        // Whatever was written is whole.
        let mut forbidden = self.0.forbidden.lock().unwrap_or_else(PoisonError::into_inner);
        forbidden.remember(policy, viewer, facts)
    }

    /// The images that have had a name which this policy forbids, by identifier.
    ///
    /// # Errors
    /// [`TooManyForbidden`] if not all of them are known.
    pub(crate) fn forbidden(&self, policy: &Policy) -> Result<Vec<String>, TooManyForbidden> {
        self.0.forbidden.lock().unwrap_or_else(PoisonError::into_inner).images(policy)
    }

    /// The sessions of clients that serve builds, of which images come.
    pub(crate) fn build_sessions(&self) -> &BuildSessions {
        &self.0.builds
    }

    /// Says that a change of images is about to begin. It ends when what is given back is dropped.
    pub(crate) fn begin(&self) -> ImageChange {
        self.begin_those(Changing { images: true, volumes: false })
    }

    /// The same of what a request may change, if that is anything.
    pub(crate) fn begin_what(&self, what: Changing) -> Option<ImageChange> {
        (what != Changing::default()).then(|| self.begin_those(what))
    }

    /// The same, of one of images that the daemon carries out when it has answered.
    pub(crate) fn begin_that_goes_on(&self) -> ImageChange {
        let mut change = self.begin();
        change.goes_on = true;
        change
    }

    fn begin_those(&self, what: Changing) -> ImageChange {
        let change =
            ImageChange { changes: self.clone(), what, is_answered: false, goes_on: false };
        change.counts().for_each(Count::begin);
        change
    }
}

/// A change that is under way.
#[derive(Debug)]
pub struct ImageChange {
    changes: ImageChanges,
    what: Changing,
    is_answered: bool,
    goes_on: bool,
}

impl ImageChange {
    /// The daemon has said that it is done.
    pub(crate) fn answered(mut self) {
        self.is_answered = true;
    }

    fn counts(&self) -> impl Iterator<Item = &Count> {
        let Counters { images, volumes, .. } = &*self.changes.0;
        let of = [(self.what.images, images), (self.what.volumes, volumes)];
        of.into_iter().filter_map(|(is_of_it, count)| is_of_it.then_some(count))
    }
}

impl Drop for ImageChange {
    fn drop(&mut self) {
        let is_done = self.is_answered && !self.goes_on;
        self.counts().for_each(|count| count.end(is_done));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn an_epoch_ends_with_a_change_and_another_begins_when_all_have_ended() {
        let changes = ImageChanges::default();
        let before = changes.epoch();
        assert!(before.is_some() && before == changes.clone().epoch());
        let (one, other) = (changes.begin(), changes.begin());
        assert_eq!(changes.epoch(), None);
        drop(one);
        assert_eq!(changes.epoch(), None);
        other.answered();
        assert!(changes.epoch().is_some() && changes.epoch() != before);
        assert_eq!(changes.abandoned(), 1);
    }

    #[test]
    fn what_goes_on_behind_its_answer_is_lost_sight_of() {
        let changes = ImageChanges::default();
        let service = changes.begin_that_goes_on();
        assert_eq!(changes.epoch(), None);
        service.answered();
        assert!(changes.epoch().is_some());
        assert_eq!(changes.abandoned(), 1);
    }

    #[test]
    fn what_changes_volumes_changes_no_image() {
        let changes = ImageChanges::default();
        let epochs = || (changes.epoch(), changes.of_volumes().epoch());
        let (images, volumes) = epochs();
        assert!(changes.begin_what(Changing::default()).is_none());
        let removal = changes.begin_what(Changing { images: false, volumes: true }).unwrap();
        assert_eq!(epochs(), (images, None));
        removal.answered();
        assert_eq!(changes.of_volumes().abandoned(), 0);
        assert!(epochs().0 == images && epochs().1.is_some_and(|epoch| Some(epoch) != volumes));
        drop(changes.begin_what(Changing { images: true, volumes: true }));
        assert_eq!((changes.abandoned(), changes.of_volumes().abandoned()), (1, 1));
    }
}
