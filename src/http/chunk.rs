//! Chunked bodies (RFC 9112 §7.1), byte by byte: where they end, and what is in them.
//!
//! ```text
//! Size ─► [Padding or Extension] ─► SizeLf ─► Data ─► DataCr ─► DataLf ─► Size
//!                           └─(0)► TrailerStart ─► Trailer ─► TrailerLf ─► TrailerStart
//!                                      └─► LastLf ─► Done
//! ```

use std::fmt;

use super::head::is_token;

/// Hexadecimal digits of a chunk size at most: the size fits 60 bits.
const DIGITS_MAX: u8 = 15;

/// Bytes of all chunk extensions of a body together.
const EXTENSION_BYTES_MAX: u32 = 16 * 1024;

/// Bytes of all trailer lines together.
const TRAILER_BYTES_MAX: u32 = 8 * 1024;

/// Why a chunked body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkError {
    /// No hexadecimal size where one must stand.
    Size,
    /// A size of too many digits.
    SizeTooLong,
    /// Something other than a carriage return and a line feed where a line must end.
    LineEnd,
    /// A control character in an extension.
    Extension,
    /// Extensions that are too long altogether.
    ExtensionsTooLong,
    /// A malformed trailer line.
    Trailer,
    /// Trailers that are too long altogether.
    TrailersTooLong,
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "a chunk has no hexadecimal size (RFC 9112 §7.1)",
            Self::SizeTooLong => "a chunk size has too many digits (RFC 9112 §7.1)",
            Self::LineEnd => "a chunk does not end in CR LF (RFC 9112 §7.1)",
            Self::Extension => "a chunk extension is malformed (RFC 9112 §7.1.1)",
            Self::ExtensionsTooLong => "the chunk extensions are too long (RFC 9112 §7.1.1)",
            Self::Trailer => "a trailer line is malformed (RFC 9112 §7.1.2)",
            Self::TrailersTooLong => "the trailers are too long (RFC 9112 §7.1.2)",
        })
    }
}

impl std::error::Error for ChunkError {}

/// Why a chunked body could not be collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectError {
    /// It is malformed.
    Chunk(ChunkError),
    /// Its data is longer than this.
    TooLarge {
        /// The bound, in bytes.
        max: usize,
    },
}

impl From<ChunkError> for CollectError {
    fn from(error: ChunkError) -> Self {
        Self::Chunk(error)
    }
}

/// How much of an input belongs to a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// So many bytes of the input.
    pub bytes: usize,
    /// Whether the body ended with the last of them.
    pub ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size {
        value: u64,
        digits: u8,
    },
    /// Blanks behind a size, which some senders write to have room for a longer one. The daemon trims
    /// them where the line ends, and only there (Go `internal/chunked`).
    Padding {
        value: u64,
    },
    Extension {
        value: u64,
    },
    SizeLf {
        value: u64,
    },
    /// `left` is never 0.
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    TrailerStart,
    Trailer {
        named: bool,
    },
    TrailerLf,
    LastLf,
    Done,
}

const NEXT_SIZE: State = State::Size { value: 0, digits: 0 };

/// Follows one chunked body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkDecoder {
    state: State,
    extension_bytes: u32,
    trailer_bytes: u32,
}

impl Default for ChunkDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkDecoder {
    /// At the beginning of a body.
    pub fn new() -> Self {
        Self { state: NEXT_SIZE, extension_bytes: 0, trailer_bytes: 0 }
    }

    /// How much of `input` belongs to the body, without a look at its data.
    ///
    /// # Errors
    /// When the body is malformed; what comes behind means nothing then.
    pub fn scan(&mut self, input: &[u8]) -> Result<Scanned, ChunkError> {
        self.follow(input, |_| Ok(()))
    }

    /// The same, and appends the data to `body`.
    ///
    /// # Errors
    /// When the body is malformed, or would grow longer than `max` bytes.
    pub fn collect(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        max: usize,
    ) -> Result<Scanned, CollectError> {
        self.follow(input, |data| {
            if data.len() > max.saturating_sub(body.len()) {
                return Err(CollectError::TooLarge { max });
            }
            body.extend_from_slice(data);
            Ok(())
        })
    }

