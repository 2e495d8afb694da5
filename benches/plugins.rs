//! What plugins cost those who are not theirs to hold up: a verdict that is known already, and plain
//! requests while ten calls hang.

#![expect(clippy::unwrap_used, reason = "a bench that can't run should say where")]

use std::hint::black_box;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use secdocker::audit::{Format, LogSettings};
use secdocker::config::plugins::PluginSettings;
use secdocker::config::{Limits, Listen, Settings, TcpListen, UpstreamAddress};
use secdocker::facts::{Daemon, Identity, Presence};
use secdocker::image::ImageRef;
use secdocker::plugins::{Judge, Judgement, Plugins, Question, Scope};
use secdocker::policy::Policy;
use secdocker::policy::opinions::{AskedImage, Consultation, PluginVerdict, Purpose, Waits};
use secdocker::proxy::Proxy;

const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
const HUNG_CALLS: usize = 10;

/// Answers by the image's name: `hang` never.
struct Scanner {
    began: Sender<()>,
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
        while question.consultation.asked.given.starts_with("hang") {
            thread::park();
        }
        Judgement { verdict: PluginVerdict::Allow, reason: String::new(), ttl: Duration::MAX }
    }
}

/// One plugin, with a thread for each call that will hang.
fn plugins() -> (Plugins, Receiver<()>) {
    let (began, calls) = mpsc::channel();
    let hour = Duration::from_secs(3600);
    let settings =
        PluginSettings { timeout: hour, ..PluginSettings::named("scanner", "/".as_ref()) };
    let threads = NonZeroUsize::new(HUNG_CALLS).unwrap();
    let judge: Arc<dyn Judge> = Arc::new(Scanner { began });
    (Plugins::of(vec![(settings, judge)], threads).unwrap(), calls)
}

fn question(waits: &Waits) -> Question {
    let given = "registry.example/team/app:1.2";
    let consultation = Consultation {
        asked: AskedImage {
            purpose: Purpose::Create,
            given: given.into(),
            image: ImageRef::parse(given).unwrap(),
            every_tag: false,
        },
        method: "POST".into(),
        path: "/v1.41/containers/create".into(),
        body: Some(vec![b' '; 2048].into()),
        client: "10.0.0.1:4123".into(),
        waited: waits.watched(),
    };
    let id = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let presence = Presence::Present(Identity { id, repo_digests: Vec::new() });
    let daemon = Daemon { address: UpstreamAddress::Unix("/nowhere".into()), mark: None };
    Question { consultation, presence, daemon }
}

fn kept_verdict(criterion: &mut Criterion) {
    let (plugins, _calls) = plugins();
    let (waits, (answer, answers)) = (Waits::default(), mpsc::channel());
    plugins.consult(question(&waits), move |opinions| answer.send(opinions).unwrap());
    answers.recv().unwrap();
    let question = question(&waits);
    criterion.bench_function("a verdict that is kept", |bencher| {
        bencher.iter(|| {
            let known = plugins.recall(black_box(&question)).unwrap();
            assert!(known.results.iter().all(|result| result.cached));
        });
    });
}

/// Answers each request for `/_ping`, and says that no image is there.
fn daemon() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer) {
                    let absent = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                    let answer = if buffer.starts_with(PING) { OK } else { &absent[..] };
                    if stream.write_all(answer).is_err() {
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
        listen: Listen {
            tcp: Some(TcpListen::Address(([127, 0, 0, 1], 0).into())),
            unix: None,
            loops: NonZeroUsize::MIN,
        },
        dockerapi: UpstreamAddress::Tcp(daemon()),
        limits: Limits::default(),
        log: LogSettings {
            file: "/dev/null".into(),
            format: Format::Logfmt,
            level: log::LevelFilter::Off,
        },
        policy: Arc::new(Policy::permissive()),
        upstream_mark: None,
        plugins: Default::default(),
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

fn plain_requests(criterion: &mut Criterion) {
    let (plugins, calls) = plugins();
    let proxy = Proxy::start_with(&settings(), plugins).unwrap();
    let mut client = connect(&proxy);
    let mut group = criterion.benchmark_group("plain requests");
    group.throughput(Throughput::Elements(1));
    let mut ping = |name: &str| {
        let mut answer = [0; 256];
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                client.write_all(PING).unwrap();
                let count = client.read(&mut answer).unwrap();
                assert_eq!(answer.get(..count), Some(OK));
            });
        });
    };
    ping("alone");
    let hung: Vec<_> = (0..HUNG_CALLS).map(|number| ask_to_hang(&proxy, number)).collect();
    for _ in &hung {
        calls.recv().unwrap();
    }
    ping("with ten calls that hang");
    for mut waiting in hung {
        waiting.set_nonblocking(true).unwrap();
        let nothing = waiting.read(&mut [0; 1]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock, "it has hung all the time");
    }
    group.finish();
    drop(client);
    proxy.stop(Duration::ZERO);
}

criterion_group!(benches, kept_verdict, plain_requests);
criterion_main!(benches);
