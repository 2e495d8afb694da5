//! What a judgement must know of the outside: asked before, and given to it as plain values.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;

use crate::image::{ImageName, ImageRef};
use crate::policy::ceilings::{Ceilings, CpuLimit};
use crate::policy::day::Day;
use crate::policy::effects::{Effect, Namespace};
use crate::policy::judge::platform::ImageBuild;
use crate::policy::judge::versions::ApiVersion;
use crate::policy::rules::images::ImageRule;
use crate::policy::rules::subnets::Subnet;
use crate::policy::types::{EnvironmentEntry, HostPath, UserSpec};

mod unresolved;

pub use unresolved::Unresolved;

/// The most that the daemon is asked for one request, in all rounds together. What comes on top
/// stays unknown, and so is refused.
pub const QUESTIONS_MAX: usize = 64;

/// How often the answers may lead to further questions: another's mounts to a volume, the volume to
/// a path, the path to where its links lead.
pub const ROUNDS_MAX: usize = 4;

/// What must be asked before a request can be judged. Empty for most requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Where the symbolic links in these paths lead.
    pub links: Vec<HostPath>,
    /// What the daemon knows of these images.
    pub images: Vec<ImageRef>,
    /// What the daemon knows of these builds of images.
    pub builds: Vec<ImageBuild>,
    /// Whether these networks, by name or identifier, are the host's own.
    pub networks: Vec<String>,
    /// What these volumes are, if they exist already.
    pub volumes: Vec<String>,
    /// What these containers, by name or identifier, have been given.
    pub containers: Vec<String>,
    /// What these services, by name or identifier, were before.
    pub services: Vec<String>,
    /// What these nodes of the swarm, by name or identifier, are.
    pub nodes: Vec<String>,
    /// What these devices of the host are.
    pub devices: Vec<HostPath>,
    /// What these devices are, by their names in CDI.
    pub cdi: Vec<String>,
    /// Whether the host has interfaces of these names.
    pub interfaces: Vec<String>,
    /// Whether these addresses are the host's own.
    pub addresses: Vec<IpAddr>,
    /// What of the host these subnets overlap.
    pub subnets: Vec<Subnet>,
    /// Which images the daemon has, and by which names.
    pub image_list: bool,
    /// The names that count in that list; said only if it is asked for.
    pub image_rules: Vec<ImageRule>,
    /// If all names of the images in that list are asked for, and not only those that count: these
    /// images, by identifier, are in it whatever they are called.
    pub image_names: Option<Vec<String>>,
    /// If all names are asked for and images are listed that may be used: those that have no name which
    /// this list allows are in it as well.
    pub images_allowed: Option<Vec<ImageRule>>,
    /// Which version of its API the daemon speaks with clients that name none.
    pub api_version: bool,
    /// Whether the daemon's builder heeds source policies.
    pub source_policies: bool,
    /// Which runtimes the daemon has.
    pub runtimes: bool,
    /// How many containers have this value of the label by which they are counted.
    pub owned: Option<String>,
    /// What day it is.
    pub today: bool,
    /// What would be forced on a service; said only if one is asked for.
    pub ceilings: Ceilings,
}

impl Questions {
    /// Whether nothing must be asked.
    pub fn is_empty(&self) -> bool {
        let Self {
            links,
            images,
            builds,
            networks,
            volumes,
            containers,
            services,
            nodes,
            devices,
            cdi,
            interfaces,
            addresses,
            subnets,
            image_list,
            image_rules: _,
            image_names: _,
            images_allowed: _,
            api_version,
            source_policies,
            runtimes,
            owned,
            today,
            ceilings: _,
        } = self;
        !image_list
            && !api_version
            && !source_policies
            && !runtimes
            && owned.is_none()
            && !today
            && links.is_empty()
            && images.is_empty()
            && builds.is_empty()
            && networks.is_empty()
            && volumes.is_empty()
            && containers.is_empty()
            && services.is_empty()
            && nodes.is_empty()
            && devices.is_empty()
            && cdi.is_empty()
            && interfaces.is_empty()
            && addresses.is_empty()
            && subnets.is_empty()
    }

