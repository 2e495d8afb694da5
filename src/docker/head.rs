//! What the head of a request to an inspected endpoint must not say.

use std::fmt;

use super::endpoint::Endpoint;
use crate::http::framing::Framing;
use crate::http::head::RequestHead;
use crate::http::media_type::{MediaType, OddMediaType};

/// A head under which the body might mean something else to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadRefusal {
    /// Where the request goes.
    pub endpoint: Endpoint,
    /// What it must not say.
    pub reason: HeadReason,
}

/// What a head said that it must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadReason {
    /// A `Content-Encoding` of what is no archive: the daemon ignores it, others may not.
    ContentEncoding,
    /// An `Upgrade`: the body would belong to another protocol.
    Upgrade,
    /// A `Content-Type` that could be that of a form to the daemon.
    ContentType,
    /// A body where another protocol begins: the daemon reads it as that protocol.
    Body,
    /// A form as the body: Go's `ParseForm` merges it into the query.
    Form,
}

impl std::error::Error for HeadRefusal {}

impl fmt::Display for HeadRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            HeadReason::ContentEncoding => "a `Content-Encoding`",
            HeadReason::Upgrade => "an `Upgrade`",
            HeadReason::ContentType => "a `Content-Type` that is not plainly one media type",
            HeadReason::Body => "a body",
            HeadReason::Form => "a form as its body",
        };
        write!(f, "`{}` can't be inspected with {what}", self.endpoint)
    }
}

/// Checks the head of a request to an inspected endpoint, and says which type of the body is
/// forwarded, if there is a body.
///
/// An offer of HTTP/2 may stand in it, and so may the `Content-Encoding` of an archive, of which the
/// daemon looks at the bytes: neither is forwarded.
///
/// # Errors
/// [`HeadRefusal`], answered with `400` before a byte reaches the daemon.
pub fn check_head<'a>(
    head: &RequestHead<'a>,
    endpoint: Endpoint,
    framing: Framing,
) -> Result<Option<MediaType<'a>>, HeadRefusal> {
    check(head, endpoint, framing).map_err(|reason| HeadRefusal { endpoint, reason })
}

