//! One SecDocker takes the place of another: nobody notices, and nothing is lost when it cannot.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use rustix::process::Signal;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use support::client::{Client, get, post};
use support::firewall::{self, command, config, signal};
use support::poll::within;
use support::{Daemon, Docker, SecDocker, Way, sandbox};

/// A machine that builds beside it is slow.
const PATIENCE: Duration = Duration::from_secs(120);

const UPGRADED: &str = "msg=\"upgraded, open streams go on\"";
const FAILED: &str = "msg=\"upgrade failed, the old program goes on\"";

#[track_caller]
fn wait<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("never: {what}"))
}

/// The processes that have taken a place, in the order in which they did.
fn successors(log: &str) -> Vec<u32> {
    let lines = log.lines().filter(|line| line.contains(UPGRADED));
    lines.map(|line| line.rsplit_once("process=").unwrap().1.parse().unwrap()).collect()
}

/// Has the one that serves replaced, and answers the process of the next.
#[track_caller]
fn upgrade(secdocker: &SecDocker) -> u32 {
    let before = successors(&secdocker.log());
    signal(*before.last().unwrap_or(&secdocker.pid()), Signal::USR2);
    wait("the upgrade", || {
        let now = successors(&secdocker.log());
        assert!(!secdocker.log().contains(FAILED), "{}", secdocker.log());
        (now.len() > before.len()).then(|| *now.last().unwrap())
    })
}

fn runs(process: u32) -> bool {
    // One that has ended may wait for its parent.
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// Clients that ask again and again, and fail with the first answer that is missing or wrong.
struct Load {
    ends: AtomicBool,
    answers: AtomicUsize,
}

impl Load {
    /// On one connection.
    fn ask_on(&self, mut client: Client) {
        while !self.ends.load(Ordering::Relaxed) {
            assert_eq!(client.ask(get("/_ping")).status, 200);
            // What no client repeats by itself.
            assert_eq!(client.ask(post("/containers/nobody/start", "")).status, 404);
            self.answers.fetch_add(2, Ordering::Relaxed);
        }
    }

    /// On a connection for each request.
    fn ask_anew(&self, connect: impl Fn() -> Client) {
        while !self.ends.load(Ordering::Relaxed) {
            assert_eq!(connect().ask(get("/_ping")).status, 200);
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Ends the load, also when the test fails: its threads would go on.
struct EndOf<'l>(&'l Load);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.ends.store(true, Ordering::Relaxed);
    }
}

#[test]
fn ten_upgrades_under_load_that_nobody_notices() {
    let daemon = Daemon::shared();
    let socket = sandbox::short_directory("upgrade").join("secdocker.sock");
    let listen = format!("listen:\n  unix: {}\n  loops: 3\n", socket.display());
    let mut secdocker = SecDocker::before(daemon, &listen);
    let mut cat = Docker::on(&secdocker).start(&["run", "--rm", "-i", "probe:1", "cat"]);
    cat.send(b"begun\n");
    cat.says("begun");
    let mut idle = secdocker.connect();
    assert_eq!(idle.ask(get("/_ping")).status, 200);
    let load = Load { ends: AtomicBool::new(false), answers: AtomicUsize::new(0) };
    let last = thread::scope(|scope| {
        let _end = EndOf(&load);
        for _ in 0..2 {
            scope.spawn(|| load.ask_on(secdocker.connect()));
            scope.spawn(|| load.ask_on(Client::unix(&socket)));
            scope.spawn(|| load.ask_anew(|| secdocker.connect()));
            scope.spawn(|| load.ask_anew(|| Client::unix(&socket)));
        }
        let mut last = secdocker.pid();
        for round in 0..10 {
            let before = load.answers.load(Ordering::Relaxed);
            wait("requests between upgrades", || {
                (load.answers.load(Ordering::Relaxed) > before + 20).then_some(())
            });
            last = upgrade(&secdocker);
            let word = format!("round {round}");
            cat.send(format!("{word}\n").as_bytes());
            cat.says(&word);
        }
        last
    });
    assert_eq!(idle.ask(get("/_ping")).status, 200, "idle since before the first upgrade");
    assert!(!secdocker.has_ended(), "the first one serves the stream");
    cat.close_stdin();
    cat.finish().ok();
    assert!(secdocker.wait().success(), "the first one has ended by itself");
    let others = successors(&secdocker.log());
    wait("the others' end", || others.iter().all(|it| runs(*it) == (*it == last)).then_some(()));
    assert_eq!(Client::unix(&socket).ask(get("/_ping")).status, 200);
    signal(last, Signal::TERM);
    wait("the end of the last", || (!runs(last)).then_some(()));
    assert!(!socket.exists(), "the last one removes the socket's file");
}

/// A broken configuration, or a broken program: the old one goes on, says why, and can be upgraded later.
#[test]
fn what_cannot_serve_takes_no_place() {
    let folder = sandbox::directory("program");
    let program = folder.join("secdocker");
    let install = |bytes: &[u8]| {
        let draft = folder.join("draft");
        fs::write(&draft, bytes).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&draft, &program).unwrap();
    };
    let built = PathBuf::from(command().get_program());
    fs::copy(&built, &program).unwrap();
    let good = config(&Daemon::shared().socket(), "");
    let running = Running::start(&program, &good);
    let mut client = Client::tcp(running.address);
    assert_eq!(client.ask(get("/_ping")).status, 200);
    let fails = |number: usize, because: &str| {
        let failed = || running.log().lines().filter(|line| line.contains(FAILED)).count();
        wait(because, || (failed() == number).then_some(()));
        let last = running.log().lines().rfind(|line| line.contains(FAILED)).unwrap().to_owned();
        assert!(last.contains(because), "{last}");
        assert_eq!(Client::tcp(running.address).ask(get("/_ping")).status, 200);
    };
    let write = |text: &str| fs::write(running.folder.join("config.yml"), text).unwrap();
    write(&format!("{good}restrictions:\n  ports: [many]\n"));
    signal(running.child.id(), Signal::USR2);
    fails(1, "config.yml:3: restrictions.ports");
    write(&good);
    // SIGHUP upgrades where another program stands at the path, and only there.
    install(b"\x7fELF of no machine");
    signal(running.child.id(), Signal::HUP);
    fails(2, "");
    fs::remove_file(&program).unwrap();
    signal(running.child.id(), Signal::USR2);
    fails(3, "cannot run ");
    install(b"#!/bin/sh\nexit 0\n");
    signal(running.child.id(), Signal::USR2);
    fails(4, "the new program ended before it was ready");
    install(&fs::read(&built).unwrap());
    signal(running.child.id(), Signal::HUP);
    wait("the upgrade", || successors(&running.log()).first().copied());
    assert_eq!(client.ask(get("/_ping")).status, 200);
}

