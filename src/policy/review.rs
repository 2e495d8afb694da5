//! What plugins are asked about a request that no rule forbids, and what they say: plain values, as
//! `facts` are. The side that asks the plugins knows what they are.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::image::ImageRef;
use crate::policy::shown::Sentence;

/// What a request wants an image for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A container of it.
    Create,
    /// A service whose containers are of it.
    Service,
    /// To have it.
    Pull,
    /// To build upon it, or to have it do a part of the building.
    Build,
}

/// The purposes that are asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purposes {
    /// Containers are.
    pub create: bool,
    /// Services are.
    pub service: bool,
    /// Pulls are.
    pub pull: bool,
    /// Builds are.
    pub build: bool,
}

impl Purposes {
    /// Whether this one is among them.
    pub fn contain(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Create => self.create,
            Purpose::Service => self.service,
            Purpose::Pull => self.pull,
            Purpose::Build => self.build,
        }
    }

    /// These and those.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            create: self.create || other.create,
            service: self.service || other.service,
            pull: self.pull || other.pull,
            build: self.build || other.build,
        }
    }
}

/// The image that a request uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AskedImage {
    /// What for.
    pub purpose: Purpose,
    /// As the client wrote it.
    pub given: String,
    /// As it is understood.
    pub image: ImageRef,
    /// Whether all images of the repository are meant, not the one with the tag.
    pub every_tag: bool,
}

impl AskedImage {
    /// The most images of one build that plugins are asked about, one after the other.
    pub const OF_BUILD_MAX: usize = 64;

    /// The images that a build uses, each once, as far as they are named; of more than plugins are asked
    /// about one too many.
    pub fn of_build<'a>(images: impl Iterator<Item = &'a ImageRef>) -> Vec<Self> {
        let mut asked: Vec<Self> = Vec::new();
        for image in images {
            if asked.len() <= Self::OF_BUILD_MAX && !asked.iter().any(|it| it.image == *image) {
                let (purpose, given) = (Purpose::Build, image.to_string());
                asked.push(Self { purpose, given, image: image.clone(), every_tag: false });
            }
        }
        asked
    }
}

/// Held by the side that waits for an answer; without it, nobody waits.
#[derive(Debug, Clone, Default)]
pub struct CancelGuard(Arc<()>);

impl CancelGuard {
    /// Tells whether somebody still waits.
    pub fn token(&self) -> CancelToken {
        CancelToken(Arc::downgrade(&self.0))
    }
}

/// Whether the answer to a question still matters.
#[derive(Debug, Clone)]
pub struct CancelToken(Weak<()>);

impl CancelToken {
    /// Nobody waits any more.
    pub fn is_cancelled(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// A question to the plugins.
#[derive(Debug, Clone)]
pub struct ReviewRequest {
    /// Names the request among all: the lines of the log about what plugins say of it have it too.
    pub request: String,
    /// The image in question.
    pub asked: AskedImage,
    /// The image that the rules have judged, by its `sha256:…`, if they had to know it: plugins judge
    /// the same one, whatever its name means meanwhile.
    pub pinned: Option<String>,
    /// What was said of this request before.
    pub before: Option<Review>,
    /// The request's method.
    pub method: String,
    /// Its path, decoded.
    pub path: String,
    /// The body as it would be forwarded, with the image as the client named it; none for a pull.
    /// The side that waits holds it: wherever the question is kept, the body goes with those who wait. In a
    /// vector, as a slice would stay in memory for as long as it has a count of its holders.
    pub body: Option<Weak<Vec<u8>>>,
    /// Where it comes from.
    pub client: String,
    /// Whether the answer still matters.
    pub cancel: CancelToken,
}

impl ReviewRequest {
    /// By what to look for the image.
    pub fn sought(&self) -> ImageRef {
        match &self.pinned {
            Some(id) => ImageRef::Id(id.strip_prefix("sha256:").unwrap_or(id).to_owned()),
            None => self.asked.image.clone(),
        }
    }

    /// What was said before, if it was about the image that is seen now. What is on this host is of no
    /// matter to a pull.
    pub fn still_said(&self, seen: &ImageSeen) -> Option<Review> {
        let is_same =
            |before: &&Review| before.image == *seen || self.asked.purpose == Purpose::Pull;
        let before = self.before.as_ref().filter(is_same)?;
        Some(Review { source: Source::Before, ..before.clone() })
    }
}

/// How one plugin answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginVerdict {
    /// The image is safe.
    Allow,
    /// It is not.
    Deny,
    /// The plugin could not tell.
    Error,
    /// It has not answered in time.
    Timeout,
}

impl fmt::Display for PluginVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
            Self::Timeout => "timeout",
        })
    }
}

/// What one plugin said, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginResult {
    /// The plugin, by its name in the configuration.
    pub plugin: Arc<str>,
    /// How it answered.
    pub verdict: PluginVerdict,
    /// Why; for the log.
    pub reason: Arc<str>,
    /// Whether the verdict was kept from before.
    pub cached: bool,
    /// Whether the request is refused for it: after an error or a timeout the configuration says.
    pub refuses: bool,
}

