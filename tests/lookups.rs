//! What SecDocker asks the engine before it judges, at an engine of the test's own that counts.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed test says where"
)]

mod support;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::client::post;
use support::relay::Relay;
use support::{Client, Daemon, SecDocker, Way, sandbox};

const RULES: &str =
    "restrictions:\n  images: ['ubuntu:16.04']\n  users: [root]\n  mounts: [/root]\n";
const IMAGE: &str = r#"{"Id":"sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "RepoTags":["app:1"],"Config":{"User":"1000"}}"#;
const MADE: &str = r#"{"Id":"1","Name":"/made","Config":{"User":"1000","Image":"app:1"},"HostConfig":{},
    "Image":"sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "State":{"StartedAt":"0001-01-01T00:00:00Z"}}"#;
const BOUND: &str =
    r#"{"Name":"bound","Driver":"local","Options":{"type":"none","o":"bind","device":"/tmp"}}"#;
const CREATE: &str = r#"{"Image":"app:1","Cmd":["x"]}"#;

/// An engine that knows one image, and answers all else with `201`.
struct Engine {
    socket: PathBuf,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    images_asked: AtomicUsize,
    images_asked_by_id: AtomicUsize,
    volumes_asked: AtomicUsize,
    locked_asked: AtomicUsize,
    copied_asked: AtomicUsize,
    made_asked: AtomicUsize,
    /// How many who asked for that have left.
    copied_left: AtomicUsize,
    pings: AtomicUsize,
    is_dead: AtomicBool,
    /// Whether tags wait for their answer.
    holds_tags: Mutex<bool>,
    changed: Condvar,
    /// Whether questions about volumes are answered by a byte now and then.
    drips: bool,
    /// Who listens to what happens, and as what it calls itself to them.
    events: Mutex<Vec<UnixStream>>,
    is_podman: AtomicBool,
}

impl Engine {
    fn start(drips: bool) -> Engine {
        let socket = sandbox::short_directory("counting").join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let state = Arc::new(State { drips, ..State::default() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(stream));
            }
        });
        Engine { socket, state }
    }

    fn secdocker(&self) -> SecDocker {
        SecDocker::start(&support::firewall::config(&self.socket, RULES), &[])
    }

    fn images_asked(&self) -> usize {
        self.state.images_asked.load(Ordering::SeqCst)
    }

    fn volumes_asked(&self) -> usize {
        self.state.volumes_asked.load(Ordering::SeqCst)
    }

    /// Waits until a volume costs no question; it does if nobody follows what happens, or only since a moment ago.
    fn comes_to_know(&self, secdocker: &SecDocker) {
        support::until("the volume to be remembered", || {
            let asked = self.volumes_asked();
            assert_eq!(create(secdocker, WITH_VOLUME), 201);
            (self.volumes_asked() == asked).then_some(())
        });
    }

    fn hold_tags(&self, hold: bool) {
        *self.state.holds_tags.lock().unwrap() = hold;
        self.state.changed.notify_all();
    }
}