    /// What the host itself knows; the rest, which only the daemon knows, stays.
    #[must_use]
    pub fn take_about_host(&mut self) -> Self {
        let (links, devices) = (std::mem::take(&mut self.links), std::mem::take(&mut self.devices));
        let addresses = std::mem::take(&mut self.addresses);
        let subnets = std::mem::take(&mut self.subnets);
        let interfaces = std::mem::take(&mut self.interfaces);
        let today = std::mem::take(&mut self.today);
        Self { links, devices, addresses, subnets, interfaces, today, ..Self::default() }
    }

    /// Leaves out what was asked already, says nothing twice, and no more than one request may ask.
    pub(super) fn settle(&mut self, facts: &Facts) {
        facts.links.keep_new(&mut self.links, usize::MAX);
        facts.devices.keep_new(&mut self.devices, usize::MAX);
        facts.cdi.keep_new(&mut self.cdi, QUESTIONS_MAX.saturating_sub(facts.cdi.0.len()));
        facts.addresses.keep_new(&mut self.addresses, usize::MAX);
        facts.interfaces.keep_new(&mut self.interfaces, usize::MAX);
        facts.subnets.keep_new(&mut self.subnets, usize::MAX);
        self.image_list &= matches!(facts.image_list, ImageList::NotAsked);
        self.api_version &= facts.api_version.is_none();
        self.source_policies &= facts.source_policies.is_none();
        self.runtimes &= facts.runtimes.is_none();
        self.owned = self.owned.take().filter(|_| facts.owned.is_none());
        self.today &= facts.today.is_none();
        let mut left = QUESTIONS_MAX.saturating_sub(facts.asked_of_daemon());
        left -= facts.images.keep_new(&mut self.images, left);
        left -= facts.builds.keep_new(&mut self.builds, left);
        left -= facts.networks.keep_new(&mut self.networks, left);
        left -= facts.volumes.keep_new(&mut self.volumes, left);
        left -= facts.containers.keep_new(&mut self.containers, left);
        left -= facts.services.keep_new(&mut self.services, left);
        facts.nodes.keep_new(&mut self.nodes, left);
    }
}

/// What the daemon says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFacts {
    /// It has no such image.
    Absent,
    /// It has one.
    Present {
        /// `sha256:…`.
        id: String,
        /// All its names, tags and digests alike.
        names: Vec<ImageName>,
        /// The user it runs as; `None` if it names none, which is root.
        user: Option<UserSpec>,
        /// The variables that it sets.
        environment: Vec<EnvironmentEntry>,
    },
}

/// An image and its names, tags and digests alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedImage {
    /// `sha256:…`.
    pub id: String,
    /// All that can be read.
    pub names: Vec<ImageName>,
}

impl NamedImage {
    /// An image with these names. What is none is left out: no rule can be about it.
    pub fn new<'a>(id: String, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().filter_map(|name| match ImageRef::parse(name) {
            Ok(ImageRef::Named(name)) => Some(name),
            Ok(ImageRef::Id(_)) | Err(_) => None,
        });
        Self { id, names: names.collect() }
    }
}

/// The images that the daemon has a name for.
#[derive(Debug, Clone, Default)]
enum ImageList {
    #[default]
    NotAsked,
    Unresolved,
    Learned(Vec<NamedImage>),
}

/// The OCI runtimes that the daemon has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtimes {
    /// The one that runs containers that name none.
    pub default: String,
    /// Their names, and the program or the kind of each.
    pub programs: Vec<(String, String)>,
}

/// What the daemon says of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkFacts {
    /// It is that of the host.
    Host,
    /// It is another one with these subnets, or there is none.
    Other(Vec<Subnet>),
}

