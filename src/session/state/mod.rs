//! What is held of a connection in each of its states. What moves it from one to another is in the session.

mod body;
mod collecting;
mod dropping;
mod exchange;
mod machine;
mod mediation;
mod pace;
mod refusing;
mod request;
mod response;
mod waiting;
mod withholding;

pub(super) use body::BodyState;
pub(super) use collecting::{Collecting, Remaining, Taken};
pub(super) use dropping::Dropping;
pub(super) use exchange::Exchange;
pub(super) use machine::{Machine, Serving, outputs};
pub(super) use mediation::{Mediation, WholeCall};
pub(super) use pace::Pace;
pub(super) use refusing::RefusingCalls;
pub(super) use request::Request;
pub(super) use response::Response;
pub(super) use waiting::{Held, Waiting, taken};
pub(super) use withholding::{Kept, Withholding, too_long};
