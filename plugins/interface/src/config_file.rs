//! A plugin's own configuration: where it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The plugin's `config.yml`, which may be missing, and the folder that it would stand in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConfigFile {
    #[serde(default)]
    name: String,
    config: PathBuf,
    folder: PathBuf,
}

impl ConfigFile {
    /// The file at `path`, for tests.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let config = path.into();
        let folder = config.parent().unwrap_or(Path::new(".")).to_owned();
        Self { name: String::new(), config, folder }
    }

    pub(crate) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// What the plugin is called in SecDocker's configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file, whether it is there or not.
    pub fn path(&self) -> &Path {
        &self.config
    }

    /// Where the plugin's files are; relative paths in its configuration begin here.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file's text.
    ///
    /// # Errors
    /// A sentence with the path, if it can't be read.
    pub fn text(&self) -> Result<String, String> {
        fs::read_to_string(&self.config).map_err(|error| self.unreadable(&error))
    }

    /// The file's text, or `None` if there is no file.
    ///
    /// # Errors
    /// A sentence with the path, if there is one that can't be read.
    pub fn text_if_present(&self) -> Result<Option<String>, String> {
        match fs::read_to_string(&self.config) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    fn unreadable(&self, error: &io::Error) -> String {
        format!("cannot read {}: {error}", self.config.display())
    }
}
