//! Variables of what runs.

use crate::policy::effects::images::Holder;
use crate::policy::types::EnvironmentEntry;

/// How an environment variable is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentEffect {
    /// Runs the image: the variables that it sets are set, where the request has no others.
    OfImage(Holder),
    /// Sets (or, without a value, unsets) an environment variable.
    Set(EnvironmentEntry),
    /// Sets the environment variable of this name to what only the daemon can tell: a template.
    Template(String),
    /// Has the daemon set this variable, where neither the request nor the image does: to a value that
    /// only it can tell if there is none here, a template.
    Default {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: Option<String>,
    },
    /// Sets variables about another container: their names begin with this, which ends in `_`.
    Linked(String),
}
