//! What keeps a container apart from the host and from others, and how `HostConfig` takes it away:
//! capabilities, devices, namespaces, runtimes, other containers' mounts, kernel parameters, control
//! groups.

use crate::docker::json::{Node, Object};
use crate::effects::collect::{BodyError, Effects, host_path, objects, texts};
use crate::effects::force::list;
use crate::effects::subnets;
use crate::policy::devices::GPU_WORDS;
use crate::policy::effects::{
    AnyPath, Device, EnvironmentEffect, ExistingEffect, FieldPath, MountEffect, Namespace,
    NamespaceKind, PrivilegeEffect, RuntimeEffect, SharedWith,
};
use crate::policy::types::Capability;

/// The fields that name a namespace, and its kind.
const NAMESPACES: [(&str, &str, NamespaceKind); 6] = [
    ("NetworkMode", "HostConfig.NetworkMode", NamespaceKind::Network),
    ("PidMode", "HostConfig.PidMode", NamespaceKind::Pid),
    ("IpcMode", "HostConfig.IpcMode", NamespaceKind::Ipc),
    ("UTSMode", "HostConfig.UTSMode", NamespaceKind::Uts),
    ("UsernsMode", "HostConfig.UsernsMode", NamespaceKind::User),
    ("CgroupnsMode", "HostConfig.CgroupnsMode", NamespaceKind::Cgroup),
];

pub(super) fn effects(host: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    capabilities(host, effects);
    devices(host, effects)?;
    namespaces(host, effects);
    links(host, effects);
    names(host, effects);
    Ok(())
}

/// A capability that cannot be one is refused by the daemon, and none.
fn capabilities(host: &Object, effects: &mut Effects) {
    // `Capabilities` is the whole set in API v1.40.
    for (field, place) in
        [("CapAdd", "HostConfig.CapAdd"), ("Capabilities", "HostConfig.Capabilities")]
    {
        for (at, text) in list(host, field).iter().enumerate() {
            if let Ok(capability) = Capability::parse(text) {
                effects
                    .push(PrivilegeEffect::Capability(capability), FieldPath::Element(place, at));
            }
        }
    }
}

/// A device is a path of the host too, and a directory gives all devices in it.
fn devices(host: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (at, device) in objects(host, "Devices") {
        if let Some(path) = device.text("PathOnHost").filter(|path| !path.is_empty()) {
            let place = || FieldPath::Inside("HostConfig.Devices", at, "PathOnHost");
            effects.push_path(path, place())?;
            let device = host_path(path).map(Device::Path);
            effects.push_parsed(device, PrivilegeEffect::Device, place())?;
        }
    }
    for (at, rule) in texts(host, "DeviceCgroupRules") {
        let device = Device::CgroupRule(rule.to_owned());
        effects.push(
            PrivilegeEffect::Device(device),
            FieldPath::Element("HostConfig.DeviceCgroupRules", at),
        );
    }
    for (at, request) in objects(host, "DeviceRequests") {
        device_request(at, request, effects);
    }
    Ok(())
}

