//! What is forbidden and what is forced: pure decisions about the effects of a request.
//!
//! Knows nothing of HTTP, JSON, files or clocks. The engine says what a request would bring about
//! ([`effects`]), [`judge`] compares it with the rules, [`ceilings`] says what is forced on what
//! passed. What can't be evaluated is a violation, never skipped.

pub mod allowed;
mod annotations;
mod any_path;
pub mod build_steps;
pub mod builds;
pub mod capabilities;
pub mod ceilings;
mod combined;
pub mod day;
pub mod devices;
pub mod effects;
pub mod endpoints;
pub mod environment;
pub mod exceptions;
mod existing;
pub mod facts;
mod first_start;
pub mod groups;
pub(crate) mod identifiers;
pub mod images;
pub mod majors;
pub mod mounts;
pub mod names;
pub mod namespaces;
mod networks;
pub mod platform;
pub mod ports;
pub mod principals;
pub mod privileged;
pub mod review;
mod runtimes;
pub mod security;
pub mod shares;
pub(crate) mod shown;
pub mod strict;
pub mod subnets;
pub mod tainted;

mod takeover;
pub mod types;
pub mod unrouted;
pub mod users;
pub mod versions;
mod violations;
pub mod way_out;

use crate::image::ImageRef;
use allowed::{AllowedImages, AllowedMounts};
use build_steps::BuildGroup;
use builds::BuildRule;
use capabilities::CapabilityRule;
use ceilings::Ceilings;
use devices::DeviceRule;
use effects::{AnyPath, Builder, Device, Effect, Holder, NamespaceKind, RequestedEffect};
use endpoints::EndpointRules;
use environment::EnvironmentRule;
use exceptions::{Exception, Granted, Sinks};
use facts::{ContainerFacts, Facts, ImageFacts, Questions};
use groups::GroupRule;
use images::{ForbiddenImage, ImageRule};
use mounts::MountRule;
use names::{CgroupParent, NameRule, Runtime, Sysctl, VolumeDriver, VolumesFrom};
use namespaces::NamespaceRule;
use ports::PortRule;
use privileged::PrivilegedRule;
use security::SecurityRule;
use shares::ShareRule;
use strict::StrictRule;
use subnets::{AllowedSubnets, SubnetRule};
use users::UserRule;
pub(crate) use violations::Findings;
pub use violations::{Violation, Violations};
use way_out::WayOut;

/// All rules and ceilings of one configuration.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Host ports that nobody may publish.
    pub ports: Vec<PortRule>,
    /// Host paths that nobody may mount.
    pub mounts: Vec<MountRule>,
    /// Users that nothing may run as.
    pub users: Vec<UserRule>,
    /// Groups that nothing may run with.
    pub groups: Vec<GroupRule>,
    /// Variables that nobody may set.
    pub environment: Vec<EnvironmentRule>,
    /// Security options that nobody may ask for.
    pub security: Vec<SecurityRule>,
    /// Images that nobody may use.
    pub images: Vec<ImageRule>,
    /// Whether privileged mode is forbidden.
    pub privileged: PrivilegedRule,
    /// Capabilities that nobody may add.
    pub capabilities: Vec<CapabilityRule>,
    /// Devices that nobody may use.
    pub devices: Vec<DeviceRule>,
    /// Namespaces that nobody may share.
    pub namespaces: Vec<NamespaceRule>,
    /// Runtimes that nobody may choose.
    pub runtimes: Vec<NameRule<Runtime>>,
    /// Containers whose mounts nobody may take over.
    pub volumesfrom: Vec<NameRule<VolumesFrom>>,
    /// Volume drivers that nobody may use.
    pub volumedrivers: Vec<NameRule<VolumeDriver>>,
    /// The volume drivers that may be used, if not all; what they mount is no path that rules are about.
    pub allowed_volumedrivers: Option<Vec<NameRule<VolumeDriver>>>,
    /// Kernel parameters that nobody may set.
    pub sysctls: Vec<NameRule<Sysctl>>,
    /// Control groups that nothing may run below.
    pub cgroupparent: Vec<NameRule<CgroupParent>>,
    /// The images that may be used, if not all.
    pub allowed_images: AllowedImages,
    /// The host paths that may be mounted, if not all.
    pub allowed_mounts: AllowedMounts,
    /// Shares of other machines that may be mounted, though rules about paths forbid it.
    pub allowed_shares: Vec<ShareRule>,
    /// What may not be mounted under any restriction.
    pub way_out: WayOut,
    /// Subnets that no network may have.
    pub subnets: Vec<SubnetRule>,
    /// The subnets that networks may have, if not all.
    pub allowed_subnets: AllowedSubnets,
    /// What is done about building images.
    pub builds: BuildRule,
    /// The control group in which steps of builds run, under the ceilings.
    pub build_group: Option<BuildGroup>,
    /// Which endpoints may be called: asked before anything of a request is read.
    pub endpoints: EndpointRules,
    /// Whether fields and parameters may be there that nobody has decided about.
    pub strict: StrictRule,
    /// What is forced on what is allowed.
    pub ceilings: Ceilings,
    /// What containers of some images may do all the same; the first that holds counts.
    pub exceptions: Vec<Exception>,
}

