//! The command as people and scripts see it: what it prints, and its exit status.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test should say where")]

mod command;
#[path = "support/document.rs"]
mod document;

use command::Folder;

const POLICY: &str = "\
restrictions:
  ports: [22, 8000-8010]
  mounts: [/root]
  users: [root]
  environment: [USER=0, TOKEN]
  images: ['ubuntu:16.04', alpine, 'registry.example/team/*']
  securitypolicies: [seccomp=unconfined, apparmor]
  privileged: true
general:
  memory: 1g
  cpu: 0.25
  user: 1000
  environment: [MY_ENV=true]
  capdrop: [net_raw]
listen:
  tcp: 127.0.0.1:8999
  unix: /run/secdocker.sock
";

#[test]
fn help_and_version() {
    let folder = Folder::new("help");
    let (status, help, _) = folder.run("--help", "");
    assert_eq!(status, Some(0));
    for option in ["run", "check", "explain", "--config", "--listen", "-tcp PORT", "exit status"] {
        assert!(help.contains(option), "{option}:\n{help}");
    }
    let version = concat!("secdocker ", env!("CARGO_PKG_VERSION"), "\n").to_owned();
    assert_eq!(folder.run("--version", ""), (Some(0), version, String::new()));
}

#[test]
fn mistakes_are_one_line_and_status_2() {
    let folder = Folder::new("mistakes");
    folder.write("broken.yml", "restrictions:\n  ports:\n    - 22\n    - many\n");
    let table = [
        ("frobnicate", "`frobnicate` is not a command (see secdocker --help)"),
        ("--frobnicate", "invalid option '--frobnicate' (see secdocker --help)"),
        ("run --config none.yml", "none.yml: No such file or directory (os error 2)"),
        (
            "run --config broken.yml",
            "broken.yml:4: restrictions.ports[1]: `many` is not a port from 1 to 65535 or a range of \
             them",
        ),
        (
            "check broken.yml",
            "broken.yml:4: restrictions.ports[1]: `many` is not a port from 1 to 65535 or a range of \
             them",
        ),
    ];
    for (arguments, expected) in table {
        let expected = (Some(2), String::new(), format!("secdocker: {expected}\n"));
        assert_eq!(folder.run(arguments, ""), expected, "{arguments}");
    }
}

#[test]
fn check_says_the_policy_in_plain_words() {
    let folder = Folder::new("check");
    folder.write("config.yml", POLICY);
    let (status, text, complaint) = folder.run("check", "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""));
    for sentence in [
        "config.yml is valid.",
        "SecDocker listens on 127.0.0.1:8999.",
        "SecDocker listens on the Unix socket /run/secdocker.sock, permissions 0660.",
        "Connections that were not redirected go to unix:///var/run/docker.sock.",
        "Host port `22` may not be published.",
        "Host port `8000-8010` may not be published.",
        "Host networking is forbidden, since it opens every port.",
        "The host's `/root` may not be mounted, nor what is below it, nor what is above it.",
        "Nothing may run as user `root`.",
        "Variable `USER` may not be set to `0`.",
        "Variable `TOKEN` may not be set.",
        "Security option `seccomp=unconfined` may not be asked for.",
        "Security option `apparmor` may not be asked for, whatever its value.",
        "Image `ubuntu:16.04` may not be used, however it is named.",
        "Image `alpine` may not be used, whatever its tag or digest.",
        "No image below `registry.example/team/` may be used.",
        "Privileged containers and privileged exec are forbidden.",
        "Memory is at most 1g, also if nothing was asked for.",
        "CPUs are at most 0.25, also if nothing was asked for.",
        "Whatever was asked for, it runs as user `1000`.",
        "Variable `MY_ENV` is set to `true`.",
        "Capability `NET_RAW` is dropped.",
        "A head has at most 256 KiB and arrives within 30s.",
    ] {
        assert!(text.lines().any(|line| line == sentence), "{sentence}\n{text}");
    }
}

#[test]
fn check_says_what_alone_is_allowed() {
    let folder = Folder::new("check-allow");
    folder.write(
        "config.yml",
        "restrictions:\n  images: {allow: [team/*, \"app:1\"]}\n  mounts:\n    allow: []\n",
    );
    let (status, text, complaint) = folder.run("check", "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""));
    let images = "Only these images may be used, and built by BuildKit; none may be loaded, imported or \
                  committed:\n- `team/*`\n- `app:1`\n";
    let paths = "Of the host's paths only these may be mounted:\n- none at all\n";
    assert!(text.contains(images) && text.contains(paths), "{text}");
}

/// Whether a daemon is at hand here decides whether it is said that there is none.
fn without_notes(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("note: ")).collect()
}

#[test]
fn explain_prints_the_body_of_what_would_pass() {
    let folder = Folder::new("explain");
    folder.write("other.yml", POLICY);
    let request = r#"{"image":"busybox","Labels":{"n":"1.50"},"HostConfig":{"Memory":0}}"#;
    folder.write("request.json", request);
    let from_input = folder.run("explain --config other.yml -", request);
    let from_file = folder.run("explain --config other.yml request.json", "");
    assert_eq!(from_input, from_file);
    let (status, body, sentence) = from_file;
    assert_eq!(status, Some(0), "{sentence}");
    assert!(without_notes(&sentence).starts_with("allowed, changed: "), "{sentence}");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["Image"], "busybox");
    assert_eq!(body["Labels"]["n"], "1.50");
    assert_eq!(body["User"], "1000");
    assert_eq!(body["HostConfig"]["Memory"], 1 << 30);
}

