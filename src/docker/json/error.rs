//! Why a body could not be read, and where in it.

use std::fmt;

use super::steps::{Step, path};
use super::unknown::Unknown;

/// A body that the daemon would refuse, or would read in a way that can't be told from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// `HostConfig.Mounts[2].Type`; empty for the body as a whole.
    pub path: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// There is no body.
    Empty,
    /// RFC 8259 does not allow it: the parser's own words.
    Syntax(String),
    /// A value of another kind than the daemon reads there.
    Kind {
        /// `a boolean`.
        expected: &'static str,
        /// `a string`.
        got: &'static str,
    },
    /// A number with a fraction or an exponent where the daemon reads an integer.
    Fraction,
    /// An integer that does not fit the daemon's type.
    Range,
    /// A key for the second time, after folding where the daemon folds.
    Repeated,
    /// More than [`super::VALUES_MAX`] values.
    Values,
    /// More than [`super::DEPTH_MAX`] objects and lists inside one another.
    Depth,
}

impl std::error::Error for JsonError {}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        match &self.fault {
            Fault::Empty => f.write_str("the body is empty"),
            Fault::Syntax(reason) => write!(f, "not valid JSON: {reason}"),
            Fault::Kind { expected, got } => write!(f, "expected {expected}, got {got}"),
            Fault::Fraction => f.write_str("expected an integer without fraction or exponent"),
            Fault::Range => f.write_str("the number is out of range"),
            Fault::Repeated => f.write_str("given more than once"),
            Fault::Values => f.write_str("too many values"),
            Fault::Depth => f.write_str("too many objects and lists inside one another"),
        }
    }
}

/// Collects the fault, and the path to it from the inside out while the readers return.
#[derive(Debug, Default)]
pub(super) struct Trace {
    fault: Option<Fault>,
    steps: Vec<Step>,
    /// Keys that are no fields.
    pub(super) unknown: Unknown,
}

impl Trace {
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    pub(super) fn inside(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The error, given what the parser said if no reader said more.
    pub(super) fn into_error(self, parser: &serde_json::Error) -> JsonError {
        let fault = self.fault.unwrap_or_else(|| Fault::Syntax(parser.to_string()));
        JsonError { path: path(&self.steps), fault }
    }
}
