//! The image as the daemon has it, with the names of its registries completed.

use std::collections::BTreeSet;

use secdocker_plugin::{Image, Request};

use crate::reference::{self, ImageName, ImageRef};
use crate::stop::Stop;

/// `repository@digest`: that repository of that registry has, or had, the image under that digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepoDigest {
    /// Registry and path in full: `docker.io/library/app`.
    pub repository: String,
    /// `sha256:…`
    pub digest: String,
}

/// An image that the daemon has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalImage {
    /// `sha256:…`
    pub id: String,
    /// Where it came from or went to. One image may have several in one repository.
    pub repo_digests: BTreeSet<RepoDigest>,
}

impl LocalImage {
    /// With what the daemon calls `Id` and `RepoDigests`. An entry that is no name with a digest says
    /// nothing and is left out; so is `<none>@<none>`.
    pub fn new(id: &str, repo_digests: &[String]) -> Self {
        let repo_digests = repo_digests.iter().filter_map(|entry| {
            let (name, digest) = entry.split_once('@')?;
            let ImageRef::Named(_) = ImageRef::parse(entry).ok()? else { return None };
            let repository = reference::complete(name)?;
            Some(RepoDigest { repository, digest: digest.to_owned() })
        });
        Self { id: id.to_owned(), repo_digests: repo_digests.collect() }
    }

    /// The digests that the image has in this repository.
    pub fn digests_in<'a>(&'a self, name: &'a ImageName) -> impl Iterator<Item = &'a str> {
        let is_meant =
            |entry: &&RepoDigest| reference::comparable(&entry.repository) == name.compared();
        self.repo_digests.iter().filter(is_meant).map(|entry| entry.digest.as_str())
    }

    /// Whether some repository has it under this digest.
    pub fn has_digest(&self, digest: &str) -> bool {
        self.repo_digests.iter().any(|entry| entry.digest == digest)
    }
}

/// What a request wants an image for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A container on this host: what is here is what runs.
    Create,
    /// A service, whose nodes fetch the image themselves.
    Service,
    /// To have it here.
    Pull,
}

impl Purpose {
    fn of(request: &Request<'_>) -> Self {
        let path = request.path();
        let path = match path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) {
            Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => rest,
            _ => path.trim_start_matches('/'),
        };
        match path {
            "images/create" => Self::Pull,
            // A build fetches what it is built upon, or has it here: by its name, as a service.
            "build" => Self::Service,
            path if path.starts_with("services/") => Self::Service,
            path if path.starts_with("moby.buildkit.") => Self::Service,
            _ => Self::Create,
        }
    }
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What for.
    pub purpose: Purpose,
    /// The image as it was named.
    pub reference: ImageRef,
    /// `None`: the daemon doesn't have it.
    pub local: Option<LocalImage>,
}

impl Asked {
    /// What SecDocker found out about the image. Of a pull it is not of interest what is here already:
    /// that is about to be replaced.
    ///
    /// # Errors
    /// [`Stop::Deny`] if it is about many images at once, [`Stop::Error`] as [`Asked::of`].
    pub fn by(request: &Request<'_>) -> Result<Self, Stop> {
        let (purpose, image) = (Purpose::of(request), request.image());
        if image.name.is_some() && image.tag.is_none() && image.digest.is_none() {
            let reason = "every tag at once can't be judged: pull one of them, or a digest";
            return Err(Stop::Deny(reason.to_owned()));
        }
        let parsed =
            || ImageRef::parse(&image.given).map_err(|error| Stop::Error(error.to_string()));
        let found = || Self::of(image).map_err(Stop::Error);
        match purpose {
            Purpose::Create => found(),
            // What this host would take for the beginning of an identifier is a name to the others.
            Purpose::Service => Ok(Self { purpose, reference: parsed()?, ..found()? }),
            Purpose::Pull => Ok(Self { purpose, reference: parsed()?, local: None }),
        }
    }

    /// What SecDocker found out about the image of a container.
    ///
    /// # Errors
    /// A sentence, if the name is none, or the daemon could not be asked.
    pub fn of(image: &Image) -> Result<Self, String> {
        let reference = ImageRef::parse(&image.given).map_err(|error| error.to_string())?;
        let local = match (image.present, &image.id) {
            (Some(false), _) => None,
            (Some(true), Some(id)) => Some(LocalImage::new(id, &image.repo_digests)),
            (Some(true), None) => return Err("the daemon did not tell the image's ID".to_owned()),
            (None, _) => return Err("the daemon could not be asked about the image".to_owned()),
        };
        Ok(Self { purpose: Purpose::Create, reference: named(reference, image), local })
    }
}

/// A text that the daemon took for the beginning of an identifier is one.
fn named(reference: ImageRef, image: &Image) -> ImageRef {
    match (&reference, &image.id) {
        (ImageRef::Named(name), Some(id)) if name.maybe_id() && image.name.is_none() => {
            ImageRef::Id(id.trim_start_matches("sha256:").to_owned())
        }
        _ => reference,
    }
}

/// Registry and path, taken apart: `docker.io` and `library/app`.
pub fn parts(repository: &str) -> (&str, &str) {
    repository.split_once('/').unwrap_or(("docker.io", repository))
}