impl State {
    fn serve(&self, stream: UnixStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let mut length = 0;
            let mut closes = false;
            let mut header = String::new();
            while reader.read_line(&mut header).ok()? > 2 {
                let lower = header.to_lowercase();
                closes |= lower.trim() == "connection: close";
                if let Some(text) = lower.strip_prefix("content-length:") {
                    length = text.trim().parse().ok()?;
                }
                header.clear();
            }
            std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).ok()?;
            self.answer(&line, &stream)?;
            if closes {
                return None;
            }
        }
    }

    /// Whether whoever asked still listens.
    fn is_heard(&self, stream: &UnixStream) -> bool {
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        !matches!((&*stream).read(&mut [0]), Ok(0))
    }

    fn answer(&self, line: &str, mut stream: &UnixStream) -> Option<()> {
        let target = line.split(' ').nth(1)?;
        let (status, body) = if target == "/images/json" {
            // It takes longer than anything else may.
            support::until("the client to wait for longer", || {
                (self.pings.load(Ordering::SeqCst) >= 1).then_some(())
            });
            return list_images(stream);
        } else if target.starts_with("/images/") && target.ends_with("/json") {
            self.images_asked.fetch_add(1, Ordering::SeqCst);
            let is_by_id = target.starts_with("/images/sha256:");
            self.images_asked_by_id.fetch_add(usize::from(is_by_id), Ordering::SeqCst);
            (200, IMAGE)
        } else if line.starts_with("GET /volumes/") {
            self.volumes_asked.fetch_add(1, Ordering::SeqCst);
            if self.drips {
                return drip(stream);
            }
            match target {
                "/volumes/kept" => (200, r#"{"Name":"kept","Driver":"local","Options":null}"#),
                "/volumes/bound" => (200, BOUND),
                _ => (404, "{}"),
            }
        } else if target.starts_with("/events") && target.contains("volume") {
            let is_podman = self.is_podman.load(Ordering::SeqCst);
            let server = if is_podman { "Libpod/5.4.2" } else { "Docker/26.1.5" };
            let head = format!("HTTP/1.1 200 OK\r\nServer: {server} (linux)\r\n\r\n");
            self.events.lock().unwrap().push(stream.try_clone().ok()?);
            return stream.write_all(head.as_bytes()).ok();
        } else if line.starts_with("GET /containers/made") {
            self.made_asked.fetch_add(1, Ordering::SeqCst);
            (200, MADE)
        } else if line.starts_with("GET /containers/copied") {
            // As while files are being copied into it, until the tags are let go.
            self.copied_asked.fetch_add(1, Ordering::SeqCst);
            let held = self.holds_tags.lock().unwrap();
            let held =
                self.changed.wait_while(held, |held| *held && self.is_heard(stream)).unwrap();
            self.copied_left.fetch_add(usize::from(*held), Ordering::SeqCst);
            (200, r#"{"Id":"1","Name":"/copied","Config":{"User":"7"},"HostConfig":{}}"#)
        } else if line.starts_with("GET /_ping") {
            self.pings.fetch_add(1, Ordering::SeqCst);
            if self.is_dead.load(Ordering::SeqCst) {
                return drip(stream);
            }
            (200, "OK")
        } else if line.starts_with("GET /containers/locked") {
            // As while a container is being written to.
            self.locked_asked.fetch_add(1, Ordering::SeqCst);
            return drip(stream);
        } else {
            let held = self.holds_tags.lock().unwrap();
            drop(self.changed.wait_while(held, |held| *held && target.contains("/tag")).unwrap());
            (201, "{}")
        };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).ok()
    }
}

/// More images than fit in what is held of an answer; one has a forbidden name.
fn list_images(mut stream: &UnixStream) -> Option<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n").ok()?;
    let unnamed =
        format!(r#"{{"Id":"sha256:2","RepoTags":null,"Labels":{{"x":"{}"}}}},"#, "y".repeat(4000));
    for _ in 0..4000 {
        stream.write_all(format!("{:x}\r\n{unnamed}\r\n", unnamed.len()).as_bytes()).ok()?;
    }
    let last = r#"{"Id":"sha256:3","RepoTags":["ubuntu:16.04"]}]"#;
    stream.write_all(format!("{:x}\r\n{last}\r\n0\r\n\r\n", last.len()).as_bytes()).ok()
}

/// A byte now and then, for as long as anybody reads.
fn drip(mut stream: &UnixStream) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_millis(50))).ok()?;
    loop {
        stream.write_all(b"H").ok()?;
        let _ = stream.read(&mut [0]);
    }
}

fn create(secdocker: &SecDocker, body: &str) -> u16 {
    secdocker.connect().ask(post("/containers/create", body)).status
}

#[test]
fn an_image_is_asked_for_once_and_again_after_a_tag_has_passed() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 1));
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 1));
    // The tag asks for its own image, whose answer is not kept: what it changes is under way.
    let tag = post("/images/app:1/tag?repo=app&tag=2", "");
    assert_eq!(secdocker.connect().ask(&tag).status, 201);
    assert_eq!(engine.images_asked(), 2);
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 3));
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 3));
}

/// The image that was judged when it was made is known by its identifier too.
#[test]
fn the_first_start_of_what_was_just_made_costs_one_question() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 1));
    assert_eq!(secdocker.connect().ask(post("/containers/made/start", "")).status, 201);
    let made_asked = engine.state.made_asked.load(Ordering::SeqCst);
    assert_eq!((made_asked, engine.images_asked()), (1, 1));
}

