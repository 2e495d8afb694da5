//! `metrics`: where Prometheus, and who asks whether all is well, are answered.

use std::path::Path;

use super::address::{self, AddressError, TcpListen};
use super::checker::Checker;
use super::error::At;
use super::listen::DEFAULT_UNIX_MODE;
use super::schema;
use super::settings::{Listen, MetricsAddress, MetricsListen, UnixListen};
use super::{tls, units};

/// An address without its permissions.
enum Written {
    Tcp(TcpListen),
    Unix(std::path::PathBuf),
}

fn parse(text: &str) -> Result<Written, AddressError> {
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if path.starts_with('/') || path.len() < text.len() {
        return address::unix_path(path).map(Written::Unix);
    }
    TcpListen::parse(text)
        .map(Written::Tcp)
        .map_err(|_| AddressError::MetricsListen(text.to_owned()))
}

/// Reads the section. `listen` is where clients are awaited.
pub(super) fn metrics(
    checker: &mut Checker<'_>,
    section: Option<&schema::Metrics>,
    listen: &Listen,
    folder: &Path,
) -> Option<MetricsListen> {
    let section = section?;
    let at = |key| At::key("metrics", key);
    let Some(text) = &section.listen else {
        checker.refuse(At::top("metrics"), &"`listen`, where they are told, is missing");
        return None;
    };
    let mode = checker.optional(at("unix_mode"), section.unix_mode.as_ref(), units::parse_mode);
    let written = checker.value(at("listen"), parse(text))?;
    if section.tls.as_ref().is_some_and(|tls| tls.plain.is_some()) {
        checker.refuse(at("tls").inner("plain"), &"it has no effect: all who come speak TLS here");
    }
    let tls = tls::server(checker, at("tls"), section.tls.as_ref(), folder);
    let address = match written {
        Written::Tcp(tcp) => {
            if section.unix_mode.is_some() {
                checker.refuse(at("unix_mode"), &"it needs a Unix socket in `listen`");
            }
            if !tcp.is_loopback() && section.tls.is_none() {
                refuse_strangers(checker, tcp);
            }
            MetricsAddress::Tcp(tcp)
        }
        Written::Unix(path) => {
            if section.tls.is_some() {
                checker.refuse(at("tls"), &"it needs a TCP address in `listen`");
            }
            MetricsAddress::Unix(UnixListen { path, mode: mode.unwrap_or(DEFAULT_UNIX_MODE) })
        }
    };
    if is_taken(&address, listen) {
        checker.refuse(at("listen"), &format_args!("{address} is where clients are awaited"));
    }
    Some(MetricsListen { address, tls })
}

fn refuse_strangers(checker: &mut Checker<'_>, tcp: TcpListen) {
    checker.refuse(
        At::key("metrics", "listen"),
        &format_args!(
            "other hosts can reach {tcp}, and would be told what clients do, in the clear: give \
             `metrics.tls`, or listen on 127.0.0.1 or on a Unix socket"
        ),
    );
}

fn is_taken(address: &MetricsAddress, listen: &Listen) -> bool {
    match (address, listen.tcp, &listen.unix) {
        (MetricsAddress::Tcp(own), Some(tcp), _) => own.overlaps(tcp),
        (MetricsAddress::Unix(own), _, Some(unix)) => own.path == unix.path,
        _ => false,
    }
}
