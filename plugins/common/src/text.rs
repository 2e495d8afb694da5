//! Text of others in URLs and messages.

use std::fmt::Write;

/// How much of a server's or client's text a message shows, in characters.
const SHOWN_CHARS_MAX: usize = 200;

/// Text of somebody else for a message: on one line, escaped, and not long.
pub fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The beginning of a server's answer for a message.
pub fn shown_bytes(bytes: &[u8]) -> String {
    shown(String::from_utf8_lossy(bytes).trim())
}

/// One segment of a path, or one value of a query (RFC 3986 §2.3: all but unreserved characters become
/// `%XX`).
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_on_its_line_and_in_its_place() {
        assert_eq!(shown("a\n\"b\"\u{1b}"), "a\\n\\\"b\\\"\\u{1b}");
        assert_eq!(shown(&"x".repeat(300)).chars().count(), 201);
        assert_eq!(encoded("a/b?c#d&e=f \"é"), "a%2Fb%3Fc%23d%26e%3Df%20%22%C3%A9");
        assert_eq!(encoded("sha256:0-_.~"), "sha256%3A0-_.~");
    }
}
