//! `config.yml` as serde sees it: known keys and right shapes, every value still text.
//!
//! The Go tool's files hold numbers where it wants strings and the other way round, and sections
//! without a value, so a value here is the scalar as it was written: `22`, `"22"`, `0.25`, `1g`.

mod values;

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use self::values::ListVisitor;
pub(super) use self::values::{List, Names, Text};

/// A list of what is forbidden, or keys: `deny`, the same list, and `allow`, a list beyond which
/// everything is forbidden.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    pub(super) deny: List,
    pub(super) allow: Option<List>,
    /// Whether the lists stand behind keys.
    pub(super) is_keyed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyed {
    #[serde(default)]
    deny: List,
    /// One without a value allows nothing: it is there.
    #[serde(default, deserialize_with = "present")]
    allow: Option<List>,
}

impl<'de> Deserialize<'de> for Lists {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListsVisitor)
    }
}

struct ListsVisitor;

impl<'de> Visitor<'de> for ListsVisitor {
    type Value = Lists;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or the keys `allow` and `deny` with lists")
    }

    fn visit_unit<E: Error>(self) -> Result<Lists, E> {
        Ok(Lists::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Lists, A::Error> {
        let deny = ListVisitor.visit_seq(elements)?;
        Ok(Lists { deny, ..Lists::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, keys: A) -> Result<Lists, A::Error> {
        let Keyed { deny, allow } = Keyed::deserialize(MapAccessDeserializer::new(keys))?;
        Ok(Lists { deny, allow, is_keyed: true })
    }
}

/// What is done about builds, or keys: `mode`, the same, and `cgroup`, where their steps run.
#[derive(Debug, Clone, Default)]
pub(super) struct Builds {
    pub(super) mode: Option<Text>,
    pub(super) cgroup: Option<Text>,
    /// Whether the mode stands behind a key.
    pub(super) is_keyed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyedBuilds {
    #[serde(default)]
    mode: Option<Text>,
    #[serde(default)]
    cgroup: Option<Text>,
}

impl<'de> Deserialize<'de> for Builds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BuildsVisitor)
    }
}

struct BuildsVisitor;

impl<'de> Visitor<'de> for BuildsVisitor {
    type Value = Builds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value, or the keys `mode` and `cgroup`")
    }

    fn visit_unit<E: Error>(self) -> Result<Builds, E> {
        Ok(Builds::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Builds, E> {
        Ok(Builds { mode: Some(Text(text.to_owned())), ..Builds::default() })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Builds, E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Builds, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, keys: A) -> Result<Builds, A::Error> {
        let KeyedBuilds { mode, cgroup } =
            KeyedBuilds::deserialize(MapAccessDeserializer::new(keys))?;
        Ok(Builds { mode, cgroup, is_keyed: true })
    }
}

/// Plugins, by their names or with settings.
#[derive(Debug, Default)]
pub(super) struct PluginList(pub(super) Vec<PluginEntry>);

impl<'de> Deserialize<'de> for PluginList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

/// One plugin: its name alone, or keys.
#[derive(Debug)]
pub(super) struct PluginEntry(pub(super) PluginKeys);

/// All there may be to say of a plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct PluginKeys {
    pub(super) name: Option<Text>,
    pub(super) path: Option<Text>,
    pub(super) timeout: Option<Text>,
    pub(super) on_error: Option<Text>,
    pub(super) on_timeout: Option<Text>,
    pub(super) cache: Option<PluginCache>,
    pub(super) concurrency: Option<Text>,
    pub(super) when: Option<List>,
}

/// What is kept of a plugin's verdicts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct PluginCache {
    pub(super) entries: Option<Text>,
    pub(super) life: Option<Text>,
}

impl<'de> Deserialize<'de> for PluginEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PluginEntryVisitor)
    }
}

struct PluginEntryVisitor;

impl<'de> Visitor<'de> for PluginEntryVisitor {
    type Value = PluginEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plugin's name, or keys with values")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<PluginEntry, E> {
        let name = Some(Text(name.to_owned()));
        Ok(PluginEntry(PluginKeys { name, ..PluginKeys::default() }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PluginEntry, A::Error> {
        PluginKeys::deserialize(MapAccessDeserializer::new(map)).map(PluginEntry)
    }
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct File {
    pub(super) plugins: PluginList,
    pub(super) plugin_threads: Option<Text>,
    pub(super) dockerapi: Option<Text>,
    pub(super) restrictions: Option<Restrictions>,
    pub(super) general: Option<General>,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) listen: Option<Listen>,
    pub(super) upstream: Option<Upstream>,
    pub(super) limits: Option<Limits>,
    pub(super) log: Option<Log>,
    pub(super) metrics: Option<Metrics>,
    pub(super) upstream_mark: Option<Text>,
    pub(super) user: Option<Text>,
    pub(super) group: Option<Text>,
    pub(super) sandbox: Option<Text>,
    pub(super) strict: Option<Text>,
    pub(super) exceptions: Exceptions,
    pub(super) clients: Clients,
}

/// Entries for clients; none if the key has no value.
#[derive(Debug, Default)]
pub(super) struct Clients(pub(super) Vec<ClientKeys>);

impl<'de> Deserialize<'de> for Clients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

/// Who is meant, and what holds for them; or, behind all others, what becomes of the rest.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct ClientKeys {
    pub(super) name: Option<Text>,
    #[serde(rename = "match")]
    pub(super) wanted: Option<MatchKeys>,
    pub(super) inherit: Option<Text>,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) restrictions: Option<Restrictions>,
    pub(super) general: Option<General>,
    pub(super) limits: Option<ClientLimits>,
    pub(super) strict: Option<Text>,
    pub(super) exceptions: Exceptions,
    pub(super) default: Option<Text>,
}

