//! Every family of attacks, once: the test that runs it, its attacks, and the rules that must stop them. What is
//! explained, what `docs/COVERAGE.md` shows and what `tests/attacks.rs` runs are read from here, so that none of
//! them can leave out a family.

use std::borrow::Cow;

use super::{Attack, straight_and_through};
use super::{
    build, combined, create, endpoints, exec, existing, http, images, json, late, lists, networks,
    plugins, powers, reach, services, sockets, start, subnets, swarm, update, volumes,
};

/// The seven restrictions and the ceilings.
const CORE: &str = include_str!("core.yml");
/// What else a container may ask for.
const POWERS: &str = include_str!("powers.yml");
/// What a service may ask for.
const SERVICES: &str = include_str!("services.yml");

struct Family {
    /// The name of its test.
    test: &'static str,
    attacks: fn() -> Vec<Attack>,
    rules: fn() -> Cow<'static, str>,
}

/// Hands all rows to a macro: `test: attacks, rules;`
macro_rules! families {
    ($each:ident) => {
        $each! {
            http_spellings: http::attacks, CORE;
            json_spellings: json::attacks, CORE;
            creating_containers: create::attacks, with_defaults();
            powers_of_containers: powers::attacks, POWERS;
            control_groups_below_a_forbidden_one: powers::control_groups, powers::ROOT_CONTROL_GROUP;
            executing: exec::attacks, with_defaults();
            updating: update::attacks, CORE;
            starting_with_a_body: start::attacks, CORE;
            volumes_and_drivers: volumes::attacks, CORE;
            images_by_any_name: images::attacks, CORE;
            building: build::attacks, with_places();
            plugins_of_the_engine: plugins::attacks, CORE;
            swarm_and_networks: swarm::attacks, CORE;
            networks_on_devices: networks::attacks, networks::RULES;
            networks_with_addresses_of_others: subnets::attacks, subnets::RULES;
            lists_of_what_is_allowed: lists::attacks, lists::RULES;
            what_adds_up_to_privileged: combined::attacks, combined::RULES;
            ways_past_secdocker: sockets::attacks, sockets::RULES;
            services_of_a_swarm: services::attacks, SERVICES;
            what_exists_already: existing::attacks, with_powers();
            what_is_reached_through_what_exists: reach::attacks, with_powers();
            what_is_looked_for_late: late::attacks, with_powers();
            devices_that_lead_elsewhere_by_the_start: late::devices, late::DEVICES;
            endpoints_that_only_seem_to_look: endpoints::more_than_looking, endpoints::READ_ONLY;
            endpoints_that_are_denied: endpoints::denied, endpoints::DENIED;
        }
    };
}
pub(crate) use families;

macro_rules! list {
    ($($test:ident: $attacks:path, $rules:expr;)*) => {
        const FAMILIES: &[Family] = &[
            $(Family { test: stringify!($test), attacks: $attacks, rules: || Cow::from($rules) }),*
        ];
    };
}
families!(list);

/// The attacks of all families.
pub(crate) fn all() -> impl Iterator<Item = Attack> {
    FAMILIES.iter().flat_map(|family| (family.attacks)())
}

/// Runs the family of this test.
pub(crate) fn run(test: &str) {
    let family = FAMILIES.iter().find(|family| family.test == test).unwrap();
    straight_and_through((family.attacks)(), &(family.rules)());
}

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
