//! `secdocker redirect`: rules that lead clients to SecDocker, by nft and by iptables, for IPv4 and IPv6, set
//! whole or not at all, and tried from a network of their own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use std::fs;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use support::networks::{self, sh};
use support::{Daemon, Finished, SecDocker, document, run, sandbox};

const RULES: &str =
    "upstream_mark: 0x5ec\nlisten:\n  transparent: true\nrestrictions:\n  privileged: true\n";
const BACKENDS: [&str; 2] = ["nft", "iptables"];
const ADDRESSES: [&str; 2] = ["10.77.0.1", "[fd77::1]"];
const LOCAL_ADDRESSES: [&str; 4] = ["127.0.0.1", "[::1]", "10.77.0.1", "[fd77::1]"];
/// Where the engine listens.
const PORT: u16 = 2375;

/// The rules are the network's: one test at a time, and none leaves any.
struct Turn {
    _guard: MutexGuard<'static, ()>,
}

impl Turn {
    fn take() -> Turn {
        static TURN: Mutex<()> = Mutex::new(());
        let guard = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        clear();
        Turn { _guard: guard }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        clear();
    }
}

fn clear() {
    run(support::firewall::command().args(["redirect", "remove"]), b"");
}

/// The engine of redirected clients.
fn engine() -> &'static Daemon {
    static DAEMON: OnceLock<Daemon> = OnceLock::new();
    DAEMON.get_or_init(|| {
        networks::connect();
        Daemon::on_network(&["--tls=false", &format!("--host=tcp://[::]:{PORT}")])
    })
}

/// SecDocker on every address, and the command that has its configuration.
struct Firewall(SecDocker);

impl Firewall {
    fn start() -> Firewall {
        let config = support::firewall::config(&engine().socket(), RULES);
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, sandbox::port()));
        Firewall(SecDocker::start_at(address, &config, &[]))
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = support::firewall::command();
        command.arg("redirect").args(arguments.split_whitespace());
        command.arg("--config").arg(self.0.config_path());
        command.args(["--listen", &self.0.address.to_string()]);
        command
    }

    fn redirect(&self, arguments: &str) -> Finished {
        run(&mut self.command(arguments), b"")
    }

    /// The same, as it is run by this program.
    fn by(&self, program: &str, arguments: &str) -> Finished {
        let command = self.command(arguments);
        let mut outer = Command::new("bash");
        outer.args(["-c", &format!("exec {program} \"$@\""), "bash"]);
        outer.arg(command.get_program()).args(command.get_args());
        run(&mut outer, b"")
    }
}

/// What a request is answered that SecDocker refuses and the engine does not: by whom, then.
fn answered(prefix: &str, address: &str) -> &'static str {
    let body = r#"{"Image":"a","HostConfig":{"Privileged":true}}"#;
    let url = format!("http://{address}:{PORT}/containers/create");
    let request = "curl -sS -g -m 60 -H Content-Type:application/json";
    let answer = sh(&format!("{prefix} {request} -d '{body}' {url}")).ok();
    match answer {
        text if text.contains("SecDocker: forbidden") => "SecDocker",
        text if text.contains("No such image") => "engine",
        text => panic!("{prefix} {url}: {text}"),
    }
}

fn from_outside() -> [&'static str; 2] {
    ADDRESSES.map(|address| answered("ip netns exec client", address))
}

fn from_here() -> [&'static str; 4] {
    LOCAL_ADDRESSES.map(|address| answered("", address))
}

/// All rules of this network.
fn all_rules() -> String {
    let listings = ["nft list ruleset", "iptables -t nat -S", "ip6tables -t nat -S"];
    listings.map(|command| sh(command).text()).join("\n")
}

/// One that does without IPv6 has no address of it to be tried from.
#[test]
fn a_host_without_ipv6_is_looked_at_all_the_same() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    let disable = |it: u8| sh(&format!("sysctl -qw net.ipv6.conf.default.disable_ipv6={it}")).ok();
    disable(1);
    let status = firewall.redirect("status");
    disable(0);
    let text = status.text();
    assert!(text.contains("From another network, IPv4, port 2375: "), "{text}");
    assert!(!text.contains("IPv6, port"), "{text}");
}

