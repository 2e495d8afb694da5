//! The request target: decoded once; plain, or odd in a way that has a name.
//!
//! Reads targets as Go's `url.ParseRequestURI` does, which is what the daemon uses: the query
//! begins at the first `?`, `#` is nothing special, a path that begins with `//` has no host, bytes
//! beyond ASCII stand for themselves, and every scheme will do. Narrower than Go in two places:
//! `scheme:/path` and `scheme:path` are refused, and of `scheme://authority` nothing is forwarded,
//! so it does not matter how anyone reads the authority.
//!
//! A target is odd if any reader known to us could see another path in it than the daemon does.
//! Odd targets are taken apart all the same; who calls decides what an oddity forbids.

use std::borrow::Cow;
use std::fmt;

/// A target of a form that names no path (RFC 9112 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// Neither a path nor `scheme://authority` with one.
    Form,
    /// A space or a control character, which the daemon refuses as well.
    Byte,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => {
                "the request target is neither a path nor an absolute URI (RFC 9112 §3.2)"
            }
            Self::Byte => "the request target has a byte that must be encoded (RFC 3986 §2)",
        })
    }
}

impl std::error::Error for TargetError {}

/// What makes a path readable in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oddity {
    /// An empty segment: `//`.
    EmptySegment,
    /// A segment `.` or `..`.
    DotSegment,
    /// A control character.
    Control,
    /// A `%` that is still there after decoding.
    Percent,
    /// A `%` without two hexadecimal digits.
    InvalidEscape,
    /// A `#`, in path or query, which some readers take for the end.
    Fragment,
    /// A `;`, behind which some readers see parameters of a segment.
    Semicolon,
    /// A space, which some readers trim.
    Space,
    /// A `\`, which some readers take for `/`.
    Backslash,
    /// A `?` that was encoded.
    QuestionMark,
    /// A byte beyond ASCII.
    NotAscii,
}

/// A request target, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// Path and query as they were sent, but for a path that was left out.
    forwarded: Cow<'a, str>,
    /// How long the path is in it, in bytes.
    path_bytes: usize,
    /// Where the query begins in it, behind its `?`.
    query_at: Option<usize>,
    /// The path, if it is written otherwise.
    decoded: Option<String>,
    oddity: Option<Oddity>,
}

impl Target<'_> {
    /// The path, decoded once.
    pub fn path(&self) -> &str {
        let written = || self.forwarded.get(..self.path_bytes).unwrap_or_default();
        self.decoded.as_deref().unwrap_or_else(written)
    }

    /// The query as it was sent, without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.forwarded.get(self.query_at?..)
    }

    /// What keeps the path from being plain, if anything.
    pub fn oddity(&self) -> Option<Oddity> {
        self.oddity
    }

    /// The target that goes to the daemon: path and query as they were sent.
    pub fn forwarded(&self) -> &str {
        &self.forwarded
    }

    /// The same, whatever becomes of the text that it was read from.
    #[must_use]
    pub fn into_owned(self) -> Target<'static> {
        Target { forwarded: Cow::Owned(self.forwarded.into_owned()), ..self }
    }
}

/// Takes a request target apart. A target in absolute form is reduced to its path.
///
/// # Errors
/// [`TargetError`] if it has no path at all, or a byte that cannot stand in any target.
pub fn parse(raw: &str) -> Result<Target<'_>, TargetError> {
    if raw.bytes().any(|byte| byte == b' ' || byte.is_ascii_control()) {
        return Err(TargetError::Byte);
    }
    if raw == "*" {
        let forwarded = Cow::Borrowed(raw);
        return Ok(Target {
            forwarded,
            path_bytes: raw.len(),
            query_at: None,
            decoded: None,
            oddity: None,
        });
    }
    let origin = origin_form(raw)?;
    let forwarded = match origin {
        "" => Cow::Borrowed("/"),
        _ if origin.starts_with('?') => Cow::Owned(format!("/{origin}")),
        _ => Cow::Borrowed(origin),
    };
    let (encoded, query) = match forwarded.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&*forwarded, None),
    };
    let (path, escapes) = decode(encoded);
    let oddity = escapes.or_else(|| oddity_of(&path)).or_else(|| {
        let query = query.unwrap_or_default();
        query.contains('#').then_some(Oddity::Fragment)
    });
    let decoded = match path {
        Cow::Borrowed(_) => None,
        Cow::Owned(path) => Some(path),
    };
    let (path_bytes, query_at) = (encoded.len(), query.map(|_| encoded.len() + 1));
    Ok(Target { forwarded, path_bytes, query_at, decoded, oddity })
}

