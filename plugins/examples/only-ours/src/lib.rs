//! Level 2: only images from the registries that stand in its `config.yml`, one a line, may be used.

use secdocker_plugin::{ConfigFile, Host, OpenError, Plugin, Request, Scope, Verdict, export};

struct OnlyOurs(Vec<String>);

impl Plugin for OnlyOurs {
    const NAME: &str = "only-ours";
    const SCOPE: Scope = Scope::Name;

    fn open(config: &ConfigFile, _host: Host) -> Result<Self, OpenError> {
        Ok(Self(config.text()?.lines().map(str::to_owned).collect()))
    }

    fn process(&self, request: &Request<'_>) -> Verdict {
        match &request.image().registry {
            Some(registry) if self.0.contains(registry) => Verdict::allow(),
            other => Verdict::deny(format!("{} is not ours", other.as_deref().unwrap_or("an id"))),
        }
    }
}

export!(OnlyOurs);
