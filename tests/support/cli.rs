//! The `docker` command of Debian's docker.io.

use super::{Finished, Running, Way, process, sandbox, tls};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Debian's own programs first: the version under test, whatever else is installed.
pub(crate) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The command line client, for one engine or SecDocker.
pub(crate) struct Docker {
    host: String,
}

impl Docker {
    pub(crate) fn on(way: &dyn Way) -> Docker {
        Docker { host: way.docker_host() }
    }

    pub(crate) fn at(host: impl Into<String>) -> Docker {
        Docker { host: host.into() }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = client("/usr/bin/docker", &self.host);
        command.args(arguments);
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        process::run(&mut self.command(arguments), b"")
    }

    /// With `input` as standard input.
    #[track_caller]
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Finished {
        process::run(&mut self.command(arguments), input)
    }

    #[track_caller]
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// On a terminal of its own, as a person would: what is sent is typed, what it says is shown.
    #[track_caller]
    pub(crate) fn start_on_terminal(&self, arguments: &[&str]) -> Running {
        let quoted: Vec<String> = arguments.iter().map(|a| format!("'{a}'")).collect();
        let line = format!("/usr/bin/docker {}", quoted.join(" "));
        let mut script = client("/usr/bin/script", &self.host);
        script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
        Running::start(&mut script)
    }
}

/// Any client program, with nothing of this machine's own settings.
pub(crate) fn client(program: &str, docker_host: &str) -> Command {
    static SETTINGS: OnceLock<PathBuf> = OnceLock::new();
    let settings = SETTINGS.get_or_init(|| sandbox::directory("docker-config"));
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", settings)
        .env("LANG", "C.UTF-8")
        .env("TERM", "xterm")
        .env("DOCKER_CONFIG", settings)
        .env("DOCKER_HOST", docker_host);
    if docker_host.starts_with("tcp://") && tls::sides() != tls::Sides::None {
        command.envs(tls::House::shared().environment());
    }
    command
}
