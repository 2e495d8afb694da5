//! The inner parts: a head, a target, a create body of two sizes, and a whole create through a
//! running proxy.

#![expect(clippy::unwrap_used, reason = "a bench that can't run should say where")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secdocker::audit::{self, Format, LogSettings};
use secdocker::client::{ClientId, Peer};
use secdocker::config::plugins::Plugins;
use secdocker::config::{
    self, Clients, Limits, Listen, Overrides, Settings, TcpListen, UpstreamAddress,
};
use secdocker::docker::{self, Endpoint, FormBody};
use secdocker::effects::{self};
use secdocker::http::{head, target};
use secdocker::image::ImageRef;
use secdocker::policy::ceilings::Ceilings;
use secdocker::policy::environment::EnvironmentRule;
use secdocker::policy::facts::{Facts, ImageFacts};
use secdocker::policy::images::ImageRule;
use secdocker::policy::ports::PortRule;
use secdocker::policy::privileged::PrivilegedRule;
use secdocker::policy::review::Purposes;
use secdocker::policy::security::SecurityRule;
use secdocker::policy::types::{Bytes, EnvironmentEntry, NanoCpus, UserSpec};
use secdocker::policy::users::UserRule;
use secdocker::policy::{Policy, Verdict, judge};
use secdocker::proxy::Proxy;
use secdocker::record::{Event, Redacted};

const HEAD: &[u8] = b"POST /v1.41/containers/create?name=web HTTP/1.1\r\nHost: 127.0.0.1:2376\r\n\
    User-Agent: Docker-Client/20.10.24 (linux)\r\nContent-Length: 2048\r\n\
    Content-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n";

/// Every kind of rule and every ceiling that needs nothing from outside.
fn policy() -> Policy {
    Policy {
        ports: ["22", "25", "8000-8010"].map(|text| PortRule::parse(text).unwrap()).to_vec(),
        users: vec![UserRule::parse("root").unwrap()],
        environment: vec![EnvironmentRule::parse("USER=0").unwrap()],
        security: vec![SecurityRule::parse("seccomp=unconfined").unwrap()],
        images: vec![ImageRule::parse("ubuntu:16.04").unwrap()],
        privileged: PrivilegedRule::Forbid,
        ceilings: Ceilings {
            memory: Some(Bytes::parse("1g").unwrap()),
            cpu: Some(NanoCpus::parse("0.5").unwrap()),
            user: Some(UserSpec::parse("1000").unwrap()),
            environment: vec![EnvironmentEntry::parse("MY_ENV=true").unwrap()],
            ..Ceilings::default()
        },
        ..Policy::permissive()
    }
}

fn facts() -> Facts {
    let mut facts = Facts::none();
    facts.add_image(ImageRef::parse("registry.example/team/app:1.2").unwrap(), ImageFacts::Absent);
    facts
}

/// What the docker command sends for a container with a few options, filled up with variables.
fn create_body(bytes: usize) -> Vec<u8> {
    let mut variables = String::new();
    let body = |variables: &str| {
        format!(
            r#"{{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"ExposedPorts":{{"80/tcp":{{}}}},"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["PATH=/usr/bin"{variables}],"Cmd":["serve"],"Image":"registry.example/team/app:1.2","Volumes":{{}},"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{{"com.example.team":"web"}},"HostConfig":{{"Binds":null,"ContainerIDFile":"","LogConfig":{{"Type":"","Config":{{}}}},"NetworkMode":"default","PortBindings":{{"80/tcp":[{{"HostIp":"","HostPort":"8080"}}]}},"RestartPolicy":{{"Name":"no","MaximumRetryCount":0}},"AutoRemove":true,"VolumeDriver":"","VolumesFrom":null,"CapAdd":null,"CapDrop":null,"CgroupnsMode":"","Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,"ConsoleSize":[0,0],"Isolation":"","CpuShares":0,"Memory":0,"NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":[],"CpuPeriod":0,"CpuQuota":0,"CpusetCpus":"","CpusetMems":"","Devices":[],"DeviceCgroupRules":null,"DeviceRequests":null,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":-1,"OomKillDisable":false,"PidsLimit":0,"Ulimits":null,"MaskedPaths":null,"ReadonlyPaths":null}},"NetworkingConfig":{{"EndpointsConfig":{{}}}}}}"#
        )
    };
    for number in 0.. {
        if body(&variables).len() >= bytes {
            break;
        }
        write!(variables, r#","SETTING_{number}=value number {number} of many""#).unwrap();
    }
    body(&variables).into_bytes()
}

fn check_and_rewrite(policy: &Policy, facts: &Facts, body: &[u8], out: &mut Vec<u8>) {
    let target = target::parse("/v1.41/containers/create").unwrap();
    let read = effects::read(Endpoint::ContainerCreate, &target, body).unwrap();
    match judge(policy, read, facts) {
        Verdict::Allowed(checked) => drop(effects::write(checked, policy, out)),
        Verdict::Forbidden(violations) => panic!("{violations}"),
    }
}

fn inner_parts(criterion: &mut Criterion) {
    criterion.bench_function("parse a request head", |bencher| {
        bencher.iter(|| {
            let end = head::find_end(black_box(HEAD), &mut 0).unwrap().unwrap();
            let mut lines = head::Lines::new();
            head::parse_request(HEAD.split_at(end).0, &mut lines).unwrap().headers.has("host")
        });
    });
    criterion.bench_function("classify a target", |bencher| {
        bencher.iter(|| {
            let target = target::parse(black_box("/v1.41/containers/create?name=web")).unwrap();
            docker::classify("POST", &target).unwrap()
        });
    });
    // The longest of the presets, and nearly its last entry.
    let presets = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets");
    let portainer = config::load(&presets.join("portainer.yml"), &Overrides::default()).unwrap();
    criterion.bench_function("ask the rules about endpoints", |bencher| {
        let target = target::parse("/v1.41/configs/app").unwrap();
        bencher.iter(|| {
            docker::access(
                &portainer.policy,
                Purposes::default(),
                ("GET", FormBody::None),
                black_box(&target),
            )
        });
    });
    let (policy, facts) = (policy(), facts());
    for (name, bytes) in [("2 KiB", 2048), ("64 KiB", 65_536)] {
        let body = create_body(bytes);
        let mut group = criterion.benchmark_group("read, check and rewrite a create body");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            let mut out = Vec::with_capacity(2 * body.len());
            bencher.iter(|| {
                out.clear();
                check_and_rewrite(&policy, &facts, black_box(&body), &mut out);
            });
        });
        group.finish();
    }
}

