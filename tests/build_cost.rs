//! What SecDocker costs a build with a context of 1 GiB: the same build straight and through it, in turns.
//!
//! Not among `make test`'s: it measures, and takes minutes and some GiB of disk. In front of an engine whose
//! builds are judged: `SECDOCKER_ENGINE=trixie cargo test --release --test build_cost -- --nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed test says where, and it measures"
)]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use support::{Daemon, Docker, SecDocker, Way, process, sandbox};

const RULES: &str = "restrictions: {images: [\"ubuntu:16.04\"], ports: [22], privileged: true}\n";
const FILES: usize = 8;
const ROUNDS: usize = 5;
const BUILD_TIME_MAX: Duration = Duration::from_secs(600);

/// How many MiB the context has: `SECDOCKER_CONTEXT_MIB`, or 1024.
fn context_mib() -> usize {
    std::env::var("SECDOCKER_CONTEXT_MIB").map_or(1024, |text| text.parse().unwrap())
}

fn context() -> PathBuf {
    let directory = sandbox::directory("context");
    fs::write(directory.join("Dockerfile"), "FROM probe:1\nCOPY part* /\n").unwrap();
    let block: Vec<u8> =
        (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for part in 0..FILES {
        let mut file = File::create(directory.join(format!("part{part}"))).unwrap();
        (0..context_mib() / FILES).for_each(|_| file.write_all(&block).unwrap());
    }
    directory
}

/// The daemon asks for what has changed since the last build.
fn touch(context: &Path) {
    for part in 0..FILES {
        let file = File::options().write(true).open(context.join(format!("part{part}"))).unwrap();
        file.set_modified(SystemTime::now()).unwrap();
    }
}

fn build(way: &dyn Way, context: &Path) -> Duration {
    touch(context);
    let begin = Instant::now();
    let mut command = Docker::on(way).command(&[
        "buildx",
        "build",
        "--no-cache",
        "--output",
        "type=cacheonly",
        ".",
    ]);
    command.current_dir(context);
    let built = process::run_for(&mut command, BUILD_TIME_MAX);
    let took = begin.elapsed();
    assert!(built.status.success(), "{built}");
    let pruned = Docker::on(Daemon::shared()).run(&["builder", "prune", "--all", "--force"]);
    assert!(pruned.status.success(), "{pruned}");
    took
}

/// Processor time of a process so far (proc(5), `stat`).
fn cpu_seconds(secdocker: &SecDocker) -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{}/stat", secdocker.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// The most memory that a process has had since it was last asked, in KiB (proc(5): `clear_refs`, `VmHWM`).
fn peak_kib(secdocker: &SecDocker) -> u64 {
    let process = PathBuf::from(format!("/proc/{}", secdocker.pid()));
    let status = fs::read_to_string(process.join("status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    fs::write(process.join("clear_refs"), "5").unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What gates is memory, which holds still whatever else the machine does; times are told. Each pair is built one
/// after the other, the one and the other first in turns, so that what slows the machine slows both.
#[test]
fn a_build_with_a_large_context_costs_hardly_more() {
    let secdocker = SecDocker::before(Daemon::shared(), RULES);
    let context = context();
    build(Daemon::shared(), &context);
    build(&secdocker, &context);
    peak_kib(&secdocker);
    let (cpu, before) = (cpu_seconds(&secdocker), secdocker.resident_kib());
    let mut pairs = Vec::new();
    for round in 0..ROUNDS {
        let ways: [&dyn Way; 2] = [Daemon::shared(), &secdocker];
        let mut took = [0.0; 2];
        for turn in [round % 2, 1 - round % 2] {
            took[turn] = build(ways[turn], &context).as_secs_f64();
        }
        pairs.push(took);
    }
    let cpu = (cpu_seconds(&secdocker) - cpu) / ROUNDS as f64;
    let grown = peak_kib(&secdocker).saturating_sub(before);
    println!(
        "context of {} MiB, {ROUNDS} pairs: straight {:.2} s, through SecDocker {:.2} s (medians), ratio {:.3} (median \
         of pairs); SecDocker took {cpu:.2} s of a processor a build, and at most {grown} KiB more memory",
        context_mib(),
        median(pairs.iter().map(|pair| pair[0])),
        median(pairs.iter().map(|pair| pair[1])),
        median(pairs.iter().map(|pair| pair[1] / pair[0])),
    );
    assert!(grown < 16 * 1024, "no copy of the context is held: {grown} KiB more");
}
