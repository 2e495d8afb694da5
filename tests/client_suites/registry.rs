//! A registry in place of Docker's own, with the images that the suites pull.

use crate::support::{Daemon, Docker, poll, process, sandbox};
use std::fs::{self, File};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The address that bollard's tests expect it at.
const ADDRESS: &str = "127.0.0.1:5000";
/// What the images are called at Docker's registry or, where bollard takes them from, at this one, and
/// what they run. All have the same content.
const IMAGES: [(&str, &str); 12] = [
    ("library/alpine:3.10", SHELL),
    ("library/alpine:latest", SHELL),
    ("library/busybox:latest", SHELL),
    ("library/hello-world:latest", HELLO),
    ("library/hello-world:linux", HELLO),
    ("library/python:3.6.1", PYTHON),
    ("library/python:alpine", PYTHON),
    ("library/python:latest", PYTHON),
    ("alpine:latest", SHELL),
    ("hello-world:latest", HELLO),
    ("hello-world:linux", HELLO),
    ("fussybeaver/uhttpd:latest", RUNS),
];
const SHELL: &str = r#"CMD ["/bin/sh"]"#;
const PYTHON: &str = r#"CMD ["python3"]"#;
const HELLO: &str = r#"CMD ["/hello"]"#;
/// Until it is stopped.
const RUNS: &str = r#"CMD ["sh", "-c", "trap exit TERM; while :; do sleep 1; done"]"#;
/// Those that are expected to be there.
const THERE: [(&str, &str); 3] =
    [("alpine:3.10", SHELL), ("busybox:latest", SHELL), ("python:latest", PYTHON)];

/// Starts the registry, which all engines share and which ends with the test binary; says where it is.
pub(crate) fn start() -> &'static str {
    static REGISTRY: OnceLock<Child> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        // What makes a swarm without saying where needs an address that is not the host's own alone.
        let address = "ip link add outside type bridge && ip link set outside up &&
            ip addr add 192.0.2.1/24 dev outside";
        process::run(Command::new("sh").args(["-c", address]), b"").ok();
        let folder = sandbox::directory("registry");
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{ADDRESS}\"}}\n",
            folder.join("storage").display()
        );
        fs::write(folder.join("config.yml"), config).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let child = Command::new("docker-registry")
            .args(["serve".as_ref(), folder.join("config.yml").as_os_str()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        poll::until("the registry to listen", || TcpStream::connect(ADDRESS).ok());
        child
    });
    ADDRESS
}

/// Gives the engine the images, and the registry if it has none yet.
pub(crate) fn fill(engine: &Daemon) {
    let docker = Docker::on(engine);
    let (small, python) = (archive(SMALL), archive(WITH_PYTHON));
    let import = |name: &str, runs| {
        let archive = if runs == PYTHON { &python } else { &small };
        docker.run_with(&["import", "--change", runs, "-", name], archive).ok();
    };
    THERE.iter().for_each(|(name, runs)| import(name, runs));
    static FILLED: OnceLock<()> = OnceLock::new();
    FILLED.get_or_init(|| {
        for (name, runs) in IMAGES {
            let name = format!("{ADDRESS}/{name}");
            match runs {
                // Large, and the engine has it.
                PYTHON => drop(docker.run(&["tag", "python:latest", &name]).ok()),
                _ => import(&name, runs),
            }
            docker.run(&["push", &name]).ok();
            docker.run(&["rmi", &name]).ok();
        }
    });
}

/// Busybox, and the program that says hello.
const SMALL: &str = "printf '#!/bin/sh\\necho Hello from Docker!\\n' >hello
    chmod 755 hello";
/// Busybox, and the engine's suite's Python: aiodocker starts it in most of its containers.
const WITH_PYTHON: &str = "mkdir -p usr/bin usr/lib
    cp -L /usr/bin/python3 usr/bin/
    ln -s ../usr/bin/python3 bin/python
    cp -r /usr/lib/python3.[0-9]* usr/lib/
    rm -rf usr/lib/python3.*/config-*
    for library in $(ldd /usr/bin/python3 | grep -o '/[^ ]*'); do cp -L --parents $library .; done";

/// Busybox with what a script adds to it.
fn archive(script: &str) -> Vec<u8> {
    let folder = sandbox::directory("content");
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib.sh");
    let script = format!(
        ". {library}; busybox_archive | tar -x -C .
         {script}
         tar --owner=0 --group=0 -c ."
    );
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(&folder);
    let done = process::run(&mut bash, b"");
    done.ok();
    done.stdout
}
