//! What must be known of what exists.

use crate::policy::effects::{
    Device, Effect, ExistingEffect, IdentityEffect, MountEffect, Namespace, NamespaceEffect,
    NamespaceKind, PrivilegeEffect, RequestedEffect, SharedWith, TakeoverEffect,
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
            Effect::Existing(effect) => ask_existing(policy, effect, questions),
            Effect::Mount(MountEffect::Volume(name) | MountEffect::VolumeOnStart(name))
                if policy.judges_mounts() =>
            {
                questions.ask(Question::volume(name));
            }
            Effect::Identity(IdentityEffect::ContainerUser(name)) if !policy.users.is_empty() => {
                questions.ask(Question::container(name));
            }
            Effect::Privilege(PrivilegeEffect::Device(Device::Cdi(name))) if policy.restricts() => {
                questions.ask(Question::cdi(name));
            }
            Effect::Takeover(TakeoverEffect::ManagerRole { node, .. })
                if policy.can_be_taken_over() =>
            {
                questions.ask(Question::node(node));
            }
            Effect::Namespace(
                NamespaceEffect::Shared(Namespace { kind, with: SharedWith::Container(name) })
                | NamespaceEffect::OnStart(Namespace { kind, with: SharedWith::Container(name) }),
            ) if may_be_forbidden(policy, *kind) => {
                questions.ask(Question::container(name));
            }
            _ => {}
        }
    }
}

fn ask_existing(policy: &Policy, effect: &ExistingEffect, questions: &mut Questions) {
    let (container, matters) = match effect {
        ExistingEffect::Started(name) => (name, policy.judges_starts()),
        ExistingEffect::ExecIn(name) => (name, policy.judges_reach()),
        ExistingEffect::Archive(name) => (name, policy.judges_mounts() || policy.judges_images()),
        ExistingEffect::VolumesFrom(name) => {
            (name, policy.judges_mounts() || !policy.volumesfrom.is_empty())
        }
        ExistingEffect::Renamed { container, .. } => (container, !policy.volumesfrom.is_empty()),
        ExistingEffect::CpuQuota(name) => (name, policy.ceilings.cpu.is_some()),
        ExistingEffect::PreviousSpec { service, .. } => {
            if policy.first_section().is_some() {
                questions.ask(Question::service(service));
                questions.wanted.ceilings = policy.ceilings.clone();
            }
            return;
        }
        ExistingEffect::Named { .. } => return,
    };
    if matters {
        questions.ask(Question::container(container));
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
