//! The daemon's answers about images and networks, as far as rules are about them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::memory::{self, Identity};
use crate::image::{ImageName, ImageRef};
use crate::policy::facts::{ImageFacts, NamedImage, NetworkFacts, NodeFacts, Runtimes};
use crate::policy::images::ImageRule;
use crate::policy::subnets::Subnet;
use crate::policy::types::{EnvironmentEntry, UserSpec};
use crate::policy::versions::ApiVersion;

/// The most subnets of a network that is remembered.
const KEPT_SUBNETS_MAX: usize = 16;

/// The most variables of one image that are read; of an image with more nothing is known.
const VARIABLES_MAX: usize = 4096;

/// The part of Engine API `ImageInspect` that rules are about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    config: Option<Config>,
    #[serde(default)]
    manifests: Option<Vec<Manifest>>,
}

/// What an image of several platforms consists of (from Engine API 1.47 on, containerd's image store).
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(rename = "ID")]
    id: String,
}

impl Image {
    fn named(&self) -> NamedImage {
        let names = [&self.repo_tags, &self.repo_digests].into_iter().flatten().flatten();
        NamedImage::new(self.id.clone(), names.map(String::as_str))
    }

    /// Its parts by their digests, by which each can be had under the repository's name.
    fn contents(&self) -> Vec<ImageName> {
        let repository = self.named().names.first().map(|name| name.repository().to_owned());
        let repository = repository.unwrap_or_else(|| "unnamed".to_owned());
        let parts = self.manifests.iter().flatten();
        let parts: Vec<_> = parts.map(|part| format!("{repository}@{}", part.id)).collect();
        NamedImage::new(self.id.clone(), parts.iter().map(String::as_str)).names
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    env: Option<Vec<String>>,
}

/// An image by the answer to `GET /images/{name}/json`; `None` if it can't be read.
pub(super) fn image(body: &[u8]) -> Option<memory::Image> {
    let image: Image = serde_json::from_slice(body).ok()?;
    let facts = facts(&image);
    let (repo_digests, repo_tags) = (image.repo_digests, image.repo_tags);
    let (repo_digests, repo_tags) =
        (repo_digests.unwrap_or_default(), repo_tags.unwrap_or_default());
    Some(memory::Image { identity: Identity { id: image.id, repo_digests, repo_tags }, facts })
}

/// What rules must know of an image; `None` if that can't be read.
fn facts(image: &Image) -> Option<ImageFacts> {
    let names = [&image.repo_tags, &image.repo_digests];
    let names = names.into_iter().flatten().flatten().filter(|name| !name.contains("<none>"));
    let names = names.map(|name| match ImageRef::parse(name) {
        Ok(ImageRef::Named(name)) => Some(name),
        Ok(ImageRef::Id(_)) | Err(_) => None,
    });
    let (user, env) = match &image.config {
        Some(Config { user, env }) => (user.as_deref(), env.as_deref().unwrap_or_default()),
        None => (None, &[][..]),
    };
    let user = match user {
        None | Some("") => None,
        Some(user) => Some(UserSpec::parse(user).ok()?),
    };
    if env.len() > VARIABLES_MAX {
        return None;
    }
    // One without a name cannot be named by a rule.
    let environment = env.iter().filter_map(|entry| EnvironmentEntry::parse(entry).ok()).collect();
    let names = names.collect::<Option<Vec<ImageName>>>()?;
    Some(ImageFacts::Present { id: image.id.clone(), names, user, environment })
}

/// The images in the answer to `GET /images/json` that have a name that is `kept`, and those names. The
/// others, of which there may be any number, are forgotten as they are read. With `others` all names of
/// these images are kept, and those images, by identifier, whatever they are called.
///
/// # Errors
/// If the answer is not such a list.
pub(super) fn image_list(
    body: impl Read,
    wanted: &WantedImages<'_>,
) -> Result<Vec<NamedImage>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(body));
    let images = wanted.deserialize(&mut reader)?;
    reader.end()?;
    Ok(images)
}

/// What is kept of a list of images.
pub(super) struct WantedImages<'a> {
    /// Whether an image counts for having this name.
    pub(super) kept: &'a dyn Fn(&ImageName) -> bool,
    /// If all names of the images are kept: those that are kept besides, by identifier.
    pub(super) others: Option<&'a [String]>,
    /// Images are kept as well that have no name which this list covers.
    pub(super) allowed: Option<&'a [ImageRule]>,
}

impl WantedImages<'_> {
    fn want(&self, image: &NamedImage) -> bool {
        let is_allowed = |list: &[ImageRule]| {
            image.names.iter().any(|name| list.iter().any(|rule| rule.covers(name)))
        };
        image.names.iter().any(self.kept)
            || self.others.is_some_and(|others| others.contains(&image.id))
            || self.allowed.is_some_and(|list| !is_allowed(list))
    }
}

