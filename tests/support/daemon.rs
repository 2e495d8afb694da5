//! Docker engines of the test's own.

use super::client::Client;
use super::{Api, Way, poll, process, sandbox, tls};
use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// The image of most tests; `ubuntu:16.04` has the same content and the name that rules forbid.
pub(crate) const IMAGE: &str = "probe:1";
const IMAGES: [&str; 2] = [IMAGE, "ubuntu:16.04"];

/// A `dockerd` with its own state and socket.
pub(crate) struct Daemon {
    directory: PathBuf,
    short_directory: PathBuf,
    command: Vec<String>,
    process: Mutex<Option<Child>>,
}

impl Daemon {
    /// The engine that a test binary's tests share: it has a bridge, the images, and ends with the
    /// binary.
    pub(crate) fn shared() -> &'static Daemon {
        static SHARED: OnceLock<Result<Daemon, String>> = OnceLock::new();
        let daemon = SHARED.get_or_init(|| {
            let mut command = vec!["dockerd".to_owned()];
            if tls::sides().has_engine() {
                let address: IpAddr = match tls::sides() {
                    tls::Sides::Redirected(_) => Ipv6Addr::UNSPECIFIED.into(),
                    _ => Ipv4Addr::LOCALHOST.into(),
                };
                let address = SocketAddr::from((address, sandbox::port()));
                command.extend(tls::House::shared().engine(&address.to_string()));
            }
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let daemon = Daemon::try_start(&command)?;
            daemon.make_images()?;
            Ok(daemon)
        });
        daemon.as_ref().unwrap_or_else(|e| panic!("no Docker engine: {e}"))
    }

    /// An engine like the shared one, in place of it, without images. Ends when dropped.
    pub(crate) fn fresh(arguments: &[&str]) -> Daemon {
        let mut all = vec!["dockerd"];
        all.extend(arguments);
        Daemon::try_start(&all).unwrap_or_else(|e| panic!("no Docker engine: {e}"))
    }

    /// An engine beside the shared one, with a network of its own: two would fight over the bridge.
    /// Ends when dropped.
    pub(crate) fn alone(arguments: &[&str]) -> Daemon {
        let mut all = vec!["unshare", "--net", "dockerd"];
        all.extend(arguments);
        Daemon::try_start(&all).unwrap_or_else(|e| panic!("no Docker engine: {e}"))
    }

    /// An engine to be reached over this network. It takes the bridge away from the shared one.
    pub(crate) fn on_network(arguments: &[&str]) -> Daemon {
        let mut all = vec!["dockerd", "--bridge=none", "--iptables=false"];
        all.extend(arguments);
        Daemon::try_start(&all).unwrap_or_else(|e| panic!("no Docker engine: {e}"))
    }

    fn try_start(command: &[&str]) -> Result<Daemon, String> {
        let daemon = Daemon {
            directory: sandbox::directory("engine"),
            short_directory: sandbox::short_directory("engine"),
            command: command.iter().map(ToString::to_string).collect(),
            process: Mutex::new(None),
        };
        daemon.try_run()?;
        Ok(daemon)
    }

    /// Starts it again after [`Daemon::stop`].
    pub(crate) fn restart(&self) {
        self.try_run().unwrap_or_else(|e| panic!("{e}"));
    }

    fn try_run(&self) -> Result<(), String> {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .args(image_store())
            .env("PATH", super::cli::PATH)
            .arg(format!("--host=unix://{}", self.socket().display()))
            .arg(format!("--data-root={}", self.directory.join("data").display()))
            .arg(format!("--exec-root={}", self.short_directory.join("exec").display()))
            .arg(format!("--pidfile={}", self.short_directory.join("pid").display()))
            .args(env::var("SECDOCKER_CGROUP").map(|c| format!("--cgroup-parent={c}")))
            .arg(format!("--label={}", self.label()))
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut child = command.spawn().map_err(|e| format!("can't run dockerd: {e}"))?;
        let answers = poll::within(poll::PATIENCE, || match child.try_wait().unwrap() {
            Some(status) => Some(Err(format!("dockerd ended with {status}"))),
            None => self.answers().then_some(Ok(())),
        });
        *self.process.lock().unwrap() = Some(child);
        answers
            .unwrap_or_else(|| Err("dockerd doesn't answer".to_owned()))
            .map_err(|e| format!("{e}\n{}", self.log()))
    }

    /// Whether it answers: it accepts long before that.
    fn answers(&self) -> bool {
        let ask = || -> io::Result<String> {
            let mut stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.ends_with("OK"))
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.lock().unwrap().as_ref().expect("a running engine").id()
    }

    /// Ends it as `SIGTERM` does.
    pub(crate) fn stop(&self) {
        let mut child = self.process.lock().unwrap().take().unwrap();
        super::firewall::signal(child.id(), rustix::process::Signal::TERM);
        poll::until("dockerd to end", || child.try_wait().unwrap());
    }

    pub(crate) fn make_images(&self) -> Result<(), String> {
        for image in IMAGES {
            let library = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib.sh");
            let script = format!(". {library}; busybox_archive {image} | docker import - {image}");
            let mut bash = Command::new("bash");
            bash.args(["-euo", "pipefail", "-c", &script]);
            bash.env("DOCKER_HOST", self.docker_host()).env("PATH", super::cli::PATH);
            let done = process::run(&mut bash, b"");
            if !done.status.success() {
                return Err(done.to_string());
            }
        }
        Ok(())
    }

    /// What tells it from other engines: its identifier is the same for all of a machine.
    pub(crate) fn label(&self) -> String {
        format!("directory={}", self.directory.display())
    }

    /// The major version of the engine, by which tests tell apart what daemons do differently.
    pub(crate) fn major(&self) -> u32 {
        let version = self.api().get("/version").json();
        let version = version["Version"].as_str().unwrap_or_default();
        let major = version.split('.').next().unwrap_or_default();
        major.parse().unwrap_or_else(|e| panic!("the engine's version is `{version}`: {e}"))
    }

    /// Where it listens with TLS, if it does.
    pub(crate) fn tls_address(&self) -> Option<SocketAddr> {
        if !self.command.iter().any(|option| option == "--tlsverify") {
            return None;
        }
        self.command.iter().find_map(|option| option.strip_prefix("--host=tcp://")?.parse().ok())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.short_directory.join("docker.sock")
    }

    pub(crate) fn api(&self) -> Api {
        Api { socket: self.socket() }
    }

    fn log_path(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// The end of its log: the start has little to tell.
    fn log(&self) -> String {
        tail(&self.log_path(), 30)
    }
}

/// Which of its image stores an engine uses that has two: scripts/sandbox chooses the programs, by
/// `SECDOCKER_ENGINE`, and this the store.
fn image_store() -> Option<String> {
    let engine = env::var("SECDOCKER_ENGINE").ok()?;
    let containerd = engine.ends_with("-containerd");
    // Left to itself, which one it takes depends on its version.
    let has_both = containerd || engine == "sid";
    has_both.then(|| format!("--feature=containerd-snapshotter={containerd}"))
}

impl Way for Daemon {
    fn docker_host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn connect(&self) -> Client {
        Client::unix(&self.socket())
    }

    fn name(&self) -> &'static str {
        "straight"
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.process.lock().unwrap().take() {
            super::firewall::signal(child.id(), rustix::process::Signal::TERM);
            if poll::within(poll::PATIENCE, || child.try_wait().unwrap()).is_none() {
                drop(child.kill());
                drop(child.wait());
            }
        }
    }
}

/// The last `count` lines of a file.
pub(crate) fn tail(path: &Path, count: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
