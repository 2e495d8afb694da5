//! Texts with `*` in them.

/// Whether `text` is like `pattern`, in which `*` stands for any characters. Takes the first place
/// that each part fits, which is as good as any other, so it looks at no place twice.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, mut pattern)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    while let Some((part, rest)) = pattern.split_once('*') {
        let Some((_, behind)) = text.split_once(part) else {
            return false;
        };
        (pattern, text) = (rest, behind);
    }
    text.ends_with(pattern)
}
