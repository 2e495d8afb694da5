//! Images that were seen with a forbidden name: without it they stay forbidden.
//!
//! A client that has an image's name taken away could use it by its identifier, or by another name that no
//! rule is about. So what look-ups tell of forbidden images is remembered for as long as SecDocker
//! runs, and given back as facts.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::image::ImageName;
use crate::policy::facts::Facts;
use crate::policy::rule_set::Policy;
use crate::policy::rules::images::ImageRule;

/// The most images of which the names are remembered for what one kind of clients asked.
const NAMED_MAX: usize = 4096;

/// The most images beyond them of which only that a rule forbade them is remembered, 8 bytes each: a
/// client can load any number of images that have forbidden names.
const MARKED_MAX: usize = 4 << 20;
const MARKED_OF_ENTRY_MAX: usize = 1 << 16;

/// Whose look-ups have told of an image: clients of this entry of `clients`, or all others.
pub type Viewer = Option<Arc<String>>;

/// The forbidden names of images, by identifier: one for each rule that forbade it.
///
/// They are shared: what one client's look-ups have told holds for every client whose rules forbid the same,
/// as any of them may be the next to ask. What is not shared is room: nobody can take another one's.
#[derive(Debug, Default)]
pub struct TaintedImages {
    named: HashMap<String, Vec<ImageName>>,
    /// By the hash of a rule, and then of an identifier, with keys of this process' own.
    marked: HashMap<u64, HashSet<u64>>,
    taken: HashMap<Viewer, Taken>,
    hasher: RandomState,
}

/// How many images were remembered for somebody.
#[derive(Debug, Default)]
struct Taken {
    named: usize,
    marked: usize,
}

/// More images have had a forbidden name than can be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyForbidden;

impl TaintedImages {
    /// Remembers the forbidden images that the facts tell of, which this viewer has asked for, and adds to the
    /// facts the forbidden names that their images have had.
    ///
    /// # Errors
    /// [`TooManyForbidden`] if one could not be remembered. The facts are whole all the same.
    pub fn remember(
        &mut self,
        policy: &Policy,
        viewer: &Viewer,
        facts: &mut Facts,
    ) -> Result<(), TooManyForbidden> {
        let mut remembered = Ok(());
        for (id, names) in facts.images_by_id() {
            for rule in &policy.images {
                if let Some(name) = names.iter().find(|name| rule.forbids(name)) {
                    remembered = remembered.and(self.taint(id, rule, name, viewer));
                }
            }
        }
        let of_rules: Vec<_> = self.marks_of(policy).collect();
        let is_marked = |id: &str| {
            let id = self.hasher.hash_one(id);
            of_rules.iter().any(|marked| marked.contains(&id))
        };
        let marked = facts.images_by_id().map(|(id, _)| id).filter(|id| is_marked(id));
        let marked: Vec<_> = marked.map(str::to_owned).collect();
        marked.into_iter().for_each(|id| facts.mark_forbidden(id));
        let known = facts.images_by_id().filter_map(|(id, _)| self.named.get_key_value(id));
        let known: Vec<_> = known.map(|(id, names)| (id.clone(), names.clone())).collect();
        known.into_iter().for_each(|(id, names)| facts.add_former_names(id, names));
        remembered
    }

    fn taint(
        &mut self,
        id: &str,
        rule: &ImageRule,
        name: &ImageName,
        viewer: &Viewer,
    ) -> Result<(), TooManyForbidden> {
        if let Some(known) = self.named.get_mut(id) {
            if !known.iter().any(|name| rule.forbids(name)) {
                known.push(name.clone());
            }
            return Ok(());
        }
        let (rule, hash) = (self.hasher.hash_one(rule.as_str()), self.hasher.hash_one(id));
        if self.marked.get(&rule).is_some_and(|marked| marked.contains(&hash)) {
            return Ok(());
        }
        if !self.taken.contains_key(viewer) {
            self.taken.insert(viewer.clone(), Taken::default());
        }
        let taken = self.taken.get_mut(viewer).ok_or(TooManyForbidden)?;
        let marked_max = if viewer.is_some() { MARKED_OF_ENTRY_MAX } else { MARKED_MAX };
        if taken.named < NAMED_MAX {
            taken.named += 1;
            self.named.insert(id.to_owned(), vec![name.clone()]);
        } else if taken.marked < marked_max {
            taken.marked += 1;
            self.marked.entry(rule).or_default().insert(hash);
        } else {
            return Err(TooManyForbidden);
        }
        Ok(())
    }

    /// What is only marked of the rules of a policy.
    fn marks_of(&self, policy: &Policy) -> impl Iterator<Item = &HashSet<u64>> {
        let rules = policy.images.iter().map(|rule| self.hasher.hash_one(rule.as_str()));
        rules.filter_map(|rule| self.marked.get(&rule))
    }

