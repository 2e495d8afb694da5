//! Names of drivers, which the daemon makes paths of, and what drivers reach on the host.
//!
//! Seen on 20.10: a volume driver `../../../tmp/x` is spoken to at `/tmp/x.sock`, and what answers
//! there chooses which directory of the host is mounted.

use crate::engine::effects::{BodyError, Effects};
use crate::engine::json::{Node, Object};
use crate::engine::volume_options::leads_out;
use crate::policy::effects::Place;

/// Refuses a name that leads out of the directories of plugins.
pub(super) fn check_name(name: &str, at: Place) -> Result<(), BodyError> {
    if !name.is_empty() && (name.contains('\0') || leads_out(name)) {
        let reason = "the name of a driver is a path".to_owned();
        return Err(BodyError::Value { at, reason });
    }
    Ok(())
}

/// The daemon itself opens what a log driver is told to: sockets of the host by `unix://`, and files
/// such as certificates.
pub(super) fn log_driver(task: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    let Some(driver) = task.object("LogDriver") else {
        return Ok(());
    };
    let name = driver.text("Name").unwrap_or_default();
    check_name(name, Place::Field("TaskTemplate.LogDriver.Name"))?;
    for (option, value) in driver.object("Options").into_iter().flat_map(Object::iter) {
        if let Some(path) = value.as_text().and_then(path_of) {
            let at = Place::Entry("TaskTemplate.LogDriver.Options", option.to_owned());
            effects.push_path(path, at)?;
        }
    }
    Ok(())
}

fn path_of(value: &str) -> Option<&str> {
    let scheme = value.split_once("://").filter(|(scheme, _)| {
        ["unix", "unixgram", "file"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
    });
    match scheme {
        Some((_, path)) => Some(path),
        None => value.starts_with('/').then_some(value),
    }
}

/// Whether a volume is the daemon's own to mount.
pub(super) fn is_local(driver: Option<&Node>) -> bool {
    matches!(driver.and_then(Node::as_text), None | Some("" | "local"))
}
