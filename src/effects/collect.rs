//! What an endpoint's translation into effects needs everywhere: collecting them, and saying why a
//! value can't be one.

use std::fmt;
use std::sync::Arc;

use crate::docker::json::{self, JsonError, Node, Object};
use crate::docker::schema::Struct;
use crate::policy::effects::{
    AnyPath, Effect, EnvironmentEffect, FieldPath, IdentityEffect, MountEffect, NetworkEffect,
    ReadingEffect, RequestedEffect, RuntimeEffect,
};
use crate::policy::principals::GroupSpec;
use crate::policy::shown::Shown;
use crate::policy::types::{EnvironmentEntry, HostPath, ValueError};

/// A body that is refused before any rule is asked: the daemon would refuse it too, or nobody can
/// say what it would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// It could not be read.
    Json(JsonError),
    /// A value has no meaning.
    Value {
        /// Where it stands.
        at: FieldPath,
        /// Why, in lower case.
        reason: String,
    },
}

impl std::error::Error for BodyError {}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Value { at, reason } => write!(f, "{at}: {reason}"),
        }
    }
}

impl From<JsonError> for BodyError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

const ENDPOINT_SYSCTLS: &str = "com.docker.network.endpoint.sysctls";
const BODY: FieldPath = FieldPath::Field("the body");

/// The variable that the daemon sets to `Hostname`.
pub(super) const HOSTNAME: &str = "HOSTNAME";

/// A name up to where a client has put a value into it, which may be a secret.
pub(super) fn name_alone(name: &str) -> &str {
    name.split('=').next().unwrap_or_default()
}

/// The effects of a request, in the order in which they are found.
#[derive(Debug)]
pub(super) struct Effects {
    asked: Vec<RequestedEffect>,
}

/// Most requests have no more effects.
const USUAL_EFFECTS: usize = 16;

impl Default for Effects {
    fn default() -> Self {
        Self { asked: Vec::with_capacity(USUAL_EFFECTS) }
    }
}

impl Effects {
    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn push(&mut self, effect: impl Into<Effect>, at: FieldPath) {
        self.asked.push(RequestedEffect { effect: effect.into(), at });
    }

    /// Reads a body by its table; what is no field of it is an effect that nobody knows.
    pub(super) fn fields(
        &mut self,
        body: &[u8],
        table: &'static Struct,
    ) -> Result<Object, BodyError> {
        let (fields, unknown) = json::read_closed(body, table)?;
        for path in unknown.paths() {
            self.push(ReadingEffect::Unknown(format!("field {}", Shown(name_alone(&path)))), BODY);
        }
        Ok(fields)
    }

    /// Adds what `parsed` makes of a value, or refuses the body.
    pub(super) fn push_parsed<T, E: Into<Effect>>(
        &mut self,
        parsed: Result<T, impl fmt::Display>,
        effect: impl FnOnce(T) -> E,
        at: FieldPath,
    ) -> Result<(), BodyError> {
        match parsed {
            Ok(value) => {
                self.push(effect(value), at);
                Ok(())
            }
            Err(error) => Err(BodyError::Value { at, reason: error.to_string() }),
        }
    }

    /// Adds a path of the host. One that is relative to the daemon's working directory, which nobody
    /// outside knows, could be any.
    pub(super) fn push_path(&mut self, path: &str, at: FieldPath) -> Result<(), BodyError> {
        if !path.starts_with('/') {
            self.push_any(AnyPath::Relative(path.to_owned()), at);
            return Ok(());
        }
        self.push_parsed(HostPath::parse(path), MountEffect::HostPath, at)
    }

    /// Adds what may give any path of the host.
    pub(super) fn push_any(&mut self, any: AnyPath, at: FieldPath) {
        self.push(MountEffect::AnyPath(any), at);
    }

    /// Adds a volume by its name; one without a name is new, and has nothing of before.
    pub(super) fn push_volume(&mut self, name: &str, at: FieldPath) {
        if !name.is_empty() {
            self.push(MountEffect::Volume(name.to_owned()), at);
        }
    }

