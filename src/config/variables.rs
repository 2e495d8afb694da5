//! The variables by which socket proxies are set (`CONTAINERS=1`, `POST=0` …), as what may be called.
//!
//! They are read only where the command line asks for it: names such as `BUILD` or `VERSION` stand in many
//! environments for something else.

use std::ffi::OsString;
use std::fmt;

use super::units;
use crate::policy::endpoints::{EndpointEntry, EndpointRules, Otherwise};

/// A variable for all of a section of the API, and whether it is on if nobody says so.
const SECTIONS: [(&str, &str, bool); 24] = [
    ("AUTH", "/auth", false),
    ("BUILD", "/build/**", false),
    ("COMMIT", "/commit", false),
    ("CONFIGS", "/configs/**", false),
    ("CONTAINERS", "/containers/**", false),
    ("DISTRIBUTION", "/distribution/**", false),
    ("EVENTS", "/events", true),
    ("EXEC", "/exec/**", false),
    ("GRPC", "/grpc", false),
    ("IMAGES", "/images/**", false),
    ("INFO", "/info", false),
    ("NETWORKS", "/networks/**", false),
    ("NODES", "/nodes/**", false),
    ("PING", "/_ping", true),
    ("PLUGINS", "/plugins/**", false),
    ("SECRETS", "/secrets/**", false),
    ("SERVICES", "/services/**", false),
    ("SESSION", "/session", false),
    ("SWARM", "/swarm/**", false),
    ("SYSTEM", "/system/**", false),
    ("TASKS", "/tasks/**", false),
    ("VERSION", "/version", true),
    ("VOLUMES", "/volumes/**", false),
    // Not a section: which methods all of them may be called with.
    ("POST", "", false),
];

/// A variable for what may be done with containers, whatever `POST` says.
const ACTIONS: [(&str, &[&str]); 5] = [
    ("ALLOW_START", &["start"]),
    ("ALLOW_STOP", &["stop"]),
    ("ALLOW_RESTARTS", &["stop", "restart", "kill"]),
    ("ALLOW_PAUSE", &["pause"]),
    ("ALLOW_UNPAUSE", &["unpause"]),
];

/// What the variables say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables {
    /// Every variable that is set, in the order of the tables above.
    given: Vec<(&'static str, bool)>,
}

impl Variables {
    /// Reads them by `get`, as [`std::env::var_os`] does; an empty one is none.
    ///
    /// # Errors
    /// A sentence about the first that is neither on nor off.
    pub fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let mut given = Vec::new();
        let sections = SECTIONS.iter().map(|(name, ..)| *name);
        for name in sections.chain(ACTIONS.iter().map(|(name, _)| *name)) {
            let Some(value) = get(name).filter(|value| !value.is_empty()) else { continue };
            let text = value.to_string_lossy();
            let is_on = match &*text {
                "1" => Some(true),
                "0" => Some(false),
                text => units::parse_switch(text).ok(),
            };
            let wrong = || format!("variable {name}: `{}` is neither 1 nor 0", text.escape_debug());
            given.push((name, is_on.ok_or_else(wrong)?));
        }
        Ok(Self { given })
    }

    fn is_on(&self, name: &str, default: bool) -> bool {
        self.given.iter().find(|(given, _)| *given == name).map_or(default, |(_, is_on)| *is_on)
    }

    /// What may be called: nothing else.
    pub(super) fn rules(&self) -> EndpointRules {
        let methods = if self.is_on("POST", false) { "*" } else { "GET|HEAD" };
        let sections = SECTIONS
            .iter()
            .filter(|(name, path, default)| !path.is_empty() && self.is_on(name, *default))
            .map(|(_, path, _)| format!("{methods} {path}"));
        let actions = ACTIONS
            .iter()
            .filter(|(name, _)| self.is_on(name, false))
            .flat_map(|(_, actions)| *actions)
            .map(|action| format!("POST /containers/*/{action}"));
        // The tests read each of them.
        let allow = sections.chain(actions).filter_map(|text| EndpointEntry::parse(&text).ok());
        EndpointRules { otherwise: Otherwise::Deny, allow: allow.collect(), deny: Vec::new() }
    }
}

/// `CONTAINERS=1, POST=0`, or that none is set.
impl fmt::Display for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.given.is_empty() {
            return f.write_str("none of which is set");
        }
        for (index, (name, is_on)) in self.given.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={}", u8::from(*is_on))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    fn allowed(set: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let get =
            |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
        let variables = Variables::read(get)?;
        Ok(variables.rules().allow.iter().map(|entry| entry.as_str().to_owned()).collect())
    }

    #[test]
    fn they_allow_what_a_socket_proxy_allows() {
        let defaults = ["GET|HEAD /events", "GET|HEAD /_ping", "GET|HEAD /version"];
        assert_eq!(allowed(&[]).unwrap(), defaults);
        assert_eq!(allowed(&[("CONTAINERS", ""), ("HOME", "/")]).unwrap(), defaults);
        let read = allowed(&[("CONTAINERS", "1"), ("POST", "0"), ("EVENTS", "0"), ("PING", "no")]);
        assert_eq!(read.unwrap(), ["GET|HEAD /containers/**", "GET|HEAD /version"]);
        let written = allowed(&[("CONTAINERS", "true"), ("POST", "1")]).unwrap();
        assert_eq!(written, ["* /containers/**", "* /events", "* /_ping", "* /version"]);
        let started = allowed(&[("ALLOW_RESTARTS", "1"), ("ALLOW_START", "1")]).unwrap();
        let actions =
            ["start", "stop", "restart", "kill"].map(|a| format!("POST /containers/*/{a}"));
        assert_eq!(started.get(3..).unwrap(), actions);
    }

    #[test]
    fn each_of_them_is_read() {
        for (name, path, _) in SECTIONS.iter().filter(|(_, path, _)| !path.is_empty()) {
            let entries = allowed(&[(name, "1"), ("POST", "1")]).unwrap();
            assert!(entries.contains(&format!("* {path}")), "{name}: {entries:?}");
        }
        for (name, actions) in ACTIONS {
            assert_eq!(allowed(&[(name, "1")]).unwrap().len(), 3 + actions.len(), "{name}");
        }
    }

    #[test]
    fn what_is_neither_on_nor_off_is_a_mistake() {
        let error = allowed(&[("IMAGES", "read"), ("POST", "1")]).unwrap_err();
        assert_eq!(error, "variable IMAGES: `read` is neither 1 nor 0");
    }
}
