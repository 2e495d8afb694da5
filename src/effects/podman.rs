//! What Podman reads in requests of Docker's clients, and no Docker Engine does.
//!
//! Podman answers Docker's API beside its own, and hands much of what it is sent to the parser of its own
//! command line, where a value can say more than Docker has it say: a source of a bind that begins with a
//! dot is a path, `ns:/proc/1/ns/net` a network, and a build has parameters for mounts, devices and
//! capabilities. Rules know Docker's meaning alone. So each of these is an effect of its own, which any
//! restriction refuses, as it does all of Podman's `/libpod`. Docker's engines refuse or ignore all of it.
//!
//! Sources: Podman `pkg/api/handlers/compat` and `pkg/specgenutil`; each was seen on 5.8.

use crate::docker::Endpoint;
use crate::docker::json::Object;
use crate::docker::schema::folded;
use crate::effects::collect::{Effects, objects, texts};
use crate::http::target::{Target, query_pairs};
use crate::policy::effects::{FieldPath, ReadingEffect, RequestedEffect};
use crate::policy::shown::Shown;

/// The parameters of `POST /build` by which a build, or what comes out of it, gets more than Docker's
/// parameters give it.
const OF_BUILDS: [&str; 26] = [
    "addcaps",
    "additionalbuildcontexts",
    "annotations",
    "apparmor",
    "cacheto",
    "cppflags",
    "devices",
    "from",
    "groupadd",
    "idmappingoptions",
    "labelopts",
    "localcontextdir",
    "manifest",
    "nsoptions",
    "output",
    "rusagelogfile",
    "sbom-scanner-command",
    "sbom-scanner-image",
    "seccomp",
    "secrets",
    "setenv",
    "ssh",
    "transientmounts",
    "unsetenv",
    "userns",
    "volume",
];

/// The modes of isolation that Docker knows, and Podman's that leave a step what it has there.
const ISOLATIONS: [&str; 4] = ["", "default", "process", "hyperv"];

/// Beginnings of what stands for a namespace elsewhere: any on the host that has a path, and networks of
/// Podman's own, whose options reach the host's loopback and open its ports.
const NAMESPACES: [&str; 3] = ["ns:", "slirp4netns:", "pasta:"];

/// The drivers of secrets that run a program of the request's, or write to a path of its.
const SECRET_DRIVERS: [&str; 3] = ["file", "pass", "shell"];

/// The fields of `HostConfig` that name a namespace.
const MODES: [&str; 6] =
    ["NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode"];

const QUERY: FieldPath = FieldPath::Field("the query");

/// Whether Podman takes this parameter for one that Docker has by another spelling, and so does not read:
/// it passes over case.
pub(super) fn is_another_spelling(endpoint: Endpoint, name: &str) -> bool {
    let spelled = folded(name);
    let of = |known: &str| known != name && folded(known) == spelled;
    endpoint.parameters().iter().any(|parameter| of(parameter.name))
}

/// In the query of a request to `endpoint`.
pub(super) fn in_query(endpoint: Endpoint, target: &Target<'_>) -> Vec<RequestedEffect> {
    let pairs = query_pairs(target.query().unwrap_or_default()).flatten();
    let told = pairs.filter_map(|(name, value)| match endpoint {
        Endpoint::Build | Endpoint::BuildContext => of_build(&name, &value),
        Endpoint::ImageCreate => of_import(&name, &value),
        _ => None,
    });
    // One of each is enough to say.
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    told.dedup();
    told.into_iter()
        .map(|what| RequestedEffect { effect: ReadingEffect::Podmans(what).into(), at: QUERY })
        .collect()
}

fn of_build(name: &str, value: &str) -> Option<String> {
    let name = folded(name);
    match name.as_str() {
        // A list of several, where Docker looks for a file of that name.
        "dockerfile" | "securityopt" => {
            value.starts_with('[').then(|| format!("a list as {name} of a build"))
        }
        "isolation" => {
            let is_known = ISOLATIONS.contains(&folded(value).as_str());
            (!is_known)
                .then(|| "isolation of a build by a mode that Docker does not have".to_owned())
        }
        "networkmode" => {
            is_elsewhere(value).then(|| format!("network {} of a build", Shown(value)))
        }
        name => OF_BUILDS.contains(&name).then(|| format!("parameter {name} of a build")),
    }
}

/// An archive that lies on the host. Docker takes all but `-` for an address.
fn of_import(name: &str, value: &str) -> Option<String> {
    let is_file = name == "fromSrc" && value.starts_with(['/', '.', '~']);
    is_file.then(|| format!("file {} of the host as an image", Shown(value)))
}

fn is_elsewhere(mode: &str) -> bool {
    NAMESPACES.iter().any(|start| mode.starts_with(start))
}

