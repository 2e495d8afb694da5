//! Swarms, their nodes and secrets.
//!
//! Anyone who is a manager of a swarm that this host belongs to starts on it what they like, past every
//! rule: the managers listen at a port of their own. So to join a swarm, to begin one, to unlock one, to
//! have its certificates made by an authority of one's own and to make a node a manager hand the host over.
//! What else an update says opens nothing: names, limits, times. Tokens and the unlock key are made anew at
//! random (`?rotateWorkerToken=true`): the daemon answers nothing, its events don't tell of it, and a token of
//! one's choice can't be asked for (20.10.24, 28.5.2, `daemon/cluster/swarm.go`, `daemon/events.go`). The tokens
//! for joining are taken out of the answer to `GET /swarm`, and the key is not handed out: see
//! [`crate::docker::answers`].
//!
//! To begin a swarm opens ports besides: the one of `ListenAddr`, that of the data path, and 7946, at
//! which the members talk.
//!
//! The log driver in `TaskDefaults` goes nowhere: the daemon's conversion of a specification leaves it
//! out (20.10.24, 29.7.2, `daemon/cluster/convert`).

use crate::docker::json::Object;
use crate::docker::routes::name_between;
use crate::docker::schema::{CONFIG_CREATE, NODE_SPEC, SECRET_CREATE, SWARM_INIT, SWARM_SPEC};
use crate::effects::collect::{BodyError, Effects};
use crate::effects::names;
use crate::effects::podman;
use crate::effects::subnets;
use crate::effects::volume_options::check_driver;
use crate::http::target::{Target, query_pairs};
use crate::policy::Inspected;
use crate::policy::effects::{FieldPath, NetworkEffect, RequestedEffect, Takeover, TakeoverEffect};
use crate::policy::types::PortRange;

const LISTEN: FieldPath = FieldPath::Field("ListenAddr");
const DATA_PATH: FieldPath = FieldPath::Field("DataPathPort");
/// Where it listens if the address names no port.
const LISTEN_DEFAULT: &str = "2377";
const DATA_PATH_DEFAULT: i64 = 4789;
/// Where the members of a swarm talk, whatever the request says.
const GOSSIP: &str = "7946";
/// A port by the name of a service could be any.
const EVERY_PORT: &str = "1-65535";

/// A request that hands the host over, whatever is in it.
pub(in crate::effects) fn takeover(by: Takeover) -> Vec<RequestedEffect> {
    vec![RequestedEffect { effect: TakeoverEffect::By(by).into(), at: FieldPath::Field("swarm") }]
}

/// `POST /swarm/init`.
pub(in crate::effects) fn read_init(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &SWARM_INIT)?;
    let listen = listen_ports(fields.text("ListenAddr").unwrap_or_default());
    effects.push_parsed(listen, NetworkEffect::HostPorts, LISTEN)?;
    effects.push_parsed(PortRange::parse(GOSSIP), NetworkEffect::HostPorts, LISTEN)?;
    let data_path = match fields.integer("DataPathPort") {
        0 => DATA_PATH_DEFAULT,
        port => port,
    };
    let data_path = PortRange::parse(&data_path.to_string());
    effects.push_parsed(data_path, NetworkEffect::HostPorts, DATA_PATH)?;
    effects.push(TakeoverEffect::By(Takeover::OwnSwarm), FieldPath::Field("swarm"));
    if let Some(spec) = fields.object("Spec") {
        push_authority(spec, &mut effects);
    }
    subnets::of_swarm(&fields, &mut effects)?;
    Ok(Inspected::new(fields, effects.into_asked()))
}

/// `POST /swarm/update`.
pub(in crate::effects) fn read_update(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let spec = effects.fields(body, &SWARM_SPEC)?;
    push_authority(&spec, &mut effects);
    Ok(Inspected::new(spec, effects.into_asked()))
}

/// A certificate or key to sign with, or somebody else who signs.
fn push_authority(spec: &Object, effects: &mut Effects) {
    let Some(authority) = spec.object("CAConfig") else { return };
    let has_text = |name: &&str| authority.text(name).is_some_and(|text| !text.is_empty());
    let is_given = ["SigningCACert", "SigningCAKey"].iter().any(has_text);
    if is_given || !authority.list("ExternalCAs").is_empty() {
        effects.push(TakeoverEffect::By(Takeover::SwarmAuthority), FieldPath::Field("CAConfig"));
    }
}

/// The version of what is changed, as the query names it: the first counts. `None` if the daemon takes it for
/// none.
///
/// # Errors
/// [`BodyError`] if the query can't be read.
pub(in crate::effects) fn version_in(target: &Target<'_>) -> Result<Option<u64>, BodyError> {
    let mut version = None;
    for pair in query_pairs(target.query().unwrap_or_default()) {
        let (key, value) = pair.map_err(|error| BodyError::Value {
            at: FieldPath::Field("?version"),
            reason: error.to_string(),
        })?;
        if key == "version" && version.is_none() {
            version = Some(value);
        }
    }
    // What Go's `strconv.ParseUint` refuses is no version; `+7`, which Rust takes, is one of them.
    let digits = version.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(digits.and_then(|digits| digits.parse().ok()))
}