fn check<'a>(
    head: &RequestHead<'a>,
    endpoint: Endpoint,
    framing: Framing,
) -> Result<Option<MediaType<'a>>, HeadReason> {
    // A body that starts a container is not forwarded. Without one no type is forwarded either; clients
    // name one all the same.
    let has_body = framing != Framing::None;
    let forwards_body = has_body && endpoint != Endpoint::ContainerStart;
    let is_archive = endpoint.body_is_archive();
    if has_body && matches!(endpoint, Endpoint::BuildKit | Endpoint::Session) {
        return Err(HeadReason::Body);
    }
    if has_body && !is_archive && head.headers.has("content-encoding") {
        return Err(HeadReason::ContentEncoding);
    }
    if !endpoint.may_switch() && head.upgrades_to_more_than_http2() {
        return Err(HeadReason::Upgrade);
    }
    match MediaType::of(&head.headers) {
        _ if !forwards_body => Ok(None),
        // All that could stand in a form is how long to wait, and by which signal.
        read if endpoint == Endpoint::ContainerRestart => Ok(read.unwrap_or(None)),
        Ok(Some(it)) if it.is("application/x-www-form-urlencoded") || it.is_multipart() => {
            Err(HeadReason::Form)
        }
        Ok(read) => Ok(read),
        // The daemon reads nothing out of the type of an archive, once it is no form.
        Err(OddMediaType) if is_archive => Ok(None),
        Err(OddMediaType) => Err(HeadReason::ContentType),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::head::{Lines, parse_request};

    fn read(lines: &str, check: impl Fn(&RequestHead<'_>)) {
        let head = format!("POST /containers/create HTTP/1.1\r\nHost: d\r\n{lines}\r\n\r\n");
        let mut room = Lines::new();
        check(&parse_request(head.as_bytes(), &mut room).unwrap());
    }

    #[test]
    fn heads() {
        let form = "application/x-www-form-urlencoded";
        for (line, reason) in [
            ("X: y", None),
            ("Content-Type: application/json", None),
            ("Content-Type: application/json; charset=x-www-form-urlencoded", None),
            ("Content-Type: a/b\r\nContent-Type: a/b", None),
            (&format!("Content-Type: a/b\r\nContent-Type: {form}"), None),
            ("Connection: upgrade", None),
            ("Upgrade: h2c", None),
            ("Upgrade: h2c,H2C\r\nUpgrade: ,h2c", None),
            ("HTTP2-Settings: AAMAAABk", None),
            ("Upgrade: tcp", Some(HeadReason::Upgrade)),
            ("Upgrade: h2c, tcp", Some(HeadReason::Upgrade)),
            ("Upgrade: h2c\r\nUpgrade: websocket", Some(HeadReason::Upgrade)),
            ("UPGRADE:", Some(HeadReason::Upgrade)),
            ("Upgrade: \u{212a}2c", Some(HeadReason::Upgrade)),
            ("Content-Encoding: gzip", Some(HeadReason::ContentEncoding)),
            ("content-encoding: identity", Some(HeadReason::ContentEncoding)),
            (&format!("Content-Type: {form}"), Some(HeadReason::Form)),
            (&format!("Content-Type: {form}\r\nContent-Type: a/b"), Some(HeadReason::Form)),
            ("Content-Type: Application/X-WWW-Form-Urlencoded ;x", Some(HeadReason::Form)),
            ("Content-Type: Multipart/x", Some(HeadReason::Form)),
            ("Content-Type:", Some(HeadReason::ContentType)),
            ("Content-Type:\r\nContent-Type: a/b", Some(HeadReason::ContentType)),
            ("Content-Type: applİcation/x-www-form-urlencoded", Some(HeadReason::ContentType)),
            (&format!("Content-Type: \u{a0}{form}"), Some(HeadReason::ContentType)),
            (&format!("Content-Type: {form}\u{2003};"), Some(HeadReason::ContentType)),
            (&format!("Content-Type: {form}\u{85}"), Some(HeadReason::ContentType)),
        ] {
            read(line, |head| {
                let check = |endpoint, framing| {
                    check_head(head, endpoint, framing).err().map(|refusal| refusal.reason)
                };
                assert_eq!(check(Endpoint::ContainerCreate, Framing::Chunked), reason, "{line}");
                let without_type = reason
                    .filter(|reason| !matches!(reason, HeadReason::Form | HeadReason::ContentType));
                let start = check(Endpoint::ContainerStart, Framing::Chunked);
                assert_eq!(start, without_type, "{line}");
                let restart = check(Endpoint::ContainerRestart, Framing::Chunked);
                assert_eq!(restart, without_type, "{line}");
                let without_body = without_type.filter(|it| *it == HeadReason::Upgrade);
                assert_eq!(check(Endpoint::ImageTag, Framing::None), without_body, "{line}");
                for endpoint in [Endpoint::Build, Endpoint::BuildContext, Endpoint::ImageLoad] {
                    let of_archive =
                        reason.filter(|it| matches!(it, HeadReason::Upgrade | HeadReason::Form));
                    assert_eq!(check(endpoint, Framing::Chunked), of_archive, "{line}");
                }
            });
        }
    }

    #[test]
    fn the_type_that_is_forwarded() {
        for (lines, endpoint, framing, expected) in [
            ("Content-Type: A/b; c=d", Endpoint::ContainerCreate, Framing::Chunked, Some("a/b")),
            (
                "Content-Type: a/b\r\nContent-Type: c/d",
                Endpoint::Build,
                Framing::Chunked,
                Some("a/b"),
            ),
            ("Content-Type: a/b\r\nContent-Type: c/d", Endpoint::Build, Framing::None, None),
            ("Content-Type: a, b", Endpoint::ImageLoad, Framing::Chunked, None),
            ("X: y", Endpoint::ContainerCreate, Framing::Chunked, None),
            ("Content-Type: a/b", Endpoint::ContainerStart, Framing::Chunked, None),
        ] {
            read(lines, |head| {
                let read = check_head(head, endpoint, framing).unwrap();
                assert_eq!(read.map(|read| read.to_string()).as_deref(), expected, "{lines}");
            });
        }
    }
}
