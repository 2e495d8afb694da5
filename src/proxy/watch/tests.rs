//! What follows from each thing that a look may find, with a daemon that says what it is told to. The
//! containers' process is that of the test.
#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::policy::mounts::MountRule;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

/// An identifier that the control groups of every process have in them.
const ID: &str = ":";

/// What the daemon says when it is asked about the container.
#[derive(Debug, Clone, Copy)]
enum Says {
    /// It hangs up.
    Nothing,
    /// Something else than a description.
    Nonsense,
    Ended,
    Absent,
    /// It runs, and has been given what is mounted at this place.
    Runs(&'static str),
    /// It runs as a process that nobody sees.
    RunsUnseen,
    /// It runs in a virtual machine, and the process is that.
    RunsInMachine,
}
use Says::{Absent, Ended, Nonsense, Nothing, Runs, RunsInMachine, RunsUnseen};

struct Fake {
    daemon: Daemon,
    script: Arc<Mutex<Script>>,
}

struct Script {
    /// One after the other; the last again and again.
    says: VecDeque<Says>,
    /// How often it refuses to kill before it does; it says that the container has ended then.
    refusals: usize,
    kills: usize,
    events: Option<UnixStream>,
}

impl Fake {
    fn start(says: &[Says], refusals: usize) -> Self {
        let (daemon, listener) = Daemon::played();
        let says = says.iter().copied().collect();
        let script = Script { says, refusals, kills: 0, events: None };
        let script = Arc::new(Mutex::new(script));
        let of_thread = Arc::clone(&script);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &of_thread);
            }
        });
        Self { daemon, script }
    }

    fn key(&self) -> Key {
        (self.daemon.clone(), ID.to_owned())
    }

    fn tells(&self, action: &str) {
        let event = format!(r#"{{"Action":"{action}","Actor":{{"ID":"{ID}"}}}}"#);
        let mut script = self.script.lock().unwrap();
        script.events.as_mut().unwrap().write_all(format!("{event}\n").as_bytes()).unwrap();
    }

    fn kills(&self) -> usize {
        self.script.lock().unwrap().kills
    }

    fn says(&self, says: Says) {
        self.script.lock().unwrap().says = VecDeque::from([says]);
    }
}

fn answer(stream: UnixStream, script: &Mutex<Script>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    let _ = lines.find(String::is_empty);
    let mut script = script.lock().unwrap();
    let says = |status: &str, body: &str| {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        let _ = (&stream).write_all(answer.as_bytes());
    };
    if request.starts_with("GET /events") {
        (&stream).write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
        script.events = Some(stream);
    } else if request.starts_with("POST") {
        if script.kills < script.refusals {
            says("500 Refused", "");
        } else {
            script.says = VecDeque::from([Ended]);
            says("204 No Content", "");
        }
        script.kills += 1;
    } else {
        let found = match script.says.len() {
            1 => script.says.front().copied(),
            _ => script.says.pop_front(),
        };
        match found.unwrap() {
            Nothing => {}
            Nonsense => says("200 OK", "{}"),
            Absent => says("404 Not Found", ""),
            Ended => says("200 OK", &description(0, "/")),
            Runs(at) => says("200 OK", &description(std::process::id(), at)),
            RunsUnseen => says("200 OK", &description(u32::MAX, "/")),
            RunsInMachine => {
                let description = description(std::process::id(), "/nowhere");
                let machine = description.replace("runc", "kata");
                says("200 OK", &machine);
            }
        }
    }
}

fn description(pid: u32, at: &str) -> String {
    serde_json::json!({
        "Id": ID, "Name": "/c", "Config": {}, "HostConfig": {"Runtime": "runc"},
        "HostsPath": "/nowhere/containers/c/hosts",
        "State": {"Pid": pid, "Running": pid != 0, "StartedAt": at},
        "Mounts": [{"Type": "bind", "Source": "/nowhere/ci", "Destination": at}]
    })
    .to_string()
}

fn denies_root() -> Arc<Policy> {
    Arc::new(Policy { mounts: vec![MountRule::parse("/").unwrap()], ..Policy::permissive() })
}

impl Watch {
    fn watched(&self, key: &Key) -> Option<Watched> {
        self.lock().containers.get(key).cloned()
    }

