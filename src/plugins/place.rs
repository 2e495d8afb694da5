//! Where a plugin's library is, and whether nobody else can change it.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::plugins::PluginSettings;

/// What group or others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// In such a folder, others can't replace what is not theirs.
const STICKY: u32 = 0o1000;

/// The plugin's own configuration, beside its library.
pub(super) fn config_file(settings: &PluginSettings) -> PathBuf {
    absolute(&settings.folder).join("config.yml")
}

/// The library, without links, after a look at all that could be used to exchange it.
pub(super) fn library(settings: &PluginSettings) -> Result<PathBuf, String> {
    let found = find(settings)?;
    let library = found.canonicalize().map_err(|error| unusable(&found, &error))?;
    let metadata = check(&library)?;
    if !metadata.is_file() {
        return Err(format!("{} is no file", library.display()));
    }
    library.ancestors().skip(1).try_for_each(|folder| check(folder).map(drop))?;
    check_config(&config_file(settings))?;
    Ok(library)
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

/// Whether only root and we ourselves can change what is at `path`.
fn check(path: &Path) -> Result<Metadata, String> {
    let metadata = fs::metadata(path).map_err(|error| unusable(path, &error))?;
    let (mode, owner) = (metadata.mode(), metadata.uid());
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(format!(
            "{} belongs to user {owner}, not to root or the user that SecDocker runs as",
            path.display()
        ));
    }
    let is_shared = metadata.is_dir() && mode & STICKY != 0;
    if mode & WRITABLE_BY_OTHERS != 0 && !is_shared {
        let mode = mode & 0o7777;
        return Err(format!("{} can be written by others (mode {mode:04o})", path.display()));
    }
    Ok(metadata)
}

/// A plugin may have no configuration, but not one that can't be read or trusted.
fn check_config(path: &Path) -> Result<(), String> {
    match File::open(path) {
        Ok(_) => check(path).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn unusable(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