impl Policy {
    /// Forbids and forces nothing.
    pub fn permissive() -> Self {
        Self::default()
    }

    /// Whether `restrictions` forbids anything at all.
    #[must_use]
    pub fn restricts(&self) -> bool {
        self.builds == BuildRule::Forbid || self.configured().next().is_some()
    }

    /// The keys of `restrictions` that hold a rule about what runs. One that is not taken out of
    /// the policy here breaks the build.
    fn configured(&self) -> impl Iterator<Item = &'static str> {
        let Self {
            ports,
            mounts,
            users,
            groups,
            environment,
            security,
            images,
            privileged,
            capabilities,
            devices,
            namespaces,
            runtimes,
            volumesfrom,
            volumedrivers,
            allowed_volumedrivers,
            sysctls,
            cgroupparent,
            allowed_images,
            allowed_mounts,
            subnets,
            allowed_subnets,
            allowed_shares: _, // They are allowed besides what no rule forbids.
            way_out: _,        // It is there as soon as anything is forbidden.
            builds: _,         // To build is no power over the host, and a service builds nothing.
            build_group: _,    // It is for what is forced.
            endpoints: _,      // They are about requests, not about what runs.
            strict: _,         // It is about what can be said, not about what runs.
            ceilings: _,       // They force, and forbid nothing.
            exceptions: _,     // They lift what rules forbid.
        } = self;
        let is_configured = [
            ("ports", !ports.is_empty()),
            ("mounts", !mounts.is_empty() || allowed_mounts.list().is_some()),
            ("users", !users.is_empty()),
            ("groups", !groups.is_empty()),
            ("environment", !environment.is_empty()),
            ("securitypolicies", !security.is_empty()),
            ("images", !images.is_empty() || allowed_images.list().is_some()),
            ("privileged", *privileged == PrivilegedRule::Forbid),
            ("capabilities", !capabilities.is_empty()),
            ("devices", !devices.is_empty()),
            ("namespaces", !namespaces.is_empty()),
            ("runtimes", !runtimes.is_empty()),
            ("volumesfrom", !volumesfrom.is_empty()),
            ("volumedrivers", !volumedrivers.is_empty() || allowed_volumedrivers.is_some()),
            ("sysctls", !sysctls.is_empty()),
            ("cgroupparent", !cgroupparent.is_empty()),
            ("subnets", !subnets.is_empty() || allowed_subnets.list().is_some()),
        ];
        is_configured.into_iter().filter(|(_, is_configured)| *is_configured).map(|(key, _)| key)
    }

    /// Whether the Dockerfile of a build must be read, where it can be.
    pub fn reads_dockerfiles(&self) -> bool {
        builds::must_read(self)
    }

    /// Whether calls to BuildKit must be judged one by one.
    pub fn judges_calls_to_buildkit(&self) -> bool {
        builds::must_judge_calls(self)
    }

    /// Whether the Dockerfile is judged that a build takes from the client's session.
    pub fn judges_dockerfiles_of_sessions(&self, facts: &Facts) -> bool {
        builds::is_session_judged(self, facts)
    }

    /// The images that are known to have, or to have had, a forbidden name.
    pub fn forbidden_images<'a>(
        &self,
        facts: &'a Facts,
    ) -> impl Iterator<Item = ForbiddenImage<'a>> {
        let forbids = |name| self.images.iter().any(|rule| rule.forbids(name));
        facts.images_by_id().filter_map(move |(id, names)| {
            let is_forbidden = names.iter().chain(facts.former_names(id)).any(forbids);
            is_forbidden.then_some(ForbiddenImage { id, names })
        })
    }

    /// Where images are listed that may be used: those of the daemon's, with all their names, of which the
    /// list has none.
    pub fn unlisted_images<'a>(
        &self,
        facts: &'a Facts,
    ) -> impl Iterator<Item = ForbiddenImage<'a>> {
        let list = self.allowed_images.list();
        facts.images_by_id().filter_map(move |(id, names)| {
            let is_unlisted = !list?.iter().any(|rule| names.iter().any(|name| rule.covers(name)));
            is_unlisted.then_some(ForbiddenImage { id, names })
        })
    }

    /// Whether starting a container that exists could break a rule.
    pub fn judges_starts(&self) -> bool {
        existing::judges_starts(self)
    }

    /// Whether a rule is about images.
    pub fn judges_images(&self) -> bool {
        first_start::about_images(self).next().is_some()
    }

    /// Whether working within a container that exists could break a rule.
    pub fn judges_reach(&self) -> bool {
        existing::judges_reach(self)
    }

    /// Whether a rule is about what is mounted.
    pub fn judges_mounts(&self) -> bool {
        existing::judges_mounts(self)
    }

    /// Whether a rule is about files of the host that are mounted.
    pub fn judges_files(&self) -> bool {
        existing::judges_files(self)
    }

    /// Whether every container must have control groups of its own: left out, they may be the
    /// host's.
    pub fn separates_control_groups(&self) -> bool {
        self.namespaces.iter().any(|rule| rule.forbids_host(NamespaceKind::Cgroup))
    }

    /// Whether anything is forbidden or forced that whoever has the host could do.
    pub fn can_be_taken_over(&self) -> bool {
        self.first_section().is_some()
    }

    /// The first section of the configuration that forbids or forces anything.
    fn first_section(&self) -> Option<&'static str> {
        match (self.configured().next(), self.ceilings != Ceilings::default()) {
            (Some(_), _) => Some("restrictions"),
            (None, true) => Some("general"),
            (None, false) => None,
        }
    }
}

