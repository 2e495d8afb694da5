//! Substitution of variables in one word, as BuildKit's `shell.Lex` has it in 20.10. What newer
//! daemons read beyond that (`${name%pattern}`) is refused.

use std::cell::Cell;
use std::iter::Peekable;
use std::str::Chars;

use super::fault::Reason;

/// The most that all substitutions of one Dockerfile may write and copy, in bytes: `$A$A` doubles.
const WRITTEN_BYTES_MAX: usize = 4 << 20;
/// How deep `${a:-${b:-…}}` may go.
const DEPTH_MAX: usize = 16;

const UNCLOSED: &str = "a quote or brace is not closed";
const SUBSTITUTION: &str = "a substitution is malformed, or not read by every daemon";

/// What a variable is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variable {
    Set(String),
    Unset,
    /// The base image may set it, or not.
    Unknown,
}

/// A word with its variables put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// Whether something in it only the daemon knows.
    pub(super) is_unknown: bool,
}

impl Expanded {
    /// As the value of a variable.
    pub(super) fn into_variable(self) -> Variable {
        if self.is_unknown { Variable::Unknown } else { Variable::Set(self.text) }
    }
}

/// Expands words with one escape, and counts what it wrote.
#[derive(Debug)]
pub(super) struct Expander {
    pub(super) escape: char,
    written: Cell<usize>,
}

impl Expander {
    pub(super) fn new(escape: char) -> Self {
        Self { escape, written: Cell::new(0) }
    }

    /// `word` with the variables that `get` knows.
    pub(super) fn expand(
        &self,
        word: &str,
        get: &dyn Fn(&str) -> Variable,
    ) -> Result<Expanded, Reason> {
        Reading { rest: word.chars().peekable(), expander: self, get, depth: 0 }.until(None)
    }

    /// Counts bytes that are written or copied.
    pub(super) fn add(&self, bytes: usize) -> Result<(), Reason> {
        self.written.set(self.written.get().saturating_add(bytes));
        match self.written.get() > WRITTEN_BYTES_MAX {
            true => Err("its substitutions grow too large".into()),
            false => Ok(()),
        }
    }
}

struct Reading<'a> {
    rest: Peekable<Chars<'a>>,
    expander: &'a Expander,
    get: &'a dyn Fn(&str) -> Variable,
    depth: usize,
}

