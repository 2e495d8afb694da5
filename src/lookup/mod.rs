//! The blocking look-ups that judging a request may need: where symbolic links lead and what is
//! mounted twice, what the host's devices and addresses are, and what the daemon knows of images, networks, volumes, containers and services.
//!
//! Run on threads of their own, never on a loop ([`recall`] alone asks nobody). What could not be learned is left out of the facts;
//! the policy refuses what depends on it.
//!
//! ```text
//! questions ─┬─► links                               the host's file system
//!            ├─► cache ─► daemon ─► answers           images
//!            └──────────► daemon ─► answers, engine   all else, asked anew for each request
//! ```

mod answers;
mod builder;
mod cache;
mod caller;
mod cdi;
mod channel;
mod containers;
mod daemon;
mod events;
mod host;
mod identity;
mod links;
mod majors;
mod mounts;
mod owned;
mod patient;
mod process;
mod routes;
mod started;
mod ticks;

pub use crate::effects::existing::{Run, Running};
pub use cache::{Epoch, ImageCache};
pub use caller::Caller;
pub use containers::{Containers, Seeking};
pub use daemon::{Daemon, DaemonTls};
pub use events::{Told, follow};
pub(crate) use host::days_since_epoch;
pub use identity::{Identity, Presence, get, identify};
pub use started::{Mounted, kill, mounted, running};
pub use ticks::Ticks;

use std::cell::Cell;
use std::io;

use crate::config::UpstreamAddress;
use crate::effects::existing;
use crate::image::{ImageName, ImageRef};
use crate::policy::day::Day;
use crate::policy::facts::{
    ContainerFacts, Facts, ImageFacts, NamedImage, NetworkFacts, NodeFacts, Questions,
    ServiceFacts, VolumeFacts,
};
use crate::policy::subnets::Subnet;
use crate::policy::types::HostPath;
use answers::WantedImages;
use daemon::{ANSWER_BYTES_MAX, Build, Deadline, Reply, path_of};
use mounts::Mounts;
use patient::IsWaited;
use process::Process;
use routes::HostNetwork;

/// Answers what is known already, and leaves it out of the questions. Blocks nobody.
pub fn cached(questions: &mut Questions, daemon: &Daemon, cache: &ImageCache) -> Facts {
    let mut facts = Facts::none();
    questions.images.retain(|image| match cache.image(daemon, image) {
        Some(known) => {
            facts.add_image(image.clone(), known);
            false
        }
        None => true,
    });
    facts
}

/// Answers what was asked, in a bounded time altogether. `daemon` is the one that the request would
/// go to.
pub fn look_up(questions: &Questions, daemon: &Daemon, cache: &ImageCache) -> Facts {
    look_up_while(questions, daemon, cache, &|| false)
}

