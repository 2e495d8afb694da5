//! HTTP that the engine reads as a create, however it is written.

use super::attack::host;
use super::{Attack, Probe, Step};
use serde_json::json;

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = targets();
    all.extend(framings());
    all.extend(connections());
    all
}

fn privileged() -> Vec<u8> {
    host(json!({"Privileged": true})).to_string().into_bytes()
}

fn creates_privileged(name: &'static str, why: &'static str, pieces: Vec<Vec<u8>>) -> Attack {
    Attack::new(name, why).send(Step::Bytes(pieces)).works_when(is_privileged())
}

fn is_privileged() -> Probe {
    Probe::container(|it| it["HostConfig"]["Privileged"] == true)
}

/// A create with this request line and these header lines, each with its own line end, then the
/// body.
fn raw(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{line}Host: d\r\nContent-Type: application/json\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

const LINE: &str = "POST /containers/create?name=@name@ HTTP/1.1\r\n";

fn sized(line: &str, headers: &str) -> Vec<u8> {
    let body = privileged();
    raw(line, &format!("{headers}Content-Length: {}\r\n", body.len()), &body)
}

fn chunked(line: &str, headers: &str, size: &str, trailer: &str) -> Vec<u8> {
    let body = privileged();
    let size = size.replace("SIZE", &format!("{:x}", body.len()));
    let framed =
        [size.as_bytes(), b"\r\n", &body, b"\r\n0\r\n", trailer.as_bytes(), b"\r\n"].concat();
    raw(line, &format!("{headers}Transfer-Encoding: chunked\r\n"), &framed)
}

fn targets() -> Vec<Attack> {
    let at = |name, why, target: &str| {
        let line = format!("POST {target} HTTP/1.1\r\n");
        creates_privileged(name, why, vec![sized(&line, "")])
    };
    let create = "/containers/create?name=@name@";
    vec![
        at("http target without a version", "the newest is meant", create),
        at("http target of an old version", "all are served", &format!("/v1.24{create}")),
        at("http target of version 1.9.9.9", "digits and dots", &format!("/v1.30.0.0{create}")),
        at(
            "http target with an escaped letter",
            "the decoded path is matched",
            "/containers/%63reate?name=@name@",
        ),
        at(
            "http target with an escaped slash",
            "the decoded path is matched",
            "/containers%2fcreate?name=@name@",
        ),
        at(
            "http target with an escaped version",
            "the decoded path is matched",
            "/%761.41/containers/create?name=@name@",
        ),
        at(
            "http target with the version's slash escaped",
            "the decoded path is matched",
            "/v1.41%2Fcontainers/create?name=@name@",
        ),
        at(
            "http target all escaped",
            "the decoded path is matched",
            "/%63%6f%6e%74%61%69%6e%65%72%73/%63%72%65%61%74%65?name=@name@",
        ),
        at(
            "http absolute target",
            "scheme and host are dropped",
            "http://anything/containers/create?name=@name@",
        ),
        at(
            "http absolute target of another scheme",
            "scheme and host are dropped",
            "ftp://a:b@c:1/v1.41/containers/create?name=@name@",
        ),
        at(
            "http fragment in the query",
            "it belongs to the query",
            "/containers/create?name=@name@&x#y",
        ),
    ]
}

fn framings() -> Vec<Attack> {
    let is = creates_privileged;
    let body = privileged();
    vec![
        is("http chunked", "two framings, one body", vec![chunked(LINE, "", "SIZE", "")]),
        is(
            "http chunk extensions",
            "they are skipped",
            vec![chunked(LINE, "", "SIZE;a=b;c=\"d\"", "")],
        ),
        is(
            "http chunk size with zeros",
            "leading zeros count nothing",
            vec![chunked(LINE, "", "00000SIZE", "")],
        ),
        is(
            "http trailers",
            "they are read and dropped",
            vec![chunked(LINE, "Trailer: X\r\n", "SIZE", "X: y\r\n")],
        ),
        is(
            "http chunked in capitals",
            "codings have no case",
            vec![raw(
                LINE,
                "TRANSFER-ENCODING: ChUnKeD\r\n",
                &[format!("{:X}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat(),
            )],
        ),
        is(
            "http length beside chunked",
            "chunked wins",
            vec![chunked(LINE, "Content-Length: 2\r\n", "SIZE", "")],
        ),
        is(
            "http the same length twice",
            "equal lengths count as one",
            vec![sized(LINE, &format!("Content-Length: {}\r\n", body.len()))],
        ),
        is(
            "http folded transfer encoding",
            "folded lines are joined",
            vec![raw(
                LINE,
                "Transfer-Encoding:\r\n chunked\r\n",
                &[format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat(),
            )],
        ),
        is(
            "http bare line feeds",
            "they end lines too",
            vec![String::from_utf8_lossy(&sized(LINE, "")).replace("\r\n", "\n").into_bytes()],
        ),
        is(
            "http version 1.2",
            "any minor version is served",
            vec![sized("POST /containers/create?name=@name@ HTTP/1.2\r\n", "")],
        ),
        is(
            "http version 1.0",
            "the oldest is served",
            vec![sized("POST /containers/create?name=@name@ HTTP/1.0\r\n", "")],
        ),
        is(
            "http content encoding",
            "it is ignored, and the body is read as it stands",
            vec![sized(LINE, "Content-Encoding: gzip\r\n")],
        ),
        is(
            "http content type with a parameter",
            "parameters are ignored",
            vec![
                String::from_utf8_lossy(&sized(LINE, ""))
                    .replace("application/json", "Application/JSON; charset=utf-16")
                    .into_bytes(),
            ],
        ),
        is(
            "http upgrade beside a create",
            "only some endpoints heed it",
            vec![sized(LINE, "Connection: Upgrade\r\nUpgrade: tcp\r\n")],
        ),
        is(
            "http expecting to continue",
            "the body may be sent at once",
            vec![sized(LINE, "Expect: 100-continue\r\n")],
        ),
        is(
            "http body sent as a form's",
            "the content type decides nothing here but its name",
            vec![sized(LINE, "X-Form: application/x-www-form-urlencoded\r\n")],
        ),
    ]
}

fn connections() -> Vec<Attack> {
    let is = creates_privileged;
    let ping = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n".to_vec();
    let create = sized(LINE, "");
    let start = b"POST /exec/nobody/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\n\
        Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let session = b"POST /session HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n";
    let with = |first: &[u8]| vec![[first, &create].concat()];
    let halves = create.split_at(create.len() / 2);
    vec![
        is("http byte by byte", "it is one request all the same", byte_by_byte(&create)),
        is(
            "http in two pieces",
            "it is one request all the same",
            vec![halves.0.to_vec(), halves.1.to_vec()],
        ),
        is("http pipelined behind a ping", "the next request is answered in turn", with(&ping)),
        is("http pipelined behind ten pings", "each is answered in turn", with(&ping.repeat(10))),
        is("http behind a refused exec start", "without an exec nothing is upgraded", with(start)),
        is(
            "http behind a refused session",
            "without an upgrade it is an error like any other",
            with(session),
        ),
        is(
            "http behind a HEAD",
            "its answer has no body, whatever length it states",
            with(b"HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n"),
        ),
        is(
            "http behind a body that looks like it",
            "the length says where the next begins",
            with(b"POST /containers/prune HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nGET /"),
        ),
        second_protocol(),
    ]
}

/// Each byte on its own, but for the placeholder.
fn byte_by_byte(request: &[u8]) -> Vec<Vec<u8>> {
    let at = request.windows(6).position(|window| window == b"@name@").unwrap();
    let (before, rest) = request.split_at(at);
    let (name, after) = rest.split_at(6);
    let single = |bytes: &[u8]| bytes.iter().map(|byte| vec![*byte]).collect::<Vec<_>>();
    [single(before), vec![name.to_vec()], single(after)].concat()
}

/// HTTP/2 without asking first: one stream, its headers as literals, its body in one frame.
fn second_protocol() -> Attack {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let field = |name: &str, value: &str| {
        let sized = |text: &str| {
            [&[u8::try_from(text.len()).unwrap_or_default()], text.as_bytes()].concat()
        };
        [vec![0], sized(name), sized(value)].concat()
    };
    let headers = [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":authority", "d"),
        field(":path", "/containers/create?name=@name@"),
        field("content-type", "application/json"),
    ]
    .concat();
    let bytes = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 4, 1, &headers),
        frame(0, 1, 1, &privileged()),
    ]
    .concat();
    creates_privileged("http 2 by prior knowledge", "current engines speak it", vec![bytes])
        .since(29)
}
