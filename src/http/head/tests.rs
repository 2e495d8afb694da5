#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]
use super::*;
use proptest::prelude::*;

fn parse_all(input: &[u8]) -> Result<Option<usize>, HeadError> {
    let end = find_end(input, &mut 0)?;
    if let Some(end) = end {
        parse_request(&input[..end], &mut Lines::new())?;
    }
    Ok(end)
}

#[test]
fn what_is_refused_and_why() {
    let table: [(&str, HeadError); 24] = [
        ("GET / HTTP/1.1\nHost: d\r\n\r\n", HeadError::BareLineFeed),
        ("GET / HTTP/1.1\r\nHost: d\n\r\n", HeadError::BareLineFeed),
        ("GET / HTTP/1.1\r\nHost: d\r\n\n", HeadError::BareLineFeed),
        ("\nGET / HTTP/1.1\r\n\r\n", HeadError::LeadingEmptyLine),
        ("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", HeadError::BareCarriageReturn),
        ("GET / HTTP/1.1\r\nA: b\0\r\n\r\n", HeadError::Control),
        ("GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n", HeadError::Control),
        ("\r\nGET / HTTP/1.1\r\n\r\n", HeadError::LeadingEmptyLine),
        ("\x16\x03\x01", HeadError::Tls),
        ("G\x16\x03\x01", HeadError::Control),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeadError::Http2),
        ("GET / HTTP/2.0\r\n\r\n", HeadError::Http2),
        ("GET /\r\n\r\n", HeadError::Version),
        ("GET / HTTP/1.2\r\n\r\n", HeadError::Version),
        ("GET / HTTP/0.9\r\n\r\n", HeadError::Version),
        ("GET / http/1.1\r\n\r\n", HeadError::StartLine),
        ("GET  / HTTP/1.1\r\n\r\n", HeadError::StartLine),
        ("GET / x HTTP/1.1\r\n\r\n", HeadError::StartLine),
        ("G@T / HTTP/1.1\r\n\r\n", HeadError::Method),
        ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", HeadError::Folded),
        ("GET / HTTP/1.1\r\n\tA: b\r\n\r\n", HeadError::Folded),
        ("GET / HTTP/1.1\r\nA : b\r\n\r\n", HeadError::HeaderName),
        ("GET / HTTP/1.1\r\n: b\r\n\r\n", HeadError::HeaderName),
        ("GET / HTTP/1.1\r\nA\r\n\r\n", HeadError::HeaderName),
    ];
    for (input, error) in table {
        assert_eq!(parse_all(input.as_bytes()), Err(error), "{input:?}");
    }
    let crowd = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX + 1));
    assert_eq!(parse_all(crowd.as_bytes()), Err(HeadError::TooManyHeaders));
}

#[test]
fn parts_are_what_was_sent() {
    let head = b"pOST /a?b HTTP/1.0\r\nHost: d\r\nX: \xff y \r\nx:\r\n\r\n";
    let mut lines = Lines::new();
    let head = parse_request(head, &mut lines).unwrap();
    assert_eq!((head.method, head.target, head.version), ("pOST", "/a?b", Version::Http10));
    assert_eq!(head.headers.get_all("x").collect::<Vec<_>>(), [&b"\xff y"[..], b""]);
    assert_eq!(head.headers.get_one("x"), Err(HeadError::Repeated("x")));
}

#[test]
fn responses_of_the_daemon_parse() {
    for (head, status) in [
        ("HTTP/1.1 200 OK\r\nServer: Docker/20.10\r\n\r\n", 200),
        ("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n", 101),
        ("HTTP/1.1 204 \r\n\r\n", 204),
        ("HTTP/1.0 404 Not Found\r\n\r\n", 404),
    ] {
        assert_eq!(
            parse_response(head.as_bytes(), &mut Lines::new()).unwrap().status,
            status,
            "{head:?}"
        );
    }
}

#[test]
fn tokens_stand_on_several_lines_and_in_any_case() {
    let head = b"GET / HTTP/1.1\r\nConnection: a\r\nconnection: Keep-Alive , CLOSE\r\n\r\n";
    let mut lines = Lines::new();
    let head = parse_request(head, &mut lines).unwrap();
    assert!(head.headers.has_token("Connection", "close"));
    assert!(!head.headers.has_token("Connection", "clos"));
    assert_eq!(head.persistence(), Persistence::Close);
}

#[test]
fn parsing_alone_is_as_strict() {
    for head in [
        "GET / HTTP/1.1\nHost: d\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: d\nA: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: d\r\n\n",
        "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\0\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n",
        "GET / HTTP/1.1\r\n\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\nGET",
        "\r\nGET / HTTP/1.1\r\n\r\n",
        "\nGET / HTTP/1.1\r\n\r\n",
        "",
    ] {
        assert!(parse_request(head.as_bytes(), &mut Lines::new()).is_err(), "{head:?}");
        let head = head.replacen("GET / HTTP/1.1", "HTTP/1.1 200 OK", 1);
        assert!(parse_response(head.as_bytes(), &mut Lines::new()).is_err(), "{head:?}");
    }
}

