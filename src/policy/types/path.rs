//! Paths of the host.

use std::fmt;

use super::error::ValueError;
use crate::policy::shown::Shown;

/// A path of the host: absolute, without empty segments, `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPath(String);

/// What the kernel takes as a path, with its NUL (`PATH_MAX`).
const PATH_BYTES_MAX: usize = 4096;

impl HostPath {
    /// Cleans an absolute path as Go's `path.Clean` does.
    ///
    /// # Errors
    /// [`ValueError::Path`] if it is not absolute, or has a NUL, which no path of the kernel has.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if !text.starts_with('/') || text.contains('\0') || text.len() >= PATH_BYTES_MAX {
            return Err(ValueError::Path(text.to_owned()));
        }
        let mut segments: Vec<&str> = Vec::new();
        for segment in text.split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                _ => segments.push(segment),
            }
        }
        Ok(Self(format!("/{}", segments.join("/"))))
    }

    /// `/`.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `other` or stands below it.
    pub fn is_within(&self, other: &Self) -> bool {
        match self.0.strip_prefix(other.0.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('/') || other.is_root(),
            None => false,
        }
    }

    /// Whether it is `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0).fmt(f)
    }
}
