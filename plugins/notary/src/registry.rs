//! Registries by a client of the plugin's own (OCI distribution specification, Docker Registry HTTP API V2).

mod access;
mod challenge;
mod manifest;
mod token;

use std::collections::BTreeMap;
use std::net::IpAddr;

use secdocker_plugin_common::client::{Ask, Trust};
use secdocker_plugin_common::local::parts;
use secdocker_plugin_common::reference::ImageName;
use secdocker_plugin_common::text::shown;
use secdocker_plugin_common::{Deadline, Failure, Reply, Secret};

use crate::remote::{Platform, Remote, Trouble};
use access::host_name;
use challenge::Challenge;

pub use access::Access;

/// What a registry may answer with. It chooses, and so the digest depends on it: all four, always.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// All registries.
#[derive(Debug)]
pub struct Registries {
    configured: BTreeMap<String, Access>,
    public: Access,
    loopback: Access,
}

impl Registries {
    /// These, by host and port, and all others.
    ///
    /// # Errors
    /// A sentence, if no client could be made.
    pub fn new(configured: BTreeMap<String, Access>) -> Result<Self, String> {
        let public = Access::new(&Trust::default())?;
        let loopback = Access::new(&Trust { insecure: true, ..Trust::default() })?;
        Ok(Self { configured, public, loopback })
    }

    fn access(&self, host: &str) -> &Access {
        let others = if is_loopback(host) { &self.loopback } else { &self.public };
        self.configured.get(host).unwrap_or(others)
    }

    /// Asks for a manifest, over TLS first; what fails there is told if nothing else answers.
    fn ask(
        &self,
        method: &str,
        name: &ImageName,
        reference: &str,
        deadline: Deadline<'_>,
    ) -> Result<Reply, Trouble> {
        let compared = name.compared();
        let access = self.access(parts(&compared).0);
        // Asked is the host that the daemon asks.
        let (host, path) = parts(name.repository());
        let mut failures = Vec::new();
        for scheme in access.schemes() {
            let server = format!("{scheme}://{}", endpoint(host));
            let target = Target { server: &server, host: endpoint(host), path, reference };
            match authorized(access, method, &target, deadline)? {
                Ok(reply) => return Ok(reply),
                Err(Failure::Timeout) => return Err(told(host, "no answer in time")),
                Err(failure) => failures.push(failure.to_string()),
            }
        }
        Err(told(host, &failures.join("; ")))
    }
}

/// A manifest at a server.
struct Target<'a> {
    server: &'a str,
    host: &'a str,
    path: &'a str,
    reference: &'a str,
}

/// One request, repeated with credentials or a token if it is challenged. The inner error is that of the
/// first request: nothing has answered at that address.
fn authorized(
    access: &Access,
    method: &str,
    target: &Target<'_>,
    deadline: Deadline<'_>,
) -> Result<Result<Reply, Failure>, Trouble> {
    let Target { server, host, path, reference } = target;
    // Names and tags hold no character that would need encoding.
    let url = format!("{server}/v2/{path}/manifests/{reference}");
    let send = |authorization: Option<&Secret>| {
        let mut headers = vec![("Accept", MANIFESTS)];
        headers.extend(authorization.map(|value| ("Authorization", value.reveal())));
        let ask = Ask { method, url: &url, headers: &headers, body: None };
        access.client.send(&ask, deadline.left())
    };
    let reply = match send(None) {
        Ok(reply) if reply.status == 401 => reply,
        other => return Ok(other),
    };
    let challenges: Vec<Challenge> =
        reply.all_headers("www-authenticate").flat_map(challenge::parse).collect();
    let authorization = if let Some(bearer) = challenges.iter().find(|c| c.is("bearer")) {
        token::get(access, server, path, bearer, deadline).map_err(|why| told(host, &why))?
    } else if challenges.iter().any(|c| c.is("basic")) {
        access.credentials.clone().ok_or_else(|| told(host, "it wants credentials"))?
    } else {
        return Err(told(host, "it wants an authentication that is not known here"));
    };
    match send(Some(&authorization)) {
        Ok(reply) if reply.status == 401 => Err(told(host, "it refused the credentials")),
        Ok(reply) => Ok(Ok(reply)),
        Err(failure) => Err(told(host, &failure.to_string())),
    }
}

impl Remote for Registries {
    fn digest(&self, name: &ImageName, deadline: Deadline<'_>) -> Result<Option<String>, Trouble> {
        let tag = name.tag().unwrap_or("latest");
        let reply = self.ask("HEAD", name, tag, deadline)?;
        match reply.status {
            200 => {}
            404 => return Ok(None),
            status => return Err(of_status(name, status)),
        }
        if let Some(digest) = reply.header("docker-content-digest") {
            return match manifest::is_digest(digest) {
                true => Ok(Some(digest.to_owned())),
                false => Err(odd(name, &format!("digest `{}`", shown(digest)))),
            };
        }
        // Not every registry sends it: then it is computed, as the daemon does.
        let reply = self.ask("GET", name, tag, deadline)?;
        match reply.status {
            200 => Ok(Some(manifest::digest_of("sha256", &reply.body).unwrap_or_default())),
            404 => Ok(None),
            status => Err(of_status(name, status)),
        }
    }

    fn config_digest(
        &self,
        name: &ImageName,
        digest: &str,
        platform: &Platform,
        deadline: Deadline<'_>,
    ) -> Result<Option<String>, Trouble> {
        let get = |digest: &str| {
            let reply = self.ask("GET", name, digest, deadline)?;
            match reply.status {
                200 => manifest::read(digest, &reply.body).map_err(|why| odd(name, &why)),
                status => Err(of_status(name, status)),
            }
        };
        match get(digest)? {
            manifest::Manifest::Image { config } => Ok(Some(config.digest)),
            manifest::Manifest::Index { manifests } => {
                let Some(digest) = manifest::of_platform(&manifests, platform) else {
                    return Ok(None);
                };
                match get(digest)? {
                    manifest::Manifest::Image { config } => Ok(Some(config.digest)),
                    manifest::Manifest::Index { .. } => Err(odd(name, "an index in an index")),
                }
            }
        }
    }
}

/// Where a registry's interface is: for Docker Hub not where its name says.
fn endpoint(host: &str) -> &str {
    if host == "docker.io" { "registry-1.docker.io" } else { host }
}

/// Whether the daemon takes a registry for one on this machine (`127.0.0.0/8`, `::1`). Other names are not
/// looked up: what they resolve to can change between two questions.
pub fn is_loopback(host: &str) -> bool {
    let name = host_name(host);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn told(host: &str, why: &str) -> Trouble {
    Trouble(format!("registry {host}: {why}"))
}

fn odd(name: &ImageName, what: &str) -> Trouble {
    told(parts(name.repository()).0, &format!("unexpected answer: {what}"))
}

fn of_status(name: &ImageName, status: u16) -> Trouble {
    let why = match status {
        403 => "it refused the credentials (403)".to_owned(),
        429 => "too many requests (429)".to_owned(),
        status => format!("it answered {status}"),
    };
    told(parts(name.repository()).0, &why)
}
