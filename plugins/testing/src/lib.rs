//! Servers that answer as a test says, a clock that nobody has to wait for, and Prism, which checks
//! requests and answers against a published API description.
//!
//! For tests only, so it panics where something is not as it should be.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests wait for what they started, and a failed one says where"
)]

mod prism;
mod stub;

pub use prism::Prism;
pub use stub::{Answer, Asked, Stub};

use std::sync::Mutex;
use std::time::Duration;

use secdocker_plugin_common::Clock;

/// A clock that goes on only when somebody waits, and then at once.
#[derive(Debug, Default)]
pub struct FakeClock {
    waits: Mutex<Vec<Duration>>,
}

impl FakeClock {
    /// What was waited for, one after the other.
    pub fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        self.waits.lock().unwrap().iter().sum()
    }

    fn wait(&self, time: Duration) {
        self.waits.lock().unwrap().push(time);
    }
}
