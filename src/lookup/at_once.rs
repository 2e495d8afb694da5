//! What is answered by the loop itself, so that no other thread is woken: what is remembered, and what the kernel knows
//! without asking any file system.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::deadline::now;
use super::host::days_since_epoch;
use super::links;
use super::memory::Memory;
use super::mounts::{Effort, Mounts};
use crate::policy::day::Day;
use crate::policy::facts::{Answer, Facts, Question, Questions, RealPath};
use crate::policy::types::HostPath;

/// The most paths of one round that are looked at: each takes a few microseconds.
const PATHS_MAX: usize = 16;

/// How long what was seen in a turn is believed in it: turns are short, but nothing bounds them.
const MOMENT: Duration = Duration::from_millis(2);

/// The most paths that are known of a moment.
const KNOWN_MAX: usize = 64;

/// Answers what can be at once, in a turn of a loop that has begun then, and leaves it out of the questions. Waits for
/// nobody.
///
/// Paths are answered together or not at all, since another thread that is asked for one must be woken anyway, and what
/// is compared should be of one moment.
pub fn at_once(
    questions: &mut Questions,
    turn: Instant,
    (daemon, memory): (&Daemon, &Memory),
) -> Facts {
    let mut facts = Facts::none();
    let mut paths = real_paths(questions, turn).into_iter();
    questions.retain(|question| {
        let answer = match question {
            Question::Image(image) => memory
                .images
                .image(daemon, image)
                .and_then(|image| image.facts.clone().map(Answer::Image)),
            Question::Volume(_) | Question::Network(_) => memory.volumes.get(daemon, question),
            Question::RealPath(_) => paths.next().map(Answer::RealPath),
            Question::Today => Some(Answer::Today(Day::since_epoch(days_since_epoch()))),
            _ => None,
        };
        let is_left = answer.is_none();
        if let Some(answer) = answer {
            facts.learn(question.clone(), Ok(answer));
        }
        is_left
    });
    facts
}

/// Where all paths that are asked for lead, in their order; nothing if one can't be told. Nothing of before this turn is
/// believed: neither where links are, nor what is mounted.
fn real_paths(questions: &Questions, turn: Instant) -> Vec<RealPath> {
    let paths = || {
        questions.iter().filter_map(|question| match question {
            Question::RealPath(path) => Some(path),
            _ => None,
        })
    };
    // Most requests ask for none.
    if !(1..=PATHS_MAX).contains(&paths().take(PATHS_MAX + 1).count()) {
        return Vec::new();
    }
    LAST.with_borrow_mut(|last| {
        let now = now();
        if !last.as_ref().is_some_and(|last| last.is_of(turn, now)) {
            *last = Moment::see(turn, now);
        }
        let Some(moment) = last else { return Vec::new() };
        let mut effort = Effort::at_once();
        let real = paths().map(|path| moment.real_path(path, &mut effort));
        real.collect::<Option<_>>().unwrap_or_default()
    })
}

/// The host as all requests see it that waited when a turn of their loop began: most of them ask for the same paths.
struct Moment {
    turn: Instant,
    seen: Instant,
    mounts: Rc<Mounts>,
    real: HashMap<HostPath, RealPath>,
}

thread_local! {
    static LAST: RefCell<Option<Moment>> = const { RefCell::new(None) };
}

impl Moment {
    fn see(turn: Instant, now: Instant) -> Option<Self> {
        let mounts = Mounts::read_at_once()?;
        Some(Self { turn, seen: now, mounts, real: HashMap::new() })
    }

    fn is_of(&self, turn: Instant, now: Instant) -> bool {
        self.turn == turn && now.saturating_duration_since(self.seen) < MOMENT
    }

    fn real_path(&mut self, path: &HostPath, effort: &mut Effort) -> Option<RealPath> {
        if let Some(real) = self.real.get(path) {
            return Some(real.clone());
        }
        let led_to = links::resolve_at_once(path, &self.mounts)?;
        let aliases = self.mounts.aliases(&led_to, effort)?;
        let real = RealPath { path: led_to, aliases };
        if self.real.len() < KNOWN_MAX {
            self.real.insert(path.clone(), real.clone());
        }
        Some(real)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::lookup::look_up;

    #[test]
    fn what_is_told_at_once_is_what_others_tell() {
        let daemon = Daemon::nowhere();
        for paths in [
            &["/", "/etc", "/bin", "/usr/bin"][..],
            &["/etc/missing/x"],
            &["/etc", "/proc/1/root"],
            &["/dev/fd", "/etc"],
        ] {
            let paths: Vec<_> = paths.iter().map(|path| HostPath::parse(path).unwrap()).collect();
            let asked = Questions::from_iter(paths.iter().map(Question::real_path));
            let later = look_up(&asked, &daemon, &Memory::none());
            let mut left = asked.clone();
            let facts = at_once(&mut left, now(), (&daemon, &Memory::none()));
            // All, or none.
            assert!([0, paths.len()].contains(&left.iter().count()), "{paths:?}");
            for path in &paths {
                let is_left = left.asks(&Question::real_path(path));
                assert_eq!(is_left, facts.real_path(path).is_none(), "{path}");
                assert!(is_left || facts.real_path(path) == later.real_path(path), "{path}");
            }
        }
        let mut today = Questions::from_iter([Question::Today]);
        assert!(at_once(&mut today, now(), (&daemon, &Memory::none())).today().is_some());
        assert!(today.is_empty());
        let many = (0..100).map(|number| HostPath::parse(&format!("/{number}")).unwrap());
        let mut many =
            many.map(|path| Question::real_path(&path).into_owned()).collect::<Questions>();
        at_once(&mut many, now(), (&daemon, &Memory::none()));
        assert_eq!(many.iter().count(), 100);
    }

    #[test]
    fn what_was_seen_is_known_in_its_turn_and_for_a_moment() {
        let (turn, path) = (now(), HostPath::parse("/etc").unwrap());
        let mut moment = Moment::see(turn, turn).unwrap();
        assert!(moment.is_of(turn, turn));
        assert!(!moment.is_of(turn, turn + MOMENT) && !moment.is_of(turn + MOMENT, turn));
        let real = moment.real_path(&path, &mut Effort::at_once());
        // It costs no effort any more.
        let mut none = Effort::at_once();
        while moment.mounts.aliases(&path, &mut none).is_some() {}
        assert_eq!(moment.real_path(&path, &mut none), real);
        for number in 0..2 * KNOWN_MAX {
            let path = HostPath::parse(&format!("/none/{number}")).unwrap();
            moment.real_path(&path, &mut Effort::at_once());
        }
        assert!(moment.real.len() <= KNOWN_MAX);
    }
}
