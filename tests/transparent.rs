//! Behind a redirection clients and the engine stay as they are: a client in a network of its own
//! talks to the engine's address, and SecDocker answers for it.
//!
//! ```text
//! namespace "client"                   namespace of the test, "the host"
//! 10.77.0.2, fd77::2 ───── veth ───── 10.77.0.1, fd77::1 :2376 ─REDIRECT─► SecDocker ─► dockerd
//! ```
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use serde_json::Value;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;
use std::sync::OnceLock;
use support::client::{Client, get};
use support::networks::{self, Redirect, sh};
use support::{Daemon, Docker, Finished, SecDocker, document, run, sandbox};

const DEPLOYMENT: &str = "docs/DEPLOYMENT.md";

const RULES: &str =
    "listen:\n  transparent: true\nrestrictions:\n  privileged: true\ngeneral:\n  user: '1000'\n";

/// Where the engine of the redirected clients listens, by the chain that redirects.
const FOR_PREROUTING: u16 = 2376;
const FOR_OUTPUT: u16 = 2375;
const FOR_LOOPS: u16 = 2374;
const FOR_LOOK_UPS: u16 = 2373;
const FOR_TABLE: u16 = 2372;
const FOR_LOCAL_TABLE: u16 = 2371;
const FOR_USERS: u16 = 2370;

/// The engine that is never asked for by its own socket here.
fn redirected() -> &'static Daemon {
    static DAEMON: OnceLock<Daemon> = OnceLock::new();
    DAEMON.get_or_init(|| {
        networks::connect();
        let ports = [
            FOR_PREROUTING,
            FOR_OUTPUT,
            FOR_LOOPS,
            FOR_LOOK_UPS,
            FOR_TABLE,
            FOR_LOCAL_TABLE,
            FOR_USERS,
        ];
        let hosts = ports.map(|port| format!("--host=tcp://[::]:{port}"));
        // Said explicitly, it spares the engine's pause for thought.
        let tls = std::iter::once("--tls=false");
        let options: Vec<_> = tls.chain(hosts.iter().map(String::as_str)).collect();
        let daemon = Daemon::on_network(&options);
        daemon.make_images().unwrap();
        daemon
    })
}

/// Runs a client's command in its own network.
fn in_client(command: &str) -> Finished {
    let settings = sandbox::directory("client-config");
    let script = format!("DOCKER_CONFIG={} exec {command}", settings.display());
    run(Command::new("ip").args(["netns", "exec", "client", "bash", "-c", &script]), b"")
}

/// SecDocker on every address, its `dockerapi` another engine than the redirected one.
fn secdocker(rest: &str) -> SecDocker {
    let config = support::firewall::config(&Daemon::shared().socket(), rest);
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, sandbox::port()));
    redirected();
    SecDocker::start_at(address, &config, &[])
}

/// A redirection of a document, the first with this chain, each of its values replaced by the test's.
fn written(document: &str, chain: &str, values: &[(&str, &str)]) -> Redirect {
    let blocks = document::blocks(document);
    let block = blocks.into_iter().find(|block| block.text.contains(chain)).unwrap();
    let own = |mut command: String| {
        for (written, own) in values {
            assert_eq!(command.matches(written).count(), 1, "{written} in {command}");
            command = command.replace(written, own);
        }
        command
    };
    Redirect::by(block.commands().into_iter().map(own).collect())
}

/// A recipe for nftables, word for word that of docs/DEPLOYMENT.md but for the values of a test; taken back
/// as the document says when dropped.
struct Table {
    undo: String,
}

impl Table {
    /// The table of this name, each value of the document replaced by the test's.
    fn new(name: &str, values: &[(&str, String)]) -> Table {
        let undo = format!("nft delete table inet {name}");
        let undoing = document::block(DEPLOYMENT, "nft delete table").commands();
        assert!(undoing.contains(&undo), "the document undoes it: {undo}");
        let mut recipe = document::block(DEPLOYMENT, &format!("table inet {name} {{")).text;
        for (written, own) in values {
            assert_eq!(recipe.matches(written).count(), 1, "{written} in {recipe}");
            recipe = recipe.replace(written, own);
        }
        run(Command::new("nft").args(["-f", "-"]), recipe.as_bytes()).ok();
        Table { undo }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        sh(&self.undo).ok();
    }
}