/// A body and all that it would bring about. What proves that it was judged holds it, so that none
/// can be exchanged for another.
#[derive(Debug)]
pub struct Inspected<B> {
    body: B,
    effects: Vec<RequestedEffect>,
}

impl<B> Inspected<B> {
    /// A body as it was read, and its effects.
    pub fn new(body: B, effects: Vec<RequestedEffect>) -> Self {
        Self { body, effects }
    }

    /// What it would bring about.
    pub fn effects(&self) -> &[RequestedEffect] {
        &self.effects
    }

    /// The body, to be looked at.
    pub fn body(&self) -> &B {
        &self.body
    }

    /// The same body, and more that it would bring about.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = RequestedEffect>) -> Self {
        self.effects.extend(more);
        self
    }

    /// The same effects of a body put in another form.
    pub fn map<C>(self, into: impl FnOnce(B) -> C) -> Inspected<C> {
        Inspected { body: into(self.body), effects: self.effects }
    }
}

/// Whether BuildKit builds by a Dockerfile that nobody sees with the request.
pub fn builds_unread(effects: &[RequestedEffect]) -> bool {
    let is_it = |asked: &RequestedEffect| {
        matches!(asked.effect, Effect::Build(Builder::BuildKit | Builder::BuildKitSession))
    };
    effects.iter().any(is_it)
}

