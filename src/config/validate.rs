//! Schema to settings: every value read, every mistake gathered with its line and key.

use std::fmt;
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::address::{self, TcpListen, UpstreamAddress};
use super::error::{At, Mistake};
use super::rules::Sections;
use super::schema::{self, File, Text};
use super::{
    Limits, Listen, Overrides, Settings, UnixListen, clients, locate, plugins, rules, tls, units,
};
use crate::audit::{Format, LogSettings};
use crate::policy::Policy;
use crate::policy::types::HostPath;
use crate::policy::way_out::WayOut;
use crate::tls::{ClientCertificates, PlainClients};

/// The port of the Go tool.
const DEFAULT_PORT: u16 = 8999;
const DEFAULT_UPSTREAM: &str = "/var/run/docker.sock";
const DEFAULT_LOG: &str = "secdocker.log";
/// Owner and group, as the daemon's own socket has it.
const DEFAULT_UNIX_MODE: u32 = 0o660;
/// More loops than any host has cores.
const LOOPS_MAX: usize = 1024;

/// Reads every value of `file`, whose text is `text`.
pub(super) fn validate(
    text: &str,
    file: &File,
    folder: &Path,
    overrides: &Overrides,
) -> Result<Settings, Vec<Mistake>> {
    let mut checker = Checker { text, mistakes: Vec::new(), client: None };
    let plugins = plugins::plugins(&mut checker, file, folder);
    let sections = Sections {
        restrictions: file.restrictions.as_ref(),
        general: file.general.as_ref(),
        endpoints: file.endpoints.as_ref(),
        strict: file.strict.as_ref(),
        exceptions: &file.exceptions.0,
    };
    let mut policy = rules::policy(&mut checker, &sections, folder);
    if let Some(variables) = &overrides.variables {
        if file.endpoints.is_some() {
            let reason =
                "the variables of the environment say what may be called: leave out one of the two";
            checker.refuse(At::top("endpoints"), &reason);
        }
        policy.endpoints = variables.rules();
    }
    let listen = listen(&mut checker, file.listen.as_ref(), folder, overrides);
    let dockerapi = upstream(&mut checker, file.dockerapi.as_ref(), &listen);
    let upstream_tls = tls::client(
        &mut checker,
        file.upstream.as_ref().and_then(|upstream| upstream.tls.as_ref()),
        file.dockerapi.as_deref().unwrap_or_default(),
        dockerapi.as_ref(),
        folder,
    );
    if upstream_tls.is_some() {
        refuse_lending(&mut checker, file, &listen);
    }
    let limits = limits(&mut checker, file.limits.as_ref());
    let log = log(&mut checker, file.log.as_ref());
    let at_mark = At::top("upstream_mark");
    let upstream_mark = checker.optional(at_mark, file.upstream_mark.as_ref(), units::parse_mark);
    let way_out = dockerapi.as_ref().map(way_out).unwrap_or_default();
    let of_variables = overrides.variables.as_ref().map(|_| &policy.endpoints);
    let above = clients::Above { policy: &policy, way_out: &way_out, of_variables };
    let clients = clients::clients(&mut checker, file, folder, &above);
    match dockerapi {
        Some(dockerapi) if checker.mistakes.is_empty() => {
            let mut policy = Policy { way_out, ..policy };
            policy.ceilings.owner = clients.counts_containers().then(String::new);
            let policy = Arc::new(policy);
            Ok(Settings {
                listen,
                dockerapi,
                upstream_tls,
                limits,
                log,
                policy,
                clients,
                upstream_mark,
                plugins,
            })
        }
        _ => Err(checker.mistakes),
    }
}

/// Reads values and remembers what is wrong with them.
pub(super) struct Checker<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
    /// The entry of `clients` that is being read.
    client: Option<usize>,
}

