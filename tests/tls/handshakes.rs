//! Handshakes as they should not be: each is refused with a reason in the log, and costs nobody else anything.

use super::support::authority::Leaf;
use super::support::client::{Client, get};
use super::support::tls::House;
use super::support::{Running, SecDocker, run};
use super::{both_sides, connect, engine, for_clients, start, write};
use rustls::ClientConfig;
use std::io::{Read, Write};
use std::process::Command;

/// What a client meets that connects like this.
fn error_of(secdocker: &SecDocker, config: ClientConfig) -> Option<String> {
    let stream = secdocker.wire();
    let mut client = Client::over_tls(stream, config);
    let asked = client.try_send(get("/_ping"));
    let read = asked.and_then(|()| client.read_more());
    match read {
        Ok(0) => Some("closed".to_owned()),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn certificates_of_clients() {
    let (house, stranger) = (House::shared(), House::new());
    let secdocker = for_clients("", "");
    let issue = |leaf: &Leaf| Some(house.authority.issue(leaf));
    let table = [
        (Some(house.pair()), None),
        (None, Some("it has sent no certificate")),
        (Some(stranger.pair()), Some("not from an authority that is trusted")),
        (issue(&Leaf::client("x").between(2019, 2020)), Some("its certificate has expired")),
        (issue(&Leaf::client("x").between(2090, 2091)), Some("its certificate is not valid yet")),
        (issue(&Leaf::server("x", &["x"])), Some("not for this use")),
    ];
    for (pair, expected) in table {
        let error = error_of(&secdocker, house.client(pair.as_ref()));
        assert_eq!(error.is_some(), expected.is_some(), "{error:?}, {expected:?}");
        if let Some(expected) = expected {
            let line = secdocker.logs(expected);
            assert!(line.contains("TLS handshake failed"), "{line}");
        }
    }
    // Whoever trusts another authority sees it, and says so.
    assert!(error_of(&secdocker, stranger.client(Some(&house.pair()))).is_some());
    secdocker.logs("it has refused the handshake");
    assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200);
}

#[test]
fn a_certificate_may_be_asked_for_or_not() {
    let (house, stranger) = (House::shared(), House::new());
    let asked = for_clients(", client_certificates: request", "");
    assert_eq!(error_of(&asked, house.client(None)), None);
    assert_eq!(error_of(&asked, house.client(Some(&house.pair()))), None);
    assert!(error_of(&asked, house.client(Some(&stranger.pair()))).is_some());
}

#[test]
fn certificates_of_the_daemon() {
    engine();
    let house = House::shared();
    let stranger = House::new();
    let ask = |config: &str| {
        let secdocker = start(config);
        let answer = secdocker.plain().ask(get("/_ping"));
        (answer.status, answer.message())
    };
    let [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map(|name| house.file(name));
    let pair = format!("certificate: {cert}, key: {key}");
    let with = |host: &str, keys: &str| {
        format!("dockerapi: tcp://{host}:2376\nupstream:\n  tls: {{{keys}}}\n")
    };
    let (status, _) = ask(&with("127.0.0.1", &format!("ca: {ca}, {pair}")));
    assert_eq!(status, 200);
    let (status, _) =
        ask(&with("127.0.0.1", &format!("ca: {ca}, {pair}, server_name: docker.example")));
    assert_eq!(status, 200);
    let others = stranger.file("ca.pem");
    for (config, expected) in [
        (
            with("localhost", &format!("ca: {others}, {pair}")),
            "not from an authority that is trusted",
        ),
        (
            with("localhost", &format!("ca: {ca}, {pair}, server_name: x.example")),
            "is not for x.example, but for",
        ),
        // TLS 1.3: the daemon refuses when it has already been asked.
        (with("localhost", &format!("ca: {ca}")), "alert"),
        (format!("dockerapi: {}\n", engine().socket().display()), ""),
    ] {
        let (status, message) = ask(&config);
        match expected {
            "" => assert_eq!(status, 200),
            _ => assert!(status == 502 && message.contains(expected), "{status} {message}"),
        }
    }
}

#[test]
fn what_is_no_handshake() {
    let secdocker = for_clients("", "limits:\n  handshake_time: 1s\n");
    let tls11 = [
        &[0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 2][..],
        &[7; 32],
        &[0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0],
    ]
    .concat();
    for (sent, expected) in [
        (&b"\x16\x03\x01\x00\x05hello"[..], "TLS handshake failed"),
        (&[0x16; 400], "TLS handshake failed"),
        (&tls11, "it speaks neither TLS 1.2 nor TLS 1.3"),
        // Nothing more comes of it.
        (b"\x16\x03\x01\x02\x00\x01", "the TLS handshake (`limits.handshake_time`)"),
        (b"\x80\x2e\x01\x00\x02", "speaks TLS only"),
    ] {
        let mut stream = secdocker.wire();
        stream.write_all(sent).unwrap();
        drop(stream.read_to_end(&mut Vec::new()));
        secdocker.logs(expected);
    }
    // Who says nothing at all is not waited for either: only TLS is spoken here.
    let mut silent = secdocker.wire();
    assert_eq!(silent.read_to_end(&mut Vec::new()).unwrap(), 0);
    assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200);
}

/// A handshake that comes byte by byte is one, and meanwhile others are served.
#[test]
fn a_handshake_byte_by_byte() {
    let house = House::shared();
    let secdocker = for_clients("", "");
    let config = std::sync::Arc::new(house.client(Some(&house.pair())));
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    let mut stream = secdocker.wire();
    let mut others = 0;
    while client.is_handshaking() || client.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        for (number, byte) in bytes.iter().enumerate() {
            stream.write_all(&[*byte]).unwrap();
            if number % 200 == 100 {
                assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200);
                others += 1;
            }
        }
        if client.is_handshaking() {
            client.read_tls(&mut stream).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    assert!(others > 1);
    let mut stream = rustls::StreamOwned::new(client, stream);
    stream.write_all(&get("/_ping")).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

/// `R` has OpenSSL's client ask for a new handshake in TLS 1.2.
#[test]
fn renegotiation_is_refused() {
    let secdocker = for_clients(", client_certificates: request", "");
    let script = format!(
        "exec openssl s_client -connect {} -tls1_2 -CAfile {} 2>&1",
        secdocker.address,
        House::shared().file("ca.pem")
    );
    let mut client = Running::start(Command::new("bash").args(["-c", &script]));
    client.send(b"R\n");
    client.says("RENEGOTIATING");
    client.says("no renegotiation");
    client.kill();
    assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200);
}

#[test]
fn plain_clients_may_be_served_on_the_same_port() {
    let secdocker = for_clients(", plain: allow", "");
    assert_eq!(secdocker.plain().ask(get("/_ping")).status, 200);
    assert_eq!(connect(&secdocker).ask(get("/_ping")).status, 200);
}

#[test]
fn plain_clients_are_told_why() {
    let secdocker = both_sides("");
    let answer = secdocker.plain().ask(get("/_ping"));
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("this port speaks TLS only"), "{}", answer.message());
}

