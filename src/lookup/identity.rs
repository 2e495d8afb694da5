//! Which image a name means on this host just now: what plugins learn about it.

use std::io;
use std::time::Duration;

use serde::Deserialize;

use super::cache::ImageCache;
use super::daemon::{Daemon, Deadline, Reply};
use crate::image::ImageRef;

/// An image as the daemon identifies it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Identity {
    /// `sha256:…`.
    pub id: String,
    /// `name@sha256:…` for each registry that it is known to be in.
    #[serde(default, deserialize_with = "or_none")]
    pub repo_digests: Vec<String>,
    /// `name:tag` for each of its names.
    #[serde(default, deserialize_with = "or_none")]
    pub repo_tags: Vec<String>,
}

/// Whether the daemon has an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It has this one.
    Present(Identity),
    /// It has none.
    Absent,
    /// It could not be asked.
    Unknown,
}

/// The daemon says `null` where there are none.
fn or_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Which image the daemon would use for `image` (Engine API `GET /images/{name}/json`), if that is not
/// known already.
pub fn identify(daemon: &Daemon, image: &ImageRef, cache: &ImageCache) -> Presence {
    cache.identity_or_learn(daemon, image, || identify_now(daemon, image))
}

fn identify_now(daemon: &Daemon, image: &ImageRef) -> Presence {
    match daemon.get(&["images", &image.as_asked(), "json"], Deadline::of_one_round()) {
        Ok(Reply::Found(body)) => {
            serde_json::from_slice(&body).map_or(Presence::Unknown, Presence::Present)
        }
        Ok(Reply::Absent) => Presence::Absent,
        Err(_) => Presence::Unknown,
    }
}

/// Asks the daemon for a target that is written as it goes out, for `patience` at most: the status
/// and the body.
///
/// # Errors
/// If the daemon can't be reached, takes too long, or answers more than can be held.
pub fn get(daemon: &Daemon, target: &str, patience: Duration) -> io::Result<(u16, Vec<u8>)> {
    daemon.ask(target, Deadline::after(patience))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn digests_may_be_null_and_an_id_must_be_there() {
        let read = |json| serde_json::from_str::<Identity>(json);
        let bare = Identity { id: "sha256:00".into(), ..Identity::default() };
        let json = r#"{"Id":"sha256:00","RepoDigests":null,"RepoTags":null,"x":1}"#;
        assert_eq!(read(json).unwrap(), bare);
        assert_eq!(read(r#"{"Id":"sha256:00"}"#).unwrap(), bare);
        let both = read(r#"{"Id":"sha256:00","RepoDigests":["a@sha256:11"]}"#).unwrap();
        assert_eq!(both.repo_digests, ["a@sha256:11"]);
        assert_eq!(read(r#"{"Id":"sha256:00","RepoTags":["a:1"]}"#).unwrap().repo_tags, ["a:1"]);
        assert!(read(r#"{"RepoDigests":[]}"#).is_err());
    }
}
