//! Two readers of one text: the engine, asked directly, and SecDocker before the engine. Whatever is
//! sent, both must take it for the same, or SecDocker says that it does not take it.
//!
//! Seeds are fixed. `SECDOCKER_SEED=n` draws others, `SECDOCKER_CASES=n` as many for each endpoint.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "differential/bodies.rs"]
mod bodies;
#[path = "differential/doors.rs"]
mod doors;
#[path = "differential/forced.rs"]
mod forced;
mod support;
#[path = "differential/targets.rs"]
mod targets;
#[path = "differential/values.rs"]
mod values;

use doors::{Door, Outcome};
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use support::{Daemon, SecDocker, client};
use targets::{GOALS, Goal};

#[test]
fn containers_are_created_alike() {
    compare(&doors::CONTAINER, 120);
}

#[test]
fn containers_are_created_alike_but_for_what_is_forced() {
    compare_by(&doors::CONTAINER_NOW, forced::RULES, 150, verdict_but_for_what_is_forced);
}

#[test]
fn commands_are_executed_alike() {
    engine_with_a_running_container();
    compare(&doors::EXEC, 100);
}

#[test]
fn limits_are_updated_alike() {
    compare(&doors::UPDATE, 80);
}

#[test]
fn volumes_are_created_alike() {
    compare(&doors::VOLUME, 100);
}

#[test]
fn networks_are_created_alike() {
    compare(&doors::NETWORK, 40);
}

#[test]
fn services_are_created_alike() {
    let swarm = r#"{"ListenAddr":"127.0.0.1:2377","AdvertiseAddr":"127.0.0.1"}"#;
    let answer = Daemon::shared().api().ask(&client::post("/swarm/init", swarm));
    assert_eq!(answer.status, 200, "{}", answer.text());
    compare(&doors::SERVICE, 60);
}

/// What SecDocker passes uninspected must never be one of these to the engine.
#[test]
fn targets_lead_to_the_same_endpoint() {
    let answers: Vec<_> = GOALS.iter().map(|goal| targets::said(goal, &path_of(goal))).collect();
    for (goal, (status, text)) in GOALS.iter().zip(&answers) {
        assert!(targets::passed(goal.method, &path_of(goal)).is_none(), "{}", goal.path);
        assert!(*status >= 400 && !text.contains("page not found"), "{}: {text}", goal.path);
    }
    let passed = Cell::new(0);
    let result = runner(1500).run(&targets::spelled(), |(at, spelled)| {
        let Some(sent) = targets::passed(GOALS[at].method, &spelled) else { return Ok(()) };
        passed.set(passed.get() + 1);
        let said = targets::said(&GOALS[at], &sent);
        let what = format!("{spelled} is {} to the engine: {}", GOALS[at].path, said.1);
        if said == answers[at] { Err(TestCaseError::fail(what)) } else { Ok(()) }
    });
    result.unwrap_or_else(|e| panic!("{e}"));
    assert!(passed.get() > 100, "only {} were sent", passed.get());
}

fn path_of(goal: &Goal) -> String {
    format!("{}{}", goal.path, goal.query)
}

fn engine_with_a_running_container() {
    let api = Daemon::shared().api();
    let body = serde_json::json!({"Image": "probe:1", "Cmd": ["sleep", "100000"]});
    assert_eq!(api.create("runs", &body).status, 201);
    api.start("runs");
}

/// Why SecDocker may refuse what the engine takes: each of these can be read in two ways, or nobody
/// can say what it brings about.
const REASONS: &[&str] = &[
    "given more than once",
    "not valid JSON",
    "no image is named",
    "the body is empty",
    "too many objects",
    "an environment entry has no name",
    "expected an object, got null",
];

/// Sends as many bodies both ways, with no rule at all.
fn compare(door: &'static Door, cases: u32) {
    compare_by(door, "", cases, verdict);
}

type Verdict = Result<&'static str, &'static str>;