#[test]
fn nothing_is_kept_while_a_change_is_under_way_nor_from_before_its_end() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    engine.hold_tags(true);
    let mut tags = secdocker.connect();
    tags.send(post("/images/app:1/tag?repo=app&tag=2", ""));
    support::until("the tag to be looked up", || (engine.images_asked() == 1).then_some(()));
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 2));
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 3));
    engine.hold_tags(false);
    assert_eq!(tags.answer().status, 201);
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 4));
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 4));
}

#[test]
fn a_change_that_is_lost_sight_of_leaves_nothing_to_believe() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    engine.hold_tags(true);
    let mut tags = secdocker.connect();
    tags.send(post("/images/app:1/tag?repo=app&tag=2", ""));
    support::until("the tag to be looked up", || (engine.images_asked() == 1).then_some(()));
    assert_eq!(create(&secdocker, CREATE), 201);
    drop(tags);
    let asked = engine.images_asked();
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, asked + 1));
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, asked + 2));
    engine.hold_tags(false);
}

#[test]
fn a_service_whose_image_the_engine_may_fetch_later_leaves_nothing_to_believe() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 1));
    let service =
        r#"{"Name":"s","TaskTemplate":{"ContainerSpec":{"Image":"app:1","User":"1000"}}}"#;
    let answer = secdocker.connect().ask(post("/v1.41/services/create", service));
    assert_eq!(answer.status, 201, "{answer:?}");
    let asked = engine.images_asked();
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, asked + 1));
    assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, asked + 2));
}

/// A plugin that likes every image, and whose verdicts are kept.
#[cfg(feature = "plugins")]
fn plugin_that_agrees() -> String {
    let library = sandbox::directory("agrees").join("agrees.so");
    let mut cc = std::process::Command::new("cc");
    cc.args(["-shared", "-fPIC", "-x", "c", "-o"]).arg(&library).arg("-");
    let mut cc = cc.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let code = b"char Process(const char *image) { return image != 0; }";
    cc.stdin.take().unwrap().write_all(code).unwrap();
    assert!(cc.wait().unwrap().success());
    let entry = "cache: {entries: 8, life: 10m}";
    format!("plugins:\n- name: agrees\n  path: {}\n  {entry}\n", library.display())
}

#[cfg(feature = "plugins")]
#[test]
fn a_verdict_that_is_kept_costs_no_question() {
    let plugin = plugin_that_agrees();
    for rules in ["", RULES] {
        let engine = Engine::start(false);
        let config = support::firewall::config(&engine.socket, &format!("{rules}{plugin}"));
        let secdocker = SecDocker::start(&config, &[]);
        for _ in 0..2 {
            assert_eq!((create(&secdocker, CREATE), engine.images_asked()), (201, 1));
        }
        // Which image the rules have judged, the plugins are told by its identifier: it was learned with it.
        assert_eq!(engine.state.images_asked_by_id.load(Ordering::SeqCst), 0);
        let line = secdocker.logs("cached=yes");
        assert!(line.contains("verdict=allow"), "{line}");
        secdocker.logs("changes=\"Image=sha256:1111");
    }
}

#[cfg(feature = "plugins")]
#[test]
fn without_an_engine_that_says_which_image_it_is_no_plugin_is_asked() {
    let nowhere = std::path::Path::new("/nowhere/docker.sock");
    let config = support::firewall::config(nowhere, &plugin_that_agrees());
    let secdocker = SecDocker::start(&config, &[]);
    let answer = secdocker.connect().ask(post("/containers/create", CREATE));
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.message().contains("plugins need image app:1, which could not be looked up"),
        "{answer:?}"
    );
    secdocker.logs("status=503");
    assert!(!secdocker.log().contains("plugin answered"), "{}", secdocker.log());
}

#[test]
fn the_same_question_is_asked_once_and_not_more_than_a_request_may_ask() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    let binds = |names: Vec<String>| {
        let binds: Vec<String> =
            names.iter().enumerate().map(|(at, name)| format!("{name}:/x{at}")).collect();
        serde_json::json!({"Image": "app:1", "HostConfig": {"Binds": binds}}).to_string()
    };
    let asked = || engine.state.volumes_asked.load(Ordering::SeqCst);
    assert_eq!(create(&secdocker, &binds(vec!["v".to_owned(); 500])), 201);
    assert_eq!(asked(), 1);
    let many = (0..100).map(|number| format!("volume{number}")).collect();
    let answer = secdocker.connect().ask(post("/containers/create", binds(many)));
    assert!(answer.message().contains("whose options are not known"), "{answer:?}");
    assert!(asked() <= 64, "{}", asked());
}

