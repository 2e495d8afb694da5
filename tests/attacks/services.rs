//! Services of a swarm: every rule again, in the words of another API, and templates that are filled
//! in only where the task runs.

use super::attack::Outcome;
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = containers();
    all.extend(mounts());
    all.extend(templates());
    all.extend(networks());
    all.extend(resources());
    all.extend(updates());
    all
}

/// A service that breaks no rule, with these fields of its container, and of its task.
fn service(container: Value, task: Value) -> Value {
    let mut spec = json!({"Image": "probe:1", "Command": ["sleep", "60"], "User": "1000"});
    merge(&mut spec, container);
    let mut template = json!({"ContainerSpec": spec, "RestartPolicy": {"Condition": "none"}});
    merge(&mut template, task);
    json!({"Name": "@name@", "TaskTemplate": template})
}

fn merge(object: &mut Value, fields: Value) {
    if let (Value::Object(object), Value::Object(fields)) = (object, fields) {
        object.extend(fields);
    }
}

fn create(name: &'static str, why: &'static str, spec: Value) -> Attack {
    Attack::new(name, why)
        .setup(Step::Swarm(true))
        .send(Step::post("/services/create", spec))
        .works_when(Probe::found("/services/@name@"))
}

/// The effect shows in what the engine keeps of the service.
fn spec_holds(pointer: &'static str, text: &'static str) -> Probe {
    Probe::holds("/services/@name@", pointer, text)
}

/// The effect shows in the container that the task runs.
fn task_holds(pointer: &'static str, text: &'static str) -> Probe {
    Probe::Task { pointer, text }
}

fn containers() -> Vec<Attack> {
    let contains = |name, why, field: &'static str, value: Value| {
        create(name, why, service(json!({field: value}), json!({})))
            .works_when(spec_holds(format!("/Spec/TaskTemplate/ContainerSpec/{field}").leak(), ""))
    };
    vec![
        contains("service of a forbidden image", "plainly", "Image", json!("ubuntu:16.04")),
        contains(
            "service of a forbidden image by its full name",
            "one image, many names",
            "Image",
            json!("docker.io/library/ubuntu:16.04"),
        ),
        contains("service as root", "plainly", "User", json!("root")),
        contains("service as user 00", "it is a number", "User", json!("00:1")),
        contains("service with a forbidden variable", "plainly", "Env", json!(["USER=0"])),
        contains("service with a capability", "plainly", "CapabilityAdd", json!(["CAP_SYS_ADMIN"])),
        contains("service with all capabilities", "plainly", "CapabilityAdd", json!(["all"])),
        contains(
            "service with a sysctl",
            "plainly",
            "Sysctls",
            json!({"net.ipv4.ip_forward": "1"}),
        ),
        contains(
            "service without labels of SELinux",
            "the same as label=disable",
            "Privileges",
            json!({"SELinuxContext": {"Disable": true}}),
        ),
        contains(
            "service without seccomp",
            "the same as seccomp=unconfined",
            "Privileges",
            json!({"Seccomp": {"Mode": "unconfined"}}),
        )
        .since(26),
        contains(
            "service without AppArmor",
            "the same as apparmor=unconfined",
            "Privileges",
            json!({"AppArmor": {"Mode": "disabled"}}),
        )
        .since(26),
        Attack::new("service with keys in another case", "fields are matched without case")
            .setup(Step::Swarm(true))
            .send(Step::post(
                "/services/create",
                json!({"NAME": "@name@", "tasktemplate": {
                "containerſpec": {"image": "probe:1", "uſer": "0"}}}),
            ))
            .works_when(spec_holds("/Spec/TaskTemplate/ContainerSpec/User", "0")),
        Attack::new("service in a body of any type", "the content type is not looked at")
            .setup(Step::Swarm(true))
            .send(Step::send_as(
                "POST",
                "/services/create",
                "text/plain",
                service(json!({"User": "0"}), json!({})).to_string(),
            ))
            .works_when(spec_holds("/Spec/TaskTemplate/ContainerSpec/User", "0"))
            .until(26),
        Attack {
            outcome: Outcome::Passes,
            ..create("service that breaks no rule", "plainly", service(json!({}), json!({})))
        },
    ]
}

