//! What is believed, and when it is not any more, with a daemon that tells what it is told to.
#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};

use super::super::epoch::LIFE;
use super::*;
use crate::policy::facts::VolumeFacts;

/// What begins a stream of events.
const DOCKER: &str =
    "HTTP/1.1 200 OK\r\nServer: Docker/26.1.5 (linux)\r\nConnection: close\r\n\r\n";
const OTHER: &str = "HTTP/1.1 200 OK\r\nServer: Libpod/5.4 (linux)\r\nConnection: close\r\n\r\n";

/// A daemon whose events are what the test writes.
struct Fake {
    daemon: Daemon,
    streams: Receiver<UnixStream>,
}

impl Fake {
    fn start(head: &'static str) -> Self {
        let (daemon, listener) = Daemon::played();
        let (give, streams) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                assert!(lines.next().unwrap().starts_with("GET /events?"));
                let _ = lines.find(String::is_empty);
                (&stream).write_all(head.as_bytes()).unwrap();
                let _ = give.send(stream);
            }
        });
        Self { daemon, streams }
    }
}

/// What is remembered, in an epoch of its own; 0 is none.
struct Case {
    remembered: Remembered,
    epoch: Arc<AtomicU64>,
    fake: Fake,
}

impl Case {
    fn new(head: &'static str) -> Self {
        let epoch = Arc::new(AtomicU64::new(1));
        let shared = Arc::clone(&epoch);
        let remembered = Remembered::new(Box::new(move || {
            let number = shared.load(Ordering::SeqCst);
            (number > 0).then_some(Epoch { number, abandoned: 0 })
        }));
        Self { remembered, epoch, fake: Fake::start(head) }
    }

    fn learn(&self, name: &str, meanwhile: impl FnOnce()) {
        let learned = self.remembered.learn(&self.fake.daemon, &Question::volume(name), || {
            meanwhile();
            Ok::<_, ()>((harmless(), true))
        });
        assert_eq!(learned, Ok(harmless()));
    }

    fn knows(&self, name: &str) -> bool {
        let known = self.remembered.get(&self.fake.daemon, &Question::volume(name).into_owned());
        assert!(known.as_ref().is_none_or(|known| *known == harmless()));
        known.is_some()
    }

    /// Learns it until it is remembered.
    fn comes_to_know(&self, name: &str) {
        until("it to be remembered", || {
            self.learn(name, || ());
            self.knows(name)
        });
    }

    fn daemons(&self) -> usize {
        lock(&self.remembered.daemons).len()
    }
}

fn harmless() -> Answer {
    Answer::Volume(VolumeFacts::Present(Vec::new()))
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let so = (0..60_000).any(|_| {
        let is_so = is_so();
        if !is_so {
            pause(Duration::from_millis(1));
        }
        is_so
    });
    assert!(so, "in vain: {what}");
}

