//! `POST /plugins/pull`, `/plugins/create`, `/plugins/{name}/upgrade`, `…/set`, `…/enable`.
//!
//! A plugin is a process of root with whatever mounts, devices, capabilities and namespaces its
//! configuration names, which comes from a registry or in an archive; `set` changes them, and a
//! plugin whose `enable` fails has run all the same (seen on 20.10). None of them is read closer:
//! each is a step to the same end. To disable, remove or push one gives nothing.

use crate::policy::effects::{FieldPath, RequestedEffect, Takeover, TakeoverEffect};

/// What any of these requests may bring about.
pub(in crate::effects) fn effects() -> Vec<RequestedEffect> {
    vec![RequestedEffect {
        effect: TakeoverEffect::By(Takeover::Plugin).into(),
        at: FieldPath::Field("plugins"),
    }]
}