/// Each asks about another container, and all of one client.
#[test]
fn look_ups_that_hang_hold_up_neither_other_clients_nor_what_the_host_and_the_cache_know() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    let body = r#"{"Image":"app:1","HostConfig":{"Binds":["/tmp:/x"]}}"#;
    assert_eq!(create(&secdocker, body), 201);
    // Who is held up is served only once one of those that hang was given up. A slow machine may be so slow that
    // they are given up meanwhile: it has another try.
    support::until("others to be served while all who hang still do", || {
        let asked = engine.state.locked_asked.load(Ordering::SeqCst);
        let mut hanging: Vec<Client> = (0..40).map(|_| secdocker.connect()).collect();
        for (number, client) in hanging.iter_mut().enumerate() {
            let target = format!("/containers/locked{number}/exec");
            client.send(post(&target, r#"{"Cmd":["id"]}"#));
        }
        support::until("the containers are asked for", || {
            (engine.state.locked_asked.load(Ordering::SeqCst) >= asked + 4).then_some(())
        });
        for _ in 0..20 {
            assert_eq!(create(&secdocker, body), 201);
        }
        // What only the engine knows, it is asked for on threads that one client can't have.
        let mut other = Client::elsewhere(secdocker.address);
        let volume = r#"{"Image":"app:1","HostConfig":{"Binds":["v:/x"]}}"#;
        assert_eq!(other.ask(post("/containers/create", volume)).status, 201);
        let mut waiting = hanging.iter_mut();
        waiting.all(|client| client.is_silent_for(Duration::from_millis(1))).then_some(())
    });
}

#[test]
fn an_engine_that_drips_costs_a_bounded_time() {
    let engine = Engine::start(true);
    let secdocker = engine.secdocker();
    let body = r#"{"Image":"app:1","HostConfig":{"Binds":["a:/a","b:/b","c:/c"]}}"#;
    let answer = secdocker.connect().ask(post("/containers/create", body));
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.message().contains("did not answer a policy look-up in time"), "{answer:?}");
    assert!(answer.message().ends_with("try again: volume a, volume b, volume c"), "{answer:?}");
    let line = secdocker.logs("msg=\"look-up failed\"");
    assert!(line.contains("level=warning") && line.contains("/containers/create"), "{line}");
    assert!(line.contains("unresolved=\"") && line.contains("volume a, volume b"), "{line}");
}

const EXEC: &str = r#"{"Cmd":["id"]}"#;

/// `docker exec` while `docker cp` holds the container: the client waits as it would for the engine.
#[test]
fn a_container_that_is_being_written_to_is_waited_for() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    engine.hold_tags(true);
    let mut client = secdocker.connect();
    client.send(post("/containers/copied/exec", EXEC));
    support::until("the engine to be asked whether it lives", || {
        (engine.state.pings.load(Ordering::SeqCst) >= 1).then_some(())
    });
    engine.hold_tags(false);
    assert_eq!(client.answer().status, 201);
}

#[test]
fn an_engine_that_does_not_even_answer_a_ping_is_not_waited_for() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    engine.hold_tags(true);
    engine.state.is_dead.store(true, Ordering::SeqCst);
    let answer = secdocker.connect().ask(post("/containers/copied/exec", EXEC));
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.message().contains("container copied"), "{answer:?}");
    engine.hold_tags(false);
}

fn request(method: &str, target: &str, body: &str) -> Vec<u8> {
    let post = String::from_utf8(post(target, body)).unwrap();
    post.replacen("POST", method, 1).into_bytes()
}

const WITH_VOLUME: &str =
    r#"{"Image":"app:1","Cmd":["x"],"HostConfig":{"Binds":["kept:/x","/tmp:/y"]}}"#;

