//! Where a head ends, in bytes that arrive piece by piece.
//!
//! Each byte is looked at once, whatever the pieces; what no valid head can hold is refused with
//! the byte that shows it, not when its line is complete. A line feed alone ends a line here: whether
//! that will do shows in the whole head.

use super::error::HeadError;

/// How the last line of a head ends, and the empty line behind it.
const END: &[u8] = b"\r\n\r\n";

/// The first bytes of a client that speaks HTTP/2 without having asked (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2";

/// The first byte of a client that speaks TLS: the type of a record that holds a handshake (RFC 8446
/// §5.1).
const HANDSHAKE: u8 = 0x16;

/// Finds the end of a head in bytes that arrive piece by piece, looking at each byte once.
///
/// `searched` belongs to one head, begins at 0, and is kept between calls with longer and longer
/// inputs: so many bytes were looked at. The length includes the empty line.
///
/// A head does not begin with an empty line. RFC 9112 §2.2 would have a server skip one, but the
/// daemon answers it with `400`, so nobody depends on it and nothing need be cut off.
///
/// # Errors
/// As soon as a byte shows that no valid head will come of it.
pub fn find_end(input: &[u8], searched: &mut usize) -> Result<Option<usize>, HeadError> {
    if *searched < PREFACE.len() && input.starts_with(PREFACE) {
        return Err(HeadError::Http2);
    }
    if *searched == 0 && input.first() == Some(&HANDSHAKE) {
        return Err(HeadError::Tls);
    }
    if *searched == 0
        && let Some(end) = whole(input)
    {
        *searched = end;
        return Ok(Some(end));
    }
    while let Some((seen, new)) = input.split_at_checked(*searched)
        && !new.is_empty()
    {
        let line_feed = memchr::memchr(b'\n', new);
        let (text, _) = new.split_at(line_feed.unwrap_or(new.len()));
        check_text(seen, text)?;
        *searched += text.len();
        if line_feed.is_none() {
            break;
        }
        let ends = is_empty_line(input.split_at(*searched).0)?;
        *searched += 1;
        if ends {
            return Ok(Some(*searched));
        }
    }
    Ok(None)
}

/// The length of a head that has arrived at once and that nothing spoils, which most have: it is
/// looked at as a whole, many bytes at a time. What spoils another one is told line by line.
fn whole(input: &[u8]) -> Option<usize> {
    let mut lines = memchr::memchr_iter(b'\n', input).map(|at| input.split_at(at + 1).0);
    let head = lines.find(|head| head.ends_with(END))?;
    let behind = head.get(1..)?;
    let spoils = |before: u8, byte: u8| {
        (is_control(byte) & (byte != b'\r') & (byte != b'\n'))
            | ((before == b'\r') != (byte == b'\n'))
            | ((before == b'\n') & ((byte == b' ') | (byte == b'\t')))
    };
    // Without a way out of the loop, the compiler looks at many bytes at a time.
    let spoilt = head.iter().zip(behind).fold(false, |found, (a, b)| found | spoils(*a, *b));
    let first = *head.first()?;
    (!spoilt && !is_control(first) && first != b'\t').then_some(head.len())
}

