//! Fields of `HostConfig` that stand beside it, as in the oldest API versions.
//!
//! 20.10 still reads them (`runconfig.ContainerConfigWrapper.getHostConfig`); 29 does not know them.
//! Here they are settled once, so that the body that is forwarded means the same to both.

use crate::docker::json::{self, Fault, JsonError, Node, Object};
use crate::docker::schema;
use crate::effects::collect::{BodyError, Effects};

const HOST_CONFIG: &str = "HostConfig";

/// Moves what counts of the fields beside `HostConfig` into it, and drops the rest.
///
/// Without an object in `HostConfig` the fields beside it *are* it. With one, only these fill what
/// it leaves empty; 20.10 ignores all others.
pub(super) fn settle_host_config(fields: &mut Object) {
    let beside = fields.split_off(schema::is_legacy_host_config);
    let cpuset = fields.take("Cpuset");
    if fields.object(HOST_CONFIG).is_some() {
        fill(fields.object_mut(HOST_CONFIG), &beside);
    } else if !beside.is_empty() {
        fields.set(HOST_CONFIG, Node::Object(beside));
    } else {
        return;
    }
    if let Some(cpuset) = cpuset {
        fill_text(fields.object_mut(HOST_CONFIG), "CpusetCpus", &cpuset);
    }
}

/// Reads a body in which a field beside `HostConfig` may be a text that says nothing there. Clients that
/// follow the oldest descriptions send `"VolumesFrom": ""`: 26 refuses it, 28 passes over it. Here such a
/// text is left out, so that the body means the same to all.
///
/// # Errors
/// As [`Effects::fields`].
pub(super) fn read(body: &[u8], effects: &mut Effects) -> Result<Object, BodyError> {
    match effects.fields(body, &schema::CREATE) {
        Err(BodyError::Json(error)) if is_text_beside(&error) => {
            let mut fields = json::read(body, &schema::CREATE_WITHOUT_LEGACY)?;
            fields.retain(|key, node| !says_nothing(key, node));
            let mut rest = Vec::with_capacity(body.len());
            fields.write(&mut rest);
            effects.fields(&rest, &schema::CREATE)
        }
        read => read,
    }
}

fn is_text_beside(error: &JsonError) -> bool {
    matches!(error.fault, Fault::Kind { got: json::STRING, .. })
        && schema::is_legacy_host_config(&error.path)
}

/// To name one container was what `VolumesFrom` was for before API v1.10.
fn says_nothing(key: &str, node: &Node) -> bool {
    let Some((_, field)) = schema::CREATE.field(key) else { return false };
    schema::is_legacy_host_config(field.name)
        && node.as_text().is_some_and(|text| text.is_empty() || field.name == "VolumesFrom")
}

fn fill(host: &mut Object, beside: &Object) {
    for name in ["Memory", "MemorySwap", "CpuShares"] {
        let number = beside.integer(name);
        if number != 0 && host.integer(name) == 0 {
            host.set(name, number.into());
        }
    }
    for name in ["CpusetCpus", "VolumeDriver"] {
        if let Some(text) = beside.get(name) {
            fill_text(host, name, text);
        }
    }
}

