//! Security options that name a seccomp profile's file, read as the docker command reads them: the
//! daemon gets the profile, never the path.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

/// The largest profile that is read, in bytes.
const PROFILE_BYTES_MAX: u64 = 1024 * 1024;
/// Values of `seccomp` that name no file.
const NO_FILE: [&str; 2] = ["unconfined", "builtin"];

/// Why a profile can't be used.
#[derive(Debug)]
pub(super) enum ProfileError {
    Unreadable(PathBuf, io::Error),
    TooLarge(PathBuf),
    NotJson(PathBuf, serde_json::Error),
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                write!(f, "cannot read seccomp profile {}: {error}", path.display())
            }
            Self::TooLarge(path) => write!(
                f,
                "seccomp profile {} is larger than {PROFILE_BYTES_MAX} bytes",
                path.display()
            ),
            Self::NotJson(path, error) => {
                write!(f, "seccomp profile {} is not JSON: {error}", path.display())
            }
        }
    }
}

/// `option` with the contents of the profile that it names, if it names one. A relative path
/// begins in `folder`.
pub(super) fn with_profile(option: &str, folder: &Path) -> Result<String, ProfileError> {
    let separator = if option.contains('=') { '=' } else { ':' };
    match option.split_once(separator) {
        Some(("seccomp", value)) if !NO_FILE.contains(&value) && !value.starts_with('{') => {
            Ok(format!("seccomp={}", read_profile(&folder.join(value))?))
        }
        _ => Ok(option.to_owned()),
    }
}

fn read_profile(path: &Path) -> Result<String, ProfileError> {
    let unreadable = |error| ProfileError::Unreadable(path.to_owned(), error);
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(PROFILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > PROFILE_BYTES_MAX {
        return Err(ProfileError::TooLarge(path.to_owned()));
    }
    let checked = serde_json::from_str::<IgnoredAny>(&text);
    checked.map_err(|error| ProfileError::NotJson(path.to_owned(), error))?;
    Ok(compact(&text))
}

/// JSON without the spaces and line ends between its tokens.
fn compact(json: &str) -> String {
    let (mut in_string, mut after_backslash) = (false, false);
    let keep = |c: &char| {
        let between = !in_string && matches!(c, ' ' | '\t' | '\n' | '\r');
        in_string ^= *c == '"' && !after_backslash;
        after_backslash = *c == '\\' && !after_backslash;
        !between
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn spaces_go_except_in_strings() {
        let json = "{ \"a b\" : [ 1 ,\n\t\"c \\\" d \\\\\" , \" e\" ] }\r\n";
        assert_eq!(compact(json), r#"{"a b":[1,"c \" d \\"," e"]}"#);
    }

    #[test]
    fn only_a_path_is_read() {
        for option in [
            "seccomp=unconfined",
            "seccomp:unconfined",
            "seccomp={}",
            "apparmor=x",
            "no-new-privileges",
            "label=level:s0=x",
        ] {
            assert_eq!(with_profile(option, Path::new("/nowhere")).unwrap(), option);
        }
        let message = with_profile("seccomp:p.json", Path::new("/nowhere")).unwrap_err();
        assert!(message.to_string().starts_with("cannot read seccomp profile /nowhere/p.json: "));
        let message = with_profile("seccomp=/etc/passwd", Path::new("")).unwrap_err();
        assert!(message.to_string().starts_with("seccomp profile /etc/passwd is not JSON: "));
    }
}
