//! Long streams and bodies arrive whole, in order and with their ends, however they are moved.
//!
//! The daemon is played by the test, so that it can send what no engine would.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use support::poll::PATIENCE;
use support::{SecDocker, sandbox, until};

const ATTACH: &[u8] = b"POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
/// More than all buffers on the way hold, and odd.
const LONG: usize = (24 << 20) + 12_345;

/// Either kind of socket.
trait Socket: Read + Write + Send + Sized + 'static {
    fn twin(&self) -> Self;
    fn end(&self);
}

impl Socket for TcpStream {
    fn twin(&self) -> Self {
        self.try_clone().unwrap()
    }
    fn end(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

impl Socket for UnixStream {
    fn twin(&self) -> Self {
        self.try_clone().unwrap()
    }
    fn end(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

/// Bytes without a pattern that a lost, doubled or moved piece would leave whole (xorshift).
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

/// Odd lengths of very different sizes, again and again.
fn odd_lengths() -> impl Iterator<Item = usize> {
    [1, 70_001, 3, 262_144, 13, 1_500_007, 4_097, 65_536, 31, 32_771].into_iter().cycle()
}

fn send(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    for length in odd_lengths() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        to.write_all(piece)?;
        rest = behind;
    }
    Ok(())
}

/// Reads to the end, the first mebibyte so slowly that everything before it fills up.
fn receive(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut piece = vec![0; 2 << 20];
    for length in odd_lengths() {
        let most = if all.len() < 1 << 20 { 997 } else { length };
        match from.read(&mut piece[..most])? {
            0 => break,
            count => all.extend_from_slice(&piece[..count]),
        }
    }
    Ok(all)
}

fn read_head(from: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn check(came: &[u8], sent: &[u8], what: &str) {
    let differs = came.iter().zip(sent).position(|(came, sent)| came != sent);
    assert_eq!((came.len(), differs), (sent.len(), None), "{what}: length, first difference");
}

/// SecDocker before a daemon at a TCP address, which `play` plays for the first connection.
fn by_tcp<T: Send + 'static>(
    play: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SecDocker, JoinHandle<T>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, sandbox::port())).unwrap();
    let address = listener.local_addr().unwrap();
    let daemon = thread::spawn(move || play(listener.accept().unwrap().0));
    (SecDocker::start(&format!("dockerapi: tcp://{address}\n"), &[]), daemon)
}

fn by_unix<T: Send + 'static>(
    play: impl FnOnce(UnixStream) -> T + Send + 'static,
) -> (SecDocker, JoinHandle<T>) {
    let path = sandbox::short_directory("daemon").join("d.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let daemon = thread::spawn(move || play(listener.accept().unwrap().0));
    (SecDocker::start(&format!("dockerapi: unix://{}\n", path.display()), &[]), daemon)
}

fn connect(secdocker: &SecDocker) -> TcpStream {
    let stream = TcpStream::connect_timeout(&secdocker.address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn attach(secdocker: &SecDocker) -> TcpStream {
    let mut client = connect(secdocker);
    client.write_all(ATTACH).unwrap();
    assert!(read_head(&mut client).starts_with("HTTP/1.1 101"));
    client
}

fn to_client() -> Vec<u8> {
    noise(1, LONG)
}

fn to_daemon() -> Vec<u8> {
    noise(2, LONG + 1)
}

/// Sends and receives at once; each ends its own direction when it has sent all.
fn talk(mut stream: impl Socket, bytes: Vec<u8>) -> Vec<u8> {
    let mut sender = stream.twin();
    let sent = thread::spawn(move || {
        send(&mut sender, &bytes).unwrap();
        sender.end();
    });
    let came = receive(&mut stream).unwrap();
    sent.join().unwrap();
    came
}

fn play_stream(mut stream: impl Socket) -> Vec<u8> {
    read_head(&mut stream);
    stream.write_all(SWITCHED).unwrap();
    talk(stream, to_client())
}

/// How many ends of pipes it has open. Some are there from the start.
fn pipes(secdocker: &SecDocker) -> usize {
    open(secdocker, "pipe:")
}

fn open(secdocker: &SecDocker, kind: &str) -> usize {
    let folder = format!("/proc/{}/fd", secdocker.pid());
    let links =
        fs::read_dir(folder).unwrap().flatten().filter_map(|e| fs::read_link(e.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with(kind)).count()
}

#[test]
fn a_raw_stream_goes_both_ways_to_a_daemon_at_a_tcp_address() {
    let (secdocker, daemon) = by_tcp(play_stream);
    let before = pipes(&secdocker);
    let client = attach(&secdocker);
    assert_eq!(pipes(&secdocker), before, "a stream through which nothing flows has no pipe");
    check(&talk(client, to_daemon()), &to_client(), "to the client");
    check(&daemon.join().unwrap(), &to_daemon(), "to the daemon");
    let lent = pipes(&secdocker) - before;
    assert!(lent == 2 || lent == 4, "{lent} ends of pipes were lent, and have come back");
}

#[test]
fn a_raw_stream_goes_both_ways_to_a_daemon_at_a_unix_socket() {
    let (secdocker, daemon) = by_unix(play_stream);
    let client = attach(&secdocker);
    check(&talk(client, to_daemon()), &to_client(), "to the client");
    check(&daemon.join().unwrap(), &to_daemon(), "to the daemon");
}

#[test]
fn without_a_descriptor_for_a_pipe_bytes_are_copied() {
    let (secdocker, daemon) = by_tcp(play_stream);
    let client = attach(&secdocker);
    let pid = Pid::from_raw(i32::try_from(secdocker.pid()).unwrap());
    let none_left = Some(u64::try_from(secdocker.descriptors()).unwrap());
    let maximum = getrlimit(Resource::Nofile).maximum;
    prlimit(pid, Resource::Nofile, Rlimit { current: none_left, maximum }).unwrap();
    let before = pipes(&secdocker);
    check(&talk(client, to_daemon()), &to_client(), "to the client");
    check(&daemon.join().unwrap(), &to_daemon(), "to the daemon");
    assert_eq!(pipes(&secdocker), before);
}

#[test]
fn the_daemon_may_end_first_and_still_hear_everything() {
    let (secdocker, daemon) = by_tcp(|mut stream| {
        read_head(&mut stream);
        stream.write_all(SWITCHED).unwrap();
        stream.end();
        receive(&mut stream).unwrap()
    });
    let mut client = attach(&secdocker);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    send(&mut client, &to_daemon()).unwrap();
    client.end();
    check(&daemon.join().unwrap(), &to_daemon(), "to the daemon");
}

#[test]
fn bytes_wait_for_a_reader_and_nothing_else_does() {
    let (secdocker, daemon) = by_tcp(|mut stream| {
        read_head(&mut stream);
        stream.write_all(SWITCHED).unwrap();
        send(&mut stream, &to_client()).unwrap();
    });
    let (before, held) = (pipes(&secdocker), secdocker.resident_kib());
    let mut client = attach(&secdocker);
    until("a pipe is lent", || (pipes(&secdocker) == before + 2).then_some(()));
    let grown = secdocker.resident_kib().saturating_sub(held);
    assert!(grown < 4 * 1024, "{grown} KiB");
    check(&receive(&mut client).unwrap(), &to_client(), "to the client");
    daemon.join().unwrap();
}

/// Exactly the body passes unseen: what stands behind it is the next request, and is judged.
#[test]
fn a_body_of_known_length_ends_where_it_says() {
    let (secdocker, daemon) = by_tcp(|mut stream| {
        for _ in 0..2 {
            let head = read_head(&mut stream);
            assert!(head.starts_with("POST /images/load"), "{head}");
            let mut body = vec![0; LONG];
            stream.read_exact(&mut body).unwrap();
            check(&body, &noise(3, LONG), "upload");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LONG + 2);
            stream.write_all(answer.as_bytes()).unwrap();
            send(&mut stream, &noise(4, LONG + 2)).unwrap();
        }
        receive(&mut stream).unwrap()
    });
    let head = format!("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: {LONG}\r\n\r\n");
    let mut all = [head.as_bytes(), &noise(3, LONG)].concat().repeat(2);
    all.extend_from_slice(b"GET /../x HTTP/1.1\r\nHost : d\r\n\r\n");
    let mut client = connect(&secdocker);
    let mut sender = client.twin();
    let sent = thread::spawn(move || send(&mut sender, &all).unwrap());
    for _ in 0..2 {
        assert!(read_head(&mut client).starts_with("HTTP/1.1 200"));
        let mut body = vec![0; LONG + 2];
        client.read_exact(&mut body).unwrap();
        check(&body, &noise(4, LONG + 2), "download");
    }
    assert!(read_head(&mut client).starts_with("HTTP/1.1 400"));
    sent.join().unwrap();
    drop(client);
    assert_eq!(daemon.join().unwrap(), b"", "nothing of the refused request reaches the daemon");
}

#[test]
fn a_body_in_long_chunks_arrives_whole() {
    const CHUNK: usize = (1 << 20) + 7;
    let (secdocker, daemon) = by_tcp(|mut stream| {
        read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        for number in 0..12 {
            write!(stream, "{CHUNK:x}\r\n").unwrap();
            send(&mut stream, &noise(number, CHUNK)).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
    });
    let mut client = connect(&secdocker);
    client.write_all(b"GET /images/x/get HTTP/1.1\r\nHost: d\r\n\r\n").unwrap();
    read_head(&mut client);
    for number in 0..12 {
        let size = format!("{CHUNK:x}\r\n");
        let mut chunk = vec![0; size.len() + CHUNK + 2];
        client.read_exact(&mut chunk).unwrap();
        let expected = [size.as_bytes(), &noise(number, CHUNK), b"\r\n"];
        check(&chunk, &expected.concat(), "chunk");
    }
    let mut last = [0; 5];
    client.read_exact(&mut last).unwrap();
    assert_eq!(&last, b"0\r\n\r\n");
    daemon.join().unwrap();
}

#[test]
fn a_client_that_resets_a_stream_takes_the_daemons_side_with_it() {
    let (secdocker, daemon) = by_tcp(|mut stream| {
        read_head(&mut stream);
        stream.write_all(SWITCHED).unwrap();
        let endless = noise(5, 1 << 20);
        while stream.write_all(&endless).is_ok() {}
    });
    let (sockets_before, pipes_before) = (open(&secdocker, "socket:"), pipes(&secdocker));
    let mut client = attach(&secdocker);
    let mut piece = vec![0; 64 << 10];
    until("a pipe is lent", || {
        assert_ne!(client.read(&mut piece).unwrap(), 0);
        (pipes(&secdocker) == pipes_before + 2).then_some(())
    });
    // What was not read makes this a reset.
    drop(client);
    daemon.join().unwrap();
    until("both sides are closed", || {
        (open(&secdocker, "socket:") <= sockets_before).then_some(())
    });
    assert!(pipes(&secdocker) <= pipes_before + 2, "one pipe is kept");
}

/// It is there from the start, and nothing new would tell of it.
#[test]
fn a_request_behind_a_long_answer_gets_its_turn() {
    let (all_sent, wait) = mpsc::channel();
    let (secdocker, daemon) = by_tcp(move |mut stream| {
        for _ in 0..2 {
            assert!(read_head(&mut stream).starts_with("GET /images/x/get"));
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            stream.write_all(&noise(6, LONG)).unwrap();
            all_sent.send(()).unwrap();
        }
    });
    let mut client = connect(&secdocker);
    let request = b"GET /images/x/get HTTP/1.1\r\nHost: d\r\n\r\n";
    client.write_all(&request.repeat(2)).unwrap();
    for _ in 0..2 {
        assert!(read_head(&mut client).starts_with("HTTP/1.1 200"));
        let mut body = vec![0; LONG];
        // The end is owed when the daemon has sent all: only the client can bring it on.
        let (beginning, rest) = body.split_at_mut(LONG - (1 << 20));
        client.read_exact(beginning).unwrap();
        wait.recv_timeout(PATIENCE).unwrap();
        client.read_exact(rest).unwrap();
        check(&body, &noise(6, LONG), "download");
    }
    daemon.join().unwrap();
}

#[test]
fn a_body_that_the_daemon_breaks_off_is_not_taken_for_whole() {
    let (secdocker, daemon) = by_tcp(|mut stream| {
        read_head(&mut stream);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LONG + 1);
        stream.write_all(answer.as_bytes()).unwrap();
        send(&mut stream, &to_client()).unwrap();
    });
    let mut client = connect(&secdocker);
    client.write_all(b"GET /images/x/get HTTP/1.1\r\nHost: d\r\n\r\n").unwrap();
    read_head(&mut client);
    let end = receive(&mut client).map(|body| body.len());
    daemon.join().unwrap();
    assert_eq!(end.map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
}

/// A read stops before urgent data, although more is there: nothing new would tell of it.
#[test]
fn what_is_behind_urgent_data_is_not_left_lying() {
    let (all_sent, wait) = mpsc::channel();
    let (secdocker, daemon) = by_tcp(move |mut stream| {
        read_head(&mut stream);
        wait.recv_timeout(PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(SWITCHED).unwrap();
        let mut came = [0; 6];
        stream.read_exact(&mut came).unwrap();
        came
    });
    let mut client = connect(&secdocker);
    // Held until the daemon agrees, so that all of it is there when it is read.
    client.write_all(ATTACH).unwrap();
    client.write_all(b"abc").unwrap();
    socket2::SockRef::from(&client).send_out_of_band(b"!").unwrap();
    client.write_all(b"def").unwrap();
    all_sent.send(()).unwrap();
    assert_eq!(&daemon.join().unwrap(), b"abcdef");
}

/// The byte itself is lost, as it always was: nobody asks for it. The stream goes on.
#[test]
fn urgent_data_does_not_end_a_stream() {
    let (secdocker, daemon) = by_tcp(|mut stream| {
        read_head(&mut stream);
        stream.write_all(SWITCHED).unwrap();
        receive(&mut stream).unwrap()
    });
    let mut client = attach(&secdocker);
    let bytes = to_daemon();
    let (before, behind) = bytes.split_at(LONG / 2);
    client.write_all(before).unwrap();
    socket2::SockRef::from(&client).send_out_of_band(b"!").unwrap();
    client.write_all(behind).unwrap();
    client.end();
    check(&daemon.join().unwrap(), &bytes, "to the daemon");
}

/// What a body has in it is not taken for the beginning of the raw stream: daemons drop it only where it has come
/// with its head. Dockerode sends the options of an attach so.
#[test]
fn a_body_that_is_there_goes_with_its_head() {
    const BODY: &str = r#"{"stream":true}"#;
    let rules = "restrictions:\n  privileged: true\n";
    for (rules, target) in
        [("", "/v1.41/containers/x/attach"), (rules, "http://d/containers/x/attach")]
    {
        let socket = sandbox::short_directory("body").join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let secdocker = SecDocker::start(&support::firewall::config(&socket, rules), &[]);
        let daemon = thread::spawn(move || {
            loop {
                let mut stream = listener.accept().unwrap().0;
                let mut asked = [0; 4096];
                let count = stream.read(&mut asked).unwrap();
                let asked = String::from_utf8_lossy(&asked[..count]).into_owned();
                if asked.starts_with("POST ") {
                    return asked;
                }
                let inspected = r#"{"Id":"x","HostConfig":{},"Config":{},"State":{}}"#;
                let length = inspected.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{inspected}"
                );
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let mut client = secdocker.plain();
        let length = BODY.len();
        client.send(format!("POST {target} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {length}\r\n\r\n{BODY}"));
        let asked = daemon.join().unwrap();
        assert!(asked.ends_with(BODY), "the first read brings both: {asked}");
    }
}
