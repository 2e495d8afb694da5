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
const ROUNDS: usize = 3;
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

#[test]
fn a_build_with_a_large_context_costs_hardly_more() {
    let secdocker = SecDocker::before(Daemon::shared(), RULES);
    let context = context();
    build(Daemon::shared(), &context);
    let (mut straight, mut through) = (Vec::new(), Vec::new());
    let (cpu, memory) = (cpu_seconds(&secdocker), secdocker.resident_kib());
    for _ in 0..ROUNDS {
        straight.push(build(Daemon::shared(), &context));
        through.push(build(&secdocker, &context));
    }
    let cpu = (cpu_seconds(&secdocker) - cpu) / ROUNDS as f64;
    let grown = secdocker.resident_kib().saturating_sub(memory);
    let best = |times: &[Duration]| times.iter().min().unwrap().as_secs_f64();
    let (straight, through) = (best(&straight), best(&through));
    println!(
        "context of {} MiB: straight {straight:.2} s, through SecDocker {through:.2} s, ratio {:.3}; \
         SecDocker took {cpu:.2} s of a processor a build, and {grown} KiB more memory",
        context_mib(),
        through / straight
    );
    assert!(grown < 16 * 1024, "no copy of the context is held");
}
