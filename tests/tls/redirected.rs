//! Behind a redirection a TLS client's connection goes on as TLS, a plain one as plain, to where each was going.
//!
//! ```text
//! namespace "client"                   namespace of the test, "the host"
//! 10.77.0.2, fd77::2 ───── veth ───── 10.77.0.1, fd77::1 :2376 ─REDIRECT─► SecDocker ─► dockerd --tlsverify
//! ```

use super::support::networks::{Redirect, sh};
use super::support::tls::House;
use super::support::{Finished, Running, SecDocker, document, firewall, poll, run, sandbox};
use super::{FOR_THE_RECIPE, engine};
use std::fs;
use std::net::{Ipv6Addr, SocketAddr};
use std::process::Command;

/// Runs the client's command in its own network.
fn docker(host: &str, tls: bool, arguments: &str, input: &[u8]) -> Finished {
    let settings = sandbox::directory("client-config");
    let tls = if tls {
        format!("DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={}", House::shared().file(""))
    } else {
        String::new()
    };
    let script = format!(
        "{tls} DOCKER_CONFIG={} DOCKER_HOST=tcp://{host} exec /usr/bin/docker {arguments}",
        settings.display()
    );
    run(Command::new("ip").args(["netns", "exec", "client", "env", "bash", "-c", &script]), input)
}

#[test]
fn tls_goes_on_as_tls() {
    engine();
    let house = House::shared();
    let port = sandbox::port();
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let config = format!(
        "dockerapi: /nowhere/docker.sock\nlisten:\n  transparent: true\n{}{}restrictions:\n  privileged: true\n",
        house.listen(", plain: allow"),
        house.upstream()
    );
    let secdocker = SecDocker::start_at(address, &config, &[]);
    let _redirect = Redirect::new(&format!(
        "PREROUTING -i host0 -p tcp --dport 2376 -j REDIRECT --to-ports {port}"
    ));
    for host in ["10.77.0.1:2376", "[fd77::1]:2376"] {
        let run = |arguments: &str, input: &[u8]| docker(host, true, arguments, input);
        assert_eq!(run("run --rm --network=host probe:1 echo hello", b"").ok(), "hello");
        assert_eq!(run("run --rm -i --network=host probe:1 cat", b"in").ok(), "in");
        assert_eq!(run("images --format '{{.Repository}}' probe", b"").ok(), "probe");
        let refused = run("run --privileged probe:1", b"").fails(125);
        assert!(refused.contains("SecDocker: forbidden: privileged mode"), "{refused}");
        // The daemon there speaks TLS only, and says so itself.
        let complaint = docker(host, false, "version", b"").fails(1);
        assert!(complaint.contains("HTTP request to an HTTPS server"), "{complaint}");
    }
    // To SecDocker itself only redirected clients of other hosts come.
    let complaint = docker(&format!("10.77.0.1:{port}"), false, "version", b"").fails(1);
    assert!(
        complaint.contains("only connections that were redirected here are served"),
        "{complaint}"
    );
    secdocker.logs("only connections that were redirected");
}

const DEPLOYMENT: &str = "docs/DEPLOYMENT.md";

/// What the document says from the first certificate on, with the files of a daemon that has its own: only the two
/// directories and the ports are the test's.
#[test]
fn the_recipe_puts_it_in_front_of_a_tls_daemon() {
    engine();
    let (house, ours) = (House::shared(), sandbox::directory("etc"));
    let ours = ours.display().to_string();
    let theirs = house.file("");
    fs::write(house.file("ca-key.pem"), house.authority.key()).unwrap();
    let here = |text: &str| {
        let text = text.replace("/etc/secdocker", &ours);
        text.replace("/etc/docker", theirs.trim_end_matches('/'))
    };
    let recipe = document::block(DEPLOYMENT, "openssl req");
    sh(&format!("set -e\n{}", here(&recipe.commands().join("\n")))).ok();
    let config = document::block(DEPLOYMENT, "server_name: docker.example").text;
    fs::write(format!("{ours}/config.yml"), config).unwrap();
    let last = document::block(DEPLOYMENT, "secdocker check /etc").commands();
    let (check, redirect) = last.split_first().unwrap();
    let program = firewall::command().get_program().to_str().unwrap().to_owned();
    let command = |line: &str| here(line).replacen("secdocker ", &format!("{program} "), 1);
    assert!(sh(&command(check)).ok().contains("config.yml is valid"));

    let mut start = Command::new(&program);
    start.args(["--config", &format!("{ours}/config.yml")]).current_dir(&ours);
    let mut running = Running::start(&mut start);
    running.says("listening on");
    let elsewhere = |line: &String| line.replace("2376", &FOR_THE_RECIPE.to_string());
    let _redirect = Redirect::by(redirect.iter().map(elsewhere).collect());
    for host in ["10.77.0.1", "[fd77::1]"].map(|ip| format!("{ip}:{FOR_THE_RECIPE}")) {
        let hello = docker(&host, true, "run --rm --network=host probe:1 echo hello", b"").ok();
        assert_eq!(hello, "hello");
        let complaint = docker(&host, false, "version", b"").fails(1);
        assert!(complaint.contains("HTTP request to an HTTPS server"), "{complaint}");
    }
    running.kill();
    poll::until("SecDocker to end", || running.has_ended().then_some(()));
}