/// What stands behind `scheme://authority`; all of it if that is absent. May lack its first `/`.
fn origin_form(raw: &str) -> Result<&str, TargetError> {
    if raw.starts_with('/') {
        return Ok(raw);
    }
    let (scheme, rest) = raw.split_once("://").ok_or(TargetError::Form)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        return Err(TargetError::Form);
    }
    Ok(rest.find(['/', '?']).map_or("", |at| rest.split_at(at).1))
}

/// Decodes `%xx` once. What is no escape stays as it is, and is said.
fn decode(encoded: &str) -> (Cow<'_, str>, Option<Oddity>) {
    if !encoded.contains('%') {
        return (Cow::Borrowed(encoded), None);
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut oddity = None;
    let mut rest = encoded.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, escaped(behind)) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'%', None) => {
                oddity = Some(Oddity::InvalidEscape);
                bytes.push(byte);
            }
            _ => bytes.push(byte),
        }
    }
    match String::from_utf8(bytes) {
        Ok(path) => (Cow::Owned(path), oddity),
        Err(error) => {
            let path = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (Cow::Owned(path), Some(Oddity::NotAscii))
        }
    }
}

fn escaped(behind: &[u8]) -> Option<u8> {
    let [high, low, ..] = behind else { return None };
    Some(hex(*high)? * 16 + hex(*low)?)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn oddity_of(path: &str) -> Option<Oddity> {
    debug_assert!(path.starts_with('/'), "a path begins with a slash");
    let in_bytes = path.bytes().find_map(|byte| match byte {
        0x80.. => Some(Oddity::NotAscii),
        b'%' => Some(Oddity::Percent),
        b'#' => Some(Oddity::Fragment),
        b'\\' => Some(Oddity::Backslash),
        b'?' => Some(Oddity::QuestionMark),
        b';' => Some(Oddity::Semicolon),
        b' ' => Some(Oddity::Space),
        byte if byte.is_ascii_control() => Some(Oddity::Control),
        _ => None,
    });
    let in_segments = || {
        let mut segments = path.split('/').skip(1);
        segments.find_map(|segment| match segment {
            "" if path != "/" => Some(Oddity::EmptySegment),
            "." | ".." => Some(Oddity::DotSegment),
            _ => None,
        })
    };
    in_bytes.or_else(in_segments)
}

/// A query that cannot be taken apart as Go's `url.ParseQuery` does without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryError {
    /// A `;`, which once separated parameters.
    Semicolon,
    /// A `%` without two hexadecimal digits.
    Escape,
    /// Bytes that are not UTF-8 once decoded.
    NotText,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Semicolon => "the query has a semicolon",
            Self::Escape => "the query has an invalid escape",
            Self::NotText => "the query is not text",
        })
    }
}

impl std::error::Error for QueryError {}

/// The parameters of a query in their order, decoded (`+` is a space).
///
/// # Errors
/// An item is an error where Go's `url.ParseQuery` would report one, or where it is not text.
pub fn query_pairs(query: &str) -> impl Iterator<Item = Result<(String, String), QueryError>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        if pair.contains(';') {
            return Err(QueryError::Semicolon);
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode_query(key)?, decode_query(value)?))
    })
}

