//! What `explain` says of a request is what becomes of it in the traffic: the verdict, the sentence, and what the
//! daemon gets. Every request of the attack corpus is decided both ways, with the same answers from outside.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

#[path = "attacks/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what attacks do is read here, not whether they work")]
mod corpus;
mod support;

use corpus::Step;
use support::decided::{self, Verdict, WORLDS};

const POLICIES: [&str; 4] = [
    include_str!("attacks/core.yml"),
    include_str!("attacks/powers.yml"),
    include_str!("attacks/services.yml"),
    // Answers are looked for in lists of what is allowed, and each exception pins an image.
    "restrictions:\n  images: {allow: [probe]}\n  users: [root]\n  mounts: {allow: [/srv]}\n\
     general: {memory: 1g, user: \"1000\"}\n\
     exceptions:\n- {image: \"probe:1\", users: [root], reason: \"a test\"}\n",
];

/// The bytes of each request, as a client sends them.
fn requests() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for attack in corpus::all() {
        for step in attack.setup.iter().chain(&attack.requests).chain(&attack.follow_up) {
            match step {
                Step::Request { method, target, headers, body } => {
                    let length = match (body.len(), *method) {
                        (0, "GET" | "HEAD" | "DELETE") => String::new(),
                        (bytes, _) => format!("Content-Length: {bytes}\r\n"),
                    };
                    let head =
                        format!("{method} {target} HTTP/1.1\r\nHost: d\r\n{headers}{length}\r\n");
                    found.push([head.as_bytes(), body].concat());
                }
                Step::Bytes(pieces) => found.push(pieces.concat()),
                Step::Host(_) | Step::Swarm(_) => {}
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn each_request_of_the_corpus_is_explained_as_it_is_treated() {
    let requests = requests();
    let (mut compared, mut refused, mut forwarded) = (0, 0, 0);
    let reviewed = POLICIES.iter().map(|it| (it, false)).chain([(&POLICIES[3], true)]);
    for (policy, reviewed) in reviewed {
        let rules = decided::rules(policy, reviewed);
        for (request, world) in requests.iter().flat_map(|it| WORLDS.map(|world| (it, world))) {
            let Some((treated, explained)) = decided::both(&rules, request, world) else {
                continue;
            };
            let shown = String::from_utf8_lossy(&request[..request.len().min(600)]);
            let shown = format!("{world:?} {reviewed} under\n{policy}\n{shown}");
            match (&treated, &explained) {
                // A client of BuildKit is told in its calls, and of a HEAD nothing is told but the status.
                (Verdict::Refused(101, _), Verdict::Refused(..)) => {}
                (Verdict::Refused(of, _), Verdict::Refused(status, _))
                    if request.starts_with(b"HEAD ") =>
                {
                    assert_eq!(of, status, "{shown}");
                }
                _ => assert_eq!(treated, explained, "{shown}"),
            }
            compared += 1;
            match explained {
                Verdict::Refused(..) => refused += 1,
                Verdict::Forwarded(..) => forwarded += 1,
            }
        }
    }
    // Few pieces of the corpus are no whole requests.
    let all = requests.len() * WORLDS.len() * (POLICIES.len() + 1);
    assert!(compared * 10 > all * 9, "{compared} of {all}");
    assert!(refused * 10 > compared && forwarded * 10 > compared, "{refused}, {forwarded}");
}
