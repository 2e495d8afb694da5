//! Whether anybody but root and ourselves decides what a path leads to. Plugins name files of their
//! own, too.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// What group or others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// In such a folder, others can't replace what is not theirs.
const STICKY: u32 = 0o1000;
/// As many links as the kernel follows.
const LINKS_MAX: usize = 40;

/// Looks at all that is met on the way to `path`: who may write one folder or link of it may exchange
/// what is found at its end, which is described.
///
/// # Errors
/// A sentence with a path, if something of it is missing, or others may change it.
pub fn check(path: &Path) -> Result<Metadata, String> {
    let unusable = |error| format!("cannot read {}: {error}", path.display());
    let mut left = parts_backwards(&std::path::absolute(path).map_err(unusable)?);
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    let mut last = check_one(&at, &fs::metadata(&at).map_err(unusable)?)?;
    while let Some(part) = left.pop() {
        // Links are followed one by one, so this is what the kernel takes `..` for.
        match part == ".." {
            true => drop(at.pop()),
            false => at.push(part),
        }
        last = check_one(&at, &fs::symlink_metadata(&at).map_err(unusable)?)?;
        if last.is_symlink() {
            links += 1;
            if links > LINKS_MAX {
                return Err(unusable(io::Error::other("too many links")));
            }
            let target = fs::read_link(&at).map_err(unusable)?;
            at.pop();
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            left.extend(parts_backwards(&target));
        }
    }
    Ok(last)
}

fn parts_backwards(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    parts.rev().collect()
}

/// Whether only root and we ourselves can change this file, or what is in this folder.
fn check_one(path: &Path, metadata: &Metadata) -> Result<Metadata, String> {
    let (mode, owner) = (metadata.mode(), metadata.uid());
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(format!(
            "{} belongs to user {owner}, not to root or the user that SecDocker runs as",
            path.display()
        ));
    }
    // Nobody can write a link, whatever its mode says.
    let is_shared = metadata.is_symlink() || (metadata.is_dir() && mode & STICKY != 0);
    if mode & WRITABLE_BY_OTHERS != 0 && !is_shared {
        let mode = mode & 0o7777;
        return Err(format!("{} can be written by others (mode {mode:04o})", path.display()));
    }
    Ok(metadata.clone())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    /// `/tmp/…/{open/{inner -> ../real, file}, real/file}`; `open` may be written by anybody.
    fn folder(name: &str) -> PathBuf {
        let name = format!("secdocker-trust-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().canonicalize().unwrap().join(name);
        for (part, mode) in [("", 0o755), ("real", 0o755), ("open", 0o777)] {
            fs::create_dir_all(folder.join(part)).unwrap();
            fs::set_permissions(folder.join(part), Permissions::from_mode(mode)).unwrap();
        }
        for file in ["real/file", "open/file"] {
            fs::write(folder.join(file), "").unwrap();
            fs::set_permissions(folder.join(file), Permissions::from_mode(0o644)).unwrap();
        }
        symlink("../real", folder.join("open/inner")).unwrap();
        folder
    }

    #[test]
    fn every_link_and_folder_on_the_way_counts() {
        let folder = folder("way");
        symlink("real", folder.join("link")).unwrap();
        symlink("open/inner", folder.join("through")).unwrap();
        symlink(folder.join("link/file"), folder.join("far")).unwrap();
        symlink("self", folder.join("self")).unwrap();
        for fine in ["real/file", "link/file", "link/../real/./file", "far", "real"] {
            check(&folder.join(fine)).unwrap();
        }
        for open in ["open/file", "open/inner/file", "through/file", "open/../real/file"] {
            let error = check(&folder.join(open)).unwrap_err();
            assert!(
                error.contains("/open can be written by others (mode 0777)"),
                "{open}: {error}"
            );
        }
        for (odd, why) in [("self", "too many links"), ("real/none", "No such file")] {
            let error = check(&folder.join(odd)).unwrap_err();
            assert!(error.starts_with("cannot read ") && error.contains(why), "{odd}: {error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_sticky_folder_is_as_good_as_what_is_in_it() {
        let folder = folder("sticky");
        fs::set_permissions(folder.join("open"), Permissions::from_mode(0o1777)).unwrap();
        check(&folder.join("open/inner/file")).unwrap();
        // Only root can give a link away.
        if lchown(folder.join("open/inner"), Some(65_534), None).is_ok() {
            let error = check(&folder.join("open/inner/file")).unwrap_err();
            assert!(error.contains("open/inner belongs to user 65534"), "{error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
