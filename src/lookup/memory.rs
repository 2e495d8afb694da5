//! All that is remembered from one request to the next of what daemons have.

mod cache;
mod entries;
mod epoch;
mod identity;
mod volumes;

pub use cache::ImageCache;
pub use epoch::Epoch;
pub(super) use identity::Image;
pub use identity::{Identity, Presence};
use volumes::Remembered;

/// What is remembered; shared by all loops and the threads of the pool.
#[derive(Debug)]
pub struct Memory {
    /// Images.
    pub images: ImageCache,
    /// Volumes and networks.
    pub(super) volumes: Remembered,
}

impl Memory {
    /// An empty one. Each epoch changes with every change that passes through SecDocker, of images, and of volumes
    /// and networks; there is none during one.
    pub fn new(
        of_images: impl Fn() -> Option<Epoch> + Send + Sync + 'static,
        of_volumes: impl Fn() -> Option<Epoch> + Send + Sync + 'static,
    ) -> Self {
        let volumes = Remembered::new(Box::new(of_volumes));
        Self { images: ImageCache::new(of_images), volumes }
    }

    /// One that keeps nothing.
    pub fn none() -> Self {
        Self::new(|| None, || None)
    }
}
