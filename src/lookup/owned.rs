//! How many containers a client of `clients` has: those that were created for it.
//!
//! ```text
//! label ─► the daemon's list ─► each that was not looked at before: did a request make it, or a build? ─► number
//! ```
//! A step of a classic build runs in a container that has the labels of its image, and nothing of it comes by
//! a request: anyone who may build could use up the places of another client. What an image brings along never
//! reaches `HostConfig`, so that is what tells them apart: SecDocker writes a mark there with each create,
//! and the classic builder turns logging off.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::Deserialize;

use super::daemon::{Daemon, path_of};
use super::deadline::{IsWaited, Wait};
use crate::policy::ceilings::{CREATED_MARK, OWNER_LABEL};

/// The most containers of which it is remembered who made them.
const REMEMBERED_MAX: usize = 65_536;

/// Which containers count, by their identifier. Of one that changes never, and no identifier comes back.
static COUNTS: LazyLock<Mutex<HashMap<String, bool>>> = LazyLock::new(Mutex::default);

/// The part of Engine API `ContainerList` that is read.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id")]
    id: String,
}

/// The part of Engine API `ContainerInspect` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    host_config: HostConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct HostConfig {
    #[serde(rename = "ContainerIDFile")]
    mark: String,
    log_config: LogConfig,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct LogConfig {
    r#type: String,
}

impl HostConfig {
    /// Whether a request has made it. One without the mark may be from before there was one, or be made beside
    /// SecDocker.
    fn is_created(&self) -> bool {
        self.mark == CREATED_MARK || self.log_config.r#type != "none"
    }
}

/// How many there are with this value of the label by which they are counted, running or not.
pub(super) fn owned(daemon: &Daemon, owner: &str, is_waited: IsWaited<'_>) -> io::Result<usize> {
    // A name has nothing in it that would have to be escaped.
    let filters = format!("%7B%22label%22%3A%5B%22{OWNER_LABEL}%3D{owner}%22%5D%7D");
    let (status, body) = daemon
        .open(&format!("/containers/json?all=1&filters={filters}"), Wait::While(is_waited))?;
    if status != 200 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let listed: Vec<Listed> = serde_json::from_reader(BufReader::new(body))?;
    let mut count = 0;
    for Listed { id } in listed {
        if let Some(counts) = remembered(&id) {
            count += usize::from(counts);
            continue;
        }
        if !is_waited() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // What is gone does not count.
        if let Some(counts) = counts(daemon, &id, is_waited)? {
            count += usize::from(counts);
            remember(id, counts);
        }
    }
    Ok(count)
}

/// None if it is gone. However much its image makes it say of itself, it is read to its end.
fn counts(daemon: &Daemon, id: &str, is_waited: IsWaited<'_>) -> io::Result<Option<bool>> {
    let (status, body) =
        daemon.open(&path_of(&["containers", id, "json"]), Wait::While(is_waited))?;
    match status {
        200 => {
            let inspected: Inspected = serde_json::from_reader(BufReader::new(body))?;
            Ok(Some(inspected.host_config.is_created()))
        }
        404 => Ok(None),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn remembered(id: &str) -> Option<bool> {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
}

fn remember(id: String, counts: bool) {
    let mut known = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= REMEMBERED_MAX {
        known.clear();
    }
    known.insert(id, counts);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn only_the_container_of_a_build_does_not_count() {
        for (host_config, expected) in [
            (r#"{"ContainerIDFile":"com.secdocker.client","LogConfig":{"Type":"none"}}"#, true),
            (r#"{"ContainerIDFile":"com.secdocker.client"}"#, true),
            (r#"{"ContainerIDFile":"","LogConfig":{"Type":"json-file"}}"#, true),
            (r#"{"ContainerIDFile":"/tmp/id","LogConfig":{"Type":"none"}}"#, false),
            (r#"{"LogConfig":{"Type":"none","Config":{}}}"#, false),
            ("{}", true),
        ] {
            let text = format!(r#"{{"Id":"a","HostConfig":{host_config}}}"#);
            let inspected: Inspected = serde_json::from_str(&text).unwrap();
            assert_eq!(inspected.host_config.is_created(), expected, "{host_config}");
        }
    }
}
