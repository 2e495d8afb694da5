//! What a stranger can make a server do before anything is known of him, and a client that is known after it.

use std::io::Read;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConnection, ServerConfig};

use super::*;

/// A client that does whatever rustls lets it do, before one of our servers.
struct Before {
    client: ClientConnection,
    server: Session,
    got: Vec<u8>,
}

impl Before {
    fn new(config: ClientConfig, server: &Server) -> Self {
        let name = rustls::pki_types::ServerName::try_from("daemon.example").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        Self { client, server: Session::accept(server).unwrap(), got: Vec::new() }
    }

    /// What the client has to say.
    fn said(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut said).unwrap();
        }
        said
    }

    /// Gives bytes to the server, and its reply to the client.
    fn tell(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut buffer = vec![0; self.server.buffer_bytes_min() + bytes.len()];
        let kept = self.server.resume(&mut buffer);
        buffer[kept..kept + bytes.len()].copy_from_slice(bytes);
        buffer.truncate(kept + bytes.len());
        let (mut out, got) = (Outgoing::default(), &mut self.got);
        let received =
            self.server.receive(&mut buffer, &mut |plain| got.extend_from_slice(plain), &mut out);
        let mut reply = out.as_slice();
        while !reply.is_empty() {
            self.client.read_tls(&mut reply).unwrap();
            // The server's refusal is what is looked at.
            drop(self.client.process_new_packets());
        }
        received.map(drop)
    }

    /// Goes on until the client has nothing more to say.
    fn talk(&mut self) -> Result<(), Error> {
        loop {
            let said = self.said();
            if said.is_empty() {
                return Ok(());
            }
            self.tell(&said)?;
        }
    }
}

/// A client of a house that shows these certificates.
fn showing(house: &House, shown: &[&str], key: &str) -> ClientConfig {
    let chain = shown.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()));
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(house.authority.certificate.as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[&TLS13]).unwrap().with_root_certificates(roots);
    config.with_client_auth_cert(chain, key).unwrap()
}

/// A server of rustls's own making, without the bounds of ours.
fn server_config() -> rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    config.with_protocol_versions(&[&TLS12, &TLS13]).unwrap().with_no_client_auth()
}

/// Twenty certificates that all have one name make webpki look at tens of thousands of orders.
#[test]
fn a_chain_has_one_order() {
    let house = House::new();
    let server = house.server(ClientCertificates::Require);
    let between = house.authority.intermediate("Between");
    let below = between.intermediate("Below");
    let leaf = below.issue(&Leaf::client("ops"));
    let forged = Authority::new("Between");
    let mut many = vec![below.certificate.as_str(), &between.certificate];
    many.resize(20, &forged.certificate);
    let same_name = "it has sent two certificates of issuers of one name";
    for (issuers, expected) in [
        (vec![&*below.certificate, &between.certificate], None),
        // In any order, and with the authority itself.
        (vec![&*between.certificate, &house.authority.certificate, &below.certificate], None),
        (vec![&*below.certificate, &between.certificate, &forged.certificate], Some(same_name)),
        (vec![&*below.certificate, &between.certificate, &between.certificate], Some(same_name)),
        (many, Some("it has sent more than 6 certificates of issuers")),
        (
            vec![&*below.certificate],
            Some("its certificate is not from an authority that is trusted"),
        ),
    ] {
        let shown = [vec![&*leaf.certificate], issuers].concat();
        let mut before = Before::new(showing(&house, &shown, &leaf.key), &server);
        let error = before.talk().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected);
        assert_eq!(before.server.is_handshaking(), expected.is_some());
    }
}

/// The same of a daemon, whom a redirected client may have chosen.
#[test]
fn the_chain_of_a_daemon_has_one_order() {
    let house = House::new();
    let between = house.authority.intermediate("Between");
    let leaf = between.issue(&Leaf::server("daemon", &["daemon.example"]));
    let forged = Authority::new("Between");
    let mut server = house.server(ClientCertificates::None);
    for (issuers, expected) in [
        (&[&between.certificate][..], None),
        (
            &[&forged.certificate, &between.certificate],
            Some("it has sent two certificates of issuers of one name"),
        ),
    ] {
        let pems = std::iter::once(&leaf.certificate).chain(issuers.iter().copied());
        let chain = pems.map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap());
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
        let config = server_config().with_single_cert(chain.collect(), key).unwrap();
        server.config = Arc::new(config);
        let mut line = Line::new(&house.client(None), &server);
        let error = line.carry(usize::MAX).err().map(|(whose, error)| (whose, error.to_string()));
        assert_eq!(error, expected.map(|text| (CLIENT, text.to_owned())));
    }
}