    /// Waits until nothing is to be done.
    fn settles(&self, key: &Key) {
        let is_idle = || self.watched(key).is_none_or(|it| it.stage == Stage::Idle);
        until("the watch to settle", is_idle);
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let so = (0..30_000).any(|_| {
        pause(Duration::from_millis(1));
        is_so()
    });
    assert!(so, "in vain: {what}");
}

/// What is let start by these rules, and reported; how often it was killed.
fn kills(says: &[Says], refusals: usize, policy: Policy, has_seen: bool) -> usize {
    let fake = Fake::start(&[Ended], refusals);
    let watch = Watch::default();
    watch.lock().has_seen(&fake.daemon, has_seen);
    watch.add(&fake.daemon, ID.to_owned(), &Arc::new(policy));
    until("its events to be followed", || fake.script.lock().unwrap().events.is_some());
    watch.settles(&fake.key());
    fake.script.lock().unwrap().says = says.iter().copied().collect();
    fake.tells("start");
    until("it to be asked", || fake.script.lock().unwrap().says.len() == 1);
    until("the end", || {
        let watched = watch.watched(&fake.key()).unwrap();
        watched.stage == Stage::Idle && (watched.judged.is_some() || fake.has_ended())
    });
    fake.kills()
}

impl Fake {
    fn has_ended(&self) -> bool {
        let script = self.script.lock().unwrap();
        matches!(script.says.front(), Some(Ended | Absent)) && script.says.len() == 1
    }
}

#[test]
fn each_thing_that_is_found_has_its_consequence() {
    let denies = || Policy { mounts: vec![MountRule::parse("/").unwrap()], ..Policy::permissive() };
    for (says, refusals, policy, has_seen, expected) in [
        (&[Runs("/")][..], 0, Policy::permissive(), true, 0),
        (&[Runs("/")], 0, denies(), true, 1),
        // It ended before anybody could look.
        (&[Ended], 0, denies(), true, 0),
        (&[Absent], 0, denies(), true, 0),
        // The daemon says nothing for a while, as while files are copied.
        (&[Nothing, Nothing, Nonsense, Nothing, Runs("/")], 0, denies(), true, 1),
        (&[Nothing, Ended], 0, denies(), true, 0),
        (&[Nothing, Runs("/")], 0, Policy::permissive(), true, 0),
        // It is not seen at first, or never, here and where nobody is ever seen.
        (&[RunsUnseen, RunsUnseen, Runs("/")], 0, denies(), true, 1),
        (&[RunsUnseen, Ended], 0, denies(), true, 0),
        (&[RunsUnseen], 0, denies(), true, 1),
        (&[RunsUnseen], 0, denies(), false, 0),
        // It hides what it has mounted.
        (&[Runs("/nowhere")], 0, denies(), true, 1),
        (&[RunsInMachine], 0, denies(), true, 0),
        // The daemon does not kill it at once.
        (&[Runs("/")], 3, denies(), true, 4),
    ] {
        assert_eq!(kills(says, refusals, policy, has_seen), expected, "{says:?}, {refusals}");
    }
}

#[test]
fn a_run_is_judged_once_and_each_run_anew() {
    let fake = Fake::start(&[Ended], 0);
    let (watch, key) = (Watch::default(), fake.key());
    watch.add(&fake.daemon, ID.to_owned(), &Arc::new(Policy::permissive()));
    until("its events to be followed", || fake.script.lock().unwrap().events.is_some());
    fake.says(Runs("/"));
    fake.tells("start");
    until("it to be judged", || watch.watched(&key).unwrap().judged.is_some());
    watch.settles(&key);
    // Other rules change nothing for a run that was judged.
    watch.add(&fake.daemon, ID.to_owned(), &denies_root());
    fake.tells("start");
    watch.look_at(key.clone());
    watch.settles(&key);
    assert_eq!(fake.kills(), 0);
    // This run is another one.
    fake.says(Runs("//"));
    fake.tells("start");
    until("it to be killed", || fake.kills() == 1);
    watch.settles(&key);
    fake.says(Runs("///"));
    fake.tells("start");
    until("it to be killed again", || fake.kills() == 2);
    fake.tells("destroy");
    until("it to be forgotten", || watch.lock().containers.is_empty());
    assert!(watch.lock().oldest.is_empty());
}

#[test]
fn the_oldest_give_way_and_removed_ones_do_not_count() {
    let (mut state, policy) = (State::default(), denies_root());
    let daemon = Daemon::nowhere();
    let key = |number: usize| (daemon.clone(), number.to_string());
    for number in 0..CONTAINERS_MAX {
        assert!(!state.add(key(number), &policy));
    }
    state.remove(&key(1));
    assert!(!state.add(key(CONTAINERS_MAX), &policy));
    assert!(state.containers.contains_key(&key(0)));
    assert!(state.add(key(CONTAINERS_MAX + 1), &policy));
    assert!(!state.containers.contains_key(&key(0)));
    assert_eq!(state.containers.len(), state.oldest.len());
}

/// Who ends waits for it: nobody else looks at what was let start.
#[test]
fn it_is_not_quiet_behind_a_start_nor_while_a_run_is_to_be_killed() {
    let fake = Fake::start(&[Nothing], 0);
    let watch = Watch::default();
    assert!(watch.is_quiet());
    watch.add(&fake.daemon, ID.to_owned(), &Arc::new(Policy::permissive()));
    assert!(!watch.is_quiet(), "it was let start a moment ago");
    let long_ago = now().checked_sub(STARTS_WITHIN);
    let key = (fake.daemon.clone(), ID.to_owned());
    let set = |stage, condemned| {
        let mut state = watch.lock();
        state.added = long_ago;
        let watched = state.containers.get_mut(&key).unwrap();
        (watched.stage, watched.condemned) = (stage, condemned);
    };
    set(Stage::Looking, None);
    assert!(!watch.is_quiet(), "somebody looks");
}