#[test]
fn explain_names_every_violation_and_its_rule() {
    let folder = Folder::new("forbidden");
    folder.write("config.yml", POLICY);
    let request = r#"{"Image":"alpine:3","HostConfig":{"Privileged":true,
        "PortBindings":{"80/tcp":[{"HostPort":"022"}]}}}"#;
    let (status, text, complaint) = folder.run("explain -", request);
    assert_eq!((status, without_notes(&complaint).as_str()), (Some(1), ""));
    for line in [
        "forbidden: image alpine:3 (rule \"alpine\") in Image",
        "forbidden: host port 22 (rule \"22\") in HostConfig.PortBindings[80/tcp]",
        "forbidden: privileged mode (rule \"privileged\") in HostConfig.Privileged",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn explain_says_what_is_malformed_and_what_no_rule_is_about() {
    let folder = Folder::new("malformed");
    folder.write("config.yml", &format!("{POLICY}limits:\n  body: 4k\n"));
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(5000));
    let table = [
        ("explain -", "{\"Image\":\"a\"} x", "refused (400): "),
        ("explain -", "{\"Image\":\"a\",\"image\":\"b\"}", "refused (400): Image: "),
        ("explain -", large.as_str(), "refused (413): the request body is longer than 4096 bytes"),
        ("explain --target /containers//create -", "{}", "refused (400): "),
        ("explain --target nonsense -", "{}", "refused (400): "),
    ];
    for (arguments, request, expected) in table {
        let (status, text, _) = folder.run(arguments, request);
        assert_eq!(status, Some(1), "{arguments}");
        assert!(text.starts_with(expected), "{arguments}: {text}");
    }
    let (status, body, sentence) = folder.run("explain --target /auth -", "{\"any\": 1}");
    assert_eq!((status, body.as_str()), (Some(0), "{\"any\": 1}"));
    assert_eq!(sentence, "allowed: no rule is about POST /auth, forwarded as it is\n");
}

#[test]
fn explain_without_a_request_or_a_configuration() {
    let folder = Folder::new("nothing");
    folder.write("config.yml", POLICY);
    let missing = "secdocker: cannot read none.json: No such file or directory (os error 2)\n";
    assert_eq!(folder.run("explain none.json", ""), (Some(2), String::new(), missing.into()));
    let empty = Folder::new("empty");
    let (status, _, complaint) = empty.run("check", "");
    // Unless this machine has one in /etc.
    if status != Some(0) {
        assert_eq!(
            complaint,
            "secdocker: there is neither config.yml nor /etc/secdocker/config.yml; name one with \
             --config\n"
        );
    }
}