/// The same, and waits for what the daemon may take long to say (a container into which files are being
/// copied, the list of very many images) for as long as `is_waited` says and the daemon lives.
pub fn look_up_while(
    questions: &Questions,
    daemon: &Daemon,
    cache: &ImageCache,
    is_waited: &dyn Fn() -> bool,
) -> Facts {
    let mut facts = Facts::none();
    facts.note(questions);
    let until = Deadline::of_one_round();
    let is_late = Cell::new(false);
    let in_time = |reply: io::Result<Reply>| {
        is_late.set(is_late.get() || reply.as_ref().is_err_and(patient::is_timeout));
        reply.ok()
    };
    let ask = |parts: &[&str]| in_time(daemon.get(parts, until));
    let ask_patiently = |parts: &[&str]| in_time(get_patiently(daemon, parts, is_waited));
    follow_links(&questions.links, &mut facts);
    for path in &questions.devices {
        if let Some(known) = host::device(path) {
            facts.add_device(path.clone(), known);
        }
    }
    compare(&questions.subnets, daemon, &mut facts);
    for name in &questions.interfaces {
        if let Some(is_there) = host::has_interface(name) {
            facts.add_interface(name.clone(), is_there);
        }
    }
    for &address in &questions.addresses {
        if let Some(known) = host::address(address) {
            facts.add_address(address, known);
        }
    }
    for image in &questions.images {
        if let Some(known) = cache.get_or_fetch(daemon, image, || image_facts(image, ask)) {
            facts.add_image(image.clone(), known);
        }
    }
    for build in &questions.builds {
        let known = match daemon.build(build, until) {
            Ok(Build::Known(body)) => answers::image(&body),
            Ok(Build::Absent) => Some(ImageFacts::Absent),
            Ok(Build::Untold) => only_build(&build.image, ask),
            Err(error) => in_time(Err(error)).and(None),
        };
        if let Some(known) = known {
            facts.add_build(build.clone(), known);
        }
    }
    if questions.image_list {
        match image_list(daemon, questions, is_waited) {
            Ok(Some(images)) => facts.add_image_list(images),
            Ok(None) => {}
            Err(error) => is_late.set(is_late.get() || patient::is_timeout(&error)),
        }
    }
    if questions.today {
        facts.add_today(Day::since_epoch(days_since_epoch()));
    }
    if questions.api_version
        && let Some(Reply::Found(body)) = ask(&["version"])
        && let Some(version) = answers::api_version(&body)
    {
        facts.add_api_version(version);
    }
    if let Some(owner) = &questions.owned
        && let Ok(count) = owned::owned(daemon, owner, is_waited)
    {
        facts.add_owned(count);
    }
    if questions.runtimes
        && let Some(Reply::Found(body)) = ask(&["info"])
        && let Some(runtimes) = answers::runtimes(&body)
    {
        facts.add_runtimes(runtimes);
    }
    if !questions.cdi.is_empty()
        && cdi::is_here(&daemon.address)
        && let Some(Reply::Found(body)) = ask(&["info"])
        && let Some(folders) = answers::cdi_folders(&body)
    {
        for (name, effects) in cdi::devices(&folders, &questions.cdi).into_iter().flatten() {
            facts.add_cdi(name, effects);
        }
    }
    if questions.source_policies
        && let Some(version) = ask(&["version"]).and_then(builder::version)
    {
        let builder::Version { answer, is_trusted, limits_steps } = version;
        let heeds = || builder::heeds_policies(daemon).ok();
        let known =
            if is_trusted { cache.heeds_or_learn(daemon, answer, heeds) } else { Some(false) };
        facts.add_limits_steps(limits_steps);
        if let Some(known) = known {
            facts.add_source_policies(known);
        }
    }
    for name in &questions.networks {
        if let Some(known) = ask(&["networks", name]).and_then(network_facts) {
            facts.add_network(name.clone(), known);
        }
    }
    for name in &questions.volumes {
        if let Some(known) = volume_facts(name, ask) {
            facts.add_volume(name.clone(), known);
        }
    }
    for name in &questions.containers {
        let bare = name.strip_prefix('/').unwrap_or(name);
        let reply = ask_patiently(&["containers", bare, "json"]);
        if let Some(known) = reply.and_then(|reply| container_facts(name, reply)) {
            facts.add_container(name.clone(), known);
        }
    }
    for name in &questions.services {
        let known = ask(&["services", name]).and_then(|reply| match reply {
            Reply::Absent => Some(ServiceFacts::Absent),
            Reply::Found(body) => existing::service(&body, &questions.ceilings),
        });
        if let Some(known) = known {
            facts.add_service(name.clone(), known);
        }
    }
    for name in &questions.nodes {
        let known = ask(&["nodes", name]).and_then(|reply| match reply {
            Reply::Absent => Some(NodeFacts::Absent),
            Reply::Found(body) => answers::node(&body),
        });
        if let Some(known) = known {
            facts.add_node(name.clone(), known);
        }
    }
    if is_late.get() {
        facts.note_late();
    }
    facts
}

