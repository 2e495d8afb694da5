//! Whether the daemon may build images, and what must be seen of it.
//!
//! A build uses images, runs steps and sets variables, as its Dockerfile says. The classic builder's
//! is read, and is judged like any other request. What can't be seen (BuildKit, a context that the
//! daemon fetches) is refused where there is a rule that it could break:
//!
//! | build | could break |
//! | --- | --- |
//! | classic, from elsewhere | `images`, `users`, `environment` |
//! | BuildKit | the same, and `general.memory` and `cpu`, which its steps don't heed; `ports`, `namespaces`, `cgroupparent`: its steps may share the host's network; and `privileged`, `capabilities`, `securitypolicies`, `devices`: where the daemon allows it (`builder.entitlements`), they may be privileged. Before 24.0.9 and 25.0.2 an image that `# syntax=` names gets all of it without being allowed to (CVE-2024-23653) |
//!
//! Through `/grpc` builds are not refused where the daemon's builder can be held to the rules: it heeds a
//! policy about images, and all else is in what each call says. Then each call is judged for itself. Under
//! `general.memory` and `general.cpu` all are refused where nothing holds steps to them ([`crate::policy::rules::build_steps`]).
//!
//! A build that the daemon puts together itself out of the parameters of `POST /build` (`version=2`) heeds no
//! policy of ours. Where the daemon heeds none at all, its Dockerfile is judged in the client's session, from which
//! the daemon takes it; elsewhere, there are clients that speak to the builder themselves.
//!
//! Steps of a build run as the user of the image that they build upon, mostly root; that is no breach
//! of a rule about users, since hardly any image could be built otherwise: such a rule holds for
//! `USER`, and for containers of what was built. Anyone who wants no root in builds forbids builds.

mod rule;

use crate::policy::effects::{BuildEffect, Builder, Effect, Opaque, RequestedEffect};
use crate::policy::exceptions;
use crate::policy::facts::{Facts, Question, Questions};
use crate::policy::rule_set::Policy;
use crate::policy::rules::build_steps::{Held, ceilings, held, unforceable};
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::violations::Findings;
pub use rule::BuildRule;

impl Policy {
    /// Whether the Dockerfile of a build must be read, where it can be.
    pub fn reads_dockerfiles(&self) -> bool {
        must_read(self)
    }

    /// Whether calls to BuildKit must be judged one by one.
    pub fn judges_calls_to_buildkit(&self) -> bool {
        must_judge_calls(self)
    }

    /// Whether the Dockerfile is judged that a build takes from the client's session.
    pub fn judges_dockerfiles_of_sessions(&self, facts: &Facts) -> bool {
        is_session_judged(self, facts)
    }
}

/// Whether Dockerfiles must be read: there is a rule that one can break.
pub(in crate::policy) fn must_read(policy: &Policy) -> bool {
    policy.builds == BuildRule::Inspect && breakable(policy, Builder::Unread).next().is_some()
}

/// Whether calls to BuildKit must be judged one by one: there is a rule that one can break, or a name by
/// which an exception knows an image.
pub(in crate::policy) fn must_judge_calls(policy: &Policy) -> bool {
    let is_needed = breakable(policy, Builder::BuildKitUnseen).next().is_some()
        || policy.allowed_images.list().is_some()
        || exceptions::guards_names(policy);
    policy.builds == BuildRule::Inspect && is_needed
}

/// Whether calls to BuildKit are judged one by one: they must be, and the daemon's builder can be held to
/// what is found.
pub(in crate::policy) fn are_calls_judged(policy: &Policy, facts: &Facts) -> bool {
    must_judge_calls(policy) && facts.builder().is_some_and(|builder| builder.heeds_policies)
}

/// Whether the Dockerfile is judged that a build takes from the client's session: it must be, and the daemon's
/// builder can be held to rules in no other way.
pub(in crate::policy) fn is_session_judged(policy: &Policy, facts: &Facts) -> bool {
    must_judge_calls(policy) && facts.builder().is_some_and(|builder| !builder.heeds_policies)
}

/// Whether the builder of the daemon can be held to rules must be known before it is spoken to.
pub(in crate::policy) fn ask(
    policy: &Policy,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let is_asked = |asked: &RequestedEffect| match asked.effect {
        Effect::Build(BuildEffect::By(builder)) => matches!(
            builder,
            Builder::BuildKitUnseen | Builder::BuildKitSession | Builder::SessionOffered
        ),
        _ => false,
    };
    // Of a build that has begun by then only whether its steps can be held to ceilings is not known.
    let is_begun = |asked: &RequestedEffect| {
        asked.effect == Effect::Build(BuildEffect::By(Builder::BuildKitSolve))
    };
    let is_unknown = held(policy, &Facts::none()) == Held::Nothing;
    if must_judge_calls(policy)
        && effects.iter().any(|asked| is_asked(asked) || (is_unknown && is_begun(asked)))
    {
        questions.ask(Question::Builder);
    }
}

