//! One slow or hostile client never costs another anything.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a failed test says where")]

mod support;
use std::time::{Duration, Instant};

use support::client::{get, post};
use support::{Client, Daemon, Docker, SecDocker, Way, until};

fn limited(limits: &str) -> SecDocker {
    SecDocker::before(Daemon::shared(), &format!("limits:\n{limits}"))
}

#[test]
fn a_head_that_drips_in_is_dropped_in_time_and_others_go_on() {
    let secdocker = limited("  head_time: 1s\n");
    let mut dripping = secdocker.connect();
    dripping.send("GET /_ping HTTP/1.1\r\n");
    let begun = Instant::now();
    while dripping.try_send("X: y\r\n").is_ok() && begun.elapsed() < Duration::from_secs(20) {
        assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
        if dripping.is_silent_for(Duration::from_millis(100)) {
            continue;
        }
        break;
    }
    assert_eq!(dripping.any_answer().status, 408);
    assert!(secdocker.connect().ask(get("/_ping")).status == 200);
}

#[test]
fn heads_and_bodies_have_their_limits() {
    let secdocker = limited("  head: 4k\n  body: 8k\n");
    let long = format!("GET /_ping HTTP/1.1\r\nHost: d\r\nX: {}\r\n\r\n", "y".repeat(5000));
    assert_eq!(secdocker.connect().ask(long).status, 431);
    let body = format!("{{\"Image\":\"probe:1\",\"Labels\":{{\"a\":\"{}\"}}}}", "b".repeat(9000));
    let answer = secdocker.connect().ask(post("/containers/create", body));
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.message().contains("8192 bytes"), "{}", answer.message());
}

#[test]
fn connections_beyond_the_limit_are_told_so_and_places_come_back() {
    let secdocker = limited("  connections: 3\n");
    let mut held: Vec<Client> = (0..3).map(|_| busy(&secdocker)).collect();
    assert_eq!(secdocker.connect().any_answer().status, 503);
    held.pop();
    until("a place comes back", || {
        let mut client = secdocker.connect();
        client.try_send("GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").ok()?;
        String::from_utf8_lossy(&client.rest_or_reset()).contains("200 OK").then_some(())
    });
}

#[test]
fn a_client_that_stops_reading_costs_a_buffer() {
    const MEBIBYTES: usize = 200;
    let secdocker = limited("  buffer: 256k\n");
    let file = support::sandbox::directory("big").join("big.tar");
    let mut make = std::process::Command::new("/bin/sh");
    make.current_dir(file.parent().unwrap());
    let script = format!("head -c {MEBIBYTES}M /dev/urandom >big; tar -cf big.tar big; rm big");
    support::run(make.args(["-c", &script]), b"").ok();
    let name = support::unique("big");
    Docker::on(Daemon::shared()).run(&["import", file.to_str().unwrap(), &name]).ok();
    let before = secdocker.resident_kib();
    let mut lazy = secdocker.connect();
    lazy.send(get(&format!("/images/{name}/get")));
    lazy.take_through(b"\r\n\r\n");
    for _ in 0..50 {
        assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
    }
    let grown = secdocker.resident_kib().saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB for a stream that nobody reads");
    drop(lazy);
    Docker::on(Daemon::shared()).run(&["rmi", &name]).ok();
}