/// A body that passed every rule. Only [`judge`] makes one; whoever writes an inspected body takes
/// nothing else.
#[derive(Debug)]
pub struct Checked<B> {
    request: Inspected<B>,
    granted: Option<Box<Granted>>,
}

impl<B> Checked<B> {
    /// The exception without which it would not have passed, or not as it is.
    pub fn granted(&self) -> Option<&Granted> {
        self.granted.as_deref()
    }

    /// What it would bring about.
    pub fn effects(&self) -> &[RequestedEffect] {
        self.request.effects()
    }

    /// The body, to be looked at.
    pub fn body(&self) -> &B {
        self.request.body()
    }

    /// The body, to be written.
    pub fn into_body(self) -> B {
        self.request.body
    }

    /// The body, to be written, and the exception.
    pub fn into_parts(self) -> (B, Option<Box<Granted>>) {
        (self.request.body, self.granted)
    }
}

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Verdict<B> {
    /// It broke no rule.
    Allowed(Checked<B>),
    /// It broke these.
    Forbidden(Violations),
}

/// Compares a request with every rule. All violations are reported together.
pub fn judge<B>(policy: &Policy, request: Inspected<B>, facts: &Facts) -> Verdict<B> {
    let exception = exceptions::of(policy, &request.effects, facts);
    let under = exception.map(|exception| exceptions::policy_under(exception, policy));
    let rules = under.as_ref().unwrap_or(policy);
    let mut sinks = Sinks::new(exception);
    for asked in &request.effects {
        check(rules, asked, &request.effects, facts, sinks.of(asked, &request.effects, facts));
    }
    for group in existing::implied(&request.effects, facts, &policy.ceilings) {
        let mut own = Sinks::new(exception);
        own.lifts_all = group.device.as_ref().is_some_and(|device| sinks.lifts(device, &[], facts));
        for asked in &group.effects {
            check(rules, asked, &group.effects, facts, own.of(asked, &group.effects, facts));
        }
        combined::check(rules.privileged, &group.effects, facts, &mut own);
        sinks.violations.merge(group.told(own.violations));
        sinks.lifted.merge(group.told(own.lifted));
    }
    combined::check(rules.privileged, &request.effects, facts, &mut sinks);
    let Sinks { violations, lifted, .. } = sinks;
    match violations.is_empty() {
        true => {
            let granted = exception.zip(under).and_then(|(exception, under)| {
                Granted::new(exception, lifted, under, policy).map(Box::new)
            });
            Verdict::Allowed(Checked { request, granted })
        }
        false => Verdict::Forbidden(violations),
    }
}