/// In the body of a request to create a container, and its `HostConfig`.
pub(super) fn in_container(fields: &Object, effects: &mut Effects) {
    for (volume, _) in fields.object("Volumes").into_iter().flat_map(Object::iter) {
        if volume.contains(':') {
            push(format!("volume {} with a source", Shown(volume)), "Volumes", effects);
        }
    }
    let Some(host) = fields.object("HostConfig") else { return };
    for field in MODES {
        let mode = host.text(field).unwrap_or_default();
        if is_elsewhere(mode) {
            push(format!("namespace {}", Shown(mode)), "HostConfig", effects);
        }
    }
    for (_, bind) in texts(host, "Binds").filter(|(_, bind)| is_other_bind(bind)) {
        push(format!("bind {}", Shown(bind)), "HostConfig.Binds", effects);
    }
    for (_, mount) in objects(host, "Mounts") {
        if let Some(what) = of_mount(mount) {
            push(what, "HostConfig.Mounts", effects);
        }
    }
    for (_, option) in texts(host, "SecurityOpt").filter(|(_, option)| unmasks(option)) {
        push(format!("security option {}", Shown(option)), "HostConfig.SecurityOpt", effects);
    }
}

/// A source that begins with a dot is a path from where Podman works; layers of an overlay are paths.
fn is_other_bind(bind: &str) -> bool {
    let mode = bind.split(':').nth(2).unwrap_or_default();
    let is_layer = |option: &str| option.starts_with("upperdir=") || option.starts_with("workdir=");
    bind.starts_with('.') || mode.split(',').any(is_layer)
}

/// Its fields are put together, with commas, to what `--mount` takes.
fn of_mount(mount: &Object) -> Option<String> {
    let kind = mount.text("Type").unwrap_or_default();
    if kind == "glob" {
        return Some("a mount of type glob".to_owned());
    }
    let inside = |options, field| mount.object(options).and_then(|it| it.text(field));
    let name = mount.text("Source").filter(|_| kind == "volume");
    let texts = [
        ("Type", Some(kind)),
        ("Source", name),
        ("Target", mount.text("Target")),
        ("Consistency", mount.text("Consistency")),
        ("Propagation", inside("BindOptions", "Propagation")),
        ("Subpath", inside("VolumeOptions", "Subpath")),
    ];
    let has_option = |text: &str| text.split(',').skip(1).any(|option| option.contains('='));
    let (field, _) = texts.into_iter().find(|(_, text)| text.is_some_and(has_option))?;
    Some(format!("options in the {field} of a mount"))
}

/// `unmask=ALL` is `systempaths=unconfined`.
fn unmasks(option: &str) -> bool {
    let name = option.split(['=', ':']).next().unwrap_or_default();
    name.trim() == "unmask"
}

/// In the body of a request to create a secret.
pub(super) fn in_secret(fields: &Object, effects: &mut Effects) {
    let driver = fields.object("Driver").and_then(|driver| driver.text("Name"));
    if let Some(driver) = driver.filter(|driver| SECRET_DRIVERS.contains(driver)) {
        push(format!("secret driver {driver}"), "Driver.Name", effects);
    }
}

