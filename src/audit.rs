//! What is logged: every event as one line, written by a thread of its own.
//!
//! ```text
//! record(client, event) ─► log ─► fern: level, format ─► this thread's lines ─flush─► queue ─► file
//! ```
//! Knows nothing of sockets or HTTP. Client-controlled text is escaped and bounded, so that nobody
//! can forge a line, and secrets are not shown ([`crate::record::Redacted`]). In the steady state a line allocates
//! nothing: it is formatted into a buffer of its thread, which is used again. A caller never waits
//! for the disk.

mod escape;
mod fields;
mod line;
mod notice;
mod queue;
mod time;
mod writer;

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::client::ClientId;
use crate::record::{Event, Level, Records};
use fields::Fields;
pub use line::Format;
use line::Line;
pub use notice::Notice;
use queue::Queue;
use writer::Writer;

/// The target of all our records, as the `log` crate has it.
const TARGET: &str = "secdocker";
/// Lines that a thread gathers before it hands them over unasked.
const LINES_BYTES_MAX: usize = 64 * 1024;
/// How long a stop waits for the disk to take the last lines.
const STOP_TIME: Duration = Duration::from_secs(5);

/// Where the log goes, how, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The file, which is appended to.
    pub file: PathBuf,
    /// How a line is written.
    pub format: Format,
    /// The least important level that is written.
    pub level: log::LevelFilter,
}

/// Why there is no log.
#[derive(Debug)]
pub enum AuditError {
    /// The file can't be opened.
    Open(PathBuf, io::Error),
    /// The writing thread can't be started.
    Thread(io::Error),
    /// [`init`] was called before.
    Twice,
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(path, error) => write!(f, "cannot open log {}: {error}", path.display()),
            Self::Thread(error) => write!(f, "cannot start the log's thread: {error}"),
            Self::Twice => f.write_str("the log was already opened"),
        }
    }
}

impl std::error::Error for AuditError {}

static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

thread_local! {
    static LINES: RefCell<Lines> = const { RefCell::new(Lines::new()) };
}

/// The lines of one thread that were not handed over yet.
struct Lines {
    text: String,
    count: u64,
    /// The thread calls [`flush`] itself.
    gathers: bool,
}

impl Lines {
    const fn new() -> Self {
        Self { text: String::new(), count: 0, gathers: false }
    }

    fn push(&mut self, line: &fmt::Arguments<'_>) {
        let start = self.text.len();
        match writeln!(self.text, "{line}") {
            Ok(()) => self.count += 1,
            // A `Display` that fails leaves half a line behind.
            Err(fmt::Error) => self.text.truncate(start),
        }
        if !self.gathers || self.text.len() >= LINES_BYTES_MAX {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if self.count == 0 {
            return;
        }
        if let Some(queue) = QUEUE.get() {
            queue.append(&self.text, self.count);
        }
        self.text.clear();
        self.text.shrink_to(2 * LINES_BYTES_MAX);
        self.count = 0;
    }
}

/// The open log. What is recorded before [`init`] or after [`Handle::stop`] is dropped.
#[derive(Debug)]
pub struct Handle {
    queue: Arc<Queue>,
}

impl Handle {
    /// Opens the file anew, for logrotate, after the lines recorded so far. If that fails, lines go
    /// on into the old file, and standard error says why.
    pub fn reopen(&self) {
        flush();
        self.queue.reopen();
    }

    /// Takes another level from now on.
    pub fn set_level(&self, level: log::LevelFilter) {
        log::set_max_level(level);
    }

