//! Where a plugin's library is, and whether nobody else can change it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use secdocker_shared::trust;

use crate::config::plugins::PluginSettings;

/// The plugin's own configuration, beside its library.
pub(super) fn config_file(settings: &PluginSettings) -> PathBuf {
    absolute(&settings.folder).join("config.yml")
}

/// The library, without links, after a look at all that could be used to exchange it.
pub(super) fn library(settings: &PluginSettings) -> Result<PathBuf, String> {
    let found = find(settings)?;
    if !trust::check(&found)?.is_file() {
        return Err(format!("{} is not a file", found.display()));
    }
    check_config(&config_file(settings))?;
    found.canonicalize().map_err(|error| unusable(&found, &error))
}

fn find(settings: &PluginSettings) -> Result<PathBuf, String> {
    if let Some(library) = &settings.library {
        return match library.try_exists() {
            Ok(true) => Ok(library.clone()),
            Ok(false) => Err(format!("there is no {}", library.display())),
            Err(error) => Err(unusable(library, &error)),
        };
    }
    let name = &settings.name;
    let candidates = [format!("{name}.so"), format!("lib{name}.so")];
    let candidates = candidates.map(|file| settings.folder.join(file));
    let found = candidates.iter().find(|path| path.exists());
    let [plain, prefixed] = &candidates;
    let missing = || format!("there is neither {} nor {}", plain.display(), prefixed.display());
    found.cloned().ok_or_else(missing)
}

/// A plugin may have no configuration, but not one that can't be read or trusted. Where there is none,
/// nobody else may put one.
fn check_config(path: &Path) -> Result<(), String> {
    match File::open(path) {
        Ok(_) => trust::check(path).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            trust::check(path.parent().unwrap_or(Path::new("/"))).map(drop)
        }
        Err(error) => Err(unusable(path, &error)),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn unusable(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