/// What of the host a subnet overlaps: the first of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubnetFacts {
    /// An address of its own.
    pub address: Option<Subnet>,
    /// Where it sends what it has for others.
    pub route: Option<Subnet>,
    /// A gateway, a name server, the daemon's own address.
    pub server: Option<Subnet>,
}

/// What the daemon says of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeFacts {
    /// There is none: it will be created as the request says.
    Absent,
    /// To mount it is this.
    Present(Vec<Effect>),
}

/// What the daemon says of a container.
#[expect(clippy::large_enum_variant, reason = "nearly every one asked for is there")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerFacts {
    /// There is none.
    Absent,
    /// It has been given this.
    Present(Container),
}

/// What a container has been given, as far as others can get it from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// What it can be called: its identifier and its name.
    pub names: Vec<String>,
    /// The image that it was made of, by its identifier.
    pub image: Option<ImageRef>,
    /// What it brings about to start it for the first time: its image, user and variables. Nothing if it
    /// has run; `None` if it can't be read.
    pub first_run: Option<Vec<Effect>>,
    /// Whom its own command runs as.
    pub user: UserSpec,
    /// Whether all that runs in it is privileged.
    pub is_privileged: bool,
    /// The namespaces that it shares, as it was made.
    pub shares: Vec<Namespace>,
    /// Those of the host that its process shares, if it runs and that can be seen: a container whose
    /// namespace it has joined may be gone.
    pub shares_of_host: Option<Vec<Namespace>>,
    /// The networks that it joins whenever it is started, by name or identifier.
    pub networks: Vec<String>,
    /// What it may do beside: capabilities, devices, security options. `None` if it can't be read.
    pub powers: Option<Vec<Effect>>,
    /// To take over its mounts is this.
    pub mounts: Vec<Effect>,
    /// How its CPU time is limited.
    pub cpu: CpuLimit,
    /// The paths of devices of the host that it uses.
    pub devices: Vec<HostPath>,
}

/// What the daemon says of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceFacts {
    /// There is none, and the daemon will say so itself.
    Absent,
    /// There is one.
    Present {
        /// The version of its specification; an update of any other is refused by the daemon.
        version: u64,
        /// To return to the specification before this one is this. Nothing if there was none.
        effects: Vec<Effect>,
        /// What `general` would change of that specification.
        forced: Vec<&'static str>,
    },
}

/// What the daemon says of a node of the swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeFacts {
    /// There is none, and the daemon will say so itself.
    Absent,
    /// There is one.
    Present {
        /// Its identifier.
        id: String,
        /// The version of its specification; an update of any other is refused by the daemon.
        version: u64,
        /// Whether that says that it is to be a manager.
        is_manager: bool,
    },
}

/// What the host's file system says of a path that is asked for as a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceFacts {
    /// A disk, or a folder with one in it: anyone who can read and write it has the files of the host.
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

/// The answers to one kind of question; `None` to what was asked and could not be learned.
#[derive(Debug, Clone)]
struct Answers<Q, A>(HashMap<Q, Option<A>>);

impl<Q, A> Default for Answers<Q, A> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Q: Eq + Hash + Clone, A> Answers<Q, A> {
    fn get<B: Eq + Hash + ?Sized>(&self, question: &B) -> Option<&A>
    where
        Q: Borrow<B>,
    {
        self.0.get(question)?.as_ref()
    }

    /// Drops what was asked before or stands there twice, and all beyond the first `most`; answers
    /// how many are left.
    fn keep_new(&self, questions: &mut Vec<Q>, most: usize) -> usize {
        let mut seen = HashSet::new();
        questions
            .retain(|question| !self.0.contains_key(question) && seen.insert(question.clone()));
        questions.truncate(most);
        questions.len()
    }

    /// What was asked and has no answer.
    fn unresolved(&self) -> impl Iterator<Item = &Q> {
        self.0.iter().filter(|(_, answer)| answer.is_none()).map(|(question, _)| question)
    }

