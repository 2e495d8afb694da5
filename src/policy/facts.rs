//! What a judgement must know of the outside: asked before, and given to it as plain values.

use std::collections::HashMap;
use std::net::IpAddr;

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
    /// What these devices of the host are.
    pub devices: Vec<HostPath>,
    /// Whether these addresses are the host's own.
    pub addresses: Vec<IpAddr>,
}

impl Questions {
    /// Whether nothing must be asked.
    pub fn is_empty(&self) -> bool {
        let Self { links, images, networks, devices, addresses } = self;
        links.is_empty()
            && images.is_empty()
            && networks.is_empty()
            && devices.is_empty()
            && addresses.is_empty()
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

/// What the host's file system says of a path that is asked for as a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceFacts {
    /// A disk, or a folder with one in it: whoever can read and write it has the files of the host.
    Disk,
    /// None of these.
    Other,
}

/// Whose an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFacts {
    /// The host's own.
    Own,
    /// Another machine's.
    Other,
}

/// The answers. What is missing could not be learned.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    links: HashMap<HostPath, HostPath>,
    images: HashMap<ImageRef, ImageFacts>,
    networks: HashMap<String, NetworkFacts>,
    aliases: HashMap<HostPath, Vec<HostPath>>,
    devices: HashMap<HostPath, DeviceFacts>,
    addresses: HashMap<IpAddr, AddressFacts>,
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

    /// Remembers under which other paths the host has what a path leads to, or a part of it: the
    /// same file system mounted twice.
    pub fn add_aliases(&mut self, path: HostPath, aliases: Vec<HostPath>) {
        self.aliases.insert(path, aliases);
    }

    /// Other paths of the same files; none are known of a path that was not asked for.
    pub fn aliases(&self, path: &HostPath) -> &[HostPath] {
        self.aliases.get(path).map_or(&[], Vec::as_slice)
    }

    /// Remembers what a device is.
    pub fn add_device(&mut self, path: HostPath, facts: DeviceFacts) {
        self.devices.insert(path, facts);
    }

    /// What a device is, if that was learned.
    pub fn device(&self, path: &HostPath) -> Option<DeviceFacts> {
        self.devices.get(path).copied()
    }

    /// Remembers whose an address is.
    pub fn add_address(&mut self, address: IpAddr, facts: AddressFacts) {
        self.addresses.insert(address, facts);
    }

    /// Whose an address is, if that was learned.
    pub fn address(&self, address: IpAddr) -> Option<AddressFacts> {
        self.addresses.get(&address).copied()
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
