//! The `Content-Type` of a request, as far as two parsers can't differ about it.
//!
//! Go's `mime.ParseMediaType` trims and lower-cases by the rules of Unicode: `applİcation/json` and
//! one behind a no-break space are `application/json` to it. Here a media type is made of ASCII.

use std::fmt;

use super::head::{Headers, is_token};

/// `type/subtype` without parameters (RFC 9110 §8.3.1); shown in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType<'a>(&'a str);

/// A `Content-Type` that another parser could read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OddMediaType;

impl<'a> MediaType<'a> {
    /// What the first line of `Content-Type` says, which is the one that the daemon reads (Go
    /// `http.Header.Get`); nothing if there is none.
    ///
    /// # Errors
    /// [`OddMediaType`] if that has a byte that is neither visible ASCII nor white space, or is not
    /// made of two tokens.
    pub fn of(headers: &Headers<'a>) -> Result<Option<Self>, OddMediaType> {
        let first = headers.get_all("content-type").next();
        first.map(|value| Self::parse(value).ok_or(OddMediaType)).transpose()
    }

    fn parse(value: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok().filter(|text| text.is_ascii())?;
        let media_type = text.split(';').next()?.trim_matches([' ', '\t']);
        let (kind, subtype) = media_type.split_once('/')?;
        let is_name = |part: &str| !part.is_empty() && part.bytes().all(is_token);
        (is_name(kind) && is_name(subtype)).then_some(Self(media_type))
    }

    /// Whether it is this one, which is given in lower case.
    pub fn is(self, media_type: &str) -> bool {
        self.0.eq_ignore_ascii_case(media_type)
    }

    /// Whether it is one of several parts.
    pub fn is_multipart(self) -> bool {
        let kind = self.0.split('/').next().unwrap_or_default();
        kind.eq_ignore_ascii_case("multipart")
    }
}

impl fmt::Display for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.0.chars().try_for_each(|char| f.write_char(char.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_one_type_in_lower_case() {
        for (value, expected) in [
            ("application/json", Some("application/json")),
            (" Application/JSON\t; charset=\"a;b\"", Some("application/json")),
            ("application/vnd.docker.plugins+x;", Some("application/vnd.docker.plugins+x")),
            ("", None),
            (";", None),
            ("application", None),
            ("application/", None),
            ("/json", None),
            ("application/json/x", None),
            ("application /json", None),
            ("application/json, text/plain", None),
            ("application/json x", None),
            ("\"application/json\"", None),
            ("applİcation/json", None),
            ("application/ſtar", None),
            ("\u{a0}application/json", None),
            ("application/json\u{2003}", None),
            ("application/json\u{85};", None),
            ("application/json; x=\u{a0}", None),
            ("application/json\x0b", None),
        ] {
            let read = MediaType::parse(value.as_bytes()).map(|read| read.to_string());
            assert_eq!(read.as_deref(), expected, "{value:?}");
        }
        assert_eq!(MediaType::parse(b"application/json\xa0"), None);
    }
}
