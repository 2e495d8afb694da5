//! Every reading of a path that is not plain at once.

/// What is left of an odd path under all readings at once: its letters and digits in lower case,
/// after decoding again and again.
pub(super) enum Letters {
    Known(String),
    /// Still encoded after [`DECODINGS_MAX`] times: could be anything.
    Endless,
}

/// Times that an odd path is decoded. The daemon decodes once; nobody honest needs two.
const DECODINGS_MAX: usize = 4;

impl Letters {
    pub(super) fn of(path: &str) -> Self {
        let mut bytes = path.as_bytes().to_vec();
        for _ in 0..DECODINGS_MAX {
            let decoded = decoded(&bytes);
            if decoded.len() == bytes.len() {
                let letters = bytes.iter().filter(|byte| byte.is_ascii_alphanumeric());
                return Self::Known(letters.map(|b| char::from(b.to_ascii_lowercase())).collect());
            }
            bytes = decoded;
        }
        Self::Endless
    }

    /// Whether these words could stand in it, in their order.
    pub(super) fn could_have(&self, mut words: impl Iterator<Item = &'static str>) -> bool {
        let Self::Known(letters) = self else {
            return true;
        };
        let mut rest = letters.as_str();
        words.all(|word| match rest.split_once(word) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }
}

/// Whether any reading of an odd path could have this word in it, of letters in lower case.
pub(crate) fn could_say(path: &str, word: &str) -> bool {
    match Letters::of(path) {
        Letters::Known(letters) => letters.contains(word),
        Letters::Endless => true,
    }
}

/// Valid escapes decoded once, all else as it is.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, others @ ..] = rest {
        match escaped(rest) {
            Some((byte, after)) => {
                decoded.push(byte);
                rest = after;
            }
            None => {
                decoded.push(*first);
                rest = others;
            }
        }
    }
    decoded
}

fn escaped(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = bytes else {
        return None;
    };
    Some((hex(*high)? << 4 | hex(*low)?, after))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
