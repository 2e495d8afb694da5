//! What a step of a decision may use, and what it tells.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use super::images::ImageChanges;
use super::rules::Rules;
use crate::client::Who;
use crate::effects::Excepted;
use crate::policy::facts::{Facts, Unresolved};
use crate::policy::review::{AskedImage, Opinions, PluginResult};

/// What a step of a decision may use.
#[derive(Debug)]
pub struct Context<'a> {
    /// The time of the step.
    pub now: Instant,
    /// Who asks.
    pub caller: Caller<'a>,
    /// The rules of now, by which is judged again what plugins have taken their time for.
    pub rules: &'a Arc<Rules>,
    /// What is remembered of images between requests.
    pub images: &'a ImageChanges,
    /// Where is told what leads to the decision.
    pub notes: &'a mut Vec<Told>,
}

/// Whose request it is, as plugins are told.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// Counts connections.
    pub connection: u64,
    /// Counts the requests of the connection, or whatever else is told apart there.
    pub number: u64,
    /// The other end.
    pub peer: &'a dyn Display,
    /// Whose share of what all have together it takes.
    pub who: Who,
}

impl std::fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{} of {}", self.connection, self.number, self.peer)
    }
}

impl Caller<'_> {
    /// What plugins and the log call the request.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.connection, self.number)
    }
}

/// A note, and the request that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The method.
    pub method: String,
    /// The request target.
    pub target: String,
    /// What there is to tell.
    pub note: Note,
}

/// What the log is told on the way to a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The request says something that nobody here has decided about.
    Unknown(String),
    /// What a rule needs to know of the outside could not be found out.
    Unresolved(Unresolved),
    /// The request passed by an exception.
    Excepted(Box<Excepted>),
    /// What a plugin said.
    Reviewed(Box<Reviewed>),
}

/// What one plugin said of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// What the request is called.
    pub request: String,
    /// The image, as the client wrote it.
    pub image: String,
    /// What the plugin said.
    pub result: PluginResult,
}

impl Context<'_> {
    /// Tells something about a request.
    pub(super) fn tell(&mut self, (method, target): (&str, &str), note: Note) {
        let (method, target) = (method.to_owned(), target.to_owned());
        self.notes.push(Told { method, target, note });
    }

    /// Tells what was asked in vain.
    pub(super) fn tell_unresolved(&mut self, request: (&str, &str), facts: &Facts) {
        if let Some(unresolved) = facts.unresolved() {
            self.tell(request, Note::Unresolved(unresolved));
        }
    }

    /// Tells what plugins said of an image, one after the other.
    pub(super) fn tell_review(
        &mut self,
        request: (&str, &str),
        name: &str,
        opinions: &Opinions,
        image: Option<&AskedImage>,
    ) {
        let image = image.map_or("", |asked| &asked.given);
        for result in &opinions.results {
            let (name, image, result) = (name.to_owned(), image.to_owned(), result.clone());
            let reviewed = Reviewed { request: name, image, result };
            self.tell(request, Note::Reviewed(Box::new(reviewed)));
        }
    }
}
