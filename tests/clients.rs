//! Who is asking: each kind of `match` with real clients, and what follows from it.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod support;
use std::fs;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use support::archive::context;
use support::authority::{Issued, Leaf};
use support::client::{get, post};
use support::tls::House;
use support::{Answer, Client, Daemon, Docker, SecDocker, Way, run, sandbox, until};

/// A request that the top level lets through, and each entry here refuses by a port of its own.
fn create(port: u16) -> Vec<u8> {
    let body = json!({"Image": "probe:1", "Cmd": ["true"], "HostConfig": {
        "NetworkMode": "none", "PortBindings": {"80/tcp": [{"HostPort": port.to_string()}]}}});
    post("/v1.41/containers/create", body.to_string())
}

/// Entries of this name and match, each forbidding port 81, and the rest forbidden port 80.
fn entries(list: &[(&str, &str)]) -> String {
    let mut text = "restrictions:\n  ports: [80]\nclients:\n".to_owned();
    for (name, wanted) in list {
        text += &format!(
            "  - name: {name}\n    match: {{{wanted}}}\n    restrictions: {{ports: [81]}}\n"
        );
    }
    text
}

/// Who a client was taken for, by what it was refused.
#[track_caller]
fn judged(message: &str) -> String {
    let name = message.split("(client \"").nth(1).and_then(|rest| rest.split('"').next());
    let port = if name.is_some() { "81" } else { "80" };
    let begins = format!("SecDocker: forbidden: host port {port} (rule \"{port}\")");
    assert!(message.starts_with(&begins), "{message}");
    name.unwrap_or("the rest").to_owned()
}

#[track_caller]
fn taken_for(client: &mut Client) -> String {
    let first = client.ask(create(81));
    let second = client.ask(create(80));
    let refused = if first.status == 403 { first } else { second };
    assert_eq!(refused.status, 403, "{}", refused.text());
    judged(&refused.message())
}

/// What another program as this user is taken for: it asks by curl, over what `arguments` say.
#[track_caller]
fn program_taken_for(prefix: &[&str], arguments: &[&str]) -> String {
    let mut words = prefix.to_vec();
    words.extend(["curl", "-sS", "-H", "Content-Type: application/json", "--max-time", "30"]);
    let all = json!({"Image": "probe:1", "HostConfig": {"NetworkMode": "none", "PortBindings": {
        "80/tcp": [{"HostPort": "80"}, {"HostPort": "81"}]}}});
    let body = all.to_string();
    words.extend(["-d", &body]);
    words.extend(arguments);
    let (program, arguments) = words.split_first().unwrap();
    let answer = run(Command::new(program).args(arguments), b"").ok();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    judged(answer.get("message").and_then(|it| it.as_str()).unwrap_or_default())
}

fn as_user(uid: &str) -> Vec<&str> {
    vec!["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"]
}

/// SecDocker with a Unix socket that everybody may open, too.
fn with_socket(rest: &str) -> (SecDocker, PathBuf) {
    let socket = sandbox::short_directory("front").join("s");
    let listen = format!("listen:\n  unix: {}\n  unix_mode: 0666\n{rest}", socket.display());
    (SecDocker::before(Daemon::shared(), &listen), socket)
}

const TARGET: &str = "http://d/v1.41/containers/create";

fn over(socket: &Path) -> Vec<&str> {
    vec!["--unix-socket", socket.to_str().unwrap(), TARGET]
}

#[test]
fn the_first_network_that_fits_counts_in_messages_and_in_the_log() {
    let list = [("first", "network: [127.0.0.2]"), ("second", "network: 127.0.0.0/24")];
    let secdocker = SecDocker::before(Daemon::shared(), &entries(&list));
    assert_eq!(taken_for(&mut Client::elsewhere(secdocker.address)), "first");
    assert_eq!(taken_for(&mut secdocker.connect()), "second");
    let line = secdocker.logs("client_name=first");
    assert!(line.contains("client=\"127.0.0.2:"), "{line}");
    let received = secdocker.log();
    let received = received.lines().filter(|line| line.contains("request received"));
    assert!(received.clone().all(|line| line.contains("client_name=")), "{received:?}");
}

