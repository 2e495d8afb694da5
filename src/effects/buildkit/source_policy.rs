//! What the daemon itself is told to deny: the images that rules forbid, wherever instructions name them
//! (BuildKit's `sourcepolicy/pb/policy.proto`).
//!
//! A policy is appended to the message, so that its rules stand behind those of the client, and the last
//! rule that matches decides. Where images are forbidden there are rules to deny only. Where images are
//! listed that may be used, all is denied first, then files and what is listed are allowed, and then what
//! is odd or forbidden is denied again; a client's own policy is not let through beside it.
//!
//! Identifiers of sources are compared as text until BuildKit 0.32, and instructions can spell them in many
//! ways that mean the same image: `%75buntu`, `x/../ubuntu`, `me@docker.io/…`. So a first rule denies
//! whatever is not spelt plainly, and a second one the names.

use super::proto::{write_bytes, write_number};
use crate::image::ImageName;
use crate::policy::Policy;
use crate::policy::facts::Facts;
use crate::policy::images::{ForbiddenImage, ImageRule, Meant};

/// The longest regular expression that the daemon is given, in bytes.
const EXPRESSION_BYTES_MAX: usize = 256 * 1024;

/// More is forbidden than the daemon can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("more images are forbidden, or not allowed, than BuildKit can be told of")
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
    let allowed = policy.allowed_images.list();
    if policy.images.is_empty() && allowed.is_none() {
        return Ok(None);
    }
    let (allowed, denied) = (allowed.map(allowed_names), denied_names(policy, facts)?);
    let count = allowed.as_ref().map_or(0, Vec::len) + denied.len();
    let mut rules = Vec::new();
    if let Some(names) = allowed {
        rules.push((Action::Deny, "(?s)^".to_owned()));
        rules.push((Action::Allow, FILES.to_owned()));
        rules.push((Action::Allow, format!("^docker-image://(?:{})$", any_of(&names))));
    }
    rules.push((Action::Deny, ODD.to_owned()));
    if !denied.is_empty() {
        rules.push((Action::Deny, format!("^docker-image[^:]*://(?:{})$", any_of(&denied))));
    }
    if rules.iter().any(|(_, expression)| expression.len() > EXPRESSION_BYTES_MAX) {
        return Err(TooLong);
    }
    Ok(Some(Forced { message: written(&rules), rules: count }))
}

/// Sources that are no images: what the client sends, and what is fetched as files.
const FILES: &str = "^(?:local|git|https?)://";

/// One of these; without any, nothing.
fn any_of(names: &[String]) -> String {
    if names.is_empty() { r"[^\s\S]".to_owned() } else { names.join("|") }
}

/// The names of what is forbidden and of what no list allows, and what has them by other names. A daemon may
/// have any number of images: no more is collected than it can be told.
fn denied_names(policy: &Policy, facts: &Facts) -> Result<Vec<String>, TooLong> {
    let mut names = Vec::new();
    for rule in &policy.images {
        push(&mut names, pattern(&rule.meant(), version));
    }
    let mut bytes = names.iter().map(String::len).sum::<usize>();
    let mut grows = |more: &[String]| {
        bytes += more.iter().map(String::len).sum::<usize>();
        if bytes > EXPRESSION_BYTES_MAX { Err(TooLong) } else { Ok(()) }
    };
    for ForbiddenImage { id, names: others } in policy.forbidden_images(facts) {
        let before = names.len();
        for name in others {
            // Its content is denied by its digest.
            if let Some(tag) = name.tag() {
                push(&mut names, format!("{}{}", repository(&name.compared()), this_tag(tag)));
            }
        }
        contents(id, others).for_each(|content| push(&mut names, content));
        grows(names.get(before..).unwrap_or_default())?;
    }
    // Their names are not allowed; but beside an allowed name may stand any digest. Each has its own.
    for ForbiddenImage { id, names: others } in policy.unlisted_images(facts) {
        let before = names.len();
        names.extend(contents(id, others));
        grows(names.get(before..).unwrap_or_default())?;
    }
    Ok(names)
}

/// The digests of an image, by any name.
fn contents<'a>(id: &'a str, names: &'a [ImageName]) -> impl Iterator<Item = String> + 'a {
    names.iter().filter_map(ImageName::digest).chain([id]).map(anywhere)
}

/// The names that a list allows.
fn allowed_names(list: &[ImageRule]) -> Vec<String> {
    list.iter().map(|rule| pattern(&rule.meant(), allowed_version)).collect()
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
fn pattern(meant: &Meant<'_>, version: fn(&ImageName) -> String) -> String {
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

/// The same where only what is listed is meant. A digest stands beside each tag that was looked up at a
/// registry.
fn allowed_version(name: &ImageName) -> String {
    match (name.tag(), name.digest()) {
        (_, Some(digest)) => format!("(?::[^@]*)?@{}", literal(digest)),
        (Some(tag), None) => this_tag(tag),
        (None, None) => "(?:[:@].*)?".to_owned(),
    }
}

/// This tag, with any digest.
fn this_tag(tag: &str) -> String {
    match tag {
        "latest" => "(?::latest(?:@.*)?)?".to_owned(),
        tag => format!(":{}(?:@.*)?", literal(tag)),
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

/// What becomes of a source that a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Deny,
}

/// A policy that denies whatever matches one of these regular expressions.
#[must_use]
pub fn deny(expressions: &[&str]) -> Vec<u8> {
    let deny = |expression: &&str| (Action::Deny, (*expression).to_owned());
    written(&expressions.iter().map(deny).collect::<Vec<_>>())
}

fn written(rules: &[(Action, String)]) -> Vec<u8> {
    const REGEX: u64 = 2;
    let mut policy = Vec::new();
    write_number(&mut policy, 1, 1);
    for (action, expression) in rules {
        let (mut selector, mut rule) = (Vec::new(), Vec::new());
        write_bytes(&mut selector, 1, expression.as_bytes());
        write_number(&mut selector, 2, REGEX);
        write_number(&mut rule, 1, u64::from(*action == Action::Deny));
        write_bytes(&mut rule, 2, &selector);
        write_bytes(&mut policy, 2, &rule);
    }
    policy
}
