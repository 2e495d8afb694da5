//! What is asked for one request: nothing twice, and no more than one request may.

use std::collections::{HashMap, HashSet};
use std::mem::{Discriminant, discriminant};

use super::table::{Facts, QUESTIONS_MAX, Question, Questions, Source};

impl Questions {
    /// Asks this as well.
    pub fn ask(&mut self, question: Question<'_>) {
        self.asked.push(question.into_owned());
    }

    /// Whether nothing must be asked.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether this is asked.
    pub fn asks(&self, question: &Question<'_>) -> bool {
        self.asked.iter().any(|asked| asked == question)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Question<'static>> {
        self.asked.iter()
    }

    /// Leaves out what is answered otherwise.
    pub fn retain(&mut self, is_left: impl FnMut(&Question<'static>) -> bool) {
        self.asked.retain(is_left);
    }

    /// What the host itself knows; the rest, which only the daemon knows, stays.
    #[must_use]
    pub fn take_about_host(&mut self) -> Self {
        let is_of_host = |asked: &Question<'_>| matches!(asked.source(), Source::Host(_));
        let all = std::mem::take(&mut self.asked);
        let (of_host, rest) = all.into_iter().partition(is_of_host);
        self.asked = rest;
        Self { asked: of_host, wanted: Default::default() }
    }

    /// Leaves out what was asked already, says nothing twice, and no more than one request may ask.
    pub(in crate::policy) fn settle(&mut self, facts: &Facts) {
        if self.is_empty() {
            return;
        }
        let mut counted = Counted::default();
        facts.known.keys().for_each(|known| _ = counted.has_room_for(known));
        let mut seen = HashSet::with_capacity(self.asked.len());
        let is_new = self.asked.iter().map(|asked| {
            !facts.known.contains_key(asked) && seen.insert(asked) && counted.has_room_for(asked)
        });
        let mut is_new = is_new.collect::<Vec<_>>().into_iter();
        self.asked.retain(|_| is_new.next() == Some(true));
    }
}

impl<'a> Extend<Question<'a>> for Questions {
    fn extend<T: IntoIterator<Item = Question<'a>>>(&mut self, questions: T) {
        self.asked.extend(questions.into_iter().map(Question::into_owned));
    }
}

impl<'a> FromIterator<Question<'a>> for Questions {
    fn from_iter<T: IntoIterator<Item = Question<'a>>>(questions: T) -> Self {
        let mut all = Self::default();
        all.extend(questions);
        all
    }
}

impl<'a> IntoIterator for &'a Questions {
    type Item = &'a Question<'static>;
    type IntoIter = std::slice::Iter<'a, Question<'static>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// How many were asked of each kind that is bounded by itself, and of all others together.
#[derive(Default)]
struct Counted(HashMap<Option<Discriminant<Question<'static>>>, usize>);

impl Counted {
    /// Counts one, and whether it is still among those that may be asked.
    fn has_room_for(&mut self, question: &Question<'static>) -> bool {
        let (of, most) = match question.source() {
            Source::Host(most) | Source::DaemonAtOnce(most) => (Some(discriminant(question)), most),
            Source::Daemon => (None, QUESTIONS_MAX),
        };
        let count = self.0.entry(of).or_default();
        *count += 1;
        *count <= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::facts::VolumeFacts;

    fn volumes(names: impl IntoIterator<Item = String>) -> Questions {
        names.into_iter().map(|name| Question::volume(&name).into_owned()).collect()
    }

    #[test]
    fn nothing_is_asked_twice_and_no_more_than_one_request_may() {
        let mut facts = Facts::none();
        let mut first = volumes(["a", "b", "a"].map(str::to_owned));
        first.settle(&facts);
        assert_eq!(first.volumes(), ["a", "b"]);
        facts.note(&first);
        facts.add_volume("a".to_owned(), VolumeFacts::Absent);
        assert_eq!((facts.volume("a"), facts.volume("b")), (Some(&VolumeFacts::Absent), None));
        let mut again = volumes(["b", "c"].map(str::to_owned));
        again.settle(&facts);
        assert_eq!(again.volumes(), ["c"]);
        let mut many = volumes((0..100).map(|number| number.to_string()));
        many.ask(Question::container("left out"));
        many.ask(Question::Today);
        many.settle(&facts);
        assert_eq!(many.volumes().len(), QUESTIONS_MAX - 2);
        assert!(many.containers().is_empty() && many.asks(&Question::Today));
        assert_eq!(many.take_about_host(), Questions::from_iter([Question::Today]));
        assert_eq!(many.iter().count(), QUESTIONS_MAX - 2);
    }
}