    /// Notes what was asked and has no answer.
    fn note(&mut self, asked: &[Q]) {
        for question in asked {
            self.0.entry(question.clone()).or_insert(None);
        }
    }
}

/// The answers. What is missing could not be learned.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    links: Answers<HostPath, HostPath>,
    images: Answers<ImageRef, ImageFacts>,
    builds: Answers<ImageBuild, ImageFacts>,
    networks: Answers<String, NetworkFacts>,
    volumes: Answers<String, VolumeFacts>,
    containers: Answers<String, ContainerFacts>,
    services: Answers<String, ServiceFacts>,
    nodes: Answers<String, NodeFacts>,
    aliases: HashMap<HostPath, Vec<HostPath>>,
    devices: Answers<HostPath, DeviceFacts>,
    cdi: Answers<String, Vec<Effect>>,
    interfaces: Answers<String, bool>,
    addresses: Answers<IpAddr, AddressFacts>,
    subnets: Answers<Subnet, SubnetFacts>,
    image_list: ImageList,
    /// `None` if it was not asked for, and none in it if it could not be learned.
    api_version: Option<Option<ApiVersion>>,
    source_policies: Option<Option<bool>>,
    limits_steps: Option<bool>,
    runtimes: Option<Option<Runtimes>>,
    owned: Option<Option<usize>>,
    today: Option<Day>,
    /// By identifier.
    former_names: HashMap<String, Vec<ImageName>>,
    /// Those that had a forbidden name which is not remembered.
    forbidden: HashSet<String>,
    is_late: bool,
    is_assumed: bool,
}

impl Facts {
    /// Nothing is known.
    pub fn none() -> Self {
        Self::default()
    }

    /// Notes all that was asked, so that nothing is asked again.
    pub fn note(&mut self, asked: &Questions) {
        let Questions {
            links,
            images,
            builds,
            networks,
            volumes,
            containers,
            services,
            nodes,
            devices,
            cdi,
            interfaces,
            addresses,
            subnets,
            image_list,
            image_rules: _,
            image_names: _,
            images_allowed: _,
            api_version,
            source_policies,
            runtimes,
            owned,
            today: _, // It is always known.
            ceilings: _,
        } = asked;
        if owned.is_some() {
            self.owned = Some(None);
        }
        if *runtimes {
            self.runtimes = Some(None);
        }
        if *source_policies {
            self.source_policies = Some(None);
        }
        if *api_version {
            self.api_version = Some(None);
        }
        if *image_list {
            self.image_list = ImageList::Unresolved;
        }
        self.devices.note(devices);
        self.cdi.note(cdi);
        self.interfaces.note(interfaces);
        self.addresses.note(addresses);
        self.subnets.note(subnets);
        self.links.note(links);
        self.images.note(images);
        self.builds.note(builds);
        self.networks.note(networks);
        self.volumes.note(volumes);
        self.containers.note(containers);
        self.services.note(services);
        self.nodes.note(nodes);
    }

    /// Remembers that an answer was not there in time: asked again, it may be.
    pub fn note_late(&mut self) {
        self.is_late = true;
    }

    /// Whether an answer that is missing was not there in time.
    pub fn is_late(&self) -> bool {
        self.is_late
    }

    /// Remembers that nobody could be asked about images: those that are absent may be there.
    pub fn note_assumed(&mut self) {
        self.is_assumed = true;
    }

    /// Whether images that are absent may be there.
    pub fn is_assumed(&self) -> bool {
        self.is_assumed
    }