impl Checker<'_> {
    /// From now on places are in this entry of `clients`.
    pub(super) fn begin_client(&mut self, index: usize) {
        self.client = Some(index);
    }

    /// Places are in the whole file again.
    pub(super) fn end_client(&mut self) {
        self.client = None;
    }

    /// How many were found so far.
    pub(super) fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// Reads what was put together of parts that are right each: what is wrong with them together is said
    /// once, where they are put together.
    pub(super) fn read_together<T>(&mut self, at: At, read: impl FnOnce(&mut Self) -> T) -> T {
        let mut apart = Self { text: "", mistakes: Vec::new(), client: None };
        let whole = read(&mut apart);
        for mistake in apart.mistakes {
            self.refuse(at, &mistake.what);
        }
        whole
    }

    /// Notes a mistake at a place.
    pub(super) fn refuse(&mut self, at: At, reason: &dyn fmt::Display) {
        let at = At { client: self.client, ..at };
        let line = locate::locate(self.text, at);
        self.mistakes.push(Mistake { line, what: format!("{at}: {reason}") });
    }

    /// The value, or a mistake at its place.
    pub(super) fn value<T, E: fmt::Display>(&mut self, at: At, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.refuse(at, &error)).ok()
    }

    /// The value of a key, if it has one.
    pub(super) fn optional<T, E: fmt::Display>(
        &mut self,
        at: At,
        text: Option<&Text>,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.value(at, read(text?))
    }

    /// The elements of a key's list.
    pub(super) fn list<T, E: fmt::Display>(
        &mut self,
        at: At,
        texts: &schema::List,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let read_one = |(index, text): (usize, &Text)| self.value(at.item(index), read(text));
        texts.iter().enumerate().filter_map(read_one).collect()
    }
}