/// Why the plugins refuse a request: the first of them that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PluginRefusal<'a>(&'a PluginResult);

impl PluginRefusal<'_> {
    /// The answer's status: `403` if the image is not safe, `503` if that could not be found out.
    pub fn status(&self) -> u16 {
        match self.0.verdict {
            PluginVerdict::Allow | PluginVerdict::Deny => 403,
            PluginVerdict::Error | PluginVerdict::Timeout => 503,
        }
    }
}

/// What the client is told: of errors only that there was one, the log has the rest.
impl fmt::Display for PluginRefusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PluginResult { plugin, verdict, reason, .. } = self.0;
        match verdict {
            PluginVerdict::Allow | PluginVerdict::Deny if reason.is_empty() => {
                write!(f, "plugin {plugin}: the image is not safe")
            }
            PluginVerdict::Allow | PluginVerdict::Deny => {
                write!(f, "plugin {plugin}: {}", Sentence(reason))
            }
            PluginVerdict::Error => write!(f, "plugin {plugin} failed, see SecDocker's log"),
            PluginVerdict::Timeout => write!(f, "plugin {plugin} has not answered in time"),
        }
    }
}

/// What the plugins said: all of them, or those up to the first that refuses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinions {
    /// One result a plugin.
    pub results: Vec<PluginResult>,
}

impl Opinions {
    /// Why the request is refused, if it is.
    pub fn refusal(&self) -> Option<PluginRefusal<'_>> {
        self.results.iter().find(|result| result.refuses).map(PluginRefusal)
    }
}

/// Which image the daemon had when plugins were asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSeen {
    /// The one with this `sha256:…`.
    One(String),
    /// None.
    None,
    /// It could not be asked.
    Unknown,
}

/// Where an advice comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Plugins were asked, which takes time: what the rules have judged may be something else meanwhile.
    Fresh,
    /// All of it was known from other requests.
    Cached,
    /// It is what was said of this request before.
    Before,
}

/// What the plugins said, and about which image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// What they said.
    pub opinions: Opinions,
    /// What it is about.
    pub image: ImageSeen,
    /// Where it comes from.
    pub source: Source,
}

impl Review {
    /// What was said just now.
    pub fn new(opinions: Opinions, image: ImageSeen) -> Self {
        let is_kept = opinions.results.iter().all(|result| result.cached);
        let source = if is_kept { Source::Cached } else { Source::Fresh };
        Self { opinions, image, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(verdict: PluginVerdict, reason: &str, refuses: bool) -> PluginResult {
        let (plugin, reason) = ("anchore".into(), reason.into());
        PluginResult { plugin, verdict, reason, cached: false, refuses }
    }

    #[test]
    fn the_first_refusal_counts_and_errors_keep_their_details() {
        let table = [
            (result(PluginVerdict::Deny, "6 of 5", true), 403, "plugin anchore: 6 of 5"),
            (result(PluginVerdict::Deny, "", true), 403, "plugin anchore: the image is not safe"),
            (result(PluginVerdict::Deny, "\u{1b}[2J", true), 403, "plugin anchore: \\u{1b}[2J"),
            (
                result(PluginVerdict::Error, "password x", true),
                503,
                "plugin anchore failed, see SecDocker's log",
            ),
            (
                result(PluginVerdict::Timeout, "60 s", true),
                503,
                "plugin anchore has not answered in time",
            ),
        ];
        for (refusing, status, text) in table {
            let results = vec![result(PluginVerdict::Error, "", false), refusing];
            let opinions = Opinions { results };
            let refusal = opinions.refusal().map(|refusal| (refusal.status(), refusal.to_string()));
            assert_eq!(refusal, Some((status, text.to_owned())));
        }
        let agreed = Opinions { results: vec![result(PluginVerdict::Error, "", false)] };
        assert_eq!(agreed.refusal(), None);
    }

    #[test]
    fn each_image_of_a_build_is_asked_about_however_often_another_is_named() {
        let image = |text: &str| ImageRef::parse(text).ok();
        let (one, other) = (image("a:1"), image("evil:1"));
        let often = std::iter::repeat_n(&one, 1000).chain([&other]).flatten();
        let asked: Vec<_> = AskedImage::of_build(often).into_iter().map(|it| it.given).collect();
        assert_eq!(asked, ["a:1", "evil:1"]);
        let many: Vec<_> = (0..1000).filter_map(|at| image(&format!("a:{at}"))).collect();
        assert_eq!(AskedImage::of_build(many.iter()).len(), AskedImage::OF_BUILD_MAX + 1);
    }

    #[test]
    fn who_waits_is_told_from_who_does_not() {
        let waits = CancelGuard::default();
        let waited = waits.token();
        assert!(!waited.is_cancelled());
        drop(waits);
        assert!(waited.is_cancelled());
    }
}
