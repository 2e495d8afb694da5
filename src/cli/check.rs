//! `secdocker check`: a configuration in plain words, a sentence for each rule and ceiling.

mod clients;
mod exceptions;

use std::fmt::{self, Display, Write};
use std::path::Path;
use std::thread;

use super::outcome::{CliError, Outcome, print};
use super::{certificates, exposure};
use crate::config::plugins::{Fallback, PluginSettings, Plugins as Configured};
use crate::config::{self, Limits, Listen, Overrides, Settings};
use crate::docker::operations;
use crate::image;
use crate::lookup::{self, Daemon};
use crate::plugins::Plugins;
use crate::policy::Policy;
use crate::policy::allowed::{AllowedMount, AllowedMounts};
use crate::policy::builds::BuildRule;
use crate::policy::ceilings::{Ceilings, OWNER_LABEL};
use crate::policy::endpoints::{EndpointRules, Otherwise};
use crate::policy::groups::GroupRule;
use crate::policy::images::ImageRule;
use crate::policy::names::NameRule;
use crate::policy::privileged::PrivilegedRule;
use crate::policy::strict::StrictRule;
use crate::policy::subnets::{AllowedSubnets, SubnetRule};
use crate::policy::types::NanoCpus;
use crate::policy::way_out::WayOut;
use crate::proxy::StartError;

/// Prints what the configuration at `path` says.
pub(super) fn check(path: &Path, overrides: &Overrides) -> Result<Outcome, CliError> {
    let settings = config::load(path, overrides)?;
    // A plugin that can't be used stops a start, so it is no valid configuration either.
    Plugins::load(&settings.plugins, &Daemon::of(&settings)).map_err(StartError::Plugin)?;
    let mut text = String::new();
    if let Some(variables) = &overrides.variables {
        let _ = writeln!(
            text,
            "What may be called is said by variables of the environment: {variables}."
        );
    }
    // Writing to a string can't fail.
    let _ = describe(&mut text, path, &settings);
    if settings.restricts() {
        text.push_str(&exposure::describe(&settings));
    }
    print(&text)
}

fn describe(out: &mut String, path: &Path, settings: &Settings) -> fmt::Result {
    let Settings {
        listen,
        dockerapi,
        upstream_tls: _,
        limits,
        log,
        policy,
        clients: _,
        upstream_mark,
        plugins,
    } = settings;
    writeln!(out, "{} is valid.\n", path.display())?;
    describe_listen(out, listen)?;
    writeln!(out, "Connections that were not redirected go to {dockerapi}.")?;
    certificates::describe(out, settings)?;
    if let Some(mark) = upstream_mark {
        writeln!(out, "Connections to the daemon carry the mark {mark:#x}.")?;
    }
    writeln!(
        out,
        "The log is {}, level {}.\n",
        log.file.display(),
        log.level.as_str().to_lowercase()
    )?;
    describe_policy(out, policy)?;
    clients::describe(out, settings)?;
    describe_plugins(out, plugins)?;
    describe_limits(out, limits)
}

/// What holds for one client, or for all.
fn describe_policy(out: &mut String, policy: &Policy) -> fmt::Result {
    describe_endpoints(out, &policy.endpoints)?;
    describe_rules(out, policy)?;
    exceptions::describe(out, policy, exceptions::Days::at(lookup::days_since_epoch()))?;
    describe_ceilings(out, &policy.ceilings)
}

fn describe_listen(out: &mut String, listen: &Listen) -> fmt::Result {
    if let Some(tcp) = &listen.tcp {
        writeln!(out, "SecDocker listens on {tcp}.")?;
        if listen.transparent {
            writeln!(out, "Those of other hosts are served only if they were redirected here.")?;
        }
        if listen.allow_plain && !tcp.is_loopback() {
            writeln!(out, "Those of other hosts may come without a certificate (`allow_plain`).")?;
        }
    }
    if let Some(unix) = &listen.unix {
        let (path, mode) = (unix.path.display(), unix.mode);
        writeln!(out, "SecDocker listens on the Unix socket {path}, permissions {mode:04o}.")?;
    }
    writeln!(out, "Loops that serve them: {}.", listen.loops)
}