/// Shows one effect to every rule that is about it. An effect without a line here, or a rule that
/// is not taken out of the policy, breaks the build.
fn check(
    policy: &Policy,
    asked: &RequestedEffect,
    effects: &[RequestedEffect],
    facts: &Facts,
    violations: &mut Violations,
) {
    let Policy {
        ports,
        mounts,
        users,
        groups,
        environment,
        security,
        images,
        privileged,
        capabilities,
        devices,
        namespaces,
        runtimes,
        volumesfrom, // Judged with what the other container is called.
        volumedrivers,
        allowed_volumedrivers,
        sysctls,
        cgroupparent,
        allowed_images,
        allowed_mounts,
        allowed_shares,
        way_out: _, // Judged with all that is allowed.
        subnets,
        allowed_subnets,
        builds: _,      // Judged with all that a build could break.
        build_group: _, // Judged with the steps that could run elsewhere.
        endpoints: _,   // RequestedEffect when the head was there.
        strict,
        ceilings,
        exceptions: _, // They say where what is found counts.
    } = policy;
    let found = &mut Findings::new(violations, &asked.at);
    match &asked.effect {
        Effect::Takeover(by) => takeover::check(policy, *by, found),
        Effect::Build(builder) => {
            builds::check(policy, *builder, facts, found);
            match builder {
                Builder::BuildKitSolve => allowed_images.check_listed(facts, found),
                Builder::BuildKitUnseen if builds::are_calls_judged(policy, facts) => {}
                Builder::SessionOffered => {}
                _ => allowed_images.check_unseen("a build", found),
            }
            if *builder == Builder::BuildKitUnseen && !builds::are_calls_judged(policy, facts) {
                exceptions::check_unseen(policy, "a build by BuildKit", found);
            }
            if images::takes_names(policy, &asked.effect) {
                images.iter().for_each(|rule| rule.check_names_taken(facts, found));
            }
        }
        Effect::BuildSteps(steps) => build_steps::check(policy, steps, facts, found),
        Effect::Opaque(unseen) => builds::check_unseen(policy, unseen, found),
        Effect::Image(image) => {
            images.iter().for_each(|rule| rule.check(image, facts, found));
            allowed_images.check(image, facts, found);
        }
        Effect::MadeOf(made) => {
            first_start::check((&made.image, made.asked.as_ref()), policy, facts, found);
        }
        Effect::ImageName(names) => {
            images.iter().for_each(|rule| rule.check_names(names, found));
            allowed_images.check_names(names, found);
        }
        Effect::ImageContent => {
            allowed_images.check_unseen("an image of an archive or a container", found)
        }
        Effect::SourcePolicy => allowed_images.check_own_policy(found),
        Effect::ImageNameGiven(name) => exceptions::check_given(policy, name, found),
        Effect::ImageNamesUnseen => {
            exceptions::check_unseen(policy, "an archive of images", found);
        }
        Effect::ImageNamesTaken => {
            images.iter().for_each(|rule| rule.check_names_taken(facts, found));
        }
        Effect::ImageRemoved(image) => {
            images.iter().for_each(|rule| rule.check_removed(image, facts, found));
        }
        Effect::User(user) => {
            users.iter().for_each(|rule| rule.check(user, found));
            groups.iter().for_each(|rule| rule.check_user(user, found));
        }
        Effect::Group(group) => {
            users.iter().for_each(|rule| rule.check_group(group, found));
            groups.iter().for_each(|rule| rule.check(group, found));
        }
        Effect::ImageUser(holder) => match &ceilings.user {
            Some(forced) => {
                users.iter().for_each(|rule| rule.check_forced(forced, found));
                groups.iter().for_each(|rule| rule.check_user(forced, found));
            }
            None => {
                for content in contents_of(effects, (*holder, *holder), facts) {
                    users.iter().for_each(|rule| rule.check_image(content, found));
                    groups.iter().for_each(|rule| rule.check_image(content, found));
                }
            }
        },
        Effect::Environment(entry) => {
            environment.iter().for_each(|rule| rule.check(entry, found));
            devices.iter().for_each(|rule| rule.check_variable(entry, found));
        }
        Effect::ImageEnvironment(holder) => {
            // Of one that is fetched the daemon's own is the best guess: to set variables is no power
            // that would be worth refusing every service for.
            for content in contents_of(effects, (*holder, Holder::Daemon), facts) {
                environment::check_image((environment, ceilings), effects, content, found);
            }
        }
        Effect::DefaultEnvironment { name, value } => {
            let value = value.as_deref();
            environment::check_default((environment, ceilings), (name, value), found);
        }
        Effect::LinkedEnvironment(prefix) => {
            environment.iter().for_each(|rule| rule.check_link(prefix, found));
        }
        Effect::Platform(asked) => {
            let rules = (users.as_slice(), groups.as_slice(), environment.as_slice());
            platform::check(asked, rules, ceilings, effects, facts, found);
        }
        Effect::ContainerUser(name) => existing::check_user_of(name, users, facts, found),
        Effect::ExecIn(name) => existing::check_powers_of(name, policy, facts, found),
        // The ceilings hold for it, in whichever way it is asked for.
        Effect::CpuQuota(_) => {}
        Effect::EnvironmentTemplate(name) => {
            environment.iter().for_each(|rule| rule.check_template(name, found));
        }
        Effect::HostPorts(range) => ports.iter().for_each(|rule| rule.check(range, found)),
        Effect::HostPath(path) => {
            let before = found.count();
            mounts::check((mounts, allowed_mounts), path, facts, found);
            if found.count() == before {
                way_out::check(policy, path, facts, found);
            }
            if !combined::is_device(path, effects) {
                devices.iter().for_each(|rule| rule.check_mount(path, facts, found));
            }
        }
        Effect::AnyPath(AnyPath::VolumeDriver(name)) => {
            let lists = (volumedrivers.as_slice(), allowed_volumedrivers.as_deref());
            any_path::check_driver(lists, (mounts, allowed_mounts), name, found);
            if allowed_volumedrivers.is_none() {
                way_out::check_any(policy, &AnyPath::VolumeDriver(name.clone()), found);
            }
        }
        Effect::AnyPath(any) => {
            any_path::check((mounts, allowed_mounts), any, found);
            way_out::check_any(policy, any, found);
        }
        Effect::FileServer(share) => {
            shares::check((mounts, allowed_mounts, allowed_shares), share, facts, found);
        }
        Effect::HostInterface(name) => {
            namespaces.iter().for_each(|rule| rule.check_interface(name, found));
        }
        Effect::Volume(name) | Effect::VolumeOnStart(name) => {
            existing::check_volume(name, policy, facts, found);
        }
        Effect::Started(name) => existing::check_started(name, policy, facts, found),
        Effect::Archive(name) => existing::check_archive(name, policy, facts, found),
        Effect::Named { what, name } => identifiers::check((what, name), policy, found),
        Effect::NamespaceOnStart(namespace) => {
            existing::check_joined(namespace, policy, facts, found);
        }
        Effect::HostPathOnStart(path) => {
            mounts::check_again((mounts, allowed_mounts), path, facts, found);
            way_out::check_again(policy, path, facts, found);
        }
        // Whether it leads to a disk by now is judged with what adds up to privileged mode.
        Effect::DeviceOnStart(path) => {
            devices.iter().for_each(|rule| rule.check_again(path, facts, found));
        }
        Effect::SecurityOption(option) => {
            security.iter().for_each(|rule| rule.check(option, found))
        }
        // A security option is asked for besides; alone it adds up to privileged mode.
        Effect::KernelSettings => {}
        Effect::Privileged => {
            let names_it = security.iter().filter(|rule| rule.forbids_privileged());
            privileged.check(found);
            names_it.clone().for_each(|rule| rule.check_privileged(found));
            // Where a rule names it, those say nothing more that it is made of.
            if *privileged == PrivilegedRule::Allow && names_it.count() == 0 {
                security.iter().for_each(|rule| rule.check_privileged(found));
                capabilities.iter().for_each(|rule| rule.check_privileged(found));
                devices.iter().for_each(|rule| rule.check_privileged(found));
            }
        }
        Effect::Capability(capability) => {
            capabilities.iter().for_each(|rule| rule.check(capability, found));
        }
        Effect::Device(device) => {
            devices.iter().for_each(|rule| rule.check(device, facts, found));
            if let Device::Cdi(name) = device
                && facts.cdi(name).is_none()
            {
                let any = AnyPath::Cdi(name.clone());
                any_path::check((mounts, allowed_mounts), &any, found);
                way_out::check_any(policy, &any, found);
            }
        }
        Effect::ManagerRole { node, version } => {
            takeover::check_role((node, *version), policy, facts, found);
        }
        Effect::HostProgram(path) => takeover::check_program(policy, path, found),
        Effect::Namespace(namespace) => {
            namespaces.iter().for_each(|rule| rule.check(namespace, found));
            ports.iter().for_each(|rule| rule.check_namespace(namespace, found));
            existing::check_joined(namespace, policy, facts, found);
        }
        Effect::Network(name) => networks::check(name, (ports, namespaces), facts, found),
        Effect::Subnet(subnet, put_to) => {
            subnets::check((subnets, allowed_subnets), *subnet, *put_to, facts, found);
        }
        Effect::SubnetsOf(name, _) => {
            subnets::check_network((subnets, allowed_subnets), name, facts, found);
        }
        Effect::HostBridge(name) => subnets::check_bridge(subnets, name, facts, found),
        Effect::SubnetDriver(name) => {
            subnets::check_driver((subnets, allowed_subnets), name, found);
        }
        Effect::Runtime(name) => {
            runtimes::check(runtimes, name, facts, found);
            devices.iter().for_each(|rule| rule.check_runtime(name, found));
        }
        Effect::VolumesFrom(name) => {
            existing::check_mounts_of(name, policy, facts, found);
        }
        Effect::Renamed { container, to } => {
            existing::check_renamed((container, to), volumesfrom, facts, found);
        }
        Effect::Sysctl(name) => sysctls.iter().for_each(|rule| rule.check(name, found)),
        Effect::CgroupParent(path) => cgroupparent.iter().for_each(|rule| rule.check(path, found)),
        Effect::PreviousSpec { service, version } => {
            existing::check_previous((service, *version), policy, facts, found);
        }
        Effect::Annotation(name) => annotations::check(name, policy, found),
        Effect::Podmans(what) => unrouted::check_podmans(policy, what, found),
        Effect::Unknown(path) => strict.check(path, found),
        Effect::ServiceVersion(spoken) => versions::check(*spoken, ceilings, facts, found),
    }
}

