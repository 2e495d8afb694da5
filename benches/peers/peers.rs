//! The programs that are compared, each in front of the same upstream, and what the kernel says of
//! their processes.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// A running program, ended when it is dropped.
pub(crate) struct Running {
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself. Killed outright, nginx would leave its workers behind.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        Ok(Self { child: command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()? })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// Who stands between the client and the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody.
    Direct,
    /// SecDocker.
    SecDocker,
    /// SecDocker with one poll loop, whatever cores there are.
    OneLoop,
    /// SecDocker with ten entries of `clients`, of which the last one fits.
    TenClients,
    /// SecDocker with the example `config.yml`.
    Example,
    /// HAProxy that reads HTTP and checks paths.
    HaproxyHttp,
    /// HAProxy as images called socket proxy run it: a new connection to the daemon, and a line in the log, for each request.
    SocketProxy,
    /// HAProxy that moves bytes with splice(2).
    HaproxyTcp,
    /// nginx as a reverse proxy.
    Nginx,
    /// SecDocker with TLS for its clients.
    SecDockerTls,
    /// HAProxy that reads HTTP, with the same certificate.
    HaproxyTls,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::SecDocker => "secdocker",
            Self::OneLoop => "secdocker, 1 loop",
            Self::TenClients => "secdocker, 10 clients",
            Self::Example => "secdocker, config.yml",
            Self::HaproxyHttp => "haproxy http",
            Self::SocketProxy => "haproxy as a socket proxy",
            Self::HaproxyTcp => "haproxy tcp",
            Self::Nginx => "nginx",
            Self::SecDockerTls => "secdocker tls",
            Self::HaproxyTls => "haproxy tls",
        }
    }

    /// In whose column its figures stand: a row has its peers configured alike.
    fn column(self) -> Self {
        match self {
            Self::Example | Self::SecDockerTls => Self::SecDocker,
            Self::SocketProxy | Self::HaproxyTls => Self::HaproxyHttp,
            other => other,
        }
    }
}

/// One of them, and where it is reached.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    running: Option<Running>,
}

/// Where the upstream is: both ways of reaching it.
pub(crate) struct Upstream {
    pub(crate) tcp: SocketAddr,
    pub(crate) unix: PathBuf,
}

/// The most connections a peer must take.
const CONNECTIONS: usize = 24_000;

impl Peer {
    /// Starts one before the upstream and waits until it answers; `by_unix` says how it reaches the
    /// upstream.
    pub(crate) fn start(
        kind: Kind,
        upstream: &Upstream,
        by_unix: bool,
        folder: &Path,
    ) -> io::Result<Self> {
        let address = if kind == Kind::Direct { upstream.tcp } else { free_address()? };
        let to = (address.port(), upstream, by_unix);
        let running = match kind {
            Kind::Direct => None,
            Kind::SecDocker => Some(secdocker(address, upstream, by_unix, folder, ("", ""))?),
            Kind::OneLoop => {
                Some(secdocker(address, upstream, by_unix, folder, (", loops: 1", ""))?)
            }
            Kind::TenClients => {
                Some(secdocker(address, upstream, by_unix, folder, ("", &ten_clients()))?)
            }
            Kind::SecDockerTls | Kind::HaproxyTls => {
                return Self::start_tls(kind, upstream, folder);
            }
            Kind::Example => Some(example(address, upstream, by_unix, folder)?),
            Kind::HaproxyHttp => Some(READS_HTTP.start(&address.to_string(), to, folder)?),
            Kind::SocketProxy => Some(SOCKET_PROXY.start(&address.to_string(), to, folder)?),
            Kind::HaproxyTcp => Some(MOVES_BYTES.start(&address.to_string(), to, folder)?),
            Kind::Nginx => Some(nginx(address, upstream, by_unix, folder)?),
        };
        wait_for(address).map_err(|error| {
            io::Error::new(error.kind(), format!("{} does not answer", kind.name()))
        })?;
        Ok(Self { kind: kind.column(), address, running })
    }

