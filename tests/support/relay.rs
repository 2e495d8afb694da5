//! Stands between SecDocker and an engine, and does something just before certain requests reach the
//! engine, and after it has answered. What the engine tells of as it happens is held back until it may
//! go on.

use super::sandbox;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Runs until the test's end.
pub(crate) struct Relay {
    pub(crate) socket: PathBuf,
    between: Arc<Between>,
}

struct Between {
    engine: PathBuf,
    /// Of which request lines this is.
    is_one: fn(&str) -> bool,
    lines: Mutex<Vec<String>>,
    before: Box<dyn Fn() + Send + Sync>,
    after: Box<dyn Fn() + Send + Sync>,
    tells_events: Mutex<bool>,
    told: Condvar,
}

/// What the requests on a connection were.
#[derive(Default)]
struct Seen {
    is_one: AtomicBool,
    events: AtomicBool,
}

impl Relay {
    pub(crate) fn start(
        engine: &Path,
        is_one: fn(&str) -> bool,
        before: impl Fn() + Send + Sync + 'static,
        after: impl Fn() + Send + Sync + 'static,
    ) -> Relay {
        let socket = sandbox::short_directory("relay").join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let (before, after) = (Box::new(before), Box::new(after));
        let (tells_events, told) = (Mutex::new(false), Condvar::new());
        let engine = engine.to_owned();
        let lines = Mutex::default();
        let between = Between { engine, is_one, lines, before, after, tells_events, told };
        let between = Arc::new(between);
        let shared = Arc::clone(&between);
        thread::spawn(move || listener.incoming().for_each(|client| shared.join(client.unwrap())));
        Relay { socket, between }
    }

    /// Those request lines, as they came.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.between.lines.lock().unwrap().clone()
    }

    /// Lets events pass from now on.
    pub(crate) fn tells_events(&self) {
        *self.between.tells_events.lock().unwrap() = true;
        self.between.told.notify_all();
    }
}

impl Between {
    fn join(self: &Arc<Self>, client: UnixStream) {
        let engine = UnixStream::connect(&self.engine).unwrap();
        let seen = Arc::new(Seen::default());
        let ends = (client.try_clone().unwrap(), engine.try_clone().unwrap());
        let (between, noted) = (Arc::clone(self), Arc::clone(&seen));
        thread::spawn(move || {
            carry(ends.0, ends.1, |piece| between.request(piece, &noted));
        });
        let between = Arc::clone(self);
        thread::spawn(move || carry(engine, client, |_| between.answer(&seen)));
    }

    fn request(&self, piece: &[u8], seen: &Seen) {
        let text = String::from_utf8_lossy(piece);
        let line = text.lines().next().unwrap_or_default();
        if (self.is_one)(line) {
            (self.before)();
            self.lines.lock().unwrap().push(line.to_owned());
            seen.is_one.store(true, Ordering::SeqCst);
        }
        if line.starts_with("GET /events") {
            seen.events.store(true, Ordering::SeqCst);
        }
    }

    fn answer(&self, seen: &Seen) {
        if seen.is_one.swap(false, Ordering::SeqCst) {
            (self.after)();
        }
        if seen.events.load(Ordering::SeqCst) {
            let tells = self.tells_events.lock().unwrap();
            drop(self.told.wait_while(tells, |tells| !*tells).unwrap());
        }
    }
}

/// Carries bytes until one side ends, each piece after it was shown.
fn carry(mut from: UnixStream, mut to: UnixStream, show: impl Fn(&[u8])) {
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        show(&piece[..count]);
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}
