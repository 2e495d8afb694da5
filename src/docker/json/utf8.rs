//! Text of any bytes, as Go's `encoding/json` has it.
//!
//! Clients send names and variables in whatever bytes they found them. Go takes a byte that is no
//! UTF-8 for U+FFFD, each byte for one (`unicode/utf8.DecodeRune`), and `\ud83d` without its other half
//! likewise (`unquoteBytes`). So does this, before anything else looks at the body: what is judged and
//! forwarded is what the daemon would have made of it. Outside of strings either is a syntax error, and
//! so is what it becomes.

use std::borrow::Cow;

/// The escape that stands in the place of half a character.
const REPLACEMENT: &[u8] = b"\\ufffd";

/// A body as text; the same bytes where Go finds nothing to replace.
pub(super) fn as_go_reads(body: &[u8]) -> Cow<'_, str> {
    match text(body) {
        Cow::Borrowed(text) => without_halves(text).map_or(Cow::Borrowed(text), Cow::Owned),
        Cow::Owned(text) => Cow::Owned(without_halves(&text).unwrap_or(text)),
    }
}

/// `char::REPLACEMENT_CHARACTER` for each byte that is no UTF-8.
fn text(body: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(body.len() + body.len() / 8);
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        // The bytes of one sequence that breaks off are each no UTF-8 by themselves.
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// The same text with an escape of U+FFFD for each half of a character without the other one; `None` if
/// there is no such half.
fn without_halves(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut whole: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', bytes.get(at..)?) {
        let escape = at + found;
        at = match surrogate(bytes, escape) {
            Some(Half::High) if surrogate(bytes, escape + 6) == Some(Half::Low) => escape + 12,
            Some(_) => {
                let whole = whole.get_or_insert_with(|| bytes.to_vec());
                whole.get_mut(escape..escape + 6)?.copy_from_slice(REPLACEMENT);
                escape + 6
            }
            // What it escapes is no beginning of another escape.
            None => escape + 2,
        };
        if at >= bytes.len() {
            break;
        }
    }
    // One escape took the place of another, as long as it.
    whole.and_then(|whole| String::from_utf8(whole).ok())
}

/// Which half of a character beyond U+FFFF a `\uXXXX` is (UTF-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

fn surrogate(bytes: &[u8], at: usize) -> Option<Half> {
    let [b'\\', b'u', digits @ ..] = bytes.get(at..at + 6)? else { return None };
    let unit = digits
        .iter()
        .try_fold(0, |unit: u32, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))?;
    match unit {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_that_are_no_text_are_replaced_one_by_one() {
        for (body, read) in [
            (&b"\"J\xf6rg\""[..], "\"J\u{fffd}rg\""),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
            // A sequence that breaks off, by the end and by another byte.
            (b"\xe2\x82", "\u{fffd}\u{fffd}"),
            (b"\xe2\x82a", "\u{fffd}\u{fffd}a"),
            (b"\xf0\x9f\x98", "\u{fffd}\u{fffd}\u{fffd}"),
            // Too long a form of `/`, half a character, and one that Unicode does not have.
            (b"\xc0\xaf", "\u{fffd}\u{fffd}"),
            (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xe4\xb8\xad\xe4", "\u{4e2d}\u{fffd}"),
        ] {
            assert_eq!(as_go_reads(body), read, "{body:?}");
        }
    }

    #[test]
    fn halves_of_characters_are_replaced_and_pairs_stay() {
        for (body, read) in [
            (r#""J\udcf6rg""#, r#""J\ufffdrg""#),
            (r#""\uD83D\uDE00""#, r#""\uD83D\uDE00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r#""\ud83d\\ude00""#, r#""\ufffd\\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\"\ud83d\"""#, r#""\"\ufffd\"""#),
            (r#""\ud83d"#, r#""\ufffd"#),
            (r#""\ud83"#, r#""\ud83"#),
            (r#""\ud83g\udc00""#, r#""\ud83g\ufffd""#),
            (r#""\"#, r#""\"#),
            (r#""\u+d83\ud83d""#, r#""\u+d83\ufffd""#),
            ("\"\\ud83d\u{4e2d}\"", "\"\\ufffd\u{4e2d}\""),
        ] {
            assert_eq!(as_go_reads(body.as_bytes()), read, "{body}");
        }
        assert!(matches!(as_go_reads(br#"{"a":"\u0041\n\ud83d\ude00"}"#), Cow::Borrowed(_)));
    }

    proptest! {
        /// Whatever was sent, it is text that serde_json takes, and means what it meant if it was text.
        #[test]
        fn what_stands_in_a_string_is_text(
            pieces in prop::collection::vec(prop_oneof![
                "[a-z\u{e4}\u{1f600}]".prop_map(String::into_bytes),
                "\\\\(u(d[89a-f]|D[89A-F]|00)[0-9a-f]{2}|[nt\\\\\"])".prop_map(String::into_bytes),
                prop::collection::vec(0x80_u8.., 1..4),
            ], 0..8),
        ) {
            let body = [b"\"", pieces.concat().as_slice(), b"\""].concat();
            let read = as_go_reads(&body);
            let text: String = serde_json::from_str(&read).unwrap();
            if let Ok(before) = serde_json::from_slice::<String>(&body) {
                prop_assert_eq!(text, before);
                prop_assert!(matches!(read, Cow::Borrowed(_)));
            }
        }
    }
}
