//! What is forced on what is allowed: arithmetic and lists, without knowing where they stand.

mod all;
mod resources;

pub use all::Ceilings;
pub use resources::{CpuAsk, CpuLimit, MemoryAsk};

/// The label by which the containers of a client are counted.
pub const OWNER_LABEL: &str = "com.secdocker.client";

/// What stands in `HostConfig.ContainerIDFile` of each container that a request made while containers are
/// counted: no image can bring it along, as it can bring the label. No engine reads the field.
pub const CREATED_MARK: &str = "com.secdocker.client";

#[cfg(test)]
mod tests;