#[test]
fn other_hosts_are_led_to_it_and_back() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    assert_eq!(from_outside(), ["engine", "engine"]);
    let before = all_rules();
    for backend in BACKENDS {
        let add = format!("add --port {PORT} --backend {backend}");
        let said = firewall.redirect(&add).ok();
        let port = firewall.0.address.port();
        let expected =
            format!("the redirect is set by {backend}: TCP port {PORT} to port {port}, IPv4 and");
        assert!(said.contains(&expected), "{said}");
        assert_eq!(from_outside(), ["SecDocker", "SecDocker"], "{backend}");
        assert_eq!(from_here(), ["engine"; 4], "{backend}: --local was not said");
        let once = all_rules();
        let again = firewall.redirect(&add).ok();
        assert!(again.contains("was set already"), "{again}");
        assert_eq!((again.lines().count(), all_rules()), (1, once), "{backend}: twice is once");
        let other = if backend == "nft" { "iptables" } else { "nft" };
        let refused = firewall.redirect(&format!("add --backend {other}")).fails(2);
        assert!(
            refused.contains(&format!("{backend} has a redirect of SecDocker's already")),
            "{refused}"
        );
        let removed = firewall.redirect("remove").ok();
        assert_eq!(removed, format!("secdocker: the redirect by {backend} is taken away"));
        assert_eq!(from_outside(), ["engine", "engine"], "{backend}");
        assert_eq!(firewall.redirect("remove").ok(), "secdocker: there was no redirect");
        let without_empty = |rules: String| rules.replace("-P ", "");
        let after = all_rules();
        assert!(!after.contains("SECDOCKER") && !after.contains("secdocker"), "{after}");
        assert_eq!(
            without_empty(after).lines().filter(|l| l.contains("-A ")).count(),
            without_empty(before.clone()).lines().filter(|l| l.contains("-A ")).count()
        );
    }
}

#[test]
fn one_family_alone_is_led_there() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    for backend in BACKENDS {
        for (family, expected) in [("4", ["SecDocker", "engine"]), ("6", ["engine", "SecDocker"])] {
            let add = format!("add --port {PORT} --backend {backend} --family {family}");
            firewall.redirect(&add).ok();
            assert_eq!(from_outside(), expected, "{add}");
            let refused = firewall.redirect("remove --port 2376").fails(2);
            assert!(refused.contains("the redirect is of more than these ports"), "{refused}");
            assert_eq!(from_outside(), expected, "{add}");
        }
        firewall.redirect(&format!("remove --port {PORT} --backend {backend} --family both")).ok();
    }
}

/// SecDocker's own connections carry the mark, and are not led back to it.
#[test]
fn clients_of_this_host_are_led_to_it_too() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    for backend in BACKENDS {
        firewall.redirect(&format!("add --port {PORT},2376 --local --backend {backend}")).ok();
        assert_eq!(from_here(), ["SecDocker"; 4], "{backend}");
        assert_eq!(from_outside(), ["SecDocker", "SecDocker"], "{backend}");
        for address in LOCAL_ADDRESSES {
            let version = sh(&format!("curl -sS -g -m 60 http://{address}:{PORT}/version")).ok();
            assert!(version.contains("ApiVersion"), "{backend}, {address}: {version}");
        }
        // Fewer in their place: what is not wanted any more is gone.
        let said = firewall.redirect(&format!("add --port {PORT} --backend {backend}")).ok();
        assert!(said.contains("is set in place of the one before"), "{said}");
        assert_eq!(from_here(), ["engine"; 4], "{backend}");
        assert_eq!(from_outside(), ["SecDocker", "SecDocker"], "{backend}");
        firewall.redirect("remove").ok();
    }
}

