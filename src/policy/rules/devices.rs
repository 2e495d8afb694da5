//! Devices of the host that nobody may use.

use std::fmt::{self, Write};

use crate::policy::effects::Device;
use crate::policy::facts::Facts;
use crate::policy::rules::privileged::PRIVILEGED;
use crate::policy::shown::{Configured, Shown};
use crate::policy::types::{EnvironmentEntry, HostPath, ValueError, is_of_pattern};
use crate::policy::violations::Findings;

/// What drivers of GPUs take for a device or for what it can do (moby `daemon/nvidia_linux.go` and
/// `daemon/devices_amd_linux.go`).
pub(crate) const GPU_WORDS: [&str; 10] = [
    "amd", "compat32", "compute", "display", "gpu", "graphics", "ngx", "nvidia", "utility", "video",
];

/// One forbidden device, or kind of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule {
    text: String,
    devices: Devices,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Devices {
    /// `*`.
    Every,
    /// The device at a path, those below it, and folders that hold it.
    Around(HostPath),
    /// Those whose paths begin so, and folders that hold them: `/dev/nvidia*`.
    Prefix(String),
    /// What a driver gives, by its name, by what it can do or by its kind in CDI: `nvidia`, `gpu`,
    /// `vendor.com/class`.
    Request(String),
}