#[test]
fn nothing_that_a_request_says_changes_who_asks() {
    let list = [("ops", "network: 127.0.0.2")];
    let secdocker = SecDocker::before(Daemon::shared(), &entries(&list));
    let body = json!({"Image": "probe:1", "Labels": {"com.example.role": "ops"}, "HostConfig": {
        "NetworkMode": "none", "PortBindings": {"80/tcp": [{"HostPort": "80"}]}}})
    .to_string();
    for said in [
        "X-Forwarded-For: 127.0.0.2",
        "Forwarded: for=127.0.0.2",
        "X-Real-IP: 127.0.0.2",
        "X-Client-Name: ops",
        "Client-Name: ops",
        "X-SSL-Client-CN: ops",
        "X-Remote-User: ops",
        "User-Agent: ops",
        "Authorization: Basic b3BzOm9wcw==",
        "Via: 1.1 127.0.0.2",
        "True-Client-IP: 127.0.0.2",
        "X-Client-IP: 127.0.0.2",
        "X-Cluster-Client-IP: 127.0.0.2",
        "CF-Connecting-IP: 127.0.0.2",
        "X-Forwarded-User: ops",
        "X-Forwarded-Client-Cert: Subject=\"CN=ops\"",
        "Ssl-Client-Subject-Dn: CN=ops",
        "Proxy-Authorization: Basic b3BzOm9wcw==",
        "X-Registry-Auth: eyJ1c2VybmFtZSI6Im9wcyJ9",
        "Cookie: client=ops",
        "From: ops",
        "Origin: http://127.0.0.2",
    ] {
        for target in [
            "/v1.41/containers/create",
            "/v1.41/containers/create?name=ops&client=ops",
            "http://ops@127.0.0.2/v1.41/containers/create",
        ] {
            for host in ["ops", "127.0.0.2"] {
                let request = format!(
                    "POST {target} HTTP/1.1\r\nHost: {host}\r\n{said}\r\nContent-Type: \
                     application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let answer = secdocker.connect().ask(request);
                assert_eq!(judged(&answer.message()), "the rest", "{said} {target} {host}");
            }
        }
    }
}

#[test]
fn users_are_known_on_the_unix_socket_and_on_loopback() {
    let list =
        [("runner", "uid: 5001"), ("staff", "gid: [5002]"), ("both", "{user: 0, network: ::/0}")];
    let list = [list[0], list[1], ("root", "user: root")];
    let (secdocker, socket) = with_socket(&entries(&list));
    let url = format!("http://{}/v1.41/containers/create", secdocker.address);
    for (uid, expected) in
        [("5001", "runner"), ("5002", "staff"), ("0", "root"), ("5003", "the rest")]
    {
        let by_socket = program_taken_for(&as_user(uid), &over(&socket));
        assert_eq!(by_socket, expected, "on the Unix socket");
        // The kernel tells the user of a TCP socket, and no group.
        let expected = if uid == "5002" { "the rest" } else { expected };
        assert_eq!(program_taken_for(&as_user(uid), &[&url]), expected, "on loopback");
    }
    assert_eq!(taken_for(&mut secdocker.connect()), "root");
}

/// What proxies say before the first request is no request here.
#[test]
fn nobody_is_introduced_by_a_proxy() {
    let secdocker = SecDocker::before(Daemon::shared(), &entries(&[("ops", "network: 127.0.0.2")]));
    for line in ["PROXY TCP4 127.0.0.2 127.0.0.1 5 6\r\n", "\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c"] {
        let mut client = secdocker.connect();
        client.send([line.as_bytes(), &create(81)].concat());
        let answer = String::from_utf8_lossy(&client.rest_or_reset()).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line:?}: {answer}");
        assert!(!answer.contains("client \\\"ops"), "{answer}");
    }
}

/// Java's clients connect by IPv6 sockets to addresses of IPv4, and anybody may take any address of loopback.
#[test]
fn users_are_known_whatever_address_of_this_host_they_take() {
    let list = entries(&[("root", "user: root, network: 127.0.0.0/8")]);
    let rest = format!("listen:\n  allow_plain: true\n{list}");
    let config = support::firewall::config(&Daemon::shared().socket(), &rest);
    let at = SocketAddr::from((Ipv6Addr::UNSPECIFIED, sandbox::port()));
    let secdocker = SecDocker::start_at(at, &config, &[]);
    let port = secdocker.address.port();
    for to in ["::ffff:127.0.0.1", "127.0.0.1", "::ffff:127.9.9.9", "127.1.2.3"] {
        let to = SocketAddr::new(to.parse().unwrap(), port);
        assert_eq!(taken_for(&mut Client::tcp(to)), "root", "{to}");
    }
    for host in ["127.0.0.1", "127.7.7.7"] {
        let url = format!("http://{host}:{port}/v1.41/containers/create");
        let mut arguments = vec![url.as_str()];
        assert_eq!(program_taken_for(&as_user("5003"), &arguments), "the rest", "{host}");
        arguments.extend(["--interface", "127.0.0.9"]);
        assert_eq!(program_taken_for(&as_user("5003"), &arguments), "the rest", "{host}");
        assert_eq!(program_taken_for(&["env"], &arguments), "root", "{host}");
    }
}