/// Whether the daemon must be given all names of forbidden images.
pub(in crate::policy) fn needs_every_name(effects: &[RequestedEffect]) -> bool {
    effects
        .iter()
        .any(|asked| asked.effect == Effect::Build(BuildEffect::By(Builder::BuildKitSolve)))
}

pub(in crate::policy) fn check(
    policy: &Policy,
    builder: Builder,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    match (policy.builds, builder) {
        (_, Builder::SessionOffered) => {}
        (BuildRule::Forbid, Builder::BuildKitUnseen | Builder::BuildKitSolve) => {
            found.add("a build by BuildKit", "builds: forbid");
        }
        (BuildRule::Forbid, _) => found.add("a build", "builds: forbid"),
        (BuildRule::Allow, _) | (BuildRule::Inspect, Builder::Read) => {}
        (BuildRule::Inspect, Builder::BuildKitUnseen | Builder::BuildKitSolve)
            if !unforceable(policy, facts).is_empty() =>
        {
            found.add(UNFORCEABLE, &unforceable(policy, facts).join(", "));
        }
        (BuildRule::Inspect, Builder::BuildKitSolve) => {}
        // Each call is judged for itself.
        (BuildRule::Inspect, Builder::BuildKitUnseen)
            if facts.builder().is_some_and(|builder| builder.heeds_policies) => {}
        (BuildRule::Inspect, Builder::BuildKitSession) if is_session_judged(policy, facts) => {
            let rules: Vec<_> = ceilings(policy).collect();
            if !rules.is_empty() {
                found.add(unseen(Builder::BuildKit), &rules.join(", "));
            }
        }
        (BuildRule::Inspect, _) => {
            let rules: Vec<_> = breakable(policy, builder).collect();
            if !rules.is_empty() {
                found.add(unseen(builder), &rules.join(", "));
            }
        }
    }
}

const UNFORCEABLE: &str = "a build by BuildKit, whose steps can't be held to it: use DOCKER_BUILDKIT=0, or set `builds: allow`, or a control group for them (`builds: {cgroup: /secdocker-builds}`)";

/// What is refused, and what can be done about it.
fn unseen(builder: Builder) -> &'static str {
    match builder {
        Builder::Read | Builder::Unread => {
            "a build whose Dockerfile was not read; `builds: allow` lets it pass"
        }
        Builder::Remote => {
            "a build from elsewhere, whose Dockerfile is not seen: send the context, or set `builds: allow`"
        }
        Builder::BuildKitSession | Builder::SessionOffered => {
            "a build by BuildKit without buildx, whose Dockerfile is not seen: use buildx or DOCKER_BUILDKIT=0, or set `builds: allow`"
        }
        Builder::BuildKit | Builder::BuildKitUnseen | Builder::BuildKitSolve => {
            "a build by BuildKit, whose Dockerfile is not seen: use DOCKER_BUILDKIT=0, or set `builds: allow`"
        }
    }
}

/// The sections with rules that a build could break unseen.
fn breakable(policy: &Policy, builder: Builder) -> impl Iterator<Item = &'static str> {
    let by_buildkit = match builder {
        Builder::Read | Builder::Unread | Builder::Remote | Builder::SessionOffered => false,
        Builder::BuildKit
        | Builder::BuildKitSession
        | Builder::BuildKitUnseen
        | Builder::BuildKitSolve => true,
    };
    let sections = [
        ("images", !policy.images.is_empty()),
        ("users", !policy.users.is_empty()),
        ("environment", !policy.environment.is_empty()),
        ("general.memory", by_buildkit && policy.ceilings.memory.is_some()),
        ("general.cpu", by_buildkit && policy.ceilings.cpu.is_some()),
        ("ports", by_buildkit && !policy.ports.is_empty()),
        ("namespaces", by_buildkit && !policy.namespaces.is_empty()),
        ("cgroupparent", by_buildkit && !policy.cgroupparent.is_empty()),
        ("privileged", by_buildkit && policy.privileged == PrivilegedRule::Forbid),
        ("capabilities", by_buildkit && !policy.capabilities.is_empty()),
        ("securitypolicies", by_buildkit && !policy.security.is_empty()),
        ("devices", by_buildkit && !policy.devices.is_empty()),
    ];
    sections.into_iter().filter(|(_, is_breakable)| *is_breakable).map(|(section, _)| section)
}

/// An instruction that only the daemon can work out breaks every rule that it could.
pub(in crate::policy) fn check_unseen(policy: &Policy, unseen: &Opaque, found: &mut Findings<'_>) {
    match unseen {
        Opaque::User(text) => policy.users.iter().for_each(|rule| rule.check_unknown(text, found)),
        Opaque::Variable => policy.environment.iter().for_each(|rule| rule.check_unknown(found)),
        Opaque::Image(text) => {
            policy.images.iter().for_each(|rule| rule.check_unknown(text, found));
            policy.allowed_images.check_unknown(text, found);
        }
        Opaque::Instructions(reason) => {
            let rules: Vec<_> = breakable(policy, Builder::Unread).collect();
            if !rules.is_empty() {
                let what = format_args!("instructions that can't be read ({reason})");
                found.add(what, &rules.join(", "));
            }
        }
    }
}
