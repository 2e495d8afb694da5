//! What a step of a decision may use, and what it tells.

use std::fmt::Display;
use std::sync::Arc;

use super::case::Case;
use super::images::ImageChanges;
use super::rules::Rules;
use crate::effects::Excepted;
use crate::policy::facts::{Facts, Unresolved};
use crate::policy::review::{AskedImage, Opinions, PluginResult};

/// What a step of a decision may use.
#[derive(Debug)]
pub struct Context<'a> {
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
}

impl std::fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{} of {}", self.connection, self.number, self.peer)
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
    pub(super) fn tell(&mut self, case: &Case, note: Note) {
        let (method, target) = (case.method().to_owned(), case.target().to_owned());
        self.notes.push(Told { method, target, note });
    }

    /// Tells what was asked in vain.
    pub(super) fn tell_unresolved(&mut self, case: &Case, facts: &Facts) {
        if let Some(unresolved) = facts.unresolved() {
            self.tell(case, Note::Unresolved(unresolved));
        }
    }

    /// Tells what plugins said of an image.
    pub(super) fn tell_review(
        &mut self,
        case: &Case,
        opinions: &Opinions,
        image: Option<&AskedImage>,
    ) {
        for note in Reviewed::all(opinions, &case.name, image) {
            self.tell(case, Note::Reviewed(Box::new(note)));
        }
    }
}

impl Reviewed {
    /// One for each plugin that was asked about this image.
    pub fn all(
        opinions: &Opinions,
        request: &str,
        image: Option<&AskedImage>,
    ) -> impl Iterator<Item = Self> {
        let image = image.map_or("", |asked| &asked.given);
        opinions.results.iter().map(move |result| Self {
            request: request.to_owned(),
            image: image.to_owned(),
            result: result.clone(),
        })
    }
}