/// `POST /nodes/{id}/update`: the daemon compares roles in any case, and takes no other ones.
pub(in crate::effects) fn read_node(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let spec = effects.fields(body, &NODE_SPEC)?;
    let role = spec.text("Role").unwrap_or_default();
    if !role.is_empty() && !role.eq_ignore_ascii_case("worker") {
        let node = name_between(target.path(), "/nodes/", "/update").to_owned();
        let version = version_in(target)?;
        effects.push(TakeoverEffect::ManagerRole { node, version }, FieldPath::Field("Role"));
    }
    Ok(Inspected::new(spec, effects.into_asked()))
}

/// `POST /secrets/create`: the name of a driver is a path, at which the daemon talks to a socket.
pub(in crate::effects) fn read_secret(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &SECRET_CREATE)?;
    names::push("secret", &fields, &mut effects);
    podman::in_secret(&fields, &mut effects);
    let driver = fields.object("Driver").and_then(|driver| driver.text("Name"));
    check_driver(driver, "Driver.Name")?;
    Ok(Inspected::new(fields, effects.into_asked()))
}

/// `POST /configs/create`: nothing but its name counts.
pub(in crate::effects) fn read_config(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &CONFIG_CREATE)?;
    names::push("config", &fields, &mut effects);
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
    use crate::http::target;
    use crate::policy::effects::Effect;

    fn ports(body: &str) -> Option<String> {
        let read = read_init(body.as_bytes()).ok()?;
        let shown = read.effects().iter().filter_map(|asked| match &asked.effect {
            Effect::Network(NetworkEffect::HostPorts(ports)) => Some(ports.to_string()),
            Effect::Takeover(TakeoverEffect::By(Takeover::OwnSwarm)) => None,
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

    type Read = fn(&[u8]) -> Result<Inspected<Object>, BodyError>;

    #[test]
    fn what_opens_the_control_plane_is_a_takeover() {
        let own = r#"{"CAConfig":{"SigningCACert":"x"}}"#;
        let (init, update): (Read, Read) = (read_init, read_update);
        for (read, body, expected) in [
            (init, "{}".to_owned(), &[Takeover::OwnSwarm][..]),
            (init, format!(r#"{{"Spec":{own}}}"#), &[Takeover::OwnSwarm, Takeover::SwarmAuthority]),
            (update, own.to_owned(), &[Takeover::SwarmAuthority]),
            (update, r#"{"caconfig":{"signingcakey":"x"}}"#.into(), &[Takeover::SwarmAuthority]),
            (update, r#"{"CAConfig":{"ExternalCAs":[null]}}"#.into(), &[Takeover::SwarmAuthority]),
            (
                update,
                r#"{"CAConfig":{"NodeCertExpiry":1,"ForceRotate":2,"SigningCACert":"",
                "ExternalCAs":[]},"EncryptionConfig":{"AutoLockManagers":true}}"#
                    .into(),
                &[],
            ),
        ] {
            let inspected = read(body.as_bytes()).unwrap();
            let found = inspected.effects().iter().filter_map(|asked| match asked.effect {
                Effect::Takeover(TakeoverEffect::By(by)) => Some(by),
                _ => None,
            });
            assert!(found.eq(expected.iter().copied()), "{body}");
        }
    }

    #[test]
    fn the_role_of_a_manager_is_one_of_a_node_and_version() {
        for (raw, body, expected) in [
            ("/nodes/n/update?version=7", r#"{"Role":"manager"}"#, Some(Some(7))),
            ("/v1.41/nodes/n/update?version=7&version=8", r#"{"role":"MaNager"}"#, Some(Some(7))),
            ("/nodes/n/update?version=%2B7", r#"{"Role":"other"}"#, Some(None)),
            ("/nodes/n/update", r#"{"Role":"manager"}"#, Some(None)),
            ("/nodes/n/update?version=7", r#"{"Role":"Worker","Availability":"drain"}"#, None),
            ("/nodes/n/update?version=7", r#"{"Labels":{"a":"b"}}"#, None),
        ] {
            let read = read_node(&target::parse(raw).unwrap(), body.as_bytes()).unwrap();
            let expected = expected.map(|version| {
                Effect::Takeover(TakeoverEffect::ManagerRole { node: "n".to_owned(), version })
            });
            assert_eq!(
                read.effects().first().map(|asked| &asked.effect),
                expected.as_ref(),
                "{raw}"
            );
        }
        let raw = target::parse("/nodes/n/update?version=%zz").unwrap();
        assert!(read_node(&raw, br#"{"Role":"manager"}"#).is_err());
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