/// What a client must be.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct MatchKeys {
    pub(super) network: Option<Names>,
    pub(super) certificate: Option<CertificateKeys>,
    pub(super) user: Option<Names>,
    pub(super) uid: Option<Names>,
    pub(super) group: Option<Names>,
    pub(super) gid: Option<Names>,
    pub(super) cgroup: Option<Names>,
    pub(super) container: Option<ContainerKeys>,
}

/// What a client's certificate must say.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct CertificateKeys {
    pub(super) name: Option<Names>,
    pub(super) cn: Option<Names>,
    pub(super) dns: Option<Names>,
    pub(super) email: Option<Names>,
    pub(super) uri: Option<Names>,
    pub(super) issuer: Option<Names>,
    pub(super) fingerprint: Option<Names>,
}

/// Which container a client must be.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct ContainerKeys {
    pub(super) name: Option<Names>,
    pub(super) label: Option<Names>,
    pub(super) image: Option<Names>,
}

/// What the clients of one entry may have and do.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct ClientLimits {
    pub(super) connections: Option<Text>,
    pub(super) requests_per_second: Option<Text>,
    pub(super) creates_per_minute: Option<Text>,
    pub(super) containers: Option<Text>,
}

/// Exceptions; none if the key has no value.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceptions(pub(super) Vec<ExceptionKeys>);

impl<'de> Deserialize<'de> for Exceptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

/// What an exception is for, what it lifts, and why.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct ExceptionKeys {
    pub(super) image: Option<Text>,
    pub(super) reason: Option<Text>,
    pub(super) until: Option<Text>,
    pub(super) privileged: Option<Text>,
    pub(super) capabilities: List,
    pub(super) devices: List,
    pub(super) mounts: List,
    pub(super) namespaces: List,
    pub(super) users: List,
    pub(super) groups: List,
    pub(super) ports: List,
    pub(super) securitypolicies: List,
    pub(super) sysctls: List,
    pub(super) runtimes: List,
    pub(super) cgroupparent: List,
    pub(super) volumedrivers: List,
}

/// What is forbidden.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct Restrictions {
    pub(super) ports: List,
    pub(super) mounts: Lists,
    pub(super) users: List,
    pub(super) groups: List,
    pub(super) environment: List,
    pub(super) securitypolicies: List,
    pub(super) images: Lists,
    pub(super) privileged: Option<Text>,
    pub(super) capabilities: List,
    pub(super) devices: List,
    pub(super) namespaces: List,
    pub(super) runtimes: List,
    pub(super) volumesfrom: List,
    pub(super) volumedrivers: Lists,
    pub(super) sysctls: List,
    pub(super) cgroupparent: List,
    pub(super) subnets: Lists,
    pub(super) builds: Builds,
}

/// What is forced.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct General {
    pub(super) secopts: List,
    pub(super) capdrop: List,
    pub(super) capadd: List,
    pub(super) memory: Option<Text>,
    pub(super) cpu: Option<Text>,
    pub(super) environment: List,
    pub(super) user: Option<Text>,
}

/// Which endpoints may be called.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct Endpoints {
    pub(super) default: Option<Text>,
    #[serde(deserialize_with = "present")]
    pub(super) preset: Option<Names>,
    /// A list without a value is one that allows nothing, and not the same as no list.
    #[serde(deserialize_with = "present")]
    pub(super) allow: Option<List>,
    pub(super) deny: List,
}

/// A key that is there, with or without a value.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    reader: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

/// Where clients are awaited.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct Listen {
    pub(super) tcp: Option<Text>,
    pub(super) unix: Option<Text>,
    pub(super) unix_mode: Option<Text>,
    pub(super) loops: Option<Text>,
    pub(super) allow_plain: Option<Text>,
    pub(super) transparent: Option<Text>,
    pub(super) tls: Option<ListenTls>,
}

/// How clients are spoken to that speak TLS.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct ListenTls {
    pub(super) certificate: Option<Text>,
    pub(super) key: Option<Text>,
    pub(super) clients: Option<Text>,
    pub(super) client_certificates: Option<Text>,
    pub(super) plain: Option<Text>,
}

/// How daemons are spoken to.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct Upstream {
    pub(super) tls: Option<UpstreamTls>,
}

/// How daemons are spoken to that speak TLS.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct UpstreamTls {
    pub(super) ca: Option<Text>,
    pub(super) certificate: Option<Text>,
    pub(super) key: Option<Text>,
    pub(super) server_name: Option<Text>,
}

/// The bounds of everything that a client can make grow.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct Limits {
    pub(super) head: Option<Text>,
    pub(super) body: Option<Text>,
    pub(super) bodies: Option<Text>,
    pub(super) buffer: Option<Text>,
    pub(super) connections: Option<Text>,
    pub(super) connections_per_client: Option<Text>,
    pub(super) handshake_time: Option<Text>,
    pub(super) head_time: Option<Text>,
    pub(super) body_time: Option<Text>,
    pub(super) body_idle_time: Option<Text>,
    pub(super) body_rate: Option<Text>,
    pub(super) connect_time: Option<Text>,
    pub(super) linger_time: Option<Text>,
    pub(super) shutdown_time: Option<Text>,
    pub(super) drain_time: Option<Text>,
}

/// Where the log goes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct Log {
    pub(super) file: Option<Text>,
    pub(super) format: Option<Text>,
    pub(super) level: Option<Text>,
}

/// Where what is counted is told.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys with values")]
pub(super) struct Metrics {
    pub(super) listen: Option<Text>,
    pub(super) unix_mode: Option<Text>,
    pub(super) tls: Option<ListenTls>,
}
