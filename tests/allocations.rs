//! A small request on a connection that is in use allocates nothing, its line in the log included.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed test says where; it blocks, as clients do"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use secdocker::audit::{self, Format, LogSettings};
use secdocker::config::{self, Overrides};
use secdocker::proxy::Proxy;

/// Counts what all threads allocate but those of the test.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

fn count() {
    if !IS_OURS.try_with(Cell::get).unwrap_or(true) {
        ALLOCATIONS.fetch_add(1, Relaxed);
    }
}

// SAFETY: everything is left to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the memory came from `alloc` or `realloc` above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the memory came from `alloc` or `realloc` above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

const PING: &[u8] = b"GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/20.10.24 (linux)\r\n\r\n";
const PONG: &[u8] = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK";

/// Answers every request, which arrives in one piece.
fn answer_pings(listener: &TcpListener) {
    IS_OURS.set(true);
    let mut stream = listener.accept().unwrap().0;
    let mut request = [0; 4096];
    while stream.read(&mut request).unwrap() > 0 {
        stream.write_all(PONG).unwrap();
    }
}

fn ping(client: &mut TcpStream, times: usize) {
    let mut answer = [0; PONG.len()];
    for _ in 0..times {
        client.write_all(PING).unwrap();
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, PONG);
    }
}

fn allocations_in(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Relaxed);
    work();
    ALLOCATIONS.load(Relaxed) - before
}

/// Nine entries that do not fit, and one with limits that does.
fn ten_clients() -> String {
    let others = (1..10).map(|number| {
        format!("  - name: other-{number}\n    match: {{network: 192.0.2.{number}}}\n")
    });
    let last = "  - name: last\n    match: {network: 127.0.0.0/8}\n    \
                limits: {connections: 9, requests_per_second: 1000000, creates_per_minute: 9}\n";
    ["clients:\n".to_owned()].into_iter().chain(others).chain([last.to_owned()]).collect()
}

/// How many allocations 2000 requests take in the quietest of five rounds.
fn counted(rest: &str, folder: &Path) -> usize {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = upstream.local_addr().unwrap();
    thread::spawn(move || answer_pings(&upstream));
    let configured = folder.join("config.yml");
    let text =
        format!("dockerapi: tcp://{address}\nlisten: {{tcp: '127.0.0.1:0', loops: 1}}\n{rest}");
    fs::write(&configured, text).unwrap();
    let settings = config::load(&configured, &Overrides::default()).unwrap();
    let proxy = Proxy::start(&settings).unwrap();
    let mut client = TcpStream::connect(proxy.addresses().first().unwrap()).unwrap();
    client.set_nodelay(true).unwrap();

    ping(&mut client, 1);
    assert!(ALLOCATIONS.load(Relaxed) > 0, "the loop's beginning is counted");
    // A queue may still grow when its reader was late, on a busy machine once more after many requests:
    // what a request itself allocates shows in every round.
    let rounds = (0..5).map(|_| allocations_in(|| ping(&mut client, 2_000)));
    let counted = rounds.min().unwrap();

    drop(client);
    assert_eq!(proxy.stop(Duration::from_secs(10)), 0);
    counted
}

#[test]
fn a_small_request_allocates_nothing() {
    IS_OURS.set(true);
    let folder = std::env::temp_dir().join(format!("secdocker-allocations-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("log");
    let settings = LogSettings { file, format: Format::Logfmt, level: log::LevelFilter::Info };
    audit::init(&settings).unwrap();
    let none = counted("", &folder);
    let ten = counted(&ten_clients(), &folder);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!((none, ten), (0, 0), "allocations without entries of `clients`, and with ten");
}