impl DeviceRule {
    /// Reads `*`, an absolute path, the beginning of one with `*` at its end, the name of a driver or of
    /// what it can do, or a kind of CDI devices (`vendor.com/class`).
    ///
    /// # Errors
    /// [`ValueError::Device`] for anything else, and for a pattern that would match nothing.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::Device(text.to_owned());
        let is_pattern = |text: &str| text.contains(|char| char == '=' || is_of_pattern(char));
        let devices = match (text, text.strip_suffix('*')) {
            ("*", _) => Devices::Every,
            ("", _) => return Err(error()),
            (_, Some(prefix)) if prefix.starts_with('/') && !is_pattern(prefix) => {
                // Cleaned, but for a slash at the end.
                let clean = HostPath::parse(prefix).map_err(|_| error())?;
                let end = if prefix.ends_with('/') && !clean.is_root() { "/" } else { "" };
                Devices::Prefix(format!("{clean}{end}", clean = clean.as_str()))
            }
            (path, None) if path.starts_with('/') && !is_pattern(path) => {
                Devices::Around(HostPath::parse(path).map_err(|_| error())?)
            }
            (name, None) if !is_pattern(name) && is_word_or_kind(name) => {
                Devices::Request(name.to_owned())
            }
            _ => return Err(error()),
        };
        Ok(Self { text: text.to_owned(), devices })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Device {} may not be used.", Configured(&self.text))
    }

    pub(in crate::policy) fn check(&self, asked: &Device, facts: &Facts, found: &mut Findings<'_>) {
        match asked {
            Device::Path(path) if self.forbids(path) => {
                found.add(format_args!("device {path}"), &self.text);
            }
            Device::Path(path) => self.check_where_it_leads(path, facts, found),
            // Numbers may be those of any device.
            Device::CgroupRule(rule) if !matches!(self.devices, Devices::Request(_)) => {
                found.add(format_args!("device rule {}", Shown(rule)), &self.text);
            }
            Device::Request(name) if self.forbids_request(name) => {
                found.add(format_args!("devices of {}", Shown(name)), &self.text);
            }
            Device::Cdi(name) => self.check_cdi(name, facts, found),
            Device::Opaque(text) => {
                let what = format_args!("device request {}", Shown(text));
                found.add_because(what, CONTENT_UNKNOWN, &self.text);
            }
            Device::CgroupRule(_) | Device::Request(_) => {}
        }
    }

    /// What it consists of is judged besides, if it is known.
    fn check_cdi(&self, name: &str, facts: &Facts, found: &mut Findings<'_>) {
        let kind = name.split_once('=').map_or(name, |(kind, _)| kind);
        let what = format_args!("device {}", Shown(name));
        if self.forbids_request(kind) || self.forbids_request("cdi") {
            found.add(what, &self.text);
        } else if facts.cdi(name).is_none() {
            found.add_because(what, CDI_UNKNOWN, &self.text);
        }
    }

    /// A device that was judged when it was asked for: where its path leads at this moment counts.
    pub(in crate::policy) fn check_again(
        &self,
        path: &HostPath,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        if !self.forbids(path) {
            self.check_where_it_leads(path, facts, found);
        }
    }

    /// Whether where a path leads decides.
    pub(in crate::policy) fn is_about_paths(&self) -> bool {
        matches!(self.devices, Devices::Around(_) | Devices::Prefix(_))
    }

    /// By another path it is the same device.
    fn check_where_it_leads(&self, path: &HostPath, facts: &Facts, found: &mut Findings<'_>) {
        let others = facts.link(path).into_iter().chain(facts.aliases(path));
        if let Some(real) = others.into_iter().find(|real| self.forbids(real)) {
            let reason = format_args!("which leads to {real}");
            found.add_because(format_args!("device {path}"), reason, &self.text);
        }
    }

    /// A mount of device nodes.
    pub(in crate::policy) fn check_mount(
        &self,
        path: &HostPath,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        if matches!(self.devices, Devices::Every) {
            return;
        }
        let led_to = [path].into_iter().chain(facts.link(path)).chain(facts.aliases(path));
        let mut of_devices = led_to.into_iter().filter(|path| path.as_str().starts_with("/dev"));
        if let Some(real) = of_devices.find(|real| self.forbids(real)) {
            let reason = format_args!("which has device nodes of {real}");
            found.add_because(format_args!("mount of {path}"), reason, &self.text);
        }
    }

    pub(in crate::policy) fn check_privileged(&self, found: &mut Findings<'_>) {
        found.add_because(PRIVILEGED, "which has every device", &self.text);
    }

    /// Runtimes of GPU vendors give devices to anyone who asks by a variable, an image too.
    pub(in crate::policy) fn check_runtime(&self, name: &str, found: &mut Findings<'_>) {
        let is_vendors = ["nvidia", "amd"].iter().any(|vendor| name.contains(vendor));
        if is_vendors && self.is_about_gpus() {
            let reason = "which gives the GPUs that a variable names";
            found.add_because(format_args!("runtime {}", Shown(name)), reason, &self.text);
        }
    }

    /// A vendor's runtime may be the default.
    pub(in crate::policy) fn check_variable(
        &self,
        entry: &EnvironmentEntry,
        found: &mut Findings<'_>,
    ) {
        let (name, value) = (entry.name(), entry.value().unwrap_or_default());
        let asks = matches!(name, "NVIDIA_VISIBLE_DEVICES" | "AMD_VISIBLE_DEVICES");
        if asks && !matches!(value, "" | "void" | "none") && self.is_about_gpus() {
            let reason = "by which a runtime gives GPUs";
            found.add_because(format_args!("environment variable {name}"), reason, &self.text);
        }
    }

    fn is_about_gpus(&self) -> bool {
        let paths = ["/dev/nvidia0", "/dev/nvidiactl", "/dev/dri/card0", "/dev/kfd"];
        match &self.devices {
            Devices::Every => true,
            Devices::Around(_) | Devices::Prefix(_) => paths
                .iter()
                .filter_map(|path| HostPath::parse(path).ok())
                .any(|path| self.forbids(&path)),
            Devices::Request(name) => {
                GPU_WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
                    || is_kind_of_gpus(name)
            }
        }
    }

    fn forbids(&self, path: &HostPath) -> bool {
        match &self.devices {
            Devices::Every => true,
            Devices::Around(forbidden) => path.is_within(forbidden) || forbidden.is_within(path),
            Devices::Prefix(prefix) => {
                let whole = HostPath::parse(prefix).ok();
                path.as_str().starts_with(prefix)
                    || whole.is_some_and(|whole| whole.is_within(path))
            }
            Devices::Request(_) => false,
        }
    }

    fn forbids_request(&self, name: &str) -> bool {
        match &self.devices {
            Devices::Every => true,
            Devices::Around(_) | Devices::Prefix(_) => false,
            Devices::Request(forbidden) => name.eq_ignore_ascii_case(forbidden),
        }
    }
}

/// Why a request for devices is refused that nobody here understands.
pub(in crate::policy) const CONTENT_UNKNOWN: &str =
    "whose content is not known: it may be any device and path";

/// Why a device by CDI is refused of which no file says what it is.
pub(in crate::policy) const CDI_UNKNOWN: &str = "whose content is not known: no file that can be read in the daemon's folders for CDI says it \
     (before Docker 25, or if it is not enabled, there are none)";

fn is_word_or_kind(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(is_plain);
    match name.split_once('/') {
        None => is_word(name),
        Some((vendor, class)) => vendor.contains('.') && is_word(vendor) && is_word(class),
    }
}

