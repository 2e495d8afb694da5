//! Every attack of the corpus: first straight at a real Docker engine, where it must work, then
//! through SecDocker, which must refuse it and leave the engine as it was.
//!
//! `ATTACK=text cargo test --test attacks` runs only those with `text` in their name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "attacks/mod.rs"]
mod corpus;
mod support;

use corpus::{build, create, exec, http, images, json, plugins, powers, services, start, swarm};
use corpus::{update, volumes};

/// The seven restrictions and the ceilings.
const CORE: &str = include_str!("attacks/core.yml");

#[test]
fn http_spellings() {
    corpus::straight_and_through(http::attacks(), CORE);
}

#[test]
fn json_spellings() {
    corpus::straight_and_through(json::attacks(), CORE);
}

#[test]
fn creating_containers() {
    corpus::straight_and_through(create::attacks(), CORE);
}

#[test]
fn powers_of_containers() {
    corpus::straight(powers::attacks());
}

#[test]
fn executing() {
    corpus::straight_and_through(exec::attacks(), CORE);
}

#[test]
fn updating() {
    corpus::straight_and_through(update::attacks(), CORE);
}

#[test]
fn starting_with_a_body() {
    corpus::straight_and_through(start::attacks(), CORE);
}

#[test]
fn volumes_and_drivers() {
    corpus::straight_and_through(volumes::attacks(), CORE);
}

#[test]
fn images_by_any_name() {
    corpus::straight_and_through(images::attacks(), CORE);
}

#[test]
fn building() {
    corpus::straight_and_through(build::attacks(), CORE);
}

#[test]
fn plugins_of_the_engine() {
    corpus::straight_and_through(plugins::attacks(), CORE);
}

#[test]
fn swarm_and_networks() {
    corpus::straight_and_through(swarm::attacks(), CORE);
}

#[test]
fn services_of_a_swarm() {
    corpus::straight(services::attacks());
}

#[test]
fn every_attack_has_a_name_of_its_own() {
    let families: [fn() -> Vec<corpus::Attack>; 13] = [
        http::attacks,
        json::attacks,
        create::attacks,
        powers::attacks,
        exec::attacks,
        update::attacks,
        start::attacks,
        volumes::attacks,
        images::attacks,
        build::attacks,
        plugins::attacks,
        swarm::attacks,
        services::attacks,
    ];
    let mut names: Vec<&str> = families.iter().flat_map(|all| all()).map(|one| one.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name given twice");
    assert!(count >= 100, "only {count} attacks");
    println!("{count} attacks");
}
