//! Linux capabilities.

use std::fmt;

use super::error::ValueError;

/// A Linux capability, without `CAP_` and in upper case, or `ALL`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(String);

impl Capability {
    /// Reads a name in any case, with or without `CAP_`. The daemon puts it in upper case by the
    /// rules of Unicode, which makes ASCII letters of U+017F and U+0131.
    ///
    /// # Errors
    /// [`ValueError::Capability`] unless it is made of letters, digits and `_`.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let upper = text.to_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(ValueError::Capability(text.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    /// Whether an entry of a request means this one.
    pub fn is(&self, entry: &str) -> bool {
        Self::parse(entry).is_ok_and(|asked| asked == *self)
    }

    /// `NET_ADMIN`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for all of them.
    pub fn is_all(&self) -> bool {
        self.0 == "ALL"
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