fn mounts() -> Vec<Attack> {
    let reads = |name, why, mount: Value| {
        create(
            name,
            why,
            service(
                json!({"Command": ["sh", "-c", "cat /x/secret"], "Mounts": [mount]}),
                json!({}),
            ),
        )
        .works_when(Probe::TaskPrints("top secret"))
    };
    let bind = json!({"type": "none", "o": "bind", "device": "/run/forbidden"});
    let layer =
        json!({"type": "overlay", "o": "lowerdir=/run/forbidden:/run/allowed", "device": "x"});
    let volume = |options: &Value| {
        json!({"Type": "volume", "Source": "@name@", "Target": "/x",
        "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": options}}})
    };
    vec![
        reads(
            "service with a mount",
            "plainly",
            json!({"Type": "bind", "Source": "/run/forbidden", "Target": "/x"}),
        ),
        reads(
            "service with a mount of a type in capitals",
            "types have no case here",
            json!({"Type": "BIND", "Source": "/run/forbidden", "Target": "/x"}),
        ),
        reads(
            "service with a mount of no type",
            "a bind is the default here",
            json!({"Source": "/run/forbidden", "Target": "/x"}),
        ),
        reads("service with a volume that binds", "the driver's options come along", volume(&bind)),
        reads(
            "service with a volume of a layer",
            "the driver's options come along",
            volume(&layer),
        ),
        reads(
            "service with a volume that is already there",
            "its options were given when it was made",
            json!({"Type": "volume", "Source": "@name@", "Target": "/x"}),
        )
        .setup(Step::post("/volumes/create", json!({"Name": "@name@", "DriverOpts": bind}))),
    ]
}

