//! Text from outside, so written that it can neither end a line nor change how one looks.
//!
//! Knows nothing of what the text means. One form of escape serves logfmt and JSON: `\"`, `\\`,
//! `\n`, `\r`, `\t` and `\u001b`.

use std::fmt::{self, Write};

/// The bytes of one value that reach the log; what is longer is cut, and said to be.
pub(super) const VALUE_BYTES_MAX: usize = 4096;

/// As much of a value as is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounded<'a> {
    text: &'a str,
    /// Bytes of the value that came after the bound was met.
    dropped: usize,
}

impl<'a> Bounded<'a> {
    pub(super) fn new(value: &'a str) -> Self {
        let text = within(VALUE_BYTES_MAX, value);
        Self { text, dropped: value.len() - text.len() }
    }
}

/// Takes a value that is being formatted, and keeps no more of it than is written. Its memory is
/// used again.
#[derive(Debug, Default)]
pub(super) struct Shown {
    text: String,
    dropped: usize,
}

impl Shown {
    pub(super) const fn new() -> Self {
        Self { text: String::new(), dropped: 0 }
    }

    /// Formats `value` in place of what was there.
    pub(super) fn show(&mut self, value: &dyn fmt::Display) -> Result<Bounded<'_>, fmt::Error> {
        self.text.clear();
        self.dropped = 0;
        write!(self, "{value}")?;
        Ok(Bounded { text: &self.text, dropped: self.dropped })
    }
}

impl Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Once something was dropped, nothing that follows may close the gap.
        let room = if self.dropped == 0 { VALUE_BYTES_MAX - self.text.len() } else { 0 };
        let kept = within(room, text);
        self.text.push_str(kept);
        self.dropped += text.len() - kept.len();
        Ok(())
    }
}

/// What of `text` is no longer than `bytes`, cut between characters.
fn within(bytes: usize, text: &str) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// Whether a value can stand in a logfmt line as it is, without quotes. It is asked in the same
/// alphabet as logrus has, so that tools that read its lines read ours.
pub(super) fn is_plain(value: Bounded<'_>) -> bool {
    found_in(value.text) & NOT_PLAIN == 0 && !value.text.is_empty() && value.dropped == 0
}

/// A byte that a logfmt line has within quotes only.
const NOT_PLAIN: u8 = 1;
/// One that does not stand for itself, or may be part of a character that does not.
const ODD: u8 = 2;

/// What each byte is of these.
#[expect(clippy::indexing_slicing, reason = "what is out of bounds does not compile")]
static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte <= u8::MAX as usize {
        let is_plain = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'-' | b'.' | b'_' | b'/' | b'@' | b'^' | b'+');
        let is_clear = matches!(byte as u8, b' '..=b'~') && !matches!(byte as u8, b'"' | b'\\');
        bytes[byte] = if is_plain { 0 } else { NOT_PLAIN } | if is_clear { 0 } else { ODD };
        byte += 1;
    }
    bytes
};

fn is_odd(byte: u8) -> bool {
    found_in_byte(byte) & ODD != 0
}

fn found_in_byte(byte: u8) -> u8 {
    BYTES.get(usize::from(byte)).copied().unwrap_or(NOT_PLAIN | ODD)
}

/// What any byte of a text is. A line is mostly short texts, without a way out of the loop.
fn found_in(text: &str) -> u8 {
    text.bytes().fold(0, |found, byte| found | found_in_byte(byte))
}

/// Writes a value that [`is_plain`].
pub(super) fn write_plain(out: &mut String, value: Bounded<'_>) {
    debug_assert!(is_plain(value), "it would change how the line looks");
    out.push_str(value.text);
}

/// Writes a value escaped, without quotes around it.
pub(super) fn write_escaped(out: &mut String, value: Bounded<'_>) {
    let mut rest = value.text;
    while let Some((at, odd)) = first_odd(rest) {
        let (clear, from_odd) = rest.split_at(at);
        out.push_str(clear);
        write_escape(out, odd);
        rest = from_odd.get(odd.len_utf8()..).unwrap_or_default();
    }
    out.push_str(rest);
    if value.dropped > 0 {
        out.push_str(&format!("... ({} bytes more)", value.dropped));
    }
}

