//! Every attack of the corpus: first straight at a real Docker engine, where it must work, then
//! through SecDocker, which must refuse it and leave the engine as it was.
//!
//! `ATTACK=text cargo test --test attacks` runs only those with `text` in their name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "attacks/mod.rs"]
mod corpus;
mod support;

use corpus::{
    build, combined, create, endpoints, exec, existing, http, images, json, late, lists, networks,
    plugins, powers, reach, services, sockets, start, subnets, swarm, update, volumes,
};

/// The seven restrictions and the ceilings.
const CORE: &str = include_str!("attacks/core.yml");
/// What else a container may ask for.
const POWERS: &str = include_str!("attacks/powers.yml");
/// What a service may ask for.
const SERVICES: &str = include_str!("attacks/services.yml");

/// The same with rules about what only some requests can ask for.
fn with_powers() -> String {
    let more =
        "restrictions:\n  capabilities: [SYS_ADMIN]\n  sysctls: [\"net.*\"]\n  namespaces: [host]";
    CORE.replace("restrictions:", more)
        .replace("- SECRET_TOKEN", "- SECRET_TOKEN\n    - SECRET_ENV_X")
}

/// The same with rules about variables that the daemon sets of its own accord.
fn with_defaults() -> String {
    let more = "- SECRET_TOKEN\n    - HOSTNAME=evil\n    - TERM=xterm";
    CORE.replace("- SECRET_TOKEN", more)
}

/// The seven restrictions and the ceilings, with rules about where a build may run.
fn with_places() -> String {
    let more = "restrictions:\n  namespaces: [host]\n  cgroupparent: [\"*\"]";
    CORE.replace("restrictions:", more)
}

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
    corpus::straight_and_through(create::attacks(), &with_defaults());
}

#[test]
fn powers_of_containers() {
    corpus::straight_and_through(powers::attacks(), POWERS);
}

#[test]
fn control_groups_below_a_forbidden_one() {
    corpus::straight_and_through(powers::control_groups(), powers::ROOT_CONTROL_GROUP);
}

#[test]
fn executing() {
    corpus::straight_and_through(exec::attacks(), &with_defaults());
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
    corpus::straight_and_through(build::attacks(), &with_places());
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
fn networks_on_devices() {
    corpus::straight_and_through(networks::attacks(), networks::RULES);
}

#[test]
fn networks_with_addresses_of_others() {
    corpus::straight_and_through(subnets::attacks(), subnets::RULES);
}

#[test]
fn lists_of_what_is_allowed() {
    corpus::straight_and_through(lists::attacks(), lists::RULES);
}

#[test]
fn what_adds_up_to_privileged() {
    corpus::straight_and_through(combined::attacks(), combined::RULES);
}

#[test]
fn ways_past_secdocker() {
    corpus::straight_and_through(sockets::attacks(), sockets::RULES);
}

#[test]
fn services_of_a_swarm() {
    corpus::straight_and_through(services::attacks(), SERVICES);
}

#[test]
fn what_exists_already() {
    corpus::straight_and_through(existing::attacks(), &with_powers());
}

#[test]
fn what_is_reached_through_what_exists() {
    corpus::straight_and_through(reach::attacks(), &with_powers());
}

#[test]
fn what_is_looked_for_late() {
    corpus::straight_and_through(late::attacks(), &with_powers());
}

#[test]
fn devices_that_lead_elsewhere_by_the_start() {
    corpus::straight_and_through(late::devices(), late::DEVICES);
}

/// A preset alone refuses a create, however it is written.
#[test]
fn endpoints_by_any_spelling() {
    corpus::straight_and_through(http::attacks(), "endpoints: {preset: read-only}\n");
}

#[test]
fn endpoints_that_only_seem_to_look() {
    corpus::straight_and_through(
        endpoints::more_than_looking(),
        "endpoints: {preset: read-only}\n",
    );
}

#[test]
fn endpoints_that_are_denied() {
    corpus::straight_and_through(
        endpoints::denied(),
        "endpoints: {deny: [POST /containers/*/exec, DELETE /images/*, '* /debug/**']}\n",
    );
}

#[test]
fn every_attack_has_a_name_of_its_own() {
    let mut names = corpus::names();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name given twice");
    assert!(count >= 100, "only {count} attacks");
    println!("{count} attacks");
}
