//! The key `match` of an entry: what a client must be.

use super::super::host::Host;
use crate::client::{
    CertificateMatch, ContainerMatch, Fingerprint, GroupMatch, ImagePattern, IssuerMatch,
    LabelMatch, Match, NamePattern, PathPattern, UserMatch,
};
use crate::config::checker::Checker;
use crate::config::error::At;
use crate::config::schema::{CertificateKeys, ContainerKeys, MatchKeys, Names};
use crate::policy::subnets::Subnet;

/// Reads the key; nothing if anything is wrong with it.
pub(super) fn wanted(checker: &mut Checker<'_>, host: &Host, keys: &MatchKeys) -> Option<Match> {
    Reader { checker, host }.wanted(keys)
}

struct Reader<'c, 't, 'h> {
    checker: &'c mut Checker<'t>,
    host: &'h Host,
}

impl Reader<'_, '_, '_> {
    fn wanted(&mut self, keys: &MatchKeys) -> Option<Match> {
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
