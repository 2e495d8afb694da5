//! The kinds of question, in one table: what each is about, what is answered to it, by whom, and how it is called
//! where it was asked in vain. All that is kept of questions and answers follows from its rows.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;

use super::answers::{
    AddressFacts, BuilderFacts, ContainerFacts, DeviceFacts, ImageFacts, NamedImage, NetworkFacts,
    NodeFacts, RealPath, Runtimes, ServiceFacts, SubnetFacts, VolumeFacts,
};
use crate::image::{ImageName, ImageRef};
use crate::policy::ceilings::Ceilings;
use crate::policy::day::Day;
use crate::policy::effects::Effect;
use crate::policy::judge::platform::ImageBuild;
use crate::policy::judge::versions::ApiVersion;
use crate::policy::rules::images::ImageRule;
use crate::policy::rules::subnets::Subnet;
use crate::policy::shown::Shown;
use crate::policy::types::HostPath;

/// The most that the daemon is asked for one request, in all rounds together. What comes on top
/// stays unknown, and so is refused.
pub const QUESTIONS_MAX: usize = 64;

/// The most devices and subnets of one request that are looked at.
const DEVICES_MAX: usize = 64;
const SUBNETS_MAX: usize = 256;
const ADDRESSES_MAX: usize = 1024;

/// Who answers questions of a kind, and how many of one request. Those beyond stay unknown, and so are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The host, so many of the kind.
    Host(usize),
    /// The daemon, one by one: [`QUESTIONS_MAX`] of all such kinds together.
    Daemon,
    /// The daemon, all of the kind at once: so many of it.
    DaemonAtOnce(usize),
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It was not there in time: asked again, it may be.
    Late,
    /// It could not be learned.
    Unknown,
}

/// What must be asked before a request can be judged. Empty for most requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    pub(super) asked: Vec<Question<'static>>,
    /// What of some answers matters.
    pub wanted: Wanted,
}

/// What of some answers matters: said only where such a question is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The names that count in the list of images.
    pub image_rules: Vec<ImageRule>,
    /// If all names of the images in that list count, and not only those: these images, by identifier, are in
    /// it whatever they are called.
    pub image_names: Option<Vec<String>>,
    /// If all names count and images are listed that may be used: those that have no name which this list
    /// allows are in it as well.
    pub images_allowed: Option<Vec<ImageRule>>,
    /// What would be forced on a service.
    pub ceilings: Ceilings,
}

/// The answers. What is not in them was not asked.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub(super) known: HashMap<Question<'static>, Result<Box<Answer>, Missing>>,
    /// Names that images have had, by identifier: remembered, not asked for.
    pub(super) former_names: HashMap<String, Vec<ImageName>>,
    /// Images that had a forbidden name which is not remembered.
    pub(super) forbidden: HashSet<String>,
    pub(super) is_assumed: bool,
}