fn push(what: String, at: &'static str, effects: &mut Effects) {
    effects.push(ReadingEffect::Podmans(what), FieldPath::Field(at));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::effects::{self, read};
    use crate::http::target;
    use crate::policy::facts::Facts;
    use crate::policy::ports::PortRule;
    use crate::policy::testing;
    use crate::policy::{Policy, judge};

    fn said(endpoint: Endpoint, raw: &str, body: &str, policy: &Policy) -> String {
        let target = target::parse(raw).unwrap();
        let read = read(endpoint, &target, body.as_bytes()).unwrap();
        let read = effects::query::as_read(endpoint, &target).map(|_| read).unwrap();
        testing::refusal(&judge(policy, read, &Facts::none()))
    }

    fn any_rule() -> Policy {
        let ports = [PortRule::parse("9").unwrap()].into();
        Policy { ports, ..Policy::permissive() }
    }

    #[test]
    fn what_only_podman_reads_in_a_container() {
        for (fields, told) in [
            (r#""HostConfig":{"NetworkMode":"ns:/proc/1/ns/net"}"#, true),
            (r#""HostConfig":{"PidMode":"ns:/proc/1/ns/pid"}"#, true),
            (r#""HostConfig":{"IpcMode":"ns:/x"}"#, true),
            (r#""HostConfig":{"UTSMode":"ns:/x"}"#, true),
            (r#""HostConfig":{"UsernsMode":"ns:/x"}"#, true),
            (r#""HostConfig":{"CgroupnsMode":"ns:/x"}"#, true),
            (r#""HostConfig":{"NetworkMode":"slirp4netns:allow_host_loopback=true"}"#, true),
            (r#""HostConfig":{"NetworkMode":"pasta:-T,22"}"#, true),
            (r#""HostConfig":{"UsernsMode":"keep-id"}"#, false),
            (r#""HostConfig":{"NetworkMode":"ns"}"#, false),
            (r#""HostConfig":{"Binds":["./root:/x"]}"#, true),
            (r#""HostConfig":{"Binds":[".:/x"]}"#, true),
            (r#""HostConfig":{"Binds":["../..:/x:ro"]}"#, true),
            (r#""HostConfig":{"Binds":["v:/x:O,upperdir=/root,workdir=/tmp"]}"#, true),
            (r#""HostConfig":{"Binds":["/srv:/x:ro,z,rslave","v:/y:nocopy"]}"#, false),
            (r#""HostConfig":{"Mounts":[{"Type":"glob","Source":"/ro*","Target":"/x"}]}"#, true),
            (
                r#""HostConfig":{"Mounts":[{"Type":"volume","Source":"v","Target":"/x,volume-opt=o=bind"}]}"#,
                true,
            ),
            (
                r#""HostConfig":{"Mounts":[{"Type":"volume","Source":"v,volume-opt=o=bind","Target":"/x"}]}"#,
                true,
            ),
            (
                r#""HostConfig":{"Mounts":[{"Type":"volume","Source":"v","Target":"/x","VolumeOptions":{"Subpath":"a,volume-opt=o=bind"}}]}"#,
                true,
            ),
            (
                r#""HostConfig":{"Mounts":[{"Type":"bind","Source":"/srv/a,b=c","Target":"/x,y"}]}"#,
                false,
            ),
            (r#""HostConfig":{"SecurityOpt":["unmask=ALL"]}"#, true),
            (r#""HostConfig":{"SecurityOpt":["unmask:/proc/*"]}"#, true),
            (r#""HostConfig":{"SecurityOpt":["label=nested","no-new-privileges"]}"#, false),
            (r#""Volumes":{"/root:/x":{}}"#, true),
            (r#""Volumes":{"/data":{}}"#, false),
        ] {
            let body = format!(r#"{{"Image":"a","User":"1:1",{fields}}}"#);
            let raw = "/containers/create";
            let message = said(Endpoint::ContainerCreate, raw, &body, &any_rule());
            assert_eq!(message.contains("which only Podman reads"), told, "{fields}: {message}");
            let message = said(Endpoint::ContainerCreate, raw, &body, &Policy::permissive());
            assert_eq!(message, "", "{fields}");
        }
    }

    #[test]
    fn what_only_podman_reads_in_a_query() {
        for (endpoint, query, told) in [
            (Endpoint::Build, "volume=/root:/x", true),
            (Endpoint::Build, "Volume=/root:/x", true),
            (Endpoint::Build, "DEVICE%C5%BF=x", true),
            (Endpoint::Build, "addcaps=%5B%22SYS_ADMIN%22%5D", true),
            (Endpoint::Build, "nsoptions=x", true),
            (Endpoint::Build, "securityopt=%5B%22seccomp=unconfined%22%5D", true),
            (Endpoint::Build, "securityopt=no-new-privileges", false),
            (Endpoint::Build, "dockerfile=%5B%22x%22%5D", true),
            (Endpoint::Build, "isolation=chroot", true),
            (Endpoint::Build, "isolation=Default", false),
            (Endpoint::Build, "networkmode=ns:/proc/1/ns/net", true),
            (Endpoint::Build, "networkmode=host&t=a&pull=1&layers=1&jobs=2", false),
            (Endpoint::ImageCreate, "fromSrc=/root/x.tar&repo=a", true),
            (Endpoint::ImageCreate, "fromSrc=../x.tar&repo=a", true),
            (Endpoint::ImageCreate, "fromSrc=-&repo=a", false),
            (Endpoint::ImageCreate, "fromSrc=example.com/x.tar&repo=a", false),
        ] {
            let message = said(endpoint, &format!("/x?{query}"), "", &any_rule());
            assert_eq!(message.contains("which only Podman reads"), told, "{query}: {message}");
        }
        assert_eq!(
            said(Endpoint::Build, "/build?volume=/:/x&volume=/y", "", &any_rule()),
            "forbidden: parameter volume of a build, which only Podman reads (rule \"restrictions\")"
        );
    }

    #[test]
    fn secrets_whose_driver_runs_a_program() {
        for (driver, told) in
            [("shell", true), ("pass", true), ("file", true), ("vault", false), ("", false)]
        {
            let body = format!(r#"{{"Name":"a","Driver":{{"Name":"{driver}"}}}}"#);
            let message = said(Endpoint::SecretCreate, "/secrets/create", &body, &any_rule());
            assert_eq!(!message.is_empty(), told, "{driver}: {message}");
        }
    }
}