/// Each new key costs several hashes, and a record that asks for one has 27 bytes.
#[test]
fn a_flood_of_new_keys_ends_the_session() {
    let house = House::new();
    let config = showing(&house, &[&house.client.certificate], &house.client.key);
    let mut before = Before::new(config, &house.server(ClientCertificates::Require));
    before.talk().unwrap();
    assert!(!before.server.is_handshaking());
    let error = (0..40).find_map(|_| {
        before.client.refresh_traffic_keys().unwrap();
        let said = before.said();
        before.tell(&said).err()
    });
    assert!(error.unwrap().to_string().contains("TooManyKeyUpdateRequests"));
}

/// Data that comes with a resumed handshake could be sent twice by anyone who has seen it.
#[test]
fn no_data_is_taken_before_the_handshake_is_over() {
    let house = House::new();
    let server = house.server(ClientCertificates::Require);
    assert_eq!(server.config.max_early_data_size, 0);
    let mut config = showing(&house, &[&house.client.certificate], &house.client.key);
    config.enable_early_data = true;
    for round in 0..2 {
        let mut before = Before::new(config.clone(), &server);
        assert!(before.client.early_data().is_none(), "no ticket allows it");
        before.talk().unwrap();
        assert_eq!(before.server.describe(), ["TLS 1.3", "TLS 1.3, resumed"][round]);
    }
    // What another server has allowed.
    config.resumption = rustls::client::Resumption::in_memory_sessions(4);
    let chain = CertificateDer::from_pem_slice(house.server.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(house.server.key.as_bytes()).unwrap();
    let mut settings = server_config().with_single_cert(vec![chain], key).unwrap();
    settings.max_early_data_size = 1000;
    let mut lax = server.clone();
    lax.config = Arc::new(settings);
    let mut before = Before::new(config.clone(), &lax);
    before.talk().unwrap();
    let mut before = Before::new(config, &server);
    use std::io::Write;
    before.client.early_data().unwrap().write_all(b"GET / HTTP/1.1").unwrap();
    before.talk().unwrap();
    assert!(before.got.is_empty(), "it was skipped");
    assert!(!before.client.is_early_data_accepted());
}

/// The first message in records of these sizes.
fn cut(hello: &[u8], sizes: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut rest = &hello[5..];
    let mut records = Vec::new();
    for size in sizes {
        let (now, later) = rest.split_at(size.min(rest.len()));
        if !now.is_empty() {
            let length = u16::try_from(now.len()).unwrap().to_be_bytes();
            records.extend([&[HANDSHAKE, 3, 1][..], &length, now].concat());
        }
        rest = later;
    }
    records
}

#[test]
fn a_first_message_may_come_in_any_records() {
    let house = House::new();
    let config = showing(&house, &[&house.client.certificate], &house.client.key);
    let server = house.server(ClientCertificates::Require);
    for size in [1, 2, 3, 50] {
        for piece in [1, 6, 1000] {
            let mut before = Before::new(config.clone(), &server);
            let records = cut(&before.said(), std::iter::repeat_n(size, 1000));
            for piece in records.chunks(piece) {
                before.tell(piece).unwrap();
            }
            before.talk().unwrap();
            assert!(!before.server.is_handshaking());
        }
    }
    // Records of nothing.
    let mut before = Before::new(config, &server);
    let empty = [HANDSHAKE, 3, 1, 0, 0].repeat(10);
    assert!(before.tell(&empty).is_err());
}

/// However it is cut: a message is refused by its length, not by how it came.
#[test]
fn a_long_message_is_refused_in_whatever_pieces_it_comes() {
    let house = House::new();
    let server = house.server(ClientCertificates::None);
    for (length, is_refused) in [(12_000_u16, false), (20_000, true), (60_000, true)] {
        for (record, piece) in [(16_384, 1_000), (16_384, usize::MAX), (100, usize::MAX)] {
            let mut session = Session::accept(&server).unwrap();
            let mut message = vec![1, 0];
            message.extend(length.to_be_bytes());
            // All of it but the last byte: what it says is never looked at.
            message.resize(usize::from(length) + 3, 0);
            let wire = cut(&[&[0; 5], &*message].concat(), std::iter::repeat_n(record, 1000));
            let mut wire = &*wire;
            let mut refused = false;
            while !wire.is_empty() && !refused {
                let mut buffer = vec![0; session.buffer_bytes_min()];
                let kept = session.resume(&mut buffer);
                let most = piece.min(session.read_bytes_max()).min(buffer.len() - kept);
                let count = wire.read(&mut buffer[kept..kept + most]).unwrap();
                let mut out = Outgoing::default();
                refused =
                    session.receive(&mut buffer[..kept + count], &mut |_| {}, &mut out).is_err();
            }
            assert_eq!(refused, is_refused, "{length} in records of {record}, pieces of {piece}");
        }
    }
}
