//! What an entry of `clients` wants of a client.

use super::caller::{GroupMatch, UserMatch};
use super::certificate::{ClientCertificate, Fingerprint};
use super::container::{ContainerMatch, covers};
use super::identity::{Fact, Identity, Learned};
use super::pattern::{NamePattern, PathPattern};
use crate::policy::subnets::Subnet;

/// What an entry wants: everything that it names, and of each list one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// The network that the client connects from; none if it does not matter.
    pub networks: Vec<Subnet>,
    /// What its certificate says.
    pub certificate: Option<CertificateMatch>,
    /// The user that it is.
    pub users: Vec<UserMatch>,
    /// A group that it is in.
    pub groups: Vec<GroupMatch>,
    /// The control group that it runs in.
    pub control_groups: Vec<PathPattern>,
    /// The container that it is.
    pub container: Option<ContainerMatch>,
}

/// What a certificate must say; of each list that is not empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateMatch {
    /// Common name of the subject, or any alternative name.
    pub names: Vec<NamePattern>,
    /// Common name of the subject.
    pub common_names: Vec<NamePattern>,
    /// Alternative name of the kind DNS.
    pub dns: Vec<NamePattern>,
    /// Alternative name of the kind e-mail.
    pub emails: Vec<NamePattern>,
    /// Alternative name of the kind URI.
    pub uris: Vec<NamePattern>,
    /// Name of the issuer.
    pub issuers: Vec<IssuerMatch>,
    /// Of the certificate, or of its public key.
    pub fingerprints: Vec<Fingerprint>,
}

/// What the issuer of a certificate must be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerMatch {
    /// The whole name, as RFC 4514 writes it, to the letter.
    Whole(String),
    /// A common name in it.
    CommonName(NamePattern),
}

/// How a client compares with what an entry wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit<'a> {
    Yes,
    No,
    /// That depends on this, which nobody has asked.
    Ask(Fact),
    /// That depends on this, which could not be learned.
    Unknown(Fact, &'a str),
}

impl Match {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The facts that it needs, beside the address.
    pub fn needs(&self) -> impl Iterator<Item = Fact> {
        let facts = [
            (Fact::Certificate, self.certificate.is_some()),
            (Fact::User, !(self.users.is_empty() && self.groups.is_empty())),
            (Fact::ControlGroup, !self.control_groups.is_empty()),
            (Fact::Container, self.container.is_some()),
        ];
        facts.into_iter().filter(|(_, needs)| *needs).map(|(fact, _)| fact)
    }

    /// Compares what costs nothing first, and asks for nothing that cannot change the answer.
    pub(super) fn fit<'a>(&self, identity: &'a Identity) -> Fit<'a> {
        let Self { networks, certificate, users, groups, control_groups, container } = self;
        let from = identity.address.map(Subnet::from);
        if !(networks.is_empty()
            || from.is_some_and(|at| networks.iter().any(|net| net.contains(at))))
        {
            return Fit::No;
        }
        let of_certificate = of(Fact::Certificate, &identity.certificate, |proved| {
            certificate.as_ref().is_none_or(|wanted| wanted.fits(proved))
        });
        let of_user = of(Fact::User, &identity.user, |user| {
            (users.is_empty() || users.iter().any(|wanted| wanted.fits(user)))
                && (groups.is_empty() || groups.iter().any(|wanted| wanted.fits(user)))
        });
        let of_groups = of(Fact::ControlGroup, &identity.control_groups, |paths| {
            let is_meant = |path: &String| control_groups.iter().any(|wanted| wanted.fits(path));
            paths.iter().any(is_meant)
        });
        let of_container = of(Fact::Container, &identity.container, |known| {
            container.as_ref().is_none_or(|wanted| wanted.fits(known))
        });
        let needed: Vec<Fact> = self.needs().collect();
        let fits = [
            (Fact::Certificate, of_certificate),
            (Fact::User, of_user),
            (Fact::ControlGroup, of_groups),
            (Fact::Container, of_container),
        ];
        let fits = || fits.iter().filter(|(fact, _)| needed.contains(fact)).map(|(_, fit)| *fit);
        if fits().any(|fit| fit == Fit::No) {
            return Fit::No;
        }
        fits().find(|fit| *fit != Fit::Yes).unwrap_or(Fit::Yes)
    }

    /// Whether every client that fits `other` fits this one, as far as that can be told.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let Self { networks, certificate, users, groups, control_groups, container } = self;
        let within = |one: &Subnet, other: &Subnet| one.contains(*other);
        let of_certificate = match (certificate, &other.certificate) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own.covers(other),
        };
        let of_container = match (container, &other.container) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own.covers(other),
        };
        of_certificate
            && of_container
            && covers(networks, &other.networks, within)
            && covers(users, &other.users, UserMatch::covers)
            && covers(groups, &other.groups, GroupMatch::covers)
            && covers(control_groups, &other.control_groups, PathPattern::covers)
    }
}

