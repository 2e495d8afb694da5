//! What the plugins that ask a scanner have in common: how an answer is read, and what follows where there is none.

use std::time::Duration;

use secdocker_plugin::{Host, Level, Request, Verdict};
use serde::de::DeserializeOwned;

use crate::config::{self, Choice};
use crate::local::Asked;
use crate::stop::Stop;
use crate::time::Deadline;

/// Left over between a plugin's last word and the moment at which SecDocker stops listening.
const MARGIN: Duration = Duration::from_millis(500);

/// For how long a verdict is kept unless configured: new vulnerabilities become known all the time.
pub const TTL_SECONDS: u64 = 600;

/// What follows where there is no count, by configuration.
#[derive(Debug, Clone, Copy)]
pub struct Otherwise {
    /// After an error; without it, what SecDocker's own `on_error` says.
    pub on_error: Option<Choice>,
    /// While the scanner is still at it.
    pub on_pending: Choice,
}

impl Otherwise {
    /// The verdict that follows.
    pub fn verdict(self, stop: Stop) -> Verdict {
        match stop {
            Stop::Deny(reason) => Verdict::deny(reason),
            Stop::Pending => self.on_pending.verdict("analysis in progress, try again"),
            Stop::Error(reason) => config::on_error(self.on_error, reason),
        }
    }
}

/// Reads the JSON of an answer.
///
/// # Errors
/// [`Stop::Error`], if it is none, or another one.
pub fn json<T: DeserializeOwned>(server: &str, body: &[u8]) -> Result<T, Stop> {
    serde_json::from_slice(body).map_err(|error| {
        // Serde repeats what it met.
        Stop::odd(server, crate::text::shown(&error.to_string()))
    })
}

/// What a plugin says to a request: `judge` is asked about its image, with the moment at which the
/// verdict is due, and the outcome is logged.
pub fn answer(
    (host, clock): (&Host, &dyn crate::Clock),
    request: &Request<'_>,
    allowed: Option<Duration>,
    judge: impl FnOnce(&Asked, Deadline<'_>) -> Verdict,
) -> Verdict {
    let deadline = due(clock, request.time_left(), allowed);
    let asked = match Asked::by(request) {
        Ok(asked) => asked,
        // What a configuration says of a scanner's errors is not about these.
        Err(stop) => {
            return Otherwise { on_error: None, on_pending: Choice::Deny }.verdict(stop);
        }
    };
    let verdict = judge(&asked, deadline);
    host.log(Level::Debug, format!("{}: {}", asked.reference, verdict.reason()));
    verdict
}

/// When a verdict is due, with what SecDocker waits and a configuration allows.
fn due<'a>(
    clock: &'a dyn crate::Clock,
    host_waits: Duration,
    allowed: Option<Duration>,
) -> Deadline<'a> {
    let time = host_waits.saturating_sub(MARGIN);
    Deadline::after(clock, allowed.map_or(time, |allowed| allowed.min(time)))
}
