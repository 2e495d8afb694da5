//! Devices of the host that nobody may use.

use super::Findings;
use super::effects::Device;
use super::privileged::PRIVILEGED;
use super::shown::Shown;
use super::types::{HostPath, ValueError};

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
    /// What a driver gives: `nvidia`, `gpu`.
    Request(String),
}

impl DeviceRule {
    /// Reads `*`, an absolute path, or the name of a driver or of what it can do.
    ///
    /// # Errors
    /// [`ValueError::Path`] for an empty text or a relative path.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let devices = match text {
            "*" => Devices::Every,
            path if path.contains('/') => Devices::Around(HostPath::parse(path)?),
            "" => return Err(ValueError::Path(text.to_owned())),
            name => Devices::Request(name.to_owned()),
        };
        Ok(Self { text: text.to_owned(), devices })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn check(&self, asked: &Device, found: &mut Findings<'_>) {
        match asked {
            Device::Path(path) if self.forbids(path) => {
                found.add(format_args!("device {path}"), &self.text);
            }
            // Numbers may be those of any device.
            Device::CgroupRule(rule) if !matches!(self.devices, Devices::Request(_)) => {
                found.add(format_args!("device rule {}", Shown(rule)), &self.text);
            }
            Device::Request(name) if self.forbids_request(name) => {
                found.add(format_args!("devices of {}", Shown(name)), &self.text);
            }
            Device::Path(_) | Device::CgroupRule(_) | Device::Request(_) => {}
        }
    }

    pub(super) fn check_privileged(&self, found: &mut Findings<'_>) {
        found.add_because(PRIVILEGED, "which has every device", &self.text);
    }

    fn forbids(&self, path: &HostPath) -> bool {
        match &self.devices {
            Devices::Every => true,
            Devices::Around(forbidden) => path.is_within(forbidden) || forbidden.is_within(path),
            Devices::Request(_) => false,
        }
    }

    fn forbids_request(&self, name: &str) -> bool {
        match &self.devices {
            Devices::Every => true,
            Devices::Around(_) => false,
            Devices::Request(forbidden) => name.eq_ignore_ascii_case(forbidden),
        }
    }
}