fn templates() -> Vec<Attack> {
    let mounts = |name, why, mount: Value| {
        create(
            name,
            why,
            service(
                json!({"Command": ["sh", "-c", "cat /x/secret"], "Mounts": [mount]}),
                json!({}),
            ),
        )
        .works_when(Probe::TaskPrints("top secret"))
    };
    let prints = |name, why, mut container: Value, text| {
        merge(&mut container, json!({"Command": ["env"]}));
        create(name, why, service(container, json!({}))).works_when(Probe::TaskPrints(text))
    };
    vec![
        create(
            "service with a template for a variable's value",
            "values are filled in",
            service(json!({"Env": [r#"USER={{"0"}}"#]}), json!({})),
        )
        .works_when(task_holds("/Config/Env", "USER=0")),
        create(
            "service with a template that decides",
            "values are filled in",
            service(json!({"Env": ["USER={{if .Service.Name}}0{{end}}"]}), json!({})),
        )
        .works_when(task_holds("/Config/Env", "USER=0")),
        prints(
            "service with a name of its host",
            "the engine sets HOSTNAME to it",
            json!({"Hostname": "evil"}),
            "HOSTNAME=evil",
        ),
        prints(
            "service with a template for a name of its host",
            "names are filled in",
            json!({"Hostname": r#"{{"evil"}}"#}),
            "HOSTNAME=evil",
        ),
        prints(
            "service with a terminal",
            "the engine sets TERM",
            json!({"TTY": true}),
            "TERM=xterm",
        ),
        mounts(
            "service with a template for a path",
            "sources are filled in",
            json!({"Type": "bind", "Source": r#"/run/{{"forbidden"}}"#, "Target": "/x"}),
        ),
        mounts(
            "service with a template for a volume's device",
            "options are filled in",
            json!({"Type": "volume", "Source": "@name@", "Target": "/x", "VolumeOptions":
                {"DriverConfig": {"Name": "local", "Options":
                    {"type": "none", "o": r#"{{"bind"}}"#, "device": r#"/run/{{"forbidden"}}"#}}}}),
        ),
    ]
}

fn networks() -> Vec<Attack> {
    let host = json!([{"Target": "host"}]);
    let publishes = |name, why, port: Value| {
        let mut spec = service(json!({}), json!({}));
        merge(&mut spec, json!({"EndpointSpec": {"Ports": [port]}}));
        create(name, why, spec).works_when(spec_holds("/Endpoint/Ports", r#""PublishedPort":22"#))
    };
    let mut outer = service(json!({}), json!({}));
    merge(&mut outer, json!({"Networks": host}));
    vec![
        publishes(
            "service on a port",
            "every node opens it",
            json!({"TargetPort": 80, "PublishedPort": 22}),
        ),
        publishes(
            "service on a port of its node",
            "the node opens it",
            json!({"TargetPort": 80, "PublishedPort": 22, "PublishMode": "host"}),
        ),
        publishes(
            "service on a port over udp",
            "a rule without a protocol means all",
            json!({"Protocol": "udp", "TargetPort": 80, "PublishedPort": 22}),
        ),
        create(
            "service on the host's network",
            "plainly",
            service(json!({}), json!({"Networks": host})),
        )
        .works_when(task_holds("/HostConfig/NetworkMode", "host")),
        create("service on the host's network by the older field", "it still counts", outer)
            .works_when(task_holds("/HostConfig/NetworkMode", "host")),
        create(
            "service on the host's network by its id",
            "an id is a name",
            service(json!({}), json!({"Networks": [{"Target": "@host-network@"}]})),
        )
        .works_when(task_holds("/HostConfig/NetworkMode", "host")),
    ]
}

fn resources() -> Vec<Attack> {
    let limits = "/Spec/TaskTemplate/Resources/Limits";
    vec![
        create(
            "service with more memory",
            "plainly",
            service(
                json!({}),
                json!({"Resources": {"Limits": {"MemoryBytes": 8_589_934_592_i64}}}),
            ),
        )
        .works_when(Probe::holds("/services/@name@", limits, "8589934592"))
        .only_tightened(),
        create(
            "service without a limit of memory",
            "none means all",
            service(json!({}), json!({})),
        )
        .works_when(Probe::state("/services/@name@", |it| {
            it.pointer("/Spec/TaskTemplate/Resources/Limits/MemoryBytes").is_none()
        }))
        .only_tightened(),
        create(
            "service with more cpu",
            "plainly",
            service(json!({}), json!({"Resources": {"Limits": {"NanoCPUs": 1_500_000_000}}})),
        )
        .works_when(Probe::holds("/services/@name@", limits, "1500000000"))
        .only_tightened(),
    ]
}

fn updates() -> Vec<Attack> {
    let updates = |name, why, spec: Value| {
        Attack::new(name, why)
            .setup(Step::Swarm(true))
            .setup(Step::post("/services/create", service(json!({}), json!({}))))
            .send(Step::post("/services/@name@/update?version=@version@", spec))
    };
    vec![
        updates("service updated to root", "plainly", service(json!({"User": "0"}), json!({})))
            .works_when(spec_holds("/Spec/TaskTemplate/ContainerSpec/User", "\"0\"")),
        updates(
            "service updated to a mount",
            "plainly",
            service(
                json!({"Mounts": [
            {"Type": "bind", "Source": "/run/forbidden", "Target": "/x"}]}),
                json!({}),
            ),
        )
        .works_when(spec_holds("/Spec/TaskTemplate/ContainerSpec/Mounts", "forbidden")),
        updates(
            "service updated to more memory",
            "plainly",
            service(
                json!({}),
                json!({"Resources": {"Limits": {"MemoryBytes": 8_589_934_592_i64}}}),
            ),
        )
        .works_when(spec_holds("/Spec/TaskTemplate/Resources/Limits", "8589934592"))
        .only_tightened(),
        Attack::new("service rolled back", "what it was before counts, not the body")
            .setup(Step::Swarm(true))
            .setup(Step::post("/services/create", service(json!({"User": "0"}), json!({}))))
            .setup(Step::post(
                "/services/@name@/update?version=@version@",
                service(json!({}), json!({})),
            ))
            .send(Step::post(
                "/services/@name@/update?version=@version@&rollback=previous",
                service(json!({}), json!({})),
            ))
            .works_when(spec_holds("/Spec/TaskTemplate/ContainerSpec/User", "\"0\"")),
    ]
}
