//! A swarm that the operator began, used through SecDocker: nodes are labelled and drained, and nobody becomes
//! a manager or learns how to become one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

use serde_json::{Value, json};
use std::sync::OnceLock;
use support::client::{get, post};
use support::{Daemon, SecDocker, Way, poll};

const RULES: &str = "restrictions:\n  privileged: true\n";

/// The shared engine, as the one manager of a swarm.
fn manager() -> &'static Daemon {
    static MANAGER: OnceLock<&'static Daemon> = OnceLock::new();
    MANAGER.get_or_init(|| {
        let own = json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"});
        assert_eq!(Daemon::shared().api().post("/swarm/init", &own).status, 200);
        Daemon::shared()
    })
}

fn node(daemon: &Daemon) -> Value {
    daemon.api().get("/nodes").json()[0].clone()
}

#[test]
fn a_manager_is_drained_and_labelled_and_stays_one() {
    let daemon = manager();
    let secdocker = SecDocker::before(daemon, RULES);
    let send = |name: &str, version: &Value, spec: &Value| {
        let target = format!("/v1.41/nodes/{name}/update?version={version}");
        let answer = secdocker.connect().ask(post(&target, spec.to_string()));
        (answer.status, answer.text())
    };
    for (role, availability) in [("manager", "drain"), ("Manager", "active")] {
        let spec =
            json!({"Role": role, "Availability": availability, "Labels": {"a": availability}});
        // The swarm keeps books on its node, and makes new versions of it by itself.
        let done = poll::until("a version that holds still", || {
            let now = node(daemon);
            let done = send(now["ID"].as_str().unwrap(), &now["Version"]["Index"], &spec);
            (!done.1.contains("out of sequence")).then_some(done)
        });
        assert_eq!(done.0, 200, "{role}: {}", done.1);
        assert_eq!(node(daemon)["Spec"]["Availability"], availability);
        assert_eq!(node(daemon)["Spec"]["Labels"]["a"], availability);
    }
    // By another name, or in another version, it may be another node or have another role.
    let now = node(daemon);
    let spec = json!({"Role": "manager", "Availability": "pause"});
    let name = now["Description"]["Hostname"].as_str().unwrap();
    for (name, version) in
        [(name, &now["Version"]["Index"]), (now["ID"].as_str().unwrap(), &json!(1_000_000))]
    {
        let refused = send(name, version, &spec);
        assert_eq!(refused.0, 403, "{name}: {}", refused.1);
        assert!(refused.1.contains("the role of a manager"), "{}", refused.1);
    }
    let old = send(now["ID"].as_str().unwrap(), &json!(1), &spec);
    assert!(old.1.contains("out of sequence"), "{}: {}", old.0, old.1);
    let missing = send("missing", &json!(1), &spec);
    assert_eq!(missing.0, 404, "{}", missing.1);
}

#[test]
fn tokens_made_anew_are_told_to_nobody() {
    let daemon = manager();
    let secdocker = SecDocker::before(daemon, RULES);
    let before = daemon.api().get("/swarm").json();
    let target = format!(
        "/v1.41/swarm/update?version={}&rotateWorkerToken=true&rotateManagerToken=true\
         &rotateManagerUnlockKey=true",
        before["Version"]["Index"]
    );
    let mut spec = before["Spec"].clone();
    spec["EncryptionConfig"]["AutoLockManagers"] = json!(true);
    // A token of one's own choice is not asked for so.
    spec["JoinTokens"] =
        json!({"Manager": "SWMTKN-1-of-ones-own", "Worker": "SWMTKN-1-of-ones-own"});
    spec["UnlockKey"] = json!("SWMKEY-1-of-ones-own");
    let answer = secdocker.connect().ask(post(&target, spec.to_string()));
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    let after = daemon.api().get("/swarm").json();
    for role in ["Worker", "Manager"] {
        let (old, fresh) = (&before["JoinTokens"][role], &after["JoinTokens"][role]);
        assert_ne!(old, fresh, "{role}");
        assert!(!fresh.to_string().contains("of-ones-own"), "{fresh}");
    }
    let until = "/events?since=0&until=";
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for target in ["/swarm", "/info", "/nodes", &format!("{until}{now}")] {
        let told = secdocker.connect().ask(get(target));
        assert_eq!(told.status, 200, "{target}: {}", told.text());
        assert!(!told.text().contains("SWMTKN-") && !told.text().contains("SWMKEY-"), "{target}");
    }
    let key = secdocker.connect().ask(get("/swarm/unlockkey"));
    assert_eq!(key.status, 403, "{}", key.text());
    assert!(!key.text().contains("SWMKEY-"), "{}", key.text());
}
