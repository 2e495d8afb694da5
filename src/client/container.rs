//! Containers by name, label or image.

use super::identity::Container;
use super::pattern::NamePattern;
use crate::image::{ImageName, ImageRef, complete};

/// Which containers are meant: each of the lists that are not empty must have one that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerMatch {
    /// By name.
    pub names: Vec<NamePattern>,
    /// By label.
    pub labels: Vec<LabelMatch>,
    /// By image.
    pub images: Vec<ImagePattern>,
}

/// A label with a value, or with any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMatch {
    text: String,
    key: String,
    value: Option<String>,
}

/// An image: one, every tag of a repository, or everything below a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePattern {
    text: String,
    meant: Meant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meant {
    Id(String),
    Below(String),
    Repository(String),
    One(ImageName),
}

impl ContainerMatch {
    /// Whether a container is meant.
    #[must_use]
    pub fn fits(&self, container: &Container) -> bool {
        let Self { names, labels, images } = self;
        (names.is_empty() || names.iter().any(|name| name.fits(&container.name)))
            && (labels.is_empty() || labels.iter().any(|label| label.fits(&container.labels)))
            && (images.is_empty() || images.iter().any(|image| image.fits(container)))
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        let Self { names, labels, images } = self;
        covers(names, &other.names, NamePattern::covers)
            && covers(labels, &other.labels, LabelMatch::covers)
            && covers(images, &other.images, |one, other| one == other)
    }
}

/// Whether each of `others` is within one of `list`; an empty list is everything.
pub(super) fn covers<T>(list: &[T], others: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
    let is_covered = |other| list.iter().any(|one| covers(one, other));
    list.is_empty() || (!others.is_empty() && others.iter().all(is_covered))
}

impl LabelMatch {
    /// Reads `key=value`, or `key` for any value.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        match key.is_empty() {
            true => Err(format!("`{}` is not a label: key=value, or key", text.escape_debug())),
            false => Ok(Self { text: text.to_owned(), key: key.to_owned(), value }),
        }
    }

    /// As it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn fits(&self, labels: &[(String, String)]) -> bool {
        let is_value = |value: &str| self.value.as_ref().is_none_or(|own| own == value);
        labels.iter().any(|(key, value)| *key == self.key && is_value(value))
    }

    fn covers(&self, other: &Self) -> bool {
        self.key == other.key && (self.value.is_none() || self.value == other.value)
    }
}

impl ImagePattern {
    /// Reads an image, a repository without a tag, or `registry.example/team/*`.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |reason: &dyn std::fmt::Display| {
            format!("`{}` is not an image: {reason}", text.escape_debug())
        };
        let meant = match text.strip_suffix("/*") {
            Some(prefix) => {
                // Completed as a repository below it would be.
                let below =
                    complete(&format!("{prefix}/x")).ok_or_else(|| wrong(&"no such prefix"))?;
                Meant::Below(below.strip_suffix('x').unwrap_or(&below).to_owned())
            }
            None => match ImageRef::parse(text).map_err(|error| wrong(&error))? {
                ImageRef::Id(id) => Meant::Id(id),
                ImageRef::Named(name) => match complete(text) {
                    Some(repository) => Meant::Repository(repository),
                    None => Meant::One(name),
                },
            },
        };
        Ok(Self { text: text.to_owned(), meant })
    }

    /// As it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn fits(&self, container: &Container) -> bool {
        let digits = |id: &str| id.strip_prefix("sha256:").unwrap_or(id).to_owned();
        let asked = ImageRef::parse(&container.image);
        match (&self.meant, asked) {
            (Meant::Id(id), _) => digits(id) == digits(&container.image_id),
            (Meant::Below(prefix), Ok(ImageRef::Named(name))) => {
                name.repository().starts_with(prefix.as_str())
            }
            (Meant::Repository(repository), Ok(ImageRef::Named(name))) => {
                name.repository() == repository
            }
            (Meant::One(one), Ok(ImageRef::Named(name))) => {
                let same_digest = one.digest().is_none_or(|digest| name.digest() == Some(digest));
                let same_tag = one.digest().is_some() || one.tag() == name.tag();
                one.repository() == name.repository() && same_tag && same_digest
            }
            (_, Ok(ImageRef::Id(_)) | Err(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    fn container(name: &str, label: (&str, &str), image: &str) -> Container {
        Container {
            id: "ab".repeat(32),
            name: name.to_owned(),
            labels: vec![(label.0.to_owned(), label.1.to_owned())],
            image: image.to_owned(),
            image_id: format!("sha256:{}", "cd".repeat(32)),
        }
    }

    #[test]
    fn labels_are_read_to_the_letter() {
        for (text, key, value, expected) in [
            ("role=dashboard", "role", "dashboard", true),
            ("role=dashboard", "role", "Dashboard", false),
            ("role=dashboard", "Role", "dashboard", false),
            ("role", "role", "", true),
            ("role=", "role", "x", false),
            ("role=a=b", "role", "a=b", true),
        ] {
            let label = LabelMatch::parse(text).unwrap();
            assert_eq!(label.fits(&[(key.to_owned(), value.to_owned())]), expected, "{text}");
        }
        assert!(LabelMatch::parse("=x").is_err() && LabelMatch::parse("").is_err());
    }

    #[test]
    fn images_are_compared_completed() {
        let id = "cd".repeat(32);
        for (pattern, image, expected) in [
            ("team/app", "docker.io/team/app:7", true),
            ("team/app:7", "team/app:7", true),
            ("team/app:7", "team/app", false),
            ("team/app:latest", "team/app", true),
            ("team/*", "team/app:1", true),
            ("team/*", "teams/app:1", false),
            ("registry.example/team/*", "registry.example/team/a/b", true),
            ("team/app", &id, false),
            (&format!("sha256:{id}"), "whatever", true),
        ] {
            let pattern = ImagePattern::parse(pattern).unwrap();
            let container = container("a", ("b", "c"), image);
            assert_eq!(pattern.fits(&container), expected, "{pattern:?} {image}");
        }
        assert!(ImagePattern::parse("A B").is_err() && ImagePattern::parse("*").is_err());
    }

    #[test]
    fn all_kinds_must_fit_and_of_each_one() {
        let names = vec![NamePattern::parse("web-*").unwrap(), NamePattern::parse("db").unwrap()];
        let labels = vec![LabelMatch::parse("role").unwrap()];
        let both = ContainerMatch { names, labels, images: Vec::new() };
        assert!(both.fits(&container("web-1", ("role", "x"), "a")));
        assert!(both.fits(&container("db", ("role", "x"), "a")));
        assert!(!both.fits(&container("db", ("rule", "x"), "a")));
        assert!(!both.fits(&container("dc", ("role", "x"), "a")));
    }
}
