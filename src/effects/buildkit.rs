//! What a client says to BuildKit through `POST /grpc`: which calls there are, what the two that build
//! would bring about, and what is added to them before they go on.
//!
//! A build is asked for in two ways: `Control/Solve` makes one, with all that leaves it (names of images,
//! caches, entitlements); with current clients it carries no instructions, and `LLBBridge/Solve` does, for
//! the same build. Instructions, "LLB", are hardly interpreted ([`llb`]): which images they use the daemon itself checks
//! against a policy that is added here ([`source_policy`]), and what power their steps may have against the
//! entitlements, which are judged.
//!
//! Nothing is written anew: protocol buffers are added to by appending.

mod attributes;
mod call;
pub mod file_sync;
mod forced;
mod llb;
pub mod proof;
mod proto;
mod solve;
pub mod source_policy;
#[cfg(test)]
mod tests;

pub use call::Solve;
pub use solve::{SolveBody, asks_for_nothing, read, read_dockerfile, write};

/// What becomes of a method of BuildKit's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It is one that builds, and is judged.
    Solve(Solve),
    /// It only tells, or goes on with what was judged.
    Harmless,
    /// It does what no rule can be held to, or is not known.
    Forbidden,
}

/// The method of this path, which must be spelt exactly so: the daemon decodes it, and leaves a query out.
#[must_use]
pub fn method(path: &str) -> Method {
    match path {
        CONTROL_SOLVE => Method::Solve(Solve::Control),
        BRIDGE_SOLVE => Method::Solve(Solve::Bridge),
        _ if HARMLESS.contains(&path) => Method::Harmless,
        _ => Method::Forbidden,
    }
}

/// The method that begins a build.
pub const CONTROL_SOLVE: &str = "/moby.buildkit.v1.Control/Solve";
const BRIDGE_SOLVE: &str = "/moby.buildkit.v1.frontend.LLBBridge/Solve";

/// What a build needs beside, and what clients show. Left out: `LLBBridge/NewContainer` and `ExecProcess`
/// run what they like in containers, on engines before 25.0.2 without any entitlement (CVE-2024-23653);
/// `Control/Session` nests another protocol.
const HARMLESS: [&str; 22] = [
    "/moby.buildkit.v1.Control/ListWorkers",
    "/moby.buildkit.v1.Control/Status",
    "/moby.buildkit.v1.Control/Info",
    "/moby.buildkit.v1.Control/ListenBuildHistory",
    "/moby.buildkit.v1.Control/UpdateBuildHistory",
    "/moby.buildkit.v1.Control/DiskUsage",
    "/moby.buildkit.v1.Control/Prune",
    "/moby.buildkit.v1.frontend.LLBBridge/Ping",
    "/moby.buildkit.v1.frontend.LLBBridge/Return",
    "/moby.buildkit.v1.frontend.LLBBridge/ResolveImageConfig",
    "/moby.buildkit.v1.frontend.LLBBridge/ResolveSourceMeta",
    "/moby.buildkit.v1.frontend.LLBBridge/Evaluate",
    "/moby.buildkit.v1.frontend.LLBBridge/Inputs",
    "/moby.buildkit.v1.frontend.LLBBridge/ReadFile",
    "/moby.buildkit.v1.frontend.LLBBridge/ReadDir",
    "/moby.buildkit.v1.frontend.LLBBridge/StatFile",
    "/moby.buildkit.v1.frontend.LLBBridge/Warn",
    "/containerd.services.content.v1.Content/Info",
    "/containerd.services.content.v1.Content/Read",
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];
