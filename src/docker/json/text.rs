//! Text of a tree: a piece of the body as it came, or made here.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// A body that pieces are taken of. All of them share it, so that a piece allocates nothing.
#[derive(Debug, Clone)]
pub(super) struct Body(Rc<str>);

impl Body {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// A string that stands in the body as it is, without escapes. `piece` must be borrowed from
    /// [`Body::as_str`] to be shared; of another one a copy is made.
    pub(super) fn piece(&self, piece: &str) -> Text {
        let within = |at: usize| u32::try_from(at).ok();
        let at = (piece.as_ptr() as usize).checked_sub(self.0.as_ptr() as usize);
        let range = at.and_then(|at| Some((within(at)?, within(at + piece.len())?)));
        match range {
            Some((start, end)) if end as usize <= self.0.len() => {
                Text(Repr::Piece { body: Rc::clone(&self.0), start, end })
            }
            _ => piece.to_owned().into(),
        }
    }
}

/// A string of a tree.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Piece { body: Rc<str>, start: u32, end: u32 },
    Made(Box<str>),
}

impl Text {
    /// The string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Piece { body, start, end } => {
                body.get(*start as usize..*end as usize).unwrap_or_default()
            }
            Repr::Made(text) => text,
        }
    }

    /// Whether it stood between quotes in the body as it is, and so can again: what needs an escape
    /// had one there, and was made of it.
    pub(super) fn needs_no_escape(&self) -> bool {
        matches!(self.0, Repr::Piece { .. })
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Default for Text {
    fn default() -> Self {
        String::new().into()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Repr::Made(text.into()))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_piece_of_the_body_is_shared() {
        let body = Body::new(r#"{"a":"bc"}"#);
        let piece = |range| body.as_str().get(range).unwrap_or_default();
        for (text, shared) in
            [(piece(6..8), true), (piece(0..10), true), ("bc", false), ("", false)]
        {
            let taken = body.piece(text);
            assert_eq!((taken.as_str(), taken.needs_no_escape()), (text, shared), "{text:?}");
        }
    }
}
