//! Who is reached by a name that changes hands between the look and the use: whoever was judged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use support::client::{get, post};
use support::firewall::config;
use support::relay::Relay;
use support::{Api, Daemon, SecDocker, Way, unique};

const RULES: &str = "restrictions:\n  mounts: [/run/secret]\n";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";

/// Two containers, of which the second has mounted what is forbidden, and their names.
struct Pair {
    names: [String; 2],
    ids: [String; 2],
}

impl Pair {
    fn make(api: &Api) -> Pair {
        std::fs::create_dir_all("/run/secret").unwrap();
        let names = [unique("allowed"), unique("forbidden")];
        let bodies = [json!({}), json!({"Binds": ["/run/secret:/x"]})];
        let ids = [0, 1].map(|at: usize| {
            let body = json!({"Image": "probe:1", "Cmd": ["sleep", "600"], "OpenStdin": true,
                "HostConfig": bodies[at]});
            let created = api.create(&names[at], &body);
            api.start(&names[at]);
            created.json()["Id"].as_str().unwrap().to_owned()
        });
        Pair { names, ids }
    }

    /// Gives the first name to this one, whoever has it.
    fn give_name(&self, api: &Api, to: usize) {
        let rename = |at: usize, name: &str| {
            let target = format!("/containers/{}/rename?name={name}", self.ids[at]);
            let status = api.ask(&post(&target, "")).status;
            // It may be called so already.
            assert!(matches!(status, 204 | 400 | 409), "{status}");
        };
        rename(1 - to, &format!("{}-aside-{to}", self.names[0]));
        rename(to, &self.names[0]);
    }

    fn remove(&self, api: &Api) {
        self.ids.iter().for_each(|id| api.remove(id));
    }
}

fn state(api: &Api, id: &str) -> Value {
    api.inspect(id)["State"].clone()
}

#[test]
fn a_name_that_changes_hands_after_the_look_reaches_whoever_was_judged() {
    let api = Daemon::shared().api();
    let way = |method: &str, way: &str, head: &str, body: &str| {
        let length = body.len();
        format!(
            "{method} {way} HTTP/1.1\r\nHost: d\r\n{head}Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let exec = json!({"Cmd": ["true"]}).to_string();
    for (what, request) in [
        ("exec", way("POST", "/containers/@/exec", "Content-Type: application/json\r\n", &exec)),
        ("attach", way("POST", "/containers/@/attach?stdin=1&stream=1", UPGRADE, "")),
        ("archive", way("GET", "/containers/@/archive?path=/x", "", "")),
        ("archive's head", way("HEAD", "/containers/@/archive?path=/x", "", "")),
        ("archive", way("PUT", "/containers/@/archive?path=/x", "", &"\0".repeat(1024))),
        ("restart", way("POST", "/v1.40/containers/@/restart?t=0", "", "")),
        ("start", way("POST", "/containers/@/start", "", "")),
    ] {
        let pair = Arc::new(Pair::make(&api));
        if what == "start" {
            for id in &pair.ids {
                assert_eq!(api.ask(&post(&format!("/containers/{id}/kill"), "")).status, 204);
                support::until("it to end", || (state(&api, id)["Running"] == false).then_some(()));
            }
        }
        let before = state(&api, &pair.ids[1]);
        let of_relay = Arc::clone(&pair);
        let relay = Relay::start(
            &Daemon::shared().socket(),
            |line| {
                let ways = ["/exec ", "/attach", "/archive", "/restart", "/start "];
                ways.iter().any(|way| line.contains(way)) && !line.contains("/json")
            },
            move || of_relay.give_name(&Daemon::shared().api(), 1),
            || (),
        );
        relay.tells_events();
        let secdocker = SecDocker::start(&config(&relay.socket, RULES), &[]);
        let request = request.replace('@', &pair.names[0]);
        let mut client = secdocker.connect();
        client.send(request);
        let answer = match what {
            "archive's head" => client.answer_to_head(),
            _ => {
                let answer = client.answer();
                format!("{} {}", answer.status, answer.text())
            }
        };
        let lines = relay.lines();
        let [line] = lines.as_slice() else { panic!("{what}: {answer:?} {lines:?}") };
        assert!(line.contains(&pair.ids[0]), "{what}: {line}");
        match what {
            "exec" => {
                let (_, body) = answer.split_once(' ').unwrap();
                let exec: Value = serde_json::from_str(body).unwrap();
                let exec = exec["Id"].as_str().unwrap();
                let found = api.get(&format!("/exec/{exec}/json")).json();
                assert_eq!(found["ContainerID"], pair.ids[0].as_str(), "{what}");
            }
            "attach" => assert!(answer.starts_with("101"), "{answer}"),
            // Only the other one has that directory.
            "archive" | "archive's head" => assert!(answer.contains("404 "), "{answer}"),
            _ => {
                assert!(answer.starts_with("204"), "{answer}");
                assert_eq!(state(&api, &pair.ids[1]), before, "{what}");
                assert_eq!(state(&api, &pair.ids[0])["Running"], true, "{what}");
            }
        }
        pair.remove(&api);
    }
}

/// The race itself: two containers exchange their names all the time.
#[test]
fn no_exec_lands_in_a_container_that_gets_the_name() {
    let api = Daemon::shared().api();
    let pair = Pair::make(&api);
    let secdocker = SecDocker::before(Daemon::shared(), RULES);
    let stops = AtomicBool::new(false);
    let (mut landed, mut refused) = (0, 0);
    thread::scope(|scope| {
        let _stop = OnDrop(&stops);
        scope.spawn(|| {
            let api = Daemon::shared().api();
            for turn in 1.. {
                if stops.load(Ordering::Relaxed) {
                    break;
                }
                // Each has the name by turns.
                pair.give_name(&api, turn % 2);
            }
        });
        for _ in 0..200 {
            let target = format!("/containers/{}/exec", pair.names[0]);
            let body = json!({"Cmd": ["true"]}).to_string();
            let answer = secdocker.connect().ask(post(&target, body));
            match answer.status {
                201 => {
                    let exec = answer.json()["Id"].as_str().unwrap().to_owned();
                    let found = api.ask(&get(&format!("/exec/{exec}/json"))).json();
                    assert_eq!(found["ContainerID"], pair.ids[0].as_str());
                    landed += 1;
                }
                // It was refused, or nobody had the name in that moment.
                403 | 404 => refused += 1,
                status => panic!("{status}: {answer:?}"),
            }
        }
    });
    println!("{landed} landed, {refused} did not");
    assert!(landed > 0 && refused > 0, "{landed} landed, {refused} did not");
    pair.remove(&api);
}

/// Sets the flag when it is dropped, also where an assertion fails: the scope waits for the thread.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
