//! Messages of BuildKit's, by the numbers of their fields.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::cli::PATH;

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

pub(crate) fn number(field: u32, number: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(number)].concat()
}

pub(crate) fn bytes(field: u32, bytes: &[u8]) -> Vec<u8> {
    [varint(u64::from(field) << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

pub(crate) fn text(field: u32, text: &str) -> Vec<u8> {
    bytes(field, text.as_bytes())
}

pub(crate) fn entry(field: u32, key: &str, value: &str) -> Vec<u8> {
    bytes(field, &[text(1, key), text(2, value)].concat())
}

/// `Op { source { identifier } }`
pub(crate) fn source(identifier: &str) -> Vec<u8> {
    bytes(3, &text(1, identifier))
}

/// A step upon `base`: `Op { inputs, exec { meta, mounts, network, security } }`
pub(crate) fn step(base: &[u8], arguments: &[&str], network: u64, security: u64) -> Vec<u8> {
    let meta: Vec<u8> = arguments.iter().flat_map(|argument| text(1, argument)).collect();
    let meta = [meta, text(2, "PATH=/bin"), text(3, "/")].concat();
    let mount = [number(1, 0), text(3, "/"), number(4, 0)].concat();
    let more = |field, value| if value == 0 { Vec::new() } else { number(field, value) };
    let exec = [bytes(1, &meta), bytes(2, &mount), more(3, network), more(4, security)].concat();
    [input(base), bytes(2, &exec)].concat()
}

/// A file of this content upon nothing.
pub(crate) fn file_alone(content: &[u8]) -> Vec<u8> {
    let mkfile = [text(1, "/f"), number(2, 0o644), bytes(3, content)].concat();
    // Output 0 is the result.
    let action = [number(1, u64::MAX), number(2, u64::MAX), number(3, 0), bytes(5, &mkfile)];
    bytes(4, &bytes(2, &action.concat()))
}

/// Instructions that are read from the file that `made` has: `Op { inputs, build { builder, inputs, attrs } }`
pub(crate) fn nested(made: &[u8]) -> Vec<u8> {
    let read_from =
        bytes(2, &[text(1, "buildkit.llb.definition"), bytes(2, &number(1, 0))].concat());
    let build = [number(1, u64::MAX), read_from, entry(4, "llbbuild.filename", "/f")].concat();
    [input(made), bytes(5, &build)].concat()
}

/// A step upon `base` in this control group.
pub(crate) fn step_in(base: &[u8], arguments: &[&str], group: &str) -> Vec<u8> {
    let meta: Vec<u8> = arguments.iter().flat_map(|argument| text(1, argument)).collect();
    let meta = [meta, text(2, "PATH=/bin"), text(3, "/"), text(10, group)].concat();
    let mount = [number(1, 0), text(3, "/"), number(4, 0)].concat();
    [input(base), bytes(2, &[bytes(1, &meta), bytes(2, &mount)].concat())].concat()
}

/// A file of this content upon `base`: `Op { inputs, file { actions { mkfile } } }`
pub(crate) fn file(base: &[u8], content: &[u8]) -> Vec<u8> {
    let mkfile = [text(1, "/f"), number(2, 0o644), bytes(3, content)].concat();
    let action = [number(1, 0), number(2, u64::MAX), bytes(5, &mkfile)].concat();
    [input(base), bytes(4, &bytes(2, &action))].concat()
}

fn input(op: &[u8]) -> Vec<u8> {
    bytes(1, &text(1, &digest(op)))
}

/// `Definition`, of steps of which the last is the result.
pub(crate) fn definition(ops: &[&[u8]]) -> Vec<u8> {
    let all: Vec<u8> = ops.iter().flat_map(|op| bytes(1, op)).collect();
    [all, bytes(1, &input(ops[ops.len() - 1]))].concat()
}

/// `SolveRequest` of this definition, by a name of its own, with more fields.
pub(crate) fn solve(definition: &[u8], more: &[u8]) -> Vec<u8> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("test{}x{number}", std::process::id());
    [text(1, &name), bytes(2, definition), more.to_vec()].concat()
}

/// One that runs a step in an image.
pub(crate) fn runs(identifier: &str, more: &[u8]) -> Vec<u8> {
    let base = source(identifier);
    let step = step(&base, &["/bin/cat", "/who"], 0, 0);
    solve(&definition(&[&base, &step]), more)
}

/// `SourcePolicy { version, rules { action, selector { identifier, match_type } } }` with a wildcard.
pub(crate) fn policy(action: u64, identifier: &str, converts_to: Option<&str>) -> Vec<u8> {
    let selector = [text(1, identifier), number(2, 0)].concat();
    let updates = converts_to.map(|to| bytes(3, &text(1, to))).unwrap_or_default();
    [number(1, 1), bytes(2, &[number(1, action), bytes(2, &selector), updates].concat())].concat()
}

fn digest(op: &[u8]) -> String {
    use std::io::Write;
    let mut command = Command::new("sha256sum");
    command.env("PATH", PATH).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(op).unwrap();
    let said = child.wait_with_output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    format!("sha256:{}", said.split(' ').next().unwrap())
}
