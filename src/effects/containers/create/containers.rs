//! Other containers that a new one takes something from: written by their identifiers.
//!
//! The daemon looks for them when it makes the container (20.10.24, 26.1.5, 28.5.2: `registerMountPoints`,
//! `adaptContainerSettings`), after they were judged, and a name may have changed hands in between.

use crate::docker::json::{Node, Object};
use crate::effects::changes::Changes;
use crate::effects::collect::texts;
use crate::policy::facts::{Container, ContainerFacts, Facts};

const HOST_CONFIG: &str = "HostConfig";
const VOLUMES_FROM: &str = "VolumesFrom";

/// The fields that can name a container as `container:NAME`.
const MODES: [(&str, &str); 3] = [
    ("NetworkMode", "HostConfig.NetworkMode"),
    ("PidMode", "HostConfig.PidMode"),
    ("IpcMode", "HostConfig.IpcMode"),
];

/// Writes the identifiers of the containers that were judged in place of their names.
pub(super) fn pin(fields: &mut Object, facts: &Facts, changes: &mut Changes) {
    let Some(host) = fields.object(HOST_CONFIG) else { return };
    let from: Vec<_> = texts(host, VOLUMES_FROM).map(|(_, text)| by_id(text, facts)).collect();
    let modes = MODES.map(|(field, at)| {
        let name = host.text(field).and_then(|mode| mode.strip_prefix("container:"));
        (field, at, name.and_then(|name| id(name, facts)).map(|id| format!("container:{id}")))
    });
    if from.iter().any(Option::is_some) {
        let host = fields.object_mut(HOST_CONFIG);
        for (node, pinned) in host.list_mut(VOLUMES_FROM).iter_mut().zip(from) {
            if let Some(pinned) = pinned {
                changes.push("HostConfig.VolumesFrom", pinned.as_str());
                *node = Node::from(pinned);
            }
        }
    }
    for (field, at, pinned) in modes {
        if let Some(pinned) = pinned {
            changes.push(at, pinned.as_str());
            fields.object_mut(HOST_CONFIG).set(field, pinned.into());
        }
    }
}

/// `name:ro` by its identifier, if that is another text.
fn by_id(from: &str, facts: &Facts) -> Option<String> {
    let (name, mode) = from.split_once(':').map_or((from, None), |(name, mode)| (name, Some(mode)));
    let id = id(name, facts)?;
    Some(mode.map_or(id.to_owned(), |mode| format!("{id}:{mode}")))
}

/// The identifier of a container that was looked at, if it was named otherwise.
fn id<'a>(name: &str, facts: &'a Facts) -> Option<&'a str> {
    match facts.container(name)? {
        ContainerFacts::Present(Container { names, .. }) => {
            names.last().map(String::as_str).filter(|id| !id.is_empty() && *id != name)
        }
        ContainerFacts::Absent => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::docker::json::read_closed;
    use crate::docker::schema::CREATE;
    use crate::effects::existing;

    #[test]
    fn judged_containers_are_named_by_their_identifiers() {
        let id = "0123456789abcdef".repeat(4);
        let answer = format!(r#"{{"Id":"{id}","Name":"/db","Config":{{}},"HostConfig":{{}}}}"#);
        let known = ContainerFacts::Present(existing::container("db", answer.as_bytes()).unwrap());
        let mut facts = Facts::none();
        ["db", "/db", &id]
            .iter()
            .for_each(|name| facts.add_container((*name).to_owned(), known.clone()));
        facts.add_container("gone".to_owned(), ContainerFacts::Absent);
        for (host, expected) in [
            (
                r#"{"VolumesFrom":["db:ro","other","/db"]}"#,
                r#"{"VolumesFrom":["ID:ro","other","ID"]}"#,
            ),
            (r#"{"VolumesFrom":["ID:z"]}"#, r#"{"VolumesFrom":["ID:z"]}"#),
            (
                r#"{"NetworkMode":"container:db","PidMode":"container:gone","IpcMode":"host"}"#,
                r#"{"NetworkMode":"container:ID","PidMode":"container:gone","IpcMode":"host"}"#,
            ),
            (
                r#"{"PidMode":"container:db","IpcMode":"container:db"}"#,
                r#"{"PidMode":"container:ID","IpcMode":"container:ID"}"#,
            ),
            (r#"{"NetworkMode":"db"}"#, r#"{"NetworkMode":"db"}"#),
        ] {
            let body = format!(r#"{{"HostConfig":{}}}"#, host.replace("ID", &id));
            let (mut fields, _) = read_closed(body.as_bytes(), &CREATE).unwrap();
            let mut changes = Changes::default();
            pin(&mut fields, &facts, &mut changes);
            let mut written = Vec::new();
            fields.write(&mut written);
            let expected = format!(r#"{{"HostConfig":{}}}"#, expected.replace("ID", &id));
            assert_eq!(String::from_utf8(written).unwrap(), expected);
            assert_eq!(changes.iter().count() > 0, expected != body, "{host}");
        }
    }
}
