//! Behind a redirection a TLS client's connection goes on as TLS, a plain one as plain, to where each was going.
//!
//! ```text
//! namespace "client"                   namespace of the test, "the host"
//! 10.77.0.2, fd77::2 ───── veth ───── 10.77.0.1, fd77::1 :2376 ─REDIRECT─► SecDocker ─► dockerd --tlsverify
//! ```

use super::engine;
use super::support::networks::sh;
use super::support::tls::House;
use super::support::{Finished, SecDocker, run, sandbox};
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
    for tables in ["iptables", "ip6tables"] {
        sh(&format!(
            "{tables} --wait -t nat -A PREROUTING -i host0 -p tcp --dport 2376 -j REDIRECT --to-ports {port}"
        ))
        .ok();
    }
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
    for tables in ["iptables", "ip6tables"] {
        sh(&format!(
            "{tables} --wait -t nat -D PREROUTING -i host0 -p tcp --dport 2376 -j REDIRECT --to-ports {port}"
        ))
        .ok();
    }
}
