//! Other programs: run to their end or kept in hand, always with a deadline.

use super::poll::{self, PATIENCE};
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The longest that a program may run: loading 100 MiB on a busy machine.
const RUN_MAX: Duration = Duration::from_secs(120);

/// What a program left behind.
pub(crate) struct Finished {
    pub(crate) line: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Finished {
    /// Its output, trimmed, if it succeeded.
    #[track_caller]
    pub(crate) fn ok(&self) -> String {
        assert!(self.status.success(), "{self}");
        self.text()
    }

    /// Its complaint, if it failed with this status.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32) -> String {
        assert_eq!(self.status.code(), Some(code), "{self}");
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }

    /// Status, output and complaints together, to compare two runs.
    pub(crate) fn all(&self) -> (Option<i32>, String, String) {
        let stderr = String::from_utf8_lossy(&self.stderr).into_owned();
        (self.status.code(), String::from_utf8_lossy(&self.stdout).into_owned(), stderr)
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "`{}` ended with {}", self.line, self.status)?;
        for (name, bytes) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let shown = bytes.get(..2000).unwrap_or(bytes);
            writeln!(f, "{name}: {}", String::from_utf8_lossy(shown))?;
        }
        Ok(())
    }
}

/// Runs without input until it ends, or is ended after so long: for what takes minutes.
#[track_caller]
pub(crate) fn run_for(command: &mut Command, at_most: Duration) -> Finished {
    let mut running = Running::start(command);
    running.close_stdin();
    running.finish_within(at_most).1
}

/// Runs to the end with `input` as standard input.
#[track_caller]
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Finished {
    let mut running = Running::start(command);
    // Fed beside the reading: a program may answer before it has read all.
    let mut stdin = running.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = thread::spawn(move || drop(stdin.write_all(&input)));
    let finished = running.finish();
    feeder.join().unwrap();
    finished
}

/// A program that is being talked to. Killed when dropped.
pub(crate) struct Running {
    line: String,
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
}

impl Running {
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Running {
        let line = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("can't run {line}: {e}"));
        Running {
            line,
            stdin: child.stdin.take(),
            stdout: Collected::from(child.stdout.take().unwrap()),
            stderr: Collected::from(child.stderr.take().unwrap()),
            child,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap_or_else(|e| panic!("{e}: `{}`", self.line));
    }

    /// Sends to what may have ended.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).and_then(|()| stdin.flush())
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits until its output holds `text`.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> String {
        poll::within(PATIENCE, || Some(self.output()).filter(|out| out.contains(text)))
            .unwrap_or_else(|| {
                let errors = String::from_utf8_lossy(&self.stderr.bytes()).into_owned();
                panic!("`{}` never said {text:?}: {:?} {errors:?}", self.line, self.output())
            })
    }

    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&self.stdout.bytes()).into_owned()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(self) -> Finished {
        let (ended, finished) = self.finish_within(RUN_MAX);
        assert!(ended, "no end within {RUN_MAX:?}: {finished}");
        finished
    }

    /// Waits so long for its end, then kills it; whether it ended by itself, and what it left behind.
    fn finish_within(mut self, at_most: Duration) -> (bool, Finished) {
        let status = poll::within(at_most, || self.child.try_wait().unwrap());
        if status.is_none() {
            drop(self.child.kill());
        }
        let finished = Finished {
            line: self.line.clone(),
            status: status.unwrap_or_else(|| self.child.wait().unwrap()),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        };
        (status.is_some(), finished)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A pipe's bytes so far, read by a thread.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Collected {
    fn from(mut pipe: impl Read + Send + 'static) -> Collected {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = pipe.read(&mut piece) {
                shared.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Collected { bytes, reader: Some(reader) }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    fn all(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        std::mem::take(&mut *self.bytes.lock().unwrap())
    }
}