    /// Adds the variables in `Env`.
    pub(super) fn push_environment(&mut self, fields: &Object) -> Result<(), BodyError> {
        self.asked.reserve(fields.list("Env").len());
        // One text for all: there may be thousands.
        let entries = || texts(fields, "Env").map(|(_, entry)| entry);
        let mut all = String::with_capacity(entries().map(str::len).sum());
        all.extend(entries());
        let all = Arc::new(all);
        let mut start = 0;
        texts(fields, "Env").try_for_each(|(at, entry)| {
            let end = start + entry.len();
            let parsed = EnvironmentEntry::parse_within(&all, start..end);
            start = end;
            self.push_parsed(parsed, EnvironmentEffect::Set, FieldPath::Element("Env", at))
        })
    }

    /// Adds the groups in a list; no group has an empty name.
    pub(super) fn push_groups(&mut self, object: &Object, list: &str, at: &'static str) {
        for (index, group) in texts(object, list).filter(|(_, group)| !group.is_empty()) {
            let group = Effect::Identity(IdentityEffect::Group(GroupSpec::parse(group)));
            self.push(group, FieldPath::Element(at, index));
        }
    }

    /// Adds the variable `TERM`, which the daemon sets in whatever has a terminal.
    pub(super) fn push_term(&mut self, fields: &Object, at: FieldPath) {
        self.push_default(fields, "TERM", Some("xterm".to_owned()), at);
    }

    /// Adds a variable that the daemon sets of its own accord, unless `Env` says something of it.
    pub(super) fn push_default(
        &mut self,
        fields: &Object,
        name: &'static str,
        value: Option<String>,
        at: FieldPath,
    ) {
        let is_it = |entry: &str| entry.split('=').next() == Some(name);
        if !texts(fields, "Env").any(|(_, entry)| is_it(entry)) {
            self.push(EnvironmentEffect::Default { name, value }, at);
        }
    }

    /// Adds the kernel parameters in the `DriverOpts` of an endpoint, which 29 sets in the
    /// container: `net.ipv4.conf.IFNAME.forwarding=1,…`.
    pub(super) fn push_endpoint_sysctls(&mut self, at: &'static str, endpoint: &Object) {
        let options = endpoint.object("DriverOpts");
        let sysctls = options.and_then(|options| options.text(ENDPOINT_SYSCTLS));
        for sysctl in sysctls.into_iter().flat_map(|sysctls| sysctls.split(',')) {
            let name = sysctl.split('=').next().unwrap_or_default().trim();
            let place = FieldPath::Entry(at, ENDPOINT_SYSCTLS.to_owned());
            self.push(RuntimeEffect::Sysctl(name.replace('/', ".")), place);
        }
    }

    /// Adds a network of this daemon's, if it may be that of the host by its identifier. On 20.10 a
    /// container that joins it so gets an empty one of its own; nobody has to rely on that.
    pub(super) fn push_network(&mut self, name: &str, at: FieldPath) {
        if !name.is_empty() && may_be_network_id(name) {
            self.push(NetworkEffect::Joined(name.to_owned()), at);
        }
    }

    pub(super) fn into_asked(self) -> Vec<RequestedEffect> {
        self.asked
    }
}

/// Characters of an identifier of a network on one daemon: digits of base 16.
const NETWORK_ID_LENGTH: usize = 64;

/// Whether the daemon may take `name` for a network's identifier: any first part of one counts (seen
/// on 20.10: three characters were enough), if no network has that name.
pub(super) fn may_be_network_id(name: &str) -> bool {
    name.len() <= NETWORK_ID_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A path of the host. One that is relative to the daemon's working directory, which nobody outside
/// knows, could be any: it counts as `/`, the ancestor of all.
pub(super) fn host_path(path: &str) -> Result<HostPath, ValueError> {
    if path.starts_with('/') { HostPath::parse(path) } else { Ok(HostPath::root()) }
}

/// The strings of a list with their positions. `null` is the empty string, as it is to the daemon.
pub(super) fn texts<'a>(
    object: &'a Object,
    name: &str,
) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
    object.list(name).iter().map(|node| node.as_text().unwrap_or_default()).enumerate()
}

/// The objects of a list with their positions; `null` has no fields.
pub(super) fn objects<'a>(
    object: &'a Object,
    name: &str,
) -> impl Iterator<Item = (usize, &'a Object)> + use<'a> {
    object
        .list(name)
        .iter()
        .map(Node::as_object)
        .enumerate()
        .filter_map(|(at, object)| object.map(|object| (at, object)))
}
