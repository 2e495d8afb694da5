//! What is told of the configuration that is in force.

/// What came of reading the configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// It is in force.
    Taken = 0,
    /// It is wrong, and the one before stays.
    Refused = 1,
}

/// The configuration that is in force, as far as it is told.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// How many came into force; the first is 1.
    pub(super) generation: u64,
    /// Until when the first of a key's certificates to end is valid, in seconds since 1970.
    pub(super) certificates: Vec<(&'static str, u64)>,
}

impl InForce {
    /// Another one takes its place, with these certificates.
    pub(super) fn replace(&mut self, certificates: impl IntoIterator<Item = (&'static str, u64)>) {
        self.generation += 1;
        self.certificates.clear();
        for (key, until) in certificates {
            match self.certificates.iter_mut().find(|(known, _)| *known == key) {
                Some((_, first)) => *first = until.min(*first),
                None => self.certificates.push((key, until)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_chain_the_first_end_is_told() {
        let mut in_force = InForce::default();
        in_force.replace([("old", 1)]);
        in_force.replace([("a", 5), ("b", 9), ("a", 3), ("a", 4)]);
        assert_eq!((in_force.generation, &*in_force.certificates), (2, &[("a", 3), ("b", 9)][..]));
    }
}
