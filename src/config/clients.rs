//! The list `clients`: who is meant by each entry, and what holds for them.

mod wanted;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use super::checker::Checker;
use super::error::At;
use super::host::Host;
use super::inherit::{Inherit, both};
use super::rules::{self, Sections};
use super::schema::{ClientKeys, ClientLimits, File, Text};
use super::units;
use crate::client::{self, Limits, Match};
use crate::policy::Policy;
use crate::policy::endpoints::EndpointRules;
use crate::policy::way_out::WayOut;

/// The most entries: each connection may be compared with all of them.
const ENTRIES_MAX: usize = 256;

/// Who is told apart, and what becomes of the rest.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    /// In their order: the first that fits a connection counts.
    pub list: Vec<ClientSettings>,
    /// What becomes of a client that none of them fits.
    pub rest: Rest,
}

/// What becomes of a client that no entry fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rest {
    /// The top level holds for it.
    #[default]
    TopLevel,
    /// Whatever it asks for is refused.
    Refused,
}

/// One entry.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// What it is called; no other is called so.
    pub name: Arc<String>,
    /// Who is meant.
    pub wanted: Match,
    /// Whether the rules of the top level hold, too.
    pub inherits: bool,
    /// What is forbidden and what is forced: all of it.
    pub policy: Arc<Policy>,
    /// What they may have and do, all of them together.
    pub limits: Limits,
}

/// What holds above the list.
pub(super) struct Above<'p> {
    /// The policy of the top level.
    pub(super) policy: &'p Policy,
    /// What leads past every policy.
    pub(super) way_out: &'p WayOut,
    /// What may be called, where variables of the environment say it: the file does not.
    pub(super) of_variables: Option<&'p EndpointRules>,
}

/// Reads the list.
pub(super) fn clients(
    checker: &mut Checker<'_>,
    file: &File,
    folder: &Path,
    above: &Above<'_>,
) -> Clients {
    let entries = &file.clients.0;
    let at = At::top("clients");
    if entries.len() > ENTRIES_MAX {
        checker.refuse(at, &format_args!("more than {ENTRIES_MAX} entries"));
        return Clients::default();
    }
    let mut clients = Clients::default();
    let host = if entries.is_empty() { Host::default() } else { Host::read() };
    for (index, keys) in entries.iter().enumerate() {
        if keys.default.is_some() {
            let is_last = index + 1 == entries.len();
            clients.rest = rest(checker, at.item(index), keys, is_last);
            continue;
        }
        let mut reader = Reader { checker: &mut *checker, host: &host, index };
        if let Some(mut entry) = reader.entry(keys, file, folder) {
            reader.inherit_variables(&mut entry, keys, above);
            if clients.list.iter().any(|known| known.name == entry.name) {
                reader.refuse("name", &format_args!("two entries are called `{}`", entry.name));
            }
            let others = clients.list.iter().map(|client| &*client.policy).chain([above.policy]);
            if let Some(group) = shared_build_group(&entry.policy, others) {
                let reason = format_args!(
                    "builds run in control group `{group}` with other limits elsewhere: name one of \
                     its own"
                );
                reader.refuse("restrictions", &reason);
            }
            if let Some(policy) = Arc::get_mut(&mut entry.policy) {
                policy.way_out = above.way_out.clone();
            }
            clients.list.push(entry);
        }
    }
    if clients.counts_containers() {
        for client in &mut clients.list {
            let owner = client.limits.containers.map(|_| client.name.to_string());
            if let Some(policy) = Arc::get_mut(&mut client.policy) {
                policy.ceilings.owner = Some(owner.unwrap_or_default());
            }
        }
    }
    clients
}

impl Clients {
    /// Whether the containers of any entry are counted.
    #[must_use]
    pub fn counts_containers(&self) -> bool {
        self.list.iter().any(|client| client.limits.containers.is_some())
    }
}

/// The control group in which builds run under limits that are not those of the same one elsewhere: the
/// kernel has one of each.
fn shared_build_group<'p>(
    policy: &'p Policy,
    mut others: impl Iterator<Item = &'p Policy>,
) -> Option<&'p str> {
    let group = policy.build_group.as_ref()?;
    let limits = |policy: &Policy| (policy.ceilings.memory, policy.ceilings.cpu);
    let differs = |other: &Policy| {
        other.build_group.as_ref().is_some_and(|it| it.as_str() == group.as_str())
            && limits(other) != limits(policy)
    };
    others.any(differs).then(|| group.as_str())
}

fn rest(checker: &mut Checker<'_>, at: At, keys: &ClientKeys, is_last: bool) -> Rest {
    let ClientKeys {
        name,
        wanted,
        inherit,
        endpoints,
        restrictions,
        general,
        limits,
        strict,
        exceptions,
        default,
    } = keys;
    let says_more = name.is_some()
        || wanted.is_some()
        || inherit.is_some()
        || endpoints.is_some()
        || restrictions.is_some()
        || general.is_some()
        || limits.is_some()
        || strict.is_some()
        || !exceptions.0.is_empty();
    let at_default = at.beyond(&["default"]);
    if says_more || !is_last {
        checker.refuse(at_default, &"it stands alone, as the last element of the list");
    }
    match default.as_deref() {
        Some("refuse") => Rest::Refused,
        other => {
            let other = other.unwrap_or_default().escape_debug();
            let reason = format_args!(
                "`{other}` is not refuse; without `default` the top level holds for all others"
            );
            checker.refuse(at_default, &reason);
            Rest::Refused
        }
    }
}

