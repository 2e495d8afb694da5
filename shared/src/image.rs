//! Image references as the daemon understands them (`docker.io/library/` and `latest` filled in).

use std::borrow::Cow;
use std::fmt;

mod host;

use self::host::DEFAULT_DOMAIN;

/// Digits of a whole image identifier.
const ID_DIGITS: usize = 64;

/// No reference to an image that can be had is longer, in bytes: a host and its port have less than
/// 260, a path 255 (`reference.NameTotalLengthMax`), a tag 128, and the longest digest 135.
const REFERENCE_BYTES_MAX: usize = 1024;

/// What a text names: an image by its name, or one by its identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ImageRef {
    /// A name, completed.
    Named(ImageName),
    /// `sha256:` with 64 hexadecimal digits, or the digits alone.
    Id(String),
}

/// A completed image name: `docker.io/library/ubuntu`, with a tag, a digest, or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageName {
    /// Registry and path.
    repository: Box<str>,
    /// `latest` if neither tag nor digest was given.
    tag: Option<Box<str>>,
    digest: Option<Box<str>>,
    /// Whether the daemon may also read the text as the beginning of an identifier.
    maybe_id: bool,
}

/// A text that the daemon would not take for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageError(String);

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// No name that the daemon takes is longer.
        const SHOWN_CHARS_MAX: usize = 255;
        // A variable or the password of an address, put where a reference should be.
        let (before, name) = self.0.rsplit_once('@').unwrap_or(("", &self.0));
        let (name, value) = name.split_once('=').unwrap_or((name, ""));
        let hidden = |part: &str| if part.is_empty() { "" } else { "***" };
        let (before, at, value) = match before.contains([':', '=']) {
            true => ("***", "@", hidden(value)),
            false if before.is_empty() => ("", "", hidden(value)),
            false => (before, "@", hidden(value)),
        };
        let equals = if value.is_empty() { "" } else { "=" };
        let shown = [before, at, name, equals, value].concat();
        let shown = shown.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug);
        write!(f, "`{}` is not an image reference", shown.collect::<String>())
    }
}

impl std::error::Error for ImageError {}

impl ImageRef {
    /// Reads a reference by the rules of the daemon's `reference.ParseAnyReference`.
    ///
    /// # Errors
    /// [`ImageError`] if the daemon would refuse it too, or could not find it anywhere.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        if text.len() > REFERENCE_BYTES_MAX {
            return Err(ImageError(text.to_owned()));
        }
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if digits.len() == ID_DIGITS && digits.bytes().all(is_lower_hex) {
            return Ok(Self::Id(digits.to_owned()));
        }
        ImageName::parse(text).map(Self::Named).ok_or_else(|| ImageError(text.to_owned()))
    }
}

impl ImageRef {
    /// In the form in which the daemon finds the image that it would use: in full, as the short form
    /// of some names is that of another; but what may be the beginning of an identifier as it is.
    pub fn as_asked(&self) -> String {
        match self {
            Self::Named(name) if name.maybe_id => match name.tag() {
                Some("latest") => familiar(&name.repository).to_owned(),
                _ => name.to_string(),
            },
            Self::Named(name) => format!("{}{}", name.repository, name.suffix()),
            Self::Id(_) => self.to_string(),
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => name.fmt(f),
            Self::Id(digits) => write!(f, "sha256:{digits}"),
        }
    }
}

impl ImageName {
    fn parse(text: &str) -> Option<Self> {
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let (named, tag) = split_tag(named);
        let repository = complete(named)?;
        if !tag.is_none_or(is_tag) || !digest.is_none_or(is_digest) {
            return None;
        }
        let bare = tag.is_none() && digest.is_none();
        let maybe_id = begins_id(text);
        let tag = if bare { Some("latest") } else { tag };
        let [tag, digest] = [tag, digest].map(|part| part.map(Box::from));
        Some(Self { repository: repository.into(), tag, digest, maybe_id })
    }

    /// Registry and path, as the daemon has them: `docker.io/library/ubuntu`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Whether the daemon may also read it as the beginning of an image's identifier.
    pub fn may_be_id(&self) -> bool {
        self.maybe_id
    }

