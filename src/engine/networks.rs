//! `POST /networks/create`.
//!
//! A network gives a container addresses and interfaces of its own, not those of the host, whatever
//! its driver: `macvlan` and `ipvlan` put it beside the host on the wire of `parent`, options of
//! `bridge` join a bridge that exists or let packets through to the container's own ports. No rule
//! is about that. But the name of a driver that is not built in is a path: the daemon talks to a
//! socket of that name, which could be a container's own.

use super::effects::BodyError;
use super::json::{self, Object};
use super::schema::NETWORK_CREATE;
use crate::policy::Inspected;
use crate::policy::effects::Place;

/// Reads the body; what is refused of it is refused whatever the rules.
pub(super) fn read(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let fields = json::read(body, &NETWORK_CREATE)?;
    let ipam = fields.object("IPAM").and_then(|ipam| ipam.text("Driver"));
    for (driver, place) in [(fields.text("Driver"), "Driver"), (ipam, "IPAM.Driver")] {
        if driver.is_some_and(leads_elsewhere) {
            let reason = "the name of a driver is a path to elsewhere".to_owned();
            return Err(BodyError::Value { at: Place::Field(place), reason });
        }
    }
    Ok(Inspected::new(fields, Vec::new()))
}

/// Whether the daemon would look for this driver outside the folders of plugins. Their names have
/// slashes, `team/driver:latest`, but no steps upwards.
fn leads_elsewhere(driver: &str) -> bool {
    driver.starts_with('/') || driver.split('/').any(|part| part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    #[test]
    fn drivers_are_names() {
        for body in [
            r#"{"Name":"a","Driver":"../../../tmp/evil"}"#,
            r#"{"Name":"a","driver":"a/../../evil"}"#,
            r#"{"Name":"a","Driver":"/tmp/evil"}"#,
            r#"{"Name":"a","Driver":"./evil"}"#,
            r#"{"Name":"a","IPAM":{"driver":"../evil"}}"#,
        ] {
            assert!(read(body.as_bytes()).unwrap_err().to_string().contains("path"), "{body}");
        }
        for body in [
            r#"{"Name":"a"}"#,
            r#"{"Name":"a","Driver":"bridge","IPAM":null}"#,
            r#"{"Name":"a","Driver":"team/driver:latest","IPAM":{"Driver":"default"}}"#,
            r#"{"Name":"../a","Driver":"macvlan","Options":{"parent":"eth0"}}"#,
        ] {
            assert!(read(body.as_bytes()).unwrap().effects().is_empty(), "{body}");
        }
        for body in ["", "[]", r#"{"Driver":1}"#, r#"{"Driver":"a","driver":"b"}"#] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
