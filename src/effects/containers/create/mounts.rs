//! Paths of the host in `Binds` and `Mounts`, and those that a volume driver may reach.

use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects, objects, texts};
use crate::effects::volume_options::{Driver, push_reached};
use crate::image::ImageRef;
use crate::policy::effects::{FieldPath, ImageEffect};

const BINDS: &str = "HostConfig.Binds";
const MOUNTS: &str = "HostConfig.Mounts";

pub(super) fn effects(host: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (at, bind) in texts(host, "Binds") {
        let at = FieldPath::Element(BINDS, at);
        match bind_source(bind) {
            Some(Source::Path(path)) => effects.push_path(path, at)?,
            Some(Source::Volume(name)) => effects.push_volume(name, at),
            None => return Err(refused(at, "not of the form source:target:mode")),
        }
    }
    let driver = host.text("VolumeDriver").unwrap_or_default();
    Driver::of(driver, FieldPath::Field("HostConfig.VolumeDriver"), effects)?;
    objects(host, "Mounts").try_for_each(|(at, mount)| mount_effects(mount, at, effects))
}

/// What is mounted by a bind.
enum Source<'a> {
    Path(&'a str),
    /// By its name, which is empty for a new one.
    Volume(&'a str),
}

/// The source in `source:target:mode`, as the daemon's `ParseMountRaw` reads it. `None` if the daemon
/// refuses the form. A lone target is a volume without a name.
fn bind_source(bind: &str) -> Option<Source<'_>> {
    let mut parts = bind.split(':');
    let source = parts.next().filter(|source| !source.is_empty())?;
    match parts.count() {
        0 => Some(Source::Volume("")),
        1 | 2 if source.starts_with('/') => Some(Source::Path(source)),
        1 | 2 => Some(Source::Volume(source)),
        _ => None,
    }
}

fn mount_effects(mount: &Object, at: usize, effects: &mut Effects) -> Result<(), BodyError> {
    let place = FieldPath::Inside(MOUNTS, at, "Source");
    let source = mount.text("Source").unwrap_or_default();
    match mount.text("Type").unwrap_or_default() {
        "volume" | "cluster" if !source.starts_with('/') => effects.push_volume(source, place),
        "tmpfs" if !source.starts_with('/') => (),
        "image" => effects.push_parsed(ImageRef::parse(source), ImageEffect::Used, place)?,
        // The daemon takes `\x` for absolute, and then for a path below its working directory.
        "bind" if !source.starts_with('/') => {
            return Err(refused(place, "the source of a bind is not an absolute path"));
        }
        // Binds, and types that no daemon of today knows.
        _ if source.is_empty() => (),
        _ => effects.push_path(source, place)?,
    }
    let driver = mount.object("VolumeOptions").and_then(|options| options.object("DriverConfig"));
    driver.map_or(Ok(()), |driver| driver_effects(driver, at, effects))
}

fn driver_effects(driver: &Object, at: usize, effects: &mut Effects) -> Result<(), BodyError> {
    let place = |field| FieldPath::Inside(MOUNTS, at, field);
    let name = driver.text("Name").unwrap_or_default();
    if Driver::of(name, place("VolumeOptions.DriverConfig.Name"), effects)? == Driver::Foreign {
        return Ok(());
    }
    driver
        .object("Options")
        .map_or(Ok(()), |options| push_reached(options, |option| place(option.in_mount()), effects))
}

fn refused(at: FieldPath, reason: &str) -> BodyError {
    BodyError::Value { at, reason: reason.to_owned() }
}
