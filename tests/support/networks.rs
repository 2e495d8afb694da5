//! A network of a client's own, beside that of the test: another host, as far as either can tell.

use super::process;
use std::process::Command;

/// Makes the namespace `client`, at 10.77.0.2 and fd77::2, and the test's own addresses 10.77.0.1 and fd77::1.
pub(crate) fn connect() {
    for command in [
        "ip netns add client",
        "ip link add host0 type veth peer name client0 netns client",
        "ip address add 10.77.0.1/24 dev host0",
        "ip address add fd77::1/64 dev host0 nodad",
        "ip link set host0 up",
        "ip -n client address add 10.77.0.2/24 dev client0",
        "ip -n client address add fd77::2/64 dev client0 nodad",
        "ip -n client link set client0 up",
        "ip -n client link set lo up",
    ] {
        sh(command).ok();
    }
}

pub(crate) fn sh(command: &str) -> process::Finished {
    process::run(Command::new("bash").args(["-c", command]), b"")
}
