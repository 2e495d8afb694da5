//! What people write in patterns, where none are read.

/// Whether people write it in patterns: in a rule it would match nothing.
pub(in crate::policy) fn is_of_pattern(char: char) -> bool {
    char.is_whitespace() || char.is_control() || is_wildcard(char)
}

/// The same without white space and control characters, which names of variables may hold.
pub(in crate::policy) fn is_wildcard(char: char) -> bool {
    "*?![]{}".contains(char)
}

/// Whether a path of a rule holds what people write in patterns; spaces are in names of folders.
pub(in crate::policy) fn is_path_pattern(path: &str) -> bool {
    path.contains(|char| char != ' ' && is_of_pattern(char)) || path.trim() != path
}
