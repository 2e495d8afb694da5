//! What is wrong with a configuration, and where. Knows nothing of YAML.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A place in the configuration: a key, perhaps in a section, perhaps an element of its list, perhaps a key
/// in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The entry of `clients`, counted from 0, for what is in one.
    pub client: Option<usize>,
    /// The section, for keys that are in one.
    pub section: Option<&'static str>,
    /// The key.
    pub key: &'static str,
    /// The key inside it, if it holds keys.
    pub inner: Option<&'static str>,
    /// The element, counted from 0.
    pub index: Option<usize>,
    /// The key in the element, after that of its section if it is in one.
    pub beyond: &'static [&'static str],
}

impl At {
    /// A key at the top level.
    pub const fn top(key: &'static str) -> Self {
        Self { client: None, section: None, key, inner: None, index: None, beyond: &[] }
    }

    /// A key of a section.
    pub const fn key(section: &'static str, key: &'static str) -> Self {
        Self { client: None, section: Some(section), key, inner: None, index: None, beyond: &[] }
    }

    /// A key inside this one.
    pub const fn inner(self, key: &'static str) -> Self {
        Self { inner: Some(key), ..self }
    }

    /// An element of this key's list.
    pub const fn item(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    /// A key in this element, which may be in a section of it: one or two names.
    pub const fn beyond(self, keys: &'static [&'static str]) -> Self {
        Self { beyond: keys, ..self }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(client) = self.client {
            write!(f, "clients[{client}].")?;
        }
        if let Some(section) = self.section {
            write!(f, "{section}.")?;
        }
        f.write_str(self.key)?;
        if let Some(inner) = self.inner {
            write!(f, ".{inner}")?;
        }
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        self.beyond.iter().try_for_each(|key| write!(f, ".{key}"))
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1; none if the trouble has no place in the file.
    pub line: Option<usize>,
    /// What is wrong, after the key's path if there is one.
    pub what: String,
}

impl Mistake {
    pub(super) fn at_line(line: usize, what: impl Into<String>) -> Self {
        Self { line: Some(line), what: what.into() }
    }
}

/// Why there are no settings. Prints one line a mistake: `config.yml:7: restrictions.ports[1]: …`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are what their names say")]
pub enum ConfigError {
    /// The file is missing, or its permissions forbid it.
    Unreadable { file: PathBuf, error: io::Error },
    /// The file is larger than any configuration.
    TooLarge { file: PathBuf, bytes_max: u64 },
    /// The file was read, and these things in it are wrong.
    Mistakes { file: PathBuf, mistakes: Vec<Mistake> },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => write!(f, "{}: {error}", file.display()),
            Self::TooLarge { file, bytes_max } => {
                write!(f, "{}: larger than {bytes_max} bytes", file.display())
            }
            Self::Mistakes { file, mistakes } => {
                for (index, mistake) in mistakes.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "\n" })?;
                    write!(f, "{}:", file.display())?;
                    match mistake.line {
                        Some(line) => write!(f, "{line}: {}", mistake.what)?,
                        None => write!(f, " {}", mistake.what)?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}
