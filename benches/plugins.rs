//! What plugins cost those who are not theirs to hold up: a verdict that is known already, and plain
//! requests while ten calls hang.

#![expect(clippy::unwrap_used, reason = "a bench that can't run should say where")]

use std::hint::black_box;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use secdocker::audit::{Format, LogSettings};
use secdocker::config::plugins::PluginSettings;
use secdocker::config::{Clients, Limits, Listen, Settings, TcpListen, UpstreamAddress};
use secdocker::image::ImageRef;
use secdocker::lookup::{Daemon, Identity, Presence};
use secdocker::plugins::{Judge, Judgement, Plugins, Question, Scope};
use secdocker::policy::Policy;
use secdocker::policy::review::{AskedImage, CancelGuard, PluginVerdict, Purpose, ReviewRequest};
use secdocker::proxy::Proxy;

const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
const CREATE: &[u8] =
    b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 17\r\n\r\n{\"Image\":\"app:1\"}";
const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
const INSPECT: &[u8] = b"GET /images/docker.io/library/app:1/json ";
const IMAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"Id\":\"sha256:0\"}";
const HUNG_CALLS: usize = 10;
const ROUNDS: usize = 61;
const REQUESTS_PER_ROUND: u32 = 1000;

/// What calls about images named `hang…` wait for.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn set(&self, is_open: bool) {
        *self.is_open.lock().unwrap() = is_open;
        self.opened.notify_all();
    }

    fn pass(&self) {
        drop(self.opened.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }
}

/// Tells of each call, and holds some up.
struct Scanner {
    began: Sender<()>,
    gate: Arc<Gate>,
}

impl Judge for Scanner {
    fn scope(&self) -> Scope {
        Scope::Digest
    }

    fn is_concurrent(&self) -> bool {
        true
    }

    fn may_be_cached(&self) -> bool {
        true
    }

    fn judge(&self, question: &Question, _: Duration) -> Judgement {
        self.began.send(()).unwrap();
        if question.review.asked.given.starts_with("hang") {
            self.gate.pass();
        }
        Judgement { verdict: PluginVerdict::Allow, reason: String::new(), ttl: Duration::MAX }
    }
}

/// One plugin, with a thread for each call that will hang.
fn plugins(gate: &Arc<Gate>) -> (Plugins, Receiver<()>) {
    let (began, calls) = mpsc::channel();
    let hour = Duration::from_secs(3600);
    let settings =
        PluginSettings { timeout: hour, ..PluginSettings::named("scanner", "/".as_ref()) };
    let threads = NonZeroUsize::new(HUNG_CALLS).unwrap();
    let judge: Arc<dyn Judge> = Arc::new(Scanner { began, gate: Arc::clone(gate) });
    (Plugins::of(vec![(settings, judge)], threads).unwrap(), calls)
}

fn question(waits: &CancelGuard) -> Question {
    let given = "registry.example/team/app:1.2";
    let review = ReviewRequest {
        request: "1-1".into(),
        asked: AskedImage {
            purpose: Purpose::Create,
            given: given.into(),
            image: ImageRef::parse(given).unwrap(),
            every_tag: false,
        },
        pinned: None,
        before: None,
        method: "POST".into(),
        path: "/v1.41/containers/create".into(),
        body: None,
        client: "10.0.0.1:4123".into(),
        cancel: waits.token(),
    };
    let id = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let presence = Presence::Present(Identity { id, ..Identity::default() });
    let daemon =
        Daemon { address: UpstreamAddress::Unix("/nowhere".into()), mark: None, tls: None };
    Question { review, presence, daemon }
}

fn kept_verdict(criterion: &mut Criterion) {
    let (plugins, _calls) = plugins(&Arc::default());
    let (waits, (answer, answers)) = (CancelGuard::default(), mpsc::channel());
    plugins.consult(question(&waits), move |opinions| answer.send(opinions).unwrap());
    answers.recv().unwrap();
    let question = question(&waits);
    criterion.bench_function("a verdict that is kept", |bencher| {
        bencher.iter(|| {
            let known = plugins.cached(black_box(&question)).unwrap();
            assert!(known.results.iter().all(|result| result.cached));
        });
    });
}

/// A create by a tag, of an image that was judged before: with a plugin, and with none.
fn creates(criterion: &mut Criterion) {
    let (asked, _calls) = plugins(&Arc::default());
    for (name, plugins) in [("no plugin", Plugins::default()), ("a verdict that is kept", asked)] {
        let proxy = Proxy::start_with(&settings(), plugins).unwrap();
        let mut client = connect(&proxy);
        let mut answer = [0; 256];
        criterion.bench_function(&format!("a create through the proxy, {name}"), |bencher| {
            bencher.iter(|| {
                client.write_all(CREATE).unwrap();
                let count = client.read(&mut answer).unwrap();
                assert!(answer.get(..count).unwrap().starts_with(b"HTTP/1.1 201"));
            });
        });
        drop(client);
        proxy.stop(Duration::ZERO);
    }
}