/// The first character that does not stand for itself, and where it is.
fn first_odd(text: &str) -> Option<(usize, char)> {
    if found_in(text) & ODD == 0 {
        return None;
    }
    let from = text.bytes().position(is_odd)?;
    let mut characters = text.get(from..)?.char_indices();
    let (at, odd) = characters.find(|(_, character)| !stands_for_itself(*character))?;
    Some((from + at, odd))
}

/// Printable, and neither a quote nor a backslash. Controls, line and paragraph separators, format
/// characters (the bidirectional ones among them) and odd spaces are not printable.
fn stands_for_itself(c: char) -> bool {
    match c {
        '"' | '\\' => false,
        ' '..='~' => true,
        _ => c.escape_debug().len() == 1,
    }
}

fn write_escape(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        write_escaped(&mut out, Bounded::new(text));
        out
    }

    #[test]
    fn what_could_forge_a_line_is_escaped() {
        let table = [
            ("plain", "plain"),
            ("/a b?c=d&e='f'", "/a b?c=d&e='f'"),
            ("a\nlevel=info", r"a\nlevel=info"),
            ("\r\n\t", r"\r\n\t"),
            (r#"" msg="x"#, r#"\" msg=\"x"#),
            (r"\n", r"\\n"),
            ("\0\x1b[31m\x7f", r"\u0000\u001b[31m\u007f"),
            ("\u{85}\u{2028}\u{2029}", r"\u0085\u2028\u2029"),
            ("\u{202e}\u{2066}\u{200f}\u{61c}", r"\u202e\u2066\u200f\u061c"),
            ("\u{200b}\u{feff}\u{a0}\u{ad}", r"\u200b\ufeff\u00a0\u00ad"),
            ("\u{e0041}", r"\udb40\udc41"),
            ("grün 鯨 🐳", "grün 鯨 🐳"),
            ("a\u{301}", r"a\u0301"),
        ];
        for (text, expected) in table {
            assert_eq!(escaped(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_the_plain_stands_without_quotes() {
        let table = [
            ("GET", true),
            ("/v1.41/containers/json", true),
            ("10.0.0.1", true),
            ("", false),
            ("a b", false),
            ("a=b", false),
            ("a\"b", false),
            ("10.0.0.1:80", false),
            ("ü", false),
        ];
        for (text, expected) in table {
            assert_eq!(is_plain(Bounded::new(text)), expected, "{text:?}");
        }
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        assert!(is_plain(Bounded::new(&long[1..])));
        assert!(!is_plain(Bounded::new(&long)), "it is to be cut");
    }

    #[test]
    fn a_long_value_is_cut_between_characters_and_says_so() {
        let text = format!("{}ü{}", "x".repeat(VALUE_BYTES_MAX - 1), "y".repeat(10));
        let expected = format!("{}... (12 bytes more)", "x".repeat(VALUE_BYTES_MAX - 1));
        assert_eq!(escaped(&text), expected);
        let exact = "x".repeat(VALUE_BYTES_MAX);
        assert_eq!(escaped(&exact), exact);
        // What is formatted in pieces is cut in the same place, and no later piece closes the gap.
        let pieces = format_args!("{}ü{}", &exact[1..], "yyyyyyyyyy").to_string();
        let mut shown = Shown::new();
        assert_eq!(
            shown.show(&format_args!("{}ü{}", &exact[1..], "yyyyyyyyyy")),
            Ok(Bounded::new(&pieces))
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_quotes(text in ".{0,200}|\\PC{0,50}") {
            let quoted = format!("\"{}\"", escaped(&text));
            prop_assert!(!quoted.chars().any(char::is_control));
            // Our escapes are JSON's: reading them gives the text back, so nothing was lost either.
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }
}
