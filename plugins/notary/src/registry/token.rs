//! Tokens of registries that hand out their own: asked for where the challenge says, if that is a place
//! that the configuration knows.

use secdocker_plugin_common::client::{self, Ask};
use secdocker_plugin_common::text::{encoded, shown};
use secdocker_plugin_common::{Deadline, Secret};
use serde::Deserialize;

use super::access::{Access, host_name};
use super::challenge::Challenge;

/// Where Docker Hub's tokens come from.
const DOCKER_HUB: (&str, &str) = ("registry-1.docker.io", "auth.docker.io");

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// The value of an `Authorization` header, for pulling from `path` at `server`.
pub(super) fn get(
    access: &Access,
    server: &str,
    path: &str,
    challenge: &Challenge,
    deadline: Deadline<'_>,
) -> Result<Secret, String> {
    let realm = challenge.parameter("realm").ok_or("its challenge names no realm")?;
    check_realm(access, server, realm)?;
    let service = challenge.parameter("service").map(|s| format!("service={}&", encoded(s)));
    let joint = if realm.contains('?') { '&' } else { '?' };
    // Our own scope: what the server says could ask for more.
    let scope = encoded(&format!("repository:{path}:pull"));
    let url = format!("{realm}{joint}{}scope={scope}", service.unwrap_or_default());
    let mut headers = vec![("Accept", "application/json")];
    headers.extend(access.credentials.as_ref().map(|value| ("Authorization", value.reveal())));
    let ask = Ask { method: "GET", url: &url, headers: &headers, body: None };
    let reply = access.client.send(&ask, deadline.left());
    let reply = reply.map_err(|failure| format!("its realm: {failure}"))?;
    match reply.status {
        200 => {}
        401 | 403 => return Err(format!("its realm refused the credentials ({})", reply.status)),
        status => return Err(format!("its realm answered {status}")),
    }
    // The error would repeat what stands there, perhaps a token.
    let token: Token =
        serde_json::from_slice(&reply.body).map_err(|_| "its realm gave an unexpected answer")?;
    let token = token.token.or(token.access_token).filter(|token| !token.is_empty());
    let token = token.ok_or("its realm's answer has no token")?;
    Ok(client::bearer(&Secret::from(token.as_str())))
}

/// A registry must not send us, least of all with credentials, wherever it likes.
fn check_realm(access: &Access, server: &str, realm: &str) -> Result<(), String> {
    let server_host = server.split_once("://").map_or(server, |(_, host)| host);
    let Some((scheme, authority)) = authority(realm) else {
        return Err(format!("its realm `{}` is not an address", shown(realm)));
    };
    let same = host_name(authority).eq_ignore_ascii_case(host_name(server_host));
    let is_listed = |listed: &String| {
        listed.eq_ignore_ascii_case(authority) || listed.eq_ignore_ascii_case(host_name(authority))
    };
    let is_known =
        same || access.realms.iter().any(is_listed) || (server_host, authority) == DOCKER_HUB;
    if !is_known {
        return Err(format!("its realm `{}` is not among `realms`", shown(authority)));
    }
    match scheme {
        "https" => Ok(()),
        "http" if access.insecure => Ok(()),
        _ => Err(format!("its realm `{}` is not https", shown(realm))),
    }
}

/// Scheme and authority of an address without user or fragment.
fn authority(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next().filter(|text| !text.is_empty())?;
    (!url.contains(['@', '#', '\\'])).then_some((scheme, authority))
}