/// A registry that a configuration names (`host`, or `host:port`), in the form in which those in names
/// are compared.
///
/// # Errors
/// A sentence, if no image's name could begin so.
pub fn registry(text: &str) -> Result<String, String> {
    let whole = reference::complete(&format!("{text}/x/x")).unwrap_or_default();
    let is_host = whole
        .strip_suffix("/x/x")
        .is_some_and(|name| name == text || (name, text) == ("docker.io", "index.docker.io"));
    match is_host && !text.contains('/') {
        true => Ok(parts(&reference::comparable(&whole)).0.to_owned()),
        false => Err("is not the name of a registry (host, or host:port)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use proptest::prelude::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    fn named(text: &str) -> ImageName {
        match ImageRef::parse(text).unwrap() {
            ImageRef::Named(name) => name,
            ImageRef::Id(id) => panic!("{id}"),
        }
    }

    fn image(json: serde_json::Value) -> Image {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn entries_are_compared_by_what_is_pulled() {
        let entries = [
            format!("app@{}", digest('1')),
            format!("docker.io/library/app@{}", digest('2')),
            format!("localhost:5000/app@{}", digest('3')),
            "<none>@<none>".to_owned(),
            "app".to_owned(),
            digest('4'),
        ];
        let local = LocalImage::new("sha256:00", &entries);
        let all = |text| local.digests_in(&named(text)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(all("index.docker.io/app:7"), [digest('1'), digest('2')]);
        assert_eq!(all("localhost:5000/app"), [digest('3')]);
        assert_eq!(all("team/app"), [""; 0]);
        assert!(local.has_digest(&digest('3')) && !local.has_digest(&digest('4')));
    }

    #[test]
    fn registries_have_one_name() {
        for (text, name) in [
            ("r.example:443", "r.example"),
            ("R.example:5000", "r.example:5000"),
            ("index.docker.io", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(registry(text).as_deref(), Ok(name));
        }
        for wrong in ["", "app", "team/app", "r.example/team", "a b", "https://r.example"] {
            assert!(registry(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_secdocker_found_out() {
        let absent = image(serde_json::json!({"given": "app", "present": false}));
        assert_eq!(Asked::of(&absent).unwrap().local, None);
        let there = serde_json::json!({"given": "app", "name": "docker.io/library/app:latest",
            "present": true, "id": digest('a'), "repo_digests": []});
        assert_eq!(Asked::of(&image(there)).unwrap().local.unwrap().id, digest('a'));
        let by_id = serde_json::json!({"given": "aaaa", "present": true, "id": digest('a')});
        assert_eq!(Asked::of(&image(by_id)).unwrap().reference, ImageRef::Id("a".repeat(64)));
        for wrong in [
            serde_json::json!({"given": "app"}),
            serde_json::json!({"given": "app", "present": true}),
            serde_json::json!({"given": "a\"b", "present": false}),
        ] {
            assert!(Asked::of(&image(wrong)).is_err());
        }
    }

    #[test]
    fn what_is_fetched_is_not_what_is_here() {
        for (path, purpose) in [
            ("/containers/create", Purpose::Create),
            ("/services/create", Purpose::Service),
            ("/services/app/update", Purpose::Service),
            ("/build", Purpose::Service),
            ("/moby.buildkit.v1.Control/Solve", Purpose::Service),
            ("/images/create", Purpose::Pull),
        ] {
            for prefix in ["", "/v1.41"] {
                let json = serde_json::json!({"deadline_ms": 1, "client": {"address": "x"},
                    "http": {"method": "POST", "path": format!("{prefix}{path}")},
                    "image": {"given": "aaaa", "present": true, "id": digest('a'),
                        "repo_digests": []}, "create": null});
                let json = json.to_string();
                let asked = Asked::by(&Request::parse(json.as_bytes()).unwrap()).unwrap();
                assert_eq!(asked.purpose, purpose, "{prefix}{path}");
                assert_eq!(asked.local.is_some(), purpose != Purpose::Pull);
                let is_id = matches!(asked.reference, ImageRef::Id(_));
                assert_eq!(is_id, purpose == Purpose::Create);
            }
        }
    }

    #[test]
    fn a_pull_of_every_tag_is_refused() {
        let asked = |tag: Option<&str>, digest: Option<String>| {
            let image = serde_json::json!({"given": "app", "name": "docker.io/library/app",
                "registry": "docker.io", "repository": "library/app", "tag": tag,
                "digest": digest, "present": false, "repo_digests": []});
            let json = serde_json::json!({"deadline_ms": 1, "http": {"method": "POST",
                "path": "/v1.41/images/create"}, "image": image, "create": null});
            Asked::by(&Request::parse(json.to_string().as_bytes()).unwrap())
        };
        assert!(asked(Some("latest"), None).is_ok() && asked(None, Some(digest('a'))).is_ok());
        assert!(
            matches!(asked(None, None), Err(Stop::Deny(reason)) if reason.contains("every tag"))
        );
    }

    proptest! {
        #[test]
        fn no_entry_panics(entries in prop::collection::vec("\\PC{0,40}(@\\PC{0,90})?", 0..8)) {
            LocalImage::new("x", &entries);
        }
    }
}
