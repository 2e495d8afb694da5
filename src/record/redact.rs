//! A request target as the log may show it: without the secrets that it can carry.
//!
//! Shown are the path and the parameters that [`super::parameters`] lists for it, where their values look
//! as such values do. Everything else is `***`: other values, names that are no plain words, what looks
//! like a password before a host, and the host of a target in absolute form. Headers and bodies never
//! come near the log, so `X-Registry-Auth` doesn't either.

use std::fmt;

use super::parameters::may_show;

/// What stands in place of all that may be a secret.
const HIDDEN: &str = "***";
/// The longest name or value that is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 256;

/// A request target that prints without what may be a secret.
#[derive(Debug, Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = without_authority(self.0);
        let (path, query) = match memchr::memchr(b'?', target.as_bytes()) {
            Some(at) => target.split_at(at),
            None => (target, ""),
        };
        // Old daemons also separate parameters with `;`.
        let mut parameters = query.split(['?', '&', ';']);
        if is_plain_path(path) && parameters.all(|parameter| is_shown(path, parameter)) {
            return f.write_str(target);
        }
        write_path(f, path)?;
        query.split_inclusive(['?', '&', ';']).try_for_each(|part| {
            let parameter = part.trim_end_matches(['&', ';', '?']);
            write_parameter(f, path, parameter)?;
            f.write_str(part.get(parameter.len()..).unwrap_or_default())
        })
    }
}

/// What stands behind `scheme://user:password@host`.
fn without_authority(target: &str) -> &str {
    if target.starts_with('/') {
        return target;
    }
    match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find(['/', '?']).map_or("", |at| rest.get(at..).unwrap_or_default())
        }
        _ => target,
    }
}

/// Whether nothing in a path could be a query or a password.
fn is_plain_path(path: &str) -> bool {
    let path = path.as_bytes();
    memchr::memchr3(b'%', b'=', b'&', path).is_none()
        && memchr::memchr3(b';', b'#', b'@', path).is_none()
}

/// Writes a path up to where something like a query is encoded in it, or a password in a name.
fn write_path(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    if is_plain_path(path) {
        return f.write_str(path);
    }
    for (position, segment) in path.split('/').enumerate() {
        f.write_str(if position == 0 { "" } else { "/" })?;
        let mut decoded = Decoded(segment.as_bytes());
        if decoded.any(|byte| b"=?&;#".contains(&byte)) || names_password(segment) {
            return f.write_str(HIDDEN);
        }
        f.write_str(segment)?;
    }
    Ok(())
}

/// Writes one `key=value`.
fn write_parameter(f: &mut fmt::Formatter<'_>, path: &str, parameter: &str) -> fmt::Result {
    if is_shown(path, parameter) {
        return f.write_str(parameter);
    }
    match parameter.split_once('=') {
        None => f.write_str(HIDDEN),
        Some((key, _)) if is_word(key) => write!(f, "{key}={HIDDEN}"),
        Some(_) => write!(f, "{HIDDEN}={HIDDEN}"),
    }
}

/// Whether a parameter is written as it is.
fn is_shown(path: &str, parameter: &str) -> bool {
    match parameter.split_once('=') {
        None => is_word(parameter),
        Some((key, value)) => may_show(path, key) && is_showable(value),
    }
}

/// Whether a name is one as parameters have.
fn is_word(name: &str) -> bool {
    name.len() <= SHOWN_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether a value is a name, a number, a path, or a list of such.
fn is_showable(value: &str) -> bool {
    let mut decoded = Decoded(value.as_bytes());
    value.len() <= SHOWN_BYTES_MAX
        && decoded.all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@,+~* ".contains(&byte))
        && !value.as_bytes().windows(2).any(|pair| pair == b"//")
        && !names_password(value)
}

/// Whether something stands before an `@` that is not the name of an image with its digest.
fn names_password(text: &str) -> bool {
    if memchr::memchr2(b'@', b'%', text.as_bytes()).is_none() {
        return false;
    }
    let mut decoded = Decoded(text.as_bytes());
    while let Some(byte) = decoded.next() {
        let is_digest = |name: &[u8; 7]| decoded.clone().take(name.len()).eq(*name);
        if byte == b'@' && !is_digest(b"sha256:") && !is_digest(b"sha512:") {
            return true;
        }
    }
    false
}

/// The bytes of percent-encoded text; an escape that is none stands for itself.
#[derive(Clone)]
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match *self.0 {
            [] => return None,
            [b'%', high, low, ref rest @ ..] if both_hex(high, low).is_some() => {
                (both_hex(high, low)?, rest)
            }
            [byte, ref rest @ ..] => (byte, rest),
        };
        self.0 = rest;
        Some(byte)
    }
}