    /// Bytes of data still to come that need no look.
    pub fn unseen(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            _ => 0,
        }
    }

    /// Says that `count` of the unseen bytes have passed.
    pub fn passed(&mut self, count: u64) {
        if let State::Data { left } = self.state {
            debug_assert!(count <= left, "only data that is left can pass");
            self.state = after_data(left.saturating_sub(count));
        }
    }

    fn follow<E: From<ChunkError>>(
        &mut self,
        input: &[u8],
        mut data: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Scanned, E> {
        let mut at = 0;
        while let Some(rest) = input.get(at..)
            && let Some(&byte) = rest.first()
            && self.state != State::Done
        {
            if let State::Data { left } = self.state {
                let count = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                data(rest.split_at(count).0)?;
                self.passed(count as u64);
                at += count;
            } else {
                self.state = self.after(byte)?;
                at += 1;
            }
        }
        Ok(Scanned { bytes: at, ended: self.state == State::Done })
    }

    /// The state behind a byte that is not data.
    fn after(&mut self, byte: u8) -> Result<State, ChunkError> {
        match (self.state, byte) {
            (State::Size { value, digits }, _) => after_size(value, digits, byte),
            (State::Extension { value } | State::Padding { value }, b'\r') => {
                Ok(State::SizeLf { value })
            }
            (State::Padding { .. }, b' ' | b'\t') => self.extension(byte),
            (State::Padding { .. }, _) => Err(ChunkError::Size),
            (State::Extension { .. }, _) => self.extension(byte),
            (State::SizeLf { value: 0 }, b'\n') => Ok(State::TrailerStart),
            (State::SizeLf { value }, b'\n') => Ok(State::Data { left: value }),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(NEXT_SIZE),
            (State::TrailerStart, b'\r') => Ok(State::LastLf),
            (State::TrailerStart, _) => self.trailer(false, byte),
            (State::Trailer { named: true }, b'\r') => Ok(State::TrailerLf),
            (State::Trailer { named }, _) => self.trailer(named, byte),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            (State::LastLf, b'\n') => Ok(State::Done),
            (State::Data { .. } | State::Done, _) => Ok(self.state),
            (
                State::SizeLf { .. }
                | State::DataCr
                | State::DataLf
                | State::TrailerLf
                | State::LastLf,
                _,
            ) => Err(ChunkError::LineEnd),
        }
    }

    fn extension(&mut self, byte: u8) -> Result<State, ChunkError> {
        self.extension_bytes += 1;
        match byte {
            _ if self.extension_bytes > EXTENSION_BYTES_MAX => Err(ChunkError::ExtensionsTooLong),
            b'\t' | b' '..=b'~' | 0x80.. => Ok(self.state),
            _ => Err(ChunkError::Extension),
        }
    }

    fn trailer(&mut self, named: bool, byte: u8) -> Result<State, ChunkError> {
        let begins = self.state == State::TrailerStart;
        self.trailer_bytes += 1;
        match byte {
            _ if self.trailer_bytes > TRAILER_BYTES_MAX => Err(ChunkError::TrailersTooLong),
            b':' if !begins => Ok(State::Trailer { named: true }),
            _ if !named && is_token(byte) => Ok(State::Trailer { named }),
            b'\t' | b' '..=b'~' | 0x80.. if named => Ok(State::Trailer { named }),
            _ => Err(ChunkError::Trailer),
        }
    }
}

fn after_size(value: u64, digits: u8, byte: u8) -> Result<State, ChunkError> {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        b';' if digits > 0 => return Ok(State::Extension { value }),
        b' ' | b'\t' if digits > 0 => return Ok(State::Padding { value }),
        b'\r' if digits > 0 => return Ok(State::SizeLf { value }),
        _ => return Err(ChunkError::Size),
    };
    if digits == DIGITS_MAX {
        return Err(ChunkError::SizeTooLong);
    }
    Ok(State::Size { value: value * 16 + u64::from(digit), digits: digits + 1 })
}

