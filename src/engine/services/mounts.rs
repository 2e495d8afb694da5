//! Paths of the host in the mounts of a service.

use super::{drivers, is_template};
use crate::engine::effects::{BodyError, Effects, objects};
use crate::engine::json::{Node, Object};
use crate::engine::volume_options::{OptionName, UNKNOWN, push_servers, reached};
use crate::image::ImageRef;
use crate::policy::effects::{Effect, Place};

const MOUNTS: &str = "TaskTemplate.ContainerSpec.Mounts";

pub(super) fn effects(container: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    objects(container, "Mounts").try_for_each(|(at, mount)| {
        source(mount, Place::Inside(MOUNTS, at, "Source"), effects)?;
        let options = mount.object("VolumeOptions");
        match options.and_then(|options| options.object("DriverConfig")) {
            Some(driver) => volume(driver, at, effects),
            None => Ok(()),
        }
    })
}

/// Types are upper-cased before they are compared, and none is a bind (20.10). What is no type that
/// has no path counts as one that has.
fn source(mount: &Object, at: Place, effects: &mut Effects) -> Result<(), BodyError> {
    let source = mount.text("Source").unwrap_or_default();
    match mount.text("Type").unwrap_or_default().to_ascii_lowercase().as_str() {
        // It has no source.
        "tmpfs" => Ok(()),
        _ if is_template(source) => effects.push_path(UNKNOWN, at),
        "volume" | "cluster" if !source.starts_with('/') => {
            effects.push_volume(source, at);
            Ok(())
        }
        "image" => effects.push_parsed(ImageRef::parse(source), Effect::Image, at),
        _ => effects.push_path(source, at),
    }
}

/// A volume that another driver than the daemon's own mounts can be any directory of the host.
fn volume(driver: &Object, at: usize, effects: &mut Effects) -> Result<(), BodyError> {
    let name = Place::Inside(MOUNTS, at, "VolumeOptions.DriverConfig.Name");
    drivers::check_name(driver.text("Name").unwrap_or_default(), name.clone())?;
    if !drivers::is_local(driver.get("Name")) {
        effects.push_path(UNKNOWN, name)?;
    }
    let Some(options) = driver.object("Options") else {
        return Ok(());
    };
    let holds_template = |(_, value): (&str, &Node)| value.as_text().is_some_and(is_template);
    if options.iter().any(holds_template) {
        effects.push_path(UNKNOWN, Place::Inside(MOUNTS, at, OptionName::Other.in_mount()))?;
    }
    let place = Place::Inside(MOUNTS, at, OptionName::O.in_mount());
    push_servers(Some(options), &place, effects);
    for reached in reached(options) {
        effects.push_path(reached.path, Place::Inside(MOUNTS, at, reached.option.in_mount()))?;
    }
    Ok(())
}