#[test]
fn signals_stop_it_with_status_0() {
    for signal in ["TERM", "INT"] {
        let folder = Folder::new(&format!("stop-{signal}"));
        folder.write("config.yml", "dockerapi: /nowhere/docker.sock\n");
        let mut proxy = folder.start("--listen 127.0.0.1:0");
        let greeting = &proxy.greeting;
        assert!(greeting.starts_with("secdocker: listening on "), "{greeting}");
        assert!(greeting.contains("daemon at unix:///nowhere/docker.sock"), "{greeting}");
        proxy.signal(signal);
        assert_eq!(proxy.wait().code(), Some(0));
        let log = folder.read("secdocker.log");
        let ends: Vec<_> =
            log.lines().map(|line| line.split(" level=info ").nth(1).unwrap()).collect();
        assert!(ends[0].starts_with("msg=started version="), "{log}");
        assert_eq!(ends[1], format!("msg=stopping signal=SIG{signal}"));
        assert_eq!(ends[2], "msg=stopped cut=0");
    }
}

#[test]
fn a_log_that_cannot_be_opened_stops_the_start() {
    let folder = Folder::new("nolog");
    folder.write("config.yml", "log:\n  file: none/secdocker.log\n");
    let complaint = "secdocker: cannot open log none/secdocker.log: No such file or directory (os \
                     error 2)\n";
    assert_eq!(folder.run("", ""), (Some(2), String::new(), complaint.into()));
}

