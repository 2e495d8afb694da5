//! The lines of a Dockerfile as the daemon joins them (BuildKit's `parser.Parse`, as 20.10 has it):
//! directives, comments, continued lines. Knows no instruction.

use super::fault::Fault;

/// The daemon's scanner takes no longer line, in bytes.
const LINE_BYTES_MAX: usize = (64 << 10) - 2;

/// What escapes if no directive says otherwise.
pub(super) const ESCAPE: char = '\\';

/// What a directive can name in its place.
pub(super) const OTHER_ESCAPE: char = '`';

/// All that a directive can name.
pub(super) const ESCAPES: [char; 2] = [ESCAPE, OTHER_ESCAPE];

/// An instruction on one line, however many it was written on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of the first one, from 1.
    pub(super) number: usize,
    pub(super) text: String,
}

/// All that a Dockerfile says.
#[derive(Debug)]
pub(super) struct Lines {
    /// What escapes, and continues a line.
    pub(super) escape: char,
    pub(super) lines: Vec<Line>,
}

/// Joins the lines of `text`.
pub(super) fn read(text: &str) -> Result<Lines, Fault> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.contains(['\0', '\u{FEFF}']) {
        return Err(Fault::new(1, "NUL and byte order marks have no place in a Dockerfile"));
    }
    let mut directives = Directives::default();
    let mut rest = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).zip(1..);
    let mut lines = Vec::new();
    while let Some((line, number)) = rest.next() {
        let line = bounded(line, number)?.trim_start();
        directives.see(line).map_err(|reason| Fault::new(number, reason))?;
        let line = if line.starts_with('#') { "" } else { line };
        let (part, mut goes_on) = directives.continued(line);
        if part.is_empty() && !goes_on {
            continue;
        }
        let mut text = part.to_owned();
        while goes_on {
            let Some((line, number)) = rest.next() else { break };
            // The daemon passes over comments and empty lines in between.
            if !matches!(bounded(line, number)?.trim_start().chars().next(), None | Some('#')) {
                let (part, again) = directives.continued(line);
                text.push_str(part);
                goes_on = again;
            }
        }
        lines.push(Line { number, text });
    }
    Ok(Lines { escape: directives.escape, lines })
}

fn bounded(line: &str, number: usize) -> Result<&str, Fault> {
    match line.len() > LINE_BYTES_MAX {
        true => Err(Fault::new(number, "the line is longer than 64 KiB")),
        false => Ok(line),
    }
}

/// Whether a comment in front of all instructions says `syntax=`, in any way that some daemon reads: then an image
/// reads the Dockerfile.
pub(super) fn names_reader(text: &str) -> bool {
    const BLANKS: [char; 2] = ['\u{FEFF}', '\0'];
    let trim = |line: &str| line.trim().trim_matches(BLANKS).trim().to_ascii_lowercase();
    let is_comment = |line: &String| ["#", "//", "{"].iter().any(|mark| line.starts_with(mark));
    let mut first = text.lines().map(trim).take_while(|line| line.is_empty() || is_comment(line));
    first.any(|line| {
        let said = line.split_once("syntax").map(|(_, behind)| behind.trim_start_matches('"'));
        said.is_some_and(|behind| behind.trim_start().starts_with(['=', ':']))
    })
}

/// `# escape=` and `# syntax=` in the first lines, until one is anything else.
struct Directives {
    escape: char,
    are_over: bool,
    has_escape: bool,
    has_syntax: bool,
}

impl Default for Directives {
    fn default() -> Self {
        Self { escape: ESCAPE, are_over: false, has_escape: false, has_syntax: false }
    }
}

impl Directives {
    fn see(&mut self, line: &str) -> Result<(), &'static str> {
        if self.are_over {
            return Ok(());
        }
        let (name, value) = directive(line).unwrap_or_default();
        let seen = match name.to_ascii_lowercase().as_str() {
            "escape" => &mut self.has_escape,
            "syntax" => &mut self.has_syntax,
            _ => {
                self.are_over = true;
                return Ok(());
            }
        };
        if std::mem::replace(seen, true) {
            return Err("a directive is given twice");
        }
        match (name.eq_ignore_ascii_case("escape"), value) {
            (false, _) => {}
            (true, "\\") => self.escape = ESCAPE,
            (true, "`") => self.escape = OTHER_ESCAPE,
            (true, _) => return Err("the escape is neither a backslash nor a backtick"),
        }
        Ok(())
    }

    /// The line without the mark that it goes on, and whether it does.
    fn continued<'a>(&self, line: &'a str) -> (&'a str, bool) {
        let marked = line.trim_end_matches([' ', '\t']).strip_suffix(self.escape);
        match marked.filter(|before| !before.ends_with(self.escape)) {
            Some(before) => (before, true),
            None => (line, false),
        }
    }
}

/// `# name=value`.
fn directive(line: &str) -> Option<(&str, &str)> {
    const BLANKS: [char; 4] = ['\t', '\x0C', '\r', ' '];
    let rest = line.strip_prefix('#')?.trim_start_matches(BLANKS);
    let (name, value) = rest.split_once('=')?;
    let name = name.trim_end_matches(BLANKS);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    (is_name && !value.is_empty()).then(|| (name, value.trim_matches(BLANKS)))
}
