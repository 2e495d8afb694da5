//! Certificates that end soon, or are not valid: told by `check`, and by the log each day.

use std::fmt::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::audit::{self, Notice};
use crate::config::{Settings, UpstreamTls};
use crate::policy::day::Day;
use crate::tls::{Client, ClientCertificates, PlainClients, Server, Validity};

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// How long before its end a certificate is reported.
const TOLD_BEFORE_SECONDS: u64 = 30 * DAY_SECONDS;

/// When certificates were told of.
#[derive(Debug, Default)]
pub(super) struct Told {
    at: Option<u64>,
}

impl Told {
    /// Whether a day has passed by `now`, in seconds since 1970, or the clock was set back.
    pub(super) fn is_due(&self, now: u64) -> bool {
        self.at.is_none_or(|at| now < at || now - at >= DAY_SECONDS)
    }

    /// Tells of certificates at `now`, whether or not a day has passed.
    pub(super) fn tell(&mut self, warnings: &[String], now: u64) {
        self.at = Some(now);
        for reason in warnings {
            audit::announce(&Notice::Certificate { reason });
        }
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A sentence for each certificate that is not valid at `now`, or soon will not be.
pub(super) fn warnings(settings: &Settings, now: u64) -> Vec<String> {
    let server = settings.listen.tls.as_deref().map(Server::validity).unwrap_or_default();
    let client = settings.upstream_tls.as_ref().map(|tls| tls.client.validity());
    let metrics = settings.metrics.as_ref().and_then(|metrics| metrics.tls.as_deref());
    let metrics = metrics.map(Server::validity).unwrap_or_default();
    let of = |key: &'static str| move |validity: &Validity| warning(key, validity, now);
    let listen = server.iter().filter_map(of("listen.tls"));
    let upstream = client.unwrap_or_default().iter().filter_map(of("upstream.tls"));
    listen.chain(upstream).chain(metrics.iter().filter_map(of("metrics.tls"))).collect()
}

fn warning(key: &str, validity: &Validity, now: u64) -> Option<String> {
    let Validity { subject, not_before, not_after } = validity;
    let subject = subject.escape_debug();
    let (begin, end) = (day(*not_before), day(*not_after));
    match () {
        () if now > *not_after => {
            Some(format!("a certificate of {key} has expired on {end}: {subject}"))
        }
        () if now < *not_before => {
            Some(format!("a certificate of {key} is not valid before {begin}: {subject}"))
        }
        () if not_after - now < TOLD_BEFORE_SECONDS => {
            let days = (not_after - now) / DAY_SECONDS;
            Some(format!("a certificate of {key} expires in {days} days, on {end}: {subject}"))
        }
        () => None,
    }
}

fn day(seconds: u64) -> Day {
    Day::since_epoch(seconds / DAY_SECONDS)
}

/// Says how TLS is spoken, on either side.
pub(super) fn describe(out: &mut String, settings: &Settings) -> fmt::Result {
    if let Some(server) = &settings.listen.tls {
        describe_server(out, server)?;
    }
    if let Some(UpstreamTls { client, name, of_dockerapi }) = &settings.upstream_tls {
        match of_dockerapi {
            Some(name) => writeln!(out, "The daemon is spoken to with TLS, and must be {name}.")?,
            None => writeln!(out, "The daemon is spoken to without TLS: it is a Unix socket.")?,
        }
        write!(out, "Redirected TLS connections go on with TLS, to what must be ")?;
        match name {
            Some(name) => writeln!(out, "{name}.")?,
            None => writeln!(out, "the address that they were going to.")?,
        }
        describe_validity(out, Client::validity(client))?;
    }
    let of_server = settings.listen.tls.as_ref().is_some_and(|server| server.has_slow_key());
    let of_client = settings.upstream_tls.as_ref().is_some_and(|tls| tls.client.has_slow_key());
    for (key, _) in [("listen.tls", of_server), ("upstream.tls", of_client)]
        .iter()
        .filter(|(_, has_slow_key)| *has_slow_key)
    {
        writeln!(
            out,
            "The key of {key} is RSA with more than 2048 bits: each new handshake takes milliseconds of a thread \
             beside the loops; an ECDSA P-256 key takes less than a tenth."
        )?;
    }
    for warning in warnings(settings, now()) {
        writeln!(out, "Warning: {warning}.")?;
    }
    Ok(())
}

fn describe_server(out: &mut String, server: &Server) -> fmt::Result {
    out.push_str("TLS 1.2 and 1.3 are spoken with clients over TCP");
    out.push_str(match server.plain {
        PlainClients::Refuse => "; those without are refused.\n",
        PlainClients::Serve => "; those without are served as well.\n",
    });
    out.push_str(match server.client_certificates {
        ClientCertificates::Require => "Those with must show a certificate.\n",
        ClientCertificates::Request => "Those with may show a certificate.\n",
        ClientCertificates::None => "They are not asked for a certificate.\n",
    });
    describe_validity(out, server.validity())
}

fn describe_validity(out: &mut String, all: &[Validity]) -> fmt::Result {
    for Validity { subject, not_after, .. } in all {
        writeln!(out, "  {} is valid until {}.", subject.escape_debug(), day(*not_after))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the program looks: once an hour. It is told of at the start, and each day from then on, without end.
    #[test]
    fn certificates_are_told_of_every_day() {
        const HOUR: u64 = 60 * 60;
        let begin = 1_700_000_000;
        let mut told = Told::default();
        let mut at = Vec::new();
        let mut look = |told: &mut Told, now| {
            if told.is_due(now) {
                told.tell(&[], now);
                at.push((now - begin) / HOUR);
            }
        };
        for hour in 0..100 {
            // It is never looked exactly then.
            look(&mut told, begin + hour * (HOUR + 1));
        }
        // What tells at once begins a new day: a reload in hour 101.
        told.tell(&[], begin + 101 * HOUR);
        for hour in 102..130 {
            look(&mut told, begin + hour * HOUR);
        }
        assert_eq!(at, [0, 24, 48, 72, 96, 125]);
        assert!(told.is_due(begin), "the clock was set back");
    }

    #[test]
    fn certificates_are_told_of_a_month_before_their_end() {
        let validity =
            Validity { subject: "CN=daemon".to_owned(), not_before: 1_000, not_after: 9_000_000 };
        let at = |now| warning("listen.tls", &validity, now);
        assert_eq!(at(1_000), None);
        assert_eq!(at(9_000_000 - 30 * DAY_SECONDS), None);
        let soon = "a certificate of listen.tls expires in 29 days, on 1970-04-15: CN=daemon";
        assert_eq!(at(9_000_000 - 30 * DAY_SECONDS + 1).as_deref(), Some(soon));
        let today = "a certificate of listen.tls expires in 0 days, on 1970-04-15: CN=daemon";
        assert_eq!(at(9_000_000).as_deref(), Some(today));
        let over = "a certificate of listen.tls has expired on 1970-04-15: CN=daemon";
        assert_eq!(at(9_000_001).as_deref(), Some(over));
        let early = "a certificate of listen.tls is not valid before 1970-01-01: CN=daemon";
        assert_eq!(at(999).as_deref(), Some(early));
    }
}