/// Answers every request that ends with `}` with a `201`, as a daemon does for a create.
fn daemon() -> std::net::SocketAddr {
    const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\
        Content-Length: 26\r\n\r\n{\"Id\":\"x\",\"Warnings\":null}";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = vec![0; 1 << 20];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                if buffer.get(count - 1) == Some(&b'}') {
                    stream.write_all(CREATED).unwrap();
                }
            }
        }
    });
    address
}

fn whole_create(criterion: &mut Criterion) {
    let settings = Settings {
        listen: Listen {
            tcp: Some(TcpListen::Address(([127, 0, 0, 1], 0).into())),
            unix: None,
            loops: std::num::NonZeroUsize::MIN,
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
        metrics: None,
        // Without rules that an image may break, so that nothing is asked of the outside.
        policy: Arc::new(Policy { images: Vec::new(), environment: Vec::new(), ..policy() }),
        upstream_tls: None,
        clients: Clients::default(),
        upstream_mark: None,
        plugins: Plugins::default(),
        account: None,
        sandbox: Default::default(),
    };
    let proxy = Proxy::start(&settings).unwrap();
    let body = create_body(2048);
    let mut request = format!(
        "POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    let address = proxy.addresses().first().unwrap().clone();
    #[expect(clippy::disallowed_methods, reason = "a client may block")]
    let mut client = TcpStream::connect(address).unwrap();
    client.set_nodelay(true).unwrap();
    let mut answer = [0; 4096];
    criterion.bench_function("a whole create over loopback, 2 KiB", |bencher| {
        bencher.iter(|| {
            client.write_all(&request).unwrap();
            let count = client.read(&mut answer).unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 201") && count > 20);
        });
    });
    drop(client);
    proxy.stop(std::time::Duration::ZERO);
}

/// The line of a request, up to the queue of the thread that writes; one flush for a turn's lines.
fn log_path(criterion: &mut Criterion) {
    const LINES_PER_TURN: u32 = 32;
    let settings = LogSettings {
        file: "/dev/null".into(),
        format: Format::Logfmt,
        level: log::LevelFilter::Info,
    };
    let log = audit::init(&settings).unwrap();
    audit::gather();
    let peer = Peer::Tcp("[::ffff:10.0.0.5]:41234".parse().unwrap());
    let client = ClientId { connection: 123_456, peer, name: None };
    let target = Redacted("/v1.41/containers/create?name=web");
    let mut lines = 0;
    criterion.bench_function("log a request", |bencher| {
        bencher.iter(|| {
            audit::record(black_box(&client), &Event::Received { method: "POST", target });
            lines += 1;
            if lines % LINES_PER_TURN == 0 {
                audit::flush();
            }
        });
    });
    log.stop();
}

/// What one signature of a server's key costs: those that take long are not made on a loop.
fn signatures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("TLS signature");
    for (name, options) in [
        ("ECDSA P-256", ["EC", "ec_paramgen_curve:P-256"]),
        ("ECDSA P-384", ["EC", "ec_paramgen_curve:P-384"]),
        ("RSA 2048", ["RSA", "rsa_keygen_bits:2048"]),
        ("RSA 3072", ["RSA", "rsa_keygen_bits:3072"]),
        ("RSA 4096", ["RSA", "rsa_keygen_bits:4096"]),
    ] {
        let [algorithm, option] = options;
        let arguments = ["genpkey", "-algorithm", algorithm, "-pkeyopt", option];
        let made = Command::new("openssl").args(arguments).output().unwrap();
        let key = PrivateKeyDer::from_pem_slice(&made.stdout).unwrap();
        let key = any_supported_type(&key).unwrap();
        let schemes = [
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::RSA_PSS_SHA256,
        ];
        let signer = key.choose_scheme(&schemes).unwrap();
        // As much as TLS 1.3 has signed.
        group.bench_function(name, |bencher| bencher.iter(|| signer.sign(black_box(&[7; 130]))));
    }
    group.finish();
}

criterion_group!(benches, inner_parts, whole_create, log_path, signatures);
criterion_main!(benches);
