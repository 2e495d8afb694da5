//! One round of questions: each is answered by itself, and what several need is read once for all of them.

use std::cell::{OnceCell, RefCell};
use std::io;

use super::answers::{self, WantedImages};
use super::daemon::{ANSWER_BYTES_MAX, Build, Daemon, Deadline, Reply, path_of};
use super::deadline::{IsWaited, Wait};
use super::memory::Memory;
use super::mounts::{Effort, Mounts};
use super::patient;
use super::process::Process;
use super::routes::HostNetwork;
use super::{builder, cdi, host, images, links, owned};
use crate::config::UpstreamAddress;
use crate::effects::cdi::Spec;
use crate::effects::existing;
use crate::image::{ImageName, ImageRef};
use crate::policy::day::Day;
use crate::policy::effects::Effect;
use crate::policy::facts::{
    Answer, BuilderFacts, ContainerFacts, Facts, ImageFacts, Missing, NamedImage, NetworkFacts,
    NodeFacts, Question, Questions, RealPath, ServiceFacts, SubnetFacts, VolumeFacts, Wanted,
};
use crate::policy::platform::ImageBuild;
use crate::policy::subnets::Subnet;
use crate::policy::types::HostPath;

/// Answers what was asked, in a bounded time altogether. `daemon` is the one that the request would
/// go to.
pub fn look_up(questions: &Questions, daemon: &Daemon, memory: &Memory) -> Facts {
    look_up_while(questions, daemon, memory, &|| false)
}

/// The same, and waits for what the daemon may take long to say (a container into which files are being
/// copied, the list of very many images) for as long as `is_waited` says and the daemon lives.
pub fn look_up_while(
    questions: &Questions,
    daemon: &Daemon,
    memory: &Memory,
    is_waited: &dyn Fn() -> bool,
) -> Facts {
    let round = Round::new((daemon, memory), &questions.wanted, is_waited);
    let mut facts = Facts::none();
    for question in questions {
        facts.learn(question.clone(), round.answer(question));
    }
    facts
}

/// What was learned, or why it was not.
type Learned<T> = Result<T, Missing>;

