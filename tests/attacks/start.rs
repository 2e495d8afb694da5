//! Starting a container with a body, which old API versions read as its new `HostConfig`.

use super::attack::{host, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        starts(
            "start with privileges",
            "the body replaces what was created",
            "/v1.23",
            json!({"Privileged": true}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["Privileged"] == true)),
        starts(
            "start with the oldest version",
            "all are served",
            "/v1.12",
            json!({"Privileged": true}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["Privileged"] == true)),
        starts(
            "start with a mount",
            "the body replaces what was created",
            "/v1.18",
            json!({"Binds": ["/run/forbidden:/x"]}),
        )
        .works_when(Probe::container_holds("/HostConfig/Binds", "/run/forbidden")),
        starts(
            "start with the host's network",
            "the body replaces what was created",
            "/v1.23",
            json!({"NetworkMode": "host"}),
        )
        .works_when(Probe::container_holds("/HostConfig/NetworkMode", "host")),
        starts(
            "start without limits",
            "the body replaces what was created",
            "/v1.23",
            json!({"CpuShares": 2}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["Memory"] == 0)),
        starts(
            "start with fields in an inner object",
            "the same wrapper as for a create",
            "/v1.23",
            json!({"HostConfig": {"Privileged": true}}),
        )
        .works_when(Probe::container(|it| it["HostConfig"]["Privileged"] == true)),
        Attack::new("start with a chunked body", "without a length there is a body")
            .setup(created())
            .send(Step::Bytes(vec![
                b"POST /v1.23/containers/@name@/start HTTP/1.1\r\nHost: d\r\n\
                Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                13\r\n{\"Privileged\":true}\r\n0\r\n\r\n"
                    .to_vec(),
            ]))
            .works_when(Probe::container(|it| it["HostConfig"]["Privileged"] == true)),
        Attack::harmless("start without a body", "plainly")
            .setup(Step::create(with(json!({}))))
            .send(Step::query("/v1.23/containers/@name@/start"))
            .works_when(Probe::container(|it| it["State"]["Running"] == true)),
    ]
}

fn starts(name: &'static str, why: &'static str, version: &str, body: Value) -> Attack {
    let target = format!("{version}/containers/@name@/start");
    Attack::new(name, why).setup(created()).send(Step::post(&target, body))
}

fn created() -> Step {
    Step::create(host(json!({"Memory": 67_108_864})))
}
