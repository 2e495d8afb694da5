//! The work that is compared. Every row measures all peers in turn, round by round, so that what
//! else happens on the machine meets them alike.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::engine::{Engine, IMAGE};
use crate::example;
use crate::load::{self, Caller, Work};
use crate::peers::{Kind, Peer, Upstream, haproxy_connections};
use crate::report::Figure;
use crate::tls;

pub(crate) const CLIENTS: usize = 64;

/// How long and how often everything is measured.
pub(crate) struct Bench<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) folder: &'a Path,
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) bulk_bytes: u64,
    pub(crate) idle_streams: usize,
}

/// A row by its name.
pub(crate) type Row = (&'static str, fn(&Bench<'_>) -> io::Result<Vec<Figure>>);

/// All of them, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    ("small", small),
    ("create", create),
    ("example", example::creates),
    ("cold", example::cold),
    ("starts", example::starts),
    ("connections", connections),
    ("bulk", bulk),
    ("raw", raw),
    ("idle", idle),
    ("latency", latency),
    ("beside", beside),
    ("loops", loops),
    ("clients", clients),
    ("engine", engine),
    ("start", start),
    ("tls", tls::rows),
];

const ALL: &[Kind] =
    &[Kind::Direct, Kind::SecDocker, Kind::HaproxyHttp, Kind::HaproxyTcp, Kind::Nginx];
const PROXIES: &[Kind] = &[Kind::SecDocker, Kind::HaproxyHttp, Kind::HaproxyTcp, Kind::Nginx];

impl Bench<'_> {
    pub(crate) fn start(&self, kinds: &[Kind], by_unix: bool) -> io::Result<Vec<Peer>> {
        kinds.iter().map(|kind| Peer::start(*kind, self.upstream, by_unix, self.folder)).collect()
    }
}

/// CPU time for each of `count`, in microseconds.
pub(crate) fn micros_each(cpu: Duration, count: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / count.max(1) as f64
}

/// Many requests at once: how many a second, the CPU time and the system calls of each.
pub(crate) fn throughput(
    bench: &Bench<'_>,
    row: &'static str,
    kinds: &[Kind],
    work: impl Fn(&Peer, Duration) -> Work,
) -> io::Result<Vec<Figure>> {
    let peers = bench.start(kinds, false)?;
    let mut rate = Figure::new(row, "requests/s");
    let mut cpu = Figure::new(row, "CPU µs/request");
    let mut tail = Figure::new(row, "p99 µs");
    for _ in 0..bench.rounds {
        for peer in &peers {
            let before = peer.cpu();
            let done = work(peer, bench.time);
            rate.add(peer.kind, done.requests as f64 / done.time.as_secs_f64());
            tail.add(peer.kind, at(&done.waits, 0.99));
            if peer.kind != Kind::Direct {
                cpu.add(peer.kind, micros_each(peer.cpu() - before, done.requests));
            }
        }
    }
    let mut calls = Figure::new(row, "system calls/request");
    let mut connects = Figure::new(row, "new connections/request");
    for peer in peers.iter().filter(|peer| peer.kind != Kind::Direct) {
        let mut requests = 0;
        let counts = peer.system_calls(|| requests = work(peer, bench.time).requests)?;
        let each = |count: u64| count as f64 / requests.max(1) as f64;
        let connected = counts.iter().filter(|(name, _)| name == "connect");
        calls.add(peer.kind, each(counts.iter().map(|(_, count)| count).sum()));
        connects.add(peer.kind, each(connected.map(|(_, count)| count).sum()));
    }
    Ok(vec![rate, cpu, tail, calls, connects])
}

fn small(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    throughput(bench, "small GET, 64 connections", ALL, |peer, time| {
        load::keep_asking(peer.address, CLIENTS, load::PING, time)
    })
}

fn create(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let body = create_body(2048);
    let request = load::post("/v1.41/containers/create?name=one", &body);
    throughput(bench, "create, 2 KiB", ALL, |peer, time| {
        load::keep_asking(peer.address, CLIENTS, &request, time)
    })
}

