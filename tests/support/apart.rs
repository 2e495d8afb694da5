//! Files whose writer is a process of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a file that nothing holds open any more when this returns.
///
/// A descriptor of this process may be in a child that another thread is starting just now, until that child runs its
/// program: whoever waits for the file's last close would hear of it much later.
#[track_caller]
#[allow(dead_code, reason = "each test binary uses its own part")]
pub(crate) fn write_apart(path: &Path, text: &str) {
    let mut writer = Command::new("tee");
    let mut writer = writer.arg(path).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success(), "{}", path.display());
}
