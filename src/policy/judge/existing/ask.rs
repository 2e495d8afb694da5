//! What must be known of what exists.

use crate::policy::effects::{
    Device, Effect, Namespace, NamespaceKind, RequestedEffect, SharedWith,
};
use crate::policy::facts::{Question, Questions};
use crate::policy::judge::about::about_paths;
use crate::policy::rule_set::Policy;

/// What must be known of what exists already.
pub(in crate::policy) fn ask(
    policy: &Policy,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    for RequestedEffect { effect, .. } in effects {
        match effect {
            Effect::Volume(name) | Effect::VolumeOnStart(name) if policy.judges_mounts() => {
                questions.ask(Question::volume(name));
            }
            Effect::Started(name) if policy.judges_starts() => {
                questions.ask(Question::container(name));
            }
            Effect::VolumesFrom(name)
                if policy.judges_mounts() || !policy.volumesfrom.is_empty() =>
            {
                questions.ask(Question::container(name));
            }
            Effect::Renamed { container, .. } if !policy.volumesfrom.is_empty() => {
                questions.ask(Question::container(container));
            }
            Effect::ContainerUser(name) if !policy.users.is_empty() => {
                questions.ask(Question::container(name));
            }
            Effect::ExecIn(name) if policy.judges_reach() => {
                questions.ask(Question::container(name));
            }
            Effect::Archive(name) if policy.judges_mounts() || policy.judges_images() => {
                questions.ask(Question::container(name));
            }
            Effect::Device(Device::Cdi(name)) if policy.restricts() => {
                questions.ask(Question::cdi(name));
            }
            Effect::ManagerRole { node, .. } if policy.can_be_taken_over() => {
                questions.ask(Question::node(node));
            }
            Effect::CpuQuota(name) if policy.ceilings.cpu.is_some() => {
                questions.ask(Question::container(name));
            }
            Effect::Namespace(Namespace { kind, with: SharedWith::Container(name) })
            | Effect::NamespaceOnStart(Namespace { kind, with: SharedWith::Container(name) })
                if may_be_forbidden(policy, *kind) =>
            {
                questions.ask(Question::container(name));
            }
            Effect::PreviousSpec { service, .. } if policy.first_section().is_some() => {
                questions.ask(Question::service(service));
                questions.wanted.ceilings = policy.ceilings.clone();
            }
            _ => {}
        }
    }
}

/// Whether a rule is about sharing that namespace with the host.
fn may_be_forbidden(policy: &Policy, kind: NamespaceKind) -> bool {
    let Policy { ports, namespaces, .. } = policy;
    let by_kind = match kind {
        NamespaceKind::Network => !ports.is_empty(),
        NamespaceKind::Pid => about_paths(policy).next().is_some(),
        NamespaceKind::Ipc | NamespaceKind::Uts | NamespaceKind::User | NamespaceKind::Cgroup => {
            false
        }
    };
    by_kind || namespaces.iter().any(|rule| rule.forbids_host(kind))
}
