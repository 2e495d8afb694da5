//! What is known: the answers to what was asked, and what is remembered of images.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use super::answers::{Container, ContainerFacts, ImageFacts, RealPath};
use super::table::{Answer, Facts, Missing, Question, Questions};
use crate::image::ImageName;
use crate::policy::ceilings::CpuLimit;
use crate::policy::types::HostPath;

/// A question that need not live as long as the facts in which its answer is looked for.
trait Asked {
    fn question(&self) -> &Question<'_>;
}

impl Asked for Question<'_> {
    fn question(&self) -> &Question<'_> {
        self
    }
}

impl<'a> Borrow<dyn Asked + 'a> for Question<'static> {
    fn borrow(&self) -> &(dyn Asked + 'a) {
        self
    }
}

impl PartialEq for dyn Asked + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.question() == other.question()
    }
}

impl Eq for dyn Asked + '_ {}

impl Hash for dyn Asked + '_ {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.question().hash(hasher);
    }
}

impl Facts {
    /// Nothing is known.
    pub fn none() -> Self {
        Self::default()
    }

    /// Remembers what came of a question.
    pub fn learn(&mut self, question: Question<'_>, answer: Result<Answer, Missing>) {
        self.known.insert(question.into_owned(), answer.map(Box::new));
    }

    /// What was answered to a question, if that was learned.
    pub fn answer(&self, question: Question<'_>) -> Option<&Answer> {
        self.known.get(&question as &dyn Asked)?.as_deref().ok()
    }

    /// Notes all that was asked, so that nothing is asked again.
    pub fn note(&mut self, asked: &Questions) {
        for question in asked {
            self.known.entry(question.clone()).or_insert(Err(Missing::Unknown));
        }
    }

    /// Remembers that what is missing was not there in time: asked again, it may be.
    pub fn note_late(&mut self) {
        let missing = self.known.values_mut().filter(|answer| answer.is_err());
        missing.for_each(|answer| *answer = Err(Missing::Late));
    }

    /// Whether an answer that is missing was not there in time.
    pub fn is_late(&self) -> bool {
        self.known.values().any(|answer| matches!(answer, Err(Missing::Late)))
    }

    /// Remembers that nobody could be asked about images: those that are absent may be there.
    pub fn note_assumed(&mut self) {
        self.is_assumed = true;
    }

    /// Whether images that are absent may be there.
    pub fn is_assumed(&self) -> bool {
        self.is_assumed
    }

    /// Adds the answers of a further round.
    pub fn add(&mut self, further: Self) {
        let Self { known, former_names, forbidden, is_assumed } = further;
        self.known.extend(known);
        self.former_names.extend(former_names);
        self.forbidden.extend(forbidden);
        self.is_assumed |= is_assumed;
    }

    /// Remembers where a path leads; to itself, if no link is in it.
    pub fn add_link(&mut self, path: HostPath, leads_to: HostPath) {
        self.add_real_path(path, RealPath { path: leads_to, aliases: Vec::new() });
    }

    /// Where a path leads, if that was learned.
    pub fn link(&self, path: &HostPath) -> Option<&HostPath> {
        self.real_path(path).map(|real| &real.path)
    }

    /// Other paths of the same files, or of a part of them; none are known of a path that was not asked for.
    pub fn aliases(&self, path: &HostPath) -> &[HostPath] {
        self.real_path(path).map_or(&[], |real| &real.aliases)
    }

    /// How the CPU time of a container is limited.
    pub fn cpu_limit(&self, container: &str) -> CpuLimit {
        match self.container(container) {
            Some(ContainerFacts::Present(Container { cpu, .. })) => *cpu,
            Some(ContainerFacts::Absent) | None => CpuLimit::QuotaOrNone,
        }
    }

    /// The images of which anything was learned, by identifier.
    pub fn images_by_id(&self) -> impl Iterator<Item = (&str, &[ImageName])> {
        let looked_at = self.known.iter().filter_map(|(asked, answer)| match (asked, answer) {
            (Question::Image(_), Ok(answer)) => match &**answer {
                Answer::Image(ImageFacts::Present { id, names, .. }) => {
                    Some((id.as_str(), names.as_slice()))
                }
                _ => None,
            },
            _ => None,
        });
        let listed = self.image_list().into_iter().flatten();
        looked_at.chain(listed.map(|image| (image.id.as_str(), image.names.as_slice())))
    }

    /// Remembers names that an image has had.
    pub fn add_former_names(&mut self, id: String, names: Vec<ImageName>) {
        self.former_names.insert(id, names);
    }

    /// Names that the image of this identifier has had, as far as it matters.
    pub fn former_names(&self, id: &str) -> &[ImageName] {
        self.former_names.get(id).map_or(&[], Vec::as_slice)
    }

    /// Remembers that an image has had a forbidden name.
    pub fn mark_forbidden(&mut self, id: String) {
        self.forbidden.insert(id);
    }

    /// Whether the image of this identifier has had a forbidden name that is not remembered.
    pub fn was_forbidden(&self, id: &str) -> bool {
        self.forbidden.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::facts::{NetworkFacts, VolumeFacts};

    #[test]
    fn a_further_round_adds_to_what_is_known() {
        let mut facts = Facts::none();
        facts.add_network("n".to_owned(), NetworkFacts::Host);
        let mut further = Facts::none();
        further.add_volume("v".to_owned(), VolumeFacts::Absent);
        facts.add(further);
        assert_eq!(facts.network("n"), Some(&NetworkFacts::Host));
        assert_eq!(facts.volume("v"), Some(&VolumeFacts::Absent));
    }

    #[test]
    fn only_what_is_missing_is_late() {
        let mut facts = Facts::none();
        facts.add_volume("v".to_owned(), VolumeFacts::Absent);
        facts.note_late();
        assert!(!facts.is_late());
        facts.note(&Questions::from_iter([Question::volume("v"), Question::volume("w")]));
        assert!(!facts.is_late());
        facts.note_late();
        assert!(facts.is_late() && facts.volume("v").is_some());
        facts.add_volume("w".to_owned(), VolumeFacts::Absent);
        assert!(!facts.is_late());
    }
}
