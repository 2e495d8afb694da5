//! Harbor's scanner adapter API (goharbor/pluggable-scanner-spec, versions 1.0 to 1.2), as requests and
//! reports. Knows nothing of what is allowed.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use secdocker_plugin_common::client::{Ask, Client, Reply};
use secdocker_plugin_common::scan::json;
use secdocker_plugin_common::text::{encoded, shown};
use secdocker_plugin_common::{Deadline, Finding, Secret, Severity, Stop};
use serde::{Deserialize, Deserializer, Serialize};

/// The name of the other side in messages.
const SCANNER: &str = "the scanner";

/// Reports that are understood, the better one first.
const REPORTS: [&str; 2] = [
    "application/vnd.security.vulnerability.report; version=1.1",
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
];

/// Images that are handed in.
const MANIFESTS: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
];

/// The longest identifier of a scan, in bytes.
const ID_BYTES_MAX: usize = 256;

/// What a scanner says that it can do, as far as it is made use of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// Name and version.
    pub scanner: String,
    /// The type of image that it takes.
    manifest: &'static str,
    /// The report that it makes.
    report: &'static str,
    /// Whether it can be told not to do more than that.
    chooses: bool,
}

/// An image in a registry that the scanner can reach.
#[derive(Debug)]
pub struct Artifact<'a> {
    /// `https://registry.example`
    pub registry_url: &'a str,
    /// What the scanner sends there as `Authorization`.
    pub authorization: Option<&'a Secret>,
    /// `library/app`
    pub repository: &'a str,
    /// `sha256:…`
    pub digest: &'a str,
    /// The tag, if one was named.
    pub tag: Option<&'a str>,
}

/// A report, or that there is none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// To be asked for again, after that long if the scanner said so.
    Later(Option<Duration>),
    /// All that was found.
    Done(Vec<Finding>),
    /// The scanner knows nothing of that scan (any more).
    Unknown,
}

