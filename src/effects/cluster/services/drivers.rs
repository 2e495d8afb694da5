//! Names of drivers, which the daemon makes paths of, and what drivers reach on the host.
//!
//! Seen on 20.10: a volume driver `../../../tmp/x` is spoken to at `/tmp/x.sock`, and what answers
//! there chooses which directory of the host is mounted.

use crate::docker::json::{Node, Object};
use crate::effects::collect::{BodyError, Effects};
use crate::effects::containers::log_driver;
pub(super) use crate::effects::containers::log_driver::check_name;

const LOG: log_driver::Fields = log_driver::Fields {
    name: "TaskTemplate.LogDriver.Name",
    options: "TaskTemplate.LogDriver.Options",
};

/// What the log driver of a task opens.
pub(super) fn log_driver(task: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    let Some(driver) = task.object("LogDriver") else {
        return Ok(());
    };
    let name = driver.text("Name").unwrap_or_default();
    log_driver::effects((name, driver.object("Options")), &LOG, effects)
}

/// Whether a volume is the daemon's own to mount.
pub(super) fn is_local(driver: Option<&Node>) -> bool {
    matches!(driver.and_then(Node::as_text), None | Some("" | "local"))
}