impl Reading<'_> {
    /// Reads to this character, or to the end.
    fn until(&mut self, stop: Option<char>) -> Result<Expanded, Reason> {
        let mut read = Expanded::default();
        while let Some(&next) = self.rest.peek() {
            if Some(next) == stop {
                self.rest.next();
                return Ok(read);
            }
            match next {
                '\'' => self.single_quoted(&mut read)?,
                '"' => self.double_quoted(&mut read)?,
                '$' => self.dollar(&mut read)?,
                _ => self.plain(&mut read)?,
            }
        }
        if stop.is_none() { Ok(read) } else { Err(UNCLOSED.into()) }
    }

    fn push(&self, c: char, into: &mut Expanded) -> Result<(), Reason> {
        into.text.push(c);
        self.expander.add(c.len_utf8())
    }

    /// To look is to copy: `${A:+}` writes nothing, however long `A` is.
    fn look_up(&self, name: &str) -> Result<Variable, Reason> {
        let variable = (self.get)(name);
        if let Variable::Set(text) = &variable {
            self.expander.add(text.len())?;
        }
        Ok(variable)
    }

    fn put(&self, variable: Variable, into: &mut Expanded) -> Result<(), Reason> {
        match variable {
            Variable::Unset => {}
            Variable::Unknown => into.is_unknown = true,
            Variable::Set(text) => into.text.push_str(&text),
        }
        Ok(())
    }

    fn plain(&mut self, into: &mut Expanded) -> Result<(), Reason> {
        let c = self.rest.next();
        let c = if c == Some(self.expander.escape) { self.rest.next() } else { c };
        c.map_or(Ok(()), |c| self.push(c, into))
    }

    fn single_quoted(&mut self, into: &mut Expanded) -> Result<(), Reason> {
        self.rest.next();
        loop {
            match self.rest.next() {
                None => return Err(UNCLOSED.into()),
                Some('\'') => return Ok(()),
                Some(c) => self.push(c, into)?,
            }
        }
    }

    fn double_quoted(&mut self, into: &mut Expanded) -> Result<(), Reason> {
        let escape = self.expander.escape;
        self.rest.next();
        loop {
            match self.rest.peek() {
                None => return Err(UNCLOSED.into()),
                Some('$') => self.dollar(into)?,
                Some('"') => {
                    self.rest.next();
                    return Ok(());
                }
                Some(&c) => {
                    self.rest.next();
                    let is_escaped = |next: &char| matches!(next, '"' | '$') || *next == escape;
                    let c = match (c == escape, self.rest.peek()) {
                        (true, None) => return Err(UNCLOSED.into()),
                        (true, Some(next)) if is_escaped(next) => self.rest.next().unwrap_or(c),
                        _ => c,
                    };
                    self.push(c, into)?;
                }
            }
        }
    }

    fn dollar(&mut self, into: &mut Expanded) -> Result<(), Reason> {
        self.rest.next();
        if self.rest.next_if_eq(&'{').is_some() {
            return self.braced(into);
        }
        match self.name()?.as_str() {
            "" => self.push('$', into),
            name => {
                let variable = self.look_up(name)?;
                self.put(variable, into)
            }
        }
    }

    /// What stands behind `${`.
    fn braced(&mut self, into: &mut Expanded) -> Result<(), Reason> {
        if matches!(self.rest.peek(), None | Some('{' | '}' | ':')) {
            return Err(SUBSTITUTION.into());
        }
        let name = self.name()?;
        let variable = self.look_up(&name)?;
        let (modifier, is_colon) = match self.rest.next() {
            Some('}') => return self.put(variable, into),
            Some('?') => ('?', false),
            Some(':') => (self.rest.next().ok_or(SUBSTITUTION)?, true),
            _ => return Err(SUBSTITUTION.into()),
        };
        let word = self.nested()?;
        match (modifier, variable) {
            ('+' | '-' | '?', Variable::Unknown) => into.is_unknown = true,
            ('+', Variable::Set(text)) if !text.is_empty() => return self.word(word, into),
            ('+', _) => {}
            ('-', Variable::Set(text)) if !text.is_empty() => {
                return self.put(Variable::Set(text), into);
            }
            ('-', _) => return self.word(word, into),
            ('?', Variable::Set(text)) if !(is_colon && text.is_empty()) => {
                return self.put(Variable::Set(text), into);
            }
            ('?', _) => return Err("a variable that must be set is not".into()),
            _ => return Err(SUBSTITUTION.into()),
        }
        Ok(())
    }

    fn nested(&mut self) -> Result<Expanded, Reason> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("its substitutions go too deep".into());
        }
        let word = self.until(Some('}'));
        self.depth -= 1;
        word
    }

    fn word(&self, word: Expanded, into: &mut Expanded) -> Result<(), Reason> {
        into.is_unknown |= word.is_unknown;
        self.put(Variable::Set(word.text), into)
    }

    /// A name: digits, one special sign, or letters. The daemon takes every script's letters.
    fn name(&mut self) -> Result<String, Reason> {
        let Some(&first) = self.rest.peek() else { return Ok(String::new()) };
        let mut name = String::new();
        if first.is_ascii_digit() {
            while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
                name.push(digit);
            }
        } else if let Some(special) = self.rest.next_if(|c| "@*#?-$!".contains(*c)) {
            return Ok(special.to_string());
        } else {
            let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
            while let Some(part) = self.rest.next_if(is_part) {
                name.push(part);
            }
        }
        match self.rest.peek() {
            Some(c) if !c.is_ascii() && c.is_alphanumeric() => Err(SUBSTITUTION.into()),
            _ => Ok(name),
        }
    }
}
