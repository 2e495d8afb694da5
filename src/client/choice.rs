//! The first entry that fits.

use super::identity::{Fact, Identity};
use super::matching::{Fit, Match};

/// Which entry a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// That depends on this, which nobody has asked yet.
    Ask(Fact),
    /// The one with this number.
    Entry(usize),
    /// None of them.
    Rest,
}

/// An entry that was passed over because what it needs could not be learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped<'a> {
    /// The entry's number.
    pub entry: usize,
    /// What it needs.
    pub fact: Fact,
    /// Why it is not known.
    pub reason: &'a str,
}

/// Looks for the first entry that fits. `skipped` is called for those that may have fitted, once nothing is to
/// be asked any more.
pub fn choose<'a, 'm>(
    entries: impl Iterator<Item = &'m Match>,
    identity: &'a Identity,
    mut skipped: impl FnMut(Skipped<'a>),
) -> Choice {
    let mut passed_over = Vec::new();
    let mut choice = Choice::Rest;
    for (entry, wanted) in entries.enumerate() {
        match wanted.fit(identity) {
            Fit::No => {}
            Fit::Ask(fact) => return Choice::Ask(fact),
            Fit::Unknown(fact, reason) => passed_over.push(Skipped { entry, fact, reason }),
            Fit::Yes => {
                choice = Choice::Entry(entry);
                break;
            }
        }
    }
    passed_over.into_iter().for_each(&mut skipped);
    choice
}

/// The earlier entry that leaves nothing for the one with this number, as far as that can be told: the last
/// of those that do so together.
#[must_use]
pub fn hidden_by(entries: &[&Match], number: usize) -> Option<usize> {
    let (earlier, rest) = entries.split_at_checked(number)?;
    let entry = rest.first()?;
    // Several networks may each be taken by another one.
    let parts = match entry.networks.as_slice() {
        [] => vec![(*entry).clone()],
        networks => {
            let of = |network: &_| Match { networks: vec![*network], ..(*entry).clone() };
            networks.iter().map(of).collect()
        }
    };
    let by = parts.iter().map(|part| earlier.iter().position(|other| other.covers(part)));
    by.collect::<Option<Vec<_>>>()?.into_iter().max()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::super::{Learned, User, UserMatch};
    use super::*;
    use crate::policy::subnets::Subnet;

    fn networks(texts: &[&str]) -> Match {
        let networks = texts.iter().map(|text| Subnet::parse(text).unwrap()).collect();
        Match { networks, ..Match::default() }
    }

    fn user(text: &str) -> Match {
        let users = vec![UserMatch::parse(text, |_| None).unwrap()];
        Match { users, ..Match::default() }
    }

    fn chosen(entries: &[Match], identity: &Identity) -> (Choice, Vec<usize>) {
        let mut skipped = Vec::new();
        let choice = choose(entries.iter(), identity, |one| skipped.push(one.entry));
        (choice, skipped)
    }

    #[test]
    fn the_first_that_fits_counts_and_only_what_it_takes_is_asked() {
        let entries = [networks(&["10.0.0.0/8"]), user("5"), networks(&["0.0.0.0/0"])];
        let mut identity = Identity::at(Some("10.0.0.1".parse().unwrap()));
        assert_eq!(chosen(&entries, &identity), (Choice::Entry(0), vec![]));
        identity.address = Some("192.0.2.1".parse().unwrap());
        assert_eq!(chosen(&entries, &identity), (Choice::Ask(Fact::User), vec![]));
        identity.user = Learned::unknown("the kernel did not say");
        assert_eq!(chosen(&entries, &identity), (Choice::Entry(2), vec![1]));
        identity.user = Learned::Known(User { uid: 5, gid: None });
        assert_eq!(chosen(&entries, &identity), (Choice::Entry(1), vec![]));
        let (first, _) = entries.split_at(2);
        identity.user = Learned::None;
        assert_eq!(chosen(first, &identity), (Choice::Rest, vec![]));
    }

    #[test]
    fn what_an_earlier_entry_takes_is_hidden() {
        let entries = [
            networks(&["10.0.0.0/8"]),
            networks(&["192.168.0.0/16"]),
            networks(&["10.1.0.0/16"]),
            networks(&["10.1.0.0/16", "192.168.7.0/24"]),
            networks(&["10.1.0.0/16", "172.16.0.0/12"]),
            user("5"),
            Match { networks: networks(&["172.16.0.0/12"]).networks, ..user("5") },
            user("6"),
        ];
        let all: Vec<&Match> = entries.iter().collect();
        let hidden: Vec<_> = (0..entries.len()).map(|number| hidden_by(&all, number)).collect();
        assert_eq!(hidden, [None, None, Some(0), Some(1), None, None, Some(4), None]);
    }
}
