//! The endpoint itself: who can ask what, and what becomes of those who ask otherwise.

use crate::scrape::{Scrape, Watched, check};
use crate::support::client::{get, post};
use crate::support::firewall::{command, signal};
use crate::support::tls::House;
use crate::support::{Client, Daemon, SecDocker, Way, run, sandbox, until};
use rustix::process::Signal;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

#[test]
fn each_path_has_its_answer() {
    let watched = Watched::before(Daemon::shared(), "");
    for (request, status, text) in [
        (get("/healthz"), 200, "ok\n"),
        (get("/readyz"), 200, "ok\n"),
        (get("/"), 404, "there is /metrics, /healthz and /readyz\n"),
        (get("/v1.41/containers/json"), 404, "there is /metrics, /healthz and /readyz\n"),
        (post("/metrics", "{}"), 405, "only GET and HEAD are answered\n"),
        (
            b"GET /metrics HTTP/3.7\r\n\r\n".to_vec(),
            400,
            "the version is neither HTTP/1.0 nor HTTP/1.1\n",
        ),
        (
            b"\x16\x03\x01\x02\x00\r\n\r\n".to_vec(),
            400,
            "TLS is not spoken here (`metrics.tls` is not set)\n",
        ),
        (
            format!("GET /{} HTTP/1.1\r\n", "x".repeat(10_000)).into(),
            400,
            "the head is longer than 8192 bytes\n",
        ),
    ] {
        let mut watcher = watched.watcher();
        let answer = watcher.ask(&request);
        let shown = String::from_utf8_lossy(&request[..request.len().min(40)]).into_owned();
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{shown}");
        assert!(watcher.is_closed(), "{shown}");
    }
    let mut watcher = watched.watcher();
    watcher.send("HEAD /metrics HTTP/1.1\r\n\r\n");
    let head = String::from_utf8(watcher.rest()).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let asked =
        "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n";
    let text = watched.watcher().ask(asked).text();
    assert!(text.ends_with("# EOF\n"), "{text}");
}

