//! What a plugin is asked: one request that the rules let through.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// One request. The body of a create is parsed only when it is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    fields: Fields<'a>,
    deadline: Instant,
}

/// The image that would run or be pulled, looked up once by SecDocker for all plugins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Image {
    /// As the client wrote it: `app`, `registry.example:5000/team/app:1`, an id.
    pub given: String,
    /// In full: `docker.io/library/app:latest`. `None` if an id was given.
    pub name: Option<String>,
    /// `docker.io`, `registry.example:5000`. `None` if an id was given.
    pub registry: Option<String>,
    /// `library/app`, `team/app`. `None` if an id was given.
    pub repository: Option<String>,
    /// `latest` where the name had neither tag nor digest.
    pub tag: Option<String>,
    /// The digest in the name, if there is one: `sha256:…`.
    pub digest: Option<String>,
    /// The local image's id: `sha256:…`. `None` if it is not there.
    pub id: Option<String>,
    /// `name@sha256:…` of every registry that the local image was pulled from or pushed to.
    pub repo_digests: Vec<String>,
    /// Whether the daemon has the image; `None` if it could not be asked.
    pub present: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Fields<'a> {
    #[serde(default)]
    request_id: String,
    deadline_ms: u64,
    #[serde(default)]
    client: Client,
    #[serde(default)]
    http: Http,
    image: Image,
    #[serde(borrow, default)]
    create: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Client {
    address: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Http {
    method: String,
    path: String,
    api_version: Option<String>,
}

/// Why a request could not be read.
#[derive(Debug)]
pub struct RequestError(serde_json::Error);

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request is not what this plugin was built for: {}", self.0)
    }
}

impl std::error::Error for RequestError {}

impl<'a> Request<'a> {
    /// Reads the JSON that crosses the boundary; keys that it doesn't know are ignored.
    ///
    /// # Errors
    /// [`RequestError`] if it is no JSON, or a key that must be there isn't.
    #[expect(clippy::disallowed_methods, reason = "the time that is left is counted from here")]
    pub fn parse(json: &'a [u8]) -> Result<Self, RequestError> {
        let fields: Fields<'a> = serde_json::from_slice(json).map_err(RequestError)?;
        let now = Instant::now();
        let left = Duration::from_millis(fields.deadline_ms);
        Ok(Self { deadline: now.checked_add(left).unwrap_or(now), fields })
    }

    /// The image in question.
    pub fn image(&self) -> &Image {
        &self.fields.image
    }

    /// When SecDocker stops waiting; a verdict after that is thrown away.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How long SecDocker goes on waiting.
    #[expect(clippy::disallowed_methods, reason = "a plugin has no other clock")]
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Names the request in SecDocker's log.
    pub fn id(&self) -> &str {
        &self.fields.request_id
    }

    /// Where the request came from, if that is known.
    pub fn client_address(&self) -> Option<&str> {
        self.fields.client.address.as_deref()
    }

    /// The request's method: `POST`.
    pub fn method(&self) -> &str {
        &self.fields.http.method
    }

    /// The request's path, decoded, without the query: `/v1.41/containers/create`.
    pub fn path(&self) -> &str {
        &self.fields.http.path
    }

    /// The API version in the path, if there is one: `1.41`.
    pub fn api_version(&self) -> Option<&str> {
        self.fields.http.api_version.as_deref()
    }

    /// The body as it will be forwarded, as text; `None` if the request has none (a pull).
    pub fn create_json(&self) -> Option<&'a str> {
        self.fields.create.map(RawValue::get)
    }

    /// The body as it will be forwarded; `None` if the request has none (a pull).
    pub fn create(&self) -> Option<Value> {
        serde_json::from_str(self.create_json()?).ok()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn a_request_is_read_and_unknown_keys_are_ignored() {
        let json = br#"{"request_id":"7","deadline_ms":30000,"client":{"address":"10.0.0.1","x":1},
            "http":{"method":"POST","path":"/v1.41/containers/create","api_version":"1.41"},
            "image":{"given":"app","name":"docker.io/library/app:latest","registry":"docker.io",
            "repository":"library/app","tag":"latest","digest":null,"id":"sha256:00",
            "repo_digests":["app@sha256:11"],"present":true,"new":[]},
            "create":{"Image":"app","Memory":12345678901234567890},"later":null}"#;
        let request = Request::parse(json).unwrap();
        assert_eq!(request.image().given, "app");
        assert_eq!(request.image().repo_digests, ["app@sha256:11"]);
        assert_eq!(request.image().present, Some(true));
        assert_eq!(request.client_address(), Some("10.0.0.1"));
        assert_eq!((request.id(), request.api_version()), ("7", Some("1.41")));
        assert_eq!(request.create().unwrap().get("Image").unwrap(), "app");
        assert!(request.time_left() > Duration::from_secs(25));
    }

    #[test]
    fn a_pull_has_no_body_and_what_is_missing_is_an_error() {
        let pull = br#"{"deadline_ms":1,"image":{"given":"app"},"create":null}"#;
        assert!(Request::parse(pull).unwrap().create().is_none());
        for wrong in ["", "[]", "{}", r#"{"deadline_ms":1}"#, r#"{"deadline_ms":-1,"image":{}}"#] {
            assert!(Request::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