/// Whom to ask, for how long, and what was read so far.
pub(super) struct Round<'a> {
    daemon: &'a Daemon,
    memory: &'a Memory,
    wanted: &'a Wanted,
    is_waited: IsWaited<'a>,
    until: Deadline,
    mounts: OnceCell<Option<Mounts>>,
    effort: RefCell<Effort>,
    network: OnceCell<Option<HostNetwork>>,
    info: OnceCell<Learned<Vec<u8>>>,
    version: OnceCell<Learned<Vec<u8>>>,
    devices: OnceCell<Learned<Vec<Spec>>>,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        (daemon, memory): (&'a Daemon, &'a Memory),
        wanted: &'a Wanted,
        is_waited: IsWaited<'a>,
    ) -> Self {
        let until = Deadline::of_one_round();
        let effort = RefCell::new(Effort::of_one_round());
        let (mounts, network, info, version, devices) = Default::default();
        Self {
            daemon,
            memory,
            wanted,
            is_waited,
            until,
            mounts,
            effort,
            network,
            info,
            version,
            devices,
        }
    }

    /// Answers one question.
    pub(super) fn answer(&self, question: &Question<'_>) -> Learned<Answer> {
        Ok(match question {
            Question::RealPath(path) => Answer::RealPath(self.real_path(path)?),
            Question::Device(path) => Answer::Device(known(host::device(path))?),
            Question::Interface(name) => Answer::Interface(known(host::has_interface(name))?),
            Question::Address(address) => Answer::Address(known(host::address(**address))?),
            Question::Subnet(subnet) => Answer::Subnet(self.overlapped(**subnet)?),
            Question::Today => Answer::Today(Day::since_epoch(host::days_since_epoch())),
            Question::Image(image) => Answer::Image(self.image(image)?),
            Question::Build(build) => Answer::Build(self.build(build)?),
            Question::Network(name) => self.kept(question, || self.network(name))?,
            Question::Volume(name) => self.kept(question, || self.volume(name))?,
            Question::Container(name) => Answer::Container(self.container(name)?),
            Question::Service(name) => Answer::Service(self.service(name)?),
            Question::Node(name) => Answer::Node(self.node(name)?),
            Question::Cdi(name) => Answer::Cdi(self.cdi(name)?),
            Question::ImageList => Answer::ImageList(self.image_list()?),
            Question::ApiVersion => Answer::ApiVersion(self.api_version()?),
            Question::Builder => Answer::Builder(self.builder()?),
            Question::Runtimes => Answer::Runtimes(known(answers::runtimes(self.info()?))?),
            Question::Owned(owner) => Answer::Owned(self.owned(owner)?),
        })
    }

    fn get(&self, parts: &[&str]) -> Learned<Reply> {
        self.daemon.get(parts, self.until).map_err(missing)
    }

    /// What the daemon says of itself.
    fn info(&self) -> Learned<&[u8]> {
        self.of_itself(&self.info, "info")
    }

    fn version(&self) -> Learned<&[u8]> {
        self.of_itself(&self.version, "version")
    }

    fn of_itself<'s>(&self, said: &'s OnceCell<Learned<Vec<u8>>>, of: &str) -> Learned<&'s [u8]> {
        let said = said.get_or_init(|| match self.get(&[of])? {
            Reply::Found(body) => Ok(body),
            Reply::Absent => Err(Missing::Unknown),
        });
        said.as_deref().map_err(|missing| *missing)
    }

    /// Where a path leads, and under which other paths the host has the same files. Without the one the
    /// other is left out too: it would be half an answer.
    fn real_path(&self, path: &HostPath) -> Learned<RealPath> {
        let mounts = known(self.mounts.get_or_init(Mounts::read).as_ref())?;
        let path = known(links::resolve(path))?;
        let aliases = known(mounts.aliases(&path, &mut self.effort.borrow_mut()))?;
        Ok(RealPath { path, aliases })
    }

    /// What of the host a subnet overlaps. The daemon is a server of it, if it is elsewhere.
    fn overlapped(&self, subnet: Subnet) -> Learned<SubnetFacts> {
        let upstream = match &self.daemon.address {
            UpstreamAddress::Tcp(address) => Some(address.ip()),
            UpstreamAddress::Unix(_) => None,
        };
        let host = self.network.get_or_init(|| HostNetwork::read(upstream)).as_ref();
        known(host.map(|host| host.overlapped(subnet)))
    }

    fn image(&self, image: &ImageRef) -> Learned<ImageFacts> {
        let found =
            images::find((self.daemon, &self.memory.images), image, self.until).map_err(missing)?;
        found.map_or(Ok(ImageFacts::Absent), |image| known(image.facts.clone()))
    }

    /// In a daemon's classic store there is one build of an image, whatever the platform.
    fn build(&self, build: &ImageBuild) -> Learned<ImageFacts> {
        match self.daemon.build(build, self.until).map_err(missing)? {
            Build::Known(body) => known(answers::image(&body).and_then(|image| image.facts)),
            Build::Absent => Ok(ImageFacts::Absent),
            Build::Untold if known(answers::keeps_platforms(self.info()?))? => {
                Err(Missing::Unknown)
            }
            Build::Untold => self.image(&build.image),
        }
    }

    /// What is learned with whether it may be kept for others.
    fn kept(
        &self,
        question: &Question<'_>,
        learn: impl FnOnce() -> Learned<(Answer, bool)>,
    ) -> Learned<Answer> {
        self.memory.volumes.learn(self.daemon, question, learn)
    }

    fn network(&self, name: &str) -> Learned<(Answer, bool)> {
        let (facts, may_be_kept) = match self.get(&["networks", name])? {
            Reply::Absent => (NetworkFacts::Other(Vec::new()), false),
            Reply::Found(body) => known(answers::network(&body))?,
        };
        Ok((Answer::Network(facts), may_be_kept))
    }

    /// A name that the daemon would clean when it stands in a path is looked for in the list of all.
    fn volume(&self, name: &str) -> Learned<(Answer, bool)> {
        let is_clean = name.split('/').all(|step| !matches!(step, "" | "." | ".."));
        let found = match is_clean {
            true => match self.get(&["volumes", name])? {
                Reply::Absent => None,
                Reply::Found(body) => Some(body),
            },
            false => match self.get(&["volumes"])? {
                Reply::Absent => return Err(Missing::Unknown),
                Reply::Found(list) => known(existing::listed_volume(name, &list))?,
            },
        };
        let Some(body) = found else { return Ok((Answer::Volume(VolumeFacts::Absent), false)) };
        let effects = known(existing::volume(&body))?;
        // Events call it by its own name.
        let may_be_kept = effects.is_empty() && answers::name(&body).as_deref() == Some(name);
        Ok((Answer::Volume(VolumeFacts::Present(effects)), may_be_kept))
    }

    /// Waited for as long as somebody waits: the daemon answers nothing while files are being copied into one.
    fn container(&self, asked: &str) -> Learned<ContainerFacts> {
        let name = asked.strip_prefix('/').unwrap_or(asked);
        if name.is_empty() {
            return Err(Missing::Unknown);
        }
        let target = path_of(&["containers", name, "json"]);
        let body = match self.daemon.open(&target, Wait::While(self.is_waited)).map_err(missing)? {
            (200, body) => body.whole(ANSWER_BYTES_MAX).map_err(missing)?,
            (404, _) => return Ok(ContainerFacts::Absent),
            _ => return Err(Missing::Unknown),
        };
        let mut container = known(existing::container(asked, &body))?;
        container.shares_of_host = existing::running(&body).flatten().and_then(|running| {
            Process::of_container(running.run.pid, &running.id)?.shares_of_host()
        });
        Ok(ContainerFacts::Present(container))
    }

    fn service(&self, name: &str) -> Learned<ServiceFacts> {
        match self.get(&["services", name])? {
            Reply::Absent => Ok(ServiceFacts::Absent),
            Reply::Found(body) => known(existing::service(&body, &self.wanted.ceilings)),
        }
    }

    fn node(&self, name: &str) -> Learned<NodeFacts> {
        match self.get(&["nodes", name])? {
            Reply::Absent => Ok(NodeFacts::Absent),
            Reply::Found(body) => known(answers::node(&body)),
        }
    }

    /// What it is to use a device, by all files that tell of it.
    fn cdi(&self, name: &str) -> Learned<Vec<Effect>> {
        let read = || {
            if !cdi::is_here(&self.daemon.address) {
                return Err(Missing::Unknown);
            }
            known(answers::cdi_folders(self.info()?).and_then(|folders| cdi::specs(&folders)))
        };
        let specs = self.devices.get_or_init(read).as_ref().map_err(|missing| *missing)?;
        known(cdi::device(specs, name))
    }

    /// The images that have a name that a rule forbids, or none that a list allows; however many there are
    /// beside them.
    fn image_list(&self) -> Learned<Vec<NamedImage>> {
        let Wanted { image_rules, image_names, images_allowed, .. } = self.wanted;
        let kept = |name: &ImageName| image_rules.iter().any(|rule| rule.forbids(name));
        let (others, allowed) = (image_names.as_deref(), images_allowed.as_deref());
        let target = if others.is_some() { "/images/json?manifests=1" } else { "/images/json" };
        let (200, body) = self.daemon.open(target, Wait::While(self.is_waited)).map_err(missing)?
        else {
            return Err(Missing::Unknown);
        };
        answers::image_list(body, &WantedImages { kept: &kept, others, allowed }).map_err(|error| {
            error.io_error_kind().map_or(Missing::Unknown, |it| missing(it.into()))
        })
    }

    fn builder(&self) -> Learned<BuilderFacts> {
        let answer = self.version()?;
        let builder::Version { is_trusted, limits_steps } = known(builder::version(answer))?;
        let heeds = || builder::heeds_policies(self.daemon).ok();
        let heeds_policies =
            is_trusted && known(self.memory.images.heeds_or_learn(self.daemon, answer, heeds))?;
        Ok(BuilderFacts { heeds_policies, limits_steps })
    }

    fn api_version(&self) -> Learned<crate::policy::versions::ApiVersion> {
        known(answers::api_version(self.version()?))
    }

    fn owned(&self, owner: &str) -> Learned<usize> {
        known(owned::owned(self.daemon, owner, self.is_waited).ok())
    }
}

fn known<T>(learned: Option<T>) -> Learned<T> {
    learned.ok_or(Missing::Unknown)
}

fn missing(error: io::Error) -> Missing {
    if patient::is_timeout(&error) { Missing::Late } else { Missing::Unknown }
}
