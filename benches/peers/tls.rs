//! TLS 1.3 with an ECDSA P-256 certificate: what handshakes, requests, bytes and idle streams cost.
//!
//! One client at a time: the figures are those of the peers' processes, not of what the client can do.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rcgen::{CertificateParams, KeyPair};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};

use crate::load::Caller;
use crate::peers::{Kind, Peer};
use crate::report::Figure;
use crate::rows::{Bench, Transfer, micros_each, moved};

const PEERS: &[Kind] = &[Kind::SecDockerTls, Kind::HaproxyTls];

/// Requests on one connection, and connections, that are measured together.
const ASKED: u64 = 5_000;
const CONNECTED: u64 = 1_000;

/// How a client speaks TLS: once with sessions to resume, once without.
struct Clients {
    anew: Arc<ClientConfig>,
    resuming: Arc<ClientConfig>,
}

pub(crate) fn rows(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let clients = certify(bench.folder)?;
    let peers = bench.start(PEERS, false)?;
    let mut figures = Vec::new();
    for (row, config) in
        [("TLS handshake", &clients.anew), ("TLS handshake, resumed", &clients.resuming)]
    {
        figures.extend(handshakes(bench, row, &peers, config)?);
    }
    figures.extend(small(bench, &peers, &clients.anew)?);
    let transfers: [(&str, Transfer); 2] =
        [("TLS download", Caller::download), ("TLS upload", Caller::upload)];
    for (row, work) in transfers {
        figures.extend(moved(bench, row, &peers, |peer, bytes| {
            work(&mut Caller::connect_tls(peer.address, &clients.anew)?, bytes)
        })?);
    }
    figures.extend(idle(bench, &clients.anew)?);
    Ok(figures)
}

/// A certificate for localhost in the folder, and clients that trust it.
fn certify(folder: &Path) -> io::Result<Clients> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = CertificateParams::new(vec!["localhost".to_owned()]).map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    fs::write(folder.join("server-cert.pem"), certificate.pem())?;
    fs::write(folder.join("server-key.pem"), key.serialize_pem())?;
    fs::write(folder.join("server.pem"), certificate.pem() + &key.serialize_pem())?;
    let config = |resumption| client(certificate.der(), resumption).map(Arc::new);
    Ok(Clients {
        anew: config(Resumption::disabled())?,
        resuming: config(Resumption::in_memory_sessions(256))?,
    })
}

fn client(trusted: &CertificateDer<'static>, resumption: Resumption) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.resumption = resumption;
    Ok(config)
}

/// Connections with one request each.
fn handshakes(
    bench: &Bench<'_>,
    row: &'static str,
    peers: &[Peer],
    config: &Arc<ClientConfig>,
) -> io::Result<Vec<Figure>> {
    let mut rate = Figure::new(row, "connections/s, one client");
    let mut cpu = Figure::new(row, "CPU µs each");
    for _ in 0..bench.rounds {
        for peer in peers {
            // What is resumed must have been there before.
            Caller::connect_tls(peer.address, config)?.ping()?;
            let (before, begun) = (peer.cpu(), Instant::now());
            for _ in 0..CONNECTED {
                Caller::connect_tls(peer.address, config)?.ping()?;
            }
            rate.add(peer.kind, CONNECTED as f64 / begun.elapsed().as_secs_f64());
            cpu.add(peer.kind, micros_each(peer.cpu() - before, CONNECTED));
        }
    }
    Ok(vec![rate, cpu])
}

fn small(bench: &Bench<'_>, peers: &[Peer], config: &Arc<ClientConfig>) -> io::Result<Vec<Figure>> {
    let mut rate = Figure::new("TLS small GET", "requests/s, one client");
    let mut cpu = Figure::new("TLS small GET", "CPU µs/request");
    for _ in 0..bench.rounds {
        for peer in peers {
            let mut caller = Caller::connect_tls(peer.address, config)?;
            caller.ping()?;
            let (before, begun) = (peer.cpu(), Instant::now());
            for _ in 0..ASKED {
                caller.ping()?;
            }
            rate.add(peer.kind, ASKED as f64 / begun.elapsed().as_secs_f64());
            cpu.add(peer.kind, micros_each(peer.cpu() - before, ASKED));
        }
    }
    Ok(vec![rate, cpu])
}

fn idle(bench: &Bench<'_>, config: &Arc<ClientConfig>) -> io::Result<Vec<Figure>> {
    let count = bench.idle_streams.min(2_000);
    let mut held = Figure::new("idle TLS streams", "bytes of memory each");
    for kind in PEERS {
        let peer = Peer::start(*kind, bench.upstream, false, bench.folder)?;
        Caller::connect_tls(peer.address, config)?.ping()?;
        let before = peer.memory();
        let streams = (0..count)
            .map(|_| {
                let mut caller = Caller::connect_tls(peer.address, config)?;
                caller.attach()?;
                Ok(caller)
            })
            .collect::<io::Result<Vec<_>>>()?;
        held.add(peer.kind, (peer.memory() - before) as f64 / count as f64);
        drop(streams);
    }
    Ok(vec![held])
}
