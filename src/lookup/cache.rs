//! What was learned of images, for as long as it may be believed: what rules need, and which image a
//! name means.
//!
//! An answer is believed for [`LIFE`] at most, which bounds what somebody beside SecDocker can
//! change unseen, and no longer than until a request passes that may change images: the author of the
//! cache says in which [`Epoch`] it is, and `None` while such a request is under way. An answer that was
//! asked for in one epoch is never kept in another, so none from before a change outlives it. After a
//! change that was lost sight of nothing is kept for as long as an answer lives.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::daemon::{Daemon, now};
use super::identity::{Identity, Presence};
use crate::image::ImageRef;
use crate::policy::facts::{ImageFacts, Missing};

/// How long an answer is believed.
const LIFE: Duration = Duration::from_secs(30);

/// The most answers that are kept.
const ENTRIES_MAX: usize = 256;

/// The most names and variables of an image that is kept.
const VALUES_MAX: usize = 256;

type Key = (Daemon, ImageRef);

/// A time in which no change of images was under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Epoch {
    /// Another one for each epoch.
    pub number: u64,
    /// How many changes before it were lost sight of: the daemon may still carry them out.
    pub abandoned: u64,
}

/// Answers about images, shared by the threads of the pool.
pub struct ImageCache {
    epoch: Box<dyn Fn() -> Option<Epoch> + Send + Sync>,
    facts: Mutex<Kept<ImageFacts>>,
    identities: Mutex<Kept<Identity>>,
    /// What daemons said of themselves whose builders were seen to heed source policies.
    heeding: Mutex<HashMap<Daemon, Vec<u8>>>,
}

struct Kept<T> {
    entries: HashMap<Key, Entry<T>>,
    abandoned: u64,
    /// When the last change that was lost sight of came to be known.
    unsure_since: Option<Instant>,
}

struct Entry<T> {
    value: T,
    epoch: Epoch,
    learned: Instant,
}

/// What is no longer than what can be kept.
trait Bounded: Clone {
    fn values(&self) -> usize;
}

impl Bounded for ImageFacts {
    fn values(&self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Present { names, environment, .. } => names.len() + environment.len(),
        }
    }
}

impl Bounded for Identity {
    fn values(&self) -> usize {
        self.repo_digests.len() + self.repo_tags.len()
    }
}

impl fmt::Debug for ImageCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageCache").finish_non_exhaustive()
    }
}

impl ImageCache {
    /// An empty cache. `epoch` changes with every change of images, and is none during one.
    pub fn new(epoch: impl Fn() -> Option<Epoch> + Send + Sync + 'static) -> Self {
        let (facts, identities, heeding) = Default::default();
        Self { epoch: Box::new(epoch), facts, identities, heeding }
    }

    /// One that keeps nothing.
    pub fn disabled() -> Self {
        Self::new(|| None)
    }

    /// The epoch, if what is learned in it can be believed for the rest of it.
    pub fn epoch(&self) -> Option<Epoch> {
        self.believable(&self.identities)
    }

    /// Which image a name means, if that is known without asking anybody.
    pub fn identity(&self, daemon: &Daemon, image: &ImageRef) -> Option<Identity> {
        let epoch = self.epoch()?;
        lock(&self.identities).get(&(daemon.clone(), image.clone()), epoch)
    }

    /// What is known of an image without asking anybody.
    pub(super) fn image(&self, daemon: &Daemon, image: &ImageRef) -> Option<ImageFacts> {
        let epoch = self.believable(&self.facts)?;
        lock(&self.facts).get(&(daemon.clone(), image.clone()), epoch)
    }

    /// What is known of an image, or what `learn` finds out.
    pub(super) fn get_or_fetch(
        &self,
        daemon: &Daemon,
        image: &ImageRef,
        learn: impl FnOnce() -> Result<ImageFacts, Missing>,
    ) -> Result<ImageFacts, Missing> {
        let (before, mut is_fresh) = (self.believable(&self.facts), false);
        let known = self.known(&self.facts, daemon, image, || {
            is_fresh = true;
            match learn() {
                Ok(facts @ ImageFacts::Present { .. }) => Ok(facts),
                // An image that is not there is likely to be fetched next, perhaps beside us.
                not_kept => Err(not_kept),
            }
        });
        match known {
            Ok(facts) => {
                if let Some(epoch) = before.filter(|_| is_fresh) {
                    self.keep_by_id((daemon, image), &facts, epoch);
                }
                Ok(facts)
            }
            Err(not_kept) => not_kept,
        }
    }

    /// What was learned of a name is as true of its image: what is made of it is looked at by its
    /// identifier when it is started.
    fn keep_by_id(&self, (daemon, asked): (&Daemon, &ImageRef), facts: &ImageFacts, epoch: Epoch) {
        let ImageFacts::Present { id, .. } = facts else { return };
        let Ok(by_id @ ImageRef::Id(_)) = ImageRef::parse(id) else { return };
        if by_id != *asked && facts.values() <= VALUES_MAX && (self.epoch)() == Some(epoch) {
            let entry = Entry { value: facts.clone(), epoch, learned: now() };
            lock(&self.facts).put((daemon.clone(), by_id), entry);
        }
    }