/// What fails after the sockets were taken leaves the Unix socket where it is, and `SIGHUP` still has the configuration read.
#[test]
fn a_unix_socket_outlives_a_program_that_cannot_serve() {
    let folder = sandbox::directory("unix");
    let program = folder.join("secdocker");
    fs::copy(command().get_program(), &program).unwrap();
    let socket = folder.join("clients.sock");
    let rest = format!("listen: {{unix: {}}}\n", socket.display());
    let good = config(&Daemon::shared().socket(), &rest);
    let running = Running::start(&program, &good);
    let write = |text: &str| fs::write(running.folder.join("config.yml"), text).unwrap();
    write(&format!("{good}log: {{file: /nowhere/at/all.log}}\n"));
    let failed = || running.log().lines().filter(|line| line.contains(FAILED)).count();
    signal(running.child.id(), Signal::USR2);
    wait("the failure", || (failed() == 1).then_some(()));
    assert_eq!(Client::unix(&socket).ask(get("/_ping")).status, 200);
    // Another program stands there, and cannot run.
    write(&format!("{good}restrictions: {{ports: [4711]}}\n"));
    wait("the reload", || running.log().contains("msg=\"configuration reloaded\"").then_some(()));
    let reloads = || running.log().matches("msg=\"configuration reloaded\"").count();
    let before = reloads();
    let draft = folder.join("draft");
    fs::write(&draft, b"no program").unwrap();
    fs::rename(&draft, &program).unwrap();
    signal(running.child.id(), Signal::HUP);
    wait("the failure", || (failed() == 2).then_some(()));
    wait("the reload", || (reloads() > before).then_some(()));
    assert_eq!(Client::unix(&socket).ask(get("/_ping")).status, 200);
}

/// What is open is cut after `limits.drain_time`.
#[test]
fn a_limit_to_what_is_open() {
    let rest = "limits:\n  drain_time: 300ms\n";
    let mut secdocker = SecDocker::before(Daemon::shared(), rest);
    let mut events = secdocker.connect();
    events.send(get("/events"));
    events.take_through(b"\r\n\r\n");
    upgrade(&secdocker);
    assert!(secdocker.wait().success());
    events.rest_or_reset();
    assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
}

/// A SecDocker that was started from a path of the test's own.
struct Running {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Running {
    fn start(program: &Path, config: &str) -> Running {
        let folder = sandbox::directory("started");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, sandbox::port()));
        fs::write(folder.join("config.yml"), config).unwrap();
        let child = Command::new(program)
            .current_dir(&folder)
            .args(["--config", "config.yml", "--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let running = Running { child, folder, address };
        wait("it to listen", || running.log().contains("msg=started").then_some(()));
        running
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("secdocker.log")).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for process in successors(&self.log()) {
            let _ = firewall::try_signal(process, Signal::KILL);
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