fn compare_by(
    door: &'static Door,
    rules: &str,
    cases: u32,
    verdict: fn(&Outcome, &Outcome) -> Verdict,
) {
    // All use the same names, and undo what they made.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let secdocker = SecDocker::before(Daemon::shared(), rules);
    let counts = RefCell::new(BTreeMap::new());
    let strategy = (select(door.versions), bodies::body(door.table, door.base));
    let result = runner(cases).run(&strategy, |(version, body)| {
        let straight = door.try_body(Daemon::shared(), version, &body);
        let through = door.try_body(&secdocker, version, &body);
        let kind = verdict(&straight, &through).map_err(|what| {
            let text = String::from_utf8_lossy(&body).into_owned();
            let differences = straight.differences(&through).join("\n");
            TestCaseError::fail(format!("{what}\n{version} {text}\n{differences}\n"))
        })?;
        *counts.borrow_mut().entry(kind).or_insert(0) += 1;
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
    let counts = counts.into_inner();
    println!("{}: {counts:?}", door.base);
    let made = counts.get("made").copied().unwrap_or(0);
    assert!(made * 10 >= counts.values().sum::<u32>(), "too few have an effect: {counts:?}");
}

/// Fields that 20.10 does not know, whose values SecDocker reads as newer engines do.
const NEWER: &[&str] = &[
    "Annotations",
    "AppArmor",
    "ClusterOptions",
    "ClusterVolumeSpec",
    "ConsoleSize",
    "CreateMountpoint",
    "DNSNames",
    "EnableIPv4",
    "GwPriority",
    "ImageOptions",
    "MemorySwappiness",
    "NoNewPrivileges",
    "OomScoreAdj",
    "ReadOnlyForceRecursive",
    "ReadOnlyNonRecursive",
    "Seccomp",
    "StartInterval",
    "Subpath",
    "SwapBytes",
    "TmpfsOptions.Options",
];

/// The engine may have refused what the forced values mend.
fn verdict_but_for_what_is_forced(straight: &Outcome, through: &Outcome) -> Verdict {
    if through.is_refused_by_secdocker() {
        return verdict(straight, through);
    }
    let is_same = forced::rest(&straight.made) == forced::rest(&through.made);
    match (straight.is_made(), through.is_made()) {
        (_, true) if forced::lacks(&through.made).is_some() => Err("not all is forced"),
        (true, true) if !is_same => Err("more is changed than is forced"),
        (true, false) => Err("refused by the engine for what is forced"),
        (_, true) => Ok("made"),
        (false, false) => Ok("refused by the engine"),
    }
}

fn verdict(straight: &Outcome, through: &Outcome) -> Verdict {
    if through.is_refused_by_secdocker() {
        let is_said = |words: &&str| through.message.contains(*words);
        return match (through.status, straight.is_made()) {
            (400, false) => Ok("refused by both"),
            (400, true) if REASONS.iter().chain(NEWER).any(is_said) => Ok("refused"),
            (400, true) => Err("refused without a reason"),
            _ => Err("refused with no rule there"),
        };
    }
    // A text that says nothing beside `HostConfig`: newer engines pass over it, and so does SecDocker.
    const BESIDE: &str = "cannot unmarshal string into Go struct field ContainerConfigWrapper.";
    if through.is_made() && straight.message.contains(BESIDE) {
        return Ok("left out");
    }
    match through.status == straight.status {
        false => Err("another status"),
        true if through.made != straight.made => Err("another effect"),
        true if straight.is_made() => Ok("made"),
        true => Ok("refused by the engine"),
    }
}

fn runner(cases: u32) -> TestRunner {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u32>().unwrap());
    TestRunner::new(Config {
        cases: number("SECDOCKER_CASES").unwrap_or(cases),
        rng_seed: RngSeed::Fixed(number("SECDOCKER_SEED").unwrap_or(1).into()),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    })
}
