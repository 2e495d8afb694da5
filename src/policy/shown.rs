//! Text of others in messages of ours: bounded, on one line, and never to be taken for our words.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// The most characters of a client's text that a message repeats.
const SHOWN_CHARS_MAX: usize = 200;

/// Shows plain text as it is, and anything else in quotes and escaped; the end of a long text is
/// left out. So `/x (rule "y"); mount of /z` in a path can't pass for a second violation.
pub(crate) struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = without_passwords(self.0);
        let (shown, rest) = cut(&masked);
        let is_plain = !shown.is_empty() && shown.bytes().all(is_plain);
        if is_plain {
            f.write_str(shown)?;
        } else {
            write!(f, "\"{}\"", shown.escape_debug())?;
        }
        mark(rest, f)
    }
}

/// Configured text in backticks and whole, so that it can't command the terminal.
pub(crate) struct Configured<'a>(pub &'a str);

impl fmt::Display for Configured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.escape_debug())
    }
}

/// One line for each of a list; an empty one allows nothing.
pub(in crate::policy) fn describe_list<'a>(
    out: &mut String,
    texts: impl Iterator<Item = &'a str>,
) -> fmt::Result {
    let before = out.len();
    for text in texts {
        writeln!(out, "- {}", Configured(text))?;
    }
    if out.len() == before { writeln!(out, "- none at all") } else { Ok(()) }
}

/// The same as [`Shown`] in backticks, as in messages about a value that means nothing.
pub(crate) struct InBackticks<'a>(pub &'a str);

impl fmt::Display for InBackticks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = without_passwords(self.0);
        let (shown, rest) = cut(&masked);
        f.write_char('`')?;
        for char in shown.chars() {
            match char {
                '`' => f.write_str("\\u{60}")?,
                _ => write!(f, "{}", char.escape_debug())?,
            }
        }
        f.write_char('`')?;
        mark(rest, f)
    }
}

/// Shows a sentence as it is, but for what would move, hide or turn other text on a terminal.
pub(crate) struct Sentence<'a>(pub &'a str);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match controls(char) {
            true => write!(f, "{}", char.escape_default()),
            false => f.write_char(char),
        })
    }
}

/// Control characters, line and paragraph separators, and what sets the direction of text.
fn controls(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// `user:password@host` without the two before the host. An `@` before a digest has nothing secret
/// before it.
pub(crate) fn without_passwords(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut parts = text.split('@');
    shown.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let begin = shown.rfind('/').map_or(0, |slash| slash + 1);
        let is_digest = part.starts_with("sha256:") || part.starts_with("sha512:");
        if !is_digest && shown.get(begin..).is_some_and(|before| before.contains(':')) {
            shown.truncate(begin);
            shown.push_str("***");
        }
        shown.push('@');
        shown.push_str(part);
    }
    Cow::Owned(shown)
}

fn cut(text: &str) -> (&str, &str) {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => text.split_at(at),
        None => (text, ""),
    }
}

fn mark(rest: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(if rest.is_empty() { "" } else { "..." })
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./:@=+,%~-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_text_stands_without_quotes() {
        let table = [
            ("/root/.ssh", "/root/.ssh"),
            ("seccomp=unconfined", "seccomp=unconfined"),
            ("", "\"\""),
            ("/a b", "\"/a b\""),
            ("/x\"); mount of /z", "\"/x\\\"); mount of /z\""),
            ("a\r\nb\0", "\"a\\r\\nb\\0\""),
            // Right-to-left override, line separator, terminal escape.
            ("a\u{202e}\u{2028}\u{1b}[2J", "\"a\\u{202e}\\u{2028}\\u{1b}[2J\""),
        ];
        for (text, shown) in table {
            assert_eq!(Shown(text).to_string(), shown);
        }
    }

    #[test]
    fn a_sentence_keeps_its_words_and_controls_nothing() {
        for text in ["6 of \"app:1\", limit 5", "it's größer \\ 大きい", ""] {
            assert_eq!(Sentence(text).to_string(), text);
        }
        let shown = Sentence("a\u{1b}[2J\r\n\u{9b}\u{202e}\u{2066}\u{61c}\u{2028}b").to_string();
        assert_eq!(shown, "a\\u{1b}[2J\\r\\n\\u{9b}\\u{202e}\\u{2066}\\u{61c}\\u{2028}b");
    }

    #[test]
    fn passwords_in_addresses_are_left_out() {
        for (text, shown) in [
            ("//user:secret@host/share", "//***@host/share"),
            ("user:secret@host/app:1", "***@host/app:1"),
            ("https://a:b:c@h/d:e@f", "https://***@h/***@f"),
            ("a:b@c@d", "***@c@d"),
            ("host:5000/app:1@sha256:abc", "host:5000/app:1@sha256:abc"),
            ("/var/lib/app@2", "/var/lib/app@2"),
            ("user@host", "user@host"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    #[test]
    fn long_text_is_cut() {
        let text = "ü".repeat(SHOWN_CHARS_MAX + 1);
        let shown = Shown(&text).to_string();
        assert_eq!(shown.chars().count(), SHOWN_CHARS_MAX + 5);
        assert!(shown.ends_with("\"..."));
    }

    #[test]
    fn backticks_end_where_we_end_them() {
        assert_eq!(InBackticks("a`\n").to_string(), "`a\\u{60}\\n`");
    }
}
