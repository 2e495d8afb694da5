//! Text from outside, so written that it can neither end a line nor change how one looks.
//!
//! Knows nothing of what the text means. One form of escape serves logfmt and JSON: `\"`, `\\`,
//! `\n`, `\r`, `\t` and `\u001b`.

use std::fmt::{self, Write};

/// The bytes of one value that reach the log; what is longer is cut, and said to be.
pub(super) const VALUE_BYTES_MAX: usize = 4096;

/// Whether `value` can stand in a logfmt line without quotes. It is asked in the same alphabet as
/// logrus has, so that tools that read its lines read ours.
pub(super) fn is_plain(value: &dyn fmt::Display) -> bool {
    let mut seen = PlainUntilNow { empty: true };
    write!(seen, "{value}").is_ok() && !seen.empty
}

struct PlainUntilNow {
    empty: bool,
}

impl Write for PlainUntilNow {
    /// Fails at the first character that needs quotes, which ends the formatting early.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.empty &= text.is_empty();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/@^+".contains(&byte);
        if text.bytes().all(plain) { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Writes `value` escaped and bounded, without quotes around it.
pub(super) fn write_escaped(out: &mut dyn Write, value: &dyn fmt::Display) -> fmt::Result {
    let mut escaper = Escaper { out, left: VALUE_BYTES_MAX, dropped: 0 };
    write!(escaper, "{value}")?;
    match escaper.dropped {
        0 => Ok(()),
        dropped => write!(escaper.out, "... ({dropped} bytes more)"),
    }
}

struct Escaper<'a> {
    out: &'a mut dyn Write,
    /// Bytes of the original text that may still be written.
    left: usize,
    /// Bytes of the original text that came after the bound was met.
    dropped: usize,
}

impl Escaper<'_> {
    /// What of `text` is within the bound, cut between characters.
    fn within_bound<'t>(&mut self, text: &'t str) -> &'t str {
        // Once something was dropped, nothing that follows may close the gap.
        let room = if self.dropped == 0 { self.left } else { 0 };
        let end = (0..=room.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
        let kept = end.and_then(|end| text.get(..end)).unwrap_or_default();
        self.left -= kept.len();
        self.dropped += text.len() - kept.len();
        kept
    }
}

impl Write for Escaper<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = self.within_bound(text);
        while let Some(at) = rest.find(|c| !stands_for_itself(c)) {
            let (clear, from_odd) = rest.split_at(at);
            self.out.write_str(clear)?;
            let mut characters = from_odd.chars();
            if let Some(odd) = characters.next() {
                write_escape(self.out, odd)?;
            }
            rest = characters.as_str();
        }
        self.out.write_str(rest)
    }
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

fn write_escape(out: &mut dyn Write, c: char) -> fmt::Result {
    match c {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        _ => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        write_escaped(&mut out, &text).unwrap();
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
            assert_eq!(is_plain(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters_and_says_so() {
        let text = format!("{}ü{}", "x".repeat(VALUE_BYTES_MAX - 1), "y".repeat(10));
        let expected = format!("{}... (12 bytes more)", "x".repeat(VALUE_BYTES_MAX - 1));
        assert_eq!(escaped(&text), expected);
        let exact = "x".repeat(VALUE_BYTES_MAX);
        assert_eq!(escaped(&exact), exact);
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