    /// Adds the answers of a further round.
    pub fn add(&mut self, further: Self) {
        let Self {
            links,
            images,
            builds,
            networks,
            volumes,
            containers,
            services,
            nodes,
            aliases,
            devices,
            cdi,
            interfaces,
            addresses,
            subnets,
            image_list,
            api_version,
            source_policies,
            limits_steps,
            runtimes,
            owned,
            today,
            former_names,
            forbidden,
            is_late,
            is_assumed,
        } = further;
        self.runtimes = runtimes.or(self.runtimes.take());
        self.owned = owned.or(self.owned);
        self.source_policies = source_policies.or(self.source_policies);
        self.limits_steps = limits_steps.or(self.limits_steps);
        self.api_version = api_version.or(self.api_version);
        self.today = today.or(self.today);
        self.is_late |= is_late;
        self.is_assumed |= is_assumed;
        if !matches!(image_list, ImageList::NotAsked) {
            self.image_list = image_list;
        }
        self.former_names.extend(former_names);
        self.forbidden.extend(forbidden);
        self.aliases.extend(aliases);
        self.devices.0.extend(devices.0);
        self.cdi.0.extend(cdi.0);
        self.interfaces.0.extend(interfaces.0);
        self.addresses.0.extend(addresses.0);
        self.subnets.0.extend(subnets.0);
        self.links.0.extend(links.0);
        self.images.0.extend(images.0);
        self.builds.0.extend(builds.0);
        self.networks.0.extend(networks.0);
        self.volumes.0.extend(volumes.0);
        self.containers.0.extend(containers.0);
        self.services.0.extend(services.0);
        self.nodes.0.extend(nodes.0);
    }

    fn asked_of_daemon(&self) -> usize {
        let named = self.networks.0.len() + self.volumes.0.len() + self.containers.0.len();
        self.images.0.len()
            + self.builds.0.len()
            + self.services.0.len()
            + self.nodes.0.len()
            + named
    }

    /// Remembers where a path leads; to itself, if no link is in it.
    pub fn add_link(&mut self, path: HostPath, leads_to: HostPath) {
        self.links.0.insert(path, Some(leads_to));
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
        self.devices.0.insert(path, Some(facts));
    }

    /// What a device is, if that was learned.
    pub fn device(&self, path: &HostPath) -> Option<DeviceFacts> {
        self.devices.get(path).copied()
    }

    /// Remembers what it is to use a device, by its name in CDI.
    pub fn add_cdi(&mut self, name: String, effects: Vec<Effect>) {
        self.cdi.0.insert(name, Some(effects));
    }

    /// What it is to use a device, by its name in CDI, if that was learned.
    pub fn cdi(&self, name: &str) -> Option<&[Effect]> {
        self.cdi.get(name).map(Vec::as_slice)
    }

    /// Remembers whether the host has an interface.
    pub fn add_interface(&mut self, name: String, is_there: bool) {
        self.interfaces.0.insert(name, Some(is_there));
    }

    /// Whether the host has an interface of this name, if that was learned.
    pub fn interface(&self, name: &str) -> Option<bool> {
        self.interfaces.get(name).copied()
    }

    /// Remembers whose an address is.
    pub fn add_address(&mut self, address: IpAddr, facts: AddressFacts) {
        self.addresses.0.insert(address, Some(facts));
    }

    /// Whose an address is, if that was learned.
    pub fn address(&self, address: IpAddr) -> Option<AddressFacts> {
        self.addresses.get(&address).copied()
    }

    /// Remembers what of the host a subnet overlaps.
    pub fn add_subnet(&mut self, subnet: Subnet, facts: SubnetFacts) {
        self.subnets.0.insert(subnet, Some(facts));
    }

    /// What of the host a subnet overlaps, if that was learned.
    pub fn subnet(&self, subnet: Subnet) -> Option<SubnetFacts> {
        self.subnets.get(&subnet).copied()
    }

    /// Remembers what the daemon says of an image.
    pub fn add_image(&mut self, image: ImageRef, facts: ImageFacts) {
        self.images.0.insert(image, Some(facts));
    }

