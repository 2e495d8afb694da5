//! Compares the image that is about to be used with what its registry serves under that name now.
//!
//! [`decide`] holds the table of decisions, [`remote`] what can be asked about the other side, by the
//! daemon ([`daemon`]) or by a client of its own ([`registry`]); [`script`] is the Go tool's way.

pub mod config;
pub mod daemon;
pub mod decide;
pub mod registry;
pub mod remote;
pub mod script;

use secdocker_plugin::{ConfigFile, Host, OpenError, Plugin, Request, Scope, Verdict};
use secdocker_plugin_common::scan::answer;
use secdocker_plugin_common::{Asked, Deadline, SystemClock};

use config::{Settings, Way};
use daemon::{Daemon, ThroughDaemon};

/// The plugin.
pub struct Notary {
    settings: Settings,
    clock: SystemClock,
    host: Host,
}

impl Plugin for Notary {
    const NAME: &str = "notary";
    // What is asked at the same time is answered at once; no verdict is kept, as a tag can move.
    const SCOPE: Scope = Scope::Name;

    fn open(config: &ConfigFile, host: Host) -> Result<Self, OpenError> {
        let path = config.path().display();
        let text = config.text_if_present()?.unwrap_or_default();
        let settings =
            Settings::parse(&text, config.folder()).map_err(|error| format!("{path}: {error}"))?;
        Ok(Self { settings, clock: SystemClock::default(), host })
    }

    fn process(&self, request: &Request<'_>) -> Verdict {
        let allowed = self.settings.timeout;
        answer((&self.host, &self.clock), request, allowed, |asked, deadline| {
            self.judge(asked, deadline)
        })
    }
}

impl Notary {
    fn judge(&self, asked: &Asked, deadline: Deadline<'_>) -> Verdict {
        judge(&self.settings, asked, &Through(&self.host), deadline)
    }
}

/// The verdict on an image, before the deadline.
pub fn judge(
    settings: &Settings,
    asked: &Asked,
    daemon: &impl Daemon,
    deadline: Deadline<'_>,
) -> Verdict {
    let choices = &settings.choices;
    match &settings.way {
        Way::Script(script) => script.judge(asked, choices, deadline),
        Way::Daemon => {
            decide::decide(asked, choices, &ThroughDaemon::new(daemon), daemon, deadline)
        }
        Way::Registry(registry) => decide::decide(asked, choices, registry, daemon, deadline),
    }
}

/// The daemon, asked by SecDocker.
struct Through<'a>(&'a Host);

impl Daemon for Through<'_> {
    fn get(&self, path: &str, deadline: Deadline<'_>) -> Result<(u16, Vec<u8>), String> {
        let left = deadline.left().ok_or("no answer in time")?;
        let answer = self.0.docker_get(path, left).map_err(|error| error.to_string())?;
        Ok((answer.status, answer.body))
    }
}

secdocker_plugin::export!(Notary);