/// A socket whose process has closed it has user 0 in the kernel's answer.
#[test]
fn who_has_left_is_not_root() {
    let secdocker = SecDocker::before(Daemon::shared(), &entries(&[("root", "user: root")]));
    let (ip, port) = (secdocker.address.ip(), secdocker.address.port());
    let body = json!({"Image": "probe:1", "HostConfig": {"NetworkMode": "none", "PortBindings": {
        "80/tcp": [{"HostPort": "80"}, {"HostPort": "81"}]}}})
    .to_string();
    let request = format!(
        "POST /v1.41/containers/create HTTP/1.1\\r\\nHost: d\\r\\nContent-Type: application/json\\r\\n\
         Content-Length: {}\\r\\n\\r\\n",
        body.len()
    );
    let script =
        format!("exec 3<>/dev/tcp/{ip}/{port}; printf '{request}%s' '{body}' >&3; exec 3>&-");
    for _ in 0..30 {
        let mut words = as_user("5001");
        words.extend(["bash", "-c", &script]);
        let (program, arguments) = words.split_first().unwrap();
        run(Command::new(program).args(arguments), b"").ok();
    }
    until("all are judged", || {
        let log = secdocker.log();
        let refused = log.lines().filter(|line| line.contains("forbidden option requested"));
        (refused.count() >= 10).then_some(())
    });
    let log = secdocker.log();
    assert!(!log.contains("client_name=root"), "{log}");
}

#[test]
fn a_process_is_known_by_its_control_group() {
    let name = sandbox::unique("jenkins");
    // The first hierarchy that can hold it: of the second version, or one of the first.
    let places = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
    let place = places.iter().find(|place| Path::new(place).join("cgroup.procs").exists()).unwrap();
    for hierarchy in [*place, "/sys/fs/cgroup/pids"] {
        let group = Path::new(hierarchy).join(&name).join("job");
        if fs::create_dir_all(&group).is_err() || !group.join("cgroup.procs").exists() {
            continue;
        }
        let wanted = format!("cgroup: /{name}/**");
        let (secdocker, socket) = with_socket(&entries(&[("jenkins", &wanted)]));
        let url = format!("http://{}/v1.41/containers/create", secdocker.address);
        let enter = format!("echo $$ >{}/cgroup.procs && exec \"$@\"", group.display());
        let inside = ["bash", "-c", &enter, "bash"];
        assert_eq!(
            program_taken_for(&inside, &over(&socket)),
            "jenkins",
            "{hierarchy}: by a process"
        );
        assert_eq!(program_taken_for(&inside, &[&url]), "jenkins", "{hierarchy}: by a socket");
        assert_eq!(program_taken_for(&["env"], &over(&socket)), "the rest");
        assert_eq!(program_taken_for(&["env"], &[&url]), "the rest");
        // The name alone, or a group of that name elsewhere, is another one.
        for other in [format!("{name}-evil"), format!("evil-{name}/{name}/job")] {
            let group = Path::new(hierarchy).join(&other);
            fs::create_dir_all(&group).unwrap();
            let enter = format!("echo $$ >{}/cgroup.procs && exec \"$@\"", group.display());
            let inside = ["bash", "-c", &enter, "bash"];
            assert_eq!(program_taken_for(&inside, &over(&socket)), "the rest", "{other}");
            assert_eq!(program_taken_for(&inside, &[&url]), "the rest", "{other}");
        }
        let parent = group.parent().unwrap().to_owned();
        until("the group is empty", || fs::remove_dir(&group).ok());
        drop(fs::remove_dir(parent));
    }
}