    /// One that speaks TLS with the certificate that `tls::certify` has made.
    fn start_tls(kind: Kind, upstream: &Upstream, folder: &Path) -> io::Result<Self> {
        let address = free_address()?;
        let at = folder.display();
        let running = match kind {
            Kind::HaproxyTls => READS_HTTP.start(
                &format!("{address} ssl crt {at}/server.pem ssl-min-ver TLSv1.2 alpn http/1.1"),
                (address.port(), upstream, false),
                folder,
            )?,
            _ => {
                let tls = format!(
                    ", tls: {{certificate: {at}/server-cert.pem, key: {at}/server-key.pem}}"
                );
                secdocker(address, upstream, false, folder, (&tls, ""))?
            }
        };
        // Both begin to listen before they can be asked anything.
        wait_until(PATIENCE, || std::net::TcpStream::connect(address).is_ok())?;
        Ok(Self { kind: kind.column(), address, running: Some(running) })
    }

    /// Its processes: nginx has workers.
    fn pids(&self) -> Vec<u32> {
        let Some(running) = &self.running else { return Vec::new() };
        let mut pids = vec![running.pid()];
        let children = format!("/proc/{0}/task/{0}/children", running.pid());
        let children = fs::read_to_string(children).unwrap_or_default();
        pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        pids
    }

    /// The CPU time that its processes have used, in the kernel and outside.
    pub(crate) fn cpu(&self) -> Duration {
        self.pids().into_iter().map(cpu_of).sum()
    }

    /// The memory that its processes hold, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let resident = |pid| status_kib(pid, "VmRSS:") * 1024;
        self.pids().into_iter().map(resident).sum()
    }

    /// The most memory that its processes ever held, in bytes.
    pub(crate) fn memory_peak(&self) -> u64 {
        let peak = |pid| status_kib(pid, "VmHWM:") * 1024;
        self.pids().into_iter().map(peak).sum()
    }

    /// How often its threads went to sleep.
    pub(crate) fn sleeps(&self) -> u64 {
        let of_thread = |path: PathBuf| number_in(&path.join("status"), "voluntary_ctxt_switches:");
        let of_process = |pid: u32| -> u64 {
            let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            threads.map(|thread| of_thread(thread.path())).sum()
        };
        self.pids().into_iter().map(of_process).sum()
    }

    /// Counts its system calls while `work` runs, by name.
    pub(crate) fn system_calls(&self, work: impl FnOnce()) -> io::Result<Vec<(String, u64)>> {
        let counts = std::env::temp_dir().join(format!("peers-{}.strace", std::process::id()));
        let mut strace = Command::new("strace");
        strace.args(["-c", "-f", "-o"]).arg(&counts).stderr(Stdio::null());
        for pid in self.pids() {
            strace.args(["-p", &pid.to_string()]);
        }
        let mut strace = strace.spawn()?;
        let attached = self.pids();
        wait_until(PATIENCE, || {
            attached.iter().all(|pid| number_in(&status_of(*pid), "TracerPid:") != 0)
        })?;
        work();
        // strace writes its counts when it is interrupted.
        Command::new("kill").args(["-INT", &strace.id().to_string()]).status()?;
        strace.wait()?;
        let table = fs::read_to_string(&counts)?;
        fs::remove_file(&counts)?;
        Ok(table.lines().filter_map(count_in).collect())
    }
}

/// `% time  seconds  usecs/call  calls  [errors]  syscall`
fn count_in(line: &str) -> Option<(String, u64)> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let name = columns.last().filter(|name| **name != "total")?;
    columns.first()?.parse::<f64>().ok()?;
    Some(((*name).to_owned(), columns.get(3)?.parse().ok()?))
}

fn status_of(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/status"))
}

fn status_kib(pid: u32, field: &str) -> u64 {
    number_in(&status_of(pid), field)
}

fn number_in(status: &Path, field: &str) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// All threads' time on a CPU in nanoseconds, which is finer than the ticks of `stat`.
fn cpu_of(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_thread = |path: PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(threads.map(|thread| of_thread(thread.path())).sum())
}