fn tell(mut stream: &UnixStream, kind: &str, action: &str) {
    let event = format!(r#"{{"Type":"{kind}","Action":"{action}","Actor":{{"ID":"v"}}}}"#);
    stream.write_all(format!("{event}\n").as_bytes()).unwrap();
}

#[test]
fn it_is_believed_until_the_daemon_tells_of_a_change() {
    let case = Case::new(DOCKER);
    assert!(!case.knows("v"));
    case.learn("v", || ());
    assert!(!case.knows("v"), "nobody would tell of a change");
    let events = case.fake.streams.recv().unwrap();
    case.comes_to_know("v");
    assert!(!case.knows("w") && !case.knows("v/"), "known by the name that was asked for only");
    for (kind, action) in [
        ("volume", "create"),
        ("volume", "destroy"),
        ("volume", "prune"),
        ("network", "create"),
        ("network", "destroy"),
        ("network", "remove"),
        ("volume", "what no daemon does yet"),
    ] {
        case.comes_to_know("v");
        tell(&events, kind, action);
        until("it to be forgotten", || !case.knows("v"));
    }
    case.comes_to_know("v");
    (&events).write_all(b"no JSON\n").unwrap();
    until("it to be forgotten", || !case.knows("v"));
    // What is told of one volume is about no other.
    case.comes_to_know("v");
    case.comes_to_know("w");
    tell(&events, "volume", "create");
    until("it to be forgotten", || !case.knows("v"));
    assert!(case.knows("w"));
    tell(&events, "volume", "prune");
    until("all to be forgotten", || !case.knows("w"));
    // Uses change nothing; what comes behind them shows that they were heard.
    case.comes_to_know("v");
    let of = case.remembered.of(&case.fake.daemon).unwrap();
    let before = lock(&of.state).changes;
    for (kind, action) in
        [("volume", "mount"), ("volume", "unmount"), ("network", "connect"), ("volume", "create")]
    {
        tell(&events, kind, action);
    }
    until("it to be forgotten", || !case.knows("v"));
    assert_eq!(lock(&of.state).changes, before + 1);
}

#[test]
fn nothing_is_believed_once_the_events_end() {
    let case = Case::new(DOCKER);
    case.learn("v", || ());
    let events = case.fake.streams.recv().unwrap();
    case.comes_to_know("v");
    let before = case.remembered.since(&case.fake.daemon).unwrap();
    drop(events);
    until("it to be forgotten", || !case.knows("v"));
    // What was asked while they were followed is not kept either.
    case.remembered.keep(&before, &Question::volume("v"), &harmless());
    assert!(!case.knows("v"));
    assert!(case.remembered.since(&case.fake.daemon).is_none());
    // They are followed again once something is worth it.
    let again = (0..6000).find_map(|_| {
        case.learn("v", || ());
        case.fake.streams.recv_timeout(Duration::from_millis(10)).ok()
    });
    assert!(again.is_some(), "they are not followed again");
    case.comes_to_know("v");
}

#[test]
fn an_answer_that_was_asked_for_before_a_change_is_not_kept() {
    let case = Case::new(DOCKER);
    case.learn("v", || ());
    let events = case.fake.streams.recv().unwrap();
    case.comes_to_know("v");
    case.learn("w", || {
        tell(&events, "volume", "create");
        until("the change to be heard", || !case.knows("v"));
    });
    assert!(!case.knows("w"), "the daemon has told of a change meanwhile");
    for during in [0, 2] {
        case.epoch.store(1, Ordering::SeqCst);
        case.comes_to_know("v");
        case.learn("w", || case.epoch.store(during, Ordering::SeqCst));
        assert!(!case.knows("v"), "from before a request that may change it");
        assert!(!case.knows("w"), "asked for before it");
        case.epoch.store(1, Ordering::SeqCst);
        assert!(!case.knows("w"));
    }
}

#[test]
fn an_engine_that_may_not_tell_all_is_not_believed_to_tell_all() {
    let case = Case::new(OTHER);
    case.learn("v", || ());
    let mut events = case.fake.streams.recv().unwrap();
    assert_eq!(std::io::Read::read(&mut events, &mut [0]).unwrap(), 0, "nobody listens");
    let of = case.remembered.of(&case.fake.daemon).unwrap();
    until("its end to be noticed", || lock(&of.state).changes > 0);
    case.learn("v", || ());
    assert!(!case.knows("v") && case.daemons() == 1);
    assert!(case.fake.streams.try_recv().is_err(), "it is not asked again at once");
}

#[test]
fn a_daemon_that_nobody_asks_for_anything_leaves_its_place() {
    let began = now();
    let mut state = State { asked: Some(began), ..State::default() };
    let mut is_followed = |heard, at| state.hear(&heard, at);
    assert!(is_followed(Heard::Begun { tells_all: true }, began));
    assert!(is_followed(Heard::Quiet, began + IDLE / 2));
    assert!(!is_followed(Heard::Quiet, began + IDLE));
    assert!(!is_followed(Heard::Unreadable, began + IDLE));
    // However its thread ends.
    let case = Case::new(DOCKER);
    case.learn("v", || ());
    let _events = case.fake.streams.recv().unwrap();
    case.comes_to_know("v");
    let of = case.remembered.of(&case.fake.daemon).unwrap();
    drop(Followed { of, daemons: Arc::clone(&case.remembered.daemons) });
    assert!(!case.knows("v") && case.daemons() == 0);
}

#[test]
fn without_an_epoch_nobody_is_asked_for_events() {
    let case = Case::new(DOCKER);
    case.epoch.store(0, Ordering::SeqCst);
    case.learn("v", || ());
    assert_eq!(case.daemons(), 0);
}

#[test]
fn no_more_is_kept_than_has_room_nor_for_longer_than_its_life() {
    let mut state = State::default();
    let (epoch, learned) = (Epoch { number: 1, abandoned: 0 }, now());
    let question = |number: usize| Question::volume(&number.to_string()).into_owned();
    for number in 0..=ENTRIES_MAX {
        state.entries.put(question(number), harmless(), (epoch, learned));
    }
    assert_eq!(state.entries.len(), 1);
    let believes = |epoch, now| state.entries.get(&question(ENTRIES_MAX), epoch, now).is_some();
    assert!(believes(epoch, learned) && !believes(epoch, learned + LIFE));
    assert!(!believes(Epoch { number: 2, ..epoch }, learned));
    let (long, short) = ("v".repeat(NAME_BYTES_MAX + 1), "v".repeat(NAME_BYTES_MAX));
    assert!(!has_short_name(&Question::volume(&long)));
    assert!(has_short_name(&Question::volume(&short)) && has_short_name(&Question::network("n")));
    assert!(!has_short_name(&Question::container("c")));
}