#[test]
fn the_log_is_opened_anew_for_logrotate() {
    let folder = Folder::new("rotate");
    folder.write("config.yml", "log:\n  format: json\n");
    let proxy = folder.start("--listen 127.0.0.1:0");
    proxy.wait_for("\"msg\":\"started\"");
    std::fs::rename(folder.path("secdocker.log"), folder.path("secdocker.log.1")).unwrap();
    proxy.signal("HUP");
    proxy.wait_for("\"msg\":\"log reopened\"");
    assert_eq!(proxy.stop().code(), Some(0));
    assert_eq!(folder.read("secdocker.log.1").lines().count(), 1);
    for line in folder.read("secdocker.log").lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

const CLIENTS: &str = "dockerapi: /nowhere/docker.sock\nrestrictions: {ports: [80]}\nclients:\n  \
    - name: ci\n    match: {network: [10.0.0.0/8]}\n    restrictions: {ports: [81]}\n    \
    limits: {connections: 5, containers: 4}\n  \
    - name: hidden\n    match: {network: 10.1.0.0/16}\n  \
    - name: nobody\n    match: {user: no-such-user}\n  \
    - name: root\n    match: {user: root}\n    inherit: true\n    restrictions: {ports: [82]}\n  \
    - name: ops\n    match: {certificate: {name: ops@example}}\n";

#[test]
fn check_prints_the_policy_of_each_client_apart_and_warns_of_those_that_none_can_be() {
    let folder = Folder::new("check-clients");
    folder.write("config.yml", CLIENTS);
    let (status, text, complaint) = folder.run("check", "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""), "{text}");
    let after = |name: &str| text.split(&format!("Client `{name}`: ")).nth(1).unwrap_or_default();
    let part = |name: &str| after(name).split("Client `").next().unwrap_or_default().to_owned();
    let ci = part("ci");
    assert!(ci.starts_with("a client that connects from 10.0.0.0/8.\n"), "{text}");
    assert!(ci.contains("Host port `81`") && !ci.contains("Host port `80`"), "{ci}");
    assert!(ci.contains("Together they have at most 5 open connections.\n"), "{ci}");
    let (root, warning) = (part("root"), "Warning: no client can match this entry: ");
    assert!(root.contains("Host port `82`") && root.contains("Host port `80`"), "{root}");
    assert!(!ci.contains(warning) && !root.contains(warning), "{text}");
    let table = [
        ("hidden", "`ci` matches it first."),
        ("nobody", "this host has no such user."),
        ("ops", "no certificates are asked for (`listen.tls.client_certificates`)."),
    ];
    for (name, reason) in table {
        assert!(part(name).contains(&format!("{warning}{reason}\n")), "{name}: {text}");
    }
}

const KNOWN: &str = "\
clients:
  - name: jenkins
    match: {cgroup: /system.slice/jenkins.service/**}
  - name: named
    match: {container: {name: watch-*}}
  - name: labelled
    match: {container: {label: role=dashboard}}
  - name: imaged
    match: {container: {image: team/app}}
  - name: both
    match: {user: 5001, cgroup: /ci}
";

/// What is said of a client, and which entry that is.
const KNOWN_OF_A_CLIENT: &[(&str, &str)] = &[
    ("--as-cgroup /system.slice/jenkins.service", "jenkins"),
    ("--as-cgroup /system.slice/jenkins.service/a/b", "jenkins"),
    ("--as-cgroup /system.slice/jenkins.service-evil", ""),
    ("--as-cgroup /x --as-cgroup /system.slice/jenkins.service/a", "jenkins"),
    ("--as-container watch-1", "named"),
    ("--as-container name=watch-1", "named"),
    ("--as-container image=watch-1", ""),
    ("--as-container role=dashboard", "labelled"),
    ("--as-container label=role=dashboard --as-container other", "labelled"),
    ("--as-container role=dashboards", ""),
    ("--as-container team/app:7", "imaged"),
    ("--as-container image=docker.io/team/app --as-container name=x", "imaged"),
    ("--as-container name=team/app", ""),
    ("--as-cgroup /ci --as-user 5001", "both"),
    ("--as-cgroup /ci", ""),
    ("", ""),
];

#[test]
fn explain_judges_as_of_a_client() {
    let folder = Folder::new("explain-clients");
    folder.write("config.yml", CLIENTS);
    folder.write("known.yml", KNOWN);
    let body = r#"{"Image":"a","HostConfig":{"PortBindings":{"1/tcp":[{"HostPort":"80"},
        {"HostPort":"81"},{"HostPort":"82"}]}}}"#;
    let ports = |arguments: &str| {
        let (status, text, complaint) =
            folder.run(&format!("explain --config config.yml {arguments} -"), body);
        assert_eq!(status, Some(1), "{arguments}: {text}{complaint}");
        [80, 81, 82].map(|port| text.contains(&format!("host port {port} (rule")))
    };
    for (arguments, expected) in [
        ("", [true, false, false]),
        ("--client ci", [false, true, false]),
        ("--as-network 10.200.0.1", [false, true, false]),
        ("--as-network 192.0.2.1", [true, false, false]),
        ("--as-user root", [true, false, true]),
        ("--as-user 0 --as-network 192.0.2.1", [true, false, true]),
    ] {
        assert_eq!(ports(arguments), expected, "{arguments}");
    }
    let (status, _, complaint) =
        folder.run("explain --config config.yml --as-certificate ops@example -", body);
    assert_eq!((status, complaint.contains("judged as of client ops")), (Some(0), true));
    for (arguments, expected) in KNOWN_OF_A_CLIENT {
        let (status, _, complaint) =
            folder.run(&format!("explain --config known.yml {arguments} -"), body);
        let expected = match *expected {
            "" => "a client that no entry of `clients` fits".to_owned(),
            name => format!("client {name}"),
        };
        assert!(
            complaint.contains(&format!("judged as of {expected}\n")),
            "{arguments}: {complaint}"
        );
        assert_eq!(status, Some(0), "{arguments}");
    }
    for (arguments, expected) in [
        (
            "--as-cgroup a.service",
            "`a.service` is not a control group, such as /system.slice/jenkins.service",
        ),
        ("--as-cgroup /a/**", "`/a/**` is not a control group"),
        ("--as-cgroup /", "`/` is not a control group"),
        ("--as-container a --as-container b", "a container has one name, and one image"),
        ("--as-container name=a --as-container name=b", "a container has one name, and one image"),
    ] {
        let (status, _, complaint) =
            folder.run(&format!("explain --config known.yml {arguments} -"), body);
        assert_eq!(
            (status, complaint.contains(expected)),
            (Some(2), true),
            "{arguments}: {complaint}"
        );
    }
    let (status, _, complaint) = folder.run("explain --config config.yml --client x -", body);
    assert_eq!((status, complaint.contains("there is no client `x`")), (Some(2), true));
}

/// The commands of the document, with the list of clients above them.
#[test]
fn each_client_is_seen_as_the_document_says() {
    const DEPLOYMENT: &str = "docs/DEPLOYMENT.md";
    let folder = Folder::new("documented-clients");
    folder.write("config.yml", &document::block(DEPLOYMENT, "name: dashboard").text);
    folder.write("request.json", r#"{"Image":"a"}"#);
    let commands = document::block(DEPLOYMENT, "--as-cgroup").commands();
    let ours: Vec<&str> =
        commands.iter().filter_map(|command| command.strip_prefix("secdocker ")).collect();
    assert_eq!(ours.len(), 3, "{commands:?}");
    for command in ours {
        let (status, text, complaint) = folder.run(command, "");
        assert!(matches!(status, Some(0 | 1)), "{command}: {text}{complaint}");
    }
}
