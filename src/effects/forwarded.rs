//! What goes to the daemon in place of what was sent.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::building::served::ServedBuild;
use super::changes::Changes;
use crate::policy::exceptions::Granted;
use crate::policy::review::AskedImage;

/// An exception that was used, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excepted {
    /// The image that it is for, as configured.
    pub image: String,
    /// What would have been forbidden, by which rules.
    pub lifted: String,
    /// Why it is excepted.
    pub reason: String,
}

impl From<&Granted> for Excepted {
    fn from(granted: &Granted) -> Self {
        let Granted { image, reason, lifted, .. } = granted;
        let lifted = lifted.sentences().to_string();
        Self { image: image.clone(), lifted, reason: reason.clone() }
    }
}

/// What goes to the daemon in place of what was sent, beside the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// The request target, where it is written anew; as it was sent otherwise.
    pub target: Option<String>,
    /// What was forced, for the log.
    pub changes: Changes,
    /// The image that plugins may be asked about.
    pub image: Option<AskedImage>,
    /// Those of a build, as far as they are named.
    pub built_upon: Vec<AskedImage>,
    /// The build that takes its Dockerfile from the client's session, where that is judged.
    pub served: Option<Arc<ServedBuild>>,
    /// Whether it is a session in which Dockerfiles are judged.
    pub serves: bool,
    /// The exception without which it would be refused, or forced to something else.
    pub excepted: Option<Box<Excepted>>,
    /// Where its name stands in the body, if a container is made of it.
    pub(super) image_at: Option<Range<usize>>,
}

impl Forwarded {
    /// All images that plugins may be asked about.
    pub fn asked_images(&self) -> impl Iterator<Item = &AskedImage> {
        self.image.iter().chain(&self.built_upon)
    }

    /// The body that was written for a container, of the image with this `sha256:…`: its name may mean
    /// another one meanwhile. None if the body is not that of a container.
    pub fn pin<'b>(&mut self, body: &'b [u8], id: &str) -> Option<Cow<'b, [u8]>> {
        let Range { start, end } = self.image_at.clone()?;
        let (before, named, behind) = (body.get(..start)?, body.get(start..end)?, body.get(end..)?);
        let id_in_json = serde_json::to_vec(id).ok()?;
        if named == id_in_json {
            return Some(Cow::Borrowed(body));
        }
        self.changes.push("Image", id);
        Some(Cow::Owned([before, &id_in_json, behind].concat()))
    }
}

impl From<Changes> for Forwarded {
    fn from(changes: Changes) -> Self {
        Self { changes, ..Self::default() }
    }
}