    /// Whether the builder of a daemon that says `version` of itself heeds source policies. One that was
    /// seen to do so does, for as long as it is the same daemon.
    pub(super) fn heeds_or_learn(
        &self,
        daemon: &Daemon,
        version: &[u8],
        learn: impl FnOnce() -> Option<bool>,
    ) -> Option<bool> {
        let heeding = || self.heeding.lock().unwrap_or_else(PoisonError::into_inner);
        if heeding().get(daemon).is_some_and(|known| known == version) {
            return Some(true);
        }
        let heeds = learn()?;
        let mut heeding = heeding();
        heeding.remove(daemon);
        if heeds && heeding.len() < ENTRIES_MAX {
            heeding.insert(daemon.clone(), version.to_vec());
        }
        Some(heeds)
    }

    /// Which image a name means, as is known or as `learn` finds out.
    pub(super) fn identity_or_learn(
        &self,
        daemon: &Daemon,
        image: &ImageRef,
        learn: impl FnOnce() -> Presence,
    ) -> Presence {
        let learn = || match learn() {
            Presence::Present(identity) => Ok(identity),
            not_kept => Err(not_kept),
        };
        self.known(&self.identities, daemon, image, learn).map_or_else(|it| it, Presence::Present)
    }

    /// What is kept, or what `learn` finds out; what it gives as an error is not kept.
    fn known<T: Bounded, E>(
        &self,
        kept: &Mutex<Kept<T>>,
        daemon: &Daemon,
        image: &ImageRef,
        learn: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(epoch) = self.believable(kept) else { return learn() };
        let key = (daemon.clone(), image.clone());
        if let Some(known) = lock(kept).get(&key, epoch) {
            return Ok(known);
        }
        let value = learn()?;
        if value.values() <= VALUES_MAX && (self.epoch)() == Some(epoch) {
            lock(kept).put(key, Entry { value: value.clone(), epoch, learned: now() });
        }
        Ok(value)
    }

    fn believable<T>(&self, kept: &Mutex<Kept<T>>) -> Option<Epoch> {
        (self.epoch)().filter(|epoch| lock(kept).is_sure(*epoch, now()))
    }
}

fn lock<T>(kept: &Mutex<Kept<T>>) -> MutexGuard<'_, Kept<T>> {
    // Nothing that could panic runs under the lock.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { entries: HashMap::new(), abandoned: 0, unsure_since: None }
    }
}

impl<T> Kept<T> {
    fn get(&self, key: &Key, epoch: Epoch) -> Option<T>
    where
        T: Clone,
    {
        let entry = self.entries.get(key).filter(|entry| entry.is_believed(epoch, now()))?;
        Some(entry.value.clone())
    }

    fn put(&mut self, key: Key, entry: Entry<T>) {
        let entries = &mut self.entries;
        if entries.len() >= ENTRIES_MAX {
            entries.retain(|_, kept| kept.is_believed(entry.epoch, entry.learned));
        }
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        entries.insert(key, entry);
    }

    /// Whether no change that was lost sight of may still be carried out.
    fn is_sure(&mut self, epoch: Epoch, now: Instant) -> bool {
        if self.abandoned != epoch.abandoned {
            self.abandoned = epoch.abandoned;
            self.unsure_since = Some(now);
        }
        self.unsure_since.is_none_or(|since| now.saturating_duration_since(since) >= LIFE)
    }
}