fn of<T>(fact: Fact, learned: &Learned<T>, is_meant: impl Fn(&T) -> bool) -> Fit<'_> {
    match learned {
        Learned::NotAsked => Fit::Ask(fact),
        Learned::Unknown(reason) => Fit::Unknown(fact, reason),
        Learned::Known(known) if is_meant(known) => Fit::Yes,
        Learned::None | Learned::Known(_) => Fit::No,
    }
}

impl CertificateMatch {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a certificate says what is wanted.
    #[must_use]
    pub fn fits(&self, proved: &ClientCertificate) -> bool {
        let Self { names, common_names, dns, emails, uris, issuers, fingerprints } = self;
        let own = [proved.fingerprint, proved.key_fingerprint];
        one_fits(names, &proved.common_names, &[&proved.dns, &proved.emails, &proved.uris])
            && one_fits(common_names, &proved.common_names, &[])
            && one_fits(dns, &proved.dns, &[])
            && one_fits(emails, &proved.emails, &[])
            && one_fits(uris, &proved.uris, &[])
            && (issuers.is_empty() || issuers.iter().any(|wanted| wanted.fits(proved)))
            && (fingerprints.is_empty() || fingerprints.iter().any(|wanted| own.contains(wanted)))
    }

    fn covers(&self, other: &Self) -> bool {
        let Self { names, common_names, dns, emails, uris, issuers, fingerprints } = self;
        covers(names, &other.names, NamePattern::covers)
            && covers(common_names, &other.common_names, NamePattern::covers)
            && covers(dns, &other.dns, NamePattern::covers)
            && covers(emails, &other.emails, NamePattern::covers)
            && covers(uris, &other.uris, NamePattern::covers)
            && covers(issuers, &other.issuers, IssuerMatch::covers)
            && covers(fingerprints, &other.fingerprints, |one, other| one == other)
    }
}

impl IssuerMatch {
    /// Reads a whole name, in which a `=` stands, or a common name.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.contains('=') {
            true => Ok(Self::Whole(text.to_owned())),
            false => NamePattern::parse(text).map(Self::CommonName),
        }
    }

    /// As it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Whole(name) => name,
            Self::CommonName(pattern) => pattern.as_str(),
        }
    }

    fn fits(&self, proved: &ClientCertificate) -> bool {
        match self {
            Self::Whole(name) => *name == proved.issuer,
            Self::CommonName(wanted) => {
                proved.issuer_common_names.iter().any(|name| wanted.fits(name))
            }
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::CommonName(own), Self::CommonName(other)) => own.covers(other),
            _ => self == other,
        }
    }
}