/// What the docker command sends for a container that no rule of the bench forbids.
fn create_body(bytes: usize) -> Vec<u8> {
    let mut variables = String::from(r#""PATH=/usr/bin""#);
    let body = |variables: &str| {
        format!(
            r#"{{"Hostname":"","User":"1000","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"ExposedPorts":{{"80/tcp":{{}}}},"Tty":false,"Env":[{variables}],"Cmd":["serve"],"Image":"app:1","Volumes":{{}},"WorkingDir":"","Entrypoint":null,"Labels":{{"team":"web"}},"HostConfig":{{"Binds":null,"LogConfig":{{"Type":"","Config":{{}}}},"NetworkMode":"default","PortBindings":{{"80/tcp":[{{"HostIp":"","HostPort":"8080"}}]}},"RestartPolicy":{{"Name":"no","MaximumRetryCount":0}},"CapAdd":null,"CapDrop":null,"Dns":[],"Privileged":false,"SecurityOpt":null,"Memory":0,"NanoCpus":0,"Devices":[],"PidsLimit":0,"Ulimits":null}},"NetworkingConfig":{{"EndpointsConfig":{{}}}}}}"#
        )
    };
    let frame = body("").len();
    // A large body has long variables: the daemon's clients send no hundred thousand of them.
    let filling = "x".repeat(bytes / 20_000);
    let mut number = 0;
    while frame + variables.len() < bytes {
        variables.push_str(&format!(r#","SETTING_{number}=value number {number}{filling}""#));
        number += 1;
    }
    body(&variables).into_bytes()
}

fn connections(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    throughput(bench, "connection a request", ALL, |peer, time| {
        load::keep_connecting(peer.address, CLIENTS, time)
    })
}

fn bulk(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (by_unix, rows) in [(false, &BULK_BY_TCP), (true, &BULK_BY_UNIX)] {
        let peers = bench.start(PROXIES, by_unix)?;
        for (row, work) in rows {
            figures.extend(moved(bench, row, &peers, |peer, bytes| {
                work(&mut Caller::connect(peer.address)?, bytes)
            })?);
        }
    }
    Ok(figures)
}

pub(crate) type Transfer = fn(&mut Caller, u64) -> io::Result<()>;

const BULK_BY_TCP: [(&str, Transfer); 4] = [
    ("download, TCP upstream", Caller::download),
    ("upload, TCP upstream", Caller::upload),
    ("download in chunks, TCP upstream", Caller::download_chunks),
    ("upload in chunks, TCP upstream", Caller::upload_chunks),
];

const BULK_BY_UNIX: [(&str, Transfer); 4] = [
    ("download, Unix upstream", Caller::download),
    ("upload, Unix upstream", Caller::upload),
    ("download in chunks, Unix upstream", Caller::download_chunks),
    ("upload in chunks, Unix upstream", Caller::upload_chunks),
];

/// Bytes moved: how fast, with how much CPU, and what memory that took beyond what was held before.
pub(crate) fn moved(
    bench: &Bench<'_>,
    row: &'static str,
    peers: &[Peer],
    work: impl Fn(&Peer, u64) -> io::Result<()>,
) -> io::Result<Vec<Figure>> {
    let mut rate = Figure::new(row, "GB/s");
    let mut cpu = Figure::new(row, "CPU ms/GB");
    let mut memory = Figure::new(row, "memory peak, KiB more");
    let gigabytes = bench.bulk_bytes as f64 / 1e9;
    for _ in 0..bench.rounds {
        for peer in peers {
            let (cpu_before, held, begun) = (peer.cpu(), peer.memory(), Instant::now());
            work(peer, bench.bulk_bytes)?;
            rate.add(peer.kind, gigabytes / begun.elapsed().as_secs_f64());
            cpu.add(peer.kind, (peer.cpu() - cpu_before).as_secs_f64() * 1e3 / gigabytes);
            memory.add(peer.kind, peer.memory_peak().saturating_sub(held) as f64 / 1024.0);
        }
    }
    Ok(vec![rate, cpu, memory])
}

fn raw(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let peers = bench.start(PROXIES, false)?;
    let mut figures = moved(bench, "raw stream, there and back", &peers, |peer, bytes| {
        let mut caller = Caller::connect(peer.address)?;
        caller.attach()?;
        caller.echo(bytes / 4)
    })?;
    let mut time = Figure::new("raw stream, 1 byte", "round trip µs, median");
    let mut sleeps = Figure::new("raw stream, 1 byte", "wake-ups/byte and direction");
    for _ in 0..bench.rounds {
        for peer in &peers {
            let mut caller = Caller::connect(peer.address)?;
            caller.attach()?;
            let before = peer.sleeps();
            let times = timed(2_000, || caller.one_byte())?;
            time.add(peer.kind, at(&times, 0.5));
            sleeps.add(peer.kind, (peer.sleeps() - before) as f64 / 4_000.0);
        }
    }
    figures.extend([time, sleeps]);
    Ok(figures)
}

/// How long each took, in microseconds, in order.
fn timed(count: usize, mut one: impl FnMut() -> io::Result<()>) -> io::Result<Vec<f64>> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        one()?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// The value below which this share of all lies.
fn at(sorted: &[f64], share: f64) -> f64 {
    let position = (sorted.len() as f64 * share) as usize;
    sorted.get(position.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn idle(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    const ROW: &str = "idle raw streams";
    let count = bench.idle_streams.min(haproxy_connections() - 100);
    let mut held = Figure::new(ROW, "bytes of memory each");
    let mut without = Figure::new(ROW, "p99 µs of a request without them");
    let mut beside = Figure::new(ROW, "p99 µs of a request beside them");
    let mut ratio = Figure::new(ROW, "p99 beside ÷ p99 without");
    for kind in [Kind::SecDocker, Kind::HaproxyHttp, Kind::HaproxyTcp] {
        for _ in 0..bench.rounds.min(3) {
            let peer = Peer::start(kind, bench.upstream, false, bench.folder)?;
            let mut caller = Caller::connect(peer.address)?;
            let alone = at(&timed(5_000, || caller.ping())?, 0.99);
            let before = peer.memory();
            let streams = attached(&peer, count)?;
            held.add(kind, (peer.memory() - before) as f64 / count as f64);
            let crowded = at(&timed(5_000, || caller.ping())?, 0.99);
            without.add(kind, alone);
            beside.add(kind, crowded);
            ratio.add(kind, crowded / alone);
            drop(streams);
        }
    }
    Ok(vec![held, without, beside, ratio])
}

fn attached(peer: &Peer, count: usize) -> io::Result<Vec<Caller>> {
    (0..count)
        .map(|_| {
            let mut caller = Caller::connect(peer.address)?;
            caller.attach()?;
            Ok(caller)
        })
        .collect()
}

fn latency(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    const ROW: &str = "one connection, low load";
    let peers = bench.start(ALL, false)?;
    let mut middle = Figure::new(ROW, "median µs");
    let mut tail = Figure::new(ROW, "p99 µs");
    for _ in 0..bench.rounds {
        for peer in &peers {
            let mut caller = Caller::connect(peer.address)?;
            let times = timed(3_000, || caller.ping())?;
            middle.add(peer.kind, at(&times, 0.5));
            tail.add(peer.kind, at(&times, 0.99));
        }
    }
    Ok(vec![middle, tail])
}

/// What others feel while a client has the largest bodies judged that are usual.
fn beside(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    const ROW: &str = "one connection beside creates of 3.5 MB";
    let request = load::post("/v1.41/containers/create?name=one", &create_body(3_500_000));
    let peers = bench.start(PROXIES, false)?;
    let mut without = Figure::new(ROW, "median µs without them");
    let mut middle = Figure::new(ROW, "median µs beside them");
    let mut tail = Figure::new(ROW, "p99 µs beside them");
    for _ in 0..bench.rounds {
        for peer in &peers {
            let mut caller = Caller::connect(peer.address)?;
            without.add(peer.kind, at(&timed(3_000, || caller.ping())?, 0.5));
            let mut times = std::thread::scope(|scope| {
                let large = scope.spawn(|| ask_for(peer, &request, bench.time));
                let mut times = Vec::new();
                while !large.is_finished() {
                    times.extend(timed(10, || caller.ping())?);
                }
                large.join().unwrap().map(|()| times)
            })?;
            times.sort_by(f64::total_cmp);
            middle.add(peer.kind, at(&times, 0.5));
            tail.add(peer.kind, at(&times, 0.99));
        }
    }
    Ok(vec![without, middle, tail])
}

fn ask_for(peer: &Peer, request: &[u8], time: Duration) -> io::Result<()> {
    let mut caller = Caller::connect(peer.address)?;
    let begun = Instant::now();
    while begun.elapsed() < time {
        caller.ask(request)?;
    }
    Ok(())
}

/// What a second loop brings. Clients and upstream need a core as well, so that requests a second show
/// it only where there are four; the cost of one shows anywhere whether loops are in each other's way.
fn loops(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    const ROW: &str = "one loop and one a core";
    let peers = bench.start(&[Kind::SecDocker, Kind::OneLoop], false)?;
    let ask = |peer: &Peer| load::keep_asking(peer.address, CLIENTS, load::PING, bench.time);
    let mut figures = [
        [Figure::new(ROW, "requests/s"), Figure::new(ROW, "requests/s, one loop")],
        [Figure::new(ROW, "CPU µs/request"), Figure::new(ROW, "CPU µs/request, one loop")],
        [
            Figure::new(ROW, "futex calls/request"),
            Figure::new(ROW, "futex calls/request, one loop"),
        ],
    ];
    let [rate, cpu, locks] = &mut figures;
    for _ in 0..bench.rounds {
        for (peer, (rate, cpu)) in peers.iter().zip(rate.iter_mut().zip(cpu.iter_mut())) {
            let before = peer.cpu();
            let done = ask(peer);
            rate.add(Kind::SecDocker, done.requests as f64 / done.time.as_secs_f64());
            cpu.add(Kind::SecDocker, micros_each(peer.cpu() - before, done.requests));
        }
    }
    for (peer, locks) in peers.iter().zip(locks) {
        let mut requests = 0;
        let counts = peer.system_calls(|| requests = ask(peer).requests)?;
        let futex = counts.iter().filter(|(name, _)| name == "futex").map(|(_, count)| count);
        locks.add(Kind::SecDocker, futex.sum::<u64>() as f64 / requests.max(1) as f64);
    }
    Ok(figures.into_iter().flatten().collect())
}

/// What it costs to tell clients apart.
fn clients(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    const ROW: &str = "small GET, no clients and ten";
    let peers = bench.start(&[Kind::SecDocker, Kind::TenClients], false)?;
    let mut figures = [
        Figure::new(ROW, "CPU µs/request"),
        Figure::new(ROW, "CPU µs/request, ten entries of `clients`"),
    ];
    for _ in 0..bench.rounds {
        for (peer, cpu) in peers.iter().zip(&mut figures) {
            let before = peer.cpu();
            let done = load::keep_asking(peer.address, CLIENTS, load::PING, bench.time);
            cpu.add(Kind::SecDocker, micros_each(peer.cpu() - before, done.requests));
        }
    }
    Ok(figures.into())
}

/// The same before a real engine, where there is one.
fn engine(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    const PING: &str = "dockerd, one connection";
    const SAVE: &str = "dockerd, `docker save`";
    const ASKED: usize = 1_000;
    let Some(engine) = Engine::start(bench.folder)? else {
        eprintln!("no dockerd here: the rows about one are left out");
        return Ok(Vec::new());
    };
    engine.import(bench.folder, bench.bulk_bytes.min(256 << 20))?;
    let start = |kind: &Kind| Peer::start(*kind, &engine.upstream, true, bench.folder);
    let peers = ALL.iter().map(start).collect::<io::Result<Vec<_>>>()?;
    let mut middle = Figure::new(PING, "median µs");
    let mut cpu = Figure::new(PING, "CPU µs/request");
    let mut rate = Figure::new(SAVE, "GB/s");
    let mut cpu_moved = Figure::new(SAVE, "CPU ms/GB");
    for _ in 0..bench.rounds {
        for peer in &peers {
            let mut caller = Caller::connect(peer.address)?;
            let before = peer.cpu();
            let times = timed(ASKED, || caller.ping())?;
            let between = peer.cpu();
            let begun = Instant::now();
            let moved = caller.fetch(&format!("/v1.41/images/{IMAGE}/get"))? as f64 / 1e9;
            rate.add(peer.kind, moved / begun.elapsed().as_secs_f64());
            middle.add(peer.kind, at(&times, 0.5));
            if peer.kind != Kind::Direct {
                cpu.add(peer.kind, micros_each(between - before, ASKED as u64));
                cpu_moved.add(peer.kind, (peer.cpu() - between).as_secs_f64() * 1e3 / moved);
            }
        }
    }
    Ok(vec![middle, cpu, rate, cpu_moved])
}

fn start(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    const ROW: &str = "start";
    let mut first = Figure::new(ROW, "ms to the first answer");
    let mut memory = Figure::new(ROW, "idle memory, MiB");
    let mut size = Figure::new(ROW, "program with plugins, MiB");
    for _ in 0..bench.rounds {
        for kind in PROXIES {
            let begun = Instant::now();
            let peer = Peer::start(*kind, bench.upstream, false, bench.folder)?;
            first.add(*kind, begun.elapsed().as_secs_f64() * 1e3);
            memory.add(*kind, peer.memory() as f64 / f64::from(1 << 20));
        }
    }
    let bytes = fs::metadata(stripped(bench.folder)?)?.len();
    size.add(Kind::SecDocker, bytes as f64 / f64::from(1 << 20));
    Ok(vec![first, memory, size])
}

/// The program as a release has it: benches keep its symbols.
fn stripped(folder: &Path) -> io::Result<PathBuf> {
    let to = folder.join("stripped");
    let mut strip = Command::new("strip");
    let done = strip.arg("-o").arg(&to).arg(env!("CARGO_BIN_EXE_secdocker")).status()?;
    if done.success() { Ok(to) } else { Err(io::Error::other("strip failed")) }
}
