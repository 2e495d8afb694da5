//! The walk-throughs of the deployment, typed as they stand there: each has a configuration and commands, found by the
//! socket that both of them name. `scripts/install-walk-throughs` brings the programs; `make engines` runs this.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed test says where, and it waits for what it started"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use support::process::run_for;
use support::{Daemon, Docker, Finished, Running, document, poll, sandbox};

const DEPLOYMENT: &str = "docs/DEPLOYMENT.md";
/// The image that stands for any.
const IMAGE: &str = "busybox:1";
/// Each is over in seconds, on a machine that does nothing else.
const LONGEST: Duration = Duration::from_secs(400);

/// `docker compose` where it is a program of its own, and what becomes of a line whose end says that it is refused.
const PRELUDE: &str = r#"
if ! command docker compose version >/dev/null 2>&1; then
    docker() { if [ "$1" = compose ]; then docker-compose "${@:2}"; else command docker "$@"; fi; }
fi
refused() {
    local why=$1 said
    if said=$("${@:2}" 2>&1); then echo "let: ${*:2}" >&2; exit 9; fi
    case $said in *"$why"*) ;; *) echo "not \"$why\": $said" >&2; exit 9 ;; esac
}
set -euo pipefail
"#;

/// A host as the document has it, with a folder to type in.
struct Host {
    folder: PathBuf,
    config: String,
    commands: String,
}

/// The daemon's socket and an image, where the document has them.
fn engine() -> &'static Daemon {
    static READY: OnceLock<()> = OnceLock::new();
    let daemon = Daemon::shared();
    READY.get_or_init(|| {
        symlink(daemon.socket(), "/run/docker.sock").unwrap();
        fs::create_dir("/run/secdocker").unwrap();
        let docker = Docker::at(format!("unix://{}", daemon.socket().display()));
        docker.run(&["tag", support::daemon::IMAGE, IMAGE]).ok();
    });
    daemon
}

impl Host {
    /// The walk-through of this name: its blocks are those with the name's socket.
    fn of(name: &str) -> Host {
        engine();
        let socket = format!("/run/secdocker/{name}.sock");
        let blocks = document::blocks(DEPLOYMENT);
        let block = |info: &str| {
            let mut found = blocks.iter().filter(|b| b.info == info && b.text.contains(&socket));
            found.next().unwrap_or_else(|| panic!("{DEPLOYMENT} has no {info} with {socket}"))
        };
        let folder = sandbox::directory(name);
        let config = block("yaml").text.clone();
        fs::write(folder.join("config.yml"), &config).unwrap();
        symlink(support::firewall::command().get_program(), folder.join("secdocker")).unwrap();
        let commands = block("sh").text.lines().map(checked).collect::<Vec<_>>().join("\n");
        Host { folder, config, commands }
    }

    /// SecDocker with the configuration shown.
    fn secdocker(&self) -> Running {
        let running = Running::start(&mut self.bash("exec secdocker --config config.yml"));
        running.says("listening on");
        running
    }

    fn bash(&self, text: &str) -> Command {
        let tools = document::root().join("target/walk-throughs/bin");
        let path = format!("{}:{}:{}", self.folder.display(), tools.display(), support::cli::PATH);
        let mut bash = Command::new("bash");
        bash.args(["-c", text]).current_dir(&self.folder).env("PATH", path);
        bash.env("HOME", &self.folder).env_remove("DOCKER_HOST").env_remove("XDG_CONFIG_HOME");
        bash
    }

    #[track_caller]
    fn type_in(&self, commands: &str) -> Finished {
        run_for(&mut self.bash(&format!("{PRELUDE}\n{commands}")), LONGEST)
    }
}

/// A line, with what its end says about a refusal turned into a check.
fn checked(line: &str) -> String {
    match line.split_once("# refused: ") {
        Some((command, why)) => format!("refused '{}' {}", why.trim(), command.trim()),
        None => line.to_owned(),
    }
}

/// What SecDocker said of the requests, if the commands went otherwise.
fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("secdocker.log")).unwrap_or_default()
}

#[test]
fn a_ci_runner() {
    let host = Host::of("ci");
    let _secdocker = host.secdocker();
    let said = host.type_in(&host.commands);
    assert!(said.status.success(), "{said}\n{}", log(&host.folder));
    assert!(said.text().contains("built with 42"), "{said}");
}

#[test]
fn traefik() {
    let host = Host::of("traefik");
    let _secdocker = host.secdocker();
    let said = host.type_in(&host.commands);
    assert!(said.status.success(), "{said}\n{}", log(&host.folder));
    assert!(said.text().contains("root:x:0:0"), "{said}");
}

/// The last command is for a terminal, and shows until somebody leaves it.
#[test]
fn a_dashboard() {
    let host = Host::of("dashboard");
    let _secdocker = host.secdocker();
    let (typed, last) = host.commands.rsplit_once('\n').unwrap();
    assert_eq!(last, "lazydocker");
    let said = host.type_in(typed);
    assert!(said.status.success(), "{said}\n{}", log(&host.folder));
    assert!(said.text().contains("seen"), "{said}");
    let line = "DOCKER_HOST=unix:///run/secdocker/dashboard.sock \
        script --quiet --flush --command 'stty rows 40 cols 150; lazydocker' /dev/null";
    let mut shown = Running::start(host.bash(line).env("TERM", "xterm"));
    shown.says("watched");
    // It has asked for more than the list of containers.
    poll::until("lazydocker to look", || {
        let log = log(&host.folder);
        (log.contains("/images/json") && log.contains("/stats?")).then_some(())
    });
    shown.send(b"q");
    Docker::at("unix:///run/docker.sock").run(&["rm", "-f", "watched"]).ok();
    shown.kill();
}

#[test]
fn compose() {
    let host = Host::of("team");
    let _secdocker = host.secdocker();
    let said = host.type_in(&host.commands);
    assert!(said.status.success(), "{said}\n{}", log(&host.folder));
    assert_eq!(said.text().lines().filter(|line| *line == "written").count(), 2, "{said}");
}

/// SecDocker is started by the commands themselves, with what memory it gets.
#[test]
fn an_embedded_host() {
    let host = Host::of("embedded");
    let said = host.type_in(&host.commands);
    assert!(said.status.success(), "{said}");
    assert!(said.text().contains("209715200"), "{said}");
    let refused = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(refused.contains("mount of /etc"), "standard error is the log: {said}");
}

#[test]
fn podman() {
    let host = Host::of("podman");
    let socket = "/run/podman/podman.sock";
    assert!(host.config.contains(socket), "{}", host.config);
    fs::create_dir_all("/run/podman").unwrap();
    let state = host.folder.join("containers");
    fs::create_dir(&state).unwrap();
    let podman = format!("podman --root {} --runroot /run/podman/run", state.display());
    let image = format!(
        ". {}/scripts/lib.sh; busybox_archive | {podman} import - docker.io/library/{IMAGE}",
        document::root().display()
    );
    run_for(&mut host.bash(&image), LONGEST).ok();
    let service = format!("exec {podman} system service --time 0 unix://{socket}");
    let mut service = Running::start(&mut host.bash(&service));
    poll::until("Podman to listen", || Path::new(socket).exists().then_some(()));
    let _secdocker = host.secdocker();
    let said = host.type_in(&host.commands);
    assert!(said.status.success(), "{said}\n{}", log(&host.folder));
    assert!(said.text().contains("hello"), "{said}");
    service.kill();
}