/// The label of the engine that gave this answer to `/info`.
fn engine_of(info: &str) -> String {
    let info: Value = serde_json::from_str(info).unwrap_or_else(|e| panic!("{e}: {info}"));
    info["Labels"][0].as_str().unwrap().to_owned()
}

#[test]
fn redirected_clients_reach_the_engine_they_asked_for() {
    let secdocker = secdocker(RULES);
    let port = secdocker.address.port();
    let values = [("2376", &*FOR_PREROUTING.to_string()), ("8999", &port.to_string())];
    let _redirect = written(DEPLOYMENT, "-A PREROUTING", &values);
    for (address, peer) in [("10.77.0.1", "10.77.0.2:"), ("[fd77::1]", "[fd77::2]:")] {
        let curl = in_client(&format!("curl -sS -g http://{address}:{FOR_PREROUTING}/info")).ok();
        assert_eq!(engine_of(&curl), redirected().label(), "{address}");
        secdocker.logs(peer);
    }
}

#[test]
fn redirected_clients_are_held_to_the_rules() {
    let secdocker = secdocker(RULES);
    let port = secdocker.address.port();
    let to = 2377;
    let daemon = Daemon::on_network(&["--tls=false", &format!("--host=tcp://[::]:{to}")]);
    daemon.make_images().unwrap();
    redirected();
    let values = [("2376", &*to.to_string()), ("8999", &port.to_string())];
    let _redirect = written("README.md", "-A PREROUTING", &values);
    for address in ["10.77.0.1", "[fd77::1]"] {
        let docker = format!("/usr/bin/docker -H tcp://{address}:{to}");
        let uid = in_client(&format!("{docker} run --rm --user 0 probe:1 id -u")).ok();
        assert_eq!(uid, "1000", "what is allowed is tightened");
        let refused = in_client(&format!("{docker} run --rm --privileged probe:1 true")).fails(125);
        let message = "SecDocker: forbidden: privileged mode (rule \"privileged\")";
        assert!(refused.contains(message), "{address}: {refused}");
        let echo = in_client(&format!("{docker} run --rm -i probe:1 cat <<<hello")).ok();
        assert_eq!(echo, "hello", "a raw stream with a half-close");
    }
}

/// Who connects to SecDocker itself, from wherever, gets to `dockerapi`.
#[test]
fn direct_clients_reach_the_configured_engine() {
    let secdocker = secdocker("listen:\n  allow_plain: true\n");
    let port = secdocker.address.port();
    for address in ["10.77.0.1", "[fd77::1]"] {
        let curl = in_client(&format!("curl -sS -g http://{address}:{port}/info")).ok();
        assert_eq!(engine_of(&curl), Daemon::shared().label(), "{address}");
    }
}

/// Where only redirected ones are to be served, those of other hosts are told so.
#[test]
fn direct_clients_of_other_hosts_may_be_refused() {
    let secdocker = secdocker(RULES);
    let port = secdocker.address.port();
    for address in ["10.77.0.1", "[fd77::1]"] {
        let curl = in_client(&format!("curl -sS -g -i http://{address}:{port}/info")).ok();
        assert!(curl.starts_with("HTTP/1.1 403 "), "{address}: {curl}");
        assert!(curl.contains("only connections that were redirected here are served"), "{curl}");
        let own = sh(&format!("curl -sS -g http://{address}:{port}/info"));
        assert!(own.text().contains("redirected here"), "an address that others have too: {own}");
    }
    assert_eq!(Client::tcp(([127, 0, 0, 1], port).into()).ask(get("/_ping")).status, 200);
}