/// The scanner, and how it is spoken to.
pub struct Adapter {
    client: Client,
    base: String,
    authorization: Option<Secret>,
    abilities: OnceLock<Abilities>,
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Adapter {
    /// The adapter at `base`.
    pub fn new(client: Client, base: String, authorization: Option<Secret>) -> Self {
        Self { client, base, authorization, abilities: OnceLock::new() }
    }

    /// What it can do; asked once.
    ///
    /// # Errors
    /// [`Stop::Deny`] if it is not enough: nothing will change that.
    pub fn abilities(&self, deadline: Deadline<'_>) -> Result<&Abilities, Stop> {
        if let Some(abilities) = self.abilities.get() {
            return Ok(abilities);
        }
        let reply = self.send("GET", "/metadata", &[("Accept", METADATA)], None, deadline)?;
        let abilities = match reply.status {
            200 => abilities(&reply.body)?,
            _ => return Err(Stop::status(SCANNER, "asked what it can do", &reply)),
        };
        Ok(self.abilities.get_or_init(|| abilities))
    }

    /// Begins a scan and answers its identifier.
    ///
    /// # Errors
    /// [`Stop::Error`]
    pub fn scan(&self, artifact: &Artifact<'_>, deadline: Deadline<'_>) -> Result<String, Stop> {
        let abilities = self.abilities(deadline)?;
        let body = serde_json::to_vec(&request(artifact, abilities))
            .map_err(|error| Stop::Error(error.to_string()))?;
        let version = if abilities.chooses { "1.1" } else { "1.0" };
        let kind = format!("application/vnd.scanner.adapter.scan.request+json; version={version}");
        let headers = [("Content-Type", kind.as_str()), ("Accept", "*/*")];
        let reply = self.send("POST", "/scan", &headers, Some(&body), deadline)?;
        match reply.status {
            202 => {}
            _ => return Err(Stop::status(SCANNER, "asked to scan", &reply)),
        }
        let Accepted { id } = json(SCANNER, &reply.body)?;
        match id.len() {
            1..=ID_BYTES_MAX => Ok(id),
            _ => Err(Stop::odd(SCANNER, format!("identifier `{}`", shown(&id)))),
        }
    }

    /// The report of a scan of the image with that digest.
    ///
    /// # Errors
    /// [`Stop::Error`]
    pub fn report(&self, id: &str, digest: &str, deadline: Deadline<'_>) -> Result<Report, Stop> {
        let report = self.abilities(deadline)?.report;
        let path = format!("/scan/{}/report", encoded(id));
        let reply = self.send("GET", &path, &[("Accept", report)], None, deadline)?;
        match reply.status {
            200 => findings(&reply.body, digest).map(Report::Done),
            302 => {
                let seconds = reply.header("refresh-after").and_then(|text| text.parse().ok());
                Ok(Report::Later(seconds.map(Duration::from_secs)))
            }
            404 => Ok(Report::Unknown),
            _ => Err(Stop::status(SCANNER, "asked for its report", &reply)),
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        deadline: Deadline<'_>,
    ) -> Result<Reply, Stop> {
        let url = format!("{}/api/v1{path}", self.base);
        let mut headers = headers.to_vec();
        headers.extend(self.authorization.as_ref().map(|value| ("Authorization", value.reveal())));
        let ask = Ask { method, url: &url, headers: &headers, body };
        let reply = self.client.send(&ask, deadline.left());
        reply.map_err(|failure| Stop::no_answer(SCANNER, &failure))
    }
}

const METADATA: &str = "application/vnd.scanner.adapter.metadata+json; version=1.1, \
    application/vnd.scanner.adapter.metadata+json; version=1.0";

#[derive(Deserialize)]
struct Metadata {
    scanner: ScannerName,
    capabilities: Vec<Capability>,
}

#[derive(Deserialize)]
struct ScannerName {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Capability {
    #[serde(rename = "type")]
    kind: Option<String>,
    consumes_mime_types: Vec<String>,
    produces_mime_types: Vec<String>,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
}

fn abilities(body: &[u8]) -> Result<Abilities, Stop> {
    let Metadata { scanner, capabilities } = json(SCANNER, body)?;
    let scanner = shown(format!("{} {}", scanner.name, scanner.version).trim());
    let usable = capabilities.iter().find_map(|capability| {
        // Without a type, it is from before there was another.
        let is_meant = capability.kind.as_deref().is_none_or(|kind| kind == "vulnerability");
        let manifest = first_of(MANIFESTS, &capability.consumes_mime_types)?;
        let report = first_of(REPORTS, &capability.produces_mime_types)?;
        let chooses = capability.kind.is_some();
        is_meant.then(|| Abilities { scanner: scanner.clone(), manifest, report, chooses })
    });
    let lacks = || format!("the scanner ({scanner}) makes no report that is understood here");
    usable.ok_or_else(|| Stop::Deny(lacks()))
}

/// The first of ours that is among theirs, whatever the spaces in them.
fn first_of(ours: [&'static str; 2], theirs: &[String]) -> Option<&'static str> {
    let bare = |text: &str| text.replace(' ', "");
    ours.into_iter().find(|our| theirs.iter().any(|their| bare(their) == bare(our)))
}

#[derive(Serialize)]
struct ScanRequest<'a> {
    registry: RegistryPart<'a>,
    artifact: ArtifactPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled_capabilities: Option<[EnabledPart; 1]>,
}

#[derive(Serialize)]
struct RegistryPart<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<&'a str>,
}

#[derive(Serialize)]
struct ArtifactPart<'a> {
    repository: &'a str,
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    mime_type: &'static str,
}

#[derive(Serialize)]
struct EnabledPart {
    #[serde(rename = "type")]
    kind: &'static str,
    produces_mime_types: [&'static str; 1],
}

fn request<'a>(artifact: &Artifact<'a>, abilities: &Abilities) -> ScanRequest<'a> {
    let only = EnabledPart { kind: "vulnerability", produces_mime_types: [abilities.report] };
    ScanRequest {
        registry: RegistryPart {
            url: artifact.registry_url,
            authorization: artifact.authorization.map(Secret::reveal),
        },
        artifact: ArtifactPart {
            repository: artifact.repository,
            digest: artifact.digest,
            tag: artifact.tag,
            mime_type: abilities.manifest,
        },
        enabled_capabilities: abilities.chooses.then_some([only]),
    }
}

#[derive(Deserialize)]
struct VulnerabilityReport {
    #[serde(default)]
    artifact: Option<ReportedArtifact>,
    #[serde(deserialize_with = "list")]
    vulnerabilities: Vec<Item>,
}

#[derive(Deserialize)]
struct ReportedArtifact {
    #[serde(default)]
    digest: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    fix_version: Option<String>,
}

/// A list; `null` is how Go writes one that is empty. It can't be missing.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Item>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn findings(body: &[u8], digest: &str) -> Result<Vec<Finding>, Stop> {
    let report: VulnerabilityReport = json(SCANNER, body)?;
    match report.artifact.and_then(|artifact| artifact.digest) {
        Some(said) if !said.is_empty() && said != digest => {
            return Err(Stop::odd(SCANNER, format!("about `{}`, not {digest}", shown(&said))));
        }
        _ => {}
    }
    report.vulnerabilities.into_iter().map(finding).collect()
}

fn finding(item: Item) -> Result<Finding, Stop> {
    let severity = Severity::parse(item.severity.as_deref().unwrap_or_default());
    let severity = severity.map_err(|error| Stop::odd(SCANNER, error))?;
    let fixable = item.fix_version.is_some_and(|version| !version.is_empty());
    Ok(Finding { id: item.id, severity, fixable })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_missing_list_is_not_an_empty_one() {
        let read = |text: &str| findings(text.as_bytes(), "sha256:1");
        assert_eq!(read(r#"{"vulnerabilities": []}"#), Ok(vec![]));
        assert_eq!(read(r#"{"vulnerabilities": null, "artifact": {"digest": ""}}"#), Ok(vec![]));
        for odd in [
            "{}",
            "[]",
            "",
            r#"{"artifact": {"digest": "sha256:1"}}"#,
            r#"{"vulnerabilities": {}}"#,
            r#"{"vulnerabilities": [{"severity": "Low"}]}"#,
            r#"{"vulnerabilities": [{"id": "CVE-1", "severity": "Moderate"}]}"#,
            r#"{"vulnerabilities": [], "artifact": {"digest": "sha256:2"}}"#,
        ] {
            assert!(matches!(read(odd), Err(Stop::Error(_))), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_panics(
            body in prop::collection::vec(any::<u8>(), 0..200),
            text in "(\\[|\\{|\"vulnerabilities\":|\"capabilities\":|\"x\"|,|\\]|\\}|1|null){0,20}",
        ) {
            for body in [body.as_slice(), text.as_bytes()] {
                drop(findings(body, "x"));
                drop(abilities(body));
            }
        }
    }
}
