//! Certificates that are renewed while clients are served.

use super::support::authority::Leaf;
use super::support::client::{Client, get};
use super::support::tls::House;
use super::support::{SecDocker, firewall, run, until};
use super::{connect, engine, start, write};
use rustix::process::Signal;
use rustls::ClientConfig;
use std::fs;

#[test]
fn certificates_are_renewed_without_closing_connections() {
    let (house, other) = (House::shared(), House::new());
    let files = House::new();
    let copy = |name: &str, from: &House| fs::copy(from.file(name), files.file(name)).unwrap();
    for name in ["ca.pem", "server-cert.pem", "server-key.pem"] {
        copy(name, house);
    }
    let listen = files.listen("");
    let secdocker =
        start(&format!("dockerapi: {}\nlisten:\n{listen}", engine().socket().display()));
    let mut open = connect(&secdocker);
    assert_eq!(open.ask(get("/_ping")).status, 200);

    // A key of another certificate: the old ones stay, and the log says so.
    copy("server-key.pem", &other);
    secdocker.signal(Signal::HUP);
    let line = secdocker.logs("listen.tls.key: the private key does not match the certificate");
    assert!(line.contains("configuration refused"), "{line}");
    assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200);

    // Another authority: who is of the old one is not trusted any more, but was when it came.
    for name in ["ca.pem", "server-cert.pem"] {
        copy(name, &other);
    }
    secdocker.reload_by(|| secdocker.signal(Signal::HUP));
    let stream = secdocker.wire();
    let config = other.client(Some(&other.pair()));
    let mut renewed = Client::over_tls(stream, config);
    assert_eq!(renewed.ask(get("/_ping")).status, 200);
    assert_eq!(open.ask(get("/_ping")).status, 200);
}

/// A client that goes on with the session that it has: whether it could, and the status of its answer.
fn resumed(secdocker: &SecDocker, config: &ClientConfig) -> Option<(bool, u16)> {
    let mut client = Client::over_tls(secdocker.wire(), config.clone());
    client.try_send(get("/_ping")).ok()?;
    client.read_more().ok().filter(|count| *count > 0)?;
    let status = client.answer().status;
    Some((client.is_resumed(), status))
}

/// Tickets are worth as much as what they were given for: the authority that is trusted, and the entry of `clients`.
#[test]
fn no_session_outlives_what_it_was_given_for() {
    let (house, other) = (House::shared(), House::new());
    let files = House::new();
    for name in ["server-cert.pem", "server-key.pem"] {
        fs::copy(house.file(name), files.file(name)).unwrap();
    }
    let trust = |both: &[&House]| {
        let all: String = both.iter().map(|house| house.authority.certificate.clone()).collect();
        fs::write(files.file("ca.pem"), all).unwrap();
    };
    trust(&[house, &other]);
    let list = "clients:\n  - name: ours\n    match: {certificate: {cn: tester, issuer: Test CA}}\n  - default: refuse\n";
    let config = |list: &str| {
        format!("dockerapi: {}\nlisten:\n{}{list}", engine().socket().display(), files.listen(""))
    };
    let secdocker = start(&config(list));
    for versions in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = house.client_of(Some(&house.pair()), &[versions]);
        assert_eq!(resumed(&secdocker, &client), Some((false, 200)));
        assert_eq!(resumed(&secdocker, &client), Some((true, 200)));
    }
    let client = house.client(Some(&house.pair()));
    assert_eq!(resumed(&secdocker, &client), Some((false, 200)));
    let mut open = connect(&secdocker);
    assert_eq!(open.ask(get("/_ping")).status, 200);

    // The entry goes: the session is resumed, and gives nothing.
    let reload = |list: &str, expected: Option<(bool, u16)>| {
        fs::write(secdocker.config_path(), config(list)).unwrap();
        secdocker.signal(Signal::HUP);
        until("the reload", || (resumed(&secdocker, &client) == expected).then_some(()));
    };
    reload(&list.replace("Test CA", "Another CA"), Some((true, 403)));
    assert_eq!(open.ask(get("/_ping")).status, 403, "on an open connection, too");

    // The authority goes: there is no session any more, and no other one.
    trust(&[&other]);
    reload("", None);
    secdocker.logs("not from an authority that is trusted");
}

#[test]
fn certificates_that_end_soon_are_told_of() {
    let house = House::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let leaf = Leaf::server("soon", &["localhost"])
        .until(i64::try_from(now).unwrap() + 12 * 86_400 + 3600);
    house.write("server-", &house.authority.issue(&leaf));
    let text = format!("dockerapi: {}\nlisten:\n{}", engine().socket().display(), house.listen(""));
    let config = write("config.yml", &text);
    let said = run(firewall::command().args(["check", &config]), b"").ok();
    assert!(
        said.contains("Warning: a certificate of listen.tls expires in 12 days, on "),
        "{said}"
    );
    let secdocker = start(&text);
    let line = secdocker.logs("expires in 12 days");
    assert!(line.contains("msg=\"certificate must be renewed\""), "{line}");
}
