//! Certificates that are renewed while clients are served.

use super::support::authority::Leaf;
use super::support::client::get;
use super::support::tls::House;
use super::support::{firewall, run};
use super::{connect, engine, start, write};
use rustix::process::Signal;
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
    let line = secdocker.logs("listen.tls.key: the private key is not the one of the certificate");
    assert!(line.contains("configuration refused"), "{line}");
    assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200);

    // Another authority: who is of the old one is not trusted any more, but was when it came.
    for name in ["ca.pem", "server-cert.pem"] {
        copy(name, &other);
    }
    secdocker.reload_by(|| secdocker.signal(Signal::HUP));
    let stream = secdocker.wire();
    let config = other.client(Some(&other.pair()));
    let mut renewed = super::Client::over_tls(stream, config);
    assert_eq!(renewed.ask(get("/_ping")).status, 200);
    assert_eq!(open.ask(get("/_ping")).status, 200);
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