#[test]
fn a_container_is_known_by_its_address_and_by_its_control_group() {
    let list = [
        ("dashboard", "container: {label: com.example.role=dashboard}"),
        ("named", "container: {name: 'watcher-*'}"),
        ("old", "container: {image: 'ubuntu:16.04'}"),
    ];
    let (secdocker, gateway) = on_the_bridge(&entries(&list));
    let gateway = gateway.as_str();
    let port = secdocker.address.port();
    let watcher = sandbox::unique("watcher");
    for (arguments, host, expected) in [
        (&["--label", "com.example.role=dashboard", "probe:1"][..], gateway, "dashboard"),
        (&["--label", "com.example.role=other", "probe:1"], gateway, "the rest"),
        (&["--name", &watcher, "probe:1"], gateway, "named"),
        (&["ubuntu:16.04"], gateway, "old"),
        (
            &["--network=host", "--label", "com.example.role=dashboard", "probe:1"],
            "127.0.0.1",
            "dashboard",
        ),
        (&["--network=host", "probe:1"], "127.0.0.1", "the rest"),
    ] {
        let mut words = vec!["run", "--rm", "-i"];
        words.extend(arguments);
        match expected {
            "the rest" => {
                assert_eq!(container_taken_for(&words, host, port), expected, "{arguments:?}");
            }
            known => container_becomes(known, &words, host, port),
        }
    }
    assert_eq!(taken_for(&mut secdocker.connect()), "the rest", "the host itself");
}

/// SecDocker on every address, and the address of the bridge at which containers reach it.
fn on_the_bridge(list: &str) -> (SecDocker, String) {
    let rest = format!("listen:\n  allow_plain: true\n{list}");
    let config = support::firewall::config(&Daemon::shared().socket(), &rest);
    let at = SocketAddr::from((Ipv6Addr::UNSPECIFIED, sandbox::port()));
    let secdocker = SecDocker::start_at(at, &config, &[]);
    let bridge = Daemon::shared().api().get("/networks/bridge").json();
    let subnet = bridge.pointer("/IPAM/Config/0/Subnet").and_then(|it| it.as_str()).unwrap();
    let gateway = subnet.replace(".0.0/16", ".0.1");
    (secdocker, gateway)
}

