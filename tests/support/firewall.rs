//! SecDocker as built, with a configuration of the test's own.

use super::apart::write_apart;
use super::client::Client;
use super::daemon::tail;
use super::{Way, poll, sandbox, tls};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

/// A running SecDocker. Killed when dropped.
pub(crate) struct SecDocker {
    child: Child,
    pub(crate) address: SocketAddr,
    directory: PathBuf,
    redirected: Option<tls::Redirected>,
}

/// The command itself: another build by `SECDOCKER_BIN`, to test a release.
pub(crate) fn command() -> Command {
    let built = env!("CARGO_BIN_EXE_secdocker").to_owned();
    Command::new(std::env::var("SECDOCKER_BIN").unwrap_or(built))
}

/// An entry of `plugins` in a configuration: the library that cargo built for this test, or that in
/// `SECDOCKER_PLUGINS`, to test a release; with this `config.yml` of its own.
#[track_caller]
pub(crate) fn plugin(name: &str, config: &str) -> String {
    let (folder, file) = (sandbox::directory(name), format!("lib{name}.so"));
    let test = std::env::current_exe().unwrap();
    let built = std::env::var_os("SECDOCKER_PLUGINS").map(PathBuf::from);
    let built = built.unwrap_or_else(|| test.parent().unwrap().to_owned()).join(&file);
    let library = folder.join(file);
    fs::copy(&built, &library).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    fs::set_permissions(&library, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("config.yml"), config).unwrap();
    format!("- name: {name}\n  path: {}\n", library.display())
}

/// A configuration: where the engine is, and the rest as given.
pub(crate) fn config(socket: &Path, rest: &str) -> String {
    format!("dockerapi: \"{}\"\n{rest}", socket.display())
}

impl SecDocker {
    /// With this engine behind it and the rest of `config.yml` as given.
    #[track_caller]
    pub(crate) fn before(daemon: &super::Daemon, rest: &str) -> SecDocker {
        match daemon.tls_address() {
            Some(address) => {
                let (port, upstream) = (address.port(), tls::House::shared().upstream());
                let config = format!("dockerapi: tcp://127.0.0.1:{port}\n{upstream}{rest}");
                match tls::sides() {
                    tls::Sides::Redirected(host) => SecDocker::behind(host, port, &config),
                    _ => SecDocker::start(&config, &[]),
                }
            }
            None => SecDocker::start(&config(&daemon.socket(), rest), &[]),
        }
    }

    /// Where clients that are to reach the engine at this port come to without knowing.
    #[track_caller]
    fn behind(host: &str, engine: u16, config: &str) -> SecDocker {
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, sandbox::port()));
        let config = format!("upstream_mark: {}\n{config}", tls::MARK);
        let mut secdocker = SecDocker::start_at(address, &config, &[]);
        secdocker.redirected = Some(tls::Redirected::new(host, address.port(), engine));
        secdocker
    }

    /// Where clients connect to.
    fn seen_at(&self) -> SocketAddr {
        self.redirected.as_ref().map_or(self.address, |redirected| redirected.address)
    }

    /// With this `config.yml` and further arguments, listening on a port of 127.0.0.1.
    #[track_caller]
    pub(crate) fn start(config: &str, arguments: &[&str]) -> SecDocker {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, sandbox::port()));
        SecDocker::start_at(address, config, arguments)
    }

    #[track_caller]
    pub(crate) fn start_at(address: SocketAddr, config: &str, arguments: &[&str]) -> SecDocker {
        let directory = sandbox::directory("secdocker");
        write_apart(&directory.join("config.yml"), &tls::with_listen(config));
        let output = File::create(directory.join("output")).unwrap();
        let child = command()
            .current_dir(&directory)
            .args(["--config", "config.yml", "--listen", &address.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut secdocker = SecDocker { child, address, directory, redirected: None };
        secdocker.wait_until_it_listens();
        secdocker
    }

    #[track_caller]
    fn wait_until_it_listens(&mut self) {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, self.address.port()));
        let address = if self.address.ip().is_unspecified() { loopback } else { self.address };
        poll::until("SecDocker to listen", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("SecDocker ended with {status}: {}", self.output());
            }
            // Ended from both sides, so that it is not counted any more when the test begins.
            let mut stream = TcpStream::connect(address).ok()?;
            stream.shutdown(Shutdown::Write).ok()?;
            stream.read_to_end(&mut Vec::new()).ok()
        });
    }

    /// A connection without TLS, whatever other tests speak.
    pub(crate) fn plain(&self) -> Client {
        Client::without_tls(self.wire())
    }

    /// A connection on which nothing was said.
    pub(crate) fn wire(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(poll::PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.directory.join("config.yml")
    }

    /// Writes its configuration anew, and waits until that is in force.
    #[track_caller]
    pub(crate) fn reload(&self, config: &str) {
        self.reload_by(|| write_apart(&self.config_path(), config));
    }

    /// Does what makes it read its configuration again, and waits until that is in force.
    #[track_caller]
    pub(crate) fn reload_by(&self, change: impl FnOnce()) {
        const RELOADED: &str = "msg=\"configuration reloaded\"";
        let times = || self.log().matches(RELOADED).count();
        let before = times();
        change();
        poll::until("the configuration to be reloaded", || (times() > before).then_some(()));
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.directory.join("secdocker.log")
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// What it printed.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.directory.join("output")).unwrap_or_default()
    }

    /// Waits until its log holds `text`; answers that line.
    #[track_caller]
    pub(crate) fn logs(&self, text: &str) -> String {
        let line = || self.log().lines().find(|line| line.contains(text)).map(ToOwned::to_owned);
        poll::within(poll::PATIENCE, line)
            .unwrap_or_else(|| panic!("never logged: {text}\n{}", tail(&self.log_path(), 30)))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self::signal(self.pid(), signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        poll::until("SecDocker to end", || self.child.try_wait().unwrap())
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it holds in memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }
}

impl Way for SecDocker {
    fn docker_host(&self) -> String {
        format!("tcp://{}", self.seen_at())
    }

    fn connect(&self) -> Client {
        Client::tcp(self.seen_at())
    }

    fn name(&self) -> &'static str {
        "through SecDocker"
    }
}

impl Drop for SecDocker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            eprintln!("SecDocker's output:\n{}", tail(&self.directory.join("output"), 20));
            eprintln!("SecDocker's log:\n{}", tail(&self.log_path(), 20));
        }
    }
}

/// Sends a signal to a process of our own.
pub(crate) fn signal(pid: u32, signal: Signal) {
    try_signal(pid, signal).unwrap();
}

/// The same to one that may have ended.
pub(crate) fn try_signal(pid: u32, signal: Signal) -> rustix::io::Result<()> {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal)
}
