//! The routes that the routers of known daemons register, and what SecDocker knows of them.

use secdocker::docker::routes;
use std::collections::{BTreeMap, BTreeSet};

const ROUTERS: &str = include_str!("../engine-api/routers.txt");

/// Routes that say the same as another one, or nothing: why they need no row of their own.
const BESIDE: [(&str, &str, &str); 7] = [
    ("OPTIONS", "/{}", "answered for every path, and nothing is done"),
    ("GET", "/networks/", "the list of networks once more"),
    ("GET", "/debug/pprof/", "the list of profiles"),
    ("GET", "/debug/pprof/cmdline", "one of `/debug/pprof/{}`"),
    ("GET", "/debug/pprof/profile", "one of `/debug/pprof/{}`"),
    ("GET", "/debug/pprof/symbol", "one of `/debug/pprof/{}`"),
    ("GET", "/debug/pprof/trace", "one of `/debug/pprof/{}`"),
];

/// Who has an operation: releases of Docker, and whether Podman does.
#[derive(Default)]
pub(crate) struct Daemons {
    pub(crate) docker: &'static str,
    pub(crate) podman: bool,
}

/// The routes of the routers, each name in a path as `{}`.
pub(crate) fn registered() -> BTreeMap<(String, &'static str), Daemons> {
    let mut all: BTreeMap<_, Daemons> = BTreeMap::new();
    for line in ROUTERS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let daemons = all.entry((unnamed(words[2]), words[1])).or_default();
        match words[0] {
            "docker" => daemons.docker = words[3],
            _ => daemons.podman = true,
        }
    }
    all.retain(|(path, method), _| {
        !BESIDE.iter().any(|(known, beside, _)| known == method && beside == path)
    });
    all
}

/// `/images/{name:.*}/json` as `/images/{}/json`.
fn unnamed(pattern: &str) -> String {
    let mut parts = pattern.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| path + "{}" + part.split_once('}').unwrap().1)
}

/// Routes that only one of both has: routers, and the table of SecDocker.
pub(crate) fn differences() -> Vec<String> {
    let registered: BTreeSet<_> = registered().into_keys().collect();
    let known: BTreeSet<_> =
        routes::known().map(|(method, row)| (row.filled("{}"), method)).collect();
    let named = |(path, method): &(String, &str)| format!("{method} {path}");
    registered.symmetric_difference(&known).map(named).collect()
}
