//! Which images are used, and which names they have.

use crate::image::{ImageName, ImageRef};
use crate::policy::judge::platform::AskedPlatform;

/// What a request does with images and their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageEffect {
    /// Uses this image of the daemon's: runs it, or gives it another name.
    Used(ImageRef),
    /// Has the content of this image, of which a container was made that has never run.
    MadeOf(Box<MadeOf>),
    /// Fetches images by their names, or gives such a name to something new: whatever the daemon has
    /// by that name now says nothing.
    Names(ImageNames),
    /// Makes images of content that no name says anything of: an archive's, a container's.
    Content,
    /// Brings a policy of its own about the sources of a build, which the daemon's builder is told.
    SourcePolicy,
    /// Gives this name to new content, or to an image that has another one.
    NameGiven(ImageRef),
    /// May give any name to new content.
    NamesUnseen,
    /// May take any name from the image that has it.
    NamesTaken,
    /// Takes this name from an image, or all names if it is its identifier.
    Removed(ImageRef),
    /// Asks for the build of the image that is for this platform.
    Platform(Box<AskedPlatform>),
}

/// The names by which images are fetched or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageNames {
    /// One name.
    One(ImageRef),
    /// Every tag of the repository of this name.
    EveryTag(ImageRef),
}

/// An image of which a container was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeOf {
    /// By its identifier.
    pub image: ImageRef,
    /// The name by which it was asked for, if it was no identifier.
    pub asked: Option<ImageName>,
}

/// Who has the content of the image that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The daemon; what it lacks does not run.
    Daemon,
    /// A registry: the nodes of a swarm fetch a name anew, whatever the daemon has by it.
    Registry,
}