/// The daemon's answer about a container; as [`Daemon::get`].
fn get_patiently(daemon: &Daemon, parts: &[&str], is_waited: IsWaited<'_>) -> io::Result<Reply> {
    if parts.iter().any(|part| part.is_empty()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    match daemon.open(&path_of(parts), is_waited)? {
        (200, body) => Ok(Reply::Found(body.whole(ANSWER_BYTES_MAX)?)),
        (404, _) => Ok(Reply::Absent),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The images that have a name that a rule forbids, or none that a list allows; however many there are
/// beside them.
fn image_list(
    daemon: &Daemon,
    questions: &Questions,
    is_waited: IsWaited<'_>,
) -> io::Result<Option<Vec<NamedImage>>> {
    let others = questions.image_names.as_deref();
    let allowed = questions.images_allowed.as_deref();
    let target = if others.is_some() { "/images/json?manifests=1" } else { "/images/json" };
    let (status, body) = daemon.open(target, is_waited)?;
    let kept = |name: &ImageName| questions.image_rules.iter().any(|rule| rule.forbids(name));
    match status {
        200 => {
            let wanted = WantedImages { kept: &kept, others, allowed };
            answers::image_list(body, &wanted).map_err(|error| match error.io_error_kind() {
                Some(kind) => kind.into(),
                None => io::ErrorKind::InvalidData.into(),
            })
        }
        _ => return Ok(None),
    }
    .map(Some)
}

/// What of the host subnets overlap. The daemon is a server of it, if it is elsewhere.
fn compare(subnets: &[Subnet], daemon: &Daemon, facts: &mut Facts) {
    let upstream = match &daemon.address {
        UpstreamAddress::Tcp(address) => Some(address.ip()),
        UpstreamAddress::Unix(_) => None,
    };
    let read = || HostNetwork::read(upstream);
    if let Some(host) = (!subnets.is_empty()).then(read).flatten() {
        for &subnet in subnets {
            facts.add_subnet(subnet, host.overlapped(subnet));
        }
    }
}

/// Where paths lead, and under which other paths the host has the same files. Without the one the
/// other is left out too: it would be half an answer.
fn follow_links(paths: &[HostPath], facts: &mut Facts) {
    let Some(mut mounts) = (!paths.is_empty()).then(Mounts::read).flatten() else {
        return;
    };
    for path in paths {
        if let Some(real) = links::resolve(path)
            && let Some(aliases) = mounts.aliases(&real)
        {
            facts.add_aliases(path.clone(), aliases);
            facts.add_link(path.clone(), real);
        }
    }
}

/// No names and no user if the image has none. `None` if it could not be asked.
fn image_facts(image: &ImageRef, ask: impl Fn(&[&str]) -> Option<Reply>) -> Option<ImageFacts> {
    match ask(&["images", &image.as_asked(), "json"])? {
        Reply::Absent => Some(ImageFacts::Absent),
        Reply::Found(body) => answers::image(&body),
    }
}

/// What an image is where the daemon has one build of it, whatever the platform: in its classic store.
fn only_build(image: &ImageRef, ask: impl Fn(&[&str]) -> Option<Reply>) -> Option<ImageFacts> {
    match ask(&["info"])? {
        Reply::Found(body) if !answers::keeps_platforms(&body)? => image_facts(image, ask),
        Reply::Found(_) | Reply::Absent => None,
    }
}

fn network_facts(reply: Reply) -> Option<NetworkFacts> {
    match reply {
        Reply::Absent => Some(NetworkFacts::Other(Vec::new())),
        Reply::Found(body) => answers::network(&body),
    }
}

/// A name that the daemon would clean when it stands in a path is looked for in the list of all.
fn volume_facts(name: &str, ask: impl Fn(&[&str]) -> Option<Reply>) -> Option<VolumeFacts> {
    let is_clean = name.split('/').all(|step| !matches!(step, "" | "." | ".."));
    let found = if is_clean {
        match ask(&["volumes", name])? {
            Reply::Absent => None,
            Reply::Found(body) => Some(body),
        }
    } else {
        match ask(&["volumes"])? {
            Reply::Absent => return None,
            Reply::Found(list) => existing::listed_volume(name, &list)?,
        }
    };
    match found {
        None => Some(VolumeFacts::Absent),
        Some(body) => existing::volume(&body).map(VolumeFacts::Present),
    }
}

fn container_facts(asked: &str, reply: Reply) -> Option<ContainerFacts> {
    match reply {
        Reply::Absent => Some(ContainerFacts::Absent),
        Reply::Found(body) => {
            let mut container = existing::container(asked, &body)?;
            container.shares_of_host = existing::running(&body).flatten().and_then(|running| {
                Process::of_container(running.run.pid, &running.id)?.shares_of_host()
            });
            Some(ContainerFacts::Present(container))
        }
    }
}

#[cfg(test)]
mod tests;
