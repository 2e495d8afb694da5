//! Where symbolic links lead, as far as this host's file system can tell.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::policy::types::HostPath;

/// Where a path leads once the symbolic links in it are followed. What does not exist has no links:
/// the daemon would create it below the part that does.
pub(super) fn resolve(path: &HostPath) -> Option<HostPath> {
    let mut missing: Vec<&OsStr> = Vec::new();
    let mut existing = Path::new(path.as_str());
    let real = loop {
        match existing.canonicalize() {
            Ok(real) => break real,
            Err(_) => {
                missing.push(last_component(existing)?);
                existing = existing.parent()?;
            }
        }
    };
    let whole: PathBuf = missing.into_iter().rev().fold(real, |path, name| path.join(name));
    HostPath::parse(whole.to_str()?).ok()
}

fn last_component(path: &Path) -> Option<&OsStr> {
    match path.components().next_back()? {
        Component::Normal(name) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn links_are_followed_and_what_is_missing_stays() {
        let dir = std::env::temp_dir().join(format!("secdocker-facts-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("real")).unwrap();
        let _ = std::fs::remove_file(dir.join("alias"));
        std::os::unix::fs::symlink(dir.join("real"), dir.join("alias")).unwrap();
        let asked = HostPath::parse(dir.join("alias/new/file").to_str().unwrap()).unwrap();
        let found = resolve(&asked).unwrap();
        assert_eq!(found.as_str(), dir.join("real/new/file").to_str().unwrap());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
