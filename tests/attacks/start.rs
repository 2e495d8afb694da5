//! Starting a container with a body, which old API versions read as its new `HostConfig`, and with
//! paths that have come to lead elsewhere.

use super::attack::{host, shell, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = bodies();
    all.extend(links());
    all
}

/// Engines from 26 on serve no version of the API that reads one.
fn bodies() -> Vec<Attack> {
    let all = vec![
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
    ];
    all.into_iter().map(|attack| attack.until(26)).collect()
}

/// A directory that was mounted, and has become a link by the next start.
fn links() -> Vec<Attack> {
    const READS: &str = "cat /x/secret";
    let why = "where a path leads is found out at the start";
    let swapped = |name, container: Value| {
        Attack::new(name, why)
            .setup(Step::Host(|path| std::fs::create_dir(path).unwrap()))
            .setup(Step::create(container))
            .works_when(Probe::Prints("top secret"))
    };
    let bind = || shell(READS, json!({"Binds": ["/run/@name@:/x"]}));
    let below = || shell(READS, json!({"Binds": ["/run/@name@/y:/x"]}));
    let start = || Step::query("/v1.41/containers/@name@/start");
    let options = json!({"type": "none", "o": "bind", "device": "/run/@name@"});
    vec![
        swapped("start with a mount that has become a link", bind())
            .setup(Step::Host(|path| leads_to(path, "/run/forbidden")))
            .send(start()),
        swapped("start with a mount below a link", below())
            .setup(Step::Host(|path| {
                std::fs::create_dir("/run/forbidden/y").unwrap_or_default();
                std::fs::write("/run/forbidden/y/secret", "top secret").unwrap();
                std::fs::remove_dir_all(path).unwrap();
                std::os::unix::fs::symlink("/run/forbidden", path).unwrap();
            }))
            .send(start()),
        swapped(
            "start with a volume that has become a link",
            shell(
                READS,
                json!({"Mounts": [{"Type": "volume", "Target": "/x", "Source": "@name@",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": options}}}]}),
            ),
        )
        .setup(Step::Host(|path| leads_to(path, "/run/forbidden")))
        .send(start()),
        swapped("restart with a mount that has become a link", bind())
            .setup(Step::start())
            // It ends by itself, and that is no doing of the restart.
            .setup(Step::query("/containers/@name@/wait"))
            .setup(Step::Host(|path| leads_to(path, "/run/forbidden")))
            .send(Step::query("/containers/@name@/restart?t=0")),
        Attack::harmless("restart with a mount that is allowed", "plainly")
            .setup(Step::create(host(json!({"Binds": ["/run/allowed:/x", "@name@:/y"]}))))
            .send(Step::query("/containers/@name@/restart?t=0"))
            .works_when(Probe::container(|it| it["State"]["Running"] == true)),
        Attack::harmless("start of what was mounted beside", "the path is what it was")
            .setup(Step::create(shell(READS, json!({"Binds": ["/run/forbidden:/x"]}))))
            .send(start())
            .works_when(Probe::Prints("top secret")),
    ]
}

fn leads_to(path: &Path, target: &str) {
    std::fs::remove_dir(path).unwrap();
    std::os::unix::fs::symlink(target, path).unwrap();
}

fn starts(name: &'static str, why: &'static str, version: &str, body: Value) -> Attack {
    let target = format!("{version}/containers/@name@/start");
    Attack::new(name, why).setup(created()).send(Step::post(&target, body))
}

fn created() -> Step {
    Step::create(host(json!({"Memory": 67_108_864})))
}