    /// Writes what is still to be written, for five seconds at most.
    pub fn stop(self) {
        flush();
        if !self.queue.stop(STOP_TIME) {
            eprintln!("secdocker: the log did not take its last lines in time");
        }
    }
}

/// Opens the log and starts its thread.
///
/// # Errors
/// [`AuditError`] if the file can't be opened, the thread not started, or the log is open already.
pub fn init(settings: &LogSettings) -> Result<Handle, AuditError> {
    let writer = Writer::open(&settings.file, settings.format)
        .map_err(|error| AuditError::Open(settings.file.clone(), error))?;
    let queue = Arc::new(Queue::default());
    QUEUE.set(Arc::clone(&queue)).map_err(|_| AuditError::Twice)?;
    dispatch(settings.format).apply().map_err(|_| AuditError::Twice)?;
    log::set_max_level(settings.level);
    let for_writer = Arc::clone(&queue);
    thread::Builder::new()
        .name("secdocker-log".into())
        .spawn(move || writer.run(&for_writer))
        .map_err(AuditError::Thread)?;
    Ok(Handle { queue })
}

/// Our own records at every level that [`log::max_level`] lets through; of others, only warnings.
fn dispatch(format: Format) -> fern::Dispatch {
    fern::Dispatch::new()
        .level(log::LevelFilter::Warn)
        .level_for(TARGET, log::LevelFilter::Trace)
        .format(move |out, _message, record| {
            out.finish(format_args!("{}", Line { format, at: SystemTime::now(), record }));
        })
        .chain(fern::Output::call(|record| keep(record.args())))
}

/// Keeps a formatted line for this thread's next [`flush`].
fn keep(line: &fmt::Arguments<'_>) {
    LINES.with(|lines| {
        // Borrowed already: some `Display` logs while it is being logged. That line is dropped.
        if let Ok(mut lines) = lines.try_borrow_mut() {
            lines.push(line);
        }
    });
}

/// Records what happened on a client's connection.
pub fn record(client: &ClientId, event: &Event<'_>) {
    let fields = Fields { client, told: event };
    write_record(log_level(event.level()), event.message(), &fields);
}

/// Records what has waited to be written of a client's connection.
pub fn record_all(client: &ClientId, records: &mut Records) {
    if records.is_empty() {
        return;
    }
    records.take(|level, message, told| {
        write_record(log_level(level), message, &Fields { client, told });
    });
}

/// The least important level that is written.
#[must_use]
pub fn level() -> Option<Level> {
    match log::max_level() {
        log::LevelFilter::Off => None,
        log::LevelFilter::Error => Some(Level::Error),
        log::LevelFilter::Warn => Some(Level::Warn),
        log::LevelFilter::Info => Some(Level::Info),
        log::LevelFilter::Debug | log::LevelFilter::Trace => Some(Level::Debug),
    }
}

fn log_level(level: Level) -> log::Level {
    match level {
        Level::Error => log::Level::Error,
        Level::Warn => log::Level::Warn,
        Level::Info => log::Level::Info,
        Level::Debug => log::Level::Debug,
    }
}

/// Records what happened to SecDocker itself.
pub fn announce(notice: &Notice<'_>) {
    write_record(notice.level(), notice.message(), notice);
}

fn write_record(level: log::Level, message: &str, fields: &dyn log::kv::Source) {
    if level > log::max_level() {
        return;
    }
    let builder = &mut log::Record::builder();
    let builder = builder.level(level).target(TARGET).key_values(&fields);
    log::logger().log(&builder.args(format_args!("{message}")).build());
}

/// How many lines were lost since the start, because the disk did not take them, or not in time.
#[must_use]
pub fn lines_lost() -> u64 {
    QUEUE.get().map_or(0, |queue| queue.lost_altogether())
}

/// From now on this thread's lines gather until it calls [`flush`]: for loops, once per turn.
pub fn gather() {
    LINES.with(|lines| lines.borrow_mut().gathers = true);
}

/// Writes what all threads have handed over, and nothing after it, for five seconds at most: where the
/// process ends without the owner of the [`Handle`].
pub fn finish() {
    flush();
    if let Some(queue) = QUEUE.get() {
        // Nothing is left to do if it takes longer.
        let _ = queue.stop(STOP_TIME);
    }
}

/// Hands this thread's lines to the writing thread. Never waits for the disk.
pub fn flush() {
    LINES.with(|lines| lines.borrow_mut().hand_over());
}