/// What a program that reads from standard input and writes to standard output is taken for.
#[track_caller]
fn container_taken_for(arguments: &[&str], gateway: &str, port: u16) -> String {
    let body = json!({"Image": "probe:1", "HostConfig": {"NetworkMode": "none", "PortBindings": {
        "80/tcp": [{"HostPort": "80"}, {"HostPort": "81"}]}}})
    .to_string();
    let request = format!(
        "POST /v1.41/containers/create HTTP/1.0\r\nHost: d\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut words, port) = (arguments.to_vec(), port.to_string());
    words.extend(["nc", gateway, &port]);
    let answer = Docker::on(Daemon::shared()).run_with(&words, request.as_bytes()).ok();
    let message = answer.lines().last().unwrap_or_default();
    let message: serde_json::Value = serde_json::from_str(message).unwrap_or_default();
    judged(message.get("message").and_then(|it| it.as_str()).unwrap_or_default())
}

/// The same of one that is to be known, for as long as a busy engine may take to answer in time.
#[track_caller]
fn container_becomes(expected: &str, arguments: &[&str], host: &str, port: u16) {
    until(expected, || (container_taken_for(arguments, host, port) == expected).then_some(()));
}

/// Whoever joins the network of a container has its address, from the first moment on; what ends leaves its
/// address to the next one.
#[test]
fn the_address_of_a_container_is_of_use_to_nobody_else() {
    let list = entries(&[("dashboard", "container: {label: role=dashboard}")]);
    let (secdocker, gateway) = on_the_bridge(&list);
    let port = secdocker.address.port();
    let docker = Docker::on(Daemon::shared());
    let name = sandbox::unique("dashboard");
    let labelled = ["--label", "role=dashboard", "probe:1"];
    let mut run = vec!["run", "-d", "--name", &name];
    run.extend(labelled);
    run.extend(["sleep", "600"]);
    docker.run(&run).ok();
    let inside = ["exec", "-i", &name];
    container_becomes("dashboard", &inside, &gateway, port);
    let network = format!("--network=container:{name}");
    for _ in 0..3 {
        let joined = ["run", "--rm", "-i", &network, "probe:1"];
        assert_eq!(container_taken_for(&joined, &gateway, port), "the rest");
    }
    secdocker.logs("several containers have its address");
    // Alone again.
    container_becomes("dashboard", &inside, &gateway, port);
    for _ in 0..3 {
        docker.run(&["rm", "-f", &name]).ok();
        // It gets the address that has become free, and the name.
        let other = ["run", "--rm", "-i", "--name", &name, "probe:1"];
        assert_eq!(container_taken_for(&other, &gateway, port), "the rest");
        docker.run(&run).ok();
        container_becomes("dashboard", &inside, &gateway, port);
    }
    Daemon::shared().api().remove(&name);
}

/// Somebody on a bridge whom no container of the daemon's is, such as the step of a build by BuildKit.
#[test]
fn nobodys_address_on_a_bridge_is_told_of_and_holds_up_nobody() {
    let list = entries(&[
        ("dashboard", "container: {label: role=dashboard}"),
        ("root", "user: root, network: 127.0.0.0/8"),
    ]);
    let (secdocker, gateway) = on_the_bridge(&list);
    let stray = gateway.replace(".0.1", ".200.9");
    for command in [
        "ip netns add stray".to_owned(),
        "ip link add stray0 type veth peer name stray1 netns stray".to_owned(),
        "ip link set stray0 master docker0 up".to_owned(),
        format!("ip -n stray address add {stray}/16 dev stray1"),
        "ip -n stray link set stray1 up".to_owned(),
    ] {
        support::networks::sh(&command).ok();
    }
    let url = format!("http://{gateway}:{}/v1.41/containers/create", secdocker.address.port());
    let inside = ["ip", "netns", "exec", "stray"];
    assert_eq!(program_taken_for(&inside, &[&url]), "the rest");
    let line = secdocker.logs("client not identified");
    for part in ["entry=dashboard", "no container of the daemon's has its address", &stray] {
        assert!(line.contains(part), "{line}");
    }
    for _ in 0..20 {
        assert_eq!(program_taken_for(&inside, &[&url]), "the rest");
    }
    assert_eq!(
        taken_for(&mut Client::tcp(SocketAddr::new(
            [127, 0, 0, 1].into(),
            secdocker.address.port()
        ))),
        "root"
    );
}

#[test]
fn certificates_tell_clients_apart() {
    let house = House::shared();
    let by_key = house.authority.issue(&Leaf::client("anybody"));
    let list = [
        ("ops", "certificate: {email: ops@example}"),
        ("ci", "certificate: {name: 'spiffe://example/ns/ci/*'}"),
        ("named", "certificate: {cn: tester, issuer: 'CN=Other CA'}"),
        ("tester", "certificate: {cn: tester}"),
    ];
    let listen = house.listen(", client_certificates: request, plain: allow");
    let secdocker =
        SecDocker::before(Daemon::shared(), &format!("listen:\n{listen}{}", entries(&list)));
    let connect =
        |issued: Option<&Issued>| Client::over_tls(secdocker.wire(), house.client(issued));
    let issue = |leaf: Leaf| house.authority.issue(&leaf);
    for (issued, expected) in [
        (issue(Leaf::client("x").email("ops@example")), "ops"),
        // Another kind of name does not count as an e-mail address.
        (issue(Leaf::client("ops@example")), "the rest"),
        (issue(Leaf::client("x").uri("spiffe://example/ns/ci/job")), "ci"),
        (issue(Leaf::client("x").uri("spiffe://example/ns/cd/job")), "the rest"),
        (issue(Leaf::client("tester")), "tester"),
    ] {
        assert_eq!(taken_for(&mut connect(Some(&issued))), expected);
    }
    assert_eq!(taken_for(&mut connect(None)), "the rest", "without a certificate");
    assert_eq!(taken_for(&mut Client::over_tcp(secdocker.wire())), "the rest", "without TLS");
    // What was proved at the beginning counts for a list that is written later.
    let mut open = connect(Some(&by_key));
    assert_eq!(taken_for(&mut open), "the rest");
    let rest = format!("listen:\n{listen}{}", entries(&[("late", "certificate: {cn: anybody}")]));
    let text = support::firewall::config(&Daemon::shared().socket(), &rest);
    secdocker.reload(&text);
    until("the new list holds", || (taken_for(&mut open) == "late").then_some(()));
}

#[test]
fn whoever_fits_no_entry_can_be_refused() {
    let list = "clients:\n  - name: ops\n    match: {network: 127.0.0.2}\n  - default: refuse\n";
    let secdocker = SecDocker::before(Daemon::shared(), list);
    assert_eq!(Client::elsewhere(secdocker.address).ask(get("/_ping")).status, 200);
    let mut stranger = secdocker.connect();
    for _ in 0..2 {
        let answer = stranger.ask(get("/_ping"));
        assert_eq!(answer.status, 403);
        assert!(answer.message().contains("no entry of `clients` fits"), "{}", answer.message());
    }
    secdocker.logs("forbidden option requested");
}

#[test]
fn limits_are_told_with_the_time_to_come_again_and_cost_others_nothing() {
    let entry = |limits: &str| {
        format!(
            "clients:\n  - name: ci\n    match: {{network: 127.0.0.2}}\n    limits: {{{limits}}}\n"
        )
    };
    let secdocker = SecDocker::before(Daemon::shared(), &entry("creates_per_minute: 2"));
    let mut limited = Client::elsewhere(secdocker.address);
    let volume = || post("/volumes/create", json!({"Name": sandbox::unique("v")}).to_string());
    for _ in 0..2 {
        assert_eq!(limited.ask(volume()).status, 201);
    }
    let count = || {
        let volumes = Daemon::shared().api().get("/volumes").json();
        volumes.get("Volumes").and_then(|list| list.as_array()).map(Vec::len)
    };
    let before = count();
    let met = limited.ask(volume());
    assert_eq!(met.status, 429);
    let seconds: u64 = met.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let expected = "SecDocker: more than 2 creates per minute (`limits.creates_per_minute`), try again \
                    (client \"ci\")";
    assert_eq!(met.message(), expected);
    assert_eq!(count(), before, "nothing got to the engine");
    assert_eq!(limited.ask(get("/_ping")).status, 200, "the connection goes on");
    assert_eq!(Client::elsewhere(secdocker.address).ask(volume()).status, 429, "all of its own");
    assert_eq!(secdocker.connect().ask(volume()).status, 201, "others");
    let line = secdocker.logs("limit met");
    assert!(line.contains("client_name=ci"), "{line}");
    // What was counted outlives a reload.
    let more = entry("creates_per_minute: 3");
    secdocker.reload(&support::firewall::config(&Daemon::shared().socket(), &more));
    until("the new limit holds", || {
        let answer = limited.ask(volume());
        answer.message().contains("more than 3").then_some(())
    });
    let secdocker = SecDocker::before(Daemon::shared(), &entry("requests_per_second: 3"));
    let mut limited = Client::elsewhere(secdocker.address);
    let answers: Vec<u16> = (0..50).map(|_| limited.ask(get("/_ping")).status).collect();
    assert!(answers.iter().take(3).all(|status| *status == 200), "{answers:?}");
    assert!(answers.contains(&429), "{answers:?}");
    assert!((0..50).all(|_| secdocker.connect().ask(get("/_ping")).status == 200));
}

#[test]
fn containers_of_an_entry_are_counted_until_they_are_removed() {
    let list =
        "clients:\n  - name: ci\n    match: {network: 127.0.0.2}\n    limits: {containers: 2}\n";
    let secdocker = SecDocker::before(Daemon::shared(), list);
    let api = Daemon::shared().api();
    let name = sandbox::unique("counted");
    let create = |number: usize, labels: serde_json::Value| {
        let body = json!({"Image": "probe:1", "Cmd": ["true"], "Labels": labels,
            "HostConfig": {"NetworkMode": "none"}});
        post(&format!("/v1.41/containers/create?name={name}-{number}"), body.to_string())
    };
    let mine = || Client::elsewhere(secdocker.address);
    // Whoever else says that theirs are of that client is not believed.
    for number in 10..13 {
        let answer = secdocker.connect().ask(create(number, json!({"com.secdocker.client": "ci"})));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let created: Vec<u16> = std::thread::scope(|scope| {
        let ask = |number| {
            let request = create(number, json!({"com.secdocker.client": ""}));
            scope.spawn(move || Client::elsewhere(secdocker.address).ask(request).status)
        };
        let asked: Vec<_> = (0..8).map(ask).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let made = created.iter().filter(|status| **status == 201).count();
    assert!(made <= 2 && created.iter().all(|status| [201, 429].contains(status)), "{created:?}");
    for number in 20..22 {
        mine().ask(create(number, json!({})));
    }
    let met = mine().ask(create(23, json!({})));
    assert_eq!((met.status, met.header("Retry-After")), (429, Some("1")), "{}", met.text());
    let expected =
        "SecDocker: more than 2 containers (`limits.containers`), try again (client \"ci\")";
    assert_eq!(met.message(), expected);
    let counted = api.get(
        "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22com.secdocker.client%3Dci%22%5D%7D",
    );
    let counted = counted.json();
    let counted: Vec<_> = counted.as_array().unwrap().iter().collect();
    assert_eq!(counted.len(), 2);
    let service = json!({"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "probe:1"}}});
    let answer = mine().ask(post("/v1.41/services/create", service.to_string()));
    assert_eq!(answer.status, 403, "{}", answer.text());
    let id = counted.first().and_then(|it| it.get("Id")).and_then(|it| it.as_str()).unwrap();
    api.remove(id);
    assert_eq!(mine().ask(create(24, json!({}))).status, 201, "a place came back");
}

fn build(query: &str, dockerfile: &str) -> Vec<u8> {
    let context = context(dockerfile);
    let head = format!(
        "POST /build?networkmode=none&{query} HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-tar\r\n\
         Content-Length: {}\r\n\r\n",
        context.len()
    );
    [head.as_bytes(), &context].concat()
}

/// Has a request made until the limit is met, and says what was answered then.
fn until_met(secdocker: &SecDocker, request: &dyn Fn(usize) -> Vec<u8>) -> Answer {
    let mut clients = Vec::new();
    let mut number = 0;
    until("the limit is met", || {
        let mut client = Client::elsewhere(secdocker.address);
        let answer = client.ask(request(number));
        number += 1;
        clients.push(client);
        (answer.status == 429).then_some(answer)
    })
}

#[test]
fn each_limit_is_answered_in_the_daemons_form_and_costs_others_nothing() {
    let name = sandbox::unique("limited");
    let container = |number: usize| {
        let body =
            json!({"Image": "probe:1", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}});
        post(&format!("/v1.41/containers/create?name={name}-{number}"), body.to_string())
    };
    let volume = |number: usize| {
        post("/volumes/create", json!({"Name": format!("{name}-{number}")}).to_string())
    };
    let ping = |_: usize| get("/_ping");
    for (key, said, request) in [
        ("connections", "more than 1 connections", &ping as &dyn Fn(usize) -> Vec<u8>),
        ("requests_per_second", "more than 1 requests per second", &ping),
        ("creates_per_minute", "more than 1 creates per minute", &volume),
        ("containers", "more than 1 containers", &container),
    ] {
        let list = format!(
            "clients:\n  - name: {name}\n    match: {{network: 127.0.0.2}}\n    limits: {{{key}: 1}}\n  \
             - name: cd\n    match: {{network: 127.0.0.1}}\n    limits: {{{key}: 100}}\n"
        );
        let secdocker = SecDocker::before(Daemon::shared(), &list);
        let met = until_met(&secdocker, request);
        assert_eq!(met.header("Content-Type"), Some("application/json"), "{key}");
        let seconds: u64 = met.header("Retry-After").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{key}: {seconds}");
        let expected = format!("SecDocker: {said} (`limits.{key}`), try again (client \"{name}\")");
        assert_eq!(met.json(), json!({"message": expected}), "{key}");
        let line = secdocker.logs(said);
        assert!(line.contains(&format!("client_name={name}")), "{line}");
        // The first one's limit stays met, and nobody else notices.
        for number in 0..5 {
            let other = secdocker.connect().ask(request(1000 + number));
            assert!([200, 201].contains(&other.status), "{key}: {}", other.text());
        }
    }
    let all = Daemon::shared().api().get("/containers/json?all=1").json();
    for one in all.as_array().unwrap() {
        let its = one.pointer("/Names/0").and_then(|it| it.as_str()).unwrap_or_default();
        if its.trim_start_matches('/').starts_with(&name) {
            Daemon::shared().api().remove(its.trim_start_matches('/'));
        }
    }
}

/// How many containers have this label, running or not.
fn labelled(label: &str) -> usize {
    let filters = json!({"label": [label]}).to_string();
    let filters: String = filters.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let listed = Daemon::shared().api().get(&format!("/containers/json?all=1&filters={filters}"));
    listed.json().as_array().unwrap().len()
}

/// Whatever gives a container the label of another client's: none of it takes a place of that one's.
#[test]
fn no_client_can_use_up_the_containers_of_another() {
    let (name, image) = (sandbox::unique("places"), sandbox::unique("labelled"));
    let label = format!("com.secdocker.client={name}");
    let list = format!(
        "clients:\n  - name: {name}\n    match: {{network: 127.0.0.2}}\n    limits: {{containers: 2}}\n"
    );
    let secdocker = SecDocker::before(Daemon::shared(), &list);
    let api = Daemon::shared().api();
    let create = |number: usize, image: &str, labels: serde_json::Value| {
        let body = json!({"Image": image, "Cmd": ["true"], "Labels": labels,
            "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}}});
        post(&format!("/v1.41/containers/create?name={name}-{number}"), body.to_string())
    };
    let mut hostile = secdocker.connect();
    // The steps of a build run in containers with the labels of its image, and here they stay.
    let steps = format!("FROM probe:1\nLABEL {label}\nRUN true\nRUN echo 1\nRUN echo 2\n");
    let built = hostile.ask(build(&format!("rm=0&nocache=1&t={image}"), &steps)).text();
    assert!(built.contains("Successfully tagged"), "{built}");
    assert!(labelled(&label) >= 3, "as with any engine");
    hostile.ask(build("nocache=1", &format!("FROM {image}\nRUN true\nRUN false\n")));
    // An image with the label, by a build and by a commit.
    assert_eq!(hostile.ask(create(1, &image, json!({}))).status, 201);
    let commit =
        format!("/v1.41/commit?container={name}-1&repo={image}-2&changes=LABEL%20{label}&pause=0");
    let config = json!({"Labels": {"com.secdocker.client": name}}).to_string();
    assert_eq!(hostile.ask(post(&commit, config)).status, 201);
    let committed = format!("{image}-2");
    assert_eq!(hostile.ask(create(2, &committed, json!({}))).status, 201);
    let labels = json!({"com.secdocker.client": name});
    assert_eq!(hostile.ask(create(3, "probe:1", labels)).status, 201);
    let mut mine = Client::elsewhere(secdocker.address);
    for number in 10..12 {
        let answer = mine.ask(create(number, &image, json!({})));
        assert_eq!(answer.status, 201, "{number}: {}", answer.text());
    }
    assert_eq!(mine.ask(create(12, &image, json!({}))).status, 429, "its own count, though");
    // Another start of SecDocker has to tell them apart anew.
    let again = SecDocker::before(Daemon::shared(), &list);
    assert_eq!(Client::elsewhere(again.address).ask(create(13, "probe:1", json!({}))).status, 429);
    api.remove(&format!("{name}-10"));
    let answer = Client::elsewhere(again.address).ask(create(14, "probe:1", json!({})));
    assert_eq!(answer.status, 201, "{}", answer.text());
    // What the client itself builds leaves no container that nobody counts.
    let own = format!("own={name}");
    let failing = format!("FROM probe:1\nLABEL {own}\nRUN true\nRUN false\n");
    let built = Client::elsewhere(again.address).ask(build("rm=0&nocache=1", &failing)).text();
    assert!(built.contains("RUN false"), "{built}");
    assert_eq!(labelled(&own), 0, "{built}");
}

#[test]
fn connections_beyond_the_limit_of_an_entry_are_told_so() {
    let list =
        "clients:\n  - name: ci\n    match: {network: 127.0.0.2}\n    limits: {connections: 2}\n";
    let secdocker = SecDocker::before(Daemon::shared(), list);
    let open = || {
        let mut client = Client::elsewhere(secdocker.address);
        let answer = client.ask(get("/_ping"));
        (client, answer)
    };
    let held = [open(), open()];
    assert!(held.iter().all(|(_, answer)| answer.status == 200));
    let (mut third, answer) = open();
    assert_eq!((answer.status, answer.header("Retry-After")), (429, Some("1")));
    assert!(
        answer.message().starts_with("SecDocker: more than 2 connections"),
        "{}",
        answer.message()
    );
    assert!(third.is_closed());
    assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200, "others");
    drop(held);
    until("a place comes back", || (open().1.status == 200).then_some(()));
}

#[test]
fn a_reload_changes_the_list_while_streams_are_open() {
    let secdocker = SecDocker::before(Daemon::shared(), &entries(&[("old", "network: 127.0.0.1")]));
    let mut idle = secdocker.connect();
    assert_eq!(taken_for(&mut idle), "old");
    let name = sandbox::unique("stream");
    let api = Daemon::shared().api();
    let body = json!({"Image": "probe:1", "Cmd": ["cat"], "OpenStdin": true,
        "HostConfig": {"NetworkMode": "none"}});
    assert_eq!(api.create(&name, &body).status, 201);
    api.start(&name);
    let mut stream = secdocker.connect();
    stream.send(format!(
        "POST /containers/{name}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\
         Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    ));
    assert_eq!(stream.any_answer().status, 101);
    let rest = entries(&[("new", "network: 127.0.0.0/8")]);
    secdocker.reload(&support::firewall::config(&Daemon::shared().socket(), &rest));
    until("the new list holds", || (taken_for(&mut idle) == "new").then_some(()));
    stream.send("still here\n");
    stream.take_through(b"still here\n");
    api.remove(&name);
}