#[test]
fn a_volume_is_asked_for_once_while_the_engine_tells_of_each_change() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    engine.comes_to_know(&secdocker);
    let asks = || {
        let asked = engine.volumes_asked();
        assert_eq!(create(&secdocker, WITH_VOLUME), 201);
        engine.volumes_asked() > asked
    };
    assert!(!asks());
    // One that may be made next, and one that reaches anything of the host, are asked for each time.
    for name in ["none", "bound"] {
        for _ in 0..2 {
            let asked = engine.volumes_asked();
            assert_eq!(create(&secdocker, &WITH_VOLUME.replace("kept", name)), 201);
            assert_eq!(engine.volumes_asked(), asked + 1, "{name}");
        }
    }
    // Each of these may remove it.
    for (method, target) in [
        ("DELETE", "/volumes/kept"),
        ("POST", "/v1.41/volumes/prune"),
        ("POST", "/volumes/create"),
        ("DELETE", "/containers/x?v=1"),
        ("DELETE", "/networks/x"),
    ] {
        let answer = secdocker.connect().ask(request(method, target, "{}"));
        assert_eq!(answer.status, 201, "{method} {target} {answer:?}");
        assert!(asks() && !asks(), "{method} {target}");
    }
    for (method, target) in [("GET", "/volumes"), ("DELETE", "/containers/x?force=1")] {
        assert_eq!(secdocker.connect().ask(request(method, target, "")).status, 201);
        assert!(!asks(), "{method} {target}");
    }
}

#[test]
fn no_volume_is_believed_once_the_engine_tells_nothing_any_more() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    engine.comes_to_know(&secdocker);
    let asks_each_time = |why: &str| {
        support::until(why, || {
            let asked = engine.volumes_asked();
            assert_eq!(create(&secdocker, WITH_VOLUME), 201);
            (engine.volumes_asked() > asked).then_some(())
        });
    };
    let event = r#"{"Type":"volume","Action":"destroy","Actor":{"ID":"kept","Attributes":{}}}"#;
    let streams = || engine.state.events.lock().unwrap();
    for stream in streams().iter_mut() {
        stream.write_all(format!("{event}\n").as_bytes()).unwrap();
    }
    asks_each_time("an event to be heard");
    engine.comes_to_know(&secdocker);
    // From now on it is another engine that tells of what it likes.
    engine.state.is_podman.store(true, Ordering::SeqCst);
    for stream in streams().drain(..) {
        stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
    asks_each_time("the end of the events to be noticed");
    support::until("its events to be asked for again", || {
        assert_eq!(create(&secdocker, WITH_VOLUME), 201);
        (!streams().is_empty()).then_some(())
    });
    for _ in 0..5 {
        let asked = engine.volumes_asked();
        assert_eq!(create(&secdocker, WITH_VOLUME), 201);
        assert_eq!(engine.volumes_asked(), asked + 1);
    }
}

/// What was harmless is removed beside SecDocker, and made anew of a folder that is forbidden.
#[test]
fn a_volume_that_is_made_anew_beside_it_is_refused_as_soon_as_the_engine_has_told() {
    let daemon = Daemon::shared();
    let (api, name) = (daemon.api(), sandbox::unique("remembered"));
    let is_question = |line: &str| line.starts_with("GET /volumes/");
    let relay = Relay::start(&daemon.socket(), is_question, || (), || ());
    relay.tells_events();
    let rules = "restrictions:\n  mounts: [/root]\n";
    let secdocker = SecDocker::start(&support::firewall::config(&relay.socket, rules), &[]);
    // The engine has no such image, so that nothing keeps the volume.
    let binds = [format!("{name}:/x")];
    let body = serde_json::json!({"Image": "nowhere:1", "HostConfig": {"Binds": binds}});
    let create = || {
        let answer = secdocker.connect().ask(post("/containers/create", body.to_string()));
        assert!(matches!(answer.status, 403 | 404), "{answer:?}");
        answer.status
    };
    let volume = format!("/volumes/{name}");
    assert_eq!(api.post("/volumes/create", &serde_json::json!({"Name": name})).status, 201);
    for _ in 0..3 {
        support::until("the volume to be remembered", || {
            let asked = relay.lines().len();
            assert_eq!(create(), 404);
            (relay.lines().len() == asked).then_some(())
        });
        assert_eq!(api.delete(&volume).status, 204);
        let options = serde_json::json!({"type": "none", "o": "bind", "device": "/root"});
        let bound = serde_json::json!({"Name": name, "DriverOpts": options});
        assert_eq!(api.post("/volumes/create", &bound).status, 201);
        support::until("it to be refused", || (create() == 403).then_some(()));
        for _ in 0..5 {
            assert_eq!(create(), 403, "it is not believed again");
        }
        assert_eq!(api.delete(&volume).status, 204);
        assert_eq!(api.post("/volumes/create", &serde_json::json!({"Name": name})).status, 201);
    }
    assert_eq!(api.delete(&volume).status, 204);
}

