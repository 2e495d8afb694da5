#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::*;

mod hostile;

#[path = "../../tests/support/authority.rs"]
#[allow(dead_code, reason = "shared with the end-to-end tests")]
pub(crate) mod authority;

use authority::{Authority, Issued, Leaf};

/// An authority, a server of it, and a client of it.
struct House {
    authority: Authority,
    server: Issued,
    client: Issued,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new("House CA");
        let server = authority.issue(&Leaf::server("daemon", &["daemon.example", "127.0.0.1"]));
        let client = Leaf::client("ops").email("ops@example").uri("spiffe://example/ops");
        let client = authority.issue(&client);
        Self { authority, server, client }
    }

    fn server(&self, asked: ClientCertificates) -> Server {
        self.server_with(&self.server, asked)
    }

    fn server_with(&self, pair: &Issued, asked: ClientCertificates) -> Server {
        let clients = Some(self.authority.certificate.as_bytes());
        Server::new(bytes(pair), clients, asked, PlainClients::Refuse).unwrap()
    }

    fn client(&self, pair: Option<&Issued>) -> Client {
        Client::new(self.authority.certificate.as_bytes(), pair.map(bytes)).unwrap()
    }
}

fn bytes(pair: &Issued) -> (&[u8], &[u8]) {
    (pair.certificate.as_bytes(), pair.key.as_bytes())
}

