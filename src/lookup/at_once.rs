//! What is answered by the loop itself, so that no other thread is woken: what is remembered, and what the kernel knows
//! without asking any file system.

use std::time::Instant;

use super::daemon::Daemon;
use super::host::days_since_epoch;
use super::links;
use super::memory::Memory;
use super::mounts::{Effort, Mounts};
use crate::policy::day::Day;
use crate::policy::facts::{Answer, Facts, Question, Questions, RealPath};

/// The most paths of one round that are looked at: each takes a few microseconds.
const PATHS_MAX: usize = 16;

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
    let Some(mounts) = Mounts::read_at_once(turn) else { return Vec::new() };
    let mut effort = Effort::at_once();
    let real = paths().map(|path| {
        let path = links::resolve_at_once(path, &mounts)?;
        let aliases = mounts.aliases(&path, &mut effort)?;
        Some(RealPath { path, aliases })
    });
    real.collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::lookup::deadline::now;
    use crate::lookup::look_up;
    use crate::policy::types::HostPath;

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
}
