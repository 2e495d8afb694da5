//! What the head of a request to an inspected endpoint must not say.

use std::fmt;

use super::routes::Endpoint;
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
    /// A `Content-Encoding`: the daemon ignores it, others may not.
    ContentEncoding,
    /// An `Upgrade`: the body would belong to another protocol.
    Upgrade,
    /// An offer to go on in HTTP/2.
    Http2,
    /// A `Content-Type` that could be that of a form to the daemon.
    ContentType,
    /// A form as the body: Go's `ParseForm` merges it into the query.
    Form,
}

impl std::error::Error for HeadRefusal {}

impl fmt::Display for HeadRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            HeadReason::ContentEncoding => "a `Content-Encoding`",
            HeadReason::Upgrade => "an `Upgrade`",
            HeadReason::Http2 => "an offer of HTTP/2",
            HeadReason::ContentType => "a `Content-Type` that is not plainly one media type",
            HeadReason::Form => "a form as its body",
        };
        write!(f, "`{}` can't be inspected with {what}", self.endpoint)
    }
}

/// Checks the head of a request to an inspected endpoint.
///
/// # Errors
/// [`HeadRefusal`], answered with `400` before a byte reaches the daemon.
pub fn check_head(
    head: &RequestHead<'_>,
    endpoint: Endpoint,
    framing: Framing,
) -> Result<(), HeadRefusal> {
    let headers = &head.headers;
    let reason = if headers.has("content-encoding") {
        HeadReason::ContentEncoding
    } else if headers.has("upgrade") && !endpoint.may_switch() {
        HeadReason::Upgrade
    } else if head.has_http2_settings() {
        HeadReason::Http2
    } else if forwards_body(endpoint, framing)
        && let Err(reason) = check_content_type(head)
    {
        reason
    } else {
        return Ok(());
    };
    Err(HeadRefusal { endpoint, reason })
}

/// Without a body no type is forwarded either; clients name one all the same.
fn forwards_body(endpoint: Endpoint, framing: Framing) -> bool {
    framing != Framing::None && endpoint != Endpoint::ContainerStart
}

fn check_content_type(head: &RequestHead<'_>) -> Result<(), HeadReason> {
    match MediaType::of(&head.headers) {
        Err(OddMediaType) => Err(HeadReason::ContentType),
        Ok(Some(it)) if it.is("application/x-www-form-urlencoded") || it.is_multipart() => {
            Err(HeadReason::Form)
        }
        Ok(Some(_) | None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::head::{Lines, parse_request};

    #[test]
    fn heads() {
        let form = "application/x-www-form-urlencoded";
        for (line, reason) in [
            ("X: y", None),
            ("Content-Type: application/json", None),
            ("Content-Type: application/json; charset=x-www-form-urlencoded", None),
            ("Connection: upgrade", None),
            ("Upgrade: tcp", Some(HeadReason::Upgrade)),
            ("UPGRADE:", Some(HeadReason::Upgrade)),
            ("HTTP2-Settings: AAMAAABk", Some(HeadReason::Http2)),
            ("Content-Encoding: gzip", Some(HeadReason::ContentEncoding)),
            ("content-encoding: identity", Some(HeadReason::ContentEncoding)),
            (&format!("Content-Type: {form}"), Some(HeadReason::Form)),
            ("Content-Type: Application/X-WWW-Form-Urlencoded ;x", Some(HeadReason::Form)),
            ("Content-Type: Multipart/x", Some(HeadReason::Form)),
            ("Content-Type: a/b\r\nContent-Type: a/b", Some(HeadReason::ContentType)),
            ("Content-Type:", Some(HeadReason::ContentType)),
            ("Content-Type: applİcation/x-www-form-urlencoded", Some(HeadReason::ContentType)),
            (&format!("Content-Type: \u{a0}{form}"), Some(HeadReason::ContentType)),
            (&format!("Content-Type: {form}\u{2003};"), Some(HeadReason::ContentType)),
            (&format!("Content-Type: {form}\u{85}"), Some(HeadReason::ContentType)),
        ] {
            let head = format!("POST /containers/create HTTP/1.1\r\nHost: d\r\n{line}\r\n\r\n");
            let mut lines = Lines::new();
            let head = parse_request(head.as_bytes(), &mut lines).unwrap();
            let check = |endpoint, framing| {
                check_head(&head, endpoint, framing).err().map(|refusal| refusal.reason)
            };
            assert_eq!(check(Endpoint::ContainerCreate, Framing::Chunked), reason, "{line}");
            let is_about_type = matches!(reason, Some(HeadReason::Form | HeadReason::ContentType));
            let expected = reason.filter(|_| !is_about_type);
            assert_eq!(check(Endpoint::ContainerStart, Framing::Chunked), expected, "{line}");
            assert_eq!(check(Endpoint::ImageTag, Framing::None), expected, "{line}");
        }
    }
}
