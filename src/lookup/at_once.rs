//! What is answered by the loop itself, so that no other thread is woken: what is remembered, and what the kernel knows
//! without asking any file system.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Instant;

use super::daemon::Daemon;
use super::host::days_since_epoch;
use super::links;
use super::memory::Memory;
use super::mounts::Mounts;
use crate::policy::day::Day;
use crate::policy::facts::{Answer, Facts, Question, Questions, RealPath};
use crate::policy::types::HostPath;

/// The most paths of one round that are looked at: each takes a few microseconds.
const PATHS_MAX: usize = 16;

/// Answers what can be at once, in a turn of a loop that has begun then, and leaves it out of the questions. Blocks
/// nobody.
pub fn at_once(
    questions: &mut Questions,
    turn: Instant,
    (daemon, memory): (&Daemon, &Memory),
) -> Facts {
    let mut facts = Facts::none();
    let mut host = Host { turn, mounts: OnceCell::new(), found: 0, paths: 0 };
    questions.retain(|question| {
        let answer = match question {
            Question::Image(image) => memory
                .images
                .image(daemon, image)
                .and_then(|image| image.facts.clone().map(Answer::Image)),
            Question::Volume(_) | Question::Network(_) => memory.volumes.get(daemon, question),
            Question::RealPath(path) => host.real_path(path).map(Answer::RealPath),
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

/// The host, as one round sees it.
struct Host {
    turn: Instant,
    mounts: OnceCell<Option<Rc<Mounts>>>,
    found: usize,
    paths: usize,
}

impl Host {
    /// Nothing of before this turn is believed: neither where links are, nor what is mounted.
    fn real_path(&mut self, path: &HostPath) -> Option<RealPath> {
        self.paths += 1;
        if self.paths > PATHS_MAX {
            return None;
        }
        let mounts = self.mounts.get_or_init(|| Mounts::read_at_once(self.turn)).as_ref()?;
        let path = links::resolve_at_once(path)?;
        let aliases = mounts.aliases(&path, &mut self.found)?;
        Some(RealPath { path, aliases })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::lookup::deadline::now;
    use crate::lookup::look_up;

    #[test]
    fn what_is_told_at_once_is_what_others_tell() {
        let daemon = Daemon::nowhere();
        let paths = ["/", "/etc", "/etc/missing/x", "/proc/1/root", "/bin", "/usr/bin", "/dev/fd"];
        let paths = paths.map(|path| HostPath::parse(path).unwrap());
        let asked = Questions::from_iter(paths.iter().map(Question::real_path));
        let later = look_up(&asked, &daemon, &Memory::none());
        let mut left = asked.clone();
        let facts = at_once(&mut left, now(), (&daemon, &Memory::none()));
        for path in &paths {
            let is_left = left.asks(&Question::real_path(path));
            assert_eq!(is_left, facts.real_path(path).is_none(), "{path}");
            assert!(is_left || facts.real_path(path) == later.real_path(path), "{path}");
        }
        let mut today = Questions::from_iter([Question::Today]);
        assert!(at_once(&mut today, now(), (&daemon, &Memory::none())).today().is_some());
        assert!(today.is_empty());
        let many = (0..100).map(|number| HostPath::parse(&format!("/{number}")).unwrap());
        let mut many =
            many.map(|path| Question::real_path(&path).into_owned()).collect::<Questions>();
        at_once(&mut many, now(), (&daemon, &Memory::none()));
        assert!(many.iter().count() >= 100 - PATHS_MAX);
    }
}
