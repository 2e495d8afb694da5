//! What was learned of images, for as long as it may be believed: what rules need, and which image a
//! name means.
//!
//! An answer is believed for [`LIFE`](super::epoch::LIFE) at most, which bounds what somebody beside SecDocker can
//! change unseen, and no longer than until a request passes that may change images: the author of the
//! cache says in which [`Epoch`] it is, and `None` while such a request is under way. An answer that was
//! asked for in one epoch is never kept in another, so none from before a change outlives it. After a
//! change that was lost sight of nothing is kept for as long as an answer lives.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use super::super::daemon::{Daemon, now};
use super::entries::Entries;
use super::epoch::{Epoch, Epochs, lock};
use super::identity::{Identity, Image};
use crate::image::ImageRef;

/// The most answers that are kept.
const ENTRIES_MAX: usize = 256;

/// The most names and variables of an image that is kept.
const VALUES_MAX: usize = 256;

type Key = (Daemon, ImageRef);

/// Answers about images, shared by the threads of the pool.
pub struct ImageCache {
    epochs: Epochs,
    images: Mutex<Entries<Key, Arc<Image>, ENTRIES_MAX>>,
    /// What daemons said of themselves whose builders were seen to heed source policies.
    heeding: Mutex<HashMap<Daemon, Vec<u8>>>,
}

impl fmt::Debug for ImageCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageCache").finish_non_exhaustive()
    }
}

impl ImageCache {
    /// An empty cache. `epoch` changes with every change of images, and is none during one.
    pub fn new(epoch: impl Fn() -> Option<Epoch> + Send + Sync + 'static) -> Self {
        let (images, heeding) = Default::default();
        Self { epochs: Epochs::new(Box::new(epoch)), images, heeding }
    }

    /// One that keeps nothing.
    pub fn disabled() -> Self {
        Self::new(|| None)
    }

    /// The epoch, if what is learned in it can be believed for the rest of it.
    pub fn epoch(&self) -> Option<Epoch> {
        self.epochs.sure()
    }

    /// Which image a name means, if that is known without asking anybody.
    pub fn identity(&self, daemon: &Daemon, image: &ImageRef) -> Option<Identity> {
        self.image(daemon, image).map(|image| image.identity.clone())
    }

    /// What is known of an image without asking anybody.
    pub(in crate::lookup) fn image(&self, daemon: &Daemon, image: &ImageRef) -> Option<Arc<Image>> {
        let epoch = self.epoch()?;
        self.kept(&(daemon.clone(), image.clone()), epoch)
    }

    /// What is known of an image, or what `learn` finds out. That there is none is not kept: it is likely to
    /// be fetched next, perhaps beside us.
    pub(in crate::lookup) fn get_or_fetch<E>(
        &self,
        daemon: &Daemon,
        image: &ImageRef,
        learn: impl FnOnce() -> Result<Option<Image>, E>,
    ) -> Result<Option<Arc<Image>>, E> {
        let before = self.epoch();
        let key = (daemon.clone(), image.clone());
        if let Some(known) = before.and_then(|epoch| self.kept(&key, epoch)) {
            return Ok(Some(known));
        }
        let Some(found) = learn()?.map(Arc::new) else { return Ok(None) };
        if let Some(epoch) = before.filter(|epoch| self.epochs.current() == Some(*epoch))
            && found.values() <= VALUES_MAX
        {
            self.keep(key, &found, epoch);
        }
        Ok(Some(found))
    }

    /// What was learned of a name is as true of its image: what is made of it is looked at by its
    /// identifier when it is started.
    fn keep(&self, key: Key, image: &Arc<Image>, epoch: Epoch) {
        let by_id = ImageRef::parse(&image.identity.id).ok();
        let by_id = by_id.filter(|id| matches!(id, ImageRef::Id(_)) && *id != key.1);
        let by_id = by_id.map(|id| (key.0.clone(), id));
        let mut images = lock(&self.images);
        for key in [key].into_iter().chain(by_id) {
            images.put(key, Arc::clone(image), (epoch, now()));
        }
    }

    fn kept(&self, key: &Key, epoch: Epoch) -> Option<Arc<Image>> {
        lock(&self.images).get(key, epoch, now()).map(Arc::clone)
    }

