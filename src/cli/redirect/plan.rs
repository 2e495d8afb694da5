//! Which connections are to be led to SecDocker, by what the configuration and the options say; and the same
//! read back from a comment that each rule carries.

use std::fmt;

use super::error::RedirectError;
use super::options::{Families, Options, USUAL_PORTS, parse_ports};
use crate::config::{Settings, TcpListen};

/// How the comment of a rule begins.
const COMMENT: &str = "secdocker: ";

/// A redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The ports that clients connect to, sorted.
    pub(super) ports: Vec<u16>,
    /// The port that SecDocker listens on.
    pub(super) to: u16,
    pub(super) families: Families,
    /// Whether connections from outside, and from containers, are led there.
    pub(super) outside: bool,
    /// If those of this host are: the mark of SecDocker's own, which are not.
    pub(super) local: Option<u32>,
}

/// The rules that are in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// None of ours.
    Nothing,
    /// Some: what they say of themselves if it can be read, and whether all of it is there.
    Rules { plan: Option<Plan>, is_whole: bool },
}

impl Plan {
    /// What is to be set.
    pub(super) fn new(settings: &Settings, options: &Options) -> Result<Self, RedirectError> {
        let tcp = settings.listen.tcp.ok_or_else(|| {
            senseless("there is no `listen.tcp` that connections could be led to".to_owned())
        })?;
        let (to, served) = serves(tcp);
        let ports = options.ports.clone().unwrap_or_else(|| USUAL_PORTS.to_vec());
        if to == 0 {
            return Err(senseless("`listen.tcp` has no port of its own to lead to".to_owned()));
        }
        if ports.contains(&to) {
            return Err(senseless(format!("port {to} is SecDocker's own, and needs no redirect")));
        }
        let families = options.families.unwrap_or(served);
        if !served.cover(families) {
            return Err(senseless(format!(
                "`listen.tcp` is {tcp}, which serves {served} alone: listen on every address, or say \
                 --family {}",
                served.as_str()
            )));
        }
        let outside = !tcp.is_loopback();
        if !outside && !options.local {
            return Err(senseless(format!(
                "`listen.tcp` is {tcp}: redirected connections of other hosts arrive at another address; \
                 listen on port {to} of every address with `transparent: true`, or say --local"
            )));
        }
        let local = if options.local { Some(mark(settings)?) } else { None };
        if options.local && !serves_loopback(tcp) {
            return Err(senseless(format!(
                "`listen.tcp` is {tcp}: redirected connections of this host arrive at its loopback address; \
                 listen on every address, or leave out --local"
            )));
        }
        Ok(Self { ports, to, families, outside, local })
    }

    /// The comment that each rule carries.
    pub(super) fn comment(&self) -> String {
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        let mut text = format!(
            "{COMMENT}ports={} to={} family={}",
            ports.join(","),
            self.to,
            self.families.as_str()
        );
        if self.outside {
            text.push_str(" outside");
        }
        if let Some(mark) = self.local {
            text.push_str(&format!(" local={mark:#x}"));
        }
        text
    }

    /// What the rules in a listing say of themselves, and how many say so.
    pub(super) fn read(listing: &str) -> (Option<Self>, usize) {
        let comments: Vec<_> = listing
            .split(COMMENT)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or_default())
            .collect();
        let first = comments.first().copied().unwrap_or_default();
        let is_one = comments.iter().all(|comment| *comment == first);
        (Self::parse(first).filter(|_| is_one), comments.len())
    }

    fn parse(comment: &str) -> Option<Self> {
        let (mut ports, mut to, mut families, mut outside, mut local) =
            (None, None, None, false, None);
        for word in comment.split(' ') {
            match word.split_once('=') {
                Some(("ports", text)) => ports = parse_ports(text).ok(),
                Some(("to", text)) => to = text.parse().ok(),
                Some(("family", text)) => families = Families::parse(text).ok(),
                Some(("local", text)) => {
                    local = Some(u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()?);
                }
                None if word == "outside" => outside = true,
                _ => return None,
            }
        }
        Some(Self { ports: ports?, to: to?, families: families?, outside, local })
    }

    /// Refuses options that name a part of this redirect alone.
    pub(super) fn refuse_part(&self, options: &Options) -> Result<(), RedirectError> {
        let named = |ports: &Vec<u16>| self.ports.iter().all(|port| ports.contains(port));
        if options.ports.as_ref().is_some_and(|ports| !named(ports)) {
            return Err(senseless(format!(
                "the redirect is of more than these ports ({self}): `add` the ports that are to stay, or \
                 `remove` all without --port"
            )));
        }
        if options.families.is_some_and(|families| !families.cover(self.families)) {
            return Err(senseless(format!(
                "the redirect is of {}: `add` the family that is to stay, or `remove` both without --family",
                self.families
            )));
        }
        Ok(())
    }
}

