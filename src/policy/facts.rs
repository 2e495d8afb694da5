//! What a judgement must know of the outside: asked before, and given to it as plain values.
//!
//! A map of questions to answers. The kinds of question are the rows of one table (`table`); who answers them is
//! elsewhere (`lookup`).

mod answers;
mod known;
mod questions;
mod table;
mod unresolved;

pub use answers::{
    AddressFacts, BuilderFacts, Container, ContainerFacts, DeviceFacts, ImageFacts, NamedImage,
    NetworkFacts, NodeFacts, RealPath, Runtimes, ServiceFacts, SubnetFacts, VolumeFacts,
};
pub use table::{Answer, Facts, Missing, QUESTIONS_MAX, Question, Questions, Source, Wanted};
pub use unresolved::Unresolved;

/// How often the answers may lead to further questions: another's mounts to a volume, the volume to
/// a path, the path to where its links lead.
pub const ROUNDS_MAX: usize = 4;