/// Checks `text`, which holds no line feed and stands directly behind `seen`.
fn check_text(seen: &[u8], text: &[u8]) -> Result<(), HeadError> {
    match (seen.last(), text.first()) {
        (Some(b'\r'), Some(_)) => return Err(HeadError::BareCarriageReturn),
        (Some(b'\n'), Some(b' ' | b'\t')) => return Err(HeadError::Folded),
        _ => {}
    }
    // A carriage return in the last place may still get its line feed.
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    // Without a way out of the loop, the compiler looks at many bytes at a time.
    if text.iter().fold(false, |found, byte| found | is_control(*byte)) {
        return Err(control_error(text));
    }
    Ok(())
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

fn control_error(text: &[u8]) -> HeadError {
    match text.iter().find(|byte| is_control(**byte)) {
        Some(b'\r') => HeadError::BareCarriageReturn,
        _ => HeadError::Control,
    }
}

/// Whether a line feed behind `before` ends an empty line, and so the head.
fn is_empty_line(before: &[u8]) -> Result<bool, HeadError> {
    match before.strip_suffix(b"\r").unwrap_or(before) {
        [] => Err(HeadError::LeadingEmptyLine),
        [.., b'\n'] => Ok(true),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "a failed test says where")]

    use super::*;
    use proptest::prelude::*;

    /// Shows `input` up to each of `cuts`, and then all of it.
    fn in_pieces(
        input: &[u8],
        cuts: impl IntoIterator<Item = usize>,
    ) -> Result<Option<usize>, HeadError> {
        let mut searched = 0;
        for cut in cuts.into_iter().chain([input.len()]) {
            match find_end(&input[..cut], &mut searched) {
                Ok(None) => assert_eq!(searched, cut, "a byte would be looked at twice"),
                known => return known,
            }
        }
        Ok(None)
    }

    #[test]
    fn a_head_ends_with_its_first_empty_line() {
        for (head, behind) in [
            ("GET / HTTP/1.1\r\n\r\n", "GET"),
            ("GET / HTTP/1.1\r\nA: b\tc\r\n\r\n", "\r\n\r\n"),
            ("GET / HTTP/1.1\r\nA: \u{e4}\r\n\r\n", "\n\0"),
            ("GET / HTTP/1.0\n\n", "\r\n\r\n"),
            ("GET / HTTP/1.0\r\n\n", "POST / HTTP/1.1\r\n\r\n"),
            ("GET / HTTP/1.0\nA: b\r\n\n", "\n"),
            ("GET / HTTP/1.0\n\r\n", ""),
        ] {
            let input = format!("{head}{behind}");
            assert_eq!(find_end(input.as_bytes(), &mut 0), Ok(Some(head.len())), "{input:?}");
        }
    }

    #[test]
    fn each_byte_that_spoils_a_head_does_so_at_once() {
        for (before, byte, error) in [
            ("", "\n", HeadError::LeadingEmptyLine),
            ("\r", "\n", HeadError::LeadingEmptyLine),
            ("", "\x16", HeadError::Tls),
            ("", "\x15", HeadError::Control),
            ("\r", "G", HeadError::BareCarriageReturn),
            ("\r", "\r", HeadError::BareCarriageReturn),
            ("GET /", "\0", HeadError::Control),
            ("GET /", "\x7f", HeadError::Control),
            ("GET / HTTP/1.1\r", "A", HeadError::BareCarriageReturn),
            ("GET / HTTP/1.1\r", "\0", HeadError::BareCarriageReturn),
            ("GET / HTTP/1.1\r\n", " ", HeadError::Folded),
            ("GET / HTTP/1.1\r\n", "\t", HeadError::Folded),
            ("GET / HTTP/1.1\n", " ", HeadError::Folded),
            ("GET / HTTP/1.1\nA: b\n", "\t", HeadError::Folded),
            ("GET / HTTP/1.1\nA: b\r", "\r", HeadError::BareCarriageReturn),
            ("GET / HTTP/1.1\r\nA: b\r\n", " ", HeadError::Folded),
            ("PRI * HTTP/", "2", HeadError::Http2),
        ] {
            let input = format!("{before}{byte}");
            assert_eq!(find_end(before.as_bytes(), &mut 0), Ok(None), "{before:?}");
            assert_eq!(find_end(input.as_bytes(), &mut 0), Err(error), "{input:?}");
            assert_eq!(in_pieces(input.as_bytes(), 0..input.len()), Err(error), "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            input in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                proptest::collection::vec(proptest::sample::select(&b"\r\n\t\0 a:"[..]), 0..20),
                "(GET|PRI) [/*a-z]{0,5}( HTTP/[12]\\.[0-2])?(\r?\n[A-Z]?:? ?[a-z]?){0,4}\r\n\r\n.?"
                    .prop_map(String::into_bytes),
            ],
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..5),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
            cuts.sort_unstable();
            let whole = find_end(&input, &mut 0);
            prop_assert_eq!(in_pieces(&input, cuts), whole);
            prop_assert_eq!(in_pieces(&input, 0..input.len()), whole);
        }
    }
}
