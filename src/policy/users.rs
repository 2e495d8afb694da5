//! Users that nothing may run as.

use super::Findings;
use super::ceilings::Ceilings;
use super::effects::{Asked, Effect};
use super::facts::Facts;
use super::types::{UserSpec, ValueError};
use crate::image::ImageRef;

/// One forbidden user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRule {
    user: UserSpec,
}

impl UserRule {
    /// Reads a name or a number, and perhaps a group.
    ///
    /// # Errors
    /// [`ValueError::User`] for an empty text.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Ok(Self {
            user: UserSpec::parse(text)?,
        })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        self.user.as_str()
    }

    pub(super) fn check(
        &self,
        asked: &Asked,
        image: Option<&ImageRef>,
        ceilings: &Ceilings,
        facts: &Facts,
        findings: &mut Findings,
    ) {
        match &asked.effect {
            Effect::User(user) if user.is(&self.user) => {
                findings.add(format_args!("user {user}"), self.as_str(), asked);
            }
            // Nobody asked for a user, so the one that is forced is the one that runs.
            Effect::ImageUser if ceilings.user.is_some() => {}
            Effect::ImageUser => self.check_image(image, asked, facts, findings),
            Effect::User(_)
            | Effect::Image(_)
            | Effect::Environment(_)
            | Effect::HostPorts(_)
            | Effect::HostNetwork
            | Effect::HostPath(_)
            | Effect::SecurityOption(_)
            | Effect::Privileged => {}
        }
    }

    fn check_image(
        &self,
        image: Option<&ImageRef>,
        asked: &Asked,
        facts: &Facts,
        findings: &mut Findings,
    ) {
        match image
            .and_then(|image| facts.image(image))
            .map(|facts| &facts.user)
        {
            None => findings.add(
                "the image's own user, which is not known",
                self.as_str(),
                asked,
            ),
            Some(Some(user)) if !user.is(&self.user) => {}
            Some(Some(user)) => {
                findings.add(
                    format_args!("the image's own user {user}"),
                    self.as_str(),
                    asked,
                );
            }
            Some(None) if !self.is_root() => {}
            Some(None) => findings.add("the image's own user root", self.as_str(), asked),
        }
    }

    fn is_root(&self) -> bool {
        UserSpec::parse("root").is_ok_and(|root| root.is(&self.user))
    }
}
