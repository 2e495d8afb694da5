//! The corpus: attacks as data, one module for each family of endpoints, and what runs them.

mod attack;
mod engine;
mod runner;
mod wire;

pub(crate) mod build;
pub(crate) mod combined;
pub(crate) mod create;
pub(crate) mod endpoints;
pub(crate) mod exec;
pub(crate) mod existing;
pub(crate) mod http;
pub(crate) mod images;
pub(crate) mod json;
pub(crate) mod late;
pub(crate) mod lists;
pub(crate) mod networks;
pub(crate) mod plugins;
pub(crate) mod powers;
pub(crate) mod reach;
pub(crate) mod services;
pub(crate) mod sockets;
pub(crate) mod start;
pub(crate) mod subnets;
pub(crate) mod swarm;
pub(crate) mod update;
pub(crate) mod volumes;

pub(crate) use attack::{Attack, Probe, Step};
pub(crate) use runner::straight_and_through;

/// Every family of attacks.
const FAMILIES: &[fn() -> Vec<Attack>] = &[
    endpoints::more_than_looking,
    endpoints::denied,
    combined::attacks,
    lists::attacks,
    networks::attacks,
    http::attacks,
    json::attacks,
    create::attacks,
    powers::attacks,
    powers::control_groups,
    exec::attacks,
    existing::attacks,
    late::attacks,
    late::devices,
    reach::attacks,
    update::attacks,
    start::attacks,
    volumes::attacks,
    images::attacks,
    build::attacks,
    plugins::attacks,
    swarm::attacks,
    services::attacks,
    sockets::attacks,
];

/// The attacks of all families.
pub(crate) fn all() -> impl Iterator<Item = Attack> {
    FAMILIES.iter().flat_map(|family| family())
}

/// What the attacks of all families are called.
pub(crate) fn names() -> Vec<&'static str> {
    all().map(|attack| attack.name).collect()
}
