//! A folder and the built command in it: for the tests that need no daemon.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::disallowed_methods, reason = "tests wait for what they started")]
#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

#[path = "../support/apart.rs"]
mod apart;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

/// A folder of one test's own, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("secdocker-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        apart::write_apart(&self.path(name), text);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The command in this folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_secdocker")));
        command.args(arguments.split_whitespace()).current_dir(&self.0);
        command
    }

    /// Runs the command to its end: its exit status, what it printed and what it complained of.
    pub(crate) fn run(&self, arguments: &str, input: &str) -> (Option<i32>, String, String) {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads no input may be gone already.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Starts the proxy and waits until it says that it listens.
    pub(crate) fn start(&self, arguments: &str) -> Started<'_> {
        let mut child = self.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        Started { folder: self, child, greeting }
    }

    /// Looks again until the file holds the text.
    pub(crate) fn wait_for(&self, name: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.read(name).contains(text) {
            let found = self.read(name);
            assert!(Instant::now() < deadline, "no {text:?} in {name}:\n{found}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A running proxy, killed if a test fails before it has stopped.
pub(crate) struct Started<'a> {
    folder: &'a Folder,
    child: Child,
    pub(crate) greeting: String,
}

impl Started<'_> {
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    pub(crate) fn wait_for(&self, text: &str) {
        self.folder.wait_for("secdocker.log", text);
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
