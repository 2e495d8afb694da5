//! Why there may be no count.

use std::fmt;

use crate::client::{Failure, Reply};
use crate::text::shown_bytes;

/// Why a scan has not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The image can't be what was scanned, or can't be scanned at all.
    Deny(String),
    /// The scanner is still at it.
    Pending,
    /// Something failed.
    Error(String),
}

impl Stop {
    /// What failed, where a server has not answered.
    pub fn no_answer(server: &str, failure: &Failure) -> Self {
        Self::Error(format!("{server}: {failure}"))
    }

    /// What failed, where a server's answer makes no sense.
    pub fn odd(server: &str, what: impl fmt::Display) -> Self {
        Self::Error(format!("{server} gave an unexpected answer: {what}"))
    }

    /// What failed, where a server has answered with an error.
    pub fn status(server: &str, what: &str, reply: &Reply) -> Self {
        match reply.status {
            401 | 403 => {
                Self::Error(format!("{server} refused the credentials ({})", reply.status))
            }
            status => {
                let said = shown_bytes(&reply.body);
                Self::Error(format!("{server} answered {status} when {what}: {said}"))
            }
        }
    }
}
