//! The control group in which steps of builds run.

use std::fmt::{self, Write};

use crate::policy::ceilings::Ceilings;
use crate::policy::types::ValueError;

/// The control group of SecDocker's own in which steps of builds run: absolute and plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildGroup(String);

impl BuildGroup {
    /// Reads `/secdocker-builds`. A unit of systemd's (`x.slice`) is none.
    ///
    /// # Errors
    /// [`ValueError::BuildGroup`] unless each step of the path is plain.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        const BYTES_MAX: usize = 200;
        let is_plain = |step: &str| {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !step.trim_matches('.').is_empty() && step.bytes().all(word)
        };
        let steps = text.strip_prefix('/').filter(|_| text.len() <= BYTES_MAX);
        let is_group = steps.is_some_and(|steps| steps.split('/').all(is_plain));
        match is_group && !text.ends_with(".slice") {
            true => Ok(Self(text.to_owned())),
            false => Err(ValueError::BuildGroup(text.to_owned())),
        }
    }

    /// The path below the root of the control groups.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it limits, in words.
    pub(in crate::policy) fn describe(&self, ceilings: &Ceilings, out: &mut String) -> fmt::Result {
        let group = &self.0;
        match ceilings.memory.is_some() || ceilings.cpu.is_some() {
            true => writeln!(out, "Steps of builds share control group {group} and its limits."),
            false => writeln!(
                out,
                "Warning: control group {group} limits no build without general.memory or general.cpu."
            ),
        }
    }
}
