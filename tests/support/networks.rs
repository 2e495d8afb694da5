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

/// Rules that lead connections elsewhere, taken back when dropped.
pub(crate) struct Redirect {
    commands: Vec<String>,
}

impl Redirect {
    /// The same rule for IPv4 and IPv6.
    pub(crate) fn new(rule: &str) -> Redirect {
        let both = ["iptables", "ip6tables"];
        Redirect::by(both.map(|tables| format!("{tables} -t nat -A {rule}")).to_vec())
    }

    /// By these commands of iptables.
    pub(crate) fn by(commands: Vec<String>) -> Redirect {
        commands.iter().for_each(|command| done(command));
        Redirect { commands }
    }
}

/// Runs a command of iptables, which then waits for others that have the lock.
fn done(command: &str) {
    sh(&command.replacen("tables ", "tables --wait ", 1)).ok();
}

impl Drop for Redirect {
    /// As docs/DEPLOYMENT.md says: the same with `-D` in place of `-A`.
    fn drop(&mut self) {
        self.commands.iter().for_each(|command| done(&command.replace(" -A ", " -D ")));
    }
}
