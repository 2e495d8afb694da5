//! What is lifted, in words and as requests.

use super::Lifts;
use crate::policy::effects::{
    AnyPath, Device, Effect, IdentityEffect, MountEffect, NetworkEffect, PrivilegeEffect,
    RuntimeEffect,
};
use crate::policy::types::HostPath;

/// A value in words, and a request for it.
type Example = (String, Vec<Effect>);

impl Lifts {
    /// Each value in words, and a request for it.
    pub(in crate::policy) fn examples(&self) -> impl Iterator<Item = Example> {
        let mut all = Vec::new();
        self.add_powers(&mut |what, effects| all.push((what, effects)));
        self.add_names(&mut |what, effects| all.push((what, effects)));
        all.into_iter()
    }

    fn add_powers(&self, add: &mut dyn FnMut(String, Vec<Effect>)) {
        if self.privileged {
            add("privileged mode".to_owned(), one(PrivilegeEffect::Privileged));
        }
        for name in &self.capabilities {
            add(format!("capability {name}"), one(PrivilegeEffect::Capability(name.clone())));
        }
        for text in &self.devices {
            let device = match HostPath::parse(text) {
                Ok(path) => {
                    vec![
                        Effect::Privilege(PrivilegeEffect::Device(Device::Path(path.clone()))),
                        Effect::Mount(MountEffect::HostPath(path)),
                    ]
                }
                Err(_) if text.contains(':') => {
                    one(PrivilegeEffect::Device(Device::CgroupRule(text.clone())))
                }
                Err(_) if text.contains('=') => {
                    one(PrivilegeEffect::Device(Device::Cdi(text.clone())))
                }
                Err(_) => one(PrivilegeEffect::Device(Device::Request(text.clone()))),
            };
            add(format!("device {text}"), device);
        }
        for text in &self.path_texts {
            let path = HostPath::parse(text.trim_end_matches("/**"));
            let effects = path.map(|path| MountEffect::HostPath(path).into());
            let effects = effects.into_iter().collect();
            add(format!("mount of {text}"), effects);
        }
        for namespace in &self.namespaces {
            add(format!("namespace {}", namespace.as_str()), namespace.example().collect());
        }
        for user in &self.users {
            add(format!("user {}", user.as_str()), one(IdentityEffect::User(user.clone())));
        }
        for group in &self.groups {
            add(format!("group {group}"), one(IdentityEffect::Group(group.clone())));
        }
        for ports in &self.ports {
            add(format!("host port {ports}"), one(NetworkEffect::HostPorts(*ports)));
        }
    }

    fn add_names(&self, add: &mut dyn FnMut(String, Vec<Effect>)) {
        for option in &self.security {
            let effect = PrivilegeEffect::SecurityOption(option.clone());
            add(format!("security option {option}"), one(effect));
        }
        for name in &self.sysctls {
            let effect = RuntimeEffect::Sysctl(name.as_str().to_owned());
            add(format!("kernel parameter {}", name.as_str()), one(effect));
        }
        for name in &self.runtimes {
            let effect = RuntimeEffect::Runtime(name.as_str().to_owned());
            add(format!("runtime {}", name.as_str()), one(effect));
        }
        for name in &self.cgroupparent {
            let effect = RuntimeEffect::CgroupParent(name.as_str().to_owned());
            add(format!("control group {}", name.as_str()), one(effect));
        }
        for name in &self.volumedrivers {
            let effect = Effect::Mount(MountEffect::AnyPath(AnyPath::VolumeDriver(
                name.as_str().to_owned(),
            )));
            add(format!("volume driver {}", name.as_str()), one(effect));
        }
        for share in &self.shares {
            add(format!("mount of {}", share.as_str()), share.example().into_iter().collect());
        }
    }
}

fn one(effect: impl Into<Effect>) -> Vec<Effect> {
    vec![effect.into()]
}