fn senseless(reason: String) -> RedirectError {
    RedirectError::Senseless(reason)
}

fn mark(settings: &Settings) -> Result<u32, RedirectError> {
    settings.upstream_mark.filter(|&mark| mark != 0).ok_or_else(|| {
        senseless(
            "--local needs `upstream_mark` in the configuration: without it SecDocker's own connections to \
             the daemon would be led back to SecDocker"
                .to_owned(),
        )
    })
}

/// The port of a listener, and whom it serves.
fn serves(tcp: TcpListen) -> (u16, Families) {
    match tcp {
        TcpListen::AnyAddress(port) => (port, Families::Both),
        TcpListen::Address(address) if address.is_ipv4() => (address.port(), Families::V4),
        // One on `[::]` serves IPv4 too.
        TcpListen::Address(address) if address.ip().is_unspecified() => {
            (address.port(), Families::Both)
        }
        TcpListen::Address(address) => (address.port(), Families::V6),
    }
}

fn serves_loopback(tcp: TcpListen) -> bool {
    match tcp {
        TcpListen::AnyAddress(_) => true,
        TcpListen::Address(address) => tcp.is_loopback() || address.ip().is_unspecified(),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        let word = if ports.len() == 1 { "port" } else { "ports" };
        write!(f, "TCP {word} {} to port {}, {}, of ", ports.join(", "), self.to, self.families)?;
        match (self.outside, self.local) {
            (true, None) => f.write_str("other hosts and of containers"),
            (true, Some(mark)) => {
                write!(f, "other hosts, of containers, and of this host without the mark {mark:#x}")
            }
            (false, Some(mark)) => write!(f, "this host without the mark {mark:#x}"),
            (false, None) => f.write_str("nobody"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn a_comment_says_what_was_set_and_fits_into_a_rule() {
        for families in [Families::V4, Families::V6, Families::Both] {
            for (outside, local) in [(true, None), (false, Some(1)), (true, Some(u32::MAX))] {
                let ports: Vec<u16> = (65_528..=65_535).collect();
                let plan = Plan { ports, to: 65_000, families, outside, local };
                let comment = plan.comment();
                assert!(comment.len() < 128, "{comment}");
                let listing = format!("a comment \"{comment}\"\nb comment \"{comment}\" c\n");
                assert_eq!(Plan::read(&listing), (Some(plan), 2));
            }
        }
        for foreign in ["", "comment \"secdocker: else\"", "\"secdocker: ports=1 to=x family=4\""] {
            assert_eq!(Plan::read(foreign).0, None, "{foreign}");
        }
    }

    fn settings(text: &str) -> Settings {
        let folder = std::env::temp_dir().join(format!("secdocker-plan-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{:x}.yml", text.len()));
        std::fs::write(&file, text).unwrap();
        let settings = crate::config::load(&file, &crate::config::Overrides::default()).unwrap();
        std::fs::remove_file(&file).unwrap();
        settings
    }

    #[test]
    fn what_could_not_work_is_refused_in_a_sentence() {
        let open = "listen: {tcp: 8999, transparent: true}\n";
        let marked = "upstream_mark: 0x5d\n";
        let local = Options { local: true, ..Options::default() };
        let plain = Options::default();
        let both = Options { families: Some(Families::Both), ..Options::default() };
        let own = Options { ports: Some(vec![8999]), ..Options::default() };
        let table = [
            ("listen: {tcp: off, unix: /run/x}\n".to_owned(), &plain, "there is no `listen.tcp`"),
            ("listen:\n".to_owned(), &plain, "`listen.tcp` is 127.0.0.1:8999: redirected"),
            (open.to_owned(), &own, "port 8999 is SecDocker's own"),
            (open.to_owned(), &local, "--local needs `upstream_mark`"),
            (
                format!("listen:\n  allow_plain: true\n  tcp: 0.0.0.0:8999\n{marked}"),
                &both,
                "`listen.tcp` is",
            ),
            (
                format!("listen:\n  allow_plain: true\n  tcp: 10.0.0.1:8999\n{marked}"),
                &local,
                "`listen.tcp` is",
            ),
        ];
        for (config, options, expected) in table {
            let error = Plan::new(&settings(&config), options).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{config}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        let plan = Plan::new(&settings(&format!("{open}{marked}")), &local).unwrap();
        assert_eq!((plan.outside, plan.local, plan.families), (true, Some(0x5d), Families::Both));
        let plan = Plan::new(&settings(marked), &local).unwrap();
        assert_eq!((plan.outside, plan.local, plan.families), (false, Some(0x5d), Families::V4));
    }
}
