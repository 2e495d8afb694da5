//! SecDocker: an application firewall for the Docker Engine API.
//!
//! The modules, from the outside in; an arrow of use never turns back:
//!
//! ```text
//! cli ─► proxy ─► session ─► http, http2              policy  knows nothing of HTTP, JSON, files, clocks
//!         │         └─────► engine ─► policy          http    knows nothing of Docker, nor does http2
//!         ├─► plugins ─► facts, audit                 engine  translates between the two
//!         └─► config ───────────────► policy          session opens no socket, reads no clock
//! ```

pub mod audit;
pub mod cli;
pub mod client;
pub mod config;
pub mod engine;
pub mod facts;
pub mod http;
pub mod http2;
pub mod image;
pub mod plugins;
pub mod policy;
pub mod proxy;
pub mod session;
pub mod tls;
