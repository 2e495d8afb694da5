//! Builds by the classic builder, and the Dockerfiles that any builder reads.

pub(super) mod build;
pub(super) mod dockerfile;
pub(super) mod served;
