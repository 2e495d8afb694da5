//! Presets let through what their clients send, as published in their sources, and nothing of what
//! they have no business with; and a client's session through SecDocker is answered as it is
//! straight.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "presets/clients.rs"]
mod clients;
#[path = "presets/replay.rs"]
mod replay;
#[path = "presets/sessions.rs"]
mod sessions;
mod support;

use clients::Client;
use secdocker::config::{self, Overrides};
use secdocker::docker::{self, Access, FormBody};
use secdocker::http::target;
use secdocker::policy::Policy;
use secdocker::policy::review::Purposes;
use std::path::Path;
use std::sync::Arc;

/// What a preset says, read from its file as a whole configuration.
fn rules(preset: &str) -> Arc<Policy> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets");
    let settings = config::load(&folder.join(format!("{preset}.yml")), &Overrides::default());
    settings.unwrap().policy
}

fn is_open(rules: &Policy, request: &str) -> bool {
    let (method, target) = request.split_once(' ').unwrap();
    let access = docker::access(
        rules,
        Purposes::default(),
        (method, FormBody::None),
        &target::parse(target).unwrap(),
    );
    matches!(access, Ok(Access::Open))
}

#[track_caller]
fn judge(preset: &str, client: &Client) {
    let rules = rules(preset);
    let refused: Vec<_> = client.sends.iter().filter(|one| !is_open(&rules, one)).collect();
    let open: Vec<_> = client.must_not.iter().filter(|one| is_open(&rules, one)).collect();
    assert!(refused.is_empty() && open.is_empty(), "{preset} refuses {refused:#?}, lets {open:#?}");
}

#[test]
fn each_preset_serves_its_client_and_no_more() {
    for (preset, client) in clients::ALL {
        judge(preset, client);
    }
}

/// What a GET can do or give away, and what is no GET.
#[test]
fn nothing_beyond_looking_is_read_only() {
    for preset in ["read-only", "traefik"] {
        let rules = rules(preset);
        let open: Vec<_> =
            clients::MORE_THAN_LOOKING.iter().filter(|one| is_open(&rules, one)).collect();
        assert!(open.is_empty(), "{preset} lets {open:#?}");
    }
}

/// No client of these needs what hands the host over or hides from every rule.
#[test]
fn no_preset_hands_the_host_over() {
    for (preset, _) in clients::ALL {
        let rules = rules(preset);
        let open: Vec<_> = clients::TAKEOVERS.iter().filter(|one| is_open(&rules, one)).collect();
        assert!(open.is_empty(), "{preset} lets {open:#?}");
    }
}
