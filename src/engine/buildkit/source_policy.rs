//! What the daemon itself is told to deny: the images that rules forbid, wherever instructions name them
//! (BuildKit's `sourcepolicy/pb/policy.proto`).
//!
//! A policy is appended to the message, so that its rules stand behind those of the client, and the last
//! rule that matches decides. There are rules to deny only: their order means nothing.
//!
//! Identifiers of sources are compared as text until BuildKit 0.32, and instructions can spell them in many
//! ways that mean the same image: `%75buntu`, `x/../ubuntu`, `me@docker.io/…`. So a first rule denies
//! whatever is not spelt plainly, and a second one the names.

use super::proto::{write_bytes, write_number};
use crate::image::ImageName;
use crate::policy::Policy;
use crate::policy::facts::Facts;
use crate::policy::images::{ForbiddenImage, Meant};

/// The longest regular expression that the daemon is given, in bytes.
const EXPRESSION_BYTES_MAX: usize = 256 * 1024;

/// More is forbidden than the daemon can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("too many images have a forbidden name for BuildKit to be told of all")
    }
}

/// A policy to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forced {
    /// A `SourcePolicy`.
    pub message: Vec<u8>,
    /// How many names and digests it denies, for the log.
    pub rules: usize,
}

/// The policy that keeps builds from what rules forbid; none if no rule is about images.
///
/// # Errors
/// [`TooLong`] if it would be.
pub fn forced(policy: &Policy, facts: &Facts) -> Result<Option<Forced>, TooLong> {
    if policy.images.is_empty() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for rule in &policy.images {
        push(&mut names, pattern(&rule.meant()));
    }
    for image in policy.forbidden_images(facts) {
        let ForbiddenImage { id, names: others } = image;
        for name in others {
            // Its content is denied by its digest.
            if let Some(tag) = name.tag() {
                let tag = if tag == "latest" {
                    "(?::latest)?".to_owned()
                } else {
                    format!(":{}", literal(tag))
                };
                push(&mut names, format!("{}{tag}(?:@.*)?", repository(&name.compared())));
            }
            name.digest().into_iter().for_each(|digest| push(&mut names, anywhere(digest)));
        }
        push(&mut names, anywhere(id));
    }
    let expression = format!("^docker-image[^:]*://(?:{})$", names.join("|"));
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Err(TooLong);
    }
    Ok(Some(Forced { message: deny(&[ODD, &expression]), rules: names.len() }))
}

fn push(names: &mut Vec<String>, name: String) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// Whatever image is not named plainly: letters, digits and marks that no name has; a user, an empty port or
/// a dot at the end of a host; no host at all (the first step has neither a dot nor a colon, and is not
/// `localhost`), where the daemon takes Docker Hub's; addresses in another form than four plain numbers; empty steps of the path,
/// `.` and `..`, at its beginning, within it and at its end; upper case in the path; an empty tag or digest.
pub const ODD: &str = concat!(
    r"(?s)^docker-image[^:]*:(.*[^A-Za-z0-9._:@/+\[\]-]",
    r"|//[^/]*(@|[.:]/)",
    r"|//[^/]*$",
    r"|//(?:[^l/.:][^/.:]*|l(?:[^o/.:][^/.:]*|o(?:[^c/.:][^/.:]*|c(?:[^a/.:][^/.:]*|a(?:[^l/.:][^/.:]*|l(?:[^h/.:][^/.:]*|h(?:[^o/.:][^/.:]*|o(?:[^s/.:][^/.:]*|s(?:[^t/.:][^/.:]*|t[^/.:]+)?)?)?)?)?)?)?)?)?/",
    r"|//[0-9]+(\.[0-9]+){0,2}(:[0-9]*)?/",
    r"|//([0-9]+\.)*0[0-9xX][0-9a-fA-FxX.]*(:[0-9]*)?/",
    r"|//[^/]*/.*(//|/\.{1,2}([/:@]|$)|/([:@]|$)|:([:@]|$)|@$)",
    r"|//[^/]*//",
    r"|//[^/]*/\.{1,2}([/:@]|$)",
    r"|//[^/]*/([:@]|$)",
    r"|//[^/]*/[^:@]*[A-Z]",
    r"|[^/]|/[^/]|/?$)",
);

/// The names that are meant, as far behind `docker-image://` as the end.
fn pattern(meant: &Meant<'_>) -> String {
    match meant {
        Meant::Below(prefix) => match prefix.strip_prefix("docker.io/library/") {
            Some("") => format!("{HUB}/(?:library/.*|[^/]+)"),
            _ => format!("{}.*", repository(prefix)),
        },
        Meant::Repository(name) => format!("{}(?:[:@].*)?", repository(name)),
        Meant::Image(name) => format!("{}{}", repository(&name.compared()), version(name)),
    }
}

/// `docker.io` by all its names.
const HUB: &str =
    r"(?i:(?:(?:index|registry-1)\.)?docker\.io|(?:registry\.)?hub\.docker\.com)(?::0*443)?";

/// A repository in the form in which names are compared, in every spelling of its registry.
fn repository(compared: &str) -> String {
    let (host, path) = compared.split_once('/').unwrap_or(("", compared));
    if host == "docker.io" {
        return match path.strip_prefix("library/") {
            Some(path) => format!("{HUB}/(?:library/)?{}", literal(path)),
            None => format!("{HUB}/{}", literal(path)),
        };
    }
    let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let host = match host.rsplit_once(':').filter(|(_, it)| port(it)) {
        Some((host, port)) => {
            let port = port.trim_start_matches('0');
            format!("(?i:{}):0*{port}", literal(host))
        }
        None => format!("(?i:{})(?::0*443)?", literal(host)),
    };
    format!("{host}/{}", literal(path))
}

/// What stands behind the repository: the tag that is meant, and any digest, which may be of it.
fn version(name: &ImageName) -> String {
    match (name.tag(), name.digest()) {
        (Some("latest"), None) => "(?:(?::latest)?(?:@.*)?)".to_owned(),
        (Some(tag), None) => format!("(?::{}(?:@.*)?|@.*)", literal(tag)),
        (None, Some(digest)) => format!("(?::[^@]*)?@{}", literal(digest)),
        (Some(tag), Some(digest)) => {
            format!("(?::{}(?:@.*)?|(?::[^@]*)?@{})", literal(tag), literal(digest))
        }
        (None, None) => "(?:[:@].*)?".to_owned(),
    }
}

/// This content by any name.
fn anywhere(digest: &str) -> String {
    format!(".*@{}", literal(digest))
}

/// A text that means itself in a regular expression (RE2).
fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '/' | ':' | '@') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// A policy that denies whatever matches one of these regular expressions.
#[must_use]
pub fn deny(expressions: &[&str]) -> Vec<u8> {
    const DENY: u64 = 1;
    const REGEX: u64 = 2;
    let mut policy = Vec::new();
    write_number(&mut policy, 1, 1);
    for expression in expressions {
        let (mut selector, mut rule) = (Vec::new(), Vec::new());
        write_bytes(&mut selector, 1, expression.as_bytes());
        write_number(&mut selector, 2, REGEX);
        write_number(&mut rule, 1, DENY);
        write_bytes(&mut rule, 2, &selector);
        write_bytes(&mut policy, 2, &rule);
    }
    policy
}