    /// What the daemon says of an image, if that was learned.
    pub fn image(&self, image: &ImageRef) -> Option<&ImageFacts> {
        self.images.get(image)
    }

    /// Remembers what the daemon says of one build of an image.
    pub fn add_build(&mut self, build: ImageBuild, facts: ImageFacts) {
        self.builds.0.insert(build, Some(facts));
    }

    /// What the daemon says of one build of an image, if that was learned.
    pub fn build(&self, build: &ImageBuild) -> Option<&ImageFacts> {
        self.builds.get(build)
    }

    /// Remembers which images the daemon has.
    pub fn add_image_list(&mut self, images: Vec<NamedImage>) {
        self.image_list = ImageList::Learned(images);
    }

    /// The images that the daemon has, if that was learned.
    pub fn image_list(&self) -> Option<&[NamedImage]> {
        match &self.image_list {
            ImageList::Learned(images) => Some(images),
            ImageList::NotAsked | ImageList::Unresolved => None,
        }
    }

    /// The images of which anything was learned, by identifier.
    pub fn images_by_id(&self) -> impl Iterator<Item = (&str, &[ImageName])> {
        let looked_at = self.images.0.values().flatten().filter_map(|facts| match facts {
            ImageFacts::Absent => None,
            ImageFacts::Present { id, names, .. } => Some((id.as_str(), names.as_slice())),
        });
        let listed = self.image_list().unwrap_or_default();
        looked_at.chain(listed.iter().map(|image| (image.id.as_str(), image.names.as_slice())))
    }

    /// Remembers names that an image has had.
    pub fn add_former_names(&mut self, id: String, names: Vec<ImageName>) {
        self.former_names.insert(id, names);
    }

    /// Names that the image of this identifier has had, as far as it matters.
    pub fn former_names(&self, id: &str) -> &[ImageName] {
        self.former_names.get(id).map_or(&[], Vec::as_slice)
    }

    /// Remembers whether the daemon's builder heeds source policies.
    pub fn add_source_policies(&mut self, are_heeded: bool) {
        self.source_policies = Some(Some(are_heeded));
    }

    /// Whether the daemon's builder heeds source policies, if that was learned.
    pub fn source_policies(&self) -> Option<bool> {
        self.source_policies.flatten()
    }

    /// Remembers whether the daemon's builder limits each step as it is told to.
    pub fn add_limits_steps(&mut self, are_known: bool) {
        self.limits_steps = Some(are_known);
    }

    /// Whether the daemon's builder limits each step as it is told to, if that was learned.
    pub fn limits_steps(&self) -> Option<bool> {
        self.limits_steps
    }

    /// Remembers how many containers are counted.
    pub fn add_owned(&mut self, count: usize) {
        self.owned = Some(Some(count));
    }

    /// How many containers are counted, if that was learned.
    pub fn owned(&self) -> Option<usize> {
        self.owned.flatten()
    }

    /// Remembers which runtimes the daemon has.
    pub fn add_runtimes(&mut self, runtimes: Runtimes) {
        self.runtimes = Some(Some(runtimes));
    }

    /// Which runtimes the daemon has, if that was learned.
    pub fn runtimes(&self) -> Option<&Runtimes> {
        self.runtimes.as_ref()?.as_ref()
    }

    /// Remembers which version of its API the daemon speaks with clients that name none.
    pub fn add_api_version(&mut self, version: ApiVersion) {
        self.api_version = Some(Some(version));
    }

    /// Which version of its API the daemon speaks with clients that name none, if that was learned.
    pub fn api_version(&self) -> Option<ApiVersion> {
        self.api_version.flatten()
    }

    /// Remembers that an image has had a forbidden name.
    pub fn mark_forbidden(&mut self, id: String) {
        self.forbidden.insert(id);
    }

    /// Whether the image of this identifier has had a forbidden name that is not remembered.
    pub fn was_forbidden(&self, id: &str) -> bool {
        self.forbidden.contains(id)
    }

