#![expect(clippy::unwrap_used, reason = "a failed test should say where")]
use super::*;
use secdocker_plugin_testing::{Answer, Stub};
use std::net::TcpListener;

const ENOUGH: Option<Duration> = Some(Duration::from_secs(20));

fn client() -> Client {
    Client::new(&Trust::default()).unwrap()
}

fn get(client: &Client, url: &str, left: Option<Duration>) -> Result<Reply, Failure> {
    client.send(&Ask { method: "GET", url, headers: &[("X-One", "1")], body: None }, left)
}

#[test]
fn any_status_is_an_answer_and_no_redirect_is_followed() {
    for status in [200, 201, 302, 401, 404, 429, 500, 503] {
        let stub =
            Stub::new(move |_| Answer::typed(status, "text/html", "x").with("Location", "/y"));
        let reply = get(&client(), &stub.url(), ENOUGH).unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (status, b"x".as_slice()));
        assert_eq!(reply.header("location"), Some("/y"));
        let [asked] = stub.asked().try_into().unwrap();
        assert_eq!((asked.target.as_str(), asked.header("x-one")), ("/", Some("1")));
    }
}

#[test]
fn bodies_arrive_as_they_were_sent() {
    let stub = Stub::new(|asked| Answer::typed(200, "x/y", asked.body.clone()));
    let ask = Ask { method: "POST", url: &stub.url(), headers: &[], body: Some(b"{\"a\":1}") };
    assert_eq!(client().send(&ask, ENOUGH).unwrap().body, b"{\"a\":1}");
}

#[test]
fn an_answer_has_a_bound_whether_it_says_its_length_or_not() {
    let raw = |text: &str| Answer::Raw([text.as_bytes(), &[b'x'; 2000]].concat());
    for answer in [
        Answer::typed(200, "x/y", vec![b'x'; 2000]),
        raw("HTTP/1.1 200 OK\r\n\r\n"),
        raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n"),
    ] {
        let stub = Stub::new(move |_| answer.clone());
        let client = client().with_bytes_max(1000);
        assert_eq!(get(&client, &stub.url(), ENOUGH), Err(Failure::TooLarge));
    }
}

#[test]
fn every_failure_has_its_name() {
    let stub = Stub::new(|_| Answer::Silence);
    let soon = Some(Duration::from_millis(100));
    assert_eq!(get(&client(), &stub.url(), soon), Err(Failure::Timeout));
    assert_eq!(get(&client(), &stub.url(), None), Err(Failure::Timeout));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let offline = get(&client(), &format!("http://{closed}"), ENOUGH);
    assert!(matches!(offline, Err(Failure::Unreachable(_))), "{offline:?}");
    let nonsense = Stub::new(|_| Answer::Raw(b"SSH-2.0-x\r\n\r\n".to_vec()));
    let answer = get(&client(), &nonsense.url(), ENOUGH);
    assert!(matches!(answer, Err(Failure::Protocol(_))), "{answer:?}");
    let cut = Stub::new(|_| Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_vec()));
    assert!(get(&client(), &cut.url(), ENOUGH).is_err());
    let plain = Stub::new(|_| Answer::empty(200));
    let tls = get(&client(), &plain.url().replace("http:", "https:"), ENOUGH);
    assert!(matches!(tls, Err(Failure::Tls(_) | Failure::Unreachable(_))), "{tls:?}");
    for url in ["http://a b/", "nothing", "http://127.0.0.1:1/\n", ""] {
        assert!(get(&client(), url, ENOUGH).is_err(), "{url:?}");
    }
    let header = [("X-A", "1\r\nX-B: 2")];
    let ask = Ask { method: "GET", url: &plain.url(), headers: &header, body: None };
    assert!(matches!(client().send(&ask, ENOUGH), Err(Failure::Protocol(_))));
}

#[test]
fn a_drip_of_bytes_gains_no_time() {
    // Each byte in time, all of them never: the deadline is for the whole.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        let mut count = 0;
        while stream.write_all(if count == 0 { b"HTTP/1.1 200 OK\r\nX: " } else { b"x" }).is_ok() {
            count += 1;
            std::thread::park_timeout(Duration::from_millis(5));
        }
    });
    assert_eq!(get(&client(), &url, Some(Duration::from_millis(200))), Err(Failure::Timeout));
    server.join().unwrap();
}

#[test]
fn base_addresses() {
    assert_eq!(BaseUrl::parse("https://x.y:8228/a/").unwrap().as_str(), "https://x.y:8228/a");
    for (text, said) in [
        ("x.y:80", "http"),
        ("ftp://x", "http"),
        ("http://", "address"),
        ("", "address"),
        ("http://x/?a", "path"),
        ("http://x/#a", "path"),
        ("http://u:hunter2@x/", "keys of their own"),
    ] {
        let error = BaseUrl::parse(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
        assert!(!error.contains("hunter2"));
    }
}

#[test]
fn credentials_as_headers() {
    // RFC 7617 §2.
    let header = basic("Aladdin", &Secret::from("open sesame"));
    assert_eq!(header.reveal(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(bearer(&Secret::from("abc")).reveal(), "Bearer abc");
}
