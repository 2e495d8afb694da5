//! `POST /swarm/init`, `POST /swarm/join` and `POST /secrets/create`.
//!
//! To join another swarm hands the host to its managers. To begin one opens ports: the one of
//! `ListenAddr`, that of the data path, and 7946, at which the members talk. Who can reach the first
//! and has read a token (`GET /swarm`) can join as a manager and start services here past every
//! rule: forbid the port, or let `ListenAddr` be out of reach.
//!
//! The log driver in `TaskDefaults` goes nowhere: the daemon's conversion of a specification leaves it
//! out (20.10.24, 29.7.2, `daemon/cluster/convert`).
//!
//! Not inspected: `swarm/update`, `swarm/leave`, `swarm/unlock` and `nodes/{id}/update` open nothing
//! and start nothing; a member that is promoted has a token already, or could have had a manager's.

use super::effects::{BodyError, Effects};
use super::json::Object;
use super::schema::{SECRET_CREATE, SWARM_INIT};
use super::volume_options::check_driver;
use crate::policy::Inspected;
use crate::policy::effects::{Asked, Effect, Place, Takeover};
use crate::policy::types::PortRange;

const LISTEN: Place = Place::Field("ListenAddr");
const DATA_PATH: Place = Place::Field("DataPathPort");
/// Where it listens if the address names no port.
const LISTEN_DEFAULT: &str = "2377";
const DATA_PATH_DEFAULT: i64 = 4789;
/// Where the members of a swarm talk, whatever the request says.
const GOSSIP: &str = "7946";
/// A port by the name of a service could be any.
const EVERY_PORT: &str = "1-65535";

/// `POST /swarm/join`.
pub(super) fn effects_of_join() -> Vec<Asked> {
    vec![Asked { effect: Effect::Takeover(Takeover::Swarm), at: Place::Field("swarm") }]
}

/// `POST /swarm/init`.
pub(super) fn read_init(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &SWARM_INIT)?;
    let listen = listen_ports(fields.text("ListenAddr").unwrap_or_default());
    effects.push_parsed(listen, Effect::HostPorts, LISTEN)?;
    effects.push_parsed(PortRange::parse(GOSSIP), Effect::HostPorts, LISTEN)?;
    let data_path = match fields.integer("DataPathPort") {
        0 => DATA_PATH_DEFAULT,
        port => port,
    };
    let data_path = PortRange::parse(&data_path.to_string());
    effects.push_parsed(data_path, Effect::HostPorts, DATA_PATH)?;
    Ok(Inspected::new(fields, effects.into_asked()))
}

/// `POST /secrets/create`: the name of a driver is a path, at which the daemon talks to a socket.
pub(super) fn read_secret(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &SECRET_CREATE)?;
    let driver = fields.object("Driver").and_then(|driver| driver.text("Name"));
    check_driver(driver, "Driver.Name")?;
    Ok(Inspected::new(fields, effects.into_asked()))
}

/// The port of an address or interface, `0.0.0.0:2377`; the daemon's own without one.
fn listen_ports(address: &str) -> Result<PortRange, impl std::fmt::Display> {
    let address = address.strip_prefix("tcp://").unwrap_or(address);
    let port = match address.rsplit_once(':') {
        None | Some((_, "")) => LISTEN_DEFAULT,
        // The colons of an IPv6 address.
        Some((_, part)) if part.ends_with(']') => LISTEN_DEFAULT,
        Some((_, port)) => port,
    };
    PortRange::parse(port).or_else(|_| PortRange::parse(EVERY_PORT))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    fn ports(body: &str) -> Option<String> {
        let read = read_init(body.as_bytes()).ok()?;
        let shown = read.effects().iter().map(|asked| match &asked.effect {
            Effect::HostPorts(ports) => ports.to_string(),
            other => panic!("{other:?}"),
        });
        Some(shown.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn secrets_name_no_socket_by_their_driver() {
        for (driver, passes) in [("vault", true), ("a/b", true), ("../../tmp/x", false), ("", true)]
        {
            let body = format!(r#"{{"Name":"a","Driver":{{"Name":"{driver}"}}}}"#);
            assert_eq!(read_secret(body.as_bytes()).is_ok(), passes, "{driver}");
        }
    }

    #[test]
    fn a_swarm_that_begins_opens_ports() {
        for (body, expected) in [
            (r#"{}"#, "2377 7946 4789"),
            (r#"{"ListenAddr":"0.0.0.0:22"}"#, "22 7946 4789"),
            (r#"{"listenaddr":"eth0:022","DataPathPort":1}"#, "22 7946 1"),
            (r#"{"ListenAddr":"tcp://[::1]:22"}"#, "22 7946 4789"),
            (r#"{"ListenAddr":"[::1]"}"#, "2377 7946 4789"),
            (r#"{"ListenAddr":"0.0.0.0"}"#, "2377 7946 4789"),
            (r#"{"ListenAddr":"0.0.0.0:"}"#, "2377 7946 4789"),
            (r#"{"ListenAddr":"0.0.0.0:ssh"}"#, "1-65535 7946 4789"),
            (r#"{"ListenAddr":"0.0.0.0:0"}"#, "32768-65535 7946 4789"),
        ] {
            assert_eq!(ports(body).unwrap(), expected, "{body}");
        }
        for body in ["", "null", r#"{"ListenAddr":22}"#, r#"{"DataPathPort":70000}"#] {
            assert_eq!(ports(body), None, "{body}");
        }
    }
}
