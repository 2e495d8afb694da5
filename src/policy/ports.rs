//! Host ports that nobody may publish.

use super::Findings;
use super::effects::{Asked, Effect};
use super::types::{PortRange, ValueError};

/// One forbidden port, or a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRule {
    text: String,
    ports: PortRange,
}

impl PortRule {
    /// Reads `22` or `20-25`.
    ///
    /// # Errors
    /// [`ValueError::Port`] for anything else; `0`, which no port has, is refused too.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let ports = PortRange::parse(text)?;
        if ports.is_ephemeral() && !text.contains('-') {
            return Err(ValueError::Port(text.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            ports,
        })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn check(&self, asked: &Asked, findings: &mut Findings) {
        match &asked.effect {
            Effect::HostPorts(ports) if !ports.overlaps(&self.ports) => {}
            Effect::HostPorts(ports) if ports.is_ephemeral() => {
                findings.add(
                    format_args!("a host port of {ports} that the daemon picks"),
                    &self.text,
                    asked,
                );
            }
            Effect::HostPorts(ports) if ports.is_single() => {
                findings.add(format_args!("host port {ports}"), &self.text, asked);
            }
            Effect::HostPorts(ports) => {
                findings.add(format_args!("host ports {ports}"), &self.text, asked);
            }
            Effect::HostNetwork => {
                findings.add("host networking, which opens every port", &self.text, asked);
            }
            Effect::Image(_)
            | Effect::User(_)
            | Effect::ImageUser
            | Effect::Environment(_)
            | Effect::HostPath(_)
            | Effect::SecurityOption(_)
            | Effect::Privileged => {}
        }
    }
}