/// The recipe for local traffic: SecDocker's own connections carry a mark, and pass by.
#[test]
fn local_clients_are_redirected_without_a_loop() {
    let secdocker = secdocker(&format!("upstream_mark: 0x5ec\n{RULES}"));
    let port = secdocker.address.port();
    let (redirected_port, port) = (FOR_OUTPUT.to_string(), port.to_string());
    let values = [("2376", &*redirected_port), ("8999", &port), ("0x5d", "0x5ec")];
    let _redirect = written(DEPLOYMENT, "-A OUTPUT", &values);
    for address in ["127.0.0.1", "10.77.0.1", "[::1]", "[fd77::1]"] {
        let docker = Docker::at(format!("tcp://{address}:{FOR_OUTPUT}"));
        let info = docker.run(&["info", "--format", "{{json .}}"]).ok();
        assert_eq!(engine_of(&info), redirected().label(), "{address}");
        let refused = docker.run(&["create", "--privileged", "probe:1"]).fails(1);
        assert!(refused.contains("SecDocker: forbidden"), "{address}: {refused}");
    }
}

/// The recipe for nftables covers both families at once.
#[test]
fn a_table_redirects_clients_from_outside() {
    let secdocker = secdocker(RULES);
    let values = [("2376", FOR_TABLE.to_string()), ("8999", secdocker.address.port().to_string())];
    let table = Table::new("secdocker", &values);
    for (address, peer) in [("10.77.0.1", "10.77.0.2:"), ("[fd77::1]", "[fd77::2]:")] {
        let curl = in_client(&format!("curl -sS -g http://{address}:{FOR_TABLE}/info")).ok();
        assert_eq!(engine_of(&curl), redirected().label(), "{address}");
        secdocker.logs(peer);
        let docker = format!("/usr/bin/docker -H tcp://{address}:{FOR_TABLE}");
        let refused = in_client(&format!("{docker} create --privileged probe:1")).fails(1);
        assert!(refused.contains("SecDocker: forbidden"), "{address}: {refused}");
    }
    drop(table);
    let docker = format!("/usr/bin/docker -H tcp://10.77.0.1:{FOR_TABLE}");
    in_client(&format!("{docker} create --privileged probe:1 true")).ok();
}

#[test]
fn a_table_redirects_local_clients_without_a_loop() {
    let secdocker = secdocker(&format!("upstream_mark: 0x5ee\n{RULES}"));
    let _table = Table::new(
        "secdocker_local",
        &[
            ("2376", FOR_LOCAL_TABLE.to_string()),
            ("8999", secdocker.address.port().to_string()),
            ("0x5d", "0x5ee".to_owned()),
        ],
    );
    for address in ["127.0.0.1", "10.77.0.1", "[::1]", "[fd77::1]"] {
        let docker = Docker::at(format!("tcp://{address}:{FOR_LOCAL_TABLE}"));
        let info = docker.run(&["info", "--format", "{{json .}}"]).ok();
        assert_eq!(engine_of(&info), redirected().label(), "{address}");
        let refused = docker.run(&["create", "--privileged", "probe:1"]).fails(1);
        assert!(refused.contains("SecDocker: forbidden"), "{address}: {refused}");
    }
}

/// What SecDocker asks the engine passes by too: a create is judged by the image's own user.
#[test]
fn look_ups_are_not_redirected_either() {
    let rules = "listen:\n  transparent: true\nupstream_mark: 0x5ed\nrestrictions:\n  users: [root]\n  images: ['a:1']\n";
    let secdocker = secdocker(rules);
    let port = secdocker.address.port();
    let _redirect = Redirect::new(&format!(
        "OUTPUT -p tcp --dport {FOR_LOOK_UPS} -m mark ! --mark 0x5ed -j REDIRECT --to-port {port}"
    ));
    let docker = Docker::at(format!("tcp://127.0.0.1:{FOR_LOOK_UPS}"));
    docker.run(&["create", "--user", "1000", "probe:1", "true"]).ok();
    let refused = docker.run(&["create", "probe:1", "true"]).fails(1);
    assert!(refused.contains("the image's own user root"), "{refused}");
    let log = secdocker.log();
    let asked = log.lines().filter(|line| line.contains("/json")).count();
    assert_eq!(asked, 0, "a look-up came back to SecDocker:\n{log}");
}

