//! Files that say what a device is (Container Device Interface, `specs-go/config.go`), read as effects.
//!
//! A device is what the file says: nodes, mounts, variables, groups, interfaces, and programs that the OCI
//! runtime runs on the host. All that is there is judged, whichever file of several the daemon would
//! take. What is not known here makes a file unreadable, as it does to the daemon.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::effects::collect::{BodyError, Effects, host_path};
use crate::policy::effects::{
    AnyPath, Device, Effect, EnvironmentEffect, FieldPath, IdentityEffect, NetworkEffect,
    PrivilegeEffect, TakeoverEffect,
};
use crate::policy::principals::GroupSpec;
use crate::policy::types::EnvironmentEntry;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    #[serde(rename = "cdiVersion")]
    _version: IgnoredAny,
    kind: String,
    #[serde(default, rename = "annotations")]
    _annotations: IgnoredAny,
    devices: Option<Vec<Described>>,
    container_edits: Option<Edits>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Described {
    name: String,
    #[serde(default, rename = "annotations")]
    _annotations: IgnoredAny,
    container_edits: Option<Edits>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Edits {
    env: Option<Vec<String>>,
    device_nodes: Option<Vec<Node>>,
    net_devices: Option<Vec<NetDevice>>,
    hooks: Option<Vec<Hook>>,
    mounts: Option<Vec<Mount>>,
    /// Shares of the processor's cache, about which no rule is.
    #[serde(default, rename = "intelRdt")]
    _intel_rdt: IgnoredAny,
    additional_gids: Option<Vec<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Node {
    path: String,
    host_path: Option<String>,
    r#type: Option<String>,
    major: Option<i64>,
    minor: Option<i64>,
    #[serde(default, rename = "fileMode")]
    _file_mode: IgnoredAny,
    #[serde(default, rename = "permissions")]
    _permissions: IgnoredAny,
    #[serde(default, rename = "uid")]
    _uid: IgnoredAny,
    #[serde(default, rename = "gid")]
    _gid: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NetDevice {
    host_interface_name: String,
    #[serde(default, rename = "name")]
    _name: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Hook {
    #[serde(default, rename = "hookName")]
    _hook_name: IgnoredAny,
    path: String,
    #[serde(default, rename = "args")]
    _args: IgnoredAny,
    #[serde(default, rename = "env")]
    _env: IgnoredAny,
    #[serde(default, rename = "timeout")]
    _timeout: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mount {
    host_path: String,
    #[serde(default, rename = "containerPath")]
    _container_path: IgnoredAny,
    #[serde(default, rename = "options")]
    _options: IgnoredAny,
    r#type: Option<String>,
}

/// The name that stands for every device of a kind.
const ALL: &str = "all";

impl Spec {
    /// Reads a file, YAML or JSON, which is YAML too; `None` if it can't be read.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_yaml::from_str(text).ok()
    }

    /// What it is to use the device of this name (`vendor.com/class=name`), as this file has it: `None` if
    /// it says nothing of it.
    ///
    /// # Errors
    /// [`BodyError`] if a value has no meaning.
    pub fn effects_of(&self, name: &str) -> Result<Option<Vec<Effect>>, BodyError> {
        let Some((_, name)) = name.split_once('=').filter(|(kind, _)| *kind == self.kind) else {
            return Ok(None);
        };
        let is_it = |device: &&Described| name == ALL || device.name == name;
        let mut devices = self.devices.iter().flatten().filter(is_it).peekable();
        if devices.peek().is_none() {
            return Ok(None);
        }
        let mut effects = Effects::default();
        let of_devices = devices.filter_map(|device| device.container_edits.as_ref());
        self.container_edits.iter().chain(of_devices).try_for_each(|it| it.add(&mut effects))?;
        Ok(Some(effects.into_asked().into_iter().map(|asked| asked.effect).collect()))
    }
}

/// The messages name who asks for the device.
const AT: FieldPath = FieldPath::Field("HostConfig.DeviceRequests");

impl Edits {
    fn add(&self, effects: &mut Effects) -> Result<(), BodyError> {
        for entry in self.env.iter().flatten() {
            effects.push_parsed(EnvironmentEntry::parse(entry), EnvironmentEffect::Set, AT)?;
        }
        self.device_nodes.iter().flatten().try_for_each(|node| node.add(effects))?;
        for device in self.net_devices.iter().flatten() {
            effects.push(NetworkEffect::HostInterface(device.host_interface_name.clone()), AT);
        }
        for hook in self.hooks.iter().flatten() {
            effects.push(TakeoverEffect::HostProgram(hook.path.clone()), AT);
        }
        self.mounts.iter().flatten().try_for_each(|mount| mount.add(effects))?;
        // The daemon leaves 0 out.
        for group in self.additional_gids.iter().flatten().filter(|group| **group != 0) {
            effects.push(IdentityEffect::Group(GroupSpec::parse(&group.to_string())), AT);
        }
        Ok(())
    }
}

impl Node {
    /// A node with numbers of its own is what these say, wherever it lies; a pipe is new.
    fn add(&self, effects: &mut Effects) -> Result<(), BodyError> {
        let kind = self.r#type.as_deref().unwrap_or_default();
        if kind == "p" {
            return Ok(());
        }
        if !kind.is_empty() && self.major.is_some_and(|major| major != 0) {
            let kind = if kind == "b" { "b" } else { "c" };
            let (major, minor) = (self.major.unwrap_or(0), self.minor.unwrap_or(0));
            let rule = format!("{kind} {major}:{minor} rwm");
            effects.push(PrivilegeEffect::Device(Device::CgroupRule(rule)), AT);
        }
        let path = self.host_path.as_deref().filter(|path| !path.is_empty()).unwrap_or(&self.path);
        effects.push_path(path, AT)?;
        effects.push_parsed(host_path(path).map(Device::Path), PrivilegeEffect::Device, AT)
    }
}

impl Mount {
    fn add(&self, effects: &mut Effects) -> Result<(), BodyError> {
        match self.r#type.as_deref().unwrap_or_default() {
            "tmpfs" if !self.host_path.starts_with('/') => {}
            "" | "bind" | "tmpfs" => effects.push_path(&self.host_path, AT)?,
            kind => {
                effects.push_any(AnyPath::FileSystem(kind.to_owned()), AT);
                effects.push_path(&self.host_path, AT)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::policy::effects::MountEffect;

    fn effects(edits: &str, common: &str) -> Vec<String> {
        let text = format!(
            r#"{{"cdiVersion":"0.6.0","kind":"vendor.com/class","annotations":{{}},
            "devices":[{{"name":"a","containerEdits":{{{edits}}}}},
                {{"name":"b","containerEdits":{{"additionalGids":[7]}}}}],
            "containerEdits":{{{common}}}}}"#
        );
        let found = Spec::read(&text).unwrap().effects_of("vendor.com/class=a").unwrap().unwrap();
        found.iter().map(|effect| format!("{effect:?}")).collect()
    }

    #[test]
    fn a_device_is_what_its_file_says() {
        let path = |path: &str| {
            format!("{:?}", Effect::Mount(MountEffect::HostPath(host_path(path).unwrap())))
        };
        let node = |path: &str| {
            format!(
                "{:?}",
                Effect::Privilege(PrivilegeEffect::Device(Device::Path(host_path(path).unwrap())))
            )
        };
        let numbers = |rule: &str| {
            format!(
                "{:?}",
                Effect::Privilege(PrivilegeEffect::Device(Device::CgroupRule(rule.to_owned())))
            )
        };
        let any = |any: AnyPath| format!("{:?}", Effect::Mount(MountEffect::AnyPath(any)));
        for (edits, expected) in [
            ("", vec![]),
            (r#""deviceNodes":[{"path":"/dev/x"}]"#, vec![path("/dev/x"), node("/dev/x")]),
            (
                r#""deviceNodes":[{"path":"/dev/x","hostPath":"/dev/vda","permissions":"r"}]"#,
                vec![path("/dev/vda"), node("/dev/vda")],
            ),
            (
                r#""deviceNodes":[{"path":"/dev/x","type":"b","major":254,"minor":3,"fileMode":432}]"#,
                vec![numbers("b 254:3 rwm"), path("/dev/x"), node("/dev/x")],
            ),
            (
                r#""deviceNodes":[{"path":"/dev/x","type":"c"}]"#,
                vec![path("/dev/x"), node("/dev/x")],
            ),
            (r#""deviceNodes":[{"path":"/x","type":"p"}]"#, vec![]),
            (
                r#""mounts":[{"hostPath":"/root","containerPath":"/x","options":["ro"]}]"#,
                vec![path("/root")],
            ),
            (r#""mounts":[{"hostPath":"tmpfs","containerPath":"/x","type":"tmpfs"}]"#, vec![]),
            (
                r#""mounts":[{"hostPath":"x","containerPath":"/x"}]"#,
                vec![any(AnyPath::Relative("x".to_owned()))],
            ),
            (
                r#""mounts":[{"hostPath":"/dev/vda","containerPath":"/x","type":"ext4"}]"#,
                vec![any(AnyPath::FileSystem("ext4".to_owned())), path("/dev/vda")],
            ),
            (
                r#""hooks":[{"hookName":"createContainer","path":"/bin/h","args":["h"]}]"#,
                vec![r#"HostProgram("/bin/h")"#.to_owned()],
            ),
            (
                r#""netDevices":[{"hostInterfaceName":"eth0","name":"x"}]"#,
                vec![r#"HostInterface("eth0")"#.to_owned()],
            ),
            (r#""intelRdt":{"closID":"x"},"additionalGids":[0],"env":null"#, vec![]),
        ] {
            assert_eq!(effects(edits, ""), expected, "{edits}");
            // What is said of all devices counts for each.
            assert_eq!(effects("", edits), expected, "{edits}");
        }
        assert!(effects(r#""env":["A=b"]"#, "")[..].concat().starts_with("Set("));
        assert!(effects(r#""additionalGids":[44]"#, "")[..].concat().starts_with("Group("));
    }

    #[test]
    fn names_are_exact_and_all_means_all() {
        let spec = Spec::read(
            "cdiVersion: 0.5.0\nkind: vendor.com/class\ndevices:\n- name: a\n  containerEdits:\n    \
             hooks: [{hookName: prestart, path: /a}]\n- name: b\n  containerEdits:\n    hooks: \
             [{hookName: prestart, path: /b}]\n",
        )
        .unwrap();
        for (name, count) in [
            ("vendor.com/class=a", Some(1)),
            ("vendor.com/class=all", Some(2)),
            ("vendor.com/class=c", None),
            ("vendor.com/class=A", None),
            ("vendor.com/other=a", None),
            ("vendor.com/class", None),
            ("", None),
        ] {
            let found = spec.effects_of(name).unwrap();
            assert_eq!(found.map(|effects| effects.len()), count, "{name}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_read() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"cdiVersion":"1","kind":"a.b/c","devices":[],"more":1}"#,
            r#"{"cdiVersion":"1","kind":"a.b/c","devices":[{"name":"a","containerEdits":{"x":1}}]}"#,
            r#"{"cdiVersion":"1","kind":"a.b/c","devices":[{"name":"a","containerEdits":
                {"deviceNodes":[{"path":"/x","major":"010"}]}}]}"#,
            "cdiVersion: 1\nkind: a.b/c\ndevices: []\n---\nkind: x\n",
        ] {
            assert!(Spec::read(text).is_none(), "{text}");
        }
    }
}
