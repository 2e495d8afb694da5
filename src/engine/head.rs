//! What the head of a request to an inspected endpoint must not say.

use std::fmt;

use super::routes::Endpoint;
use crate::http::head::RequestHead;

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
    /// A form as the body: Go's `ParseForm` merges it into the query.
    Form,
}

impl std::error::Error for HeadRefusal {}

impl fmt::Display for HeadRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            HeadReason::ContentEncoding => "a `Content-Encoding`",
            HeadReason::Upgrade => "an `Upgrade`",
            HeadReason::Form => "a form as its body",
        };
        write!(f, "`{}` can't be inspected with {what}", self.endpoint)
    }
}

/// Checks the head of a request to an inspected endpoint.
///
/// # Errors
/// [`HeadRefusal`], answered with `400` before a byte reaches the daemon.
pub fn check_head(head: &RequestHead<'_>, endpoint: Endpoint) -> Result<(), HeadRefusal> {
    let headers = &head.headers;
    let reason = if headers.has("content-encoding") {
        HeadReason::ContentEncoding
    } else if headers.has("upgrade") && !endpoint.may_switch() {
        HeadReason::Upgrade
    } else if endpoint != Endpoint::ContainerStart
        // No body is forwarded there, so none is merged; clients name a form without having one.
        && headers.get_all("content-type").any(is_form)
    {
        HeadReason::Form
    } else {
        return Ok(());
    };
    Err(HeadRefusal { endpoint, reason })
}

/// Go reads the media type up to the first `;`, trimmed and in lower case.
fn is_form(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    let media_type = media_type.trim_ascii().to_ascii_lowercase();
    media_type == b"application/x-www-form-urlencoded" || media_type.starts_with(b"multipart/")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::head::{Lines, parse_request};

    #[test]
    fn heads() {
        for (line, reason) in [
            ("X: y", None),
            ("Content-Type: application/json", None),
            ("Content-Type: application/json; charset=x-www-form-urlencoded", None),
            ("Connection: upgrade", None),
            ("Upgrade: tcp", Some(HeadReason::Upgrade)),
            ("UPGRADE:", Some(HeadReason::Upgrade)),
            ("Content-Encoding: gzip", Some(HeadReason::ContentEncoding)),
            ("content-encoding: identity", Some(HeadReason::ContentEncoding)),
            ("Content-Type: application/x-www-form-urlencoded", Some(HeadReason::Form)),
            ("Content-Type: Application/X-WWW-Form-Urlencoded ;x", Some(HeadReason::Form)),
            ("Content-Type: a\r\nContent-Type: multipart/form-data", Some(HeadReason::Form)),
        ] {
            let head = format!("POST /containers/create HTTP/1.1\r\nHost: d\r\n{line}\r\n\r\n");
            let mut lines = Lines::new();
            let head = parse_request(head.as_bytes(), &mut lines).unwrap();
            let checked = check_head(&head, Endpoint::ContainerCreate);
            assert_eq!(checked.err().map(|refusal| refusal.reason), reason, "{line}");
            let at_start = check_head(&head, Endpoint::ContainerStart).err();
            let expected = reason.filter(|reason| *reason != HeadReason::Form);
            assert_eq!(at_start.map(|refusal| refusal.reason), expected, "{line}");
        }
    }
}
