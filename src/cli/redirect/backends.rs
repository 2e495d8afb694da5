//! The programs that set rules, as one.

use super::error::RedirectError;
use super::options::Backend;
use super::plan::{Found, Plan};
use super::{iptables, nft, program};

/// The backend that was asked for, or the first that is installed.
pub(super) fn choose(wanted: Option<Backend>) -> Result<Backend, RedirectError> {
    match wanted {
        Some(backend) => Ok(backend),
        None if program::is_installed("nft") => Ok(Backend::Nft),
        None if program::is_installed("iptables") => Ok(Backend::Iptables),
        None => Err(RedirectError::NoProgram("neither nft nor iptables")),
    }
}

/// The rules as the backend takes them.
pub(super) fn rules(backend: Backend, plan: &Plan) -> String {
    match backend {
        Backend::Nft => nft::rules(plan),
        Backend::Iptables => iptables::shown(plan),
    }
}

/// What the backend has.
pub(super) fn find(backend: Backend) -> Result<Found, RedirectError> {
    match backend {
        Backend::Nft => nft::find(),
        Backend::Iptables => iptables::find(),
    }
}

/// Every backend that is installed, and what it has.
pub(super) fn find_all(wanted: Option<Backend>) -> Result<Vec<(Backend, Found)>, RedirectError> {
    let mut all = Vec::new();
    for backend in Backend::ALL {
        let is_wanted = wanted.is_none_or(|wanted| wanted == backend);
        if is_wanted && program::is_installed(backend.program()) {
            all.push((backend, find(backend)?));
        }
    }
    Ok(all)
}