/// Answers each request for `/_ping`, creates what is asked for, and has the image `app:1` only.
fn daemon() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer) {
                    let absent = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                    let answer = match () {
                        () if buffer.starts_with(PING) => OK,
                        () if buffer.starts_with(b"POST") => CREATED,
                        () if buffer.starts_with(INSPECT) => IMAGE,
                        () => &absent[..],
                    };
                    // Who looks something up reads to the end.
                    let is_looked_up = answer != OK && answer != CREATED;
                    if stream.write_all(answer).is_err() || is_looked_up {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn settings() -> Settings {
    Settings {
        metrics: None,
        listen: Listen {
            tcp: Some(TcpListen::Address(([127, 0, 0, 1], 0).into())),
            unix: None,
            loops: NonZeroUsize::MIN,
            tls: None,
            allow_plain: false,
            transparent: false,
        },
        dockerapi: UpstreamAddress::Tcp(daemon()),
        limits: Limits::default(),
        log: LogSettings {
            file: "/dev/null".into(),
            format: Format::Logfmt,
            level: log::LevelFilter::Off,
        },
        policy: Arc::new(Policy::permissive()),
        upstream_tls: None,
        clients: Clients::default(),
        upstream_mark: None,
        plugins: Default::default(),
        account: None,
        sandbox: Default::default(),
    }
}

fn connect(proxy: &Proxy) -> TcpStream {
    #[expect(clippy::disallowed_methods, reason = "a client may block")]
    let client = TcpStream::connect(proxy.addresses().first().unwrap()).unwrap();
    client.set_nodelay(true).unwrap();
    client
}

fn ask_to_hang(proxy: &Proxy, number: usize) -> TcpStream {
    let mut client = connect(proxy);
    let body = format!(r#"{{"Image":"hang:{number}"}}"#);
    let length = body.len();
    write!(
        client,
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    client
}

/// What one request takes, on average of a round: of the processors, by this whole process, and on the
/// clock.
#[derive(Clone, Copy)]
struct Cost {
    processors: Duration,
    clock: Duration,
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn ask(client: &mut TcpStream, request: &[u8], expected: &[u8]) -> Cost {
    let (processors, clock) = (processor_time(), std::time::Instant::now());
    let mut answer = [0; 256];
    for _ in 0..REQUESTS_PER_ROUND {
        client.write_all(request).unwrap();
        let count = client.read(&mut answer).unwrap();
        assert_eq!(answer.get(..count), Some(expected));
    }
    let processors = (processor_time() - processors) / REQUESTS_PER_ROUND;
    Cost { processors, clock: clock.elapsed() / REQUESTS_PER_ROUND }
}

fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.try_into().unwrap(), used.tv_nsec.try_into().unwrap())
}

fn median(rounds: &[Cost], of: impl Fn(&Cost) -> Duration) -> Duration {
    let mut sorted: Vec<_> = rounds.iter().map(of).collect();
    sorted.sort_unstable();
    *sorted.get(sorted.len() / 2).unwrap()
}

fn report(cases: [(&str, Vec<Cost>); 2]) {
    for (name, rounds) in cases {
        let (processors, clock) =
            (median(&rounds, |it| it.processors), median(&rounds, |it| it.clock));
        println!("{name}: {processors:?} of the processors, {clock:?} on the clock (medians)");
    }
}

/// Creates through a proxy that has a plugin, whose verdict is kept, and one that has none, in turn. A
/// new connection each round may meet another loop: which processor that has must not decide.
fn creates_in_turn(_: &mut Criterion) {
    let (asked, _calls) = plugins(&Arc::default());
    let plain = Proxy::start_with(&settings(), Plugins::default()).unwrap();
    let consulting = Proxy::start_with(&settings(), asked).unwrap();
    let (mut none, mut kept) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        none.push(ask(&mut connect(&plain), CREATE, CREATED));
        kept.push(ask(&mut connect(&consulting), CREATE, CREATED));
    }
    report([("creates, without a plugin", none), ("with a verdict that is kept", kept)]);
    plain.stop(Duration::ZERO);
    consulting.stop(Duration::ZERO);
}

/// Rounds with and without calls that hang, in turn: what else the machine does meets both.
fn plain_requests(_: &mut Criterion) {
    let gate = Arc::default();
    let (plugins, calls) = plugins(&gate);
    let proxy = Proxy::start_with(&settings(), plugins).unwrap();
    let mut client = connect(&proxy);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        alone.push(ask(&mut client, PING, OK));
        gate.set(false);
        let numbers = (0..HUNG_CALLS).map(|number| round * HUNG_CALLS + number);
        let hung: Vec<_> = numbers.map(|number| ask_to_hang(&proxy, number)).collect();
        for _ in &hung {
            calls.recv().unwrap();
        }
        beside.push(ask(&mut client, PING, OK));
        for waiting in &hung {
            waiting.set_nonblocking(true).unwrap();
            let nothing = waiting.peek(&mut [0; 1]).unwrap_err();
            assert_eq!(nothing.kind(), ErrorKind::WouldBlock, "it has hung all the time");
        }
        gate.set(true);
        for mut waiting in hung {
            waiting.set_nonblocking(false).unwrap();
            assert_ne!(waiting.read(&mut [0; 256]).unwrap(), 0, "it is answered in the end");
        }
    }
    report([("plain requests, alone", alone), ("beside ten calls that hang", beside)]);
    drop(client);
    proxy.stop(Duration::ZERO);
}

criterion_group!(benches, kept_verdict, creates, creates_in_turn, plain_requests);
criterion_main!(benches);
