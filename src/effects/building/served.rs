//! Builds whose Dockerfile is judged on its way from the client.

use super::dockerfile::Given;

/// A build whose Dockerfile the daemon takes from the client's session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServedBuild {
    /// What the client calls its session.
    pub session: String,
    /// The path of the Dockerfile in what the session hands over.
    pub dockerfile: String,
    pub(in crate::effects) arguments: Given,
}