impl<'de> DeserializeSeed<'de> for &WantedImages<'_> {
    type Value = Vec<NamedImage>;

    fn deserialize<D: Deserializer<'de>>(self, list: D) -> Result<Self::Value, D::Error> {
        list.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &WantedImages<'_> {
    type Value = Vec<NamedImage>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of images")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut images = Vec::new();
        while let Some(found) = list.next_element::<Image>()? {
            let mut image = found.named();
            let is_wanted = self.want(&image);
            match self.others {
                None => image.names.retain(self.kept),
                Some(_) => image.names.extend(found.contents()),
            }
            if is_wanted {
                images.push(image);
            }
        }
        Ok(images)
    }
}

/// Whether the daemon keeps several builds of one image, by the answer to `GET /info`; `None` if it
/// can't be read.
pub(super) fn keeps_platforms(body: &[u8]) -> Option<bool> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info {
        driver: String,
        driver_status: Option<Vec<Vec<String>>>,
    }
    let Info { driver, driver_status } = serde_json::from_slice(body).ok()?;
    let is_containerd =
        |entry: &Vec<String>| entry.iter().any(|text| text.starts_with("io.containerd"));
    Some(driver.is_empty() || driver_status.unwrap_or_default().iter().any(is_containerd))
}

/// Which runtimes the daemon has, by the answer to `GET /info`; `None` if it can't be read or names no
/// default.
pub(super) fn runtimes(body: &[u8]) -> Option<Runtimes> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info {
        default_runtime: String,
        runtimes: BTreeMap<String, Program>,
    }
    /// A program for the daemon's own shim, or another shim.
    #[derive(Deserialize)]
    struct Program {
        #[serde(default)]
        path: String,
        #[serde(default, rename = "runtimeType")]
        kind: String,
    }
    let Info { default_runtime: default, runtimes } = serde_json::from_slice(body).ok()?;
    let programs = runtimes.into_iter().flat_map(|(name, Program { path, kind })| {
        let both = [path, kind].into_iter().filter(|text| !text.is_empty());
        both.map(move |text| (name.clone(), text)).collect::<Vec<_>>()
    });
    let programs = programs.collect();
    (!default.is_empty()).then_some(Runtimes { default, programs })
}

/// What a node is by the answer to `GET /nodes/{id}`; `None` if it can't be read.
pub(super) fn node(body: &[u8]) -> Option<NodeFacts> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Node {
        #[serde(rename = "ID")]
        id: String,
        version: Version,
        spec: Spec,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Version {
        index: u64,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Spec {
        role: String,
    }
    let Node { id, version, spec } = serde_json::from_slice(body).ok()?;
    Some(NodeFacts::Present { id, version: version.index, is_manager: spec.role == "manager" })
}

/// Where the daemon looks for what devices are by CDI, by the answer to `GET /info`: nowhere before Docker
/// 25, or if it is not enabled. `None` if that can't be read.
pub(super) fn cdi_folders(body: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(default, rename = "CDISpecDirs")]
        folders: Option<Vec<String>>,
    }
    let Info { folders } = serde_json::from_slice(body).ok()?;
    Some(folders.unwrap_or_default())
}

/// The daemon's newest version by the answer to `GET /version`; `None` if it can't be read.
pub(super) fn api_version(body: &[u8]) -> Option<ApiVersion> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Version {
        api_version: String,
    }
    let Version { api_version } = serde_json::from_slice(body).ok()?;
    Some(ApiVersion::parse(&api_version))
}

/// What something is called by the daemon itself.
pub(super) fn name(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        name: String,
    }
    serde_json::from_slice::<Named>(body).ok().map(|named| named.name)
}

/// What a network is by the answer to `GET /networks/{name}`, and whether that may be remembered; `None` if it can't be read.
pub(super) fn network(body: &[u8]) -> Option<(NetworkFacts, bool)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Network {
        name: String,
        driver: String,
        #[serde(default)]
        scope: String,
        #[serde(default, rename = "IPAM")]
        ipam: Ipam,
    }
    let Network { name, driver, scope, ipam } = serde_json::from_slice(body).ok()?;
    if name == "host" || driver == "host" {
        return Some((NetworkFacts::Host, false));
    }
    let config = ipam.config.unwrap_or_default();
    let subnets = config.iter().map(|config| config.subnet.as_str());
    let subnets = subnets.filter(|subnet| !subnet.is_empty()).map(Subnet::parse);
    let subnets = subnets.collect::<Result<Vec<_>, _>>().ok()?;
    let stays = scope == "local" && (1..=KEPT_SUBNETS_MAX).contains(&subnets.len());
    Some((NetworkFacts::Other(subnets), stays))
}