fn is_kind_of_gpus(kind: &str) -> bool {
    kind.split_once('/').is_some_and(|(_, class)| class == "gpu")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::policy::Violations;
    use crate::policy::effects::FieldPath;

    fn broken(rule: &str, check: impl Fn(&DeviceRule, &mut Findings<'_>)) -> bool {
        let mut violations = Violations::default();
        let at = FieldPath::Field("X");
        check(&DeviceRule::parse(rule).unwrap(), &mut Findings::new(&mut violations, &at));
        !violations.is_empty()
    }

    #[test]
    fn devices_by_path_and_pattern() {
        let path = |text: &str| HostPath::parse(text).unwrap();
        let mut facts = Facts::none();
        facts.add_link(path("/dev/char/195:0"), path("/dev/nvidia0"));
        for (rule, asked, expected) in [
            ("/dev/nvidia*", "/dev/nvidia0", true),
            ("/dev/nvidia*", "/dev/nvidia-caps/nvidia-cap1", true),
            ("/dev/nvidia*", "/dev", true),
            ("/dev/nvidia*", "/", true),
            ("/dev/nvidia*", "/dev/nvram", false),
            ("/dev/nvidia*", "/dev/char/195:0", true),
            ("/dev/dri/*", "/dev/dri/card0", true),
            ("/dev/dri/*", "/dev/dri", true),
            ("/dev/dri/*", "/dev/drive", false),
            ("/dev/*", "/dev/fuse", true),
            ("*", "/dev/fuse", true),
            ("gpu", "/dev/nvidia0", false),
        ] {
            let device = Device::Path(path(asked));
            let is_broken = broken(rule, |rule, found| rule.check(&device, &facts, found));
            assert_eq!(is_broken, expected, "{rule} {asked}");
        }
        assert!(broken("/dev/fuse", |rule, found| rule.check_mount(&path("/dev"), &facts, found)));
        assert!(!broken("/dev/fuse", |rule, found| rule.check_mount(&path("/srv"), &facts, found)));
        assert!(!broken("/dev/fuse", |rule, found| rule.check_mount(
            &path("/dev/log"),
            &facts,
            found
        )));
    }

    #[test]
    fn what_is_not_understood_breaks_every_rule() {
        for rule in ["*", "/dev/vda", "/dev/nvidia*", "gpu", "vendor.com/class"] {
            let opaque = Device::Opaque("vendor.com/other=all".to_owned());
            assert!(
                broken(rule, |rule, found| rule.check(&opaque, &Facts::none(), found)),
                "{rule}"
            );
        }
    }

    #[test]
    fn devices_by_cdi() {
        let mut facts = Facts::none();
        facts.add_cdi("vendor.com/class=a".to_owned(), Vec::new());
        for (rule, name, expected) in [
            ("*", "vendor.com/class=a", true),
            ("cdi", "vendor.com/class=a", true),
            ("vendor.com/class", "vendor.com/class=a", true),
            ("vendor.com/other", "vendor.com/class=a", false),
            ("/dev/vda", "vendor.com/class=a", false),
            ("/dev/vda", "vendor.com/class=b", true),
            ("gpu", "vendor.com/class=b", true),
            ("gpu", "vendor.com/class=a", false),
        ] {
            let device = Device::Cdi(name.to_owned());
            let is_broken = broken(rule, |rule, found| rule.check(&device, &facts, found));
            assert_eq!(is_broken, expected, "{rule} {name}");
        }
    }

    #[test]
    fn runtimes_and_variables_that_give_gpus() {
        for (rule, expected) in
            [("gpu", true), ("*", true), ("/dev/nvidia*", true), ("/dev/fuse", false)]
        {
            for runtime in ["nvidia", "/usr/bin/nvidia-container-runtime", "nvidia-cdi"] {
                let is_broken = broken(rule, |rule, found| rule.check_runtime(runtime, found));
                assert_eq!(is_broken, expected, "{rule} {runtime}");
            }
            assert!(!broken(rule, |rule, found| rule.check_runtime("runc", found)));
            for (value, asks) in [("all", true), ("0,1", true), ("void", false), ("", false)] {
                let variable = format!("NVIDIA_VISIBLE_DEVICES={value}");
                let variable = EnvironmentEntry::parse(&variable).unwrap();
                let is_broken = broken(rule, |rule, found| rule.check_variable(&variable, found));
                assert_eq!(is_broken, expected && asks, "{rule} {value}");
            }
        }
    }

    #[test]
    fn patterns_that_mean_nothing_are_mistakes() {
        for text in
            ["", "/dev/*/x", "/dev/sd?", "!/dev/sda", "gpu*", "dev/sda", "a b", "a=b", "//*x"]
        {
            assert!(DeviceRule::parse(text).is_err(), "{text}");
        }
    }
}
