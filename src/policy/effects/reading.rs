//! What depends on how the daemon reads a request.

use crate::policy::judge::versions::ApiVersion;

/// What a request says that daemons read differently, or that nobody here knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadingEffect {
    /// Describes a service in this API version; none is the newest of the daemon. It decides which
    /// fields the daemon reads, those that are forced too.
    ServiceVersion(Option<ApiVersion>),
    /// Says something that only Podman reads, as a message names it.
    Podmans(String),
    /// Says something at this place, a field or a parameter, that nobody here has decided about.
    Unknown(String),
}
