//! The list `clients`: who is meant by each entry, and what holds for them.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use super::error::At;
use super::inherit::{Inherit, both};
use super::rules::{self, Sections};
use super::schema::{
    CertificateKeys, ClientKeys, ClientLimits, ContainerKeys, File, MatchKeys, Names, Text,
};
use super::units;
use super::validate::Checker;
use crate::client::{
    self, CertificateMatch, ContainerMatch, Fingerprint, GroupMatch, ImagePattern, IssuerMatch,
    LabelMatch, Limits, Match, NamePattern, PathPattern, UserMatch,
};
use crate::policy::Policy;
use crate::policy::endpoints::EndpointRules;
use crate::policy::subnets::Subnet;
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
        let wanted = self.wanted(keys.wanted.as_ref());
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

    fn wanted(&mut self, keys: Option<&MatchKeys>) -> Option<Match> {
        let Some(keys) = keys else {
            self.whole(&"`match` is missing: which clients are meant?");
            return None;
        };
        let before = self.checker.mistakes();
        let MatchKeys { network, certificate, user, uid, group, gid, cgroup, container } = keys;
        let host = self.host;
        let a_user = |text: &str| UserMatch::parse(text, |name| host.uid(name));
        let a_group =
            |text: &str| GroupMatch::parse(text, |name| host.gid(name), |gid| host.members(gid));
        let mut users = self.list("user", user.as_ref(), a_user);
        users.extend(
            self.list("uid", uid.as_ref(), |text| a_number(text).and_then(|()| a_user(text))),
        );
        let mut groups = self.list("group", group.as_ref(), a_group);
        groups.extend(
            self.list("gid", gid.as_ref(), |text| a_number(text).and_then(|()| a_group(text))),
        );
        let wanted = Match {
            networks: self.list("network", network.as_ref(), parse_network),
            certificate: certificate.as_ref().map(|keys| self.certificate(keys)),
            users,
            groups,
            control_groups: self.list("cgroup", cgroup.as_ref(), PathPattern::parse),
            container: container.as_ref().map(|keys| self.container(keys)),
        };
        if wanted.is_empty() && self.checker.mistakes() == before {
            self.checker.refuse(
                At::top("match"),
                &"it matches nobody: it needs network, certificate, user, group, cgroup or container",
            );
        }
        (self.checker.mistakes() == before).then_some(wanted)
    }

    fn certificate(&mut self, keys: &CertificateKeys) -> CertificateMatch {
        let before = self.checker.mistakes();
        let CertificateKeys { name, cn, dns, email, uri, issuer, fingerprint } = keys;
        let mut read = |key, names: &Option<Names>| {
            self.inner_list("certificate", key, names.as_ref(), NamePattern::parse)
        };
        let wanted = CertificateMatch {
            names: read("name", name),
            common_names: read("cn", cn),
            dns: read("dns", dns),
            emails: read("email", email),
            uris: read("uri", uri),
            issuers: self.inner_list("certificate", "issuer", issuer.as_ref(), IssuerMatch::parse),
            fingerprints: self.inner_list(
                "certificate",
                "fingerprint",
                fingerprint.as_ref(),
                parse_fingerprint,
            ),
        };
        if wanted.is_empty() && self.checker.mistakes() == before {
            self.empty("certificate", "name, cn, dns, email, uri, issuer or fingerprint");
        }
        wanted
    }

    fn container(&mut self, keys: &ContainerKeys) -> ContainerMatch {
        let before = self.checker.mistakes();
        let ContainerKeys { name, label, image } = keys;
        let wanted = ContainerMatch {
            names: self.inner_list("container", "name", name.as_ref(), parse_container_name),
            labels: self.inner_list("container", "label", label.as_ref(), LabelMatch::parse),
            images: self.inner_list("container", "image", image.as_ref(), ImagePattern::parse),
        };
        if wanted == ContainerMatch::default() && self.checker.mistakes() == before {
            self.empty("container", "name, label or image");
        }
        wanted
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

    fn list<T>(
        &mut self,
        key: &'static str,
        names: Option<&Names>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.names(At::key("match", key), names, read)
    }

    fn inner_list<T>(
        &mut self,
        key: &'static str,
        inner: &'static str,
        names: Option<&Names>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.names(At::key("match", key).inner(inner), names, read)
    }

    /// A list that is there must have something in it: it would otherwise seem to say what it does not.
    fn names<T>(
        &mut self,
        at: At,
        names: Option<&Names>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        match names {
            None => Vec::new(),
            Some(Names::One(text)) => self.checker.value(at, read(text)).into_iter().collect(),
            Some(Names::Several(list)) if list.is_empty() => {
                self.checker.refuse(at, &"the list is empty: it would fit no client");
                Vec::new()
            }
            Some(Names::Several(list)) => self.checker.list(at, list, read),
        }
    }

    fn empty(&mut self, key: &'static str, keys: &str) {
        let reason = format_args!("it is empty: name one of {keys}");
        self.checker.refuse(At::key("match", key), &reason);
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

fn a_number(text: &str) -> Result<(), String> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(()),
        false => Err(format!("`{}` is not a number", text.escape_debug())),
    }
}

