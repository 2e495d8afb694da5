//! The plugin's `config.yml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secdocker_plugin_common::client::{self, BaseUrl, Client, Trust};
use secdocker_plugin_common::config::{self, Choice, LimitKeys, Seconds, number_or_text};
use secdocker_plugin_common::limits::Count;
use secdocker_plugin_common::scan::{Otherwise, TTL_SECONDS};
use secdocker_plugin_common::{Limits, Secret, Severity, local};
use serde::Deserialize;

use crate::adapter::Adapter;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "keys with values")]
struct Keys {
    url: BaseUrl,
    username: Option<Secret>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    token: Option<Secret>,
    token_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    insecure_tls: bool,
    #[serde(default)]
    registries: BTreeMap<String, RegistryKeys>,
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
    on_absent: Option<Choice>,
    on_error: Option<Choice>,
    on_pending: Option<Choice>,
    cache_ttl_s: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "keys with values")]
struct RegistryKeys {
    url: Option<BaseUrl>,
    username: Option<Secret>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
}

/// How the scanner reaches a registry.
#[derive(Debug, Default)]
pub struct Registry {
    /// Where it is, seen from the scanner; `https` and the registry's name if not given.
    pub url: Option<String>,
    /// What the scanner sends as `Authorization`.
    pub authorization: Option<Secret>,
}

/// The configuration, checked.
#[derive(Debug)]
pub struct Settings {
    /// Who is asked.
    pub adapter: Adapter,
    /// By host and port, as those in names are compared.
    pub registries: BTreeMap<String, Registry>,
    /// How many vulnerabilities are too many.
    pub limits: Limits,
    /// How long one image may take, if less than SecDocker waits.
    pub timeout: Option<Duration>,
    /// What happens to an image that the daemon doesn't have yet.
    pub on_absent: Choice,
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
        Ok(Self {
            adapter: adapter(&keys, folder)?,
            registries: registries(&keys.registries, folder)?,
            timeout: keys.timeout_s.map(|Seconds(time)| time),
            on_absent: keys.on_absent.unwrap_or(Choice::Allow),
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

fn adapter(keys: &Keys, folder: &Path) -> Result<Adapter, String> {
    let ca_file = keys.ca_file.as_ref().map(|file| folder.join(file));
    let trust = Trust { ca_file: ca_file.as_deref(), insecure: keys.insecure_tls };
    let file = keys.password_file.as_deref();
    let basic = basic(&keys.username, &keys.password, file, folder)?;
    let token = config::secret("token", keys.token.clone(), keys.token_file.as_deref(), folder)?;
    let authorization = match (basic, token) {
        (Some(_), Some(_)) => return Err("both a password and a token are given".to_owned()),
        (basic, token) => basic.or(token.map(|token| client::bearer(&token))),
    };
    let base = keys.url.as_str().to_owned();
    Ok(Adapter::new(Client::new(&trust)?, base, authorization))
}

fn registries(
    configured: &BTreeMap<String, RegistryKeys>,
    folder: &Path,
) -> Result<BTreeMap<String, Registry>, String> {
    let mut all = BTreeMap::new();
    for (host, keys) in configured {
        let at = |error: String| format!("registries: {host}: {error}");
        let name = local::registry(host).map_err(at)?;
        if all.insert(name, registry(keys, folder).map_err(at)?).is_some() {
            return Err(at("is listed twice, under another name".to_owned()));
        }
    }
    Ok(all)
}

fn registry(keys: &RegistryKeys, folder: &Path) -> Result<Registry, String> {
    let url = keys.url.as_ref().map(|url| url.as_str().to_owned());
    let file = keys.password_file.as_deref();
    let authorization = basic(&keys.username, &keys.password, file, folder)?;
    Ok(Registry { url, authorization })
}

fn basic(
    username: &Option<Secret>,
    password: &Option<Secret>,
    file: Option<&Path>,
    folder: &Path,
) -> Result<Option<Secret>, String> {
    match (username, config::secret("password", password.clone(), file, folder)?) {
        (Some(username), Some(password)) => Ok(Some(client::basic(username.reveal(), &password))),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => {
            Err("username and password belong together".to_owned())
        }
    }
}