/// A request is for a driver, for what a device can do, or for devices by name. What the drivers of
/// GPUs take is known; what CDI makes of a name stands in files of the host.
fn device_request(at: usize, request: &Object, effects: &mut Effects) {
    let place = || FieldPath::Element("HostConfig.DeviceRequests", at);
    let named: Vec<_> = request.list("DeviceIDs").iter().filter_map(Node::as_text).collect();
    // The driver's name alone decides, in this spelling.
    if request.text("Driver") == Some("cdi") && !named.is_empty() {
        for name in named {
            effects.push(PrivilegeEffect::Device(Device::Cdi(name.to_owned())), place());
        }
        return;
    }
    let driver = request.text("Driver").filter(|driver| !driver.is_empty());
    let alternatives = request.list("Capabilities").iter();
    let abilities = alternatives.filter_map(Node::as_list).flatten().filter_map(Node::as_text);
    let ids: Vec<_> = request.list("DeviceIDs").iter().filter_map(Node::as_text).collect();
    let words: Vec<_> = driver.into_iter().chain(abilities).map(str::to_ascii_lowercase).collect();
    let is_of_gpus = |word: &String| GPU_WORDS.contains(&word.as_str());
    let is_plain = |id: &&str| !id.contains(['/', '=']);
    let is_known = !words.is_empty() && words.iter().all(is_of_gpus) && ids.iter().all(is_plain);
    let kinds = ids.iter().filter_map(|id| id.split_once('=')).map(|(kind, _)| kind.to_owned());
    // Without the driver's name any vendor's may answer, and every word is for its GPUs.
    let vendor = |name: &str, other: &str| {
        (is_known && !words.iter().any(|word| word == other)).then(|| name.to_owned())
    };
    let implied = is_known.then(|| "gpu".to_owned()).into_iter();
    let vendors = vendor("nvidia", "amd").into_iter().chain(vendor("amd", "nvidia"));
    let mut names: Vec<_> =
        words.iter().cloned().chain(implied).chain(vendors).chain(kinds).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        effects.push(PrivilegeEffect::Device(Device::Request(name)), place());
    }
    if !is_known {
        let text = words.iter().map(String::as_str).chain(ids).collect::<Vec<_>>().join(",");
        effects.push(MountEffect::AnyPath(AnyPath::Devices(text.clone())), place());
        effects.push(PrivilegeEffect::Device(Device::Opaque(text)), place());
    }
}

fn namespaces(host: &Object, effects: &mut Effects) {
    let network = host.text("NetworkMode").unwrap_or_default();
    effects.push_network(network, FieldPath::Field("HostConfig.NetworkMode"));
    subnets::joined(network, FieldPath::Field("HostConfig.NetworkMode"), effects);
    for (field, place, kind) in NAMESPACES {
        let with = match host.text(field).unwrap_or_default() {
            "host" => SharedWith::Host,
            mode => match mode.strip_prefix("container:") {
                Some(name) => SharedWith::Container(name.to_owned()),
                None => continue,
            },
        };
        for effect in (Namespace { kind, with }).effects() {
            effects.push(effect, FieldPath::Field(place));
        }
    }
}

/// A link sets variables named after its alias. `/name:/other/alias`, as the daemon itself writes it,
/// has the alias behind the last slash; so has any other (`links.ToEnv`).
fn links(host: &Object, effects: &mut Effects) {
    for (at, link) in texts(host, "Links") {
        let alias = link.split(':').nth(1).unwrap_or(link);
        let alias = alias.rsplit('/').next().unwrap_or_default();
        let prefix = alias.chars().map(upper_case).collect::<String>().replace('-', "_") + "_";
        let place = FieldPath::Element("HostConfig.Links", at);
        effects.push(EnvironmentEffect::Linked(prefix), place);
    }
}

/// As Go has it: one character for one.
fn upper_case(char: char) -> char {
    let mut upper = char.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => char,
    }
}

fn names(host: &Object, effects: &mut Effects) {
    for (at, from) in texts(host, "VolumesFrom") {
        let container = from.split(':').next().unwrap_or_default().to_owned();
        let place = FieldPath::Element("HostConfig.VolumesFrom", at);
        effects.push(ExistingEffect::VolumesFrom(container), place);
    }
    for (name, _) in host.object("Sysctls").into_iter().flat_map(Object::iter) {
        let place = FieldPath::Entry("HostConfig.Sysctls", name.to_owned());
        // Seen on 20.10: `net/ipv4/ip_forward` is the same parameter.
        effects.push(RuntimeEffect::Sysctl(name.replace('/', ".")), place);
    }
    for (name, _) in host.object("Annotations").into_iter().flat_map(Object::iter) {
        let place = FieldPath::Entry("HostConfig.Annotations", name.to_owned());
        effects.push(RuntimeEffect::Annotation(name.to_owned()), place);
    }
    if let Some(path) = host.text("CgroupParent").filter(|path| !path.is_empty()) {
        let place = FieldPath::Field("HostConfig.CgroupParent");
        effects.push(RuntimeEffect::CgroupParent(path.to_owned()), place);
    }
}