fn fill_text(host: &mut Object, name: &'static str, text: &Node) {
    let is_empty = |text: Option<&str>| text.unwrap_or_default().is_empty();
    if is_empty(host.text(name)) && !is_empty(text.as_text()) {
        host.set(name, text.clone());
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::docker::json;

    #[test]
    fn texts_that_say_nothing_beside_host_config_are_left_out() {
        for (body, left) in [
            (r#"{"Image":"x","VolumesFrom":""}"#, r#"{"Image":"x"}"#),
            (r#"{"volume\u017ffrom":"db","Image":"x","Memory":5}"#, r#"{"Image":"x","Memory":5}"#),
            (r#"{"Dns":"","CpuShares":"","Future":1,"Privileged":true}"#, {
                r#"{"Future":1,"Privileged":true}"#
            }),
        ] {
            let mut effects = Effects::default();
            let mut out = Vec::new();
            read(body.as_bytes(), &mut effects).unwrap().write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), left, "{body}");
            assert_eq!(effects.into_asked().len(), usize::from(body.contains("Future")), "{body}");
        }
        for body in [
            r#"{"Image":5}"#,
            r#"{"HostConfig":{"VolumesFrom":""}}"#,
            r#"{"VolumesFrom":"","VolumesFrom":""}"#,
            r#"{"VolumesFrom":[],"volumesFrom":[]}"#,
            r#"{"VolumesFrom":"","Image":5}"#,
            r#"{"VolumesFrom":"","Memory":"5"}"#,
            r#"{"VolumesFrom":"","Privileged":5}"#,
            r#"{"Dns":[5]}"#,
            r#"{"VolumesFrom":"""#,
        ] {
            assert!(read(body.as_bytes(), &mut Effects::default()).is_err(), "{body}");
        }
    }

    #[test]
    fn fields_beside_host_config_count_as_they_do_for_the_daemon() {
        for (body, settled) in [
            (r#"{}"#, r#"{}"#),
            (r#"{"Image":"x"}"#, r#"{"Image":"x"}"#),
            (r#"{"HostConfig":null}"#, r#"{"HostConfig":null}"#),
            (r#"{"HostConfig":{}}"#, r#"{"HostConfig":{}}"#),
            (r#"{"Privileged":true}"#, r#"{"HostConfig":{"Privileged":true}}"#),
            (r#"{"Privileged":null}"#, r#"{"HostConfig":{"Privileged":null}}"#),
            (
                r#"{"HostConfig":null,"privileged":true,"Memory":5,"Image":"x"}"#,
                r#"{"HostConfig":{"Privileged":true,"Memory":5},"Image":"x"}"#,
            ),
            (r#"{"Privileged":true,"HostConfig":{}}"#, r#"{"HostConfig":{}}"#),
            (
                r#"{"Memory":5,"MemorySwap":6,"CpuShares":7,"NanoCpus":8,"HostConfig":{"Memory":0}}"#,
                r#"{"HostConfig":{"Memory":5,"MemorySwap":6,"CpuShares":7}}"#,
            ),
            (r#"{"Memory":5,"HostConfig":{"Memory":1}}"#, r#"{"HostConfig":{"Memory":1}}"#),
            (r#"{"Memory":5,"HostConfig":{"Memory":-1}}"#, r#"{"HostConfig":{"Memory":-1}}"#),
            (
                r#"{"CpusetCpus":"1","VolumeDriver":"v","HostConfig":{"CpusetCpus":""}}"#,
                r#"{"HostConfig":{"CpusetCpus":"1","VolumeDriver":"v"}}"#,
            ),
            (r#"{"Cpuset":"0"}"#, r#"{}"#),
            (r#"{"Cpuset":"0","HostConfig":{}}"#, r#"{"HostConfig":{"CpusetCpus":"0"}}"#),
            (
                r#"{"Cpuset":"0","HostConfig":{"CpusetCpus":"1"}}"#,
                r#"{"HostConfig":{"CpusetCpus":"1"}}"#,
            ),
            (
                r#"{"Cpuset":"0","Tty":true,"Init":true}"#,
                r#"{"Tty":true,"HostConfig":{"Init":true,"CpusetCpus":"0"}}"#,
            ),
            (r#"{"Annotations":{"a":"b"}}"#, r#"{"Annotations":{"a":"b"}}"#),
            (
                r#"{"Future":1,"HostConfig":{"Future":2}}"#,
                r#"{"Future":1,"HostConfig":{"Future":2}}"#,
            ),
        ] {
            let mut fields = json::read(body.as_bytes(), &schema::CREATE).unwrap();
            settle_host_config(&mut fields);
            let mut out = Vec::new();
            fields.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), settled, "{body}");
        }
    }
}
