//! What became of a request or a call, for who counts.

use super::refusal::{Refusal, Refused};
use crate::docker::routes;

/// What a request is about: the first part of its path, as far as the daemon has such a one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are what their words say")]
pub enum Class {
    Containers,
    Exec,
    Images,
    Builds,
    Volumes,
    Networks,
    Services,
    Swarm,
    Plugins,
    System,
    Other,
}

impl Class {
    /// All of them, each at its own place.
    pub const ALL: [Self; 11] = [
        Self::Containers,
        Self::Exec,
        Self::Images,
        Self::Builds,
        Self::Volumes,
        Self::Networks,
        Self::Services,
        Self::Swarm,
        Self::Plugins,
        Self::System,
        Self::Other,
    ];

    /// What a request of this path, perhaps with its query, is about.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let path = routes::unversioned(path);
        let first = path.strip_prefix('/').unwrap_or_default().split(['/', '?']).next();
        match first.unwrap_or_default() {
            "containers" => Self::Containers,
            "exec" => Self::Exec,
            "images" | "commit" | "distribution" => Self::Images,
            "build" | "grpc" | "session" => Self::Builds,
            "volumes" => Self::Volumes,
            "networks" => Self::Networks,
            "services" | "tasks" | "secrets" | "configs" => Self::Services,
            "swarm" | "nodes" => Self::Swarm,
            "plugins" => Self::Plugins,
            "_ping" | "version" | "info" | "events" | "system" | "auth" => Self::System,
            _ => Self::Other,
        }
    }

    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::Exec => "exec",
            Self::Images => "images",
            Self::Builds => "builds",
            Self::Volumes => "volumes",
            Self::Networks => "networks",
            Self::Services => "services",
            Self::Swarm => "swarm",
            Self::Plugins => "plugins",
            Self::System => "system",
            Self::Other => "other",
        }
    }
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// No rule is about it.
    Passed,
    /// It was judged, and let through as it was.
    Allowed,
    /// It was judged, and let through with something forced.
    Changed,
    /// A rule forbids it.
    Forbidden,
    /// A plugin does.
    Disliked,
    /// Its client has or does as much as it may.
    Limited,
    /// It is malformed, ambiguous, too large, or can't be judged.
    Invalid,
}

impl Fate {
    /// All of them, each at its own place.
    pub const ALL: [Self; 7] = [
        Self::Passed,
        Self::Allowed,
        Self::Changed,
        Self::Forbidden,
        Self::Disliked,
        Self::Limited,
        Self::Invalid,
    ];

    /// Why it was not let through.
    #[must_use]
    pub fn of(refused: &Refused) -> Self {
        match refused {
            Refused::Forbidden(_) => Self::Forbidden,
            Refused::Disliked(_) => Self::Disliked,
            Refused::Unjudged(Refusal { status: 429, .. }) => Self::Limited,
            Refused::Unjudged(_) => Self::Invalid,
        }
    }

    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Allowed => "allowed",
            Self::Changed => "changed",
            Self::Forbidden => "forbidden",
            Self::Disliked => "disliked",
            Self::Limited => "limited",
            Self::Invalid => "invalid",
        }
    }
}

/// One request or call, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// What it is about.
    pub class: Class,
    /// What became of it.
    pub fate: Fate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_its_own_place() {
        assert!(Class::ALL.iter().enumerate().all(|(place, class)| *class as usize == place));
        assert!(Fate::ALL.iter().enumerate().all(|(place, fate)| *fate as usize == place));
    }

    #[test]
    fn a_path_is_told_by_its_first_part() {
        for (path, class) in [
            ("/v1.41/containers/create?name=images", Class::Containers),
            ("/containers", Class::Containers),
            ("/build?t=x", Class::Builds),
            ("/commit?container=x", Class::Images),
            ("/v1.41/_ping", Class::System),
            ("/", Class::Other),
            ("", Class::Other),
            ("images", Class::Other),
            ("/%63ontainers/create", Class::Other),
            ("/Containers/create", Class::Other),
        ] {
            assert_eq!(Class::of(path), class, "{path}");
        }
    }
}