/// The same without the mark leads SecDocker's connections back to SecDocker.
#[test]
fn a_redirection_of_its_own_connections_ends_at_once() {
    let secdocker = secdocker(RULES);
    let port = secdocker.address.port();
    let before = secdocker.descriptors();
    let _redirect =
        Redirect::new(&format!("OUTPUT -p tcp --dport {FOR_LOOPS} -j REDIRECT --to-port {port}"));
    for address in [
        SocketAddr::from((Ipv4Addr::LOCALHOST, FOR_LOOPS)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, FOR_LOOPS)),
    ] {
        let mut client = Client::tcp(address);
        let answer = client.ask(get("/_ping"));
        assert_eq!(answer.status, 508, "{address}: {}", answer.text());
        assert!(answer.message().starts_with("SecDocker: "), "{address}: {}", answer.text());
        assert!(secdocker.descriptors() < before + 12, "{address}: descriptors are used up");
    }
    assert_serves(&secdocker);
}

/// `dockerapi` that is SecDocker's own address stops the start.
#[test]
fn it_does_not_serve_itself() {
    let port = sandbox::port();
    let directory = sandbox::directory("itself");
    for listen in ["127.0.0.1", "[::]"] {
        let config =
            format!("dockerapi: \"tcp://127.0.0.1:{port}\"\nlisten:\n  allow_plain: true\n");
        fs::write(directory.join("config.yml"), config).unwrap();
        let mut secdocker = support::firewall::command();
        secdocker.current_dir(&directory).args(["--listen", &format!("{listen}:{port}")]);
        let complaint = run(&mut secdocker, b"").fails(2);
        assert!(complaint.contains("config.yml:1: dockerapi"), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[track_caller]
fn assert_serves(secdocker: &SecDocker) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, secdocker.address.port()));
    assert_eq!(Client::tcp(address).ask(get("/_ping")).status, 200, "it still serves");
}

/// A client that asked for a port where nobody listens hears so, as from the engine's side.
#[test]
fn a_redirected_client_of_nobody_gets_502() {
    let secdocker = secdocker(RULES);
    let port = secdocker.address.port();
    let _redirect =
        Redirect::new(&format!("PREROUTING -p tcp --dport 2399 -j REDIRECT --to-port {port}"));
    let curl = in_client("curl -sS -w ' %{http_code}' http://10.77.0.1:2399/info").ok();
    assert!(curl.contains("SecDocker: ") && curl.ends_with(" 502"), "{curl}");
}

/// Behind a redirection the client's own socket says that it is connected to the engine.
#[test]
fn users_are_known_behind_a_redirection_of_local_traffic() {
    let list = "clients:\n  - name: runner\n    match: {user: 5001}\n  - default: refuse\n";
    let secdocker =
        secdocker(&format!("listen:\n  transparent: true\nupstream_mark: 0x5ec\n{list}"));
    let port = secdocker.address.port();
    let _redirect = Redirect::new(&format!(
        "OUTPUT -p tcp --dport {FOR_USERS} -m mark ! --mark 0x5ec -j REDIRECT --to-port {port}"
    ));
    for address in ["127.0.0.1", "10.77.0.1", "[::1]", "[fd77::1]"] {
        let status = |uid: &str| {
            let user = format!("setpriv --reuid {uid} --regid {uid} --clear-groups");
            let url = format!("http://{address}:{FOR_USERS}/info");
            sh(&format!("{user} curl -sS -g -o /dev/null -w '%{{http_code}}' {url}")).ok()
        };
        assert_eq!(status("5001"), "200", "{address}");
        assert_eq!(status("5003"), "403", "{address}: another user");
    }
}
