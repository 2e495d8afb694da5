//! The suites, as scripts/install-client-suites left them, and how each is run.

use crate::support::{cli, process, sandbox};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The longest that one part of a suite may take.
const SUITE_MAX: Duration = Duration::from_secs(1200);

/// What each test came to, by its name: `passed`, `failed` or `skipped`.
pub(crate) type Outcomes = BTreeMap<String, String>;

pub(crate) struct Suite {
    /// How many tests there are at least: fewer, and it did not start as it should.
    pub(crate) least: usize,
    runner: Runner,
}

enum Runner {
    /// A folder to start in, options, and which tests.
    Pytest(&'static str, Vec<String>, Vec<String>),
    /// Built test binaries, listed in a file.
    Cargo(&'static str),
}

/// Docker-py's files about containers.
const CONTAINERS: [&str; 4] = ["api_container", "api_exec", "api_healthcheck", "models_containers"];
/// Those about swarms, what is in one, and engine plugins.
const SWARMS: [&str; 8] = [
    "api_config",
    "api_plugin",
    "api_secret",
    "api_service",
    "api_swarm",
    "models_nodes",
    "models_services",
    "models_swarm",
];

pub(crate) fn docker_py_containers() -> Suite {
    docker_py(140, &[], CONTAINERS.map(docker_py_file).to_vec())
}

pub(crate) fn docker_py_swarms() -> Suite {
    docker_py(110, &[], SWARMS.map(docker_py_file).to_vec())
}

/// The tests in all other files.
pub(crate) fn docker_py_others() -> Suite {
    let elsewhere = CONTAINERS.iter().chain(&SWARMS);
    let ignored: Vec<_> =
        elsewhere.map(|name| format!("--ignore={}", docker_py_file(name))).collect();
    docker_py(100, &ignored, vec!["tests/integration".into()])
}

fn docker_py_file(name: &str) -> String {
    format!("tests/integration/{name}_test.py")
}

fn docker_py(least: usize, options: &[String], tests: Vec<String>) -> Suite {
    let options = [&["--timeout=60".into()], options].concat();
    Suite { least, runner: Runner::Pytest("sources/docker-7.0.0", options, tests) }
}

pub(crate) fn aiodocker() -> Suite {
    let options = vec!["--timeout=60".into(), "--override-ini=addopts=".into()];
    let tests = vec!["tests".into()];
    Suite { least: 80, runner: Runner::Pytest("sources/aiodocker-0.24.0", options, tests) }
}

pub(crate) fn bollard() -> Suite {
    Suite { least: 60, runner: Runner::Cargo("bollard/tests") }
}

impl Suite {
    /// All of it, or these tests, at whatever listens there.
    pub(crate) fn run(&self, socket: &Path, only: &[&str]) -> Outcomes {
        match &self.runner {
            Runner::Pytest(folder, options, tests) => {
                let all: Vec<&str> = tests.iter().map(String::as_str).collect();
                pytest(folder, options, socket, if only.is_empty() { &all } else { only })
            }
            Runner::Cargo(list) => cargo(list, socket, only),
        }
    }
}

/// What the script has installed there.
pub(crate) fn installed(path: &str) -> PathBuf {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/client-suites");
    assert!(suites.join(".installed").exists(), "run scripts/install-client-suites first");
    suites.join(path)
}

fn command(program: &Path, socket: &Path) -> Command {
    command_at(program, &format!("unix://{}", socket.display()))
}

/// With this machine's programs, whatever engine is chosen.
pub(crate) fn command_at(program: &Path, docker_host: &str) -> Command {
    let as_installed = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/as-installed");
    let mut command = cli::client(as_installed, docker_host);
    command.arg(program);
    if let Ok(engine) = std::env::var("SECDOCKER_ENGINE") {
        command.env("SECDOCKER_ENGINE", engine);
    }
    command
}

fn pytest(folder: &str, options: &[String], socket: &Path, tests: &[&str]) -> Outcomes {
    let report = sandbox::directory("report").join("outcomes");
    let mut pytest = command(&installed("python/bin/python"), socket);
    pytest
        .args(["-m", "pytest", "-q", "-p", "report", "-p", "no:cacheprovider"])
        .args(options)
        .args(tests)
        .current_dir(installed(folder))
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client_suites"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SUITE_REPORT", &report);
    let done = process::run_for(&mut pytest, SUITE_MAX);
    let report = fs::read_to_string(&report).unwrap_or_else(|e| panic!("no report: {e}: {done}"));
    let pairs = report.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(outcome, test)| (test.to_owned(), outcome.to_owned())).collect()
}

fn cargo(list: &str, socket: &Path, only: &[&str]) -> Outcomes {
    let binaries = fs::read_to_string(installed(list)).unwrap();
    let mut outcomes = Outcomes::new();
    for binary in binaries.lines().map(Path::new) {
        let name = binary.file_name().unwrap().to_string_lossy();
        let name = name.rsplit_once('-').unwrap().0;
        let wanted: Vec<&str> =
            only.iter().filter_map(|test| test.strip_prefix(name)?.strip_prefix("::")).collect();
        if !only.is_empty() && wanted.is_empty() {
            continue;
        }
        let mut run = command(binary, socket);
        run.args(["--test-threads=1"]).current_dir(installed("bollard/source"));
        if !wanted.is_empty() {
            run.arg("--exact").args(wanted);
        }
        let done = process::run_for(&mut run, SUITE_MAX);
        outcomes.extend(results(name, &done.text()));
    }
    outcomes
}

/// The lines `test NAME ... ok` of a test binary.
fn results(binary: &str, output: &str) -> Vec<(String, String)> {
    let line = |line: &str| {
        let (test, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let outcome = match outcome {
            "ok" => "passed",
            "FAILED" => "failed",
            _ => "skipped",
        };
        Some((format!("{binary}::{test}"), outcome.to_owned()))
    };
    output.lines().filter_map(line).collect()
}
