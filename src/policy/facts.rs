//! What a judgement must know of the outside: asked before, and given to it as plain values.

use std::collections::HashMap;

use super::types::{HostPath, UserSpec};
use crate::image::{ImageName, ImageRef};

/// What must be asked before a request can be judged. Empty for most requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Where the symbolic links in these paths lead.
    pub links: Vec<HostPath>,
    /// What the daemon knows of these images.
    pub images: Vec<ImageRef>,
    /// Whether these networks, by name or identifier, are the host's own.
    pub networks: Vec<String>,
}

impl Questions {
    /// Whether nothing must be asked.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty() && self.images.is_empty() && self.networks.is_empty()
    }
}

/// What the daemon says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFacts {
    /// It has no such image, and will say so itself.
    Absent,
    /// It has one.
    Present {
        /// All its names, tags and digests alike.
        names: Vec<ImageName>,
        /// The user it runs as; `None` if it names none, which is root.
        user: Option<UserSpec>,
    },
}

/// What the daemon says of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFacts {
    /// It is that of the host.
    Host,
    /// It is another one, or there is none.
    Other,
}

/// The answers. What is missing could not be learned.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    links: HashMap<HostPath, HostPath>,
    images: HashMap<ImageRef, ImageFacts>,
    networks: HashMap<String, NetworkFacts>,
}

impl Facts {
    /// Nothing is known.
    pub fn none() -> Self {
        Self::default()
    }

    /// Remembers where a path leads; to itself, if no link is in it.
    pub fn add_link(&mut self, path: HostPath, leads_to: HostPath) {
        self.links.insert(path, leads_to);
    }

    /// Where a path leads, if that was learned.
    pub fn link(&self, path: &HostPath) -> Option<&HostPath> {
        self.links.get(path)
    }

    /// Remembers what the daemon says of an image.
    pub fn add_image(&mut self, image: ImageRef, facts: ImageFacts) {
        self.images.insert(image, facts);
    }

    /// What the daemon says of an image, if that was learned.
    pub fn image(&self, image: &ImageRef) -> Option<&ImageFacts> {
        self.images.get(image)
    }

    /// Remembers what the daemon says of a network.
    pub fn add_network(&mut self, name: String, facts: NetworkFacts) {
        self.networks.insert(name, facts);
    }

    /// What the daemon says of a network, if that was learned.
    pub fn network(&self, name: &str) -> Option<NetworkFacts> {
        self.networks.get(name).copied()
    }
}
