//! The real `docker` command through SecDocker does what it does straight at the engine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use support::{Daemon, Docker};

#[test]
fn smoke() {
    let docker = Docker::on(Daemon::shared());
    println!("{}", docker.run(&["run", "--rm", "probe:1", "id"]).ok());
    let mut t = docker.start_on_terminal(&["run", "--rm", "-it", "probe:1", "sh"]);
    t.says("/ #");
    t.send(b"echo a$((1+1))b\n");
    t.says("a2b");
    t.send(b"exit 4\n");
    assert_eq!(t.finish().status.code(), Some(4));
}