/// Whether any of these names is like one of the patterns, if there are any.
fn one_fits(patterns: &[NamePattern], first: &[String], more: &[&Vec<String>]) -> bool {
    let mut names = first.iter().chain(more.iter().flat_map(|names| names.iter()));
    patterns.is_empty() || names.any(|name| patterns.iter().any(|pattern| pattern.fits(name)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    fn certificate() -> ClientCertificate {
        let of = |name: &str| vec![name.to_owned()];
        ClientCertificate {
            common_names: of("ops"),
            dns: of("ops.example"),
            emails: of("ops@example"),
            uris: of("spiffe://example/ns/ops"),
            issuer: "CN=Example CA,O=Example".to_owned(),
            issuer_common_names: of("Example CA"),
            fingerprint: Fingerprint([1; 32]),
            key_fingerprint: Fingerprint([2; 32]),
        }
    }

    fn patterns(texts: &[&str]) -> Vec<NamePattern> {
        texts.iter().map(|text| NamePattern::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_certificate_must_say_all_that_is_wanted() {
        let empty = CertificateMatch::default();
        let table = [
            (CertificateMatch { names: patterns(&["ops@example"]), ..empty.clone() }, true),
            (CertificateMatch { names: patterns(&["spiffe://*/ns/ops"]), ..empty.clone() }, true),
            (CertificateMatch { names: patterns(&["ci", "ops"]), ..empty.clone() }, true),
            (CertificateMatch { names: patterns(&["OPS"]), ..empty.clone() }, false),
            (CertificateMatch { dns: patterns(&["ops@example"]), ..empty.clone() }, false),
            (CertificateMatch { common_names: patterns(&["ops.example"]), ..empty.clone() }, false),
            (CertificateMatch { emails: patterns(&["*@example"]), ..empty.clone() }, true),
            (CertificateMatch { fingerprints: vec![Fingerprint([1; 32])], ..empty.clone() }, true),
            (CertificateMatch { fingerprints: vec![Fingerprint([2; 32])], ..empty.clone() }, true),
            (CertificateMatch { fingerprints: vec![Fingerprint([3; 32])], ..empty.clone() }, false),
        ];
        let issued_by = |text: &str| CertificateMatch {
            names: patterns(&["ops"]),
            issuers: vec![IssuerMatch::parse(text).unwrap()],
            ..empty.clone()
        };
        let issuers = [
            ("CN=Example CA,O=Example", true),
            ("CN=Other CA", false),
            // The whole name is whole, and to the letter.
            ("CN=Example CA", false),
            ("cn=Example CA,O=Example", false),
            ("Example CA", true),
            ("Example *", true),
            ("example ca", false),
            ("Example", false),
            ("*/CA", false),
        ];
        let issuers = issuers.map(|(text, expected)| (issued_by(text), expected));
        let table = table.into_iter().chain(issuers);
        for (wanted, expected) in table {
            assert_eq!(wanted.fits(&certificate()), expected, "{wanted:?}");
        }
    }

    #[test]
    fn nothing_is_asked_that_cannot_change_the_answer() {
        let entry = Match {
            networks: vec![Subnet::parse("10.0.0.0/8").unwrap()],
            users: vec![UserMatch::parse("5", |_| None).unwrap()],
            container: Some(ContainerMatch::default()),
            ..Match::default()
        };
        let mut identity = Identity::at(Some("192.0.2.1".parse().unwrap()));
        assert_eq!(entry.fit(&identity), Fit::No);
        identity.address = Some("10.1.2.3".parse().unwrap());
        assert_eq!(entry.fit(&identity), Fit::Ask(Fact::User));
        identity.user = Learned::Unknown("x".into());
        identity.container = Learned::None;
        assert_eq!(entry.fit(&identity), Fit::No, "whatever the user is");
        identity.container = Learned::NotAsked;
        assert_eq!(entry.fit(&identity), Fit::Unknown(Fact::User, "x"));
        identity.user = Learned::None;
        assert_eq!(entry.fit(&identity), Fit::No);
    }

    #[test]
    fn addresses_of_ipv4_are_ipv4_in_any_dress() {
        let within = |net: &str, address: &str| {
            let networks = vec![Subnet::parse(net).unwrap()];
            let identity = Identity::at(Some(address.parse().unwrap()));
            Match { networks, ..Match::default() }.fit(&identity) == Fit::Yes
        };
        for (net, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "10.0.0.1", false),
            ("0.0.0.0/0", "fd12::1", false),
            ("0.0.0.0/0", "203.0.113.9", true),
        ] {
            assert_eq!(within(net, address), expected, "{net} {address}");
        }
        let any = vec![Subnet::parse("0.0.0.0/0").unwrap()];
        let of_socket = Match { networks: any, ..Match::default() };
        assert_eq!(of_socket.fit(&Identity::default()), Fit::No, "a Unix socket has none");
    }
}
