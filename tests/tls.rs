//! TLS on either side of SecDocker: real clients, a real `dockerd --tlsverify`, and those who do it wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "tls/clients.rs"]
mod clients;
#[path = "tls/ends.rs"]
mod ends;
#[path = "tls/handshakes.rs"]
mod handshakes;
#[path = "tls/keys.rs"]
mod keys;
#[path = "tls/redirected.rs"]
mod redirected;
#[path = "tls/reload.rs"]
mod reload;
#[path = "tls/streams.rs"]
mod streams;
mod support;

use std::sync::OnceLock;
use support::client::Client;
use support::tls::House;
use support::{Daemon, SecDocker, networks, sandbox};

/// Where that engine listens besides, for the test that follows the document.
const FOR_THE_RECIPE: u16 = 2377;

/// An engine that listens with TLS, and asks for certificates.
fn engine() -> &'static Daemon {
    static ENGINE: OnceLock<Daemon> = OnceLock::new();
    ENGINE.get_or_init(|| {
        networks::connect();
        let mut listen = House::shared().engine("[::]:2376");
        listen.push(format!("--host=tcp://[::]:{FOR_THE_RECIPE}"));
        let listen: Vec<&str> = listen.iter().map(String::as_str).collect();
        let daemon = Daemon::on_network(&listen);
        daemon.make_images().unwrap();
        daemon
    })
}

/// SecDocker with TLS on both sides.
fn both_sides(rest: &str) -> SecDocker {
    engine();
    let house = House::shared();
    let (listen, upstream) = (house.listen(""), house.upstream());
    start(&format!("dockerapi: tcp://localhost:2376\nlisten:\n{listen}{upstream}{rest}"))
}

/// SecDocker with TLS for clients alone.
fn for_clients(more: &str, rest: &str) -> SecDocker {
    let (socket, listen) = (engine().socket(), House::shared().listen(more));
    start(&format!("dockerapi: {}\nlisten:\n{listen}{rest}", socket.display()))
}

fn start(config: &str) -> SecDocker {
    SecDocker::start(config, &[])
}

/// A connection of this house's client.
fn connect(secdocker: &SecDocker) -> Client {
    let house = House::shared();
    Client::over_tls(secdocker.wire(), house.client(Some(&house.pair())))
}

/// A file in a directory of its own.
fn write(name: &str, text: &str) -> String {
    let path = sandbox::directory("file").join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
