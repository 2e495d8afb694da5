//! Paths of the host in the mounts of a service.

use super::drivers;
use super::fields::is_template;
use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects, objects};
use crate::effects::volume_options::{OptionName, push_reached};
use crate::image::ImageRef;
use crate::policy::effects::{AnyPath, FieldPath, ImageEffect};

const MOUNTS: &str = "TaskTemplate.ContainerSpec.Mounts";

pub(super) fn effects(container: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    objects(container, "Mounts").try_for_each(|(at, mount)| {
        source(mount, FieldPath::Inside(MOUNTS, at, "Source"), effects)?;
        let options = mount.object("VolumeOptions");
        match options.and_then(|options| options.object("DriverConfig")) {
            Some(driver) => volume(driver, at, effects),
            None => Ok(()),
        }
    })
}

/// Types are upper-cased before they are compared, and none is a bind (20.10). What is no type that
/// has no path counts as one that has.
fn source(mount: &Object, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    let source = mount.text("Source").unwrap_or_default();
    match mount.text("Type").unwrap_or_default().to_ascii_lowercase().as_str() {
        // It has no source.
        "tmpfs" => Ok(()),
        _ if is_template(source) => {
            effects.push_any(AnyPath::Template(source.to_owned()), at);
            Ok(())
        }
        "volume" | "cluster" if !source.starts_with('/') => {
            effects.push_volume(source, at);
            Ok(())
        }
        "image" => effects.push_parsed(ImageRef::parse(source), ImageEffect::Used, at),
        _ => effects.push_path(source, at),
    }
}

/// A volume that another driver than the daemon's own mounts can be any directory of the host.
fn volume(driver: &Object, at: usize, effects: &mut Effects) -> Result<(), BodyError> {
    let name = FieldPath::Inside(MOUNTS, at, "VolumeOptions.DriverConfig.Name");
    let called = driver.text("Name").unwrap_or_default();
    drivers::check_name(called, name.clone())?;
    if !drivers::is_local(driver.get("Name")) {
        effects.push_any(AnyPath::VolumeDriver(called.to_owned()), name);
    }
    let Some(options) = driver.object("Options") else {
        return Ok(());
    };
    let place = |option: OptionName| FieldPath::Inside(MOUNTS, at, option.in_mount());
    for text in options.iter().filter_map(|(_, value)| value.as_text()) {
        if is_template(text) {
            effects.push_any(AnyPath::Template(text.to_owned()), place(OptionName::Other));
        }
    }
    push_reached(options, place, effects)
}
