//! SecDocker beside HAProxy and nginx, in front of the same upstream: what each piece of work costs.
//!
//! `make bench` runs it. `cargo bench --bench peers -- --quick` takes under two minutes; names of rows
//! run only those. The table goes to standard output, the figures to `target/peers.json`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a bench that can't run should say where; it reads clocks and blocks, as clients do"
)]

mod engine;
mod example;
mod load;
mod peers;
mod report;
mod rows;
mod tls;
mod upstream;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use peers::{Running, Upstream};
use rows::{Bench, ROWS};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    if let [command, tcp, unix] = arguments.as_slice()
        && command == "upstream"
    {
        return upstream::serve(tcp.parse().unwrap(), Path::new(unix));
    }
    peers::raise_descriptor_limit();
    let folder = std::env::temp_dir().join(format!("secdocker-peers-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let (upstream, _running) = start_upstream(&folder)?;
    let bench = bench(&upstream, &folder, named("--quick"));
    let wanted = |name: &str| named(name) || !ROWS.iter().any(|(row, _)| named(row));
    let mut figures = Vec::new();
    print!("{}", report::HEAD);
    for (_, row) in ROWS.iter().filter(|(name, _)| wanted(name)) {
        for figure in row(&bench)? {
            print!("{figure}");
            figures.push(figure.json());
        }
    }
    let at = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("peers.json");
    fs::write(&at, serde_json::to_vec_pretty(&figures)?)?;
    println!("\nThe figures: {}", at.display());
    fs::remove_dir_all(&folder)
}

fn bench<'a>(upstream: &'a Upstream, folder: &'a Path, quick: bool) -> Bench<'a> {
    let (rounds, time, bulk_bytes, idle_streams) = if quick {
        (3, Duration::from_millis(500), 256 << 20, 2_000)
    } else {
        (7, Duration::from_secs(2), 2 << 30, 10_000)
    };
    Bench { upstream, folder, rounds, time, bulk_bytes, idle_streams }
}

fn start_upstream(folder: &Path) -> io::Result<(Upstream, Running)> {
    let upstream = Upstream { tcp: peers::free_address()?, unix: folder.join("upstream.sock") };
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("upstream").arg(upstream.tcp.to_string()).arg(&upstream.unix);
    let running = Running::start(&mut command)?;
    peers::wait_for(upstream.tcp)?;
    Ok((upstream, running))
}
