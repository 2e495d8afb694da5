//! Images that are looked for by name: answered by the cache, or by the daemon.

use std::io;
use std::sync::Arc;

use super::answers;
use super::daemon::{Daemon, Deadline, Reply};
use super::memory::{Image, ImageCache, Presence};
use crate::image::ImageRef;

/// Which image the daemon would use for `image` (Engine API `GET /images/{name}/json`), if that is not
/// known already.
pub fn identify(daemon: &Daemon, image: &ImageRef, cache: &ImageCache) -> Presence {
    match find((daemon, cache), image, Deadline::of_one_round()) {
        Ok(Some(found)) => Presence::Present(found.identity.clone()),
        Ok(None) => Presence::Absent,
        Err(_) => Presence::Unknown,
    }
}

/// What is known of an image, or what the daemon says of it; nothing if it has none.
///
/// # Errors
/// If it could not be asked, or its answer can't be read.
pub(super) fn find(
    (daemon, cache): (&Daemon, &ImageCache),
    image: &ImageRef,
    until: Deadline,
) -> io::Result<Option<Arc<Image>>> {
    cache.get_or_fetch(daemon, image, || {
        match daemon.get(&["images", &image.as_asked(), "json"], until)? {
            Reply::Absent => Ok(None),
            Reply::Found(body) => {
                answers::image(&body).map(Some).ok_or(io::ErrorKind::InvalidData.into())
            }
        }
    })
}