/// A chain that somebody emptied, or a jump that is gone, is set anew.
#[test]
fn what_is_damaged_is_told_and_mended() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    let table = [
        ("iptables", "ip6tables -t nat -D PREROUTING -j SECDOCKER"),
        ("iptables", "iptables -t nat -F SECDOCKER"),
        ("nft", "nft flush chain inet secdocker_redirect prerouting"),
    ];
    for (backend, damage) in table {
        let add = format!("add --port {PORT} --backend {backend}");
        firewall.redirect(&add).ok();
        sh(damage).ok();
        let status = firewall.redirect("status");
        assert_eq!(status.status.code(), Some(1), "{status}");
        assert!(
            status.text().contains(&format!("The redirect by {backend} is damaged")),
            "{status}"
        );
        firewall.redirect(&add).ok();
        assert_eq!(from_outside(), ["SecDocker", "SecDocker"], "{damage}");
        firewall.redirect("remove").ok();
    }
}

#[test]
fn what_can_not_be_set_is_one_sentence_and_nothing_is_half_done() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    let folder = sandbox::directory("broken");
    let broken = folder.join("ip6tables-restore");
    fs::write(&broken, "#!/bin/sh\necho 'ip6tables-restore: line 3 failed' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let broken = format!("env PATH={}:$PATH", folder.display());
    let table = [
        (
            "setpriv --bounding-set -net_admin",
            "nft",
            "the rules of a redirect need root, or CAP_NET_ADMIN",
        ),
        ("setpriv --bounding-set -net_admin", "iptables", "the rules of a redirect need root, or"),
        (broken.as_str(), "iptables", "ip6tables-restore: ip6tables-restore: line 3 failed"),
    ];
    let before = all_rules();
    for (program, backend, expected) in table {
        let complaint = firewall.by(program, &format!("add --backend {backend}")).fails(2);
        assert!(complaint.contains(expected), "{program}, {backend}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        let after = all_rules();
        let of_ours = |rules: &str| rules.lines().filter(|line| line.contains("8999")).count();
        assert_eq!(of_ours(&after), of_ours(&before), "{program}, {backend}");
        assert!(!after.contains("SECDOCKER") && !after.contains("secdocker"), "{program}: {after}");
    }
    // What was there before is there again.
    firewall.redirect(&format!("add --port {PORT} --backend iptables")).ok();
    firewall.by(&broken, &format!("add --port {PORT},2376 --backend iptables")).fails(2);
    let again = firewall.redirect(&format!("add --port {PORT} --backend iptables")).ok();
    assert!(again.contains("was set already"), "{again}");
    assert_eq!(from_outside(), ["SecDocker", "SecDocker"]);
}

/// A network where docker has set up nothing: the redirect stands by itself, in one sentence.
#[test]
fn dockers_chains_may_be_missing() {
    let firewall = Firewall::start();
    for backend in BACKENDS {
        let said = firewall.by("unshare --net", &format!("add --local --backend {backend}")).ok();
        assert!(said.contains("docker's own chains are missing here"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// An engine that writes its own rules anew whenever it starts.
#[test]
fn restarts_of_docker_leave_it_in_force() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    let engine = Daemon::fresh(&[]);
    for backend in BACKENDS {
        firewall.redirect(&format!("add --port {PORT} --local --backend {backend}")).ok();
        engine.stop();
        engine.restart();
        assert!(all_rules().contains("DOCKER"), "the engine has rules of its own");
        assert_eq!(from_outside(), ["SecDocker", "SecDocker"], "{backend}");
        assert_eq!(from_here(), ["SecDocker"; 4], "{backend}");
        let again =
            firewall.redirect(&format!("add --port {PORT} --local --backend {backend}")).ok();
        assert!(again.contains("was set already"), "{again}");
        firewall.redirect("remove").ok();
    }
}

#[test]
fn the_rules_that_are_shown_are_what_the_programs_take() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    let nft = firewall.redirect("show --local --backend nft").ok();
    run(Command::new("nft").args(["-c", "-f", "-"]), format!("{nft}\n").as_bytes()).ok();
    assert!(nft.contains("meta mark != 0x5ec"), "{nft}");
    let shown = firewall.redirect("show --local --backend iptables --family 4").ok();
    assert!(shown.starts_with("# for iptables-restore --noflush\n"), "{shown}");
    let rules = format!("{shown}\n");
    run(Command::new("iptables-restore").args(["--noflush"]), rules.as_bytes()).ok();
    let said = firewall.redirect("add --local --backend iptables --family 4").ok();
    assert!(said.contains("was set already"), "{said}");
}

/// Connections are really made: rules alone prove nothing.
#[test]
fn status_tries_it_and_tells_what_leads_past_it() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    let status = firewall.redirect("status");
    let text = status.text();
    assert_eq!(status.status.code(), Some(1), "{status}");
    for line in [
        "There is no redirect.",
        "Warning: From another network, IPv4, port 2375: the daemon itself answers, past SecDocker.",
        "Warning: From this host, IPv6, port 2375: the daemon itself answers, past SecDocker.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for backend in BACKENDS {
        firewall.redirect(&format!("add --port {PORT} --backend {backend}")).ok();
        let status = firewall.redirect("status");
        let text = status.text();
        assert_eq!(status.status.code(), Some(1), "this host is not redirected: {status}");
        assert!(
            text.contains("From another network, IPv6, port 2375: SecDocker answers."),
            "{text}"
        );
        assert!(
            text.contains("Warning: From this host, IPv4, port 2375: the daemon itself"),
            "{text}"
        );
        firewall.redirect(&format!("add --port {PORT} --local --backend {backend}")).ok();
        let status = firewall.redirect("status");
        let text = status.ok();
        assert!(
            text.contains(&format!("The redirect is set by {backend}: TCP port 2375")),
            "{text}"
        );
        assert!(text.contains("From this host, IPv4, port 2375: SecDocker answers."), "{text}");
        assert!(
            text.ends_with("Every connection over TCP that was tried comes to SecDocker."),
            "{text}"
        );
        firewall.redirect("remove").ok();
    }
    assert!(!sh("ip link").ok().contains("secd"), "the network of the attempt is gone");
    // Rules that lead to nobody are no redirect.
    let config = firewall.0.config_path();
    let nowhere = format!("add --port {PORT} --local --config {}", config.display());
    let mut command = support::firewall::command();
    command.arg("redirect").args(nowhere.split_whitespace()).args(["--tcp", "19999"]);
    run(&mut command, b"").ok();
    let status = firewall.redirect("status");
    assert_eq!(status.status.code(), Some(1), "{status}");
    assert!(status.text().contains("port 2375: nobody answers (connection refused)"), "{status}");
}

/// Each command of docs/DEPLOYMENT.md, with the configuration of the test.
#[test]
fn it_is_done_as_the_document_says() {
    let _turn = Turn::take();
    let firewall = Firewall::start();
    let block = document::block("docs/DEPLOYMENT.md", "# secdocker redirect");
    let commands = block.commands();
    let typed = |at: usize| commands[at].strip_prefix("secdocker redirect ").unwrap().to_owned();
    let before = all_rules();
    assert!(firewall.redirect(&typed(0)).ok().contains("tcp dport { 2375, 2376 }"));
    assert_eq!(all_rules(), before, "nothing is changed");
    let set = |rules: &str| rules.matches("SECDOCKER").count() + rules.matches("secdocker").count();
    firewall.redirect(&typed(1)).ok();
    let once = all_rules();
    assert!(set(&once) > set(&before), "{once}");
    firewall.redirect(&typed(1)).ok();
    assert_eq!(all_rules(), once, "a second time changes nothing");
    let status = firewall.redirect(&typed(2)).ok();
    assert!(
        status.contains("From another network, IPv4, port 2376: SecDocker answers."),
        "{status}"
    );
    firewall.redirect(&typed(3)).ok();
    assert_eq!(set(&all_rules()), 0);
}
