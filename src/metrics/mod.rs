//! What is counted, and how Prometheus reads it.
//!
//! ```text
//! loops ──────► LoopCounts (one a loop), ClientCounts (one an entry, with a part for each loop) ─┐
//! threads ────► Histogram, Counter                                                              ├─► exposition
//! settings ───► generation, reloads, certificates ──────────────────────────────────────────────┘
//! ```
//! To count is one relaxed addition to a number that was found when the configuration came into force; it is
//! summed when somebody reads. No label is anything that a client chose: they are words of this program, and
//! names and rules of the configuration. Knows nothing of sockets, HTTP or clocks.

mod counter;
mod counts;
mod exposition;
mod families;
mod histogram;
mod look_ups;
mod plugins;
mod requests;
mod settings;

pub use counter::{Counter, LoopCounts};
pub use counts::Metrics;
pub use exposition::Format;
pub use families::{FAMILIES, Family, Kind};
pub use histogram::Histogram;
pub use look_ups::LookUpCounts;
pub use plugins::PluginCounts;
pub use requests::ClientCounts;
pub use settings::Reload;
