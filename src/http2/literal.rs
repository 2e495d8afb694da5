//! Header blocks of our own: every field a literal without indexing, so that blocks may be left out or put
//! between others without disturbing the peer's table (RFC 7541 §6.2.2).

/// Appends one field of a header block. `name` is in lower case.
pub fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(0);
    write_text(out, name);
    write_text(out, value);
}

/// A string literal without Huffman coding: a length with a prefix of seven bits, and the bytes (RFC 7541
/// §5.2).
fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    write_length(out, text.len());
    out.extend_from_slice(text);
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    const PREFIX_MAX: u8 = 0x7f;
    match u8::try_from(length) {
        Ok(short) if short < PREFIX_MAX => out.push(short),
        _ => {
            out.push(PREFIX_MAX);
            let mut rest = length - usize::from(PREFIX_MAX);
            while rest >= 0x80 {
                out.push((rest & 0x7f) as u8 | 0x80);
                rest >>= 7;
            }
            out.push((rest & 0x7f) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_as_the_rfc_has_them() {
        for (length, expected) in [
            (0, &[0][..]),
            (126, &[126]),
            (127, &[127, 0]),
            (254, &[127, 127]),
            (255, &[127, 0x80, 1]),
            // RFC 7541 §C.1.2 has 1337 in a prefix of five bits; this is it in seven.
            (1337, &[127, 0xba, 0x09]),
        ] {
            let mut out = Vec::new();
            write_length(&mut out, length);
            assert_eq!(out, expected, "{length}");
        }
    }
}