    /// Whether the builder of a daemon that says `version` of itself heeds source policies. One that was
    /// seen to do so does, for as long as it is the same daemon.
    pub(in crate::lookup) fn heeds_or_learn(
        &self,
        daemon: &Daemon,
        version: &[u8],
        learn: impl FnOnce() -> Option<bool>,
    ) -> Option<bool> {
        let heeding = || lock(&self.heeding);
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
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::policy::facts::ImageFacts;

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

    fn identified(id: &str) -> Image {
        let (id, names) = (id.to_owned(), vec![]);
        let facts =
            Some(ImageFacts::Present { id: id.clone(), names, user: None, environment: vec![] });
        Image { identity: Identity { id, ..Identity::default() }, facts }
    }

    fn present() -> Image {
        identified("")
    }

    /// Whether the daemon had to be asked.
    fn asks(cache: &ImageCache, image: &str, said: Option<Image>) -> bool {
        let mut asked = false;
        let image = ImageRef::parse(image).unwrap();
        let _ = cache.get_or_fetch(&Daemon::at("/x"), &image, || {
            asked = true;
            said.map(Some).ok_or(())
        });
        asked
    }

    #[test]
    fn what_was_learned_is_believed_until_the_epoch_changes() {
        let (cache, epoch) = cache();
        assert!(asks(&cache, "a", Some(present())));
        assert!(!asks(&cache, "a", Some(present())));
        assert!(asks(&cache, "b", None) && asks(&cache, "b", None));
        let (c, absent) = (ImageRef::parse("c").unwrap(), || Ok::<_, ()>(None));
        assert_eq!(cache.get_or_fetch(&Daemon::at("/x"), &c, absent), Ok(None));
        assert!(asks(&cache, "c", None));
        epoch.store(2, Ordering::SeqCst);
        assert!(asks(&cache, "a", Some(present())) && !asks(&cache, "a", None));
        epoch.store(0, Ordering::SeqCst);
        assert!(asks(&cache, "a", Some(present())) && asks(&cache, "a", Some(present())));
        let image = ImageRef::parse("a").unwrap();
        epoch.store(2, Ordering::SeqCst);
        let of_another = cache.get_or_fetch(&Daemon::at("/y"), &image, || Err(()));
        assert_eq!(of_another, Err(()), "of another daemon");
    }

    #[test]
    fn an_answer_from_before_a_change_is_not_kept() {
        let (cache, epoch) = cache();
        let image = ImageRef::parse("a").unwrap();
        for during in [0, 2] {
            epoch.store(1, Ordering::SeqCst);
            let learned = cache.get_or_fetch(&Daemon::at("/x"), &image, || {
                epoch.store(during, Ordering::SeqCst);
                Ok::<_, ()>(Some(present()))
            });
            assert_eq!(learned, Ok(Some(Arc::new(present()))));
            epoch.store(1, Ordering::SeqCst);
            assert!(asks(&cache, "a", None));
        }
    }

    #[test]
    fn what_is_known_of_a_name_is_known_of_its_image() {
        let (cache, epoch) = cache();
        let id = format!("sha256:{}", "1".repeat(64));
        let facts = || Some(identified(&id));
        assert!(asks(&cache, "a", facts()) && !asks(&cache, &id, None));
        epoch.store(2, Ordering::SeqCst);
        assert!(asks(&cache, &id, None), "it was from before a change");
        let image = ImageRef::parse("a").unwrap();
        let _ = cache.get_or_fetch(&Daemon::at("/x"), &image, || {
            epoch.store(3, Ordering::SeqCst);
            Ok::<_, ()>(facts())
        });
        assert!(asks(&cache, &id, None), "it is from during a change");
        epoch.store(0, Ordering::SeqCst);
        assert!(asks(&cache, "a", facts()) && asks(&cache, &id, facts()));
    }

    #[test]
    fn which_image_a_name_means_is_believed_as_long() {
        let (cache, epoch) = cache();
        let (daemon, image) = (Daemon::at("/x"), ImageRef::parse("a").unwrap());
        let here = |id: &str| Ok(Some(Arc::new(identified(id))));
        let learn = |said: &Result<Option<Arc<Image>>, ()>| {
            cache.get_or_fetch(&daemon, &image, || {
                said.clone().map(|it| it.map(Arc::unwrap_or_clone))
            })
        };
        for not_kept in [Ok(None), Err(())] {
            assert_eq!(learn(&not_kept), not_kept);
            assert_eq!(cache.identity(&daemon, &image), None);
        }
        assert_eq!((learn(&here("1")), learn(&here("2"))), (here("1"), here("1")));
        assert_eq!(cache.identity(&daemon, &image), Some(identified("1").identity));
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
        assert_eq!(lock(&cache.images).len(), 1);
        let mut large = present();
        if let Some(ImageFacts::Present { environment, .. }) = &mut large.facts {
            let entry = crate::policy::types::EnvironmentEntry::parse("A").unwrap();
            *environment = vec![entry; 257];
        }
        assert!(asks(&cache, "large", Some(large)) && asks(&cache, "large", None));
    }
}
