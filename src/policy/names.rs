//! Rules that forbid something by its name: runtimes, other containers' mounts, kernel parameters,
//! control groups.

use std::fmt;
use std::marker::PhantomData;

use super::types::ValueError;
use super::{Findings, shown};

/// What the names of a rule are names of.
pub trait Named {
    /// In a message: `runtime`.
    const WHAT: &'static str;
}

macro_rules! named {
    ($($name:ident: $what:literal, $doc:literal;)+) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {}

        impl Named for $name {
            const WHAT: &'static str = $what;
        }
    )+};
}

named! {
    Runtime: "runtime", "OCI runtimes.";
    VolumesFrom: "mounts of container", "Containers whose mounts are taken over.";
    Sysctl: "kernel parameter", "Kernel parameters.";
    CgroupParent: "control group", "Control groups.";
}

/// One forbidden name, or a prefix of names with `*` at its end; `*` alone is every name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRule<N> {
    text: String,
    of: PhantomData<N>,
}

impl<N: Named> NameRule<N> {
    /// Reads a name, or a prefix with `*`.
    ///
    /// # Errors
    /// [`ValueError::Name`] for an empty text.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Err(ValueError::Name(text.to_owned()));
        }
        Ok(Self { text: text.to_owned(), of: PhantomData })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn check(&self, asked: &str, found: &mut Findings<'_>) {
        let forbidden = match self.text.strip_suffix('*') {
            Some(prefix) => asked.starts_with(prefix),
            None => asked == self.text,
        };
        if forbidden {
            found.add(Shown::<N>(asked, PhantomData), &self.text);
        }
    }
}

struct Shown<'a, N>(&'a str, PhantomData<N>);

impl<N: Named> fmt::Display for Shown<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", N::WHAT, shown::Shown(self.0))
    }
}