/// What is remembered of volumes rests on that.
#[test]
fn the_engine_tells_whichever_way_a_volume_comes_and_goes() {
    let (api, name) = (Daemon::shared().api(), sandbox::unique("told"));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let begun = now();
    // What was told last of a volume, or of many at once.
    let told = |volume: &str| {
        let until = now() + 1;
        let filters = "%7B%22type%22%3A%5B%22volume%22%5D%7D";
        let answer = api.get(&format!("/events?since={begun}&until={until}&filters={filters}"));
        let events = answer.text();
        let mut events =
            events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let is_of_it = |event: &serde_json::Value| {
            event["Actor"]["ID"] == volume
                && matches!(event["Action"].as_str(), Some("create" | "destroy"))
                || event["Action"] == "prune"
        };
        let last = events.rfind(is_of_it);
        last.map(|event| event["Action"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    let options = serde_json::json!({"Labels": {"told": name}, "DriverConfig": {"Name": "local"}});
    let mount = serde_json::json!({"Type": "volume", "Source": name, "Target": "/x", "VolumeOptions": options});
    let with = serde_json::json!({"Image": "probe:1", "Cmd": ["true"], "Volumes": {"/v": {}},
        "HostConfig": {"Mounts": [mount]}});
    // With a container.
    assert_eq!(api.create(&name, &with).status, 201);
    assert_eq!(told(&name), "create");
    let mounts = api.inspect(&name)["Mounts"].clone();
    let unnamed = mounts.as_array().unwrap().iter().find(|mount| mount["Destination"] == "/v");
    let unnamed = unnamed.unwrap()["Name"].as_str().unwrap().to_owned();
    assert_eq!(told(&unnamed), "create");
    // With the last container that has it.
    assert_eq!(api.delete(&format!("/containers/{name}?v=1&force=1")).status, 204);
    assert_eq!((told(&unnamed), told(&name)), ("destroy".to_owned(), "create".to_owned()));
    // With all others that nobody uses.
    let filters = format!("%7B%22label%22%3A%5B%22told%3D{name}%22%5D%7D");
    let pruned =
        api.post(&format!("/v1.41/volumes/prune?filters={filters}"), &serde_json::json!({}));
    assert!(pruned.text().contains(&name), "{pruned:?}");
    assert!(matches!(told(&name).as_str(), "destroy" | "prune"), "{}", told(&name));
    // By itself.
    let volume = format!("/volumes/{name}");
    assert_eq!(api.post("/volumes/create", &serde_json::json!({"Name": name})).status, 201);
    assert_eq!(told(&name), "create");
    assert_eq!(api.delete(&volume).status, 204);
    assert_eq!(told(&name), "destroy");
}

/// Clients that leave take their look-ups with them, or those of one would fill its share for ever.
#[test]
fn nobody_waits_for_a_client_that_has_left() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    engine.hold_tags(true);
    for _ in 0..3 {
        for number in 0..16 {
            let mut client = secdocker.connect();
            client.send(post(&format!("/containers/copied{number}/exec"), EXEC));
            client.end_sending();
        }
    }
    let mut stays = secdocker.connect();
    stays.send(post("/containers/copied-last/exec", EXEC));
    support::until("the one that stays to have its turn", || {
        engine.state.changed.notify_all();
        (engine.state.copied_asked.load(Ordering::SeqCst) >= 17).then_some(())
    });
    engine.hold_tags(false);
    assert_eq!(stays.answer().status, 201);
}

/// One build can leave thousands of images: their list is longer than any answer that is held.
#[test]
fn a_list_of_very_many_images_keeps_nobody_from_pruning() {
    let engine = Engine::start(false);
    let secdocker = engine.secdocker();
    for target in ["/images/prune", "/images/load?quiet=1"] {
        let answer = secdocker.connect().ask(post(target, ""));
        assert_eq!(answer.status, 201, "{target} {answer:?}");
    }
    assert!(secdocker.resident_kib() < 64 * 1024, "{} KiB", secdocker.resident_kib());
}
