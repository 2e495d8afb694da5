//! Manifests and indexes, as far as the comparison looks into them.

use ring::digest::{self, Algorithm};
use serde::Deserialize;

use crate::remote::Platform;

/// What stands under a digest.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "neither a manifest nor an index")]
pub(super) enum Manifest {
    /// One image for several platforms.
    Index { manifests: Vec<Entry> },
    /// One image for one platform.
    Image { config: Descriptor },
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Descriptor {
    pub(super) digest: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Entry {
    digest: String,
    #[serde(default)]
    platform: Option<EntryPlatform>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct EntryPlatform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: String,
}

/// Reads what was served under a digest, if it has that digest.
pub(super) fn read(digest: &str, body: &[u8]) -> Result<Manifest, String> {
    let algorithm = digest.split(':').next().unwrap_or_default();
    if digest_of(algorithm, body).as_deref() != Some(digest) {
        return Err(format!("what it serves under {digest} has another digest"));
    }
    let manifest = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let digests: Vec<&str> = match &manifest {
        Manifest::Index { manifests } => manifests.iter().map(|m| m.digest.as_str()).collect(),
        Manifest::Image { config } => vec![&config.digest],
    };
    match digests.into_iter().all(is_digest) {
        true => Ok(manifest),
        false => Err("not a digest".to_owned()),
    }
}

/// The manifest for a platform. A variant that one side leaves open fits any.
pub(super) fn of_platform<'a>(entries: &'a [Entry], wanted: &Platform) -> Option<&'a str> {
    let fits = |platform: &EntryPlatform| {
        (&platform.os, &platform.architecture) == (&wanted.os, &wanted.architecture)
    };
    let candidates = || entries.iter().filter(|e| e.platform.as_ref().is_some_and(fits));
    let variant = |entry: &Entry| entry.platform.as_ref().map(|p| p.variant.clone());
    let exact = candidates().find(|e| variant(e).as_deref() == Some(&wanted.variant));
    let open =
        || candidates().find(|e| wanted.variant.is_empty() || variant(e).as_deref() == Some(""));
    exact.or_else(open).map(|entry| entry.digest.as_str())
}

/// `sha256:…` of a content; `None` for an algorithm that is not known.
pub(super) fn digest_of(algorithm: &str, content: &[u8]) -> Option<String> {
    let bytes = digest::digest(known(algorithm)?.0, content);
    let digits: String = bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{algorithm}:{digits}"))
}

/// Whether it is a digest by an algorithm that is known.
pub(super) fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, digits)| {
        known(algorithm).is_some_and(|(_, length)| digits.len() == length)
            && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn known(algorithm: &str) -> Option<(&'static Algorithm, usize)> {
    match algorithm {
        "sha256" => Some((&digest::SHA256, 64)),
        "sha384" => Some((&digest::SHA384, 96)),
        "sha512" => Some((&digest::SHA512, 128)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn platform(architecture: &str, variant: &str) -> Platform {
        let [os, architecture, variant] = ["linux", architecture, variant].map(str::to_owned);
        Platform { os, architecture, variant }
    }

    #[test]
    fn content_is_what_its_digest_says() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest_of("sha256", b"").as_deref(), Some(empty));
        assert!(is_digest(empty) && !is_digest("sha256:e3") && !is_digest("md5:00"));
        let body = json!({"config": {"digest": empty}}).to_string();
        let digest = digest_of("sha512", body.as_bytes()).unwrap();
        assert!(matches!(read(&digest, body.as_bytes()), Ok(Manifest::Image { .. })));
        assert!(read(empty, body.as_bytes()).unwrap_err().contains("another digest"));
        let odd = json!({"config": {"digest": "../x"}}).to_string();
        let digest = digest_of("sha256", odd.as_bytes()).unwrap();
        assert!(read(&digest, odd.as_bytes()).is_err());
    }

    #[test]
    fn a_platform_is_found() {
        let entry = |digest: &str, architecture: &str, variant: &str| {
            json!({"digest": digest,
                "platform": {"os": "linux", "architecture": architecture, "variant": variant}})
        };
        let entries: Vec<Entry> = serde_json::from_value(json!([
            {"digest": "attestation"},
            entry("arm6", "arm", "v6"),
            entry("arm7", "arm", "v7"),
            entry("amd", "amd64", ""),
        ]))
        .unwrap();
        let found = |architecture, variant| of_platform(&entries, &platform(architecture, variant));
        assert_eq!(found("arm", "v7"), Some("arm7"));
        assert_eq!(found("arm", "v5"), None);
        assert_eq!(found("arm", ""), Some("arm6"));
        assert_eq!(found("amd64", "v1"), Some("amd"));
        assert_eq!(found("s390x", ""), None);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..100)) {
            let digest = digest_of("sha256", &body).unwrap();
            drop(read(&digest, &body));
        }
    }
}
