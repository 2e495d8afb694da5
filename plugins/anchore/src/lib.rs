//! Asks Anchore about the image that is about to be used: Anchore Engine (API v1) or Anchore Enterprise
//! (API v2).
//!
//! [`engine`] speaks the API, [`judge`] follows one image through it, [`config`] reads `config.yml`.

pub mod config;
pub mod engine;
pub mod judge;

use secdocker_plugin::{ConfigFile, Host, Level, OpenError, Plugin, Request, Scope, Verdict};
use secdocker_plugin_common::SystemClock;
use secdocker_plugin_common::scan::answer;

use config::Settings;
use judge::Judge;

/// The plugin.
pub struct Anchore {
    judge: Judge,
    clock: SystemClock,
    host: Host,
}

impl Plugin for Anchore {
    const NAME: &str = "anchore";
    // A policy may say something about the name.
    const SCOPE: Scope = Scope::Name;

    fn open(config: &ConfigFile, host: Host) -> Result<Self, OpenError> {
        let path = config.path().display();
        let settings = Settings::parse(&config.text()?, config.folder())
            .map_err(|error| format!("{path}: {error}"))?;
        host.log(Level::Info, format!("asks {}", settings.server.base()));
        Ok(Self { judge: Judge::new(settings), clock: SystemClock::default(), host })
    }

    fn process(&self, request: &Request<'_>) -> Verdict {
        let allowed = self.judge.settings().timeout;
        answer((&self.host, &self.clock), request, allowed, |asked, deadline| {
            self.judge.judge(asked, deadline)
        })
    }
}

secdocker_plugin::export!(Anchore);
