//! What has a name, and perhaps a value.

/// `NAME=value`, or the name alone.
pub(super) fn entry(name: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{name}={value}"),
        None => name.to_owned(),
    }
}
