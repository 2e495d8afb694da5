//! A question as plugins of level 2 read it: one JSON document.
//!
//! Keys are only added within a major version of the interface. Credentials are never in it.

use std::sync::Weak;
use std::time::Duration;

use serde::Serialize;

use super::judge::Question;
use crate::image::ImageRef;
use crate::lookup::Presence;

#[derive(Serialize)]
struct Document<'a> {
    request_id: &'a str,
    deadline_ms: u64,
    client: Client<'a>,
    http: Http<'a>,
    image: Image<'a>,
}

#[derive(Serialize)]
struct Client<'a> {
    address: &'a str,
}

#[derive(Serialize)]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    api_version: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Image<'a> {
    given: &'a str,
    name: Option<String>,
    registry: Option<&'a str>,
    repository: Option<&'a str>,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
    id: Option<&'a str>,
    repo_digests: &'a [String],
    present: Option<bool>,
}

/// The document, with the body as it would be forwarded, held by the side that has the plugin asked.
pub(super) fn document(question: &Question, time_left: Duration) -> Vec<u8> {
    let review = &question.review;
    let document = Document {
        request_id: &review.request,
        deadline_ms: u64::try_from(time_left.as_millis()).unwrap_or(u64::MAX),
        client: Client { address: &review.client },
        http: Http {
            method: &review.method,
            path: &review.path,
            api_version: api_version(&review.path),
        },
        image: image(question),
    };
    // It has no map with keys that could fail; were it to, the plugin would refuse what is empty.
    let mut json = serde_json::to_vec(&document).unwrap_or_default();
    if json.pop().is_some() {
        // The body was written by us, and is JSON.
        json.extend_from_slice(b",\"create\":");
        let body = review.body.as_ref().and_then(Weak::upgrade);
        json.extend_from_slice(body.as_ref().map_or(b"null", |body| body.as_slice()));
        json.push(b'}');
    }
    json
}

/// The number behind `/v`, if the path begins with one.
fn api_version(path: &str) -> Option<&str> {
    let (version, _) = path.strip_prefix("/v")?.split_once('/')?;
    let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    version.bytes().all(is_number).then_some(version)
}

fn image(question: &Question) -> Image<'_> {
    let asked = &question.review.asked;
    let mut image = Image { given: &asked.given, ..Image::default() };
    if let ImageRef::Named(name) = &asked.image
        && !question.is_identified()
    {
        let tag = name.tag().filter(|_| !asked.every_tag);
        let suffix = [(':', tag), ('@', name.digest())];
        let suffix = suffix.map(|(mark, part)| part.map(|part| format!("{mark}{part}")));
        let suffix: String = suffix.into_iter().flatten().collect();
        image.name = Some(format!("{}{suffix}", name.repository()));
        (image.registry, image.repository) = name.repository().split_once('/').unzip();
        (image.tag, image.digest) = (tag, name.digest());
    }
    match &question.presence {
        Presence::Present(identity) => {
            image.present = Some(true);
            image.id = Some(&identity.id);
            image.repo_digests = &identity.repo_digests;
        }
        Presence::Absent => image.present = Some(false),
        Presence::Unknown => {}
    }
    image
}