#[test]
fn nothing_is_left_of_clients_that_break_off() {
    let secdocker = limited("  head_time: 30s\n");
    assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
    until("the first connection is gone", || (secdocker.descriptors() < 40).then_some(()));
    let before = secdocker.descriptors();
    let beginnings = [
        "",
        "GET /_pi",
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\n{",
    ];
    for _ in 0..30 {
        for beginning in beginnings {
            secdocker.connect().send(beginning);
        }
        secdocker.connect().send(get("/events"));
    }
    until("every descriptor is back", || (secdocker.descriptors() <= before).then_some(()));
}

#[test]
fn an_engine_that_is_away_is_a_502_and_traffic_flows_when_it_is_back() {
    let daemon = Daemon::alone(&[]);
    let secdocker = SecDocker::before(&daemon, "");
    assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
    daemon.stop();
    let mut client = secdocker.connect();
    let answer = client.ask(get("/_ping"));
    assert_eq!(answer.status, 502);
    assert!(
        answer.message().starts_with("SecDocker: cannot reach the daemon"),
        "{}",
        answer.text()
    );
    daemon.restart();
    assert_eq!(client.ask(get("/_ping")).status, 200);
}

#[test]
fn open_requests_finish_when_it_is_told_to_stop() {
    let mut secdocker = limited("  shutdown_time: 20s\n");
    let name = support::unique("drain");
    let api = Daemon::shared().api();
    let body = serde_json::json!({"Image": "probe:1", "Cmd": ["sleep", "60"],
        "HostConfig": {"NetworkMode": "none"}});
    assert_eq!(api.create(&name, &body).status, 201);
    api.start(&name);
    let mut waiting = secdocker.connect();
    waiting.send(format!("POST /containers/{name}/wait HTTP/1.1\r\nHost: d\r\n\r\n"));
    secdocker.logs("/wait");
    secdocker.signal(rustix::process::Signal::TERM);
    secdocker.logs("stopping");
    api.remove(&name);
    assert_eq!(waiting.any_answer().status, 200);
    assert!(secdocker.wait().success());
}

#[test]
fn a_body_that_drips_in_is_dropped_in_time() {
    let secdocker = limited("  body_time: 500ms\n");
    let mut dripping = secdocker.connect();
    dripping.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\n{");
    let answer = dripping.answer();
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert!(dripping.is_closed(), "the connection stays open");
}

#[test]
fn large_bodies_that_hold_back_their_end_leave_room_for_others() {
    let secdocker = limited("  body: 1m\n  bodies: 4m\n");
    let head = "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 1048576\r\n\r\n";
    let mut held: Vec<Client> = Vec::new();
    // Down to those that fill the last gap.
    for bytes in (5..20).rev().flat_map(|power| [1_usize << power; 10]) {
        let mut client = secdocker.connect();
        client.send(head);
        // One that is turned away may not take all of it.
        let _ = client.try_send(" ".repeat(bytes - 1));
        held.push(client);
    }
    secdocker.logs("too many request bodies are being inspected");
    let api = Daemon::shared().api();
    for _ in 0..5 {
        let name = support::unique("small");
        let target = format!("/containers/create?name={name}");
        let mut other = Client::elsewhere(secdocker.address);
        let answer = other.ask(post(&target, r#"{"Image":"probe:1","Cmd":["x"]}"#));
        assert_eq!(answer.status, 201, "{}", answer.text());
        api.remove(&name);
    }
}

#[test]
fn a_body_that_can_never_have_room_is_told_so() {
    let config = "restrictions: {mounts: [/root]}\nlimits: {body: 1m, bodies: 4m}\n";
    let secdocker = SecDocker::before(Daemon::shared(), config);
    let zeros = "0,".repeat(60_000);
    let body = format!(r#"{{"Image":"a","HostConfig":{{"Binds":["/tmp:/x"]}},"x":[{zeros}0]}}"#);
    let answer = secdocker.connect().ask(post("/containers/create", body));
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.message().contains("limits.bodies"), "{}", answer.message());
}

#[test]
fn a_long_text_full_of_commas_is_no_long_list() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions: {mounts: [/root]}\n");
    let commas = ",".repeat(3 << 20);
    let body = format!(
        r#"{{"Image":"absent:1","Labels":{{"a":"{commas}"}},"HostConfig":{{"Binds":["/tmp:/x"]}}}}"#
    );
    let answer = secdocker.connect().ask(post("/containers/create", body));
    assert_eq!(answer.status, 404, "{}", answer.text());
}

/// Time is measured from a message's first byte: who says nothing may be silent for ever.
#[test]
fn idle_connections_and_raw_streams_stay() {
    let secdocker = limited("  head_time: 300ms\n  body_time: 300ms\n  connect_time: 300ms\n");
    let mut idle = secdocker.connect();
    assert_eq!(idle.ask(get("/_ping")).status, 200);
    let mut cat = Docker::on(&secdocker).start(&["run", "--rm", "-i", "probe:1", "cat"]);
    cat.send(b"first\n");
    cat.says("first");
    assert!(idle.is_silent_for(Duration::from_millis(1500)), "an idle connection is closed");
    assert_eq!(idle.ask(get("/_ping")).status, 200);
    cat.send(b"second\n");
    cat.says("second");
    cat.close_stdin();
    cat.finish().ok();
}

/// The other way round: a container that reads nothing, and a client that sends all it can.
#[test]
fn an_engine_that_stops_reading_costs_a_buffer() {
    let secdocker = limited("  buffer: 256k\n");
    let name = support::unique("deaf");
    let api = Daemon::shared().api();
    let body = serde_json::json!({"Image": "probe:1", "Cmd": ["sleep", "1000"],
        "OpenStdin": true, "AttachStdin": true});
    assert_eq!(api.create(&name, &body).status, 201);
    api.start(&name);
    let mut client = secdocker.connect();
    let attach = format!(
        "POST /containers/{name}/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\n\
         Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(client.ask(attach).status, 101);
    let before = secdocker.resident_kib();
    client.write_timeout(Duration::from_millis(500));
    let piece = vec![b'x'; 1 << 20];
    let pieces = (0..256).take_while(|_| client.try_send(&piece).is_ok()).count();
    assert!(pieces < 256, "somebody swallows everything");
    let grown = secdocker.resident_kib().saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB for a stream that nobody reads");
    assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
    api.remove(&name);
}

/// A client from another address of this host.
fn neighbour(secdocker: &SecDocker) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    socket.connect(&secdocker.address.into()).unwrap();
    Client::over_tcp(socket.into())
}

/// A connection whose request never ends.
fn busy(secdocker: &SecDocker) -> Client {
    // The connection of the start may still be counted.
    until("a place", || {
        let mut client = secdocker.connect();
        client.try_send(get("/events")).ok()?;
        (client.take_through(b"\r\n\r\n").starts_with(b"HTTP/1.1 200")).then_some(client)
    })
}

#[test]
fn one_address_cannot_take_every_place() {
    let secdocker = limited("  connections_per_client: 2\n");
    let _held = [busy(&secdocker), busy(&secdocker)];
    assert_eq!(secdocker.connect().any_answer().status, 503);
    let mut neighbour = neighbour(&secdocker);
    assert_eq!(neighbour.ask(get("/_ping")).status, 200, "another address has its own places");
}

/// Who holds connections that carry nothing makes room, the longest idle first; who uses them does not.
#[test]
fn idle_connections_make_room_for_others() {
    let secdocker =
        limited("  connections: 16\n  connections_per_client: 16\nlisten:\n  loops: 1\n");
    let mut events = busy(&secdocker);
    let mut raw = Docker::on(&secdocker).start(&["run", "--rm", "-i", "probe:1", "cat"]);
    raw.send(b"first\n");
    raw.says("first");
    let mut half = secdocker.connect();
    half.send("GET /_ping HTTP/1.1\r\nHost: d\r\n");
    let mut others = neighbour(&secdocker);
    assert_eq!(others.ask(get("/_ping")).status, 200);
    // Silent from the start, and after a request.
    let mut silent: Vec<Client> = (0..4).map(|_| secdocker.connect()).collect();
    for _ in 0..40 {
        let mut client = secdocker.connect();
        assert_eq!(client.ask(get("/_ping")).status, 200, "there is room");
        silent.push(client);
    }
    let is_open = |client: &mut Client| client.is_silent_for(Duration::from_millis(1));
    let open: usize = silent.iter_mut().map(|client| usize::from(is_open(client))).sum();
    assert!((4..12).contains(&open), "{open} of 44 are open");
    assert!(silent.last_mut().unwrap().is_silent_for(Duration::from_millis(1)), "the last one");
    assert!(silent.first_mut().unwrap().is_closed(), "the first one");
    // None of those that carry something, nor the one of who holds little.
    half.send("\r\n");
    assert_eq!(half.answer().status, 200);
    raw.send(b"second\n");
    raw.says("second");
    raw.close_stdin();
    raw.finish().ok();
    assert_eq!(others.ask(get("/_ping")).status, 200);
    assert!(
        events.is_silent_for(Duration::from_millis(1)) || events.read_more().is_ok_and(|n| n > 0)
    );
    secdocker.logs("idle connection closed");
}

/// Credentials for many registries, and filters with many identifiers.
#[test]
fn long_heads_pass_and_longer_ones_name_the_key() {
    let secdocker = limited("  connect_time: 9s\n");
    let credentials = format!("X-Registry-Config: {}\r\n", "e".repeat(200_000));
    for way in [Daemon::shared() as &dyn Way, &secdocker] {
        let request = format!("GET /_ping HTTP/1.1\r\nHost: d\r\n{credentials}\r\n");
        assert_eq!(way.connect().ask(request).status, 200, "{}", way.name());
        let ids = vec![format!("%22{}%22", "a".repeat(64)); 2000].join("%2c");
        let target = format!("/containers/json?filters=%7b%22id%22:%5b{ids}%5d%7d");
        assert_eq!(way.connect().ask(get(&target)).status, 200, "{}", way.name());
    }
    let body = r#"{"Image":"probe:1","Cmd":["true"]}"#;
    let echoed = "&Env=A%3Db".repeat(15_000);
    let name = support::unique("echo");
    let answer =
        secdocker.connect().ask(post(&format!("/containers/create?name={name}{echoed}"), body));
    assert_eq!(answer.status, 201, "{}", answer.text());
    Daemon::shared().api().remove(&name);
    let mut client = secdocker.connect();
    drop(client.try_send(format!("GET /_ping HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(300_000))));
    let answer = client.answer();
    assert_eq!(answer.status, 431);
    assert!(answer.message().contains("262144 bytes; `limits.head`"), "{}", answer.message());
}

/// A build context in pieces with pauses, longer than a body may take that does not come.
#[test]
fn a_slow_body_goes_on_while_it_comes() {
    let secdocker = limited("  body_time: 200ms\n  body_idle_time: 400ms\n  body_rate: 100\n");
    let name = support::unique("slow");
    let body =
        format!(r#"{{"Image":"probe:1","Cmd":["true"],"Labels":{{"a":"{}"}}}}"#, "b".repeat(900));
    let head = format!(
        "POST /containers/create?name={name} HTTP/1.1\r\nHost: d\r\n\
                        Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut client = secdocker.connect();
    client.send(head);
    for piece in body.as_bytes().chunks(100) {
        // The pause of a slow link.
        assert!(client.is_silent_for(Duration::from_millis(100)));
        client.send(piece);
    }
    assert_eq!(client.answer().status, 201);
    Daemon::shared().api().remove(&name);
}