/// All capabilities that are known.
fn capability_names() -> impl Iterator<Item = types::Capability> {
    combined::capability_names().filter_map(|name| types::Capability::parse(name).ok())
}

/// The image that a request uses, if it uses one.
fn image_of(effects: &[RequestedEffect]) -> Option<&ImageRef> {
    images_in(effects).next()
}

/// What is known of each build of the image that may run, as `source` has it. Of a service these are
/// those for the platforms that it asks for, as far as they are here, beside the one that runs on this
/// host.
fn contents_of<'a>(
    effects: &'a [RequestedEffect],
    (holder, source): (Holder, Holder),
    facts: &'a Facts,
) -> impl Iterator<Item = Option<&'a ImageFacts>> {
    let image = image_of(effects);
    let platforms = platform::asked(effects);
    let has_plain = holder == Holder::Registry || platforms.clone().next().is_none();
    let plain = has_plain.then(|| image.and_then(|image| facts.image(image)));
    let builds = platforms.map(move |platform| {
        let build = image.and_then(|image| platform::build_of(image, platform))?;
        facts.build(&build)
    });
    let runs = move |known: &Option<&ImageFacts>| {
        holder == Holder::Daemon || *known != Some(&ImageFacts::Absent)
    };
    let all = plain.into_iter().chain(builds.filter(runs));
    all.map(move |known| sure_content(image?, known?, source))
}

