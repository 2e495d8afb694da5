//! The plugin's `config.yml`. The Go tool's key (`scriptpath`) means what it meant there, but for the codes
//! that its script is not expected to end with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secdocker_plugin_common::Secret;
use secdocker_plugin_common::client::{self, Trust};
use secdocker_plugin_common::config::{self, Choice, Seconds};
use secdocker_plugin_common::local;
use serde::Deserialize;

use crate::decide::{Choices, OnId};
use crate::registry::{self, Access, Registries};
use crate::script::Script;

/// Who asks the registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Asks {
    #[default]
    Daemon,
    Registry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "keys with values")]
struct Keys {
    scriptpath: Option<PathBuf>,
    remote: Option<Asks>,
    #[serde(default)]
    registries: BTreeMap<String, RegistryKeys>,
    on_absent: Option<Choice>,
    on_local_only: Option<Choice>,
    on_id: Option<OnId>,
    same_config: Option<bool>,
    on_error: Option<Choice>,
    timeout_s: Option<Seconds>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "keys with values")]
struct RegistryKeys {
    username: Option<Secret>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    insecure: Option<bool>,
    #[serde(default)]
    realms: Vec<String>,
}

/// How the comparison is made.
#[derive(Debug)]
pub enum Way {
    /// By a script.
    Script(Script),
    /// The daemon asks the registry.
    Daemon,
    /// The plugin asks the registry.
    Registry(Registries),
}

/// The configuration, checked.
#[derive(Debug)]
pub struct Settings {
    /// How the comparison is made.
    pub way: Way,
    /// What follows from it.
    pub choices: Choices,
    /// How long one image may take, if less than SecDocker waits.
    pub timeout: Option<Duration>,
}

impl Settings {
    /// Reads `config.yml`, in which relative paths begin at `folder`.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let keys: Keys = config::parse(text)?;
        Ok(Self {
            choices: Choices {
                on_absent: keys.on_absent.unwrap_or(Choice::Allow),
                on_local_only: keys.on_local_only.unwrap_or(Choice::Deny),
                on_id: keys.on_id.unwrap_or_default(),
                same_config: keys.same_config.unwrap_or(true),
                on_error: keys.on_error,
            },
            timeout: keys.timeout_s.map(|Seconds(time)| time),
            way: way(keys, folder)?,
        })
    }
}

/// A setting that the chosen way doesn't look at would be believed to hold.
fn way(keys: Keys, folder: &Path) -> Result<Way, String> {
    let wrong = |key: &str, way: &str| Err(format!("{key} has no effect with {way}"));
    let asks = keys.remote.unwrap_or_default();
    if let Some(path) = keys.scriptpath {
        return match () {
            () if keys.remote.is_some() => wrong("remote", "scriptpath"),
            () if keys.on_local_only.is_some() => wrong("on_local_only", "scriptpath"),
            () if keys.on_id.is_some() => wrong("on_id", "scriptpath"),
            () if keys.same_config.is_some() => wrong("same_config", "scriptpath"),
            () if !keys.registries.is_empty() => wrong("registries", "scriptpath"),
            () => script(&folder.join(path), folder),
        };
    }
    match asks {
        Asks::Daemon if !keys.registries.is_empty() => wrong("registries", "remote: daemon"),
        Asks::Daemon if keys.same_config == Some(true) => wrong("same_config", "remote: daemon"),
        Asks::Daemon => Ok(Way::Daemon),
        Asks::Registry => registries(keys.registries, folder).map(Way::Registry),
    }
}

/// It is run with our rights, so nobody else may write it; one that is missing would fail each request.
fn script(path: &Path, folder: &Path) -> Result<Way, String> {
    config::checked("scriptpath", path)?;
    Ok(Way::Script(Script { path: path.to_owned(), folder: folder.to_owned() }))
}

fn registries(keys: BTreeMap<String, RegistryKeys>, folder: &Path) -> Result<Registries, String> {
    let mut all = BTreeMap::new();
    for (host, keys) in keys {
        let at = |error: String| format!("registries: {host}: {error}");
        let name = local::registry(&host).map_err(at)?;
        let access = access(&name, &keys, folder).map_err(at)?;
        if all.insert(name, access).is_some() {
            return Err(at("is listed twice, under another name".to_owned()));
        }
    }
    Registries::new(all)
}

fn access(host: &str, keys: &RegistryKeys, folder: &Path) -> Result<Access, String> {
    let file = keys.password_file.as_deref();
    let password = config::secret("password", keys.password.clone(), file, folder)?;
    let credentials = match (&keys.username, password) {
        (Some(username), Some(password)) => Some(client::basic(username.reveal(), &password)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err("username and password belong together".to_owned());
        }
    };
    let ca_file = keys.ca_file.as_ref().map(|file| folder.join(file));
    let insecure = keys.insecure.unwrap_or(ca_file.is_none() && registry::is_loopback(host));
    if insecure && ca_file.is_some() {
        return Err("ca_file has no effect with insecure: true".to_owned());
    }
    let trust = Trust { ca_file: ca_file.as_deref(), insecure };
    let mut access = Access::new(&trust)?;
    access.credentials = credentials;
    access.realms.clone_from(&keys.realms);
    Ok(access)
}
