//! One line of a Dockerfile taken apart: instruction, flags, words. As BuildKit's `splitCommand`,
//! `extractBuilderFlags` and `parseWords` do it. Substitutes nothing.

use super::fault::Reason;

/// White space as the daemon splits words by it; it trims more.
const BLANKS: [char; 5] = ['\t', '\x0B', '\x0C', '\r', ' '];

/// An instruction and what stands behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// In lower case.
    pub(super) name: String,
    /// `--name=value`, unquoted.
    pub(super) flags: Vec<String>,
    pub(super) arguments: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn read(line: &'a str) -> Result<Self, Reason> {
        let (name, rest) = split_once(line.trim()).unwrap_or((line.trim(), ""));
        let (flags, arguments) = flags(rest)?;
        Ok(Self { name: name.to_ascii_lowercase(), flags, arguments: arguments.trim() })
    }

    /// The value of a flag.
    pub(super) fn flag(&self, name: &str) -> Result<Option<&str>, Reason> {
        let mut found = None;
        for flag in &self.flags {
            let flag = flag.strip_prefix("--").unwrap_or(flag);
            let (flag, value) = flag.split_once('=').ok_or("a flag has no value")?;
            if flag == name && found.replace(value).is_some() {
                return Err("a flag is given twice".into());
            }
        }
        Ok(found)
    }

    /// The words between blanks, with their quotes.
    pub(super) fn plain_words(&self) -> Vec<&'a str> {
        self.arguments.split(BLANKS).filter(|word| !word.is_empty()).collect()
    }
}

/// The text before the first blanks, and that behind them.
fn split_once(text: &str) -> Option<(&str, &str)> {
    let (first, rest) = text.split_once(BLANKS)?;
    Some((first, rest.trim_start_matches(BLANKS)))
}

/// The flags in front, and the text behind them. The daemon goes byte by byte here, so that only
/// ASCII has one meaning.
fn flags(mut rest: &str) -> Result<(Vec<String>, &str), Reason> {
    let mut flags = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0B');
        if !rest.starts_with("--") {
            return Ok((flags, rest));
        }
        let (flag, behind) = flag(rest)?;
        rest = behind;
        if flag == "--" {
            return Ok((flags, rest));
        }
        flags.push(flag);
    }
}

/// One flag, without quotes and escapes: always a backslash, whatever the directive says.
fn flag(text: &str) -> Result<(String, &str), Reason> {
    let mut flag = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            (c, _) if !c.is_ascii() => return Err("a flag has letters beyond ASCII".into()),
            (c, None) if c.is_ascii_whitespace() || c == '\x0B' => {
                return Ok((flag, text.split_at(at).1));
            }
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('\\', _) => match chars.next() {
                Some((_, c)) if !c.is_ascii() => {
                    return Err("a flag has letters beyond ASCII".into());
                }
                Some((_, c)) => flag.push(c),
                None => {}
            },
            (c, _) => flag.push(c),
        }
    }
    Ok((flag, ""))
}

/// `name=value …`, or `name value` in the oldest form.
pub(super) fn pairs(text: &str, escape: char) -> Result<Vec<(String, String)>, Reason> {
    let words = words(text, escape);
    let is_old = words.first().is_some_and(|first| !first.contains('='));
    if is_old {
        let (name, value) = split_once(text).ok_or("a variable has no value")?;
        return Ok(vec![(name.to_owned(), value.to_owned())]);
    }
    let pair = |word: &String| {
        let (name, value) = word.split_once('=')?;
        (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    };
    let pairs: Option<Vec<_>> = words.iter().map(pair).collect();
    match pairs {
        Some(pairs) if !pairs.is_empty() => Ok(pairs),
        _ => Err("a variable has no name or no value".into()),
    }
}

/// Where the daemon is between words.
#[derive(Clone, Copy)]
enum Within {
    Spaces,
    Word,
    Quote(char),
}

/// The words, which keep their quotes and escapes.
pub(super) fn words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut within = Within::Spaces;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        within = match (within, c) {
            (Within::Spaces, c) if c.is_whitespace() => Within::Spaces,
            (Within::Word, c) if c.is_whitespace() => {
                words.push(std::mem::take(&mut word));
                Within::Spaces
            }
            // An escape at the very end is dropped.
            (Within::Spaces | Within::Word, c) if c == escape => {
                if let Some(next) = chars.next() {
                    word.extend([c, next]);
                }
                Within::Word
            }
            (Within::Quote(quote), c) if c == escape && quote != '\'' => {
                if let Some(next) = chars.next() {
                    word.extend([c, next]);
                }
                Within::Quote(quote)
            }
            (within, c) => {
                word.push(c);
                match (within, c) {
                    (Within::Spaces | Within::Word, '\'' | '"') => Within::Quote(c),
                    (Within::Quote(quote), c) if c != quote => Within::Quote(quote),
                    _ => Within::Word,
                }
            }
        };
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// `from=IMAGE`, in quotes or not.
pub(super) fn image_of_mount(option: &str) -> Option<&str> {
    let (name, value) = option.split_once('=')?;
    let is_it = name.trim().trim_matches('"').eq_ignore_ascii_case("from");
    is_it.then(|| value.trim().trim_matches('"')).filter(|value| !value.is_empty())
}

/// As the daemon wants it: `^[a-z][a-z0-9-_.]*$` in lower case.
pub(super) fn stage_name(name: &str) -> Result<String, Reason> {
    let name = name.to_ascii_lowercase();
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    match name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_part) {
        true => Ok(name),
        false => Err("a stage has no such name".into()),
    }
}

/// `<<EOF`: some daemons take the lines behind it for instructions, others for a document.
pub(super) fn no_here_document(parts: &Parts<'_>) -> Result<(), Reason> {
    let is_mark = |word: &str| {
        let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
        word.strip_prefix("<<").is_some_and(|name| !name.is_empty() && !name.starts_with('<'))
    };
    match parts.arguments.split_whitespace().any(is_mark) {
        true => Err("a here-document is not read by every daemon".into()),
        false => Ok(()),
    }
}
