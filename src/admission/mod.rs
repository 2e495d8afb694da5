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
//! A call of gRPC that builds, and a Dockerfile that a session hands over, go the same way ([`BuilderCalls::judge`],
//! [`judge_dockerfile`]): by the same steps, with a state and an outcome of their own.
//!
//! Knows nothing of connections, budgets or the log: what is to be told comes out as [`Note`]s.

mod build_sessions;
mod builder;
mod call;
mod calls;
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
mod tally;
mod verdict;

pub use build_sessions::BuildSession;
pub use builder::BuilderCalls;
pub use call::{Call, CallStep, PendingCall, Release, TAKES_FILES, judge_dockerfile};
pub use calls::Calls;
pub use case::{Case, SHORT_HEAD_BYTES_MAX};
pub use context::{Caller, Context, Note, Reviewed, Told};
pub use decide::{Decision, decide};
pub use forward::Forward;
pub use head::{Arrival, Opening, Passing, Traits, begin};
pub use images::{Changing, Count, ImageChange, ImageChanges};
pub use large::{Judged, Judgement};
pub use refusal::{Refusal, Refused};
pub use rules::Rules;
pub use step::{Answer, Ask, Pending, Question, Step};
pub use tally::{Class, Fate, Tally};