/// Ten entries for clients, of which the last one fits, with the rules of all and a limit that is not met.
fn ten_clients() -> String {
    let others = (1..10).map(|number| {
        format!("  - {{name: client-{number}, match: {{network: 10.{number}.0.0/16}}}}\n")
    });
    let last = "  - {name: last, match: {network: 127.0.0.0/8}, inherit: true, \
                limits: {requests_per_second: 1000000}}\n";
    ["clients:\n".to_owned()].into_iter().chain(others).chain([last.to_owned()]).collect()
}

fn secdocker(
    address: SocketAddr,
    upstream: &Upstream,
    by_unix: bool,
    folder: &Path,
    (listen, more): (&str, &str),
) -> io::Result<Running> {
    let to = upstream_of(upstream, by_unix, "unix://", "tcp://");
    let config = write(
        folder,
        &format!("secdocker-{}.yml", address.port()),
        &format!(
            "dockerapi: {to}\nlisten: {{tcp: '{address}'{listen}}}\n\
         log: {{file: {}/secdocker.log}}\n\
         limits: {{connections: {CONNECTIONS}, connections_per_client: {CONNECTIONS}}}\n\
         endpoints: {{allow: ['* /_ping', '* /containers/**', '* /images/**']}}\n\
         restrictions: {{ports: [22], mounts: [/root], users: [root], privileged: true}}\n\
         general: {{memory: 1g, cpu: 1, user: '1000'}}\n{more}",
            folder.display()
        ),
    )?;
    start_secdocker(&config)
}

fn start_secdocker(config: &Path) -> io::Result<Running> {
    let program = env!("CARGO_BIN_EXE_secdocker");
    Running::start(Command::new(program).arg("--config").arg(config).stderr(Stdio::null()))
}

/// With the rules of the example as it is shipped.
fn example(
    address: SocketAddr,
    upstream: &Upstream,
    by_unix: bool,
    folder: &Path,
) -> io::Result<Running> {
    let shipped = include_str!("../../config.yml");
    let rules = shipped.lines().filter(|line| !line.starts_with("dockerapi:"));
    let to = upstream_of(upstream, by_unix, "unix://", "tcp://");
    let text = format!(
        "dockerapi: {to}\nlisten: {{tcp: '{address}'}}\nlog: {{file: {}/secdocker.log}}\n{}\n",
        folder.display(),
        rules.collect::<Vec<_>>().join("\n")
    );
    start_secdocker(&write(folder, &format!("example-{}.yml", address.port()), &text)?)
}

/// What a HAProxy does: its mode, what it says of requests and of responses, and the file of its log.
struct Haproxy {
    mode: &'static str,
    front: &'static [&'static str],
    back: &'static str,
    log: &'static str,
}

const KNOWN_PATHS: [&str; 2] = [
    "acl known path_reg ^(/v[0-9.]+)?/(_ping|containers|images)",
    "http-request deny unless known",
];
const SPLICE: &str = "option splice-auto";

const READS_HTTP: Haproxy =
    Haproxy { mode: "http", front: &KNOWN_PATHS, back: SPLICE, log: "/dev/null" };

const MOVES_BYTES: Haproxy =
    Haproxy { mode: "tcp", front: &[SPLICE], back: SPLICE, log: "/dev/null" };

const SOCKET_PROXY: Haproxy = Haproxy {
    mode: "http",
    front: &[KNOWN_PATHS[0], KNOWN_PATHS[1], "log stdout format raw daemon info", "option httplog"],
    back: "option http-server-close",
    log: "haproxy.log",
};