fn describe_rules(out: &mut String, policy: &Policy) -> fmt::Result {
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
        volumesfrom,
        volumedrivers,
        allowed_volumedrivers,
        sysctls,
        cgroupparent,
        allowed_images,
        allowed_mounts,
        allowed_shares,
        way_out,
        subnets,
        allowed_subnets,
        builds,
        build_group,
        endpoints: _,
        strict,
        ceilings: _,
        exceptions: _,
    } = policy;
    let before = out.len();
    for rule in ports {
        writeln!(out, "Host port {} may not be published.", Shown(rule.as_str()))?;
    }
    if !ports.is_empty() {
        writeln!(out, "Host networking is forbidden, since it opens every port.")?;
    }
    mounts.iter().try_for_each(|rule| describe_mount(out, rule.as_str()))?;
    if let Some(paths) = allowed_mounts.list() {
        writeln!(out, "Of the host's paths only these may be mounted:")?;
        describe_list(out, paths.iter().map(AllowedMount::as_str))?;
        for one in paths.iter().filter(|one| one.is_with_all_below()) {
            writeln!(
                out,
                "Note: anyone who can write to a directory in {} can put a link in the place of one below \
                 while it is mounted. SecDocker looks at what was mounted and kills such a container, \
                 which may have run for a moment; an entry without /** has no such gap, if none but \
                 root can write to the directories above it.",
                Shown(one.path().as_str())
            )?;
        }
    }
    for share in allowed_shares {
        writeln!(
            out,
            "{} may be mounted, wherever its server's name leads.",
            Shown(share.as_str())
        )?;
    }
    for rule in users {
        writeln!(out, "Nothing may run as user {}.", Shown(rule.as_str()))?;
    }
    groups.iter().try_for_each(|rule| describe_group(out, rule))?;
    if !groups.is_empty() {
        writeln!(out, "{OWN_GROUPS}")?;
    }
    environment.iter().try_for_each(|rule| describe_variable(out, rule.as_str()))?;
    security.iter().try_for_each(|rule| describe_security(out, rule.as_str()))?;
    images.iter().try_for_each(|rule| describe_image(out, rule.as_str()))?;
    if let Some(images) = allowed_images.list() {
        writeln!(
            out,
            "Only these images may be used, and built by BuildKit; none may be loaded, imported or committed:"
        )?;
        describe_list(out, images.iter().map(ImageRule::as_str))?;
    }
    match privileged {
        PrivilegedRule::Forbid => {
            writeln!(out, "Privileged containers and privileged exec are forbidden.")?;
            writeln!(out, "So is what adds up to them: capabilities, disks, options, namespaces.")?;
        }
        PrivilegedRule::Allow => {}
    }
    for rule in capabilities {
        writeln!(out, "Capability {} may not be added.", Shown(rule.as_str()))?;
    }
    for rule in devices {
        writeln!(out, "Device {} may not be used.", Shown(rule.as_str()))?;
    }
    for rule in namespaces {
        writeln!(out, "Namespaces may not be shared: {}.", Shown(rule.as_str()))?;
    }
    for rule in runtimes {
        writeln!(out, "Runtime {} may not be chosen.", Shown(rule.as_str()))?;
    }
    for rule in volumesfrom {
        writeln!(out, "Mounts of container {} may not be taken over.", Shown(rule.as_str()))?;
    }
    for rule in volumedrivers {
        writeln!(out, "Volume driver {} may not be used.", Shown(rule.as_str()))?;
    }
    if let Some(drivers) = allowed_volumedrivers {
        writeln!(
            out,
            "Beside the daemon's own only these volume drivers may be used, and mount what they like:"
        )?;
        describe_list(out, drivers.iter().map(NameRule::as_str))?;
    }
    for rule in sysctls {
        writeln!(out, "Kernel parameter {} may not be set.", Shown(rule.as_str()))?;
    }
    for rule in cgroupparent {
        writeln!(out, "Nothing may run below control group {}.", Shown(rule.as_str()))?;
    }
    if policy.restricts() {
        describe_way_out(out, way_out, allowed_mounts)?;
    }
    describe_subnets(out, subnets, allowed_subnets)?;
    match builds {
        BuildRule::Inspect => {}
        BuildRule::Allow => writeln!(out, "Images may be built; Dockerfiles are not read.")?,
        BuildRule::Forbid => writeln!(out, "Images may not be built.")?,
    }
    if let Some(group) = build_group {
        let group = group.as_str();
        match policy.ceilings.memory.is_some() || policy.ceilings.cpu.is_some() {
            true => writeln!(out, "Steps of builds share control group {group} and its limits.")?,
            false => writeln!(
                out,
                "Warning: control group {group} limits no build without general.memory or general.cpu."
            )?,
        }
    }
    if *strict == StrictRule::Refuse {
        writeln!(out, "Requests with fields that SecDocker does not know are refused.")?;
    }
    if out.len() == before {
        writeln!(out, "Nothing is forbidden.")?;
    }
    writeln!(out)
}