/// A Unix socket has the permissions that it was given, and goes with SecDocker.
#[test]
fn a_unix_socket() {
    let socket = sandbox::short_directory("metrics").join("m");
    let config = format!("metrics: {{listen: {}, unix_mode: '0600'}}\n", socket.display());
    let mut secdocker = SecDocker::before(Daemon::shared(), &config);
    let mode = fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let answer = Client::unix(&socket).ask(get("/metrics"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(Scrape::read(&answer.text()).get("secdocker_config_generation") >= 1.0);
    assert_eq!(Client::unix(&socket).ask(get("/readyz")).text(), "ok\n");
    secdocker.signal(Signal::TERM);
    assert!(secdocker.wait().success());
    assert!(!socket.exists());
}

/// TLS as clients speak it: without a certificate there is no answer, nor without TLS.
#[test]
fn tls() {
    let house = House::shared();
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, sandbox::port()));
    let config = format!("metrics:\n  listen: \"{at}\"\n{}", house.listen(""));
    let secdocker = SecDocker::before(Daemon::shared(), &config);
    let wire = || TcpStream::connect(at).unwrap();
    let mut watcher = Client::over_tls(wire(), house.client(Some(&house.pair())));
    let answer = watcher.ask(get("/metrics"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let scrape = Scrape::read(&answer.text());
    let until = scrape.get("secdocker_certificate_expiry_timestamp_seconds{key=\"metrics.tls\"}");
    assert!(until > 1_700_000_000.0, "{until}");
    let mut stranger = Client::without_tls(wire());
    stranger.send(get("/metrics"));
    let said = stranger.rest_or_reset();
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/1.1"), "{said:?}");
    let mut stranger = Client::over_tls(wire(), house.client(None));
    if stranger.try_send(get("/metrics")).is_ok() {
        assert_eq!(stranger.rest_or_reset_or_cut(), b"");
    }
    drop(secdocker);
}

/// Whether the daemon answers is found out anew a second later, and what it stands for is said.
#[test]
fn a_daemon_that_stands_still_is_not_ready() {
    let daemon = Daemon::alone(&[]);
    let watched = Watched::before(&daemon, "");
    assert_eq!(watched.ask("/readyz").text(), "ok\n");
    signal(daemon.pid(), Signal::STOP);
    let reason = until("the daemon to be missed", || {
        let answer = watched.ask("/readyz");
        (answer.status == 503).then(|| answer.text())
    });
    assert!(reason.starts_with("the daemon does not answer: "), "{reason}");
    assert_eq!(watched.ask("/healthz").text(), "ok\n", "the loops turn all the same");
    signal(daemon.pid(), Signal::CONT);
    until("the daemon to be back", || (watched.ask("/readyz").status == 200).then_some(()));
}

/// Those who say nothing take places of their own, for a bounded time; clients of the daemon notice nothing.
#[test]
fn slow_watchers_hold_up_nobody() {
    let watched = Watched::before(Daemon::shared(), "");
    let silent: Vec<_> = (0..40).map(|_| watched.watcher()).collect();
    assert_eq!(watched.connect().ask(get("/_ping")).text(), "OK");
    for mut watcher in silent {
        watcher.read_timeout(Duration::from_secs(120));
        assert_eq!(watcher.rest_or_reset(), b"", "it is sent away without a word");
    }
    until("a place to be free again", || {
        let mut watcher = watched.watcher();
        watcher.try_send(get("/healthz")).ok()?;
        let answer = watcher.rest_or_reset();
        answer.starts_with(b"HTTP/1.1 200").then_some(())
    });
}

#[test]
fn a_port_that_is_taken_stops_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let directory = sandbox::directory("metrics");
    let config = format!(
        "metrics: {{listen: \"{address}\"}}\nlisten: {{tcp: \"127.0.0.1:{}\"}}\n",
        sandbox::port()
    );
    fs::write(directory.join("config.yml"), config).unwrap();
    let complaint = run(command().current_dir(&directory), b"").fails(2);
    assert!(complaint.contains(&format!("cannot listen on {address}")), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

/// A reload counts, whether it is taken or not; another address waits for a restart.
#[test]
fn reloads_are_counted() {
    let watched = Watched::before(Daemon::shared(), "");
    let config = fs::read_to_string(watched.config_path()).unwrap();
    let before = watched.scrape();
    watched.reload(&format!("{config}restrictions: {{ports: [22]}}\n"));
    let taken = "secdocker_config_reloads_total{result=\"taken\"}";
    let refused = "secdocker_config_reloads_total{result=\"refused\"}";
    let generation = "secdocker_config_generation";
    let after = watched.scrape();
    assert!(after.get(taken) > before.get(taken));
    assert!(after.get(generation) > before.get(generation));
    fs::write(watched.config_path(), "restrictions: {ports: [x]}\n").unwrap();
    until("it to be refused", || {
        (watched.scrape().get(refused) > before.get(refused)).then_some(())
    });
    let elsewhere = format!("{config}restrictions: {{ports: [23]}}\n")
        .replace(&watched.at.to_string(), "127.0.0.1:1");
    watched.reload(&elsewhere);
    until("it to be said", || {
        let log = watched.log();
        let mut said = log.lines().filter(|line| line.contains("take effect after a restart"));
        said.any(|line| line.contains("metrics.listen")).then_some(())
    });
    check(&["check", "metrics"], &watched.ask("/metrics").body);
}

/// Whoever takes the place of a SecDocker takes its endpoint, too.
#[test]
fn it_goes_on_after_an_upgrade() {
    let watched = Watched::before(Daemon::shared(), "");
    drop(watched.connect().ask(get("/_ping")));
    watched.signal(Signal::USR2);
    let line = watched.logs("upgraded, open streams go on");
    let successor: u32 = line.rsplit_once("process=").unwrap().1.parse().unwrap();
    let scrape = until("the successor to be asked", || {
        let mut watcher = Client::without_tls(TcpStream::connect(watched.at).ok()?);
        watcher.try_send(get("/metrics")).ok()?;
        let said = String::from_utf8(watcher.rest_or_reset()).unwrap();
        let body = said.split_once("\r\n\r\n")?.1;
        Some(Scrape::read(body))
    });
    assert!(scrape.get("secdocker_config_generation") >= 1.0);
    signal(successor, Signal::TERM);
}
