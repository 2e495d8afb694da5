//! What a log driver reaches on the host.
//!
//! The daemon itself opens what a driver is told to: sockets of the host by `unix://` (`syslog`,
//! `fluentd`), and files such as certificates (`syslog-tls-*`, `splunk-capath`). Without an address
//! `syslog` writes to the host's own socket, which is the same as to name it. `json-file`, `local`
//! and `journald` have no option for a place: what they write, and where, is the daemon's matter. The
//! name of a driver that is not built in is a path.

use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects};
use crate::effects::volume_options::leads_out;
use crate::policy::effects::{AnyPath, FieldPath};

/// Options whose values are never opened, whatever they begin with.
const TEXTS: [&str; 7] =
    ["env", "env-regex", "labels", "labels-regex", "mode", "syslog-facility", "tag"];

const SYSLOG: &str = "syslog";
const SYSLOG_ADDRESS: &str = "syslog-address";
/// Where `syslog` writes without an address: the first of these that listens.
const SYSLOG_SOCKETS: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/// The fields of one log driver: where it stands in a body, and what its parts are called there.
pub(in crate::effects) struct Fields {
    /// The place of its name.
    pub name: &'static str,
    /// The place of its options.
    pub options: &'static str,
}

/// Adds the paths that a driver would open.
///
/// # Errors
/// [`BodyError`] for a name that leads out of the directories of plugins.
pub(in crate::effects) fn effects(
    (name, options): (&str, Option<&Object>),
    fields: &Fields,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    check_name(name, FieldPath::Field(fields.name))?;
    let address = options.and_then(|options| options.text(SYSLOG_ADDRESS)).unwrap_or_default();
    if name == SYSLOG && address.is_empty() {
        for socket in SYSLOG_SOCKETS {
            effects.push_path(socket, FieldPath::Field(fields.name))?;
        }
    }
    for (option, value) in options.into_iter().flat_map(Object::iter) {
        let value = value.as_text().unwrap_or_default();
        let place = || FieldPath::Entry(fields.options, option.to_owned());
        match path_of(value).filter(|_| !TEXTS.contains(&option)) {
            Some(Opened::Path(path)) => effects.push_path(path, place())?,
            Some(Opened::Any) => effects.push_any(AnyPath::Socket(value.to_owned()), place()),
            None => {}
        }
    }
    Ok(())
}

/// Refuses a name that leads out of the directories of plugins.
pub(in crate::effects) fn check_name(name: &str, at: FieldPath) -> Result<(), BodyError> {
    if !name.is_empty() && (name.contains('\0') || leads_out(name)) {
        let reason = "the name of a driver is a path".to_owned();
        return Err(BodyError::Value { at, reason });
    }
    Ok(())
}

/// What is opened by a value.
enum Opened<'a> {
    Path(&'a str),
    /// Any path could be meant.
    Any,
}

/// The path in an address or of a file. An address is a URL: `%72` is a letter of its path, and a
/// `?` ends it; nobody needs them, and any path could be meant.
fn path_of(value: &str) -> Option<Opened<'_>> {
    let (scheme, rest) = value.split_once(':').unwrap_or(("", value));
    let is_local = |known: &&str| scheme.eq_ignore_ascii_case(known);
    if !["unix", "unixgram", "unixpacket", "file"].iter().any(is_local) {
        return value.starts_with('/').then_some(Opened::Path(value));
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let is_plain = path.starts_with('/') && !path.contains(['%', '?', '#']);
    Some(if is_plain { Opened::Path(path) } else { Opened::Any })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_addresses() {
        for (value, expected) in [
            ("unix:///run/x.sock", Some("/run/x.sock")),
            ("UNIX:///run/x.sock", Some("/run/x.sock")),
            ("unixgram:///dev/log", Some("/dev/log")),
            ("unix:/run/x.sock", Some("/run/x.sock")),
            ("unix:///%72oot/x", Some("any")),
            ("unix:///root?x", Some("any")),
            // The first step is the name of a machine, and the path is the rest: not absolute here.
            ("unix://run/x.sock", Some("any")),
            ("/etc/ssl/ca.pem", Some("/etc/ssl/ca.pem")),
            ("tcp://10.0.0.1:514", None),
            ("localhost:24224", None),
            ("10m", None),
            ("", None),
        ] {
            let found = path_of(value).map(|opened| match opened {
                Opened::Path(path) => path,
                Opened::Any => "any",
            });
            assert_eq!(found, expected, "{value}");
        }
    }
}