    /// The images that are remembered and that this policy forbids, by identifier.
    ///
    /// # Errors
    /// [`TooManyForbidden`] if of some only that it forbids them is remembered.
    pub fn images(&self, policy: &Policy) -> Result<Vec<String>, TooManyForbidden> {
        if self.marks_of(policy).next().is_some() {
            return Err(TooManyForbidden);
        }
        let forbids = |name: &ImageName| policy.images.iter().any(|rule| rule.forbids(name));
        let forbidden = self.named.iter().filter(|(_, names)| names.iter().any(forbids));
        Ok(forbidden.map(|(id, _)| id.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::image::ImageRef;
    use crate::policy::effects::{Effect, FieldPath, ImageEffect, RequestedEffect};
    use crate::policy::facts::{ImageFacts, NamedImage, Question, Questions};
    use crate::policy::testing;
    use crate::policy::{Inspected, judge, questions};

    fn policy() -> Policy {
        let images = ["ubuntu:16.04", "team/*"].map(|text| ImageRule::parse(text).unwrap());
        Policy { images: images.to_vec(), ..Policy::permissive() }
    }

    fn names(texts: &[&str]) -> Vec<ImageName> {
        let name = |text: &&str| match ImageRef::parse(text).unwrap() {
            ImageRef::Named(name) => name,
            ImageRef::Id(_) => panic!("{text}"),
        };
        texts.iter().map(name).collect()
    }

    fn image(asked: &str, id: &str, texts: &[&str]) -> Facts {
        let (id, user, environment) = (id.to_owned(), None, vec![]);
        let present = ImageFacts::Present { id, names: names(texts), user, environment };
        let mut facts = Facts::none();
        facts.add_image(ImageRef::parse(asked).unwrap(), present);
        facts
    }

    fn listed(images: &[(&str, &[&str])]) -> Facts {
        let images = images
            .iter()
            .map(|(id, texts)| NamedImage { id: (*id).to_owned(), names: names(texts) });
        let mut facts = Facts::none();
        facts.add_image_list(images.collect());
        facts
    }

    fn said(effect: impl Into<Effect>, facts: &Facts) -> String {
        let asked = vec![RequestedEffect { effect: effect.into(), at: FieldPath::Field("x") }];
        testing::refusal(&judge(&policy(), Inspected::new((), asked), facts))
    }

    #[test]
    fn an_image_that_was_seen_with_a_forbidden_name_stays_forbidden() {
        for seen in [
            image("ubuntu:16.04", "sha256:1", &["ubuntu:16.04"]),
            image("legacy:1", "sha256:1", &["legacy:1", "ubuntu:16.04"]),
            listed(&[("sha256:2", &["app:1"]), ("sha256:1", &["ubuntu:16.04"])]),
        ] {
            let (mut former, mut seen) = (TaintedImages::default(), seen);
            former.remember(&policy(), &None, &mut seen).unwrap();
            let uses = Effect::Image(ImageEffect::Used(ImageRef::parse("legacy:1").unwrap()));
            let mut now = image("legacy:1", "sha256:1", &["legacy:1"]);
            former.remember(&policy(), &None, &mut now).unwrap();
            let expected =
                "forbidden: image legacy:1, which was ubuntu:16.04 (rule \"ubuntu:16.04\")";
            assert_eq!(said(uses.clone(), &now), expected);
            let mut other = image("legacy:1", "sha256:2", &["legacy:1"]);
            former.remember(&policy(), &None, &mut other).unwrap();
            assert_eq!(said(uses, &other), "");
        }
    }

    #[test]
    fn names_may_be_taken_only_once_it_is_known_which_images_have_them() {
        let asks = |effect: Effect| {
            let questions =
                questions(&policy(), &[RequestedEffect { effect, at: FieldPath::Field("x") }]);
            (questions.asks(&Question::ImageList), questions.images().len())
        };
        assert_eq!(asks(Effect::Image(ImageEffect::NamesTaken)), (true, 0));
        assert_eq!(asks(Effect::Image(ImageEffect::Content)), (false, 0));
        assert!(
            said(ImageEffect::NamesTaken, &Facts::none())
                .contains("some of which may be forbidden")
        );
        assert_eq!(said(ImageEffect::NamesTaken, &listed(&[])), "");
        let mut settled = Questions::from_iter([Question::ImageList]);
        settled.settle(&listed(&[]));
        assert!(settled.is_empty());
    }

    #[test]
    fn a_forbidden_name_is_not_removed_and_others_are() {
        let digest = format!("ubuntu@sha256:{}", "1".repeat(64));
        let has: &[&str] = &["legacy:1", "ubuntu:16.04", &digest];
        let id = format!("sha256:{}", "a".repeat(64));
        for (asked, has, is_forbidden) in [
            ("ubuntu:16.04", has, true),
            (id.as_str(), has, true),
            // It may be the beginning of an identifier.
            ("abc", has, true),
            (&digest, has, true),
            ("legacy:1", has, false),
            ("team/app:1", &["team/app:1"], true),
            (id.as_str(), &["legacy:1"], false),
            ("probe:1", &["probe:1"], false),
        ] {
            let removal = Effect::Image(ImageEffect::Removed(ImageRef::parse(asked).unwrap()));
            let said = said(removal, &image(asked, "sha256:1", has));
            assert_eq!(said.contains("removal of image"), is_forbidden, "{asked}: {said}");
        }
        let unknown = Effect::Image(ImageEffect::Removed(ImageRef::parse(&id).unwrap()));
        assert!(said(unknown, &Facts::none()).contains("whose names are not known"));
    }

    #[test]
    fn no_more_is_remembered_than_has_room() {
        let mut former = TaintedImages::default();
        for number in 0..2 * NAMED_MAX {
            let mut facts = listed(&[(&number.to_string(), &["team/app:1"])]);
            former.remember(&policy(), &None, &mut facts).unwrap();
        }
        // Of those beyond it is remembered that they were forbidden, and no more.
        for (number, expected) in
            [(0, "which was"), (2 * NAMED_MAX - 1, "which had a forbidden name")]
        {
            let number = number.to_string();
            let mut facts = image("free", &number, &["free"]);
            assert_eq!(former.remember(&policy(), &None, &mut facts), Ok(()));
            let free = Effect::Image(ImageEffect::Used(ImageRef::parse("free").unwrap()));
            let said = said(free, &facts);
            assert!(said.contains(expected), "{number}: {said}");
        }
        let mut other = image("free", "other", &["free"]);
        assert_eq!(former.remember(&policy(), &None, &mut other), Ok(()));
        assert!(!other.was_forbidden("other"));
    }

    /// Whatever one kind of clients loads, names and asks for.
    #[test]
    fn nobody_takes_the_room_of_another_one() {
        let rules = |text: &str| Policy {
            images: vec![ImageRule::parse(text).unwrap()],
            ..Policy::permissive()
        };
        let (theirs, mine) = (rules("their/*"), rules("ubuntu:16.04"));
        let hostile: Viewer = Some(Arc::new("hostile".to_owned()));
        let ci: Viewer = Some(Arc::new("ci".to_owned()));
        let mut tainted = TaintedImages::default();
        let mut fill = 0;
        loop {
            let mut facts = listed(&[(&format!("fill-{fill}"), &["their/app:1"])]);
            if tainted.remember(&theirs, &hostile, &mut facts).is_err() {
                break;
            }
            fill += 1;
        }
        assert_eq!(fill, NAMED_MAX + MARKED_OF_ENTRY_MAX);
        assert_eq!(tainted.images(&theirs), Err(TooManyForbidden));
        // Others' builds go on, their own images are remembered, and theirs alone are forbidden to them.
        assert_eq!(tainted.images(&mine), Ok(vec![]));
        for number in 0..2 {
            let mut facts = listed(&[(&format!("mine-{number}"), &["ubuntu:16.04"])]);
            assert_eq!(tainted.remember(&mine, &ci, &mut facts), Ok(()));
        }
        assert_eq!(tainted.images(&mine).map(|images| images.len()), Ok(2));
        let last = format!("fill-{}", NAMED_MAX + 1);
        for (policy, id, expected) in
            [(&mine, "fill-0", ""), (&mine, &last, ""), (&mine, "mine-1", "which was ubuntu:16.04")]
        {
            let mut facts = image("free", id, &["free"]);
            assert_eq!(tainted.remember(policy, &ci, &mut facts), Ok(()));
            let asked = vec![RequestedEffect {
                effect: ImageEffect::Used(ImageRef::parse("free").unwrap()).into(),
                at: FieldPath::Field("x"),
            }];
            let said = testing::refusal(&judge(policy, Inspected::new((), asked), &facts));
            assert!(
                said.contains(expected) && said.is_empty() == expected.is_empty(),
                "{id}: {said}"
            );
        }
        // What one has seen holds for anyone who has the same rule, also where only a mark is left.
        let same: Viewer = Some(Arc::new("same".to_owned()));
        let mut facts = image("free", &last, &["free"]);
        assert_eq!(tainted.remember(&theirs, &same, &mut facts), Ok(()));
        assert!(facts.was_forbidden(&last));
    }
}
