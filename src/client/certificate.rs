//! What a client has proved with a certificate, once the handshake is done.

use std::fmt;

/// The SHA-256 of something, in DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// The certificate of a client, of which the handshake has verified the chain, the dates and that the
/// client has its key. Texts are as the authority that issued it has written them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The common names of the subject (RFC 5280 §4.1.2.6), most have one.
    pub common_names: Vec<String>,
    /// Subject alternative names (RFC 5280 §4.2.1.6) of the kind DNS.
    pub dns: Vec<String>,
    /// Subject alternative names that are addresses of mail.
    pub emails: Vec<String>,
    /// Subject alternative names that are URIs, such as SPIFFE's identifiers.
    pub uris: Vec<String>,
    /// The name of who issued it, as RFC 4514 writes it: `CN=Example CA,O=Example`.
    pub issuer: String,
    /// The common names in that name, most have one.
    pub issuer_common_names: Vec<String>,
    /// Of the whole certificate.
    pub fingerprint: Fingerprint,
    /// Of its public key (`SubjectPublicKeyInfo`): it stays when a certificate is renewed for one key.
    pub key_fingerprint: Fingerprint,
}

impl ClientCertificate {
    /// Every name of the subject, of whichever kind.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let Self { common_names, dns, emails, uris, .. } = self;
        [common_names, dns, emails, uris].into_iter().flatten().map(String::as_str)
    }
}

impl Fingerprint {
    /// Reads 64 hexadecimal digits, in either case, with or without a colon between each two, as
    /// `openssl x509 -fingerprint -sha256` prints them; `sha256:` may stand before them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let mut bytes = [0; 32];
        let width = if digits.len() == 95 { 3 } else { 2 };
        if digits.len() != 64 && digits.len() != 95 {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = digits.get(index * width..index * width + 2)?;
            if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(pair, 16).ok()?;
            let between = digits.get(index * width + 2..(index + 1) * width);
            if between.is_some_and(|between| !matches!(between, "" | ":")) {
                return None;
            }
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_tools_print_them() {
        let bytes: [u8; 32] = std::array::from_fn(|index| 7 * u8::try_from(index).unwrap_or(0));
        let plain = Fingerprint(bytes).to_string();
        let digits = plain.trim_start_matches("sha256:").to_owned();
        let pairs: Vec<&str> = (0..32).filter_map(|at| digits.get(2 * at..2 * at + 2)).collect();
        let (upper, colons) = (digits.to_uppercase(), pairs.join(":"));
        for text in [&plain, &digits, &upper, &colons, &colons.to_uppercase()] {
            assert_eq!(Fingerprint::parse(text), Some(Fingerprint(bytes)), "{text}");
        }
        let (short, long) = (&colons[..92], format!("{digits}0"));
        for text in [short, &long, "", &colons.replace(':', "-"), &digits.replace('0', "+")] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_name_is_one() {
        let of = |name: &str| vec![name.to_owned()];
        let certificate = ClientCertificate {
            common_names: of("a"),
            dns: of("b"),
            emails: of("c"),
            uris: of("d"),
            issuer: "CN=e".to_owned(),
            issuer_common_names: of("e"),
            fingerprint: Fingerprint([0; 32]),
            key_fingerprint: Fingerprint([0; 32]),
        };
        assert_eq!(certificate.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }
}
