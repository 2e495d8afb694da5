//! The entries of `clients` in plain words: who is meant, what holds for them, and what is to be said
//! against them.

use std::fmt::{self, Display, Write};

use super::policy::describe_policy;
use crate::client::{
    CertificateMatch, ContainerMatch, Fact, Limits, Match, NamePattern, hidden_by,
};
use crate::config::{ClientSettings, Clients, Rest, Settings};
use crate::policy::shown::Configured;
use crate::tls::ClientCertificates;

/// Says of each entry what it means, and what becomes of the rest.
pub(super) fn describe(out: &mut String, settings: &Settings) -> fmt::Result {
    let Clients { list, rest } = &settings.clients;
    for (number, client) in list.iter().enumerate() {
        describe_one(out, settings, (number, client))?;
    }
    match rest {
        Rest::Refused => writeln!(out, "Any other client is refused, whatever it asks for.\n"),
        Rest::TopLevel if list.is_empty() => Ok(()),
        Rest::TopLevel => {
            writeln!(out, "For every other client, what stands before the first one holds.\n")
        }
    }
}

fn describe_one(
    out: &mut String,
    settings: &Settings,
    (number, client): (usize, &ClientSettings),
) -> fmt::Result {
    let ClientSettings { name, wanted, inherits, policy, limits } = client;
    write!(out, "Client {}: a client that", Configured(name))?;
    describe_match(out, wanted)?;
    writeln!(out, ".")?;
    for reason in reasons_against(settings, wanted) {
        writeln!(out, "Warning: no client can match this entry: {reason}.")?;
    }
    let entries: Vec<_> = settings.clients.list.iter().map(|client| &client.wanted).collect();
    if let Some(earlier) = hidden_by(&entries, number).and_then(|at| settings.clients.list.get(at))
    {
        let earlier = Configured(&earlier.name);
        writeln!(out, "Warning: no client can match this entry: {earlier} matches it first.")?;
    }
    if *inherits {
        writeln!(out, "What holds for all holds for it as well:")?;
    }
    describe_policy(out, policy)?;
    describe_limits(out, limits)
}

fn describe_match(out: &mut String, wanted: &Match) -> fmt::Result {
    let Match { networks, certificate, users, groups, control_groups, container } = wanted;
    let mut parts = Vec::new();
    if !networks.is_empty() {
        parts.push(format!(" connects from {}", any_of(networks.iter())));
    }
    if let Some(wanted) = certificate {
        parts.push(describe_certificate(wanted));
    }
    if !users.is_empty() {
        parts.push(format!(
            " is user {}",
            any_of(users.iter().map(|user| Configured(user.as_str())))
        ));
    }
    if !groups.is_empty() {
        let groups = any_of(groups.iter().map(|group| Configured(group.as_str())));
        parts.push(format!(" is in group {groups}"));
    }
    if !control_groups.is_empty() {
        let groups = any_of(control_groups.iter().map(|group| Configured(group.as_str())));
        parts.push(format!(" runs in control group {groups}"));
    }
    if let Some(wanted) = container {
        parts.push(describe_container(wanted));
    }
    out.write_str(&parts.join(" and"))
}

fn describe_certificate(wanted: &CertificateMatch) -> String {
    let CertificateMatch { names, common_names, dns, emails, uris, issuers, fingerprints } = wanted;
    let mut parts = Vec::new();
    let kinds = [
        (names, "the name"),
        (common_names, "the common name"),
        (dns, "the DNS name"),
        (emails, "the e-mail address"),
        (uris, "the URI"),
    ];
    for (patterns, what) in kinds.into_iter().filter(|(patterns, _)| !patterns.is_empty()) {
        let names = any_of(patterns.iter().map(NamePattern::as_str).map(Configured));
        parts.push(format!("{what} {names}"));
    }
    if !issuers.is_empty() {
        parts.push(format!(
            "the issuer {}",
            any_of(issuers.iter().map(|one| Configured(one.as_str())))
        ));
    }
    if !fingerprints.is_empty() {
        parts.push(format!("the fingerprint {}", any_of(fingerprints.iter())));
    }
    format!(" has a certificate with {}", parts.join(" and "))
}

fn describe_container(wanted: &ContainerMatch) -> String {
    let ContainerMatch { names, labels, images } = wanted;
    let mut parts = Vec::new();
    if !names.is_empty() {
        let names = any_of(names.iter().map(NamePattern::as_str).map(Configured));
        parts.push(format!("the name {names}"));
    }
    if !labels.is_empty() {
        let labels = any_of(labels.iter().map(|label| Configured(label.as_str())));
        parts.push(format!("the label {labels}"));
    }
    if !images.is_empty() {
        let images = any_of(images.iter().map(|image| Configured(image.as_str())));
        parts.push(format!("the image {images}"));
    }
    format!(" is a container of this daemon with {}", parts.join(" and "))
}

fn any_of(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(" or ")
}

/// Why nobody can be whom an entry wants.
fn reasons_against(settings: &Settings, wanted: &Match) -> Vec<String> {
    let mut reasons = Vec::new();
    let none_known = |known: Vec<bool>| !known.is_empty() && !known.contains(&true);
    if none_known(wanted.users.iter().map(|user| user.is_known()).collect()) {
        reasons.push("this host has no such user".to_owned());
    }
    if none_known(wanted.groups.iter().map(|group| group.is_known()).collect()) {
        reasons.push("this host has no such group".to_owned());
    }
    let is_tcp = settings.listen.tcp.is_some();
    if !wanted.networks.is_empty() && !is_tcp {
        reasons.push(
            "SecDocker listens on a Unix socket alone, and its clients have no address".into(),
        );
    }
    let tls = settings.listen.tls.as_ref();
    let asks = tls.is_some_and(|tls| tls.client_certificates != ClientCertificates::None);
    if wanted.needs().any(|fact| fact == Fact::Certificate) && !asks {
        reasons.push("no certificates are asked for (`listen.tls.client_certificates`)".to_owned());
    }
    reasons
}

fn describe_limits(out: &mut String, limits: &Limits) -> fmt::Result {
    let Limits { connections, requests_per_second, creates_per_minute, containers } = limits;
    let limits = [
        (connections, "open connections"),
        (requests_per_second, "requests per second"),
        (creates_per_minute, "creates per minute"),
        (containers, "containers, running or not, and no services"),
    ];
    let before = out.len();
    for (limit, what) in limits {
        if let Some(max) = limit {
            writeln!(out, "Together they have at most {max} {what}.")?;
        }
    }
    if out.len() == before { Ok(()) } else { writeln!(out) }
}