fn describe_endpoints(out: &mut String, rules: &EndpointRules) -> fmt::Result {
    let EndpointRules { otherwise, allow, deny } = rules;
    let unknown = |entry| match operations::is_known(entry) {
        true => "",
        false => ", though Docker has none like it",
    };
    for entry in deny {
        writeln!(out, "Endpoint {} may not be called{}.", Shown(entry.as_str()), unknown(entry))?;
    }
    for entry in allow {
        let aside = match operations::reaches_input(entry) && !entry.as_str().ends_with("/ws") {
            true => ", also to write to a container's standard input",
            false => unknown(entry),
        };
        writeln!(out, "Endpoint {} may be called{aside}.", Shown(entry.as_str()))?;
    }
    match otherwise {
        Otherwise::Deny => writeln!(out, "No other endpoint may be called.\n"),
        Otherwise::Allow if deny.is_empty() => Ok(()),
        Otherwise::Allow => writeln!(out, "Every other endpoint may be called.\n"),
    }
}

/// One line for each; an empty list allows nothing.
fn describe_list<'a>(out: &mut String, texts: impl Iterator<Item = &'a str>) -> fmt::Result {
    let before = out.len();
    for text in texts {
        writeln!(out, "- {}", Shown(text))?;
    }
    if out.len() == before { writeln!(out, "- none at all") } else { Ok(()) }
}

fn describe_subnets(
    out: &mut String,
    forbidden: &[SubnetRule],
    allowed: &AllowedSubnets,
) -> fmt::Result {
    for rule in forbidden {
        match rule.as_str() {
            "public" => writeln!(out, "No network may have public addresses.")?,
            "link-local" => writeln!(out, "No network may have link-local addresses.")?,
            "host" => writeln!(
                out,
                "No network may overlap addresses, routes, gateways or name servers of the host."
            )?,
            subnet => writeln!(out, "No network may overlap subnet {}.", Shown(subnet))?,
        }
    }
    if let Some(rules) = allowed.list() {
        writeln!(out, "Networks that name a subnet may have one within these only:")?;
        describe_list(out, rules.iter().map(SubnetRule::as_str))?;
    }
    Ok(())
}

fn describe_mount(out: &mut String, path: &str) -> fmt::Result {
    let shown = Shown(path);
    match path {
        "/**" => writeln!(out, "No path of the host may be mounted."),
        "/" => writeln!(out, "The host's root, {shown}, may not be mounted; paths below it may."),
        _ => writeln!(
            out,
            "The host's {shown} may not be mounted, nor what is below it, nor what is above it."
        ),
    }
}

