//! What other machines export, mounted as a volume: NFS and SMB.
//!
//! A server that is this host gives its files, whatever is forbidden of them. One at an address of another
//! machine is another machine. A name is resolved by the daemon when it mounts, and anyone who answers for
//! it then may answer with an address of this host: so it breaks every rule about paths, unless
//! `mounts: allow` names the share, by which the operator vouches for the name.

mod share;

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv6Addr};

use crate::policy::facts::{AddressFacts, Facts};
use crate::policy::rules::allowed::{AllowedMounts, MOUNTS};
use crate::policy::rules::mounts::MountRule;
use crate::policy::shown::Configured;
use crate::policy::types::{HostPath, ValueError};
use crate::policy::violations::Findings;
pub use share::{Protocol, Server, Share};

/// A share that may be mounted, or with `/**` behind it what is below it as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareRule {
    text: String,
    protocol: Protocol,
    server: Server,
    path: HostPath,
    with_all_below: bool,
}

impl ShareRule {
    /// Whether an entry of a list is about a share and not about a path of this host.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("//") || !text.starts_with('/') && text.contains(":/")
    }

    /// Reads `server:/path` or `//server/share`; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// [`ValueError::Share`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::Share(text.to_owned());
        let with_all_below = text.ends_with("/**");
        let named = if with_all_below { text.trim_end_matches('*') } else { text };
        let (protocol, server, path) = match named.strip_prefix("//") {
            Some(rest) => {
                let (server, share) = rest.split_once('/').ok_or_else(error)?;
                (Protocol::Smb, server, format!("/{share}"))
            }
            None => {
                let (server, path) = named.rsplit_once(":/").ok_or_else(error)?;
                (Protocol::Nfs, server, format!("/{path}"))
            }
        };
        let bare = server.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let server = Server::of(bare.unwrap_or(server));
        let is_name = |name: &str| {
            let is_letter = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            !name.is_empty() && name.chars().all(is_letter)
        };
        let path = HostPath::parse(&path).map_err(|_| error())?;
        let is_whole = match (&server, protocol) {
            (Server::Name(name), _) if !is_name(name) || bare.is_some() => false,
            (_, Protocol::Smb) => with_all_below || !path.is_root(),
            (_, Protocol::Nfs) => true,
        };
        if !is_whole || path.as_str().contains('*') {
            return Err(error());
        }
        Ok(Self { text: text.to_owned(), protocol, server, path, with_all_below })
    }

    /// The entry as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The entry in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "{} may be mounted, wherever its server's name leads.",
            Configured(&self.text)
        )
    }

    /// A share that is allowed by it.
    pub(in crate::policy) fn example(&self) -> Option<crate::policy::effects::Effect> {
        let (protocol, server) = (self.protocol, self.server.clone());
        let share = Share { protocol, server, path: Some(self.path.clone()) };
        Some(crate::policy::effects::Effect::Mount(
            crate::policy::effects::MountEffect::FileServer(share),
        ))
    }

    pub(in crate::policy) fn allows(&self, share: &Share) -> bool {
        let Some(path) = &share.path else { return false };
        let is_path = match self.with_all_below {
            true => path.is_within(&self.path),
            false => *path == self.path,
        };
        is_path && self.protocol == share.protocol && self.server == share.server
    }
}

/// Shows a share to every rule about paths.
pub(in crate::policy) fn check(
    (denied, allowed, shares): (&[MountRule], &AllowedMounts, &[ShareRule]),
    share: &Share,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    if shares.iter().any(|rule| rule.allows(share)) {
        return;
    }
    let rules = denied.iter().map(MountRule::as_str).chain(allowed.list().map(|_| MOUNTS));
    match &share.server {
        Server::Address(address) if !may_be_own(*address, facts) => {}
        Server::Address(address) => {
            let what = format_args!("mount of {share}");
            let is_own = facts.address(address) == Some(&AddressFacts::Own);
            let reason = match is_own || address.is_loopback() {
                true => "whose server is this host",
                false => "whose server may be this host",
            };
            rules.for_each(|rule| found.add_because(what, reason, rule));
        }
        Server::Name(_) => {
            let what = format_args!("mount of {share}");
            let reason = format_args!(
                "whose server may be this host, by its name: use its address, or put \
                 \"{share}\" into `mounts.allow`"
            );
            rules.for_each(|rule| found.add_because(what, reason, rule));
        }
    }
}

/// Whether the server at this address is not known to be another machine.
fn may_be_own(address: IpAddr, facts: &Facts) -> bool {
    is_near(address) || facts.address(&address) != Some(&AddressFacts::Other)
}