/// Reads one entry.
struct Reader<'c, 't, 'h> {
    checker: &'c mut Checker<'t>,
    host: &'h Host,
    index: usize,
}

impl Reader<'_, '_, '_> {
    fn entry(&mut self, keys: &ClientKeys, file: &File, folder: &Path) -> Option<ClientSettings> {
        self.checker.begin_client(self.index);
        let entry = self.read(keys, file, folder);
        self.checker.end_client();
        entry
    }

    fn read(&mut self, keys: &ClientKeys, file: &File, folder: &Path) -> Option<ClientSettings> {
        let name = self.name(keys.name.as_ref());
        let wanted = match &keys.wanted {
            Some(keys) => wanted::wanted(self.checker, self.host, keys),
            None => {
                self.whole(&"`match` is missing: which clients are meant?");
                None
            }
        };
        let limits = self.limits(keys.limits.as_ref());
        let inherits =
            self.checker.optional(At::top("inherit"), keys.inherit.as_ref(), units::parse_switch);
        let inherits = inherits.unwrap_or(false);
        let policy = self.policy(keys, file, folder, inherits);
        Some(ClientSettings {
            name: name?,
            wanted: wanted?,
            inherits,
            policy: policy.into(),
            limits,
        })
    }

    /// An entry that inherits has what variables say from above, like all else.
    fn inherit_variables(
        &mut self,
        entry: &mut ClientSettings,
        keys: &ClientKeys,
        above: &Above<'_>,
    ) {
        let Some(endpoints) = above.of_variables.filter(|_| entry.inherits) else { return };
        if keys.endpoints.is_some() {
            let reason = "the variables of the environment say what may be called, and the entry inherits it: \
                          leave out one of the two";
            self.refuse("endpoints", &reason);
        }
        if let Some(policy) = Arc::get_mut(&mut entry.policy) {
            policy.endpoints = endpoints.clone();
        }
    }

    fn name(&mut self, text: Option<&Text>) -> Option<Arc<String>> {
        match text {
            Some(name) if client::is_name(name) => Some(Arc::new(name.to_string())),
            Some(name) => {
                let name = name.escape_debug();
                let reason = format_args!(
                    "`{name}` is not a name: letters, digits, `.`, `_` and `-`, at most 63"
                );
                self.checker.refuse(At::top("name"), &reason);
                None
            }
            None => {
                self.whole(&"`name` is missing: what is it called?");
                None
            }
        }
    }

    /// The rules of the entry, read for themselves first, so that what is wrong is said once and where it
    /// stands.
    fn policy(&mut self, keys: &ClientKeys, file: &File, folder: &Path, inherits: bool) -> Policy {
        let own = Sections {
            restrictions: keys.restrictions.as_ref(),
            general: keys.general.as_ref(),
            endpoints: keys.endpoints.as_ref(),
            strict: keys.strict.as_ref(),
            exceptions: &keys.exceptions.0,
        };
        let before = self.checker.mistakes();
        let policy = rules::policy(self.checker, &own, folder);
        if !inherits || self.checker.mistakes() > before {
            return policy;
        }
        let restrictions = both(&keys.restrictions, &file.restrictions);
        let general = both(&keys.general, &file.general);
        let endpoints = both(&keys.endpoints, &file.endpoints);
        let strict = keys.strict.added_to(&file.strict);
        let together = Sections {
            restrictions: restrictions.as_ref(),
            general: general.as_ref(),
            endpoints: endpoints.as_ref(),
            strict: strict.as_ref(),
            exceptions: &keys.exceptions.added_to(&file.exceptions).0,
        };
        self.checker
            .read_together(At::top("inherit"), |checker| rules::policy(checker, &together, folder))
    }

    fn limits(&mut self, section: Option<&ClientLimits>) -> Limits {
        let absent = ClientLimits::default();
        let ClientLimits { connections, requests_per_second, creates_per_minute, containers } =
            section.unwrap_or(&absent);
        let mut read = |key, text: &Option<Text>| {
            self.checker.optional(At::key("limits", key), text.as_ref(), parse_limit)
        };
        Limits {
            connections: read("connections", connections),
            requests_per_second: read("requests_per_second", requests_per_second),
            creates_per_minute: read("creates_per_minute", creates_per_minute),
            containers: read("containers", containers),
        }
    }

    fn refuse(&mut self, key: &'static str, reason: &dyn std::fmt::Display) {
        self.checker.begin_client(self.index);
        self.checker.refuse(At::top(key), reason);
        self.checker.end_client();
    }

    /// What is wrong with the entry as a whole.
    fn whole(&mut self, reason: &dyn std::fmt::Display) {
        self.checker.end_client();
        self.checker.refuse(At::top("clients").item(self.index), reason);
        self.checker.begin_client(self.index);
    }
}

fn parse_limit(text: &str) -> Result<NonZeroU32, String> {
    let count = units::parse_count(text).map_err(|error| error.to_string())?;
    let count = u32::try_from(count).ok().and_then(NonZeroU32::new);
    count.ok_or_else(|| "it is not above zero".to_owned())
}

/// The number of a user of this host, by its name or number.
#[must_use]
pub fn uid(text: &str) -> Option<u32> {
    text.parse().ok().or_else(|| Host::read().uid(text))
}
