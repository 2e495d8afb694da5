//! The plugin's `config.yml`. The Go tool's keys (`url`, `username`, `password`, `amountvulns`) mean what
//! they meant there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secdocker_plugin_common::client::{self, BaseUrl, Client, Trust};
use secdocker_plugin_common::config::{self, Choice, LimitKeys, Seconds, number_or_text};
use secdocker_plugin_common::limits::Count;
use secdocker_plugin_common::scan::{Otherwise, TTL_SECONDS};
use secdocker_plugin_common::{Limits, Secret, Severity};
use serde::Deserialize;

use crate::engine::{Api, Server};

/// What an image is judged by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The number of its vulnerabilities.
    #[default]
    Count,
    /// Anchore's own evaluation of its active policy.
    Policy,
    /// Both; either can refuse.
    Both,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "keys with values")]
struct Keys {
    url: BaseUrl,
    username: Option<Secret>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    account: Option<String>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    insecure_tls: bool,
    #[serde(default)]
    api: Api,
    #[serde(default)]
    mode: Mode,
    #[serde(default, deserialize_with = "number_or_text")]
    amountvulns: Option<u64>,
    severity: Option<Severity>,
    #[serde(default)]
    limits: BTreeMap<Severity, u64>,
    #[serde(default)]
    only_fixable: bool,
    #[serde(default)]
    count: Count,
    timeout_s: Option<Seconds>,
    on_error: Option<Choice>,
    on_pending: Option<Choice>,
    cache_ttl_s: Option<u64>,
}

/// The configuration, checked.
#[derive(Debug)]
pub struct Settings {
    /// Who is asked.
    pub server: Server,
    /// What an image is judged by.
    pub mode: Mode,
    /// How many vulnerabilities are too many.
    pub limits: Limits,
    /// How long one image may take, if less than SecDocker waits.
    pub timeout: Option<Duration>,
    /// What follows where no judgement was possible.
    pub otherwise: Otherwise,
    /// For how long a verdict may be kept.
    pub ttl: Duration,
}

impl Settings {
    /// Reads `config.yml`, in which relative paths begin at `folder`.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let keys: Keys = config::parse(text)?;
        check_mode(&keys)?;
        Ok(Self {
            server: server(&keys, folder)?,
            mode: keys.mode,
            timeout: keys.timeout_s.map(|Seconds(time)| time),
            otherwise: Otherwise {
                on_error: keys.on_error,
                on_pending: keys.on_pending.unwrap_or(Choice::Deny),
            },
            ttl: Duration::from_secs(keys.cache_ttl_s.unwrap_or(TTL_SECONDS)),
            limits: Limits::from(LimitKeys {
                all: keys.amountvulns,
                from: keys.severity,
                of_severity: keys.limits,
                only_fixable: keys.only_fixable,
                count: keys.count,
            }),
        })
    }
}

/// A limit that nothing is held against would be believed to hold.
fn check_mode(keys: &Keys) -> Result<(), String> {
    let limited = keys.severity.is_some() || !keys.limits.is_empty() || keys.only_fixable;
    match keys.mode {
        Mode::Policy if limited || keys.amountvulns.is_some() => {
            Err("mode: policy counts nothing; limits need mode: count or mode: both".to_owned())
        }
        Mode::Count | Mode::Policy | Mode::Both => Ok(()),
    }
}

fn server(keys: &Keys, folder: &Path) -> Result<Server, String> {
    let ca_file = keys.ca_file.as_ref().map(|file| folder.join(file));
    let trust = Trust { ca_file: ca_file.as_deref(), insecure: keys.insecure_tls };
    let file = keys.password_file.as_deref();
    let password = config::secret("password", keys.password.clone(), file, folder)?;
    let authorization = match (&keys.username, password) {
        (Some(username), Some(password)) => Some(client::basic(username.reveal(), &password)),
        (None, None) => None,
        (Some(_), None) => return Err("username is given without a password".to_owned()),
        (None, Some(_)) => return Err("password is given without a username".to_owned()),
    };
    let account = keys.account.clone();
    let base = keys.url.as_str().to_owned();
    Ok(Server::new(Client::new(&trust)?, base, keys.api, authorization, account))
}

#[cfg(test)]
mod tests;
