//! Base64 as the daemon reads and writes `[]byte` in JSON (RFC 4648 §4, as Go `encoding/base64`).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Go demands padding, and takes any bits that are left over at the end.
const AS_GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The bytes, or `None` if the daemon would refuse the text. Line ends are skipped, and the bits
/// that are left over at the end may be any.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    AS_GO.decode(text).ok()
}

/// The text of `bytes`, with padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    AS_GO.encode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_go_reads_it() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zh==", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm\n9v\r\n", Some(b"foo")),
            ("Zg=", None),
            ("Zg", None),
            ("Z===", None),
            ("====", None),
            ("Zm9v====", None),
            ("Z=g=", None),
            ("Zm9-", None),
            ("Zm 9", None),
        ] {
            assert_eq!(decode(text).as_deref(), bytes, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