/// What is wrong with a file is said with the line and the key; nothing starts.
#[test]
fn a_start_with_broken_files() {
    let (house, stranger) = (House::shared(), House::new());
    let [cert, key, ca] =
        ["server-cert.pem", "server-key.pem", "ca.pem"].map(|name| house.file(name));
    let others = stranger.file("server-key.pem");
    let text = write("text", "no PEM");
    for (tls, expected) in [
        (
            format!("{{certificate: {cert}, key: {others}}}"),
            "2: listen.tls.key: the private key does not match the certificate",
        ),
        (
            format!("{{certificate: {text}, key: {key}}}"),
            "2: listen.tls.certificate: the file has no certificate",
        ),
        (
            format!("{{certificate: {cert}, key: {text}}}"),
            "2: listen.tls.key: the file has no private key",
        ),
        (
            format!("{{certificate: {cert}, key: {key}, clients: {text}}}"),
            "2: listen.tls.clients: the authority cannot be used",
        ),
        (
            format!("{{certificate: {cert}, key: /no/file, clients: {ca}}}"),
            "2: listen.tls.key: cannot read /no/file",
        ),
    ] {
        let config = write("config.yml", &format!("listen:\n  tls: {tls}\n"));
        for arguments in [&["check"][..], &["run", "--config"]] {
            let mut command = super::support::firewall::command();
            let complaint = run(command.args(arguments).arg(&config), b"").fails(2);
            assert!(complaint.contains(expected), "{complaint}");
            assert_eq!(complaint.lines().count(), 1, "{complaint}");
        }
    }
}
