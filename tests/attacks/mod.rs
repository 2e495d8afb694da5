//! The corpus: attacks as data, one module for each family of endpoints, and what runs them.

mod attack;
mod engine;
mod families;
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
pub(crate) use families::{all, families, run};
pub(crate) use runner::straight_and_through;