    /// Registry and path in the one form in which to compare them, which says what is pulled.
    pub fn compared(&self) -> Cow<'_, str> {
        comparable(&self.repository)
    }

    /// `:tag@digest`, as far as they are there.
    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}"));
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}"));
        tag.into_iter().chain(digest).collect()
    }

    /// The tag; `latest` if neither tag nor digest was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Whether the daemon, finding no image of this name, would take it for the beginning of an
    /// identifier.
    pub fn maybe_id(&self) -> bool {
        self.maybe_id
    }
}

/// In the short form that people write.
impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", familiar(&self.repository), self.suffix())
    }
}

/// A repository in the short form that people write, unless that would name another one.
pub fn familiar(repository: &str) -> &str {
    let shorter = ["docker.io/library/", "docker.io/"]
        .into_iter()
        .filter_map(|prefix| repository.strip_prefix(prefix));
    let same = |short: &&str| complete(short).is_some_and(|whole| whole == repository);
    shorter.into_iter().find(same).unwrap_or(repository)
}

/// A repository or the beginning of one, with one name for each registry: hosts compare as the
/// resolver and the dialler understand them, and as what serves `docker.io`.
pub fn comparable(repository: &str) -> Cow<'_, str> {
    let Some((domain, path)) = repository.split_once('/') else {
        return Cow::Borrowed(repository);
    };
    let host = host::compared(domain);
    // Completing adds it to a name without a host alone.
    let is_official = host == DEFAULT_DOMAIN && !path.contains('/');
    match (&*host == domain, is_official) {
        (true, false) => Cow::Borrowed(repository),
        (_, true) => Cow::Owned(format!("{host}/library/{path}")),
        (false, false) => Cow::Owned(format!("{host}/{path}")),
    }
}

/// Completes a name without tag and digest: `ubuntu` is `docker.io/library/ubuntu`. `None` if it is
/// no name.
pub fn complete(name: &str) -> Option<String> {
    let (domain, path) = match name.split_once('/') {
        Some((first, rest)) if is_domain(first) => (first, rest),
        _ => (DEFAULT_DOMAIN, name),
    };
    let domain = if domain == "index.docker.io" { DEFAULT_DOMAIN } else { domain };
    if !is_domain_text(domain) || !path.split('/').all(is_path_component) {
        return None;
    }
    match (domain, path.contains('/')) {
        (DEFAULT_DOMAIN, false) => Some([DEFAULT_DOMAIN, "/library/", path].concat()),
        _ => Some([domain, "/", path].concat()),
    }
}

/// Whether the daemon may take it for the beginning of an identifier (`digestset.Lookup`): digits,
/// be it a single one, alone or as the tag of `sha256`.
fn begins_id(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(is_lower_hex)
}

/// The tag stands behind the last colon, unless that belongs to a registry's port.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    }
}

/// Whether the text before the first slash is a registry rather than a part of the path.
fn is_domain(text: &str) -> bool {
    text == "localhost"
        || text.contains(['.', ':'])
        || text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_domain_text(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_host = match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']').is_some_and(is_ipv6),
        None => host.split('.').all(is_label),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_host && port.is_none_or(is_port)
}

/// The daemon looks no closer.
fn is_ipv6(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    !text.is_empty() && text.bytes().all(is_part)
}

fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let has_dash = text.starts_with('-') || text.ends_with('-');
    !text.is_empty() && !has_dash && text.bytes().all(is_inner)
}

