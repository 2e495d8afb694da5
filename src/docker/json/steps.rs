//! Where in a body something stands.

use super::tree::Key;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(Key),
    Entry(Key),
    Index(usize),
}

impl Step {
    /// A key of a map, or of fields.
    pub(super) fn of(is_map: bool, key: Key) -> Self {
        if is_map { Self::Entry(key) } else { Self::Field(key) }
    }
}

/// Characters of a client's key that a message shows.
const KEY_SHOWN_MAX: usize = 64;

/// The path of `steps`, which are told from the inside out.
pub(super) fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Entry(key) => path.push_str(&format!("[{}]", shown(key.as_str()))),
            Step::Field(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&shown(key.as_str()));
            }
        }
    }
    path
}

/// The client's text, safe to print and not long.
fn shown(key: &str) -> String {
    match key.char_indices().nth(KEY_SHOWN_MAX) {
        Some((cut, _)) => format!("{}…", key.get(..cut).unwrap_or_default().escape_debug()),
        None => key.escape_debug().to_string(),
    }
}

/// As much of a key as is shown, and a little more, by which that shows.
pub(super) fn brief(key: &str) -> Key {
    Key::Other(key.chars().take(KEY_SHOWN_MAX + 1).collect::<String>().into())
}