fn decode_query(text: &str) -> Result<String, QueryError> {
    let spaced = text.replace('+', " ");
    match decode(&spaced) {
        (_, Some(Oddity::InvalidEscape)) => Err(QueryError::Escape),
        (_, Some(_)) => Err(QueryError::NotText),
        (decoded, None) => Ok(decoded.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_targets() {
        let table = [
            ("/", "/", None, "/"),
            ("/a/b?c=d?e", "/a/b", Some("c=d?e"), "/a/b?c=d?e"),
            ("/a?x;y//./%zz\\ä", "/a", Some("x;y//./%zz\\ä"), "/a?x;y//./%zz\\ä"),
            ("/a?", "/a", Some(""), "/a?"),
            ("/%63reate", "/create", None, "/%63reate"),
            ("/a%2fb", "/a/b", None, "/a%2fb"),
            ("/a+b:c@d,e", "/a+b:c@d,e", None, "/a+b:c@d,e"),
            ("http://x/a", "/a", None, "/a"),
            ("HTTPS://u:p@x:1/a?b", "/a", Some("b"), "/a?b"),
            ("x-y.z+1:///a", "/a", None, "/a"),
            ("http://x#\\y%/a", "/a", None, "/a"),
            ("http://x", "/", None, "/"),
            ("http://x?y/a", "/", Some("y/a"), "/?y/a"),
            ("*", "*", None, "*"),
        ];
        for (raw, path, query, forwarded) in table {
            let target = parse(raw).unwrap();
            assert_eq!(target.oddity(), None, "{raw}");
            assert_eq!((target.path(), target.query()), (path, query), "{raw}");
            assert_eq!(target.forwarded(), forwarded, "{raw}");
        }
    }

    #[test]
    fn odd_targets() {
        let table = [
            ("//a", Oddity::EmptySegment),
            ("/a//b", Oddity::EmptySegment),
            ("/a/", Oddity::EmptySegment),
            ("/a%2f", Oddity::EmptySegment),
            ("http://x//a", Oddity::EmptySegment),
            ("/a/./b", Oddity::DotSegment),
            ("/a/%2e%2e/b", Oddity::DotSegment),
            ("/a%00", Oddity::Control),
            ("/a%0a", Oddity::Control),
            ("/a%7f", Oddity::Control),
            ("/a;b", Oddity::Semicolon),
            ("/a%3Bb", Oddity::Semicolon),
            ("/a%20", Oddity::Space),
            ("/a\\b", Oddity::Backslash),
            ("/ä", Oddity::NotAscii),
            ("/a?x#y", Oddity::Fragment),
            ("/a%2563", Oddity::Percent),
            ("/a%zz", Oddity::InvalidEscape),
            ("/a%6", Oddity::InvalidEscape),
            ("/a#b", Oddity::Fragment),
            ("/a%23b", Oddity::Fragment),
            ("/a%3fb", Oddity::QuestionMark),
            ("/a%5cb", Oddity::Backslash),
            ("/a%ff", Oddity::NotAscii),
            ("/a%c3%a4", Oddity::NotAscii),
        ];
        for (raw, oddity) in table {
            assert_eq!(parse(raw).unwrap().oddity(), Some(oddity), "{raw}");
        }
    }

    #[test]
    fn what_is_no_target() {
        let table = [
            ("", TargetError::Form),
            ("host:80", TargetError::Form),
            ("containers/create", TargetError::Form),
            ("://x/a", TargetError::Form),
            ("1http://x/a", TargetError::Form),
            ("http:/a", TargetError::Form),
            ("http:a", TargetError::Form),
            ("http:/a://b", TargetError::Form),
            ("a?b://c", TargetError::Form),
            ("**", TargetError::Form),
            ("/\t", TargetError::Byte),
            ("/a?b\x7f", TargetError::Byte),
            ("/a b", TargetError::Byte),
        ];
        for (raw, error) in table {
            assert_eq!(parse(raw), Err(error), "{raw:?}");
        }
    }

    #[test]
    fn queries() {
        let pairs = |query| query_pairs(query).collect::<Result<Vec<_>, _>>();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            pairs("a=b+c&&d&e=%3d="),
            Ok(vec![pair("a", "b c"), pair("d", ""), pair("e", "==")])
        );
        assert_eq!(pairs("a;b"), Err(QueryError::Semicolon));
        assert_eq!(pairs("a=%"), Err(QueryError::Escape));
        assert_eq!(pairs("a=%ff"), Err(QueryError::NotText));
    }

    proptest! {
        #[test]
        fn what_is_forwarded_is_what_was_read(
            raw in prop_oneof!["\\PC{0,40}", "([a-z+]{0,3}:?/{0,2})[a-z/.%0-9?#;:@\\\\*ä]{0,20}"],
        ) {
            if let Ok(target) = parse(&raw) {
                prop_assert!(target.path().starts_with('/') || raw == "*");
                prop_assert_eq!(&parse(target.forwarded()).unwrap(), &target);
                let _ = target.query().map(|query| query_pairs(query).count());
            }
        }
    }
}