fn listen(
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
    let tls = tls::server(checker, section.tls.as_ref(), folder);
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

/// Behind a redirect a daemon may want certificates of clients, and sees SecDocker's only: it vouches for them.
fn refuse_lending(checker: &mut Checker<'_>, file: &File, listen: &Listen) {
    let tls = file.upstream.as_ref().and_then(|upstream| upstream.tls.as_ref());
    let lends = tls.is_some_and(|tls| tls.certificate.is_some());
    let asked = listen.tls.as_ref().map(|tls| tls.client_certificates);
    let is_open = asked.is_some_and(|asked| asked != ClientCertificates::Require);
    if lends && is_open && listen.transparent && !listen.allow_plain {
        checker.refuse(
            At::key("listen", "tls"),
            &"a client that is redirected here without a certificate would reach daemons that require one, by that of \
              `upstream.tls`: say `client_certificates: require`, or `allow_plain: true` if this is meant",
        );
    }
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

/// Where the daemon is: never at one of our own listeners.
fn upstream(
    checker: &mut Checker<'_>,
    text: Option<&Text>,
    listen: &Listen,
) -> Option<UpstreamAddress> {
    let at = At::top("dockerapi");
    let text = text.map_or(DEFAULT_UPSTREAM, |text| text);
    let upstream = checker.value(at, UpstreamAddress::parse(text))?;
    let ourselves = match &upstream {
        UpstreamAddress::Tcp(address) => listen.tcp.is_some_and(|own| own.accepts(*address)),
        UpstreamAddress::Unix(path) => {
            listen.unix.as_ref().is_some_and(|own| same_path(path, &own.path))
        }
    };
    if ourselves {
        checker.refuse(at, &format_args!("{upstream} is where SecDocker itself listens"));
    }
    Some(upstream)
}

/// What leads past SecDocker, the daemon's own socket first.
fn way_out(dockerapi: &UpstreamAddress) -> WayOut {
    let socket = match dockerapi {
        UpstreamAddress::Unix(path) => path.to_str().and_then(|path| HostPath::parse(path).ok()),
        UpstreamAddress::Tcp(_) => None,
    };
    socket.map_or_else(WayOut::default, WayOut::with)
}

/// Whether two sockets are the same one, or will be: the folder may be reached in two ways.
fn same_path(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| -> PathBuf {
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        let through_folder = folder.zip(path.file_name()).map(|(folder, name)| folder.join(name));
        through_folder.unwrap_or_else(|| path.to_owned())
    };
    // Only the daemon's end may be a link: ours is made anew at every start.
    resolved(one) == resolved(other) || one.canonicalize().is_ok_and(|one| one == resolved(other))
}

fn limits(checker: &mut Checker<'_>, section: Option<&schema::Limits>) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = section else {
        return limits;
    };
    let sizes = [
        ("head", &section.head, &mut limits.head_bytes),
        ("body", &section.body, &mut limits.body_bytes),
        ("bodies", &section.bodies, &mut limits.bodies_bytes),
        ("buffer", &section.buffer, &mut limits.buffer_bytes),
    ];
    let counts = [
        ("connections", &section.connections, &mut limits.connections),
        (
            "connections_per_client",
            &section.connections_per_client,
            &mut limits.connections_per_client,
        ),
    ];
    let times = [
        ("handshake_time", &section.handshake_time, &mut limits.handshake_time),
        ("head_time", &section.head_time, &mut limits.head_time),
        ("body_time", &section.body_time, &mut limits.body_time),
        ("body_idle_time", &section.body_idle_time, &mut limits.body_idle_time),
        ("connect_time", &section.connect_time, &mut limits.connect_time),
        ("linger_time", &section.linger_time, &mut limits.linger_time),
        ("shutdown_time", &section.shutdown_time, &mut limits.shutdown_time),
    ];
    let rates = [("body_rate", &section.body_rate, &mut limits.body_rate)];
    replace(checker, sizes, units::parse_size);
    replace(checker, rates, units::parse_rate);
    replace(checker, counts, units::parse_count);
    replace(checker, times, units::parse_time);
    compare(checker, &limits);
    limits
}

/// Puts the values that the file has in place of the defaults.
fn replace<T, const N: usize>(
    checker: &mut Checker<'_>,
    limits: [(&'static str, &Option<Text>, &mut T); N],
    read: impl Fn(&str) -> Result<T, units::UnitError>,
) {
    for (key, text, value) in limits {
        if let Some(read) = checker.optional(At::key("limits", key), text.as_ref(), &read) {
            *value = read;
        }
    }
}

/// Limits that make no sense beside each other.
fn compare(checker: &mut Checker<'_>, limits: &Limits) {
    const HEAD_BYTES_MIN: usize = 1024;
    const BUFFER_BYTES_MIN: usize = 4096;
    let at = |key| At::key("limits", key);
    if limits.head_bytes < HEAD_BYTES_MIN {
        checker.refuse(at("head"), &"must be at least 1k: clients send that much");
    }
    if limits.buffer_bytes < BUFFER_BYTES_MIN {
        checker.refuse(at("buffer"), &"must be at least 4k, or data hardly moves");
    }
    if limits.body_bytes > limits.bodies_bytes {
        checker.refuse(at("body"), &"larger than `bodies`, the limit of all bodies together");
    }
}

fn log(checker: &mut Checker<'_>, section: Option<&schema::Log>) -> LogSettings {
    let at = |key| At::key("log", key);
    let absent = schema::Log::default();
    let section = section.unwrap_or(&absent);
    let file = checker.optional(at("file"), section.file.as_ref(), parse_file);
    let format = checker.optional(at("format"), section.format.as_ref(), parse_format);
    let level = checker.optional(at("level"), section.level.as_ref(), parse_level);
    LogSettings {
        file: file.unwrap_or_else(|| PathBuf::from(DEFAULT_LOG)),
        format: format.unwrap_or(Format::Logfmt),
        level: level.unwrap_or(log::LevelFilter::Info),
    }
}

fn parse_file(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("the name of a file is missing") } else { Ok(PathBuf::from(text)) }
}

fn parse_format(text: &str) -> Result<Format, String> {
    match text {
        "logfmt" => Ok(Format::Logfmt),
        "json" => Ok(Format::Json),
        _ => Err(format!("`{}` is neither logfmt nor json", text.escape_debug())),
    }
}

fn parse_level(text: &str) -> Result<log::LevelFilter, String> {
    match text {
        "error" => Ok(log::LevelFilter::Error),
        "warning" | "warn" => Ok(log::LevelFilter::Warn),
        "info" => Ok(log::LevelFilter::Info),
        "debug" => Ok(log::LevelFilter::Debug),
        _ => Err(format!("`{}` is not one of error, warning, info, debug", text.escape_debug())),
    }
}