impl<T> Entry<T> {
    fn is_believed(&self, epoch: Epoch, now: Instant) -> bool {
        self.epoch == epoch && now.saturating_duration_since(self.learned) < LIFE
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::config::UpstreamAddress;

    fn at(number: u64) -> Epoch {
        Epoch { number, abandoned: 0 }
    }

    /// A cache whose epoch is what the number says; 0 is none.
    fn cache() -> (ImageCache, Arc<AtomicU64>) {
        let epoch = Arc::new(AtomicU64::new(1));
        let shared = Arc::clone(&epoch);
        let read = move || Some(at(shared.load(Ordering::SeqCst))).filter(|epoch| epoch.number > 0);
        (ImageCache::new(read), epoch)
    }

    fn daemon(path: &str) -> Daemon {
        Daemon { address: UpstreamAddress::Unix(path.into()), mark: None, tls: None }
    }

    fn present() -> ImageFacts {
        ImageFacts::Present { id: String::new(), names: vec![], user: None, environment: vec![] }
    }

    /// Whether the daemon had to be asked.
    fn asks(cache: &ImageCache, image: &str, facts: Option<ImageFacts>) -> bool {
        let mut asked = false;
        let image = ImageRef::parse(image).unwrap();
        let _ = cache.get_or_fetch(&daemon("/x"), &image, || {
            asked = true;
            facts.ok_or(Missing::Unknown)
        });
        asked
    }

    #[test]
    fn what_was_learned_is_believed_until_the_epoch_changes() {
        let (cache, epoch) = cache();
        assert!(asks(&cache, "a", Some(present())));
        assert!(!asks(&cache, "a", Some(present())));
        assert!(asks(&cache, "b", None) && asks(&cache, "b", None));
        assert!(asks(&cache, "c", Some(ImageFacts::Absent)) && asks(&cache, "c", None));
        epoch.store(2, Ordering::SeqCst);
        assert!(asks(&cache, "a", Some(present())) && !asks(&cache, "a", None));
        epoch.store(0, Ordering::SeqCst);
        assert!(asks(&cache, "a", Some(present())) && asks(&cache, "a", Some(present())));
        let image = ImageRef::parse("a").unwrap();
        epoch.store(2, Ordering::SeqCst);
        let of_another = cache.get_or_fetch(&daemon("/y"), &image, || Err(Missing::Late));
        assert_eq!(of_another, Err(Missing::Late), "of another daemon");
    }

    #[test]
    fn an_answer_from_before_a_change_is_not_kept() {
        let (cache, epoch) = cache();
        let image = ImageRef::parse("a").unwrap();
        for during in [0, 2] {
            epoch.store(1, Ordering::SeqCst);
            let learned = cache.get_or_fetch(&daemon("/x"), &image, || {
                epoch.store(during, Ordering::SeqCst);
                Ok(present())
            });
            assert_eq!(learned, Ok(present()));
            epoch.store(1, Ordering::SeqCst);
            assert!(asks(&cache, "a", None));
        }
    }

    #[test]
    fn what_is_known_of_a_name_is_known_of_its_image() {
        let (cache, epoch) = cache();
        let id = format!("sha256:{}", "1".repeat(64));
        let facts = || {
            let (names, user, environment) = (vec![], None, vec![]);
            Some(ImageFacts::Present { id: id.clone(), names, user, environment })
        };
        assert!(asks(&cache, "a", facts()) && !asks(&cache, &id, None));
        epoch.store(2, Ordering::SeqCst);
        assert!(asks(&cache, &id, None), "it was from before a change");
        let image = ImageRef::parse("a").unwrap();
        let _ = cache.get_or_fetch(&daemon("/x"), &image, || {
            epoch.store(3, Ordering::SeqCst);
            facts().ok_or(Missing::Unknown)
        });
        assert!(asks(&cache, &id, None), "it is from during a change");
        epoch.store(0, Ordering::SeqCst);
        assert!(asks(&cache, "a", facts()) && asks(&cache, &id, facts()));
    }

    #[test]
    fn an_answer_is_believed_for_its_life_only() {
        let learned = now();
        let entry = Entry { value: present(), epoch: at(1), learned };
        assert!(entry.is_believed(at(1), learned) && !entry.is_believed(at(2), learned));
        assert!(!entry.is_believed(at(1), learned + LIFE));
    }

    #[test]
    fn nothing_is_kept_while_a_lost_change_may_still_come() {
        let mut kept = Kept::<ImageFacts>::default();
        let (start, lost) = (now(), Epoch { number: 1, abandoned: 1 });
        assert!(kept.is_sure(at(1), start) && !kept.is_sure(lost, start));
        assert!(!kept.is_sure(lost, start + LIFE / 2) && kept.is_sure(lost, start + LIFE));
    }

    #[test]
    fn which_image_a_name_means_is_believed_as_long() {
        let (cache, epoch) = cache();
        let (daemon, image) = (daemon("/x"), ImageRef::parse("a").unwrap());
        let here = |id: &str| Presence::Present(Identity { id: id.into(), ..Identity::default() });
        let learn = |said: &Presence| cache.identity_or_learn(&daemon, &image, || said.clone());
        for not_kept in [Presence::Absent, Presence::Unknown] {
            assert_eq!(learn(&not_kept), not_kept);
            assert_eq!(cache.identity(&daemon, &image), None);
        }
        assert_eq!((learn(&here("1")), learn(&here("2"))), (here("1"), here("1")));
        assert_eq!(cache.identity(&daemon, &image).map(Presence::Present), Some(here("1")));
        epoch.store(2, Ordering::SeqCst);
        assert_eq!(cache.identity(&daemon, &image), None);
        assert_eq!(learn(&here("2")), here("2"));
        epoch.store(0, Ordering::SeqCst);
        assert_eq!((cache.epoch(), cache.identity(&daemon, &image)), (None, None));
    }

    #[test]
    fn no_more_is_kept_than_has_room() {
        let (cache, _) = cache();
        for number in 0..=ENTRIES_MAX {
            assert!(asks(&cache, &format!("image{number}"), Some(present())));
        }
        assert_eq!(lock(&cache.facts).entries.len(), 1);
        let large = ImageFacts::Present {
            id: String::new(),
            names: vec![],
            user: None,
            environment: vec![crate::policy::types::EnvironmentEntry::parse("A").unwrap(); 257],
        };
        assert!(asks(&cache, "large", Some(large)) && asks(&cache, "large", None));
    }
}
