//! One request's decision, without I/O: its driver ([`crate::session`], `explain`, a test, a fuzzer)
//! finds out what is asked and brings the answer.
//!
//! ```text
//! begin ─┬─► Deny                                    ┌──────────── answer ◄────────────┐
//!        ├─► Pass                                    ▼                                 │
//!        └─► Inspect ─► (its body) ─► judge ─┬─► Ask: facts, a body judged elsewhere, a review
//!                                            ├─► Refuse
//!                                            └─► Forward
//! ```
//!
//! The head is read once, and its target too; each state is consumed by its step. From a review a request
//! comes back once more: what plugins have taken their time for is judged by what is true then.
//!
//! Knows nothing of connections, budgets or the log: what is to be told comes out as [`Note`]s.

mod build_sessions;
mod case;
mod context;
mod decide;
mod facts;
mod forward;
mod head;
mod images;
mod kept_head;
mod large;
mod refusal;
mod review;
mod rules;
mod step;
mod verdict;

pub use build_sessions::BuildSession;
pub use case::{Case, SHORT_HEAD_BYTES_MAX};
pub use context::{Caller, Context, Note, Reviewed, Told};
pub use decide::{Decision, decide};
pub use forward::Forward;
pub use head::{Arrival, Opening, Passing, Traits, begin};
pub use images::{ImageChange, ImageChanges};
pub use large::{Judged, Judgement};
pub use refusal::{Refusal, Refused};
pub use review::JUDGED_AGAIN_MAX;
pub use rules::{Calls, Denial, Rules};
pub use step::{Answer, Ask, Pending, Question, Step};
