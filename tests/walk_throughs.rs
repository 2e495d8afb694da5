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
use support::document::Block;
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
        let socket = format!("/run/secdocker/{name}.sock");
        let blocks = document::blocks(DEPLOYMENT);
        let block = |info: &str| {
            let mut found = blocks.iter().filter(|b| b.info == info && b.text.contains(&socket));
            found.next().unwrap_or_else(|| panic!("{DEPLOYMENT} has no {info} with {socket}"))
        };
        Host::with(name, &block("yaml").text, block("sh"))
    }

    fn with(name: &str, config: &str, commands: &Block) -> Host {
        engine();
        let folder = sandbox::directory(name);
        fs::write(folder.join("config.yml"), config).unwrap();
        symlink(support::firewall::command().get_program(), folder.join("secdocker")).unwrap();
        let commands = commands.text.replace("\\\n", " ");
        let commands = commands.lines().map(checked).collect::<Vec<_>>().join("\n");
        Host { folder, config: config.to_owned(), commands }
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

/// The image, as `make package` makes it of the static program: `scripts/build-static` has to have made that.
fn image(host: &Host) {
    let build = format!(
        "set -euo pipefail; cp {root}/deploy/container/* .\n\
        cp {root}/target/$(rustc -vV | sed -n 's/^host: //p')/minimal/secdocker program\n\
        mkdir image; mv program image/secdocker; cp Dockerfile config.yml image\n\
        docker build --quiet --tag secdocker image\n\
        mkdir traefik; cp {root}/target/walk-throughs/bin/traefik traefik\n\
        printf 'FROM scratch\\nCOPY traefik /traefik\\nENTRYPOINT [\"/traefik\"]\\n' >traefik/Dockerfile\n\
        docker build --quiet --tag traefik:v3 traefik\n",
        root = document::root().display()
    );
    let mut bash = host.bash(&build);
    let rust = std::env::var("PATH").unwrap();
    bash.env("PATH", format!("{}:{rust}", support::cli::PATH)).env("DOCKER_BUILDKIT", "0");
    if let Some(home) = std::env::var_os("HOME") {
        bash.env("HOME", home);
    }
    run_for(&mut bash, LONGEST).ok();
}

/// By hand as the document has it, then by the compose file: a Traefik that has no socket serves what it finds.
#[test]
fn in_a_container() {
    let block = document::block(DEPLOYMENT, "docker network create --internal");
    let host = Host::with("container", "", &block);
    image(&host);
    let said = host.type_in(&host.commands);
    assert!(said.status.success(), "{said}");
    assert!(said.text().contains("forbidden: GET /images/json (rule"), "{}", said.text());
    let composed = r#"
        docker rm -f traefik-socket
        docker compose -f compose.yml -p composed up -d traefik-socket traefik portainer-socket
        docker run -d --name shown --network composed_default \
            --label 'traefik.http.routers.shown.rule=Host(`shown.example`)' \
            --label traefik.http.services.shown.loadbalancer.server.port=80 busybox:1 httpd -f -p 80 -h /etc
        curl -sS --fail --retry 90 --retry-delay 1 --retry-all-errors -H 'Host: shown.example' http://127.0.0.1:80/passwd
        refused 403 docker run --rm --network composed_traefik-socket busybox:1 \
            wget -qO- --post-data= http://traefik-socket:2375/containers/shown/stop
        docker run --rm --network composed_portainer-socket busybox:1 wget -qO- http://portainer-socket:2375/images/json
        docker rm -f shown
        docker compose -f compose.yml -p composed down
    "#;
    let said = host.type_in(composed);
    assert!(said.status.success(), "{said}");
    assert!(said.text().contains("root:x:0:0") && said.text().contains("busybox:1"), "{said}");
}
