//! SecDocker: an application firewall for the Docker Engine API.
//!
//! The modules, from the outside in; an arrow of use never turns back:
//!
//! ```text
//! cli ─► proxy ─► session ─► http, http2              policy    knows nothing of HTTP, JSON, files, clocks
//!         │         └─────► admission                 http      knows nothing of Docker, nor does http2
//!         │                 └► effects ─► docker      effects   translates between docker and policy
//!         ├─► plugins ─► lookup, audit                admission decides about one request, without I/O
//!         └─► config ───────────────► policy          session   opens no socket, reads no clock, writes no log
//! ```

pub mod admission;
pub mod audit;
pub mod cli;
pub mod client;
pub mod config;
pub mod docker;
pub mod effects;
pub mod http;
pub mod http2;
pub mod lookup;
pub mod metrics;
pub mod plugins;
pub mod policy;
pub mod proxy;
pub mod record;
pub mod sandbox;
pub mod session;
pub mod tls;

/// Names of images, which the plugins read in the same way.
pub use secdocker_shared::image;