/// What is known of an image, if that is what runs: of one that is fetched, only if its name says which
/// content.
fn sure_content<'a>(
    image: &ImageRef,
    known: &'a ImageFacts,
    source: Holder,
) -> Option<&'a ImageFacts> {
    let is_sure = match (source, known, image) {
        (Holder::Daemon, _, _) => true,
        (Holder::Registry, ImageFacts::Absent, _) => false,
        (Holder::Registry, ImageFacts::Present { .. }, ImageRef::Named(name)) => {
            name.digest().is_some()
        }
        (Holder::Registry, ImageFacts::Present { .. }, ImageRef::Id(_)) => true,
    };
    is_sure.then_some(known)
}

/// What is known of the image of a container, if that mattered to the rules.
pub fn image_of_container<'a>(
    effects: &'a [RequestedEffect],
    facts: &'a Facts,
) -> Option<(&'a ImageRef, &'a ImageFacts)> {
    let runs = |asked: &RequestedEffect| asked.effect == Effect::ImageEnvironment(Holder::Daemon);
    let image = image_of(effects).filter(|_| effects.iter().any(runs))?;
    let builds = platform::asked(effects).filter_map(|asked| platform::build_of(image, asked));
    let mut builds = builds.filter_map(|build| facts.build(&build));
    let absent = builds.find(|build| **build == ImageFacts::Absent);
    Some((image, absent.or_else(|| facts.image(image))?))
}