/// Lower-case words joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.iter().all(|end| end.is_some_and(is_word))
        && text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).all(|joint| {
            matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    const TAG_MAX: usize = 128;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= TAG_MAX
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

/// An algorithm that the daemon knows, a colon, and as many lower-case digits as that has.
fn is_digest(text: &str) -> bool {
    let known = [("sha256", ID_DIGITS), ("sha384", 96), ("sha512", 128)];
    text.split_once(':').is_some_and(|(algorithm, digits)| {
        known.contains(&(algorithm, digits.len())) && digits.bytes().all(is_lower_hex)
    })
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn named(text: &str) -> ImageName {
        match ImageRef::parse(text).unwrap() {
            ImageRef::Named(name) => name,
            ImageRef::Id(id) => panic!("{text} is the identifier {id}"),
        }
    }

    #[test]
    fn names_are_completed() {
        let table = [
            ("ubuntu", "docker.io/library/ubuntu", Some("latest")),
            ("ubuntu:16.04", "docker.io/library/ubuntu", Some("16.04")),
            ("library/ubuntu", "docker.io/library/ubuntu", Some("latest")),
            ("docker.io/ubuntu", "docker.io/library/ubuntu", Some("latest")),
            ("index.docker.io/library/ubuntu:x", "docker.io/library/ubuntu", Some("x")),
            ("team/app", "docker.io/team/app", Some("latest")),
            ("localhost/app", "localhost/app", Some("latest")),
            ("localhost:5000", "docker.io/library/localhost", Some("5000")),
            ("localhost:5000/team/app:1", "localhost:5000/team/app", Some("1")),
            ("registry.example/a/b/c", "registry.example/a/b/c", Some("latest")),
            ("FOO/bar", "FOO/bar", Some("latest")),
            ("[::1]:5000/app", "[::1]:5000/app", Some("latest")),
            ("[::1]/app", "[::1]/app", Some("latest")),
        ];
        for (text, repository, tag) in table {
            let name = named(text);
            assert_eq!((name.repository(), name.tag()), (repository, tag), "{text}");
        }
    }

    #[test]
    fn digests_stand_alone_or_beside_a_tag() {
        let alone = named(&format!("ubuntu@{DIGEST}"));
        assert_eq!((alone.tag(), alone.digest()), (None, Some(DIGEST)));
        let both = named(&format!("ubuntu:16.04@{DIGEST}"));
        assert_eq!((both.tag(), both.digest()), (Some("16.04"), Some(DIGEST)));
    }

    #[test]
    fn identifiers_are_no_names() {
        let digits = DIGEST.strip_prefix("sha256:").unwrap();
        for text in [DIGEST, digits] {
            assert_eq!(ImageRef::parse(text), Ok(ImageRef::Id(digits.to_owned())));
        }
        assert!(named("cafe").maybe_id() && named("sha256:0d3b").maybe_id());
        assert_eq!(ImageRef::parse("cafe").unwrap().as_asked(), "cafe");
        let in_full = [
            ("app", "docker.io/library/app:latest"),
            // Shortened it would be `docker.io/a/b`.
            ("library/a/b:1", "docker.io/library/a/b:1"),
            ("docker.io/x.y/b:1", "docker.io/x.y/b:1"),
            ("Registry.Example/b:1", "Registry.Example/b:1"),
            ("cafe:1", "docker.io/library/cafe:1"),
        ];
        for (text, asked) in in_full {
            assert_eq!(ImageRef::parse(text).unwrap().as_asked(), asked);
            assert_eq!(ImageRef::parse(&named(text).to_string()).unwrap().as_asked(), asked);
        }
        let both = format!("a:1@{DIGEST}");
        let asked = format!("docker.io/library/{both}");
        assert_eq!(ImageRef::parse(&both).unwrap().as_asked(), asked);
        assert_eq!(ImageRef::parse("sha256:0d3b").unwrap().as_asked(), "sha256:0d3b");
        for text in ["cafe:latest", "sha256:CAFE", "sha512:cafe", "library/cafe", "sha256"] {
            assert!(!named(text).maybe_id(), "{text}");
        }
    }

    #[test]
    fn what_the_daemon_refuses() {
        assert!(ImageRef::parse(&"a".repeat(REFERENCE_BYTES_MAX + 1)).is_err());
        for text in [
            "",
            "UPPER",
            "a/UPPER",
            "app:",
            "app:a:b",
            "app@sha256:12",
            "app@sha256:0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
            "app@md5:0123456789abcdef0123456789abcdef",
            "app@",
            "[::1/a",
            "[]/a",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a//b",
            "/a",
            "a/",
            "a b",
            "[::1]:5000",
            "app:.x",
            "host.x:port/a",
            "a@b@c",
            "-x.y/a",
            "a\n",
        ] {
            assert!(ImageRef::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_shown_in_their_short_form() {
        assert_eq!(named("docker.io/library/ubuntu").to_string(), "ubuntu:latest");
        assert_eq!(named("docker.io/team/app:1").to_string(), "team/app:1");
        assert_eq!(named("registry.example/app:1").to_string(), "registry.example/app:1");
    }
}
