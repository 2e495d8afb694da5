//! The section `listen`: where clients are awaited.

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use super::address::{self, TcpListen};
use super::checker::Checker;
use super::error::At;
use super::schema::{self, Text};
use super::settings::{Listen, Overrides, UnixListen};
use super::{tls, units};
use crate::tls::{ClientCertificates, PlainClients};

/// The port of the Go tool.
const DEFAULT_PORT: u16 = 8999;
/// Owner and group, as the daemon's own socket has it.
pub(super) const DEFAULT_UNIX_MODE: u32 = 0o660;
/// More loops than any host has cores.
const LOOPS_MAX: usize = 1024;

/// Reads the section.
pub(super) fn listen(
    checker: &mut Checker<'_>,
    section: Option<&schema::Listen>,
    folder: &Path,
    overrides: &Overrides,
) -> Listen {
    let at = |key| At::key("listen", key);
    let absent = schema::Listen::default();
    let section = section.unwrap_or(&absent);
    let tcp = checker.optional(at("tcp"), section.tcp.as_ref(), parse_tcp);
    let tcp = tcp.unwrap_or(Some(TcpListen::Address((Ipv4Addr::LOCALHOST, DEFAULT_PORT).into())));
    // A service manager that made the one socket alone means that one alone.
    let tcp = match (overrides.tcp, &overrides.unix) {
        (Some(tcp), _) => Some(tcp),
        (None, Some(_)) if section.tcp.is_none() => None,
        (None, _) => tcp,
    };
    let mut switch = |key, text: &Option<Text>| {
        checker.optional(at(key), text.as_ref(), units::parse_switch).unwrap_or(false)
    };
    let allow_plain = switch("allow_plain", &section.allow_plain);
    let transparent = switch("transparent", &section.transparent);
    let path = checker.optional(at("unix"), section.unix.as_ref(), address::unix_path);
    let mode = checker.optional(at("unix_mode"), section.unix_mode.as_ref(), units::parse_mode);
    if mode.is_some() && section.unix.is_none() {
        checker.refuse(at("unix_mode"), &"it needs a `unix` socket, and there is none");
    }
    if tcp.is_none() && section.unix.is_none() && overrides.unix.is_none() {
        checker.refuse(at("tcp"), &"nothing to listen on: `tcp` is off and there is no `unix`");
    }
    let path = overrides.unix.clone().or(path);
    let unix = path.map(|path| UnixListen { path, mode: mode.unwrap_or(DEFAULT_UNIX_MODE) });
    let loops = checker.optional(at("loops"), section.loops.as_ref(), parse_loops);
    if tcp.is_none() && section.tls.is_some() {
        checker.refuse(at("tls"), &"it needs a `tcp` listener, and there is none");
    }
    let before = checker.mistakes();
    let tls = tls::server(checker, at("tls"), section.tls.as_ref(), folder);
    let listen =
        Listen { tcp, unix, loops: loops.unwrap_or_else(cores), tls, allow_plain, transparent };
    if checker.mistakes() == before {
        refuse_strangers(checker, &listen);
    }
    listen
}

/// Anyone who reaches a listener may ask for all that no rule forbids: it is opened to others than this host
/// only if somebody says so.
fn refuse_strangers(checker: &mut Checker<'_>, listen: &Listen) {
    let Some(tcp) = listen.tcp.filter(|tcp| !tcp.is_loopback()) else { return };
    let proves = listen.tls.as_ref().is_some_and(|tls| {
        tls.client_certificates == ClientCertificates::Require && tls.plain == PlainClients::Refuse
    });
    if proves || listen.allow_plain || listen.transparent {
        return;
    }
    checker.refuse(
        At::key("listen", "tcp"),
        &format_args!(
            "other hosts can reach {tcp}, and need no certificate to ask for all that is not forbidden: \
             give `listen.tls` with `client_certificates: require`, or listen on 127.0.0.1, or say \
             `transparent: true` if only redirected connections are to be served, or `allow_plain: true` if \
             this is meant"
        ),
    );
}

/// An address to listen on, or none for `off`.
fn parse_tcp(text: &str) -> Result<Option<TcpListen>, address::AddressError> {
    match units::parse_switch(text) {
        Ok(false) => Ok(None),
        _ => TcpListen::parse(text).map(Some),
    }
}

fn parse_loops(text: &str) -> Result<NonZeroUsize, String> {
    let count = units::parse_count(text).ok().filter(|&count| count <= LOOPS_MAX);
    let wrong = || format!("`{}` is not a number of loops from 1 to 1024", text.escape_debug());
    count.and_then(NonZeroUsize::new).ok_or_else(wrong)
}

fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
