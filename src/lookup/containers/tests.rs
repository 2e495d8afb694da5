//! Addresses at a daemon that says what the test has it say.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const NETWORKS: &str =
    r#"[{"Id":"b","Driver":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]}}]"#;

/// What the daemon says, and to whom it tells of what happens.
#[derive(Default)]
struct Fake {
    /// What runs: the identifier and the address of each.
    running: Mutex<Vec<(&'static str, &'static str)>>,
    listed: AtomicUsize,
    followers: Mutex<Vec<UnixStream>>,
}

impl Fake {
    fn begin() -> (Arc<Self>, Daemon) {
        let (daemon, listener) = Daemon::played();
        let fake = Arc::new(Self::default());
        let serving = Arc::clone(&fake);
        thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| serving.serve(stream));
        });
        (fake, daemon)
    }

    fn serve(&self, mut stream: UnixStream) {
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let target = line.split(' ').nth(1).unwrap_or_default();
        let body = match target {
            events if events.starts_with("/events") => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                return lock(&self.followers).push(stream);
            }
            "/networks" => NETWORKS.to_owned(),
            "/containers/json?all=1" => {
                self.listed.fetch_add(1, Ordering::SeqCst);
                self.list()
            }
            // Of a process that is in another namespace.
            _ => r#"{"Id":"","Name":"","Image":"","State":{"Pid":2147483647},"Config":{}}"#
                .to_owned(),
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    }

    fn list(&self) -> String {
        let one = |(id, address): &(&str, &str)| {
            format!(
                r#"{{"Id":"{id}","Names":["/{id}"],"State":"running","NetworkSettings":{{"Networks":
                {{"n":{{"NetworkID":"b","IPAddress":"{address}"}}}}}}}}"#
            )
        };
        let all: Vec<String> = lock(&self.running).iter().map(one).collect();
        format!("[{}]", all.join(","))
    }

    fn runs(&self, running: &[(&'static str, &'static str)]) {
        *lock(&self.running) = running.to_vec();
    }

    /// Tells of a start.
    fn tell(&self) {
        let event = "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"x\"}}\n";
        for mut follower in lock(&self.followers).iter() {
            follower.write_all(event.as_bytes()).unwrap();
        }
    }
}

fn seeking(daemon: &Daemon, address: &str) -> Seeking {
    Seeking {
        daemon: daemon.clone(),
        address: Some(address.parse().unwrap()),
        caller: Learned::None,
        arrived: Ticks::now(),
    }
}

fn name(found: Option<Learned<Arc<Container>>>) -> String {
    match found {
        Some(Learned::Known(container)) => container.name.clone(),
        Some(Learned::Unknown(reason)) => reason.to_string(),
        Some(Learned::None | Learned::NotAsked) => "none".to_owned(),
        None => "nobody yet".to_owned(),
    }
}

/// The state once something holds of it.
fn until(known: &Known, holds: impl Fn(&State) -> bool) {
    while !holds(&lock(&known.state)) {
        thread::yield_now();
    }
}

/// What happens is told of later than it happens, or never.
#[test]
fn an_address_is_of_whoever_has_it_when_a_client_comes() {
    let (fake, daemon) = Fake::begin();
    let containers = Containers::default();
    fake.runs(&[("first", "172.17.0.2")]);
    let at = |address: &str| name(containers.at_once(&seeking(&daemon, address)));
    assert_eq!(at("172.17.0.2"), "first");
    until(&containers.known(&daemon).unwrap(), |state| state.is_followed);
    assert_eq!(at("172.17.0.2"), "first");
    fake.runs(&[("second", "172.17.0.2")]);
    assert_eq!(at("172.17.0.2"), "second");
    fake.runs(&[("second", "172.17.0.2"), ("third", "172.17.0.2")]);
    assert_eq!(at("172.17.0.2"), SEVERAL);
    fake.runs(&[]);
    assert_eq!(at("172.17.0.2"), "nobody yet");
    // On no bridge nothing has to be asked.
    let listed = fake.listed.load(Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(at("10.0.0.1"), "none");
    }
    assert_eq!(fake.listed.load(Ordering::SeqCst), listed);
}

#[test]
fn where_nobody_was_found_the_daemon_is_not_asked_again_until_it_tells_of_something() {
    let (fake, daemon) = Fake::begin();
    let containers = Containers::default();
    let known = containers.known(&daemon).unwrap();
    until(&known, |state| state.is_followed);
    let seeking = || seeking(&daemon, "172.17.0.7");
    assert_eq!(name(containers.at_once(&seeking())), "nobody yet");
    assert_eq!(name(Some(containers.patiently(&seeking()))), NOBODY);
    let listed = || fake.listed.load(Ordering::SeqCst);
    let before = listed();
    for _ in 0..50 {
        assert_eq!(name(containers.at_once(&seeking())), NOBODY);
    }
    assert_eq!(listed(), before);
    // A container that starts is told of before its first process runs.
    fake.runs(&[("late", "172.17.0.7")]);
    let changes = lock(&known.state).changes;
    fake.tell();
    until(&known, |state| state.changes > changes);
    assert_eq!(name(containers.at_once(&seeking())), "late");
}

/// A container is listed a moment after its first process has begun.
#[test]
fn whoever_is_not_listed_yet_is_waited_for() {
    let (fake, daemon) = Fake::begin();
    let containers = Containers::default();
    let seeking = seeking(&daemon, "172.17.0.7");
    assert_eq!(name(containers.at_once(&seeking)), "nobody yet");
    let found = thread::scope(|scope| {
        let found = scope.spawn(|| containers.patiently(&seeking));
        fake.runs(&[("late", "172.17.0.7")]);
        found.join().unwrap()
    });
    assert_eq!(name(Some(found)), "late");
}

#[test]
fn a_miss_counts_until_the_daemon_tells_of_something() {
    let address: IpAddr = [172, 17, 0, 9].into();
    let mut state = State::default();
    state.miss(address, 0);
    assert!(!state.has_missed(address), "where nothing is told nothing is remembered");
    state.is_followed = true;
    state.miss(address, 0);
    assert!(state.has_missed(address) && !state.has_missed([172, 17, 0, 8].into()));
    state.forget();
    assert!(!state.has_missed(address));
    state.miss(address, 0);
    assert!(!state.has_missed(address), "it may be there since");
    for number in 0..2 * u16::try_from(MISSES_MAX).unwrap_or(0) {
        let [high, low] = number.to_be_bytes();
        state.miss([10, 0, high, low].into(), 1);
    }
    assert_eq!(state.missed.len(), MISSES_MAX);
}