/// The container that a request starts or reaches into by its name, and what is known of it, if that
/// mattered to the rules.
pub fn reached<'a>(effects: &'a [RequestedEffect], facts: &'a Facts) -> Option<Reached<'a>> {
    effects.iter().find_map(|asked| match &asked.effect {
        Effect::Started(name) => {
            Some(Reached { name, container: facts.container(name)?, starts: true })
        }
        Effect::ExecIn(name) | Effect::Archive(name) | Effect::ContainerUser(name) => {
            Some(Reached { name, container: facts.container(name)?, starts: false })
        }
        _ => None,
    })
}

/// A container that exists, as a request reaches it.
#[derive(Debug, Clone, Copy)]
pub struct Reached<'a> {
    /// As the request calls it.
    pub name: &'a str,
    /// What the daemon said of it.
    pub container: &'a ContainerFacts,
    /// Whether the request starts it.
    pub starts: bool,
}

/// The images that a request uses.
pub fn images_in(effects: &[RequestedEffect]) -> impl Iterator<Item = &ImageRef> {
    effects.iter().filter_map(|asked| match &asked.effect {
        Effect::Image(image) => Some(image),
        _ => None,
    })
}

/// What must be known before a request with these effects can be judged.
pub fn questions(policy: &Policy, effects: &[RequestedEffect]) -> Questions {
    further_questions(policy, effects, &Facts::none())
}

/// What must still be known, as the answers so far may have led to more. Nothing is asked twice.
pub fn further_questions(policy: &Policy, effects: &[RequestedEffect], facts: &Facts) -> Questions {
    let mut questions = Questions::default();
    let implied = existing::implied(effects, facts, &policy.ceilings);
    let implied = implied.iter().map(|group| group.effects.as_slice());
    for effects in std::iter::once(effects).chain(implied) {
        let Questions {
            links,
            images,
            builds,
            networks,
            addresses,
            devices,
            image_list,
            api_version,
            subnets,
            interfaces,
            source_policies,
            runtimes,
            ..
        } = &mut questions;
        images::ask_list(policy, effects, image_list);
        builds::ask(policy, effects, source_policies);
        mounts::ask(policy, effects, links);
        images::ask(&policy.images, &policy.allowed_images, effects, images);
        users::ask(&policy.users, &policy.ceilings, effects, images);
        users::ask(&policy.groups, &policy.ceilings, effects, images);
        environment::ask(&policy.environment, effects, images);
        let Policy { users, groups, environment, .. } = policy;
        let rules = (users.as_slice(), groups.as_slice(), environment.as_slice());
        platform::ask(rules, &policy.ceilings, effects, builds);
        networks::ask(&policy.ports, &policy.namespaces, effects, networks);
        mounts::ask_servers(policy, effects, addresses);
        combined::ask(policy.privileged, effects, facts, devices);
        subnets::ask(&policy.subnets, effects, subnets);
        subnets::ask_bridges(&policy.subnets, effects, interfaces);
        subnets::ask_networks((&policy.subnets, &policy.allowed_subnets), effects, networks);
        versions::ask(&policy.ceilings, effects, api_version);
        runtimes::ask(&policy.runtimes, effects, runtimes);
        existing::ask(policy, effects, &mut questions);
        exceptions::ask_links(policy, effects, &mut questions);
    }
    exceptions::ask(policy, effects, facts, &mut questions);
    questions.settle(facts);
    if questions.image_list {
        questions.image_rules = policy.images.clone();
        questions.image_names = builds::needs_every_name(effects).then(Vec::new);
        questions.images_allowed = policy.allowed_images.list().map(<[_]>::to_vec);
    }
    questions
}

#[cfg(test)]
mod tests;
