//! What a rule forbids is refused, with the rule, however it is asked for; what it doesn't is let
//! through. Each forbidden request is also sent straight, to show that the engine would carry it out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use support::client::post;
use support::{Client, Daemon, Docker, SecDocker, Way, sandbox, unique};

/// A request and the rules that it breaks, as configured; none if it is allowed.
type Case<'a> = (Value, &'a [&'a str]);

/// The smallest body that a container can be made of, with these fields besides.
fn body(fields: &Value) -> Value {
    let mut body = json!({"Image": "probe:1", "Cmd": ["sleep", "60"], "User": "1000"});
    for (key, value) in fields.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn host_config(fields: Value) -> Value {
    json!({ "HostConfig": fields })
}

/// Sends every case through SecDocker with these rules, and the forbidden ones straight as well.
#[track_caller]
fn judge(rules: &str, cases: &[Case]) {
    let secdocker = SecDocker::before(Daemon::shared(), &format!("restrictions:\n{rules}"));
    let mut client = secdocker.connect();
    let wrong: Vec<String> =
        cases.iter().filter_map(|case| judge_one(&mut client, case).err()).collect();
    assert!(wrong.is_empty(), "with\n{rules}{}", wrong.join("\n"));
}

fn judge_one(client: &mut Client, (fields, broken): &Case) -> Result<(), String> {
    let api = Daemon::shared().api();
    let name = unique("ruled");
    let target = format!("/v1.41/containers/create?name={name}");
    let create = post(&target, body(fields).to_string());
    let check = |holds: bool, what: &str| match holds {
        true => Ok(()),
        false => Err(format!("{fields}: {what}")),
    };
    if !broken.is_empty() {
        let straight = api.ask(&create);
        api.remove(&name);
        check(straight.status == 201, &format!("the engine itself says {}", straight.text()))?;
    }
    let answer = client.ask(&create);
    let made = api.container(&name).is_some();
    api.remove(&name);
    let said = format!("{} {}", answer.status, answer.text());
    if broken.is_empty() {
        return check(answer.status == 201 && made, &format!("is allowed, but: {said}"));
    }
    check(!made, &format!("is forbidden, but made a container: {said}"))?;
    check(answer.status == 403, &format!("is forbidden, but: {said}"))?;
    check(answer.header("content-type") == Some("application/json"), &answer.head)?;
    let message = answer.message();
    check(message.starts_with("SecDocker: forbidden: "), &said)?;
    check(rules_in(&message) == *broken, &format!("wants the rules {broken:?}: {said}"))
}

/// The rules in the brackets of a message, one after the other: `(rules "22", "25")`.
fn rules_in(message: &str) -> Vec<&str> {
    let brackets = message.split("(rule").skip(1).filter_map(|rest| rest.split(')').next());
    brackets.flat_map(|bracket| bracket.split('"').skip(1).step_by(2)).collect()
}

#[test]
fn ports() {
    let publish =
        |port: &str| host_config(json!({"PortBindings": {"80/tcp": [{"HostPort": port}]}}));
    let address = json!({"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "22"}]}});
    let several = json!({"PortBindings": {
        "80/tcp": [{"HostPort": "18080"}, {"HostPort": "22"}], "81/tcp": [{"HostPort": "25"}],
    }});
    judge(
        "  ports: [22, '25', 8000-8010]\n",
        &[
            (publish("22"), &["22"]),
            (publish("022"), &["22"]),
            (publish("22/tcp"), &["22"]),
            (publish("20-24"), &["22"]),
            (publish("20-25"), &["22", "25"]),
            (publish("8005"), &["8000-8010"]),
            (publish("7990-8000"), &["8000-8010"]),
            (host_config(address), &["22"]),
            (host_config(several), &["22", "25"]),
            (host_config(json!({"NetworkMode": "host"})), &["22", "25", "8000-8010"]),
            (publish("2222"), &[]),
            (publish("221"), &[]),
            (publish("7999"), &[]),
            (publish("8011"), &[]),
            (publish(""), &[]),
            (host_config(json!({"NetworkMode": "none"})), &[]),
            (json!({"ExposedPorts": {"22/tcp": {}}}), &[]),
        ],
    );
}

#[test]
fn mounts() {
    let directory = sandbox::directory("links");
    symlink("/root", directory.join("to-root")).unwrap();
    let link = directory.join("to-root").to_str().unwrap().to_owned();
    let bind = |path: &str| host_config(json!({"Binds": [format!("{path}:/x")]}));
    let mount = |source: &str| {
        host_config(json!({"Mounts": [{"Type": "bind", "Source": source, "Target": "/x"}]}))
    };
    let options = json!({"type": "none", "o": "bind", "device": "/root"});
    let volume = json!({"Mounts": [{
        "Type": "volume", "Source": unique("v"), "Target": "/x",
        "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": options}},
    }]});
    let tmpfs = json!({"Mounts": [{"Type": "tmpfs", "Target": "/x"}]});
    judge(
        "  mounts: [/root, /usr/share/doc, /]\n",
        &[
            (bind("/root"), &["/root"]),
            (bind("/root/"), &["/root"]),
            (bind("/root/.ssh"), &["/root"]),
            (bind("/tmp/../root"), &["/root"]),
            (bind("//root/./x"), &["/root"]),
            (bind("/usr/share"), &["/usr/share/doc"]),
            (bind("/usr"), &["/usr/share/doc"]),
            (bind("/"), &["/root", "/usr/share/doc", "/"]),
            (bind(&link), &["/root"]),
            (bind(&format!("{link}/.ssh")), &["/root"]),
            (mount("/root"), &["/root"]),
            (mount("/"), &["/root", "/usr/share/doc", "/"]),
            (mount(&link), &["/root"]),
            (host_config(volume), &["/root"]),
            (bind("/rootless"), &[]),
            (bind("/tmp"), &[]),
            (bind("/usr/lib"), &[]),
            (bind("a-named-volume"), &[]),
            (mount("/tmp"), &[]),
            (host_config(tmpfs), &[]),
        ],
    );
    judge(
        "  mounts: [/**]\n",
        &[(bind("/tmp"), &["/**"]), (mount("/usr/lib"), &["/**"]), (bind("a-named-volume"), &[])],
    );
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn users() {
    let user = |user: &str| json!({"User": user});
    judge(
        "  users: [root, '1234']\n",
        &[
            (user("root"), &["root"]),
            (user("0"), &["root"]),
            (user("0:0"), &["root"]),
            (user("00"), &["root"]),
            (user("root:root"), &["root"]),
            (user("0:1000"), &["root"]),
            (user("1234"), &["1234"]),
            (user("1234:5"), &["1234"]),
            (user("1000"), &[]),
            (user("1000:0"), &["root"]),
            (user("1000:1000"), &[]),
            (user("12345"), &[]),
        ],
    );
}

/// Who names no user gets the image's: this image names none either, so it is root.
#[test]
fn users_of_images() {
    judge("  users: [root]\n", &[(json!({"User": ""}), &["root"])]);
}

#[test]
fn environment() {
    let variables = |list: &[&str]| json!({"Env": list});
    judge(
        "  environment: [USER=0, SECRET]\n",
        &[
            (variables(&["USER=0"]), &["USER=..."]),
            (variables(&["A=b", "SECRET=x"]), &["SECRET"]),
            (variables(&["SECRET="]), &["SECRET"]),
            (variables(&["SECRET=x", "USER=0"]), &["SECRET", "USER=..."]),
            (variables(&["USER=1", "USER_=0", "SECRETS=x", "user=0"]), &[]),
        ],
    );
}

#[test]
fn security_policies() {
    let options = |list: &[&str]| host_config(json!({"SecurityOpt": list}));
    let unmasked = |key: &str| host_config(json!({ key: [] }));
    judge(
        "  securitypolicies: ['seccomp=unconfined', apparmor, systempaths=unconfined]\n",
        &[
            (options(&["seccomp=unconfined"]), &["seccomp=unconfined"]),
            (options(&["seccomp:unconfined"]), &["seccomp=unconfined"]),
            (options(&["apparmor=unconfined"]), &["apparmor"]),
            (options(&["apparmor:docker-default"]), &["apparmor"]),
            (unmasked("MaskedPaths"), &["systempaths=unconfined"]),
            (unmasked("ReadonlyPaths"), &["systempaths=unconfined"]),
            (options(&["no-new-privileges"]), &[]),
            (options(&["label=disable"]), &[]),
        ],
    );
}

#[test]
fn images() {
    let api = Daemon::shared().api();
    let id = api.get("/images/ubuntu:16.04/json").json()["Id"].as_str().unwrap().to_owned();
    let tags = ["registry.example/team/app:1", "registry.example/teams/app:1"];
    // Images of their own: another name of a forbidden image is forbidden as well.
    for name in tags {
        let straight = Docker::on(Daemon::shared());
        straight.run_with(&["import", "-", name], &one_file_archive(name)).ok();
    }
    let image = |name: &str| json!({"Image": name});
    let named: &[&str] = &["ubuntu:16.04"];
    judge(
        "  images: ['ubuntu:16.04', 'registry.example/team/*']\n",
        &[
            (image("ubuntu:16.04"), named),
            (image("library/ubuntu:16.04"), named),
            (image("docker.io/ubuntu:16.04"), named),
            (image("docker.io/library/ubuntu:16.04"), named),
            (image("index.docker.io/library/ubuntu:16.04"), named),
            (image(&id), named),
            (image(&id[7..]), named),
            (image(&id[7..19]), named),
            (image(tags[0]), &["registry.example/team/*"]),
            (image("probe:1"), &[]),
            (image(tags[1]), &[]),
        ],
    );
    judge("  images: [ubuntu]\n", &[(image("ubuntu:16.04"), &["ubuntu"]), (image("probe:1"), &[])]);
    judge("  images: [ubuntu]\n", &[(image(&id), &["ubuntu"])]);
    for name in tags {
        api.delete(&format!("/images/{name}"));
    }
}

/// A tar archive of one file of this content.
fn one_file_archive(content: &str) -> Vec<u8> {
    let directory = sandbox::directory("archive");
    fs::write(directory.join("file"), content).unwrap();
    let mut tar = std::process::Command::new("tar");
    support::run(tar.arg("-C").arg(&directory).args(["-c", "file"]), b"").stdout
}

#[test]
fn privileged() {
    let privileged = host_config(json!({"Privileged": true}));
    let not = host_config(json!({"Privileged": false}));
    judge("  privileged: true\n", &[(privileged.clone(), &["privileged"]), (not, &[])]);
    judge("  privileged: false\n", &[(privileged.clone(), &[])]);
    judge("  securitypolicies: [privileged]\n", &[(privileged.clone(), &["privileged"])]);
    judge("  securitypolicies: [seccomp=unconfined]\n", &[(privileged, &["seccomp=unconfined"])]);
}

/// One answer says everything that is wrong, and the command line shows it.
#[test]
fn all_violations_together() {
    let rules = "restrictions:\n  ports: [22]\n  mounts: [/root]\n  users: [root]\n\
                 \x20 environment: [USER=0]\n  securitypolicies: [seccomp=unconfined]\n\
                 \x20 images: ['ubuntu:16.04']\n  privileged: true\n";
    let secdocker = SecDocker::before(Daemon::shared(), rules);
    let name = unique("all");
    let arguments = format!(
        "run --rm --name {name} -p 22:80 -v /root/.ssh:/x -u 0 -e USER=0 \
         --security-opt seccomp=unconfined --privileged ubuntu:16.04 true"
    );
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let stderr = Docker::on(&secdocker).run(&words).fails(125);
    let start = "docker: Error response from daemon: SecDocker: forbidden: ";
    assert!(stderr.starts_with(start), "{stderr}");
    let rules =
        ["22", "/root", "root", "USER=...", "seccomp=unconfined", "ubuntu:16.04", "privileged"];
    for rule in rules {
        assert!(stderr.contains(&format!("(rule \"{rule}\")")), "rule {rule}: {stderr}");
    }
    assert!(stderr.contains("host port 22 (rule \"22\")"), "{stderr}");
    assert!(stderr.contains("/root/.ssh (rule \"/root\")"), "{stderr}");
    assert!(Daemon::shared().api().container(&name).is_none(), "a container was made");
}

/// The same request in every spelling that the engine takes.
#[test]
fn every_spelling() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let api = Daemon::shared().api();
    let plain = r#"{"Image":"probe:1","Cmd":["true"],"HostConfig":{"Privileged":true}}"#;
    let spellings = [
        ("/containers/create", plain),
        ("/v1.24/containers/create", plain),
        ("/v1.41/containers/create", plain),
        ("/containers/%63reate", plain),
        ("/containers%2fcreate", plain),
        ("/v1.41%2fcontainers/create", plain),
        ("/%761.41/containers/create", plain),
        ("http://anything/containers/create", plain),
        (
            "/containers/create",
            r#"{"image":"probe:1","cmd":["true"],"hostconfig":{"privileged":true}}"#,
        ),
        (
            "/containers/create",
            r#"{"IMAGE":"probe:1","CMD":["true"],"HOSTCONFIG":{"PRIVILEGED":true}}"#,
        ),
        (
            "/containers/create",
            "{\"Image\":\"probe:1\",\"Cmd\":[\"true\"],\"Ho\u{17f}tConfig\":{\"Privileged\":true}}",
        ),
        (
            "/containers/create",
            r#"{"Image":"probe:1","Cmd":["true"],"Host\u0043onfig":{"Privileged":true}}"#,
        ),
        ("/containers/create", r#"{"Image":"probe:1","Cmd":["true"],"Privileged":true}"#),
        (
            "/containers/create",
            "\n {\"Image\":\"probe:1\",\"Cmd\":[\"true\"] ,\t\"HostConfig\": {\"Privileged\":true}}",
        ),
    ];
    for (target, body) in spellings {
        let name = unique("spelled");
        let target = format!("{target}?name={name}");
        for (framing, request) in
            [("length", post(&target, body)), ("chunked", chunked(&target, body))]
        {
            let straight = api.ask(&request);
            let is_privileged = api.inspect(&name)["HostConfig"]["Privileged"] == true;
            api.remove(&name);
            assert!(straight.status == 201 && is_privileged, "the engine takes {target} {body}");
            let answer = secdocker.connect().ask(&request);
            let made = api.container(&name).is_some();
            api.remove(&name);
            assert!(!made, "{target} {body} ({framing}) made a container");
            let refused = answer.status == 403 || answer.status == 400;
            assert!(refused, "{target} {body} ({framing}): {}", answer.text());
        }
    }
}

fn chunked(target: &str, body: &str) -> Vec<u8> {
    let (first, second) = body.as_bytes().split_at(body.len() / 2);
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let mut request = head.into_bytes();
    for piece in [first, second] {
        request.extend_from_slice(format!("{:x};extension=1\r\n", piece.len()).as_bytes());
        request.extend_from_slice(piece);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\nTrailer: 1\r\n\r\n");
    request
}

/// Every byte in a segment of its own, and a second request in the same segment as the first.
#[test]
fn every_segmentation() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let api = Daemon::shared().api();
    let name = unique("cut");
    let body = r#"{"Image":"probe:1","HostConfig":{"Privileged":true}}"#;
    let create = post(&format!("/containers/create?name={name}"), body);

    let mut bytewise = secdocker.connect();
    create.iter().for_each(|byte| bytewise.send([*byte]));
    assert_eq!(bytewise.answer().status, 403, "byte by byte");

    let ping = support::client::get("/_ping");
    let mut pipelined = secdocker.connect();
    pipelined.send([&ping[..], &create, &ping, &create, &ping].concat());
    let statuses: Vec<u16> = (0..5).map(|_| pipelined.answer().status).collect();
    assert_eq!(statuses, [200, 403, 200, 403, 200], "pipelined");
    assert!(api.container(&name).is_none(), "a container was made");
}

/// An upgrade that the engine refuses leaves the connection what it was: inspected.
#[test]
fn after_a_refused_upgrade() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let name = unique("upgrade");
    let body = r#"{"Image":"probe:1","HostConfig":{"Privileged":true}}"#;
    let create = post(&format!("/containers/create?name={name}"), body);
    for target in ["/exec/nope/start", "/containers/nope/attach?stream=1&stdin=1", "/session"] {
        let upgrade = format!(
            "POST {target} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let mut client = secdocker.connect();
        client.send([upgrade.as_bytes(), &create].concat());
        assert!(client.answer().status >= 400, "{target}");
        // An error without a length ends the connection; otherwise the next request is inspected.
        drop(client.try_send(&create));
        client.end_sending();
        let rest = String::from_utf8_lossy(&client.rest_or_reset()).into_owned();
        assert!(!rest.contains("HTTP/1.1 201"), "{target}: {rest}");
        assert!(Daemon::shared().api().container(&name).is_none(), "{target} made a container");
    }
}