fn after_data(left: u64) -> State {
    if left == 0 { State::DataCr } else { State::Data { left } }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test says where")]
    use super::*;
    use proptest::prelude::*;

    fn collect(input: &[u8]) -> Result<(Vec<u8>, Scanned), CollectError> {
        let mut body = Vec::new();
        let scanned = ChunkDecoder::new().collect(input, &mut body, 100)?;
        Ok((body, scanned))
    }

    /// Takes `input` in pieces of this many bytes.
    fn in_pieces(
        input: &[u8],
        piece: usize,
        mut take: impl FnMut(&mut ChunkDecoder, &[u8]) -> Result<Scanned, CollectError>,
    ) -> Result<Scanned, CollectError> {
        let mut decoder = ChunkDecoder::new();
        let mut all = Scanned { bytes: 0, ended: false };
        for piece in input.chunks(piece) {
            let scanned = take(&mut decoder, piece)?;
            all = Scanned { bytes: all.bytes + scanned.bytes, ended: scanned.ended };
            if scanned.ended {
                break;
            }
        }
        Ok(all)
    }

    #[test]
    fn whole_bodies() {
        let table: [(&str, &str); 8] = [
            ("0\r\n\r\n", ""),
            ("3\r\nabc\r\n0\r\n\r\n", "abc"),
            ("003;a=b;c=\"d\"\r\nabc\r\n00\r\nX: y\r\nZ:\r\n\r\n", "abc"),
            ("A\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n", "0123456789\n"),
            ("1;\r\na\r\n0\r\n\r\n", "a"),
            ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
            ("3   \r\nabc\r\n0 \t\r\n\r\n", "abc"),
            ("3;a \r\nabc\r\n0      \r\nX: y\r\n\r\n", "abc"),
        ];
        for (input, expected) in table {
            let behind = format!("{input}GET");
            let (body, scanned) = collect(behind.as_bytes()).unwrap();
            assert_eq!(body, expected.as_bytes(), "{input:?}");
            assert_eq!(scanned, Scanned { bytes: input.len(), ended: true }, "{input:?}");
        }
    }

    #[test]
    fn malformed_bodies() {
        let table = [
            ("\r\n", ChunkError::Size),
            (";a\r\n", ChunkError::Size),
            ("g\r\n", ChunkError::Size),
            ("+1\r\na\r\n", ChunkError::Size),
            ("0x1\r\na\r\n", ChunkError::Size),
            (" 1\r\na\r\n", ChunkError::Size),
            ("1 ;a\r\na\r\n", ChunkError::Size),
            ("1 1\r\na\r\n", ChunkError::Size),
            ("1 \n\r\na\r\n", ChunkError::Size),
            ("1 \r\r\na\r\n", ChunkError::LineEnd),
            (" \r\na\r\n", ChunkError::Size),
            ("-1\r\n", ChunkError::Size),
            ("1\na\r\n", ChunkError::Size),
            ("0000000000000001\r\n", ChunkError::SizeTooLong),
            ("ffffffffffffffff\r\n", ChunkError::SizeTooLong),
            ("1\r\nab\r\n", ChunkError::LineEnd),
            ("1\r\na\n", ChunkError::LineEnd),
            ("1\r\r\na", ChunkError::LineEnd),
            ("1;a\nb\r\n", ChunkError::Extension),
            ("1;a\0\r\n", ChunkError::Extension),
            ("0\r\nX\r\n\r\n", ChunkError::Trailer),
            ("0\r\n: y\r\n\r\n", ChunkError::Trailer),
            ("0\r\n X: y\r\n\r\n", ChunkError::Trailer),
            ("0\r\nX : y\r\n\r\n", ChunkError::Trailer),
            ("0\r\nX: y\r\n z\r\n\r\n", ChunkError::Trailer),
            ("0\r\nX@: y\r\n\r\n", ChunkError::Trailer),
            ("0\r\n(X): y\r\n\r\n", ChunkError::Trailer),
            ("0\r\nX: \0\r\n\r\n", ChunkError::Trailer),
            ("0\r\nX: y\rz\r\n\r\n", ChunkError::LineEnd),
            ("1;a\x7f\r\n", ChunkError::Extension),
            ("0\r\nX: y\n\r\n", ChunkError::Trailer),
            ("0\r\n\n", ChunkError::Trailer),
            ("0\r\n\r\r", ChunkError::LineEnd),
        ];
        for (input, error) in table {
            assert_eq!(collect(input.as_bytes()), Err(error.into()), "{input:?}");
        }
    }

    #[test]
    fn bounds() {
        assert_eq!(
            collect(format!("65\r\n{}", "a".repeat(101)).as_bytes()),
            Err(CollectError::TooLarge { max: 100 })
        );
        let extensions = format!("1;{}\r\na\r\n", "e".repeat(8000)).repeat(3);
        let error = ChunkDecoder::new().scan(extensions.as_bytes());
        assert_eq!(error, Err(ChunkError::ExtensionsTooLong));
        let padding = format!("1{}\r\na\r\n", " ".repeat(8000)).repeat(3);
        let error = ChunkDecoder::new().scan(padding.as_bytes());
        assert_eq!(error, Err(ChunkError::ExtensionsTooLong));
        let trailers = format!("0\r\n{}", "X: y\r\n".repeat(5000));
        assert_eq!(ChunkDecoder::new().scan(trailers.as_bytes()), Err(ChunkError::TrailersTooLong));
    }

    #[test]
    fn data_may_pass_unseen() {
        let mut decoder = ChunkDecoder::new();
        assert_eq!(decoder.scan(b"5\r\n").unwrap(), Scanned { bytes: 3, ended: false });
        assert_eq!(decoder.unseen(), 5);
        decoder.passed(3);
        assert_eq!(decoder.unseen(), 2);
        decoder.passed(2);
        assert_eq!(decoder.scan(b"\r\n0\r\n\r\n").unwrap(), Scanned { bytes: 7, ended: true });
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 0..5),
            piece in 1usize..30,
            noise in proptest::collection::vec(any::<u8>(), 0..10),
        ) {
            let mut input = Vec::new();
            for chunk in &chunks {
                input.extend(format!("{:x};e\r\n", chunk.len()).bytes());
                input.extend(chunk);
                input.extend(b"\r\n");
            }
            input.extend(b"0\r\n\r\n");
            let length = input.len();
            input.extend(noise);
            let mut body = Vec::new();
            let scanned = in_pieces(&input, piece, |decoder, bytes| {
                decoder.collect(bytes, &mut body, 1000)
            });
            prop_assert_eq!(scanned, Ok(Scanned { bytes: length, ended: true }));
            prop_assert_eq!(body, chunks.concat());
        }

        /// Nearly valid bodies: collected at once, collected in pieces, scanned in pieces, and with
        /// the data passed unseen, they end alike.
        #[test]
        fn malformed_or_not_pieces_do_not_matter(
            input in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "([0-3]{1,2} ?(;[a-z\t\0]?)?\r?\n[a-z]{0,3}\r?\n){0,4}0\r\n([A-Z@]?:?[a-z]?\r\n){0,2}\r?\n?"
                    .prop_map(String::into_bytes),
            ],
            piece in 1usize..30,
        ) {
            let mut body = Vec::new();
            let whole = ChunkDecoder::new().collect(&input, &mut body, 100);
            let mut body_of_pieces = Vec::new();
            let collected = in_pieces(&input, piece, |decoder, bytes| {
                decoder.collect(bytes, &mut body_of_pieces, 100)
            });
            prop_assert_eq!(collected, whole);
            prop_assert_eq!(body_of_pieces, body);
            let scanned = in_pieces(&input, piece, |decoder, bytes| Ok(decoder.scan(bytes)?));
            prop_assert_eq!(scanned, whole);
            let passed = in_pieces(&input, 1, |decoder, bytes| {
                if decoder.unseen() == 0 {
                    return Ok(decoder.scan(bytes)?);
                }
                decoder.passed(1);
                Ok(Scanned { bytes: 1, ended: false })
            });
            prop_assert_eq!(passed, whole);
        }
    }
}
