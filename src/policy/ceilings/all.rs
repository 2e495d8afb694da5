//! All that is forced, and what it makes of lists.

use crate::policy::types::{
    Bytes, Capability, EnvironmentEntry, NanoCpus, SecurityOption, UserSpec,
};

/// All that is forced. What is absent is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// The most memory.
    pub memory: Option<Bytes>,
    /// The most CPU time.
    pub cpu: Option<NanoCpus>,
    /// The user that runs, whatever was asked for.
    pub user: Option<UserSpec>,
    /// Variables that are set, or set differently.
    pub environment: Vec<EnvironmentEntry>,
    /// Security options that are added, or given another value.
    pub secopts: Vec<SecurityOption>,
    /// Capabilities that are dropped.
    pub capdrop: Vec<Capability>,
    /// Capabilities that are added.
    pub capadd: Vec<Capability>,
    /// The entry of `clients` whose containers are counted, as the value of their label; nothing in it for
    /// clients whose are not, while others' are.
    pub owner: Option<String>,
}

impl Ceilings {
    /// Whether every request goes on as it came.
    pub fn forces_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the containers of this client are counted.
    pub fn counts_containers(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| !owner.is_empty())
    }

    /// Whether `NAME=value` or `NAME` is of a forced variable, which takes its place.
    pub fn forces_variable(&self, entry: &str) -> bool {
        self.environment.iter().any(|forced| forced.has_the_name_of(entry))
    }

    /// The variables that are forwarded behind those asked for that stay. Of two with one name the
    /// later counts.
    pub fn forced_variables(&self) -> Vec<String> {
        let forced = self.environment.iter().enumerate().filter(|(at, entry)| {
            let later = self.environment.get(at + 1..).unwrap_or(&[]);
            !later.iter().any(|later| later.name() == entry.name())
        });
        forced.map(|(_, entry)| entry.to_entry()).collect()
    }

    /// The security options that are forwarded: a forced one takes the place of one with its name.
    pub fn security_options(&self, asked: Vec<String>) -> Vec<String> {
        let is_forced = |entry: &String| {
            let option = SecurityOption::parse(entry);
            option.is_ok_and(|option| self.forces_option(&option))
        };
        let kept = asked.into_iter().filter(|entry| !is_forced(entry));
        kept.chain(self.secopts.iter().map(SecurityOption::to_entry)).collect()
    }

    /// Whether an option of this name is forced. `label` may stand several times, once a part.
    fn forces_option(&self, asked: &SecurityOption) -> bool {
        self.secopts.iter().any(|forced| forced.name() == asked.name())
    }

    /// The capabilities that are forwarded, first the added and then the dropped ones.
    ///
    /// A forced drop removes the same requested addition, and `ALL` every one: the daemon gives what
    /// is both added and dropped. A forced addition removes the same requested drop, as beside an
    /// addition of `ALL` the drop counts. What is forced both ways is dropped.
    pub fn capabilities(&self, add: Vec<String>, drop: Vec<String>) -> (Vec<String>, Vec<String>) {
        let forced_add = self.capadd.iter().filter(|name| !self.capdrop.contains(name));
        let drops_all = self.capdrop.iter().any(Capability::is_all);
        let is_in = |entry: &str, forced: &[Capability]| forced.iter().any(|one| one.is(entry));
        let is_free = |entry: &str| !is_in(entry, &self.capadd) && !is_in(entry, &self.capdrop);
        let added = add.into_iter().filter(|entry| !drops_all && is_free(entry));
        let dropped = drop.into_iter().filter(|entry| is_free(entry));
        (
            added.chain(forced_add.map(Capability::to_string)).collect(),
            dropped.chain(self.capdrop.iter().map(Capability::to_string)).collect(),
        )
    }
}
