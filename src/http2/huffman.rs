//! The code that shortens strings in header blocks (RFC 7541 §5.2).
//!
//! It is canonical: codes of one length are consecutive numbers, in the order of what they stand for; so how
//! many there are of each length is all that must be known beside the order.

/// How many codes have 1, 2, … 30 bits (RFC 7541 Appendix B).
const COUNTS: [u16; 30] = [
    0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29,
    0, 4,
];

/// What the codes stand for, shorter ones first: 256 is the end of the string, which no string may hold.
const SYMBOLS: [u16; 257] = [
    48, 49, 50, 97, 99, 101, 105, 111, 115, 116, 32, 37, 45, 46, 47, 51, 52, 53, 54, 55, 56, 57,
    61, 65, 95, 98, 100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58, 66, 67, 68, 69, 70, 71,
    72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89, 106, 107, 113, 118, 119,
    120, 121, 122, 38, 42, 44, 59, 88, 90, 33, 34, 40, 41, 63, 39, 43, 124, 35, 62, 0, 36, 64, 91,
    93, 126, 94, 125, 60, 96, 123, 92, 195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161,
    167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156,
    160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233, 1,
    135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174,
    175, 180, 182, 183, 188, 191, 197, 231, 239, 9, 142, 144, 145, 148, 159, 171, 206, 215, 225,
    236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242,
    243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252,
    253, 254, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 127, 220, 249, 10, 13, 22, 256,
];

/// A string that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadCode;

/// Appends what `coded` stands for, which is at most `coded.len() * 8 / 5` bytes.
///
/// # Errors
/// [`BadCode`] for the code that ends strings, and for bits at the end that are not the beginning of it, or
/// are a whole byte.
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), BadCode> {
    let mut state = State::default();
    for byte in coded {
        for shift in (0..8).rev() {
            if let Some(symbol) = state.bit(u32::from(byte >> shift) & 1)? {
                out.push(u8::try_from(symbol).map_err(|_| BadCode)?);
                state = State::default();
            }
        }
    }
    // What is left is padding: less than a byte of ones.
    let ones = (1 << state.bits) - 1;
    if state.bits < 8 && state.code == ones { Ok(()) } else { Err(BadCode) }
}

/// In the middle of a code.
#[derive(Default)]
struct State {
    bits: usize,
    code: u32,
    /// The first code of this length.
    first: u32,
    /// How many shorter codes there are.
    shorter: u32,
}

impl State {
    fn bit(&mut self, bit: u32) -> Result<Option<u16>, BadCode> {
        let count = u32::from(*COUNTS.get(self.bits).ok_or(BadCode)?);
        self.bits += 1;
        self.code = self.code << 1 | bit;
        self.first <<= 1;
        match self.code.checked_sub(self.first) {
            Some(place) if place < count => {
                let place = usize::try_from(self.shorter + place).map_err(|_| BadCode)?;
                SYMBOLS.get(place).copied().map(Some).ok_or(BadCode)
            }
            _ => {
                self.first += count;
                self.shorter += count;
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> Result<String, BadCode> {
        let mut out = Vec::new();
        decode(coded, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// RFC 7541 §C.4 and §C.6.
    #[test]
    fn the_examples_of_the_rfc() {
        let host = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        for (coded, text) in [
            (&host[..], "www.example.com"),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], "no-cache"),
            (&[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f], "custom-key"),
            (&[0x64, 0x02], "302"),
            (&[0xae, 0xc3, 0x77, 0x1a, 0x4b], "private"),
            (&[], ""),
        ] {
            assert_eq!(decoded(coded).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_not_padded_as_it_must_be_is_refused() {
        // A padding of zeros, of a whole byte, and the end of a string itself.
        for coded in [&[0x65][..], &[0x64, 0x02, 0xff], &[0xff; 4], &[0xff; 5]] {
            assert_eq!(decoded(coded), Err(BadCode), "{coded:?}");
        }
    }
}