fn both_hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_no_secret_is_shown() {
        let table = [
            ("/containers/json", "/containers/json"),
            ("/containers/json?all=1&limit=", "/containers/json?all=1&limit="),
            ("/v1.41/containers/create?name=web", "/v1.41/containers/create?name=web"),
            (
                "/containers/create?name=web&Env=DB_PASSWORD%3Dx&HostConfig=%7B%22a%22%3A1%7D",
                "/containers/create?name=web&Env=***&HostConfig=***",
            ),
            ("/containers/create?Image=a&Name=x", "/containers/create?Image=***&Name=***"),
            ("/containers/create?DB_PASSWORD%3Dx", "/containers/create?***"),
            ("/containers/create?DB_PASSWORD%3Dx=y", "/containers/create?***=***"),
            ("/containers/create?%7B%22Env%22%3A1%7D=", "/containers/create?***=***"),
            ("/containers/create?n%61me=web", "/containers/create?***=***"),
            ("/%63ontainers/create?name=web", "/%63ontainers/create?name=***"),
            ("/containers/create?name=A%3Db", "/containers/create?name=***"),
            ("/build?t=a&buildargs=%7B%22K%22%3A1%7D&q=1", "/build?t=a&buildargs=***&q=1"),
            ("/build?build%61rgs=x", "/build?***=***"),
            ("/build?BuildArgs=x;t=a", "/build?BuildArgs=***;t=a"),
            ("/build?buildargs=a?b=c", "/build?buildargs=***?b=***"),
            ("/build?buildargs=a&&buildargs=b&", "/build?buildargs=***&&buildargs=***&"),
            ("/build?labels=x&remote=https://u:p@h/", "/build?labels=***&remote=***"),
            ("/build?t=https://u:p@h/", "/build?t=***"),
            ("/commit?changes=ENV%20P%3Dx&container=a", "/commit?changes=***&container=a"),
            ("/images/create?fromSrc=http://h/", "/images/create?fromSrc=***"),
            ("/images/create?fromImage=a/b&tag=1", "/images/create?fromImage=a/b&tag=1"),
            ("/images/create?fromImage=u%3Ap%40h/b", "/images/create?fromImage=***"),
            (
                "/images/create?fromImage=a%40sha256%3Aabc",
                "/images/create?fromImage=a%40sha256%3Aabc",
            ),
            ("/images/u:p@h/a/json", "/images/***"),
            ("/images/u:p@sha.example/a/json", "/images/***"),
            ("/images/a@sha256:ab/json", "/images/a@sha256:ab/json"),
            ("/networks?filters=x", "/networks?filters=***"),
            ("/x?X-Registry-Auth=abc", "/x?X-Registry-Auth=***"),
            ("/containers/x%3FEnv=secret/json", "/containers/***"),
            ("http://u:p@h/images/create?tag=1", "/images/create?tag=1"),
            ("http://u:p@h?tag=1", "?tag=***"),
            ("http://u:p@h", ""),
            ("/containers/a/http://u:p@h/json", "/containers/a/http://***"),
            ("/_ping?mark", "/_ping?mark"),
            ("/x?a%=b&%zz=c&=d&e", "/x?***=***&***=***&=***&e"),
            ("?", "?"),
        ];
        for (target, expected) in table {
            assert_eq!(Redacted(target).to_string(), expected, "{target}");
        }
    }
}
