//! `POST /volumes/create`: the body to effects, and the checked body to bytes.

use crate::docker::json::{Node, Object};
use crate::docker::schema::VOLUME_CREATE;
use crate::effects::collect::{BodyError, Effects};
use crate::effects::names;
use crate::effects::volume_options::{Driver, OptionName, push_reached};
use crate::policy::Inspected;
use crate::policy::effects::{AnyPath, FieldPath};

/// The body of a request to create a volume, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeBody(Object);

/// Reads a body and says all that it would bring about.
///
/// # Errors
/// [`BodyError`] if the daemon would refuse the body, or nobody can say what it would do.
pub(super) fn read(body: &[u8]) -> Result<Inspected<VolumeBody>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &VOLUME_CREATE)?;
    names::push("volume", &fields, &mut effects);
    let name = fields.text("Driver").unwrap_or_default();
    if Driver::of(name, FieldPath::Field("Driver"), &mut effects)? == Driver::Local {
        options(&fields, &mut effects)?;
    }
    // A plugin of the swarm mounts it, whatever the driver is named.
    if fields.get("ClusterVolumeSpec").is_some_and(|spec| *spec != Node::Null) {
        effects.push_any(AnyPath::ClusterVolume, FieldPath::Field("ClusterVolumeSpec"));
    }
    Ok(Inspected::new(VolumeBody(fields), effects.into_asked()))
}

fn options(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    let place = |option| {
        FieldPath::Field(match option {
            OptionName::Type => "DriverOpts[type]",
            OptionName::Device => "DriverOpts[device]",
            OptionName::O => "DriverOpts[o]",
            OptionName::Other => "DriverOpts",
        })
    };
    fields.object("DriverOpts").map_or(Ok(()), |options| push_reached(options, place, effects))
}

/// Appends the body. Nothing is forced on a volume. Only a checked body comes here: see
/// [`super::write`].
pub(super) fn write(VolumeBody(fields): &VolumeBody, out: &mut Vec<u8>) {
    fields.write(out);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use proptest::prelude::*;

    use super::*;
    use crate::docker::json;
    use crate::policy::effects::{Effect, MountEffect};

    fn asked(body: &str) -> Vec<String> {
        let inspected = read(body.as_bytes()).unwrap();
        let told = inspected.effects().iter().map(|asked| match &asked.effect {
            Effect::Mount(MountEffect::HostPath(path)) => format!("{path} at {}", asked.at),
            Effect::Mount(MountEffect::AnyPath(_)) => format!("/ at {}", asked.at),
            effect => format!("{effect:?} at {}", asked.at),
        });
        told.collect()
    }

    #[test]
    fn what_a_volume_would_reach() {
        for (body, expected) in [
            (r#"{}"#, &[][..]),
            (r#"{"Name":"v","Driver":"local","DriverOpts":null,"Labels":{"/root":"/"}}"#, &[]),
            (
                r#"{"driveropt\u017f":{"type":"none","o":"bind","device":"/tmp/../root"}}"#,
                &["/root at DriverOpts[device]"],
            ),
            (
                r#"{"DriverOpts":{"type":"overlay","device":"x","o":"lowerdir=/root:/tmp"}}"#,
                &["/root at DriverOpts[o]", "/tmp at DriverOpts[o]"],
            ),
            (r#"{"DriverOpts":{"type":"proc","device":"x"}}"#, &["/ at DriverOpts[type]"]),
            (r#"{"DriverOpts":{"mountpoint":"/srv"}}"#, &["/ at DriverOpts"]),
            (r#"{"driver":"persist","DriverOpts":{"mountpoint":"/srv"}}"#, &["/ at Driver"]),
            (r#"{"ClusterVolumeSpec":{}}"#, &["/ at ClusterVolumeSpec"]),
            (r#"{"ClusterVolumeSpec":null}"#, &[]),
        ] {
            assert_eq!(asked(body), expected, "{body}");
        }
    }

    #[test]
    fn what_no_daemon_would_take() {
        for (body, reason) in [
            ("", "the body is empty"),
            (r#"{"Driver":"../../tmp/evil"}"#, "Driver: a driver's name is not a path"),
            (r#"{"DriverOpts":{"o":1}}"#, "DriverOpts[o]: expected a string, got a number"),
            (r#"{"DriverOpts":{"o":"","o":"bind"}}"#, "DriverOpts[o]: given more than once"),
            (r#"{"DriverOpts":{},"driveropts":{}}"#, "DriverOpts: given more than once"),
            (
                r#"{"DriverOpts":{"type":"none","o":"bind","device":"/a\u0000"}}"#,
                "DriverOpts[device]: `/a\\0` is not an absolute path",
            ),
        ] {
            assert_eq!(read(body.as_bytes()).unwrap_err().to_string(), reason, "{body}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_what_was_read(name in any::<String>(), value in "[a-z/=,:]{0,12}") {
            let name = serde_json::to_string(&name).unwrap();
            let body = format!(
                r#"{{"name":{name},"DriverOpts":{{"type":"{value}","o":"{value}","device":"{value}"}},"New":{name}}}"#
            );
            let first = read(body.as_bytes()).unwrap();
            let fields = json::read(body.as_bytes(), &VOLUME_CREATE).unwrap();
            let mut out = Vec::new();
            write(&VolumeBody(fields.clone()), &mut out);
            prop_assert_eq!(json::read(&out, &VOLUME_CREATE).unwrap(), fields);
            let again = read(&out).unwrap();
            prop_assert_eq!(again.effects(), first.effects());
        }
    }
}
