//! Swarms, which open ports and hand the machine to managers elsewhere, and networks.

use super::{Attack, Probe, Step};
use serde_json::json;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("swarm that listens on a forbidden port", "the engine itself opens it")
            .setup(Step::Swarm(false))
            .send(Step::post("/swarm/init",
                json!({"ListenAddr": "127.0.0.1:22", "AdvertiseAddr": "127.0.0.1:22"})))
            .works_when(Probe::state("/info", |it| it["Swarm"]["NodeAddr"] == "127.0.0.1"
                && it["Swarm"]["RemoteManagers"].to_string().contains(":22"))),
        Attack::new("swarm of a manager elsewhere", "whoever manages it runs what it likes here")
            .setup(Step::Swarm(false))
            .send(Step::post("/swarm/join", json!({
                "ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1",
                "RemoteAddrs": ["127.0.0.1:1"],
                "JoinToken": "SWMTKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-1awxwuwd3z9j1z3puu7rcgdbx"})))
            .works_when(Probe::Answers("127.0.0.1:1")),
        Attack::new("swarm of one's own", "its managers' port takes requests past every rule")
            .setup(Step::Swarm(false))
            .send(Step::post("/swarm/init",
                json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"})))
            .works_when(Probe::state("/info", |it| it["Swarm"]["LocalNodeState"] == "active")),
        Attack::new("token of a manager", "with it anybody becomes a manager of this host")
            .setup(Step::Swarm(true))
            .send(Step::Bytes(vec![b"GET /v1.41/swarm HTTP/1.1\r\nHost: d\r\n\r\n".to_vec()]))
            .works_when(Probe::Answers("SWMTKN-1-"))
            .only_tightened(),
        Attack::new("key that unlocks the managers", "with it what they keep can be read")
            .setup(Step::Swarm(true))
            .send(Step::Bytes(vec![
                b"GET /v1.41/swarm/unlockkey HTTP/1.1\r\nHost: d\r\n\r\n".to_vec(),
            ]))
            .works_when(Probe::Answers("\"UnlockKey\"")),
        Attack::new("network of a driver at a path", "the engine talks to any socket it is named")
            .send(Step::post("/networks/create",
                json!({"Name": "@name@", "Driver": "../../../run/nobody/evil"})))
            .works_when(Probe::Answers("run/nobody/evil\\\" not found")),
        Attack::harmless("network of the usual driver", "plainly")
            .send(Step::post("/networks/create", json!({"Name": "@name@", "Driver": "bridge"})))
            .works_when(Probe::found("/networks/@name@")),
    ]
}