/// What rules about groups can't see.
const OWN_GROUPS: &str = "A user that names no group has those that the image's own /etc/passwd and /etc/group give it, \
    which are not read: whoever chooses the image can have any number so. `1000:1000` has that group alone; \
    `general.user` forces it.";

fn describe_group(out: &mut String, rule: &GroupRule) -> fmt::Result {
    let shown = Shown(rule.as_str());
    match rule.number() {
        Some(number) => writeln!(out, "Nothing may run with group {shown}, on this host {number}."),
        None if rule.is_name() && rule.as_str() != "root" => writeln!(
            out,
            "Nothing may run with group {shown}. Warning: this host has none of that name, so its \
             number is not known."
        ),
        None => writeln!(out, "Nothing may run with group {shown}."),
    }
}

/// Which sockets are held, and which a list lets be mounted.
fn describe_way_out(out: &mut String, way_out: &WayOut, allowed: &AllowedMounts) -> fmt::Result {
    let paths = allowed.list().unwrap_or_default();
    let named = way_out.named_in(paths).map(|path| Shown(path.as_str()));
    for path in named {
        writeln!(out, "Warning: {path} may be mounted, and anyone who has it is past every rule.")?;
    }
    writeln!(out, "The daemon's own sockets, and what holds them, may not be mounted otherwise.")
}

fn describe_variable(out: &mut String, rule: &str) -> fmt::Result {
    match rule.split_once('=') {
        Some((name, value)) => {
            writeln!(out, "Variable {} may not be set to {}.", Shown(name), Shown(value))
        }
        None => writeln!(out, "Variable {} may not be set.", Shown(rule)),
    }
}

fn describe_security(out: &mut String, rule: &str) -> fmt::Result {
    let shown = Shown(rule);
    if rule == "privileged" {
        writeln!(out, "Privileged mode is forbidden as a security policy.")
    } else if rule.contains(['=', ':']) {
        writeln!(out, "Security option {shown} may not be asked for.")
    } else {
        writeln!(out, "Security option {shown} may not be asked for, whatever its value.")
    }
}

fn describe_image(out: &mut String, rule: &str) -> fmt::Result {
    if let Some(prefix) = rule.strip_suffix('*') {
        writeln!(out, "No image below {} may be used.", Shown(prefix))
    } else if image::complete(rule).is_some() {
        writeln!(out, "Image {} may not be used, whatever its tag or digest.", Shown(rule))
    } else {
        writeln!(out, "Image {} may not be used, however it is named.", Shown(rule))
    }
}

fn describe_ceilings(out: &mut String, ceilings: &Ceilings) -> fmt::Result {
    let Ceilings { memory, cpu, user, environment, secopts, capdrop, capadd, owner } = ceilings;
    let before = out.len();
    if let Some(memory) = memory {
        writeln!(out, "Memory is at most {memory}, also if nothing was asked for.")?;
    }
    if let Some(cpu) = cpu {
        writeln!(out, "CPUs are at most {cpu}, also if nothing was asked for.")?;
        warn_of_cpus(out, *cpu)?;
    }
    if let Some(user) = user {
        writeln!(out, "Whatever was asked for, it runs as user {}.", Shown(user.as_str()))?;
    }
    for entry in environment {
        match entry.value() {
            Some(value) => {
                writeln!(out, "Variable {} is set to {}.", Shown(entry.name()), Shown(value))?;
            }
            None => writeln!(out, "Variable {} is removed.", Shown(entry.name()))?,
        }
    }
    for option in secopts {
        writeln!(out, "Security option `{option}` is added.")?;
    }
    for capability in capdrop {
        writeln!(out, "Capability `{capability}` is dropped.")?;
    }
    for capability in capadd {
        writeln!(out, "Capability `{capability}` is added.")?;
    }
    if let Some(owner) = owner {
        let label = format!("{OWNER_LABEL}={owner}");
        writeln!(out, "Containers get the label {}, by which they are counted.", Shown(&label))?;
    }
    if out.len() == before {
        writeln!(out, "Nothing is forced.")?;
    }
    writeln!(out)
}

