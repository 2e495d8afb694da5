//! Which variables a stage of a build knows, and what they are: `ARG` before and in the stage, `ENV`,
//! the arguments of the request. As the daemon's `BuildArgs` and `dispatchState`.

use std::collections::HashMap;
use std::rc::Rc;

use super::expand::Variable;

/// Arguments that need no `ARG`.
const BUILT_IN: [&str; 8] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Those that need none on newer daemons only (29, not 20.10).
const BUILT_IN_LATER: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// Those that BuildKit gives a value of its own where they are used without or declared without one.
const OF_BUILDKIT: [&str; 12] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDOSVERSION",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETOSVERSION",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
    "SOURCE_DATE_EPOCH",
];

/// The arguments of a request by name; one without a value is only mentioned.
/// Which builder reads a Dockerfile. They share how lines and words are read, and differ in what names and variables
/// mean; what BuildKit was seen to read in another way is unknown here, or counts as more.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::effects) enum Dialect {
    /// The daemon's own.
    #[default]
    Classic,
    /// `dockerfile.v0` of BuildKit 0.8 to 0.10 (`frontend/dockerfile/dockerfile2llb`): stages may take from later
    /// ones, mounts know stages by name only, and there are arguments for platforms.
    BuildKit,
}

pub(in crate::effects) type Given = HashMap<String, Option<String>>;

/// `ARG` instructions in one place, with their defaults.
type Declared = HashMap<String, Variable>;

/// What is known before the first stage.
#[derive(Debug)]
pub(super) struct Global<'a> {
    given: &'a Given,
    declared: Declared,
    pub(super) dialect: Dialect,
}

impl<'a> Global<'a> {
    pub(super) fn new(given: &'a Given) -> Self {
        Self { given, declared: Declared::new(), dialect: Dialect::default() }
    }

    pub(super) fn declare(&mut self, name: String, default: Variable) {
        self.declared.insert(name, default);
    }

    /// What `FROM` and the arguments in front of it see.
    pub(super) fn get(&self, name: &str) -> Variable {
        self.among(name, &self.declared)
    }

    /// What the request gave wins over a default, and a default over what was declared in front.
    fn among(&self, name: &str, declared: &Declared) -> Variable {
        let given = self.given.get(name).and_then(Option::as_ref);
        if self.dialect == Dialect::BuildKit && is_of_builder(name) {
            return Variable::Unknown;
        }
        if !declared.contains_key(name) && !BUILT_IN.contains(&name) {
            return match given {
                Some(_) if BUILT_IN_LATER.contains(&name) => Variable::Unknown,
                _ => Variable::Unset,
            };
        }
        if let Some(given) = given {
            return Variable::Set(given.clone());
        }
        let set = |variable: &&Variable| **variable != Variable::Unset;
        let own = declared.get(name).filter(set);
        own.or_else(|| self.declared.get(name)).cloned().unwrap_or(Variable::Unset)
    }
}

/// Whether builders differ in what an argument of this name is.
fn is_of_builder(name: &str) -> bool {
    OF_BUILDKIT.contains(&name) || BUILT_IN.contains(&name) || BUILT_IN_LATER.contains(&name)
}

/// What one stage knows. Cheap to clone: stages build upon each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage {
    environment: Rc<HashMap<String, Variable>>,
    /// Whether the base image may have set more.
    has_unknown: bool,
    declared: Declared,
    /// Whether it leaves instructions (`ONBUILD`) for builds upon it.
    pub(super) has_triggers: bool,
}

impl Stage {
    /// Upon nothing at all.
    pub(super) fn empty() -> Self {
        Self::default()
    }

    /// Upon an image that only the daemon knows.
    pub(super) fn upon_image() -> Self {
        Self { has_unknown: true, ..Self::default() }
    }

    /// Upon an earlier stage, whose arguments are gone.
    pub(super) fn upon(earlier: &Self) -> Self {
        match earlier.has_triggers {
            true => Self::upon_image(),
            false => Self { declared: Declared::new(), ..earlier.clone() },
        }
    }

    /// Anything may be set from now on.
    pub(super) fn forget(&mut self) {
        *self = Self::upon_image();
    }

    pub(super) fn declare(&mut self, name: String, default: Variable) {
        self.declared.insert(name, default);
    }

    pub(super) fn declares(&self, name: &str) -> bool {
        self.declared.contains_key(name)
    }

    pub(super) fn set(&mut self, name: String, value: Variable) {
        Rc::make_mut(&mut self.environment).insert(name, value);
    }

    /// The image's variables win over arguments.
    pub(super) fn get(&self, name: &str, global: &Global<'_>) -> Variable {
        match self.environment.get(name) {
            // To BuildKit the later of the two counts.
            Some(_) if global.dialect == Dialect::BuildKit && self.declared.contains_key(name) => {
                Variable::Unknown
            }
            Some(value) => value.clone(),
            None if self.has_unknown => Variable::Unknown,
            None => global.among(name, &self.declared),
        }
    }

    /// What an argument is to a step.
    pub(super) fn argument(&self, name: &str, global: &Global<'_>) -> Variable {
        global.among(name, &self.declared)
    }
}
