//! A request target as the log may show it: without the secrets that a query can carry.
//!
//! Query parameters of the Engine API whose values are never written: `buildargs` (build arguments),
//! `changes` (Dockerfile instructions, `ENV` among them), `remote` and `fromSrc` (addresses that may
//! hold a password or be signed); and any parameter that calls itself a token, a password, a secret
//! or a credential. Headers and bodies never come near the log, so `X-Registry-Auth` doesn't either.

use std::fmt;

/// A request target that prints with the values of secret query parameters replaced by `***`.
#[derive(Debug, Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(query_at) = memchr::memchr(b'?', self.0.as_bytes()) else {
            return f.write_str(self.0);
        };
        let (path, query) = self.0.split_at(query_at + 1);
        f.write_str(path)?;
        // Old daemons also separate parameters with `;`.
        query.split_inclusive(['&', ';']).try_for_each(|parameter| write_parameter(f, parameter))
    }
}

/// Writes one `key=value`, with the separator that may follow it.
fn write_parameter(f: &mut fmt::Formatter<'_>, parameter: &str) -> fmt::Result {
    let Some((key, value)) = parameter.split_once('=') else {
        return f.write_str(parameter);
    };
    if !is_secret(key) {
        return f.write_str(parameter);
    }
    let separator = value.strip_prefix(value.trim_end_matches(['&', ';'])).unwrap_or_default();
    write!(f, "{key}=***{separator}")
}

/// Whether a key, which may be percent-encoded and in any case, names a secret.
fn is_secret(key: &str) -> bool {
    const WHOLE: [&str; 4] = ["buildargs", "changes", "remote", "fromsrc"];
    const WITHIN: [&str; 6] =
        ["token", "passw", "secret", "credential", "registry-auth", "authconfig"];
    // Decoding makes no key longer.
    const SHORTEST: usize = 5;
    if key.len() < SHORTEST {
        return false;
    }
    let plain = Decoded(key.as_bytes()).map(|byte| byte.to_ascii_lowercase());
    WHOLE.iter().any(|name| plain.clone().eq(name.bytes()))
        || WITHIN.iter().any(|name| contains(plain.clone(), name))
}

fn contains(mut haystack: impl Iterator<Item = u8> + Clone, needle: &str) -> bool {
    loop {
        if needle.bytes().eq(haystack.clone().take(needle.len())) {
            return true;
        }
        if haystack.next().is_none() {
            return false;
        }
    }
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
    fn secrets_in_the_query_are_not_shown() {
        let table = [
            ("/containers/json", "/containers/json"),
            ("/containers/json?all=1", "/containers/json?all=1"),
            ("/build?t=a&buildargs=%7B%22K%22%3A1%7D&q=1", "/build?t=a&buildargs=***&q=1"),
            ("/build?build%61rgs=x", "/build?build%61rgs=***"),
            ("/build?BuildArgs=x;t=a", "/build?BuildArgs=***;t=a"),
            ("/build?buildargs=a?b=c", "/build?buildargs=***"),
            ("/build?buildargs=a&&buildargs=b&", "/build?buildargs=***&&buildargs=***&"),
            ("/commit?changes=ENV%20P%3Dx", "/commit?changes=***"),
            ("/build?remote=https://u:p@host/", "/build?remote=***"),
            ("/images/create?fromSrc=http://h/", "/images/create?fromSrc=***"),
            ("/images/create?fromImage=a&tag=b", "/images/create?fromImage=a&tag=b"),
            ("/x?X-Registry-Auth=abc", "/x?X-Registry-Auth=***"),
            ("/x?my_pass%77ord=abc", "/x?my_pass%77ord=***"),
            ("/x?token=a&passw=b&toke=c", "/x?token=***&passw=***&toke=c"),
            ("/x?a%=b&%zz=c&=d&e", "/x?a%=b&%zz=c&=d&e"),
            ("?", "?"),
        ];
        for (target, expected) in table {
            assert_eq!(Redacted(target).to_string(), expected, "{target}");
        }
    }
}
