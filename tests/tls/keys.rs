//! Large RSA keys, which docker's documentation has everybody make: a signature takes milliseconds, and no loop
//! stands still for it.

use super::support::authority::Leaf;
use super::support::client::{Client, get};
use super::support::tls::House;
use super::support::{SecDocker, firewall, run};
use super::{connect, engine, start, write};
use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::OnceLock;

/// A private key of so many bits.
fn rsa(bits: usize) -> String {
    let bits = format!("rsa_keygen_bits:{bits}");
    let arguments = ["genpkey", "-algorithm", "RSA", "-pkeyopt", &bits];
    run(Command::new("openssl").args(arguments), b"").ok() + "\n"
}

/// A house of which both keys have 3072 bits, of the authority that the engine trusts.
fn large() -> &'static House {
    static LARGE: OnceLock<House> = OnceLock::new();
    LARGE.get_or_init(|| {
        let house = House::new();
        let authority = &House::shared().authority;
        fs::write(house.file("ca.pem"), &authority.certificate).unwrap();
        let server = Leaf::server("daemon", &["localhost", "127.0.0.1"]);
        house.write("server-", &authority.issue_for_key(&server, &rsa(3072)));
        house.write("", &authority.issue_for_key(&Leaf::client("tester"), &rsa(3072)));
        house
    })
}

/// SecDocker with these keys on both sides.
fn both_sides(house: &House) -> SecDocker {
    engine();
    start(&format!(
        "dockerapi: tcp://localhost:2376\nlisten:\n  loops: 1\n{}{}",
        house.listen(""),
        house.upstream()
    ))
}

/// Whether it has threads that sign.
fn signs_elsewhere(secdocker: &SecDocker) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", secdocker.pid())).unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.into_iter().any(|name| name.trim() == "handshake")
}

#[test]
fn large_keys_sign_beside_the_loop() {
    let (house, large) = (House::shared(), large());
    let secdocker = both_sides(house);
    assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200);
    assert!(!signs_elsewhere(&secdocker), "small keys need no other thread");
    let secdocker = both_sides(large);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = house.client_of(Some(&house.pair()), &[version]);
        // The second time it is resumed.
        for _ in 0..2 {
            let mut client = Client::over_tls(secdocker.wire(), config.clone());
            assert_eq!(client.ask(get("/_ping")).status, 200);
            client.end_sending();
            assert!(client.is_closed());
        }
    }
    assert!(signs_elsewhere(&secdocker));
}

/// Many at once, some of whom have gone before the answer.
#[test]
fn whoever_leaves_in_the_middle_costs_the_others_nothing() {
    let secdocker = both_sides(large());
    let mut hello = Vec::new();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let config = House::shared().client(Some(&House::shared().pair()));
    rustls::ClientConnection::new(config.into(), name).unwrap().write_tls(&mut hello).unwrap();
    for count in [0, 1, 100, hello.len()] {
        secdocker.wire().write_all(&hello[..count]).unwrap();
    }
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200));
        }
    });
}

/// Of clients that can't be trusted the log says so, wherever the step was taken.
#[test]
fn refusals_are_the_same() {
    let secdocker = both_sides(large());
    let stranger = House::new();
    for (pair, expected) in [
        (None, "it has sent no certificate"),
        (Some(stranger.pair()), "not from an authority that is trusted"),
    ] {
        let config = House::shared().client(pair.as_ref());
        let mut client = Client::over_tls(secdocker.wire(), config);
        let asked = client.try_send(get("/_ping")).and_then(|()| client.read_more());
        assert!(asked.is_err());
        let line = secdocker.logs(expected);
        assert!(line.contains("TLS handshake failed"), "{line}");
    }
    // A daemon that is not the one that was meant.
    let upstream = large().upstream().replace("/ca.pem", "/cert.pem");
    let secdocker = start(&format!("dockerapi: tcp://localhost:2376\n{upstream}"));
    let answer = secdocker.plain().ask(get("/_ping"));
    assert_eq!(answer.status, 502);
    assert!(answer.message().contains("not from an authority"), "{}", answer.message());
}

/// What they cost is said all the same.
#[test]
fn slow_keys_are_told_of() {
    for (bits, is_slow) in [(2048, false), (3072, true)] {
        let authority = &House::shared().authority;
        let key = if is_slow {
            fs::read_to_string(large().file("server-key.pem")).unwrap()
        } else {
            rsa(bits)
        };
        let issued = authority.issue_for_key(&Leaf::server("rsa", &["localhost"]), &key);
        let house = House::new();
        house.write("server-", &issued);
        let [certificate, key] = ["server-cert.pem", "server-key.pem"].map(|name| house.file(name));
        let config = write(
            "config.yml",
            &format!("listen:\n  tls: {{certificate: {certificate}, key: {key}}}\n"),
        );
        let said = run(firewall::command().args(["check", &config]), b"").ok();
        assert_eq!(said.contains("is RSA with more than 2048 bits"), is_slow, "{said}");
    }
}