/// A daemon refuses every request for more CPUs than its host has; this may be that host.
fn warn_of_cpus(out: &mut String, ceiling: NanoCpus) -> fmt::Result {
    let here = thread::available_parallelism().map_or(i64::MAX, |count| {
        i64::try_from(count.get()).unwrap_or(i64::MAX).saturating_mul(NanoCpus::PER_CPU)
    });
    if ceiling.get() > here {
        let count = here / NanoCpus::PER_CPU;
        writeln!(out, "Warning: this host has {count} CPUs, and a daemon refuses to give more.")?;
    }
    Ok(())
}

fn describe_plugins(out: &mut String, plugins: &Configured) -> fmt::Result {
    let Configured { list, threads } = plugins;
    for plugin in list {
        let PluginSettings { name, timeout, on_error, on_timeout, asked, .. } = plugin;
        let purposes = [
            (asked.create, "containers"),
            (asked.service, "services"),
            (asked.pull, "pulls"),
            (asked.build, "builds"),
        ];
        let asked = purposes.iter().filter(|(is_asked, _)| *is_asked).map(|(_, what)| *what);
        let asked = asked.collect::<Vec<_>>().join(", ");
        let consequence = |fallback: &Fallback| match fallback {
            Fallback::Deny => "refused",
            Fallback::Allow => "allowed",
        };
        writeln!(
            out,
            "Plugin {name} is asked about {asked}, and has {timeout:?} to answer. After an error \
             of it a request is {}, without an answer {}.",
            consequence(on_error),
            consequence(on_timeout)
        )?;
    }
    match list.is_empty() {
        true => writeln!(out, "No plugin is asked.\n"),
        false => writeln!(out, "Threads that plugins run on: {threads}.\n"),
    }
}

fn describe_limits(out: &mut String, limits: &Limits) -> fmt::Result {
    let Limits {
        head_bytes,
        body_bytes,
        bodies_bytes,
        buffer_bytes,
        connections,
        connections_per_client,
        handshake_time,
        head_time,
        body_time,
        body_idle_time,
        body_rate,
        connect_time,
        linger_time,
        shutdown_time,
        drain_time,
    } = limits;
    let size = |bytes: &usize| Size(*bytes);
    writeln!(out, "A head has at most {} and arrives within {head_time:?}.", size(head_bytes))?;
    writeln!(
        out,
        "An inspected body has at most {}; all of them together, and long heads, have at most {}, those \
         of one client half of it.",
        size(body_bytes),
        size(bodies_bytes)
    )?;
    writeln!(
        out,
        "It may go {body_idle_time:?} without a byte, and after {body_time:?} must have brought {} for \
         each further second.",
        Size(usize::try_from(body_rate.get()).unwrap_or(usize::MAX))
    )?;
    writeln!(out, "One direction of a connection holds at most {}.", size(buffer_bytes))?;
    writeln!(
        out,
        "Open connections are at most {connections}, from one address at most \
         {connections_per_client}."
    )?;
    writeln!(out, "A TLS handshake takes at most {handshake_time:?}.")?;
    writeln!(out, "The daemon has {connect_time:?} to accept a connection.")?;
    writeln!(out, "A refused client has {linger_time:?} to read its answer.")?;
    writeln!(out, "Open requests have {shutdown_time:?} to finish at a stop.")?;
    match drain_time {
        Some(time) => writeln!(out, "What is open at an upgrade has {time:?} to finish."),
        None => writeln!(out, "What is open at an upgrade goes on to its end."),
    }
}

/// Configured text in backticks, so that it can't command the terminal.
struct Shown<'a>(&'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.escape_debug())
    }
}

/// A size in the largest unit that it is whole in.
struct Size(usize);

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(usize, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.iter().find(|(unit, _)| self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{} {name}", self.0 / unit),
            None => write!(f, "{} bytes", self.0),
        }
    }
}