/// Both ends of a connection, and what is on its way between them.
struct Line {
    ends: [Session; 2],
    /// What each end has received.
    got: [Vec<u8>; 2],
    ended: [bool; 2],
    /// Written by each end, not yet received.
    wire: [Vec<u8>; 2],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl Line {
    fn new(client: &Client, server: &Server) -> Self {
        Self::named(client, server, "daemon.example")
    }

    fn named(client: &Client, server: &Server, name: &str) -> Self {
        let name = ServerName::parse(name).unwrap();
        let ends = [Session::connect(client, &name).unwrap(), Session::accept(server).unwrap()];
        let mut line =
            Self { ends, got: Default::default(), ended: [false; 2], wire: Default::default() };
        line.receive(CLIENT, &[]).unwrap();
        line
    }

    fn receive(&mut self, end: usize, bytes: &[u8]) -> Result<(), Error> {
        let mut buffer = vec![0; self.ends[end].buffer_bytes_min() + bytes.len()];
        let kept = self.ends[end].resume(&mut buffer);
        buffer[kept..kept + bytes.len()].copy_from_slice(bytes);
        buffer.truncate(kept + bytes.len());
        let mut out = Outgoing::default();
        let got = &mut self.got[end];
        let received = self.ends[end].receive(
            &mut buffer,
            &mut |plain| got.extend_from_slice(plain),
            &mut out,
        );
        self.wire[end].extend_from_slice(out.as_slice());
        self.ended[end] |= received?.ended;
        Ok(())
    }

    /// Carries bytes in pieces until nothing moves; the first error and whose it is.
    fn carry(&mut self, piece: usize) -> Result<(), (usize, Error)> {
        while self.wire.iter().any(|bytes| !bytes.is_empty()) {
            for from in [CLIENT, SERVER] {
                let bytes = std::mem::take(&mut self.wire[from]);
                for piece in bytes.chunks(piece) {
                    self.receive(1 - from, piece).map_err(|error| (1 - from, error))?;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, end: usize, plain: &[u8]) {
        let mut out = Outgoing::default();
        self.ends[end].send(plain, &mut out).unwrap();
        self.wire[end].extend_from_slice(out.as_slice());
    }

    fn end(&mut self, end: usize) {
        let mut out = Outgoing::default();
        self.ends[end].end(&mut out);
        self.wire[end].extend_from_slice(out.as_slice());
    }

    fn is_open(&self) -> bool {
        self.ends.iter().all(|end| !end.is_handshaking())
    }
}

/// A client of these versions, perhaps with a protocol to choose.
fn client_of(
    house: &House,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> Client {
    let mut roots = RootCertStore::empty();
    use rustls::pki_types::pem::PemObject;
    let der =
        rustls::pki_types::CertificateDer::from_pem_slice(house.authority.certificate.as_bytes());
    roots.add(der.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|one| one.to_vec()).collect();
    let mut client = house.client(None);
    client.config = Arc::new(config);
    client
}

#[test]
fn both_sides_talk_in_every_version_and_every_cut() {
    let house = House::new();
    let server = house.server(ClientCertificates::None);
    for version in [&TLS12, &TLS13] {
        for piece in [1, 7, 4096, usize::MAX] {
            let mut line = Line::new(&client_of(&house, &[version], &[]), &server);
            line.carry(piece).unwrap();
            assert!(line.is_open());
            let much: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
            line.send(CLIENT, b"GET / HTTP/1.1");
            line.send(SERVER, &much);
            line.carry(piece).unwrap();
            assert_eq!((&*line.got[SERVER], &line.got[CLIENT]), (&b"GET / HTTP/1.1"[..], &much));
            assert!(line.ends.iter().all(|end| end.kept.capacity() == 0), "nothing is kept");
        }
    }
}

#[test]
fn each_direction_ends_by_itself() {
    let house = House::new();
    let server = house.server(ClientCertificates::None);
    for version in [&TLS12, &TLS13] {
        let mut line = Line::new(&client_of(&house, &[version], &[]), &server);
        line.carry(usize::MAX).unwrap();
        line.send(CLIENT, b"x");
        line.end(CLIENT);
        line.carry(3).unwrap();
        assert_eq!((line.ended, &*line.got[SERVER]), ([false, true], &b"x"[..]));
        line.send(SERVER, b"answer");
        line.end(SERVER);
        line.carry(3).unwrap();
        assert_eq!((line.ended, &*line.got[CLIENT]), ([true, true], &b"answer"[..]));
    }
}

#[test]
fn a_certificate_says_who_the_client_is() {
    let house = House::new();
    let client = house.client(Some(&house.client));
    for asked in [ClientCertificates::Require, ClientCertificates::Request] {
        // The second time the session is resumed, and known all the same.
        let server = house.server(asked);
        for expected in ["TLS 1.3", "TLS 1.3, resumed"] {
            let mut line = Line::new(&client, &server);
            line.carry(usize::MAX).unwrap();
            assert_eq!(line.ends[SERVER].describe(), expected);
            let shown = line.ends[SERVER].client_certificate().unwrap();
            let names: Vec<_> = shown.names().collect();
            assert_eq!(names, ["ops", "ops@example", "spiffe://example/ops"]);
            assert_eq!((&shown.dns[..], &*shown.issuer), (&[][..], "CN=House CA"));
            assert_ne!(shown.fingerprint, shown.key_fingerprint);
        }
    }
    let mut line = Line::new(&house.client(None), &house.server(ClientCertificates::Request));
    line.carry(usize::MAX).unwrap();
    assert!(line.is_open() && line.ends[SERVER].client_certificate().is_none());
}

/// Settings that are made anew know no tickets of the old ones: they may have been given to clients of an
/// authority that is not trusted any more.
#[test]
fn no_session_outlives_the_settings_it_was_verified_by() {
    let house = House::new();
    let client = house.client(Some(&house.client));
    for server in [0, 1].map(|_| house.server(ClientCertificates::Require)) {
        let mut line = Line::new(&client, &server);
        line.carry(usize::MAX).unwrap();
        assert_eq!(line.ends[SERVER].describe(), "TLS 1.3");
    }
}

/// The clock of a server that saw a certificate while it was valid.
#[derive(Debug)]
struct In2019;

impl rustls::time_provider::TimeProvider for In2019 {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let since = std::time::Duration::from_secs(1_560_000_000);
        Some(rustls::pki_types::UnixTime::since_unix_epoch(since))
    }
}

/// A ticket comes with each resumption, too: nothing else would ever end it.
#[test]
fn no_session_outlives_the_certificate_that_began_it() {
    let house = House::new();
    let expired = house.authority.issue(&Leaf::client("ops").between(2019, 2020));
    for version in [&TLS12, &TLS13] {
        let client = resuming(&house, &[version], &expired);
        let mut server = house.server(ClientCertificates::Require);
        let mut config = rustls::ServerConfig::clone(&server.config);
        config.time_provider = Arc::new(In2019);
        server.config = Arc::new(config);
        let mut line = Line::new(&client, &server);
        line.carry(usize::MAX).unwrap();
        let mut line = Line::new(&client, &server);
        let (whose, error) = line.carry(usize::MAX).unwrap_err();
        assert_eq!(
            (whose, &*error.to_string()),
            (SERVER, "the certificate of the session that it resumes has expired")
        );
        assert!(line.ends[SERVER].is_handshaking() && line.got[SERVER].is_empty());
    }
}

/// A client with a certificate, of these versions.
fn resuming(
    house: &House,
    versions: &[&'static SupportedProtocolVersion],
    pair: &Issued,
) -> Client {
    let mut client = house.client(Some(pair));
    let mut config = ClientConfig::clone(&client_of(house, versions, &[]).config);
    config.client_auth_cert_resolver = Arc::clone(&client.config.client_auth_cert_resolver);
    client.config = Arc::new(config);
    client
}

/// Keys whose line breaks were lost, as by an environment variable.
#[test]
fn nothing_of_a_key_is_in_a_message() {
    let house = House::new();
    let (chain, key) = (house.client.certificate.as_bytes(), &house.client.key);
    let provider = rustls::crypto::ring::default_provider();
    for (broken, reason) in [
        (key.replace('\n', ""), "a section has no end line"),
        (key.replace("-----END", "----END"), "a section has no end line"),
        (
            key.replacen("KEY-----\n", "KEY-----", 1),
            "the line that begins a section has more in it",
        ),
        (key.replacen("KEY-----\n", "KEY-----\n!", 1), "what is between the lines is not Base64"),
    ] {
        let error = material::pair(chain, broken.as_bytes(), &provider).unwrap_err();
        assert_eq!(error.to_string(), format!("the file is not PEM with a private key: {reason}"));
    }
}

#[test]
fn who_is_not_trusted_is_told_why() {
    let house = House::new();
    let stranger = House::new();
    let server =
        |leaf: &Leaf| house.server_with(&house.authority.issue(leaf), ClientCertificates::None);
    let client = |leaf: &Leaf| house.client(Some(&house.authority.issue(leaf)));
    let good = || Leaf::server("daemon", &["daemon.example"]);
    let (none, required) =
        (house.server(ClientCertificates::None), house.server(ClientCertificates::Require));
    let refused = |client: &Client, server: &Server, name: &str| {
        let mut line = Line::named(client, server, name);
        let (whose, error) = line.carry(usize::MAX).unwrap_err();
        let alerted = line.wire[whose].first() == Some(&0x15) || !line.wire[whose].is_empty();
        assert!(alerted, "the other side is told: {error}");
        (whose, error.to_string())
    };
    let plain = house.client(None);
    let is = |whose, text: &str| (whose, text.to_owned());
    assert_eq!(
        refused(&stranger.client(None), &none, "daemon.example"),
        is(CLIENT, "its certificate is not from an authority that is trusted")
    );
    assert_eq!(
        refused(&plain, &server(&good().between(2019, 2020)), "daemon.example"),
        is(CLIENT, "its certificate has expired")
    );
    assert_eq!(
        refused(&plain, &server(&good().between(2090, 2091)), "daemon.example"),
        is(CLIENT, "its certificate is not valid yet")
    );
    let (whose, error) = refused(&plain, &none, "other.example");
    assert!(whose == CLIENT && error.contains("is not for other.example, but for"), "{error}");
    assert_eq!(
        refused(&plain, &server(&Leaf::client("daemon").between(2020, 2090)), "daemon.example").0,
        CLIENT
    );
    assert_eq!(refused(&plain, &required, "127.0.0.1"), is(SERVER, "it has sent no certificate"));
    assert_eq!(
        refused(&client(&Leaf::client("x").between(2019, 2020)), &required, "daemon.example"),
        is(SERVER, "its certificate has expired")
    );
    assert_eq!(
        refused(&client(&Leaf::client("x").between(2090, 2091)), &required, "daemon.example"),
        is(SERVER, "its certificate is not valid yet")
    );
    assert_eq!(
        refused(&client(&good()), &required, "daemon.example"),
        is(SERVER, "its certificate is not for this use (extended key usage)")
    );
    let of_stranger = house.client(Some(&stranger.client));
    assert_eq!(
        refused(&of_stranger, &required, "daemon.example"),
        is(SERVER, "its certificate is not from an authority that is trusted")
    );
}

#[test]
fn http2_is_never_negotiated() {
    let house = House::new();
    let server = house.server(ClientCertificates::None);
    for offered in [&[][..], &[&b"http/1.1"[..]], &[&b"h2"[..], &b"http/1.1"[..]]] {
        let mut line = Line::new(&client_of(&house, &[&TLS13], offered), &server);
        line.carry(usize::MAX).unwrap();
        assert_ne!(line.ends[CLIENT].common().alpn_protocol(), Some(&b"h2"[..]));
    }
    let mut line = Line::new(&client_of(&house, &[&TLS13], &[b"h2"]), &server);
    let (whose, error) = line.carry(usize::MAX).unwrap_err();
    assert_eq!((whose, &*error.to_string()), (SERVER, "it does not offer http/1.1 (ALPN)"));
}

#[test]
fn what_is_not_tls_ends_the_session() {
    let house = House::new();
    for garbage in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff, 1], &[0x16; 600], &[0; 64]]
    {
        let mut line = Line::new(&house.client(None), &house.server(ClientCertificates::None));
        let error = line.receive(SERVER, garbage);
        assert!(error.is_err() || line.ends[SERVER].is_handshaking(), "{garbage:?}");
        assert!(line.got[SERVER].is_empty());
    }
    // A byte that is changed on its way, and records that are left out.
    let mut line = Line::new(&house.client(None), &house.server(ClientCertificates::None));
    line.carry(usize::MAX).unwrap();
    line.send(CLIENT, b"secret");
    *line.wire[CLIENT].last_mut().unwrap() ^= 1;
    assert!(line.carry(usize::MAX).is_err() && line.got[SERVER].is_empty());
}

/// Nobody can have much kept before the handshake is over.
#[test]
fn a_handshake_without_end_is_refused() {
    let house = House::new();
    let mut line = Line::new(&house.client(None), &house.server(ClientCertificates::None));
    // A message of 60,000 bytes, in records of 16,384.
    let mut message = vec![1, 0, 0xea, 0x60];
    message.resize(60_004, 0);
    let mut kept = 0;
    for fragment in message.chunks(16_384) {
        let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
        let record = [&[0x16, 3, 1][..], &length, fragment].concat();
        if let Err(error) = line.receive(SERVER, &record) {
            assert!(error.to_string().contains("its handshake messages are too long"), "{error}");
            assert!(kept < 20_000, "{kept}");
            return;
        }
        kept = line.ends[SERVER].kept.len();
    }
    panic!("{kept} bytes are kept");
}

#[test]
fn material_that_does_not_fit_is_refused() {
    let (house, other) = (House::new(), House::new());
    let make = |chain: &str, key: &str| {
        let asked = ClientCertificates::None;
        Server::new((chain.as_bytes(), key.as_bytes()), None, asked, PlainClients::Refuse)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let (own, others) = (&house.server, &other.server);
    assert_eq!(make(&own.certificate, &own.key), Ok(()));
    let fails = |chain: &str, key: &str, why: &str| {
        let error = make(chain, key).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    fails(&own.certificate, &others.key, "does not match the certificate");
    fails("", &own.key, "no certificate in PEM form");
    fails(&own.certificate, "", "no private key in PEM form");
    fails(&own.certificate, &own.certificate, "no private key in PEM form");
    fails(&own.certificate.replace("END", "ENE"), &own.key, "is not PEM with a certificate");
    let cut = own.certificate.lines().enumerate().filter(|(number, _)| *number != 2);
    let cut: String = cut.map(|(_, line)| format!("{line}\n")).collect();
    fails(&cut, &own.key, "certificate 1 of the file cannot be read");
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fails(&own.certificate, encrypted, "a passphrase");
    // Chains.
    let between = house.authority.intermediate("Between");
    let leaf = between.issue(&Leaf::server("daemon", &["daemon.example"]));
    let chain = format!("{}{}", leaf.certificate, between.certificate);
    assert_eq!(make(&chain, &leaf.key), Ok(()));
    assert_eq!(make(&format!("{chain}{}", house.authority.certificate), &leaf.key), Ok(()));
    let wrong = format!("{}{}", leaf.certificate, house.authority.certificate);
    fails(&wrong, &leaf.key, "certificate 1 of the file was not issued by the one after it");
    let forged =
        format!("{}{}", leaf.certificate, other.authority.intermediate("Between").certificate);
    fails(&forged, &leaf.key, "the chain of certificates is not valid");
}

#[test]
fn settings_of_the_same_files_are_the_same() {
    let (house, other) = (House::new(), House::new());
    let asked = ClientCertificates::Require;
    assert_eq!(house.server(asked), house.server(asked));
    assert_ne!(house.server(asked), house.server(ClientCertificates::Request));
    assert_ne!(house.server(asked), other.server(asked));
    assert_eq!(house.client(None), house.client(None));
    assert_ne!(house.client(None), house.client(Some(&house.client)));
    assert!(!format!("{:?}", house.server(asked)).contains("PRIVATE"));
}

proptest::proptest! {
    /// Whatever is changed on its way, in whichever pieces it comes: an error at most.
    #[test]
    fn nothing_that_comes_panics(
        cut in 1_usize..600,
        changes in proptest::collection::vec((0_usize..4000, 1_u8..), 0..6),
        from in 0_usize..2,
        version in 0_usize..2,
        talks in 0_usize..3,
    ) {
        thread_local! {
            static HOUSE: House = House::new();
        }
        HOUSE.with(|house| {
            let versions: [&'static SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
            let mut line = Line::new(
                &client_of(house, &[versions[version]], &[]),
                &house.server(ClientCertificates::Request),
            );
            let mut changes = changes.clone();
            for _ in 0..4 {
                let place = line.wire[from].len();
                changes.retain_mut(|(at, with)| match line.wire[from].get_mut(*at) {
                    Some(byte) => {
                        *byte ^= *with;
                        false
                    }
                    None => {
                        *at -= place;
                        true
                    }
                });
                for end in [CLIENT, SERVER] {
                    let bytes = std::mem::take(&mut line.wire[end]);
                    for piece in bytes.chunks(cut) {
                        if line.receive(1 - end, piece).is_err() {
                            return;
                        }
                    }
                }
                if line.is_open() && talks > 0 {
                    line.send(from, &[b'x'; 40_000][..talks * 20_000]);
                }
            }
        });
    }
}
