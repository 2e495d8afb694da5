//! What a service manager sees: notifications as sd_notify(3) has them, sockets as sd_listen_fds(3) hands them over,
//! and units that leave SecDocker no more than it needs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]
#![allow(clippy::disallowed_methods, reason = "tests wait for what they started")]

mod command;

use command::Folder;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DAEMON: &str = "dockerapi: /nowhere/docker.sock\n";

/// A service that is told of by datagrams. Killed when dropped.
struct Service {
    manager: UnixDatagram,
    child: Child,
}

impl Service {
    fn start(folder: &Folder, set: impl FnOnce(&mut Command)) -> Service {
        let manager = UnixDatagram::bind(folder.path("notify")).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let mut command = folder.command("--listen 127.0.0.1:0");
        command.env("NOTIFY_SOCKET", folder.path("notify")).stdout(Stdio::null());
        set(&mut command);
        Service { manager, child: command.spawn().unwrap() }
    }

    /// Waits for a message with this line.
    fn says(&self, line: &str) -> String {
        wait_for(self, |text| text.lines().any(|found| found == line))
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

fn wait_for(service: &Service, is_it: impl Fn(&str) -> bool) -> String {
    let mut buffer = [0; 4096];
    loop {
        let count = service.manager.recv(&mut buffer).unwrap();
        let text = String::from_utf8(buffer[..count].to_vec()).unwrap();
        if is_it(&text) {
            return text;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn it_tells_when_it_serves_reloads_and_stops() {
    let folder = Folder::new("notified");
    folder.write("config.yml", DAEMON);
    let mut service = Service::start(&folder, |_| ());
    let ready = service.says("READY=1");
    let status = ready.lines().find_map(|line| line.strip_prefix("STATUS=")).unwrap();
    assert!(status.starts_with("listening on 127.0.0.1:"), "{ready}");
    assert!(status.ends_with(", daemon at unix:///nowhere/docker.sock"), "{ready}");
    service.signal("HUP");
    let reloading = service.says("RELOADING=1");
    let time = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(time.unwrap().parse::<u64>().unwrap() > 0, "{reloading}");
    assert!(service.says("READY=1").contains("STATUS=listening on "));
    // A broken one is refused: the service goes on, and says why.
    folder.write("config.yml", &format!("{DAEMON}restrictions:\n  ports: [many]\n"));
    service.says("RELOADING=1");
    let ready = service.says("READY=1");
    assert!(
        ready.contains("STATUS=configuration refused: config.yml:3: restrictions.ports"),
        "{ready}"
    );
    service.signal("TERM");
    service.says("STOPPING=1");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

/// The program that takes its place is the service from then on, and tells so itself; with the watchdog to feed.
#[test]
fn it_says_which_process_has_taken_its_place() {
    let folder = Folder::new("replaced");
    folder.write("config.yml", DAEMON);
    let mut service = Service::start(&folder, |command| {
        command.env("WATCHDOG_USEC", "30000");
    });
    service.says("READY=1");
    service.signal("USR2");
    let replaced = wait_for(&service, |text| text.contains("MAINPID="));
    let process = replaced.lines().find_map(|line| line.strip_prefix("MAINPID=")).unwrap();
    assert!(replaced.lines().any(|line| line == "READY=1"), "{replaced}");
    assert!(service.says("READY=1").contains("STATUS=listening on 127.0.0.1:"));
    service.says("WATCHDOG=1");
    // Nothing was open: the old one ends, and is not the service that stops.
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    assert!(Command::new("kill").args(["-s", "TERM", process]).status().unwrap().success());
    service.says("STOPPING=1");
}

#[test]
fn it_feeds_the_watchdog_while_its_loops_turn() {
    let folder = Folder::new("watched");
    folder.write("config.yml", DAEMON);
    let service = Service::start(&folder, |command| {
        command.env("WATCHDOG_USEC", "30000");
    });
    service.says("READY=1");
    for _ in 0..3 {
        service.says("WATCHDOG=1");
    }
    // That of another process is not its own.
    let folder = Folder::new("unwatched");
    folder.write("config.yml", DAEMON);
    let service = Service::start(&folder, |command| {
        command.env("WATCHDOG_USEC", "30000").env("WATCHDOG_PID", "1");
    });
    service.says("READY=1");
    service.signal("TERM");
    let mut buffer = [0; 4096];
    loop {
        let count = service.manager.recv(&mut buffer).unwrap();
        let text = String::from_utf8(buffer[..count].to_vec()).unwrap();
        assert!(!text.contains("WATCHDOG"), "{text}");
        if text.contains("STOPPING=1") {
            break;
        }
    }
}

/// Binds sockets, and becomes the program given with them as systemd hands them over.
const HANDING_OVER: &str = "
import os, socket, sys
kinds, program = sys.argv[1].split(','), sys.argv[2:]
sockets = []
for kind in kinds:
    family = {'tcp': socket.AF_INET, 'udp': socket.AF_INET, 'any': socket.AF_INET, 'unix': socket.AF_UNIX}[kind]
    made = socket.socket(family, socket.SOCK_DGRAM if kind == 'udp' else socket.SOCK_STREAM)
    made.bind({'unix': 'handed.sock', 'any': ('0.0.0.0', 0)}.get(kind, ('127.0.0.1', 0)))
    if kind != 'udp':
        made.listen(64)
    sockets.append(made)
copies = [os.dup(made.fileno()) for made in sockets]
high = [os.dup2(copy, 100 + index, False) for index, copy in enumerate(copies)]
for index, descriptor in enumerate(high):
    os.dup2(descriptor, 3 + index, True)
os.environ.update(LISTEN_FDS=str(len(kinds)), LISTEN_PID=str(os.getpid()))
os.execv(program[0], program)
";

fn handed(folder: &Folder, kinds: &str, arguments: &str) -> Command {
    let program = folder.command(arguments);
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", HANDING_OVER, kinds]).arg(program.get_program()).args(program.get_args());
    python.current_dir(folder.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
    python
}

/// A started one, and what it says first.
fn started(folder: &Folder, kinds: &str) -> (Child, String) {
    let mut child = handed(folder, kinds, "").spawn().unwrap();
    let mut greeting = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
    if greeting.is_empty() {
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        panic!("{kinds}: {complaint}");
    }
    (child, greeting)
}

fn asked(mut stream: impl Read + Write) -> String {
    // No daemon is there: the answer is SecDocker's own.
    stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn end(mut child: Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn it_serves_sockets_that_were_handed_over() {
    for kinds in ["tcp", "unix", "unix,tcp"] {
        let folder = Folder::new(&format!("handed-{}", kinds.len()));
        folder.write("config.yml", &format!("{DAEMON}listen: {{loops: 3}}\n"));
        let (child, greeting) = started(&folder, kinds);
        let listening = greeting.split("listening on ").nth(1).unwrap();
        let listening = listening.split(", daemon at").next().unwrap();
        if kinds.contains("tcp") {
            let address = listening.split(", ").next().unwrap();
            for _ in 0..6 {
                let answer = asked(TcpStream::connect(address).unwrap());
                assert!(answer.starts_with("HTTP/1.0 502 "), "{kinds}: {answer}");
            }
        } else {
            assert_eq!(listening, "handed.sock", "nothing else listens: {greeting}");
        }
        if kinds.contains("unix") {
            for _ in 0..6 {
                let answer = asked(UnixStream::connect(folder.path("handed.sock")).unwrap());
                assert!(answer.starts_with("HTTP/1.0 502 "), "{kinds}: {answer}");
            }
        }
        end(child);
        let kept = folder.path("handed.sock").exists();
        assert_eq!(kept, kinds.contains("unix"), "its file is the manager's");
    }
}

/// Where the socket listens is judged as if the configuration said so.
#[test]
fn what_can_not_be_served_stops_the_start() {
    let table = [
        ("tcp,tcp", "", "two sockets of a kind were handed over: one is served"),
        ("udp", "", "a socket was handed over that is no TCP and no Unix stream"),
        (
            "tcp",
            "--listen 127.0.0.1:0",
            "a TCP socket was handed over: --listen and --tcp are too much",
        ),
        ("any", "", "other hosts can reach 0.0.0.0:"),
    ];
    for (kinds, arguments, expected) in table {
        let folder = Folder::new("handed-wrong");
        folder.write("config.yml", DAEMON);
        let output = handed(&folder, kinds, arguments).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{kinds}: {complaint}");
        assert!(complaint.contains(expected), "{kinds}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

/// The units in deploy/, as systemd reads them where there is one.
#[test]
fn the_units_are_right_and_leave_it_little() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let unit = fs::read_to_string(root.join("secdocker.service")).unwrap();
    for line in ["Type=notify-reload", "WatchdogSec=60", "NoNewPrivileges=yes", "User=secdocker"] {
        assert!(unit.lines().any(|found| found == line), "{line}\n{unit}");
    }
    let socket = fs::read_to_string(root.join("secdocker.socket")).unwrap();
    assert!(socket.contains("\nListenStream=/run/secdocker/docker.sock\n"), "{socket}");
    let mut analyze = Command::new("systemd-analyze");
    let file = root.join("secdocker.service");
    analyze.args(["security", "--offline=true", "--no-pager", "--threshold=20"]).arg(&file);
    match analyze.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            // It fails if the exposure is more than a tenth of the threshold.
            assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
            assert!(text.contains("Overall exposure level for secdocker.service: "), "{text}");
            println!("{}", text.lines().last().unwrap_or_default());
        }
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
    }
}