    /// Remembers what the daemon says of a network.
    pub fn add_network(&mut self, name: String, facts: NetworkFacts) {
        self.networks.0.insert(name, Some(facts));
    }

    /// What the daemon says of a network, if that was learned.
    pub fn network(&self, name: &str) -> Option<&NetworkFacts> {
        self.networks.get(name)
    }

    /// Remembers what the daemon says of a volume.
    pub fn add_volume(&mut self, name: String, facts: VolumeFacts) {
        self.volumes.0.insert(name, Some(facts));
    }

    /// What the daemon says of a volume, if that was learned.
    pub fn volume(&self, name: &str) -> Option<&VolumeFacts> {
        self.volumes.get(name)
    }

    /// Remembers what the daemon says of a container.
    pub fn add_container(&mut self, name: String, facts: ContainerFacts) {
        self.containers.0.insert(name, Some(facts));
    }

    /// Remembers what day it is.
    pub fn add_today(&mut self, today: Day) {
        self.today = Some(today);
    }

    /// What day it is, if that was asked.
    pub fn today(&self) -> Option<Day> {
        self.today
    }

    /// How the CPU time of a container is limited.
    pub fn cpu_limit(&self, container: &str) -> CpuLimit {
        match self.container(container) {
            Some(ContainerFacts::Present(Container { cpu, .. })) => *cpu,
            Some(ContainerFacts::Absent) | None => CpuLimit::QuotaOrNone,
        }
    }

    /// What the daemon says of a container, if that was learned.
    pub fn container(&self, name: &str) -> Option<&ContainerFacts> {
        self.containers.get(name)
    }

    /// Remembers what the daemon says of a service.
    pub fn add_service(&mut self, name: String, facts: ServiceFacts) {
        self.services.0.insert(name, Some(facts));
    }

    /// Remembers what the daemon says of a node.
    pub fn add_node(&mut self, name: String, facts: NodeFacts) {
        self.nodes.0.insert(name, Some(facts));
    }

    /// What the daemon says of a node, if that was learned.
    pub fn node(&self, name: &str) -> Option<&NodeFacts> {
        self.nodes.get(name)
    }

    /// What the daemon says of a service, if that was learned.
    pub fn service(&self, name: &str) -> Option<&ServiceFacts> {
        self.services.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volumes(names: impl IntoIterator<Item = String>) -> Questions {
        Questions { volumes: names.into_iter().collect(), ..Questions::default() }
    }

    #[test]
    fn nothing_is_asked_twice_and_no_more_than_one_request_may() {
        let mut facts = Facts::none();
        let mut first = volumes(["a", "b", "a"].map(str::to_owned));
        first.settle(&facts);
        assert_eq!(first.volumes, ["a", "b"]);
        facts.note(&first);
        facts.add_volume("a".to_owned(), VolumeFacts::Absent);
        assert_eq!((facts.volume("a"), facts.volume("b")), (Some(&VolumeFacts::Absent), None));
        let mut again = volumes(["b", "c"].map(str::to_owned));
        again.settle(&facts);
        assert_eq!(again.volumes, ["c"]);
        let mut many = volumes((0..100).map(|number| number.to_string()));
        many.containers = vec!["left out".to_owned()];
        many.settle(&facts);
        assert_eq!(many.volumes.len(), QUESTIONS_MAX - 2);
        assert!(many.containers.is_empty() && !many.is_empty());
    }

    #[test]
    fn a_further_round_adds_to_what_is_known() {
        let mut facts = Facts::none();
        facts.add_network("n".to_owned(), NetworkFacts::Host);
        let mut further = Facts::none();
        further.add_volume("v".to_owned(), VolumeFacts::Absent);
        facts.add(further);
        assert_eq!(facts.network("n"), Some(&NetworkFacts::Host));
        assert_eq!(facts.volume("v"), Some(&VolumeFacts::Absent));
    }
}
