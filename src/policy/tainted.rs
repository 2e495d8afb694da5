//! Images that were seen with a forbidden name: without it they stay forbidden.
//!
//! Whoever has an image's name taken away could use it by its identifier, or by another name that no
//! rule is about. So what look-ups tell of forbidden images is remembered for as long as SecDocker
//! runs, and given back as facts.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::Policy;
use super::facts::Facts;
use crate::image::ImageName;

/// The most images of which the names are remembered.
const NAMED_MAX: usize = 4096;

/// The most images beyond them of which only that they were forbidden is remembered, 8 bytes each: a
/// client can load any number of images that have forbidden names.
const MARKED_MAX: usize = 4 << 20;

/// The forbidden names of images, by identifier: one for each rule that forbade it.
#[derive(Debug, Default)]
pub struct TaintedImages {
    named: HashMap<String, Vec<ImageName>>,
    /// By their hash, with keys of this process' own.
    marked: HashSet<u64>,
    hasher: RandomState,
}

/// More images have had a forbidden name than can be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyForbidden;

impl TaintedImages {
    /// Remembers the forbidden images that the facts tell of, and adds to the facts the forbidden
    /// names that their images have had.
    ///
    /// # Errors
    /// [`TooManyForbidden`] if one could not be remembered. The facts are whole all the same.
    pub fn remember(&mut self, policy: &Policy, facts: &mut Facts) -> Result<(), TooManyForbidden> {
        let mut remembered = Ok(());
        for (id, names) in facts.images_by_id() {
            for rule in &policy.images {
                let Some(name) = names.iter().find(|name| rule.forbids(name)) else { continue };
                let has_room = self.named.len() < NAMED_MAX;
                match self.named.get_mut(id) {
                    Some(known) if known.iter().any(|name| rule.forbids(name)) => {}
                    Some(known) => known.push(name.clone()),
                    None if has_room => drop(self.named.insert(id.to_owned(), vec![name.clone()])),
                    None if self.marked.len() < MARKED_MAX => {
                        self.marked.insert(self.hasher.hash_one(id));
                    }
                    None => remembered = Err(TooManyForbidden),
                }
            }
        }
        let is_marked = |id: &str| self.marked.contains(&self.hasher.hash_one(id));
        let marked = facts.images_by_id().map(|(id, _)| id).filter(|id| is_marked(id));
        let marked: Vec<_> = marked.map(str::to_owned).collect();
        marked.into_iter().for_each(|id| facts.mark_forbidden(id));
        let known = facts.images_by_id().filter_map(|(id, _)| self.named.get_key_value(id));
        let known: Vec<_> = known.map(|(id, names)| (id.clone(), names.clone())).collect();
        known.into_iter().for_each(|(id, names)| facts.add_former_names(id, names));
        remembered
    }
}

impl TaintedImages {
    /// The images that are remembered, by identifier.
    ///
    /// # Errors
    /// [`TooManyForbidden`] if of some only that they were forbidden is remembered.
    pub fn images(&self) -> Result<Vec<String>, TooManyForbidden> {
        match self.marked.is_empty() {
            true => Ok(self.named.keys().cloned().collect()),
            false => Err(TooManyForbidden),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::image::ImageRef;
    use crate::policy::effects::{Effect, FieldPath, RequestedEffect};
    use crate::policy::facts::{ImageFacts, NamedImage, Questions};
    use crate::policy::images::ImageRule;
    use crate::policy::{Inspected, Verdict, judge, questions};

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

    fn said(effect: Effect, facts: &Facts) -> String {
        let asked = vec![RequestedEffect { effect, at: FieldPath::Field("x") }];
        match judge(&policy(), Inspected::new((), asked), facts) {
            Verdict::Allowed(_) => String::new(),
            Verdict::Forbidden(violations) => violations.to_string(),
        }
    }

    #[test]
    fn an_image_that_was_seen_with_a_forbidden_name_stays_forbidden() {
        for seen in [
            image("ubuntu:16.04", "sha256:1", &["ubuntu:16.04"]),
            image("legacy:1", "sha256:1", &["legacy:1", "ubuntu:16.04"]),
            listed(&[("sha256:2", &["app:1"]), ("sha256:1", &["ubuntu:16.04"])]),
        ] {
            let (mut former, mut seen) = (TaintedImages::default(), seen);
            former.remember(&policy(), &mut seen).unwrap();
            let uses = Effect::Image(ImageRef::parse("legacy:1").unwrap());
            let mut now = image("legacy:1", "sha256:1", &["legacy:1"]);
            former.remember(&policy(), &mut now).unwrap();
            let expected =
                "forbidden: image legacy:1, which was ubuntu:16.04 (rule \"ubuntu:16.04\")";
            assert_eq!(said(uses.clone(), &now), expected);
            let mut other = image("legacy:1", "sha256:2", &["legacy:1"]);
            former.remember(&policy(), &mut other).unwrap();
            assert_eq!(said(uses, &other), "");
        }
    }

    #[test]
    fn names_may_be_taken_only_once_it_is_known_which_images_have_them() {
        let asks = |effect: Effect| {
            let questions =
                questions(&policy(), &[RequestedEffect { effect, at: FieldPath::Field("x") }]);
            (questions.image_list, questions.images.len())
        };
        assert_eq!(asks(Effect::ImageNamesTaken), (true, 0));
        assert_eq!(asks(Effect::ImageContent), (false, 0));
        assert!(
            said(Effect::ImageNamesTaken, &Facts::none())
                .contains("some of which may be forbidden")
        );
        assert_eq!(said(Effect::ImageNamesTaken, &listed(&[])), "");
        let mut settled = Questions { image_list: true, ..Questions::default() };
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
            let removal = Effect::ImageRemoved(ImageRef::parse(asked).unwrap());
            let said = said(removal, &image(asked, "sha256:1", has));
            assert_eq!(said.contains("removal of image"), is_forbidden, "{asked}: {said}");
        }
        let unknown = Effect::ImageRemoved(ImageRef::parse(&id).unwrap());
        assert!(said(unknown, &Facts::none()).contains("whose names are not known"));
    }

    #[test]
    fn no_more_is_remembered_than_has_room() {
        let mut former = TaintedImages::default();
        for number in 0..2 * NAMED_MAX {
            let mut facts = listed(&[(&number.to_string(), &["team/app:1"])]);
            former.remember(&policy(), &mut facts).unwrap();
        }
        // Of those beyond it is remembered that they were forbidden, and no more.
        for (number, expected) in
            [(0, "which was"), (2 * NAMED_MAX - 1, "which had a forbidden name")]
        {
            let number = number.to_string();
            let mut facts = image("free", &number, &["free"]);
            assert_eq!(former.remember(&policy(), &mut facts), Ok(()));
            let free = Effect::Image(ImageRef::parse("free").unwrap());
            let said = said(free, &facts);
            assert!(said.contains(expected), "{number}: {said}");
        }
        let mut other = image("free", "other", &["free"]);
        assert_eq!(former.remember(&policy(), &mut other), Ok(()));
        assert!(!other.was_forbidden("other"));
    }
}