/// Of Engine API `NetworkInspect` what a network has of addresses.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    #[serde(default)]
    config: Option<Vec<IpamConfig>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IpamConfig {
    #[serde(default)]
    subnet: String,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    fn known(json: &str) -> Option<ImageFacts> {
        image(json.as_bytes())?.facts
    }

    #[test]
    fn digests_may_be_null_and_an_id_must_be_there() {
        let read = |json: &str| image(json.as_bytes()).map(|image| image.identity);
        let bare = || Some(Identity { id: "sha256:00".into(), ..Identity::default() });
        let json = r#"{"Id":"sha256:00","RepoDigests":null,"RepoTags":null,"x":1}"#;
        assert_eq!(read(json), bare());
        assert_eq!(read(r#"{"Id":"sha256:00"}"#), bare());
        let both = read(r#"{"Id":"sha256:00","RepoDigests":["a@sha256:11"]}"#).unwrap();
        assert_eq!(both.repo_digests, ["a@sha256:11"]);
        assert_eq!(read(r#"{"Id":"sha256:00","RepoTags":["a:1"]}"#).unwrap().repo_tags, ["a:1"]);
        assert!(read(r#"{"RepoDigests":[]}"#).is_none());
        // It may be none that rules can be about.
        assert!(read(r#"{"Id":"sha256:00","RepoTags":["A B"]}"#).is_some());
        assert!(known(r#"{"Id":"sha256:00","RepoTags":["A B"]}"#).is_none());
    }

    #[test]
    fn names_user_and_variables_of_an_image() {
        let json = r#"{"Id":"x","RepoTags":["app:1","<none>:<none>"],"RepoDigests":null,
            "Config":{"User":"0:0","Env":["A=b","=c","D"]}}"#;
        let Some(ImageRef::Named(name)) = ImageRef::parse("app:1").ok() else { panic!() };
        let entry = |text| EnvironmentEntry::parse(text).unwrap();
        let whole = ImageFacts::Present {
            id: "x".to_owned(),
            names: vec![name],
            user: Some(UserSpec::parse("0:0").unwrap()),
            environment: vec![entry("A=b"), entry("D")],
        };
        assert_eq!(known(json), Some(whole));
        let bare = ImageFacts::Present {
            id: "x".to_owned(),
            names: vec![],
            user: None,
            environment: vec![],
        };
        for json in [
            r#"{"Id":"x"}"#,
            r#"{"Id":"x","Config":null}"#,
            r#"{"Id":"x","Config":{"User":"","Env":null}}"#,
        ] {
            assert_eq!(known(json), Some(bare.clone()), "{json}");
        }
        let crowded = vec!["A=b"; VARIABLES_MAX + 1];
        let crowded = serde_json::json!({"Id": "x", "Config": {"Env": crowded}}).to_string();
        for json in ["", "0", "{}", r#"{"Id":"x","RepoTags":["A B"]}"#, crowded.as_str()] {
            assert_eq!(known(json), None);
        }
    }

    #[test]
    fn all_names_of_some_images() {
        let digest = format!("sha256:{}", "1".repeat(64));
        let json = format!(
            r#"[{{"Id":"a","RepoTags":["app:1","b:1"],"Manifests":[{{"ID":"{digest}","Kind":"image"}}]}},
            {{"Id":"b","RepoTags":["c:1"]}},{{"Id":"d","RepoTags":["e:1"]}}]"#
        );
        let kept = |name: &ImageName| name.to_string().starts_with("app");
        let others = ["d".to_owned()];
        let mut wanted = WantedImages { kept: &kept, others: Some(&others), allowed: None };
        let found = image_list(json.as_bytes(), &wanted).unwrap();
        let content = format!("app@{digest}");
        let [a, d] = ["a", "d"].map(str::to_owned);
        let expected =
            [NamedImage::new(a, ["app:1", "b:1", &content]), NamedImage::new(d, ["e:1"])];
        assert_eq!(found, expected);
        // With a list of what is allowed, those that it does not name as well.
        let allowed = ["app", "c"].map(|text| ImageRule::parse(text).unwrap());
        wanted = WantedImages { kept: &|_| false, others: Some(&[]), allowed: Some(&allowed) };
        let found = image_list(json.as_bytes(), &wanted).unwrap();
        let ids: Vec<_> = found.iter().map(|image| image.id.as_str()).collect();
        assert_eq!(ids, ["d"]);
    }

    #[test]
    fn the_names_of_all_images() {
        let json = r#"[{"Id":"a","RepoTags":["app:1","<none>:<none>"],"RepoDigests":null},
            {"Id":"b","RepoTags":null,"RepoDigests":["<none>@<none>"]},
            {"Id":"c","RepoTags":["other:1","app:2"]},{"Id":"d","RepoTags":["other:2"]}]"#;
        let [a, c] = ["a", "c"].map(str::to_owned);
        let all = vec![NamedImage::new(a, ["app:1"]), NamedImage::new(c, ["app:2"])];
        let list = |json: &str| {
            let kept = |name: &ImageName| name.to_string().starts_with("app");
            let wanted = WantedImages { kept: &kept, others: None, allowed: None };
            image_list(json.as_bytes(), &wanted)
        };
        assert_eq!(list(json).ok(), Some(all));
        assert_eq!(list("[]").ok(), Some(vec![]));
        for odd in ["{}", "[", "[]x", r#"[{"Id":1}]"#] {
            assert!(list(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn stores_of_images() {
        let read = |json: &str| keeps_platforms(json.as_bytes());
        let classic = r#"{"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]]}"#;
        let containerd = r#"{"Driver":"overlayfs",
            "DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}"#;
        assert_eq!((read(classic), read(containerd)), (Some(false), Some(true)));
        assert_eq!((read(r#"{"Driver":""}"#), read("{}"), read("")), (Some(true), None, None));
    }

    #[test]
    fn the_newest_version_of_a_daemon() {
        let read = |json: &str| api_version(json.as_bytes()).map(|version| version.to_string());
        let whole = r#"{"Version":"28.5.2","ApiVersion":"1.51","MinAPIVersion":"1.24"}"#;
        assert_eq!(read(whole).as_deref(), Some("1.51"));
        assert_eq!((read("{}"), read("")), (None, None));
    }

    #[test]
    fn the_network_of_the_host_and_others() {
        for (json, expected) in [
            (r#"{"Name":"host","Driver":"host","Scope":"local"}"#, Some(NetworkFacts::Host)),
            (r#"{"Name":"x","Driver":"host"}"#, Some(NetworkFacts::Host)),
            (r#"{"Name":"host","Driver":""}"#, Some(NetworkFacts::Host)),
            (r#"{"Name":"x","Driver":"overlay"}"#, Some(NetworkFacts::Other(vec![]))),
            (
                r#"{"Name":"x","Driver":"bridge","IPAM":{"Driver":"default","Options":null,
                "Config":[{"Subnet":"10.1.0.0/16","Gateway":"10.1.0.1"},{}]}}"#,
                Some(NetworkFacts::Other(vec![Subnet::parse("10.1.0.0/16").unwrap()])),
            ),
            (
                r#"{"Name":"x","Driver":"null","IPAM":{"Config":null}}"#,
                Some(NetworkFacts::Other(vec![])),
            ),
            (r#"{"Name":"x","Driver":"bridge","IPAM":{"Config":[{"Subnet":"?"}]}}"#, None),
            (r#"{"Name":"x"}"#, None),
            ("", None),
        ] {
            let known = network(json.as_bytes());
            assert_eq!(known.map(|(facts, _)| facts), expected, "{json}");
        }
    }

    #[test]
    fn a_network_that_may_be_remembered_is_of_one_daemon_and_has_some_subnets() {
        let of = |scope: &str, subnets: &str| {
            let json = format!(
                r#"{{"Name":"x","Driver":"bridge","Scope":"{scope}","IPAM":{{"Config":[{subnets}]}}}}"#
            );
            network(json.as_bytes()).unwrap().1
        };
        let subnet = r#"{"Subnet":"10.1.0.0/16"}"#;
        assert!(of("local", subnet));
        assert!(!of("swarm", subnet) && !of("", subnet) && !of("local", "{}"));
        assert!(!of("local", &vec![subnet; KEPT_SUBNETS_MAX + 1].join(",")));
        let host = network(br#"{"Name":"host","Driver":"host","Scope":"local"}"#);
        assert_eq!(host, Some((NetworkFacts::Host, false)));
    }

    #[test]
    fn runtimes_and_the_default() {
        let read = |json: &str| runtimes(json.as_bytes());
        let known = read(
            r#"{"DefaultRuntime":"fast","Runtimes":{"fast":{"path":"/opt/runc","runtimeArgs":["x"]},
                "sandbox":{"runtimeType":"io.containerd.runsc.v1","status":{}}}}"#,
        );
        let text = |(name, program): (&str, &str)| (name.to_owned(), program.to_owned());
        let programs = [("fast", "/opt/runc"), ("sandbox", "io.containerd.runsc.v1")].map(text);
        let expected = Runtimes { default: "fast".to_owned(), programs: programs.to_vec() };
        assert_eq!(known, Some(expected));
        for unknown in [r#"{"DefaultRuntime":"","Runtimes":{}}"#, r#"{"Runtimes":{}}"#, "{}", ""] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }
}