/// A subnet or an address; bits behind the prefix are a slip of the pen.
fn parse_network(text: &str) -> Result<Subnet, String> {
    let wrong = || {
        let text = text.escape_debug();
        format!("`{text}` is not a network such as 10.1.0.0/16, or an address")
    };
    let net = Subnet::parse(text).map_err(|_| wrong())?;
    let address = text.split('/').next().unwrap_or_default();
    let first = Subnet::parse(address).map_err(|_| wrong())?;
    match net.begins_at(first) {
        true => Ok(net),
        false => {
            let text = text.escape_debug();
            Err(format!("`{text}` has bits behind its prefix: {net} has it"))
        }
    }
}

fn parse_fingerprint(text: &str) -> Result<Fingerprint, String> {
    let wrong = || format!("`{}` is not a SHA-256 in 64 hexadecimal digits", text.escape_debug());
    Fingerprint::parse(text).ok_or_else(wrong)
}

fn parse_container_name(text: &str) -> Result<NamePattern, String> {
    NamePattern::parse(text.strip_prefix('/').unwrap_or(text))
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

/// The users and groups of this host (passwd(5), group(5)); none if they can't be read.
#[derive(Debug, Default)]
struct Host {
    /// Names to numbers of users and of their own groups.
    users: HashMap<String, (u32, u32)>,
    /// Names to numbers, and the names of those who are in it besides.
    groups: HashMap<String, (u32, Vec<String>)>,
}

impl Host {
    fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    fn parse(users: &str, groups: &str) -> Self {
        let user = |line: &str| {
            let fields: Vec<_> = line.split(':').collect();
            let &[name, _, uid, gid, ..] = fields.as_slice() else { return None };
            Some((name.to_owned(), (uid.parse().ok()?, gid.parse().ok()?)))
        };
        let group = |line: &str| {
            let fields: Vec<_> = line.split(':').collect();
            let &[name, _, gid, members, ..] = fields.as_slice() else { return None };
            let members = members.split(',').filter(|name| !name.is_empty());
            let members = members.map(ToOwned::to_owned).collect();
            Some((name.to_owned(), (gid.parse().ok()?, members)))
        };
        Self {
            users: users.lines().filter_map(user).collect(),
            groups: groups.lines().filter_map(group).collect(),
        }
    }

    fn uid(&self, name: &str) -> Option<u32> {
        self.users.get(name).map(|(uid, _)| *uid)
    }

    fn gid(&self, name: &str) -> Option<u32> {
        self.groups.get(name).map(|(gid, _)| *gid)
    }

    fn members(&self, gid: u32) -> Vec<u32> {
        let own = self.users.values().filter(|(_, own)| *own == gid).map(|(uid, _)| *uid);
        let of_group = self.groups.values().filter(|(number, _)| *number == gid);
        let others = of_group.flat_map(|(_, names)| names).filter_map(|name| self.uid(name));
        let mut members: Vec<u32> = own.chain(others).collect();
        members.sort_unstable();
        members.dedup();
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_group_are_those_of_both_files() {
        let users = "root:x:0:0:root:/root:/bin/sh\nci:x:998:997::/:/bin/false\n\
                     a:x:1000:1000::/:/bin/sh\nbroken\n";
        let groups = "docker:x:997:a,gone\nci:x:996:\nodd\n";
        let host = Host::parse(users, groups);
        assert_eq!((host.uid("ci"), host.gid("docker")), (Some(998), Some(997)));
        assert_eq!(host.members(997), [998, 1000]);
        assert_eq!((host.uid("broken"), host.gid("odd")), (None, None));
    }
}
