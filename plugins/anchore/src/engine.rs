//! The external API of Anchore, v1 and v2, as requests and records.
//!
//! Knows nothing of what is allowed. Both versions have the same paths behind their prefix, and the same
//! records with other spellings of their names.

mod records;

use std::fmt;
use std::sync::OnceLock;

use secdocker_plugin_common::client::{Ask, Client, Reply};
use secdocker_plugin_common::scan::json;
use secdocker_plugin_common::text::encoded;
use secdocker_plugin_common::{Deadline, Finding, Secret, Stop};
use serde::Deserialize;
use serde_json::{Value, json};

use self::records::ANCHORE;
pub use records::{Record, Status};

/// Which API is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Anchore Engine.
    V1,
    /// Anchore Enterprise from 4.9 on.
    V2,
    /// Whichever the server says.
    #[default]
    Auto,
}

/// A version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// What Anchore is to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `registry/repository`
    pub repository: String,
    /// The tag under which Anchore keeps it.
    pub tag: String,
    /// The manifest or index, if it is known.
    pub digest: Option<String>,
}

impl Target {
    /// `registry/repository:tag`
    pub fn full_tag(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// Anchore, and how it is spoken to.
pub struct Server {
    client: Client,
    base: String,
    version: OnceLock<Version>,
    authorization: Option<Secret>,
    account: Option<String>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Server {
    /// The server at `base`.
    pub fn new(
        client: Client,
        base: String,
        api: Api,
        authorization: Option<Secret>,
        account: Option<String>,
    ) -> Self {
        let version = match api {
            Api::V1 => OnceLock::from(Version::One),
            Api::V2 => OnceLock::from(Version::Two),
            Api::Auto => OnceLock::new(),
        };
        Self { client, base, version, authorization, account }
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Hands an image in, which begins its analysis unless it was analysed before.
    ///
    /// # Errors
    /// [`Stop::Deny`] if the registry doesn't have the image.
    pub fn submit(&self, target: &Target, deadline: Deadline<'_>) -> Result<Record, Stop> {
        let version = self.version(deadline)?;
        let source = source(target, version).to_string();
        // Anchore would look for what moves there from then on, by itself and for ever.
        let path = format!("{}/images?{}=false", version.prefix(), version.subscription());
        let reply = self.send("POST", &path, Some(source.as_bytes()), deadline)?;
        match reply.status {
            200 => Record::read(&reply.body),
            400 if records::error_codes(&reply.body)
                .any(|code| code == "REGISTRY_IMAGE_NOT_FOUND") =>
            {
                Err(Stop::Deny(format!("its registry has no {}", target.full_tag())))
            }
            _ => Err(Stop::status(ANCHORE, "asked to analyse", &reply)),
        }
    }

    /// Where an image's analysis is.
    ///
    /// # Errors
    /// [`Stop::Error`]
    pub fn image(&self, digest: &str, deadline: Deadline<'_>) -> Result<Record, Stop> {
        let reply = self.get(&format!("/images/{}", encoded(digest)), deadline)?;
        match reply.status {
            200 => Record::read(&reply.body),
            _ => Err(Stop::status(ANCHORE, "asked for the image", &reply)),
        }
    }

    /// All vulnerabilities of an analysed image.
    ///
    /// # Errors
    /// [`Stop::Error`]
    pub fn findings(&self, digest: &str, deadline: Deadline<'_>) -> Result<Vec<Finding>, Stop> {
        let reply = self.get(&format!("/images/{}/vuln/all", encoded(digest)), deadline)?;
        match reply.status {
            200 => records::findings(&reply.body, digest),
            _ => Err(Stop::status(ANCHORE, "asked for vulnerabilities", &reply)),
        }
    }

    /// What Anchore's active policy says of an analysed image under this tag: why it fails, or `None`.
    ///
    /// # Errors
    /// [`Stop::Error`]
    pub fn policy(
        &self,
        digest: &str,
        full_tag: &str,
        deadline: Deadline<'_>,
    ) -> Result<Option<String>, Stop> {
        let (digest_segment, tag) = (encoded(digest), encoded(full_tag));
        let path = format!("/images/{digest_segment}/check?tag={tag}&detail=false");
        let reply = self.get(&path, deadline)?;
        match (reply.status, self.version(deadline)?) {
            (200, Version::One) => records::evaluation_v1(&reply.body, digest),
            (200, Version::Two) => records::evaluation_v2(&reply.body, digest),
            _ => Err(Stop::status(ANCHORE, "asked for the policy's evaluation", &reply)),
        }
    }

    fn get(&self, path: &str, deadline: Deadline<'_>) -> Result<Reply, Stop> {
        let version = self.version(deadline)?;
        self.send("GET", &format!("{}{path}", version.prefix()), None, deadline)
    }

    /// The configured version, or the one that the server says, which is remembered.
    fn version(&self, deadline: Deadline<'_>) -> Result<Version, Stop> {
        if let Some(version) = self.version.get() {
            return Ok(*version);
        }
        let version = self.ask_version(deadline)?;
        Ok(*self.version.get_or_init(|| version))
    }

    /// Enterprise answers below its prefix, the Engine without one.
    fn ask_version(&self, deadline: Deadline<'_>) -> Result<Version, Stop> {
        for (path, version) in [("/v2/", Version::Two), ("/", Version::One)] {
            let reply = self.send("GET", path, None, deadline)?;
            let said = json::<Value>(ANCHORE, &reply.body);
            if reply.status == 200 && said == Ok(version.name().into()) {
                return Ok(version);
            }
        }
        Err(Stop::odd(ANCHORE, "it says neither v1 nor v2 (see `api`)"))
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&[u8]>,
        deadline: Deadline<'_>,
    ) -> Result<Reply, Stop> {
        let url = format!("{}{path}", self.base);
        let mut headers = vec![("Accept", "application/json")];
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        headers.extend(self.authorization.as_ref().map(|value| ("Authorization", value.reveal())));
        headers.extend(self.account.as_ref().map(|name| ("x-anchore-account", name.as_str())));
        let ask = Ask { method, url: &url, headers: &headers, body };
        let reply = self.client.send(&ask, deadline.left());
        reply.map_err(|failure| Stop::no_answer(ANCHORE, &failure))
    }
}

impl Version {
    fn name(self) -> &'static str {
        match self {
            Self::One => "v1",
            Self::Two => "v2",
        }
    }

    fn subscription(self) -> &'static str {
        match self {
            Self::One => "autosubscribe",
            Self::Two => "auto_subscribe",
        }
    }

    fn prefix(self) -> String {
        format!("/{}", self.name())
    }
}

/// The form with a digest if there is one: then nobody can move the tag meanwhile.
fn source(target: &Target, version: Version) -> Value {
    let key = match version {
        Version::One => "pullstring",
        Version::Two => "pull_string",
    };
    let full_tag = target.full_tag();
    match &target.digest {
        Some(digest) => {
            let pull = format!("{}@{digest}", target.repository);
            json!({"source": {"digest": {key: pull, "tag": full_tag}}})
        }
        None => json!({"source": {"tag": {key: full_tag}}}),
    }
}