/// Whether an address means this machine, or a machine on its wires.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_loopback()
                || v4.octets().starts_with(&[0])
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
        }
        IpAddr::V6(v6) => {
            let near = [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED].contains(&v6);
            near || v6.is_unicast_link_local() || v6.is_multicast()
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::policy::Policy;
    use crate::policy::effects::MountEffect;
    use crate::policy::testing;

    fn share(protocol: Protocol, server: &str, path: &str) -> Share {
        Share { protocol, server: Server::of(server), path: HostPath::parse(path).ok() }
    }

    fn verdict(allow: &[&str], share: Share) -> String {
        let shares = allow.iter().map(|text| ShareRule::parse(text).unwrap());
        let policy = Policy {
            mounts: ["/root", "/"].map(|text| MountRule::parse(text).unwrap()).to_vec(),
            allowed_shares: shares.collect(),
            ..Policy::permissive()
        };
        let mut facts = Facts::none();
        facts.add_address("10.0.0.1".parse().unwrap(), AddressFacts::Other);
        facts.add_address("10.0.0.2".parse().unwrap(), AddressFacts::Own);
        let asked = vec![testing::asked(MountEffect::FileServer(share))];
        testing::judged(&policy, asked, &facts)
    }

    #[test]
    fn a_server_by_its_name_must_be_allowed() {
        let nas = || share(Protocol::Nfs, "NAS.lan.", "/export");
        assert_eq!(
            verdict(&[], nas()),
            "forbidden: mount of nas.lan:/export, whose server may be this host, by its name: use \
             its address, or put \"nas.lan:/export\" into `mounts.allow` (rules \"/root\", \"/\")"
        );
        let smb = || share(Protocol::Smb, "nas", "/share");
        for (allow, share, passes) in [
            ("nas.lan:/export", nas(), true),
            ("NAS.LAN:/export/", nas(), true),
            ("nas.lan:/**", nas(), true),
            ("nas.lan:/export/**", nas(), true),
            ("nas.lan:/", nas(), false),
            ("nas.lan:/exp", nas(), false),
            ("nas:/export", nas(), false),
            ("//nas.lan/export", nas(), false),
            ("nas.lan:/export", share(Protocol::Nfs, "nas.lan", "/export/x"), false),
            ("nas.lan:/export/**", share(Protocol::Nfs, "nas.lan", "/export/../x"), false),
            ("nas.lan:/**", share(Protocol::Nfs, "nas.lan", "export"), false),
            ("//nas/share", smb(), true),
            ("//nas/share/**", share(Protocol::Smb, "nas", "/share/x"), true),
            ("//nas/share", share(Protocol::Smb, "nas", "/share2"), false),
            ("10.0.0.2:/x", share(Protocol::Nfs, "10.0.0.2", "/x"), true),
            ("[fd00::1]:/x", share(Protocol::Nfs, "fd00::1", "/x"), true),
        ] {
            let verdict = verdict(&[allow], share.clone());
            assert_eq!(verdict == "allowed", passes, "{allow} {share}: {verdict}");
        }
    }

    #[test]
    fn a_server_by_its_address_is_this_host_or_another() {
        for (address, is_far) in [
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("10.0.0.2", false),
            // Not known.
            ("10.0.0.3", false),
            ("127.3.2.1", false),
            ("0.0.0.0", false),
            ("169.254.1.1", false),
            ("::1", false),
            ("fe80::1", false),
            // No addresses to us.
            ("127.1", false),
            ("localhost", false),
            ("fe80::1%eth0", false),
        ] {
            let verdict = verdict(&[], share(Protocol::Nfs, address, "/x"));
            assert_eq!(verdict == "allowed", is_far, "{address}: {verdict}");
        }
    }

    #[test]
    fn what_is_not_a_share_is_a_mistake() {
        for text in ["nas.lan:/export", "//nas/share", "10.0.0.1:/", "[::1]:/x/**", "a-b_c:/x"] {
            assert!(ShareRule::is_meant(text) && ShareRule::parse(text).is_ok(), "{text}");
        }
        for text in [
            "//nas",
            "//nas/",
            "///x",
            ":/x",
            "nas*:/x",
            "nas.lan:/x*",
            "nas.lan:/*/x",
            "[nas]:/x",
            "a b:/x",
            "//u@nas/x",
        ] {
            assert!(ShareRule::is_meant(text) && ShareRule::parse(text).is_err(), "{text}");
        }
        for text in ["/srv", "/**", "nas", "/a:/b"] {
            assert!(!ShareRule::is_meant(text), "{text}");
        }
    }
}
