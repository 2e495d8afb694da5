//! Ambiguous or malformed HTTP is refused before a byte of it reaches the engine. Every request here
//! would make a container if some reading of it did; what the engine itself makes of it is noted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use support::client::get;
use support::{Answer, Client, Daemon, SecDocker, Way, unique};

const BODY: &str = r#"{"Image":"probe:1","Cmd":["true"]}"#;
const JSON: &str = "Content-Type: application/json\r\n";

/// What the engine does with the same bytes: to know which refusals keep something away.
#[derive(Debug, PartialEq)]
enum Straight {
    Creates,
    Refuses,
}
use Straight::{Creates, Refuses};

/// A request for a container of this name.
type Request = fn(&str) -> String;

/// A request with this line and these headers besides `Host` and the content type.
fn create(line: &str, headers: &str, body: &str) -> String {
    format!("{line}\r\nHost: d\r\n{JSON}{headers}\r\n{body}")
}

fn sized(line: &str, headers: &str) -> String {
    create(line, &format!("{headers}Content-Length: {}\r\n", BODY.len()), BODY)
}

fn line(name: &str) -> String {
    format!("POST /containers/create?name={name} HTTP/1.1")
}

fn chunk() -> String {
    format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len())
}

/// Sends each straight and through SecDocker, which must refuse all and close.
#[track_caller]
fn refuses(cases: &[(&str, Straight, Request)]) {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  ports: [22]\n");
    let mut bystander = secdocker.connect();
    let wrong: Vec<String> =
        cases.iter().filter_map(|case| refuses_one(&secdocker, case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(bystander.ask(get("/_ping")).status, 200, "another connection notices");
}

fn refuses_one(
    secdocker: &SecDocker,
    (what, expected, request): &(&str, Straight, Request),
) -> Result<(), String> {
    let api = Daemon::shared().api();
    let check = |holds: bool, says: &str| match holds {
        true => Ok(()),
        false => Err(format!("{what}: {says}")),
    };
    let name = unique("odd");
    let made = || {
        let made = api.container(&name).is_some();
        api.remove(&name);
        if made { Creates } else { Refuses }
    };
    let mut straight = Daemon::shared().connect();
    straight.send(request(&name));
    straight.end_sending();
    straight.rest_or_reset();
    let by_engine = made();
    check(by_engine == *expected, &format!("the engine itself {by_engine:?} it"))?;

    let mut client = secdocker.connect();
    drop(client.try_send(request(&name)));
    let answer = client.answer();
    let said = format!("{} {}", answer.head.lines().next().unwrap_or_default(), answer.text());
    check(made() == Refuses, &format!("made a container, and said {said}"))?;
    check(answer.status == 400, &said)?;
    check(is_ours(&answer), &format!("not in the daemon's error form: {answer:?}"))?;
    check(client.is_closed(), &format!("the connection stays open after {said}"))
}

/// The daemon's error form, with our name and a reason of one line.
fn is_ours(answer: &Answer) -> bool {
    let message = answer.message();
    answer.header("content-type") == Some("application/json")
        && message.starts_with("SecDocker: ")
        && !message.contains('\n')
}

#[test]
fn framing() {
    refuses(&[
        ("length and coding", Creates, |name| {
            let headers = "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n";
            create(&line(name), headers, &chunk())
        }),
        ("coding and length", Creates, |name| {
            let headers =
                format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", BODY.len());
            create(&line(name), &headers, &chunk())
        }),
        ("two lengths", Refuses, |name| sized(&line(name), "Content-Length: 2\r\n")),
        ("the same length twice", Creates, |name| {
            sized(&line(name), &format!("Content-Length: {}\r\n", BODY.len()))
        }),
        ("a list of lengths", Refuses, |name| {
            let length = BODY.len();
            create(&line(name), &format!("Content-Length: {length}, {length}\r\n"), BODY)
        }),
        ("a length with a sign", Refuses, |name| {
            create(&line(name), &format!("Content-Length: +{}\r\n", BODY.len()), BODY)
        }),
        ("a length in hexadecimal", Refuses, |name| {
            create(&line(name), &format!("Content-Length: {:#x}\r\n", BODY.len()), BODY)
        }),
        ("a length beyond 64 bits", Refuses, |name| {
            create(&line(name), "Content-Length: 18446744073709551650\r\n", BODY)
        }),
        ("an empty length", Refuses, |name| create(&line(name), "Content-Length:\r\n", BODY)),
        ("another coding", Refuses, |name| {
            create(&line(name), "Transfer-Encoding: gzip\r\n", &chunk())
        }),
        ("two codings", Refuses, |name| {
            create(&line(name), "Transfer-Encoding: gzip, chunked\r\n", &chunk())
        }),
        ("chunked twice", Refuses, |name| {
            create(&line(name), "Transfer-Encoding: chunked, chunked\r\n", &chunk())
        }),
        ("two coding fields", Refuses, |name| {
            let headers = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
            create(&line(name), headers, &chunk())
        }),
        ("identity coding", Refuses, |name| sized(&line(name), "Transfer-Encoding: identity\r\n")),
        ("chunked in HTTP/1.0", Refuses, |name| {
            let line = line(name).replace("1.1", "1.0");
            create(&line, "Transfer-Encoding: chunked\r\n", &chunk())
        }),
    ]);
}

#[test]
fn chunks() {
    refuses(&[
        ("a size with a sign", Refuses, |name| chunked(name, &format!("+{}", chunk()))),
        ("a size with 0x", Refuses, |name| chunked(name, &format!("0x{}", chunk()))),
        ("an empty size", Refuses, |name| chunked(name, &format!("\r\n{BODY}\r\n0\r\n\r\n"))),
        ("a size beyond 64 bits", Refuses, |name| {
            chunked(name, &format!("10000000000000{:04x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len()))
        }),
        ("data longer than its size", Refuses, |name| {
            chunked(name, &format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len() - 1))
        }),
        ("bare LF after a size", Creates, |name| {
            chunked(name, &format!("{:x}\n{BODY}\r\n0\r\n\r\n", BODY.len()))
        }),
    ]);
}

fn chunked(name: &str, body: &str) -> String {
    create(&line(name), "Transfer-Encoding: chunked\r\n", body)
}

#[test]
fn heads() {
    refuses(&[
        ("bare LF", Creates, |name| sized(&line(name), "").replace("\r\n", "\n")),
        ("bare LF once", Creates, |name| sized(&line(name), "X: y\n")),
        ("bare CR in a value", Refuses, |name| sized(&line(name), "X: y\rz\r\n")),
        ("a folded line", Creates, |name| sized(&line(name), "X: y\r\n z\r\n")),
        ("a folded coding", Creates, |name| {
            create(&line(name), "Transfer-Encoding:\r\n chunked\r\n", &chunk())
        }),
        ("space before the colon", Refuses, |name| sized(&line(name), "X : y\r\n")),
        ("space before a length's colon", Refuses, |name| {
            create(&line(name), &format!("Content-Length : {}\r\n", BODY.len()), BODY)
        }),
        ("a line without a colon", Refuses, |name| sized(&line(name), "X\r\n")),
        ("a nameless header", Creates, |name| sized(&line(name), ": y\r\n")),
        ("NUL in a value", Refuses, |name| sized(&line(name), "X: a\0b\r\n")),
        ("a control character in a value", Refuses, |name| sized(&line(name), "X: a\x01b\r\n")),
        ("DEL in a value", Refuses, |name| sized(&line(name), "X: a\x7fb\r\n")),
        ("space before the first header", Refuses, |name| {
            sized(&format!("{}\r\n X: y", line(name)), "")
        }),
    ]);
}

#[test]
fn request_lines() {
    refuses(&[
        ("HTTP/1.2", Creates, |name| sized(&line(name).replace("1.1", "1.2"), "")),
        ("HTTP/2.0", Refuses, |name| sized(&line(name).replace("1.1", "2.0"), "")),
        ("HTTP/1.10", Refuses, |name| sized(&line(name).replace("1.1", "1.10"), "")),
        ("HTTP/0.9", Refuses, |name| format!("POST /containers/create?name={name}\r\n\r\n")),
        ("prior knowledge", Refuses, |_| "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("lower-case http", Refuses, |name| sized(&line(name).replace("HTTP", "http"), "")),
        ("two spaces", Refuses, |name| sized(&line(name).replace("POST ", "POST  "), "")),
        ("a tab for a space", Refuses, |name| sized(&line(name).replace("POST ", "POST\t"), "")),
        ("a method with odd characters", Refuses, |name| {
            sized(&line(name).replace("POST", "PO(ST"), "")
        }),
        ("authority form", Refuses, |_| {
            "CONNECT d:2375 HTTP/1.1\r\nHost: d:2375\r\n\r\n".to_owned()
        }),
    ]);
}

/// Targets that are not plain, where some reading is the create endpoint.
#[test]
fn targets() {
    refuses(&[
        ("a fragment", Creates, |name| {
            sized(&at(&format!("/containers/create?x#y&name={name}")), "")
        }),
        ("a decoded `%`", Refuses, |name| {
            sized(&at(&format!("/containers/%2563reate?name={name}")), "")
        }),
        ("an empty segment", Refuses, |name| {
            sized(&at(&format!("/containers//create?name={name}")), "")
        }),
        ("an empty first segment", Refuses, |name| {
            sized(&at(&format!("//containers/create?name={name}")), "")
        }),
        ("a dot segment", Refuses, |name| {
            sized(&at(&format!("/containers/./create?name={name}")), "")
        }),
        ("two dots", Refuses, |name| {
            sized(&at(&format!("/v1.41/x/../containers/create?name={name}")), "")
        }),
        ("encoded dots", Refuses, |name| {
            sized(&at(&format!("/x/%2e%2e/containers/create?name={name}")), "")
        }),
        ("an invalid escape", Refuses, |name| {
            sized(&at(&format!("/containers/create%zz?name={name}")), "")
        }),
        ("a NUL", Refuses, |name| sized(&at(&format!("/containers/create%00?name={name}")), "")),
        ("a newline", Refuses, |name| {
            sized(&at(&format!("/containers/create%0a?name={name}")), "")
        }),
    ]);
}

fn at(target: &str) -> String {
    format!("POST {target} HTTP/1.1")
}

/// Harmless elsewhere, but on an inspected endpoint nobody should have to guess.
#[test]
fn inspected_endpoints() {
    refuses(&[
        ("gzip", Creates, |name| sized(&line(name), "Content-Encoding: gzip\r\n")),
        ("identity", Creates, |name| sized(&line(name), "Content-Encoding: identity\r\n")),
        ("an upgrade", Creates, |name| {
            sized(&line(name), "Connection: Upgrade\r\nUpgrade: tcp\r\n")
        }),
        ("an upgrade to HTTP/2 or another protocol", Creates, |name| {
            sized(&line(name), &OFFER.replace("h2c", "h2c, websocket"))
        }),
        ("a content type behind a no-break space", Creates, |name| {
            sized(&line(name), "").replace("application/json", "\u{a0}application/json")
        }),
        ("a content type before a wide space", Creates, |name| {
            sized(&line(name), "").replace("application/json", "application/json\u{2003};x=y")
        }),
        ("a content type with a dotted capital", Creates, |name| {
            sized(&line(name), "").replace("application/json", "applİcation/json")
        }),
        ("a form before JSON", Refuses, |name| {
            let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Type: ";
            sized(&line(name), "").replace("Content-Type: ", form)
        }),
        ("an invalid escape in the query", Refuses, |name| {
            sized(&at(&format!("/containers/create?name={name}&x=%zz")), "")
        }),
        ("a semicolon in the query", Refuses, |name| {
            sized(&at(&format!("/containers/create?x=1;name={name}")), "")
        }),
    ]);
}

const OFFER: &str = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                     HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n";

/// It is left out everywhere, and what is sent behind such a request is inspected as ever.
#[test]
fn an_offer_of_http2() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let name = unique("offer");
    let privileged = BODY.replace("{", r#"{"HostConfig":{"Privileged":true},"#);
    let length = format!("Content-Length: {}\r\n", privileged.len());
    let ping = format!("GET /_ping HTTP/1.1\r\nHost: d\r\n{OFFER}\r\n");
    let forbidden = create(&line(&name), &format!("{OFFER}{length}"), &privileged);
    let mut client = secdocker.connect();
    client.send(
        [&ping, &forbidden, &ping, &create(&line(&name), &length, &privileged)]
            .map(String::as_str)
            .concat(),
    );
    let statuses = [(); 4].map(|()| client.answer().status);
    assert_eq!(statuses, [200, 403, 200, 403]);
    assert!(Daemon::shared().api().container(&name).is_none(), "made a privileged container");
    let mut client = secdocker.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(client.answer().status, 400, "without having been offered it");
}

/// Nothing of a request that turns out malformed in its body has reached the engine, and nothing
/// after it is read.
#[test]
fn nothing_follows_a_refusal() {
    let secdocker = SecDocker::before(Daemon::shared(), "");
    let (first, second) = (unique("first"), unique("second"));
    let mut client: Client = secdocker.connect();
    let malformed = chunked(&first, "xyz\r\n");
    drop(client.try_send(malformed + &sized(&line(&second), "")));
    assert_eq!(client.answer().status, 400);
    assert!(client.is_closed(), "something follows the refusal");
    let api = Daemon::shared().api();
    for name in [first, second] {
        assert!(api.container(&name).is_none(), "{name} was made");
    }
}

/// What RFC 9110 and 9112 allow works as it does straight at the engine.
#[test]
fn odd_but_legal_requests_pass() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  ports: [22]\n");
    let api = Daemon::shared().api();
    let body = format!("{:X};x=\"y;z\"\r\n{BODY}\r\n000;last\r\nX-Trailer: 1\r\n\r\n", BODY.len());
    let padded = format!("{:x}    \r\n{BODY}\r\n0 \t \r\n\r\n", BODY.len());
    let cases: [(&str, Request, String); 10] = [
        ("plain", |name| sized(&line(name), ""), String::new()),
        ("chunked", |name| chunked(name, &chunk()), String::new()),
        ("extensions and trailers", |name| chunked(name, ""), body),
        ("HTTP/1.0", |name| sized(&line(name).replace("1.1", "1.0"), ""), String::new()),
        ("space around values", |name| sized(&line(name), "X:\t y \t\r\n"), String::new()),
        ("padded sizes", |name| chunked(name, ""), padded),
        ("an offer of HTTP/2", |name| sized(&line(name), OFFER), String::new()),
        (
            "two content types",
            |name| sized(&line(name), "Content-Type: text/plain\r\n"),
            String::new(),
        ),
        (
            "a name twice",
            |name| {
                sized(
                    &at(&format!("/containers/create?name={name}&x=1&n%61me=other-{name}&x=2")),
                    "",
                )
            },
            String::new(),
        ),
        (
            "credentials twice",
            |name| sized(&line(name), "X-Registry-Auth: e30=\r\nX-Registry-Auth: x\r\n"),
            String::new(),
        ),
    ];
    for (what, request, rest) in cases {
        for way in [Daemon::shared() as &dyn Way, &secdocker] {
            let name = unique("legal");
            let answer = way.connect().ask(request(&name) + &rest);
            let made = api.container(&name).is_some();
            api.remove(&name);
            let way = way.name();
            assert!(
                answer.status == 201 && made,
                "{what} {way}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
}

/// Scripts write `echo -e "GET /_ping HTTP/1.0\r\n" | nc`.
#[test]
fn line_feeds_alone_end_the_lines_of_what_announces_nothing() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  ports: [22]\n");
    for request in [
        "GET /_ping HTTP/1.0\r\n\n",
        "GET /_ping HTTP/1.0\n\n",
        "GET /_ping HTTP/1.1\nHost: d\nConnection: close\r\n\n",
        "POST /containers/nobody/stop HTTP/1.1\nHost: d\nConnection: close\nContent-Length: 0\n\n",
    ] {
        let ask = |way: &dyn Way| {
            let mut client = way.connect();
            client.send(request);
            let said = String::from_utf8(client.rest()).unwrap();
            said.lines().filter(|line| !line.starts_with("Date:")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(ask(&secdocker), ask(Daemon::shared()), "{request:?}, through SecDocker (left)");
    }
}

/// A client with `--tls` before a port without: told so, in the log as well.
#[test]
fn a_client_that_speaks_tls_is_told_so() {
    let secdocker = SecDocker::before(Daemon::shared(), "");
    for piece in [1, 5, 200] {
        let hello = [&b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03"[..], &[7; 189]].concat();
        let mut client = secdocker.connect();
        hello.chunks(piece).for_each(|piece| drop(client.try_send(piece)));
        let answer = client.answer();
        assert_eq!(answer.status, 400);
        assert!(answer.message().contains("this is TLS; "), "{}", answer.message());
    }
    secdocker.logs("this is TLS; ");
}

#[test]
fn answers_to_head_have_no_body() {
    let secdocker = SecDocker::before(Daemon::shared(), "");
    let head = |way: &dyn Way| {
        let mut client = way.connect();
        client.send("HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n");
        let head = client.answer_to_head();
        assert_eq!(client.ask(get("/_ping")).text(), "OK", "{}: the next answer", way.name());
        let lines: Vec<String> =
            head.lines().filter(|line| !line.starts_with("Date:")).map(String::from).collect();
        lines
    };
    assert_eq!(head(&secdocker), head(Daemon::shared()), "through SecDocker (left)");
    let mut client = secdocker.connect();
    client.send("HEAD /containers//json HTTP/1.1\r\nHost: d\r\nContent-Length: +1\r\n\r\n");
    assert!(client.answer_to_head().starts_with("HTTP/1.1 400"), "a refusal of a HEAD");
    assert!(client.is_closed(), "a refusal of a HEAD has no body");
}

/// `100 (Continue)` comes before the body is sent, and the answer after it.
#[test]
fn continues_when_expected() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  ports: [22]\n");
    let name = unique("expect");
    let mut client = secdocker.connect();
    let headers = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", BODY.len());
    client.send(create(&line(&name), &headers, ""));
    assert_eq!(client.any_answer().status, 100);
    client.send(BODY);
    assert_eq!(client.answer().status, 201);
    Daemon::shared().api().remove(&name);
}
