//! Where the fields of a large object stand, so that each is found without comparing it with all.

use crate::docker::schema::{FIELDS_MAX, Struct};

/// Where each field of a table stands among the entries of an object, by its position in the table.
pub(super) type At = [u8; FIELDS_MAX];

/// No field of any table stands anywhere.
pub(super) const NOWHERE: At = [ABSENT; FIELDS_MAX];

/// Objects with fewer entries are searched.
const INDEXED_MIN: usize = 12;

const ABSENT: u8 = u8::MAX;
const _: () = assert!(FIELDS_MAX < ABSENT as usize);

/// The positions of a table's fields among the entries of an object. Belongs to them: what moves an
/// entry must say so.
#[derive(Debug, Clone)]
pub(super) struct Places {
    table: &'static Struct,
    at: At,
}

impl Places {
    /// Of an object with so many entries, if they are many and all within reach.
    pub(super) fn new(table: &'static Struct, entries: usize, at: At) -> Option<Box<Self>> {
        (INDEXED_MIN..usize::from(ABSENT)).contains(&entries).then(|| Box::new(Self { table, at }))
    }

    /// The same after entries have moved: which of them are fields.
    pub(super) fn renewed(
        &self,
        fields: impl ExactSizeIterator<Item = Option<&'static str>>,
    ) -> Option<Box<Self>> {
        let mut places = Self::new(self.table, fields.len(), NOWHERE)?;
        for (at, field) in fields.enumerate() {
            if let Some(name) = field {
                places.add(name, at)?;
            }
        }
        Some(places)
    }

    /// Where a field stands: `Some(None)` if it is absent, `None` if `name` is no field.
    pub(super) fn find(&self, name: &str) -> Option<Option<usize>> {
        let at = *self.at.get(self.table.position(name)?)?;
        Some((at != ABSENT).then_some(at.into()))
    }

    /// A field was added there. `None` if that can't be remembered.
    pub(super) fn add(&mut self, name: &str, at: usize) -> Option<()> {
        let place = self.at.get_mut(self.table.position(name)?)?;
        *place = u8::try_from(at).ok().filter(|at| *at != ABSENT)?;
        Some(())
    }
}
