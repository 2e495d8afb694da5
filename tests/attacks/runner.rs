//! Runs attacks and says which did not go as they must.

use super::Step;
use super::attack::{Attack, Outcome};
use super::engine::{Engine, REFUSES};
use super::wire::{self, Words};
use crate::support::{SecDocker, Way, poll};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shows that every attack works straight at the engine, and not through a SecDocker with these
/// rules.
pub(crate) fn straight_and_through(attacks: Vec<Attack>, rules: &str) {
    let _alone = alone();
    let engine = Engine::ready();
    let secdocker = SecDocker::before(engine.daemon, rules);
    let both = |attack: &Attack| {
        works(attack, &engine).or_else(|| is_stopped(attack, &engine, &secdocker))
    };
    report(chosen(attacks).iter().filter_map(both).collect());
}

/// The engine is cleaned after each attack, so no two run at once.
fn alone() -> MutexGuard<'static, ()> {
    static ENGINE: Mutex<()> = Mutex::new(());
    ENGINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn chosen(attacks: Vec<Attack>) -> Vec<Attack> {
    let wanted = std::env::var("ATTACK").unwrap_or_default();
    let mut names =
        super::all().map(|attack| attack.name).chain(attacks.iter().map(|attack| attack.name));
    assert!(
        names.any(|name| name.contains(&wanted)),
        "ATTACK={wanted}: no attack has that in its name"
    );
    attacks.into_iter().filter(|attack| attack.name.contains(&wanted)).collect()
}

fn report(failures: Vec<String>) {
    assert!(failures.is_empty(), "{} of them:\n{}", failures.len(), failures.join("\n"));
}

/// Done straight at the engine, it must have its effect; what was wrong if it has not.
fn works(attack: &Attack, engine: &Engine) -> Option<String> {
    if !attack.works_on(engine.major()) {
        return None;
    }
    let done = Done::by(attack, engine, engine.daemon);
    let shows = engine.shows(&attack.probe, &done.answers, &done.words);
    engine.clean_up();
    match (done.showed_before, shows) {
        (true, _) => Some(done.failure(attack, "is said to work before anything was asked")),
        (false, true) => None,
        (false, false) => Some(done.failure(attack, "is inert straight at the engine")),
    }
}

/// Done through SecDocker, it must not; what was wrong if it has.
fn is_stopped(attack: &Attack, engine: &Engine, secdocker: &SecDocker) -> Option<String> {
    let done = Done::by(attack, engine, secdocker);
    let failure = match attack.outcome {
        Outcome::Passes if !attack.works_on(engine.major()) => None,
        Outcome::Passes => {
            let shows = engine.shows(&attack.probe, &done.answers, &done.words);
            (!shows).then_some("is harmless and did not pass")
        }
        Outcome::Tightened => done.showed(attack, engine).then_some("has its effect"),
        Outcome::Refused if done.showed(attack, engine) => Some("has its effect"),
        Outcome::Refused if done.changed => Some("changed the engine"),
        Outcome::Refused => (!done.was_refused()).then_some("had no answer of SecDocker's own"),
    };
    engine.clean_up();
    failure.map(|what| done.failure(attack, what))
}

/// An attack that was carried out.
struct Done {
    way: &'static str,
    words: Words,
    /// Everything that came back.
    answers: Vec<u8>,
    /// Whether the effect showed before anything was asked: then the probe tells nothing.
    showed_before: bool,
    /// Whether the requests, without what followed, left something behind.
    changed: bool,
}

impl Done {
    fn by(attack: &Attack, engine: &Engine, way: &dyn Way) -> Done {
        let mut words = engine.words(next_name());
        for step in &attack.setup {
            let answer = current(step, engine, engine.daemon, &mut words);
            let failed = wire::statuses(&answer).iter().any(|status| *status >= 400);
            assert!(!failed, "{}: no set-up: {}", attack.name, String::from_utf8_lossy(&answer));
        }
        words = engine.words(words.name);
        let showed_before = engine.shows_now(&attack.probe, &[], &words);
        let before = engine.state(&words.name);
        let mut answers = Vec::new();
        for step in &attack.requests {
            answers.extend(current(step, engine, way, &mut words));
        }
        let changed = engine.state(&words.name) != before;
        for step in &attack.follow_up {
            engine.perform(step, &words);
        }
        Done { way: way.name(), words, answers, showed_before, changed }
    }

    fn showed(&self, attack: &Attack, engine: &Engine) -> bool {
        engine.shows_now(&attack.probe, &self.answers, &self.words)
    }

    /// Whether SecDocker itself, not the engine behind it, said no.
    fn was_refused(&self) -> bool {
        let refused = wire::statuses(&self.answers).iter().any(|s| (400..500).contains(s));
        refused && String::from_utf8_lossy(&self.answers).contains(REFUSES)
    }

    fn failure(&self, attack: &Attack, what: &str) -> String {
        let answers = String::from_utf8_lossy(&self.answers);
        let end: String = answers.chars().take(600).collect();
        let (name, why, way) = (attack.name, attack.why, self.way);
        format!("- {name}, {way}, {what} ({why})\n  {}", end.replace('\n', "\n  "))
    }
}

/// Does a step with the words as they are now; again if the swarm, which keeps books on a service of
/// its own accord, made a new version of it in between.
fn current(step: &Step, engine: &Engine, way: &dyn Way, words: &mut Words) -> Vec<u8> {
    let once = || {
        *words = engine.words(words.name.clone());
        let answer = wire::perform(step, way, words);
        let late = String::from_utf8_lossy(&answer).contains("update out of sequence");
        (!late).then_some(answer)
    };
    poll::until("a version that holds still", once)
}

/// As long as `@name@`.
fn next_name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("a{:05}", NEXT.fetch_add(1, Ordering::Relaxed))
}
