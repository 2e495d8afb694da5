//! As whom something runs.

use crate::policy::effects::images::Holder;
use crate::policy::rules::principals::GroupSpec;
use crate::policy::types::UserSpec;

/// The user or a group of what runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityEffect {
    /// Runs as this user.
    User(UserSpec),
    /// Runs with this group besides its own.
    Group(GroupSpec),
    /// Names no user: what runs is the image's own user, unless `general.user` is set.
    ImageUser(Holder),
    /// Names no user: what runs is the user of the container of this name or identifier.
    ContainerUser(String),
}
