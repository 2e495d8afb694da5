//! Asks a scanner that has Harbor's scanner adapter API, such as Trivy with its adapter, about the image
//! that is about to be used. No Harbor is needed.
//!
//! [`adapter`] speaks the API, [`judge`] follows one image through it, [`config`] reads `config.yml`.

pub mod adapter;
pub mod config;
pub mod judge;

use std::time::Duration;

use secdocker_plugin::{ConfigFile, Host, Level, OpenError, Plugin, Request, Scope, Verdict};
use secdocker_plugin_common::scan::answer;
use secdocker_plugin_common::{Deadline, Stop, SystemClock};

use config::Settings;
use judge::Judge;

/// How long the scanner may take at the start to say what it can.
const START: Duration = Duration::from_secs(5);

/// The plugin.
pub struct Harbor {
    judge: Judge,
    clock: SystemClock,
    host: Host,
}

impl Plugin for Harbor {
    const NAME: &str = "harbor";
    // Whether the scanner can have the image depends on the registry in its name.
    const SCOPE: Scope = Scope::Name;

    fn open(config: &ConfigFile, host: Host) -> Result<Self, OpenError> {
        let path = config.path().display();
        let settings = Settings::parse(&config.text()?, config.folder())
            .map_err(|error| format!("{path}: {error}"))?;
        let clock = SystemClock::default();
        match settings.adapter.abilities(Deadline::after(&clock, START)) {
            Ok(abilities) => host.log(Level::Info, format!("asks {}", abilities.scanner)),
            Err(Stop::Deny(why)) => return Err(why.into()),
            // It may start later than SecDocker; until then, each request meets the same error.
            Err(Stop::Error(why)) => host.log(Level::Warn, why),
            Err(Stop::Pending) => {}
        }
        Ok(Self { judge: Judge::new(settings), clock, host })
    }

    fn process(&self, request: &Request<'_>) -> Verdict {
        let allowed = self.judge.settings().timeout;
        answer((&self.host, &self.clock), request, allowed, |asked, deadline| {
            self.judge.judge(asked, deadline)
        })
    }
}

secdocker_plugin::export!(Harbor);
