//! Creates and starts as people have them: the example `config.yml`, its log, and the bodies that clients on CI servers send.

use std::io;

use crate::load;
use crate::peers::Kind;
use crate::report::Figure;
use crate::rows::{Bench, CLIENTS, throughput};

const PEERS: &[Kind] =
    &[Kind::Direct, Kind::Example, Kind::HaproxyHttp, Kind::HaproxyTcp, Kind::Nginx];

/// HAProxy as the images called socket proxy run it.
const SOCKET_PROXY: &[Kind] = &[Kind::Example, Kind::SocketProxy];

/// More than SecDocker remembers.
const IMAGES: usize = 4096;

/// 2 KiB with one bind mount, two named volumes and a health check.
pub(crate) fn creates(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let request = create("app:1");
    let mut figures = Vec::new();
    for (row, peers) in [
        ("create, example config", PEERS),
        ("create, example config; HAProxy as a socket proxy", SOCKET_PROXY),
    ] {
        figures.extend(throughput(bench, row, peers, |peer, time| {
            load::keep_asking(peer.address, CLIENTS, &request, time)
        })?);
    }
    Ok(figures)
}

/// The same, each of an image that was not asked for lately.
pub(crate) fn cold(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let requests: Vec<Vec<u8>> =
        (0..IMAGES).map(|number| create(&format!("app-{number:04}:1"))).collect();
    let peers = [Kind::Example, Kind::HaproxyHttp];
    throughput(bench, "create, example config, image not asked for before", &peers, |peer, time| {
        load::keep_asking_all(peer.address, CLIENTS, &requests, time)
    })
}

/// A start under mount rules, for which the container must be looked at.
pub(crate) fn starts(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let request = load::post("/v1.41/containers/one/start", b"");
    let peers = [Kind::Example, Kind::HaproxyHttp, Kind::HaproxyTcp];
    throughput(bench, "start under mount rules", &peers, |peer, time| {
        load::keep_asking(peer.address, CLIENTS, &request, time)
    })
}

fn create(image: &str) -> Vec<u8> {
    const BYTES: usize = 2048;
    let body = |filling: &str| {
        format!(
            r#"{{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["CI=true","CI_JOB={filling}"],"Cmd":["sh","-c","make test"],"Healthcheck":{{"Test":["CMD-SHELL","curl -f http://localhost/ || exit 1"],"Interval":30000000000,"Timeout":5000000000,"Retries":3}},"Image":"{image}","Volumes":{{}},"WorkingDir":"/builds","Entrypoint":null,"OnBuild":null,"Labels":{{"job":"1"}},"HostConfig":{{"Binds":["/srv/builds/project:/builds","cache:/cache","data:/data"],"ContainerIDFile":"","LogConfig":{{"Type":"","Config":{{}}}},"NetworkMode":"default","PortBindings":{{}},"RestartPolicy":{{"Name":"no","MaximumRetryCount":0}},"AutoRemove":false,"VolumeDriver":"","VolumesFrom":null,"ConsoleSize":[0,0],"CapAdd":null,"CapDrop":null,"Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,"Memory":0,"NanoCpus":0,"Devices":[],"PidsLimit":0,"Ulimits":null}},"NetworkingConfig":{{"EndpointsConfig":{{}}}}}}"#
        )
    };
    let filling = "x".repeat(BYTES.saturating_sub(body("").len()));
    load::post("/v1.41/containers/create", body(&filling).as_bytes())
}