/// Writes down what follows from a row: `Kind(about: What; all) => Answer, by, (called); get, add;`
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $Kind:ident $(($about:ident: $About:ty; $all:ident))? => $Answer:ty,
        $source:expr, ($($called:tt)*); $get:ident, $add:ident;
    )*) => {
        /// One thing that only the outside can say. What it is about is borrowed where facts are looked for.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Question<'a> {
            $( $(#[$doc])* $Kind $((Cow<'a, $About>))?, )*
        }

        /// What is said to a question of the same name.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the questions say what they are")]
        pub enum Answer {
            $( $Kind($Answer), )*
        }

        impl<'a> Question<'a> {
            $( $(#[$doc])*
            pub const fn $get($($about: &'a $About)?) -> Self {
                Self::$Kind $((Cow::<'a, $About>::Borrowed($about)))?
            } )*

            /// Who answers it.
            pub const fn source(&self) -> Source {
                match self {
                    $( Self::$Kind { .. } => $source, )*
                }
            }

            /// The same, and nothing in it is borrowed.
            pub fn into_owned(self) -> Question<'static> {
                match self {
                    $( Self::$Kind $(($about))? =>
                        Question::$Kind $((Cow::<$About>::Owned($about.into_owned())))?, )*
                }
            }
        }

        /// How it is called where it was asked in vain.
        impl fmt::Display for Question<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $( Self::$Kind $(($about))? => {
                        $( let _ = $about; )?
                        write!(f, $($called)*)
                    } )*
                }
            }
        }

        impl Questions {
            $($( /// Those of one kind.
            pub fn $all(&self) -> Vec<&$About> {
                let of_kind = self.asked.iter().filter_map(|asked| match asked {
                    Question::$Kind($about) => Some(&**$about),
                    _ => None,
                });
                of_kind.collect()
            } )?)*
        }

        impl Facts {
            $( $(#[$doc])*
            pub fn $get(&self $(, $about: &$About)?) -> Option<&$Answer> {
                match self.answer(Question::$get($($about)?))? {
                    Answer::$Kind(answer) => Some(answer),
                    _ => None,
                }
            }

            /// Remembers an answer.
            pub fn $add(&mut self $(, $about: <$About as ToOwned>::Owned)?, answer: $Answer) {
                let question = Question::$Kind $((Cow::<$About>::Owned($about)))?;
                self.learn(question, Ok(Answer::$Kind(answer)));
            } )*
        }
    };
}

kinds! {
    /// Where the symbolic links in a path lead, and under which other paths the host has the same.
    RealPath(path: HostPath; real_paths) => RealPath, Source::Host(usize::MAX),
        ("path {path}"); real_path, add_real_path;
    /// What a device of the host is.
    Device(path: HostPath; devices) => DeviceFacts, Source::Host(DEVICES_MAX),
        ("device {path}"); device, add_device;
    /// Whether the host has an interface of this name.
    Interface(name: str; interfaces) => bool, Source::Host(usize::MAX),
        ("interface {}", Shown(name)); interface, add_interface;
    /// Whose an address is.
    Address(address: IpAddr; addresses) => AddressFacts, Source::Host(ADDRESSES_MAX),
        ("address {address}"); address, add_address;
    /// What of the host a subnet overlaps.
    Subnet(subnet: Subnet; subnets) => SubnetFacts, Source::Host(SUBNETS_MAX),
        ("routes to {subnet}"); subnet, add_subnet;
    /// What day it is.
    Today => Day, Source::Host(1),
        ("what day it is"); today, add_today;
    /// What the daemon knows of an image.
    Image(image: ImageRef; images) => ImageFacts, Source::Daemon,
        ("image {}", Shown(&image.as_asked())); image, add_image;
    /// What the daemon knows of one build of an image.
    Build(build: ImageBuild; builds) => ImageFacts, Source::Daemon,
        ("image {}", Shown(&format!("{} for {}", build.image.as_asked(), build.platform)));
        build, add_build;
    /// What a network, by name or identifier, is.
    Network(name: str; networks) => NetworkFacts, Source::Daemon,
        ("network {}", Shown(name)); network, add_network;
    /// What a volume is, if it exists already.
    Volume(name: str; volumes) => VolumeFacts, Source::Daemon,
        ("volume {}", Shown(name)); volume, add_volume;
    /// What a container, by name or identifier, has been given.
    Container(name: str; containers) => ContainerFacts, Source::Daemon,
        ("container {}", Shown(name)); container, add_container;
    /// What a service, by name or identifier, was before.
    Service(name: str; services) => ServiceFacts, Source::Daemon,
        ("service {}", Shown(name)); service, add_service;
    /// What a node of the swarm, by name or identifier, is.
    Node(name: str; nodes) => NodeFacts, Source::Daemon,
        ("node {}", Shown(name)); node, add_node;
    /// What it is to use a device, by its name in CDI.
    Cdi(name: str; cdi) => Vec<Effect>, Source::DaemonAtOnce(QUESTIONS_MAX),
        ("device {}", Shown(name)); cdi, add_cdi;
    /// Which images the daemon has, and by which names.
    ImageList => Vec<NamedImage>, Source::DaemonAtOnce(1),
        ("the list of images"); image_list, add_image_list;
    /// Which version of its API the daemon speaks with clients that name none.
    ApiVersion => ApiVersion, Source::DaemonAtOnce(1),
        ("the daemon's API version"); api_version, add_api_version;
    /// What the daemon's builder can be held to.
    Builder => BuilderFacts, Source::DaemonAtOnce(1),
        ("whether the daemon's builder heeds policies"); builder, add_builder;
    /// Which runtimes the daemon has.
    Runtimes => Runtimes, Source::DaemonAtOnce(1),
        ("the daemon's runtimes"); runtimes, add_runtimes;
    /// How many containers have this value of the label by which they are counted.
    Owned(owner: str; owners) => usize, Source::DaemonAtOnce(1),
        ("how many containers there are"); owned, add_owned;
}
