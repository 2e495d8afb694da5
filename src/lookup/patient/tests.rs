//! Answers as they come, of a daemon that follows a script.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::*;

/// Reads one request.
fn request(stream: &mut BufReader<UnixStream>) -> Option<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) if line == "\r\n" => return lines.into_iter().next(),
            Ok(_) => lines.push(line),
        }
    }
}

/// A daemon that gives these answers in turn, as many over each connection as stand together; it tells over which
/// connection each request came.
fn daemon(script: &'static [&'static [&'static str]]) -> (Daemon, Receiver<usize>) {
    let (daemon, listener) = Daemon::played();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for (number, answers) in script.iter().enumerate() {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            for answer in *answers {
                if request(&mut stream).is_none() {
                    break;
                }
                tell.send(number).unwrap();
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    (daemon, told)
}

fn ask(daemon: &Daemon) -> io::Result<(u16, Vec<u8>)> {
    daemon.ask("/x", Deadline::after(Duration::from_secs(60)))
}

const WHOLE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
const EMPTY: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_connection_is_kept_behind_an_answer_that_ended_as_it_said() {
    let (daemon, told) = daemon(&[&[WHOLE, CHUNKS, EMPTY, WHOLE]]);
    for status in [200, 200, 404, 200] {
        assert_eq!(ask(&daemon).unwrap().0, status);
    }
    assert_eq!(told.iter().take(4).collect::<Vec<_>>(), [0, 0, 0, 0]);
}

#[test]
fn a_connection_is_not_used_again_where_it_may_hold_more_than_an_answer() {
    for first in [
        "HTTP/1.0 200 OK\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nx",
    ] {
        let script: &'static [&'static [&'static str]] =
            Box::leak(Box::new([Box::leak(Box::new([first])) as &[_], &[WHOLE]]));
        let (daemon, told) = daemon(script);
        assert_eq!(ask(&daemon).unwrap(), (200, b"{}".to_vec()), "{first:?}");
        assert_eq!(ask(&daemon).unwrap(), (200, b"{}".to_vec()), "{first:?}");
        assert_eq!(told.iter().take(2).collect::<Vec<_>>(), [0, 1], "{first:?}");
    }
}

#[test]
fn what_the_daemon_closed_meanwhile_is_asked_over_another_connection() {
    let (daemon, told) = daemon(&[&[WHOLE], &[CHUNKS], &[WHOLE]]);
    for _ in 0..3 {
        assert_eq!(ask(&daemon).unwrap(), (200, b"{}".to_vec()));
    }
    assert_eq!(told.iter().take(3).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn what_nobody_asked_for_is_no_answer() {
    let (daemon, told) = daemon(&[&[WHOLE], &[WHOLE]]);
    ask(&daemon).unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let channel = Channel::plain(socket2::Socket::from(std::os::fd::OwnedFd::from(ours)));
    kept::keep(&daemon, channel);
    theirs.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(ask(&daemon).unwrap().0, 200);
    assert_eq!(told.iter().take(2).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn an_order_is_given_over_a_connection_of_its_own() {
    let (daemon, told) = daemon(&[&[WHOLE], &[EMPTY]]);
    ask(&daemon).unwrap();
    let until = Deadline::after(Duration::from_secs(60));
    assert_eq!(daemon.post(&["containers", "x", "kill"], until).unwrap(), 404);
    assert_eq!(told.iter().take(2).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn an_answer_that_is_cut_off_is_none() {
    for cut in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-",
    ] {
        let script: &'static [&'static [&'static str]] =
            Box::leak(Box::new([Box::leak(Box::new([cut])) as &[_]]));
        assert!(ask(&daemon(script).0).is_err(), "{cut:?}");
    }
}

#[test]
fn one_that_drips_gets_no_more_time() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let drips = thread::spawn(move || {
        let mut theirs = theirs;
        while theirs.write_all(b"x").is_ok() {
            let (idle, _held) = UnixStream::pair().unwrap();
            idle.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            let _ = (&idle).read(&mut [0]);
        }
    });
    let nowhere = Daemon::nowhere();
    let channel = Channel::plain(socket2::Socket::from(std::os::fd::OwnedFd::from(ours)));
    let wait = Wait::Until(Deadline::after(Duration::from_millis(50)));
    let mut bytes = Incoming::new(channel, &nowhere, wait);
    let error = loop {
        match bytes.read(&mut [0; 64]) {
            Ok(count) => assert_ne!(count, 0),
            Err(error) => break error,
        }
    };
    assert!(is_timeout(&error), "{error}");
    drop(bytes);
    drips.join().unwrap();
}