#[test]
fn responses_that_are_refused() {
    for (head, error) in [
        ("HTTP/1.2 200 OK\r\n\r\n", HeadError::Version),
        ("HTTP/2 200 OK\r\n\r\n", HeadError::Version),
        ("HTTP/1.1 099 Low\r\n\r\n", HeadError::StartLine),
        ("HTTP/1.1 20 OK\r\n\r\n", HeadError::StartLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", HeadError::StartLine),
        ("HTTP/1.1  200 OK\r\n\r\n", HeadError::StartLine),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", HeadError::HeaderName),
    ] {
        assert_eq!(
            parse_response(head.as_bytes(), &mut Lines::new()).err(),
            Some(error),
            "{head:?}"
        );
    }
}

#[test]
fn line_ends_are_made_whole() {
    for (head, whole) in [
        ("GET / HTTP/1.0\r\n\r\n", None),
        ("GET / HTTP/1.0\n\n", Some("GET / HTTP/1.0\r\n\r\n")),
        ("GET / HTTP/1.0\r\n\n", Some("GET / HTTP/1.0\r\n\r\n")),
        ("GET / HTTP/1.0\nA: b\r\nC: d\n\r\n", Some("GET / HTTP/1.0\r\nA: b\r\nC: d\r\n\r\n")),
    ] {
        assert_eq!(find_end(head.as_bytes(), &mut 0), Ok(Some(head.len())), "{head:?}");
        let read = with_whole_line_ends(head.as_bytes());
        assert_eq!(read, whole.unwrap_or(head).as_bytes(), "{head:?}");
        assert_eq!(matches!(read, Cow::Borrowed(_)), whole.is_none(), "{head:?}");
    }
}

#[test]
fn what_announces_more_does_not_stand_alone() {
    for (line, alone) in [
        ("X: y", true),
        ("Content-Length: 0", true),
        ("Connection: close", true),
        ("Content-Length: 1", false),
        ("Transfer-Encoding: chunked", false),
        ("Content-Encoding: gzip", false),
        ("Upgrade:", false),
        ("Connection: x, upgrade", false),
        ("HTTP2-Settings: AAMA", false),
        ("Expect: 100-continue", false),
        ("Trailer: x", false),
        ("te: trailers", false),
    ] {
        let head = format!("POST / HTTP/1.1\r\n{line}\r\n\r\n");
        let mut lines = Lines::new();
        let head = parse_request(head.as_bytes(), &mut lines).unwrap();
        assert_eq!(
            head.stands_alone(crate::http::framing::of_request(&head).unwrap()),
            alone,
            "{line}"
        );
    }
}

proptest! {
    /// Whatever ends the lines of a head, it is taken apart at the same places.
    #[test]
    fn line_ends_change_no_line(
        lines in proptest::collection::vec("[A-Z]{1,3}: ?[a-z]{0,3}", 0..4),
        ends in proptest::collection::vec("\r?\n", 6),
    ) {
        let all: Vec<_> = ["GET / HTTP/1.0"].into_iter()
            .chain(lines.iter().map(String::as_str)).chain([""]).collect();
        let sent: String = all.iter().zip(&ends).map(|(line, end)| format!("{line}{end}")).collect();
        let whole: String = all.iter().map(|line| format!("{line}\r\n")).collect();
        prop_assert_eq!(find_end(sent.as_bytes(), &mut 0), Ok(Some(sent.len())));
        prop_assert_eq!(&*with_whole_line_ends(sent.as_bytes()), whole.as_bytes());
        prop_assert!(parse_request(whole.as_bytes(), &mut Lines::new()).is_ok());
    }

    /// Heads that are nearly valid: whatever is taken, `find_end` would have handed over.
    #[test]
    fn what_parses_is_one_whole_head(
        input in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "(GET|P@|) ?/[a-z]{0,3} HTTP/1\\.[0-2]\r?\n([A-Z]{0,2} ?: ?[a-z\t\r]?\r?\n){0,3}\r?\n.?"
                .prop_map(String::into_bytes),
            "HTTP/1\\.[0-2] ?[0-9]{2,4}( [a-z]?)?\r?\n([A-Z]{0,2} ?: ?[a-z]?\r?\n){0,3}\r?\n.?"
                .prop_map(String::into_bytes),
        ],
    ) {
        if parse_request(&input, &mut Lines::new()).is_ok()
            || parse_response(&input, &mut Lines::new()).is_ok() {
            prop_assert_eq!(find_end(&input, &mut 0), Ok(Some(input.len())));
        }
    }
}
