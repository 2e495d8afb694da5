//! Why a head is refused.

use std::fmt;

/// More header lines than this are refused.
pub const HEADERS_MAX: usize = 128;

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// A line ends in a line feed alone (RFC 9112 §2.2).
    BareLineFeed,
    /// A carriage return without its line feed (RFC 9112 §2.2).
    BareCarriageReturn,
    /// A control character.
    Control,
    /// The head begins with an empty line.
    LeadingEmptyLine,
    /// The HTTP/2 connection preface (RFC 9113 §3.4).
    Http2,
    /// The first byte of a TLS handshake (RFC 8446 §5.1).
    Tls,
    /// No version, or one other than HTTP/1.0 and HTTP/1.1.
    Version,
    /// The method is not a token (RFC 9110 §9.1).
    Method,
    /// The request line or status line is malformed.
    StartLine,
    /// It does not end with its first empty line.
    Incomplete,
    /// A header line continues the one before it (RFC 9112 §5.2).
    Folded,
    /// A header's name is empty, not a token, or followed by a space (RFC 9112 §5.1).
    HeaderName,
    /// A header's value has a character that is not allowed.
    HeaderValue,
    /// More than [`HEADERS_MAX`] headers.
    TooManyHeaders,
    /// Longer than the limit.
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// A header that may stand once stands several times.
    Repeated(&'static str),
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareLineFeed => f.write_str("a line ends in a bare line feed (RFC 9112 §2.2)"),
            Self::BareCarriageReturn => {
                f.write_str("a carriage return stands without its line feed (RFC 9112 §2.2)")
            }
            Self::Control => f.write_str("the head has a control character (RFC 9110 §5.5)"),
            Self::LeadingEmptyLine => f.write_str("the request begins with an empty line"),
            Self::Http2 => f.write_str("HTTP/2 is not spoken here"),
            Self::Tls => f.write_str(
                "this is TLS; SecDocker speaks HTTP without TLS on this port (`listen.tls` is not set: no \
                 `--tls`, no DOCKER_TLS_VERIFY, `http://` or `tcp://`)",
            ),
            Self::Version => f.write_str("the version is neither HTTP/1.0 nor HTTP/1.1"),
            Self::Method => f.write_str("the method is not a token (RFC 9110 §9.1)"),
            Self::StartLine => f.write_str("the first line is malformed (RFC 9112 §3)"),
            Self::Incomplete => f.write_str("the head does not end with its first empty line"),
            Self::Folded => f.write_str("a header line is folded (RFC 9112 §5.2)"),
            Self::HeaderName => f.write_str("a header name is malformed (RFC 9112 §5.1)"),
            Self::HeaderValue => {
                f.write_str("a header value has a forbidden character (RFC 9110 §5.5)")
            }
            Self::TooManyHeaders => write!(f, "there are more than {HEADERS_MAX} headers"),
            Self::TooLong { max } => {
                write!(f, "the head is longer than {max} bytes; `limits.head` is for longer ones")
            }
            Self::Repeated(name) => write!(f, "the header `{name}` stands more than once"),
        }
    }
}

impl std::error::Error for HeadError {}
