//! `config.yml` to [`Settings`]: what is wrong with a file is said with file, line and key.
//!
//! ```text
//! text ─ document: one, no key twice ─ schema: known keys, right shapes ─ validate: values ─► Settings
//! ```
//! Knows nothing of connections. [`reload`] sees that the file has changed; who asks for the new
//! settings decides what to do when they are broken.

mod account;
mod address;
mod ceilings;
mod checker;
mod clients;
mod document;
mod endpoints;
mod error;
mod exceptions;
mod host;
mod inherit;
mod limits;
mod listen;
mod locate;
mod log;
mod metrics;
pub mod plugins;
pub mod reload;
mod rules;
mod schema;
mod seccomp;
mod settings;
mod tls;
mod units;
mod validate;
mod variables;

use std::fs;
use std::io::Read;
use std::path::Path;

pub use address::{AddressError, TcpListen, UpstreamAddress};
pub use clients::{ClientSettings, Clients, Rest, uid};
pub use endpoints::PRESETS;
pub use error::{At, ConfigError, Mistake};
pub use settings::{
    Account, Limits, Listen, MetricsAddress, MetricsListen, Overrides, Sandbox, Settings,
    UnixListen, UpstreamTls,
};
pub use variables::Variables;

/// The JSON Schema of `config.yml`: its keys, what each is for, and the shapes of values.
pub const SCHEMA: &str = include_str!("schema.json");

/// The largest `config.yml` that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads, checks and completes the file at `path`.
///
/// # Errors
/// [`ConfigError`] if it can't be read, with every mistake in it otherwise.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Settings, ConfigError> {
    let text = read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, folder, overrides)
        .map_err(|mistakes| ConfigError::Mistakes { file: path.to_owned(), mistakes })
}

/// Checks and completes a configuration; files that it names are looked for in `folder`.
fn parse(text: &str, folder: &Path, overrides: &Overrides) -> Result<Settings, Vec<Mistake>> {
    let file = document::read(text).map_err(|mistake| vec![mistake])?;
    validate::validate(text, &file, folder, overrides)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable { file: path.to_owned(), error };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ConfigError::TooLarge { file: path.to_owned(), bytes_max: FILE_BYTES_MAX });
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + memchr::memchr_iter(b'\n', valid).count();
        let mistakes = vec![Mistake::at_line(line, "the file is not UTF-8")];
        ConfigError::Mistakes { file: path.to_owned(), mistakes }
    })
}

#[cfg(test)]
mod tests;