impl Haproxy {
    fn start(
        &self,
        bind: &str,
        (port, upstream, by_unix): (u16, &Upstream, bool),
        folder: &Path,
    ) -> io::Result<Running> {
        let Self { mode, front, back, log } = self;
        let front = front.join("\n  ");
        let to = upstream_of(upstream, by_unix, "unix@", "");
        let config = write(
            folder,
            &format!("haproxy-{port}.cfg"),
            &format!(
                "global\n  maxconn {}\ndefaults\n  mode {mode}\n  timeout connect 5s\n  \
                 timeout client 1h\n  timeout server 1h\n  timeout tunnel 1h\n\
                 frontend f\n  bind {bind}\n  {front}\n  default_backend b\n\
                 backend b\n  {back}\n  server s {to}\n",
                haproxy_connections()
            ),
        )?;
        // An absolute name stays.
        let log = folder.join(log);
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"exec "$0" -f "$1" >"$2""#]).arg(sbin("haproxy")).arg(config).arg(log);
        Running::start(shell.stderr(Stdio::null()))
    }
}

/// HAProxy refuses to start unless two descriptors for each, and a pipe for every fourth, fit.
pub(crate) fn haproxy_connections() -> usize {
    CONNECTIONS.min((descriptors_max() - 100) * 2 / 5)
}

/// Descriptors for [`CONNECTIONS`] connections of HAProxy's, and of the clients.
const DESCRIPTORS: u64 = 65_536;

/// Asks for as many descriptors as all rows need: what is started inherits the bound.
pub(crate) fn raise_descriptor_limit() {
    let limit = Some(DESCRIPTORS);
    // Only root may; where it is not to be had, there are fewer connections.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit });
}

/// The hard bound of descriptors of one process.
fn descriptors_max() -> usize {
    let hard = getrlimit(Resource::Nofile).maximum;
    hard.and_then(|hard| usize::try_from(hard).ok()).unwrap_or(usize::MAX).min(DESCRIPTORS as usize)
}

fn nginx(
    address: SocketAddr,
    upstream: &Upstream,
    by_unix: bool,
    folder: &Path,
) -> io::Result<Running> {
    let to = upstream_of(upstream, by_unix, "unix:", "");
    let here = folder.join(format!("nginx-{}", address.port()));
    fs::create_dir_all(&here)?;
    let at = here.display();
    let config = write(
        &here,
        "nginx.conf",
        &format!(
            "user root;\nworker_processes auto;\ndaemon off;\npid {at}/pid;\nerror_log {at}/error.log;\n\
         worker_rlimit_nofile 20000;\nevents {{ worker_connections 20000; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000000;\n  client_body_temp_path {at};\n  \
         proxy_temp_path {at};\n  fastcgi_temp_path {at};\n  uwsgi_temp_path {at};\n  \
         scgi_temp_path {at};\n  \
         upstream u {{ server {to}; keepalive 128; keepalive_requests 1000000000; }}\n  \
         server {{\n    listen {address};\n    client_max_body_size 0;\n    \
         location / {{\n      proxy_pass http://u;\n      proxy_http_version 1.1;\n      \
         proxy_set_header Connection '';\n      proxy_buffering off;\n      \
         proxy_request_buffering off;\n    }}\n  }}\n}}\n"
        ),
    )?;
    Running::start(Command::new(sbin("nginx")).arg("-c").arg(config).stderr(Stdio::null()))
}

fn upstream_of(upstream: &Upstream, by_unix: bool, unix: &str, tcp: &str) -> String {
    if by_unix {
        format!("{unix}{}", upstream.unix.display())
    } else {
        format!("{tcp}{}", upstream.tcp)
    }
}

fn sbin(name: &str) -> PathBuf {
    Path::new("/usr/sbin").join(name)
}

fn write(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    let path = folder.join(name);
    fs::File::create(&path)?.write_all(text.as_bytes())?;
    Ok(path)
}

/// An address of the loopback that nobody listens on.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Waits until a request is answered there.
pub(crate) fn wait_for(address: SocketAddr) -> io::Result<()> {
    wait_until(PATIENCE, || {
        crate::load::Caller::connect(address).is_ok_and(|mut one| one.ping().is_ok())
    })
}

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn wait_until(patience: Duration, mut is_so: impl FnMut() -> bool) -> io::Result<()> {
    let until = Instant::now() + patience;
    while !is_so() {
        if Instant::now() > until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::yield_now();
    }
    Ok(())
}
