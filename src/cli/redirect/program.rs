//! Other programs, by argument vectors, never by a shell; their complaints in one line.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::error::RedirectError;

/// Where `nft`, `iptables` and `ip` are, for users without such a folder in their path.
const MORE_PATHS: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";

fn path() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    if !path.is_empty() {
        path.push(":");
    }
    path.push(MORE_PATHS);
    path
}

/// Whether there is such a program.
pub(super) fn is_installed(name: &str) -> bool {
    env::split_paths(&path()).any(|folder| Path::is_file(&folder.join(name)))
}

/// Runs a program to its end with `input`, and returns its output.
///
/// # Errors
/// [`RedirectError`] with its complaint if it fails.
pub(super) fn run(
    name: &'static str,
    arguments: &[&str],
    input: &str,
) -> Result<String, RedirectError> {
    let output = output(name, arguments, input).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => RedirectError::NoProgram(name),
        _ => RedirectError::Program(name.to_owned(), error.to_string()),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let is_forbidden = ["Operation not permitted", "Permission denied", "you must be root"];
    if is_forbidden.iter().any(|text| complaint.contains(text)) {
        return Err(RedirectError::NoPrivileges);
    }
    Err(RedirectError::Program(name.to_owned(), first_line(&complaint)))
}

/// What a program complained of, in one line.
fn first_line(complaint: &str) -> String {
    let mut lines = complaint.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = lines.find(|line| !line.starts_with('#')).unwrap_or("it failed without a word");
    telling.escape_debug().to_string()
}

fn output(name: &str, arguments: &[&str], input: &str) -> io::Result<Output> {
    let mut command = Command::new(name);
    command.args(arguments).env("PATH", path()).env("LC_ALL", "C");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that reads no input may be gone already; it tells why by itself. The input fits into a pipe.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}
