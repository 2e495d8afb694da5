//! Instructions that a client sends itself, "LLB" (BuildKit's `solver/pb/ops.proto`): only what is looked for
//! in them, whatever else they say.

use super::proto::{self, ProtoError};
use crate::image::ImageRef;

/// The most operations of one message: reading one costs more than its bytes.
const OPERATIONS_MAX: usize = 16 * 1024;

/// The most images, and the most control groups, that they name.
const NAMES_MAX: usize = 1024;

/// What instructions say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Instructions {
    /// The images that they name plainly.
    pub(super) images: Vec<ImageRef>,
    /// One that they name in a way that only the daemon may understand.
    pub(super) odd_image: Option<String>,
    /// The control groups that steps ask to run below, each once; none where a step asks for none.
    pub(super) cgroup_parents: Vec<Option<String>>,
    /// Whether further instructions are read from a file that a step makes.
    pub(super) has_unseen: bool,
    operations: usize,
}

impl Instructions {
    /// Adds those of a `Definition`.
    pub(super) fn read(&mut self, definition: &[u8]) -> Result<(), ProtoError> {
        const OPERATION: u32 = 1;
        for field in proto::read(definition, &[])? {
            if field.number == OPERATION {
                self.operation(field.bytes()?)?;
            }
        }
        Ok(())
    }

    /// Were one of several kinds, all of them count: which one the daemon takes is of no matter.
    fn operation(&mut self, operation: &[u8]) -> Result<(), ProtoError> {
        self.operations += 1;
        if self.operations > OPERATIONS_MAX {
            return Err(ProtoError::Instructions);
        }
        const STEP: u32 = 2;
        const SOURCE: u32 = 3;
        const BUILD: u32 = 5;
        for field in proto::read(operation, &[])? {
            match field.number {
                STEP => self.step(field.bytes()?)?,
                SOURCE => self.source(field.bytes()?)?,
                BUILD => self.has_unseen = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &[u8]) -> Result<(), ProtoError> {
        const META: u32 = 1;
        const CGROUP_PARENT: u32 = 10;
        let mut parents = Vec::new();
        for field in proto::read(step, &[])?.iter().filter(|field| field.number == META) {
            for field in proto::read(field.bytes()?, &[])? {
                if field.number == CGROUP_PARENT && !field.text()?.is_empty() {
                    parents.push(Some(field.text()?.to_owned()));
                }
            }
        }
        if parents.is_empty() {
            parents.push(None);
        }
        parents.retain(|parent| !self.cgroup_parents.contains(parent));
        self.cgroup_parents.extend(parents);
        self.check_number()
    }

    fn source(&mut self, source: &[u8]) -> Result<(), ProtoError> {
        const IDENTIFIER: u32 = 1;
        for field in proto::read(source, &[])?.iter().filter(|field| field.number == IDENTIFIER) {
            let named = ["docker-image://", "docker-image+blob://"]
                .into_iter()
                .find_map(|scheme| field.text().ok()?.strip_prefix(scheme));
            match (field.text()?, named.map(ImageRef::parse)) {
                (_, Some(Ok(image))) => self.images.push(image),
                (text, Some(Err(_))) => self.odd_image = Some(text.to_owned()),
                // What the daemon reads as another scheme is not a known one.
                (text, None) if text.starts_with("docker-image") => {
                    self.odd_image = Some(text.to_owned());
                }
                (_, None) => {}
            }
        }
        self.check_number()
    }

    fn check_number(&self) -> Result<(), ProtoError> {
        match self.images.len().max(self.cgroup_parents.len()) {
            ..=NAMES_MAX => Ok(()),
            _ => Err(ProtoError::Instructions),
        }
    }
}
