//! What devices are that are named by CDI: files in folders of the daemon's (`cdi-spec-dirs`), where they
//! are this host's.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::UpstreamAddress;
use crate::effects::cdi::Spec;
use crate::policy::effects::Effect;

/// The most folders, and files in all of them, that are looked at.
const FOLDERS_MAX: usize = 16;
const FILES_MAX: usize = 256;

/// The most that is read of all files together, in bytes.
const BYTES_MAX: u64 = 4 << 20;

/// Whether the daemon's files are this host's.
pub(super) fn is_here(daemon: &UpstreamAddress) -> bool {
    match daemon {
        UpstreamAddress::Unix(_) => true,
        UpstreamAddress::Tcp(address) => address.ip().is_loopback(),
    }
}

/// What it is to use a device, by all files that tell of it. `None` if none does.
pub(super) fn device(specs: &[Spec], name: &str) -> Option<Vec<Effect>> {
    let mut all: Option<Vec<Effect>> = None;
    for spec in specs {
        if let Some(effects) = spec.effects_of(name).ok()? {
            all.get_or_insert_default().extend(effects);
        }
    }
    all
}

/// What the files in these folders say. `None` if one of them can't be read: it may say something else of any
/// device.
pub(super) fn specs(folders: &[String]) -> Option<Vec<Spec>> {
    if folders.len() > FOLDERS_MAX {
        return None;
    }
    let (mut specs, mut left) = (Vec::new(), BYTES_MAX);
    for folder in folders {
        for path in files(Path::new(folder))? {
            if specs.len() == FILES_MAX {
                return None;
            }
            let text = read(&path, left)?;
            left -= u64::try_from(text.len()).ok()?;
            specs.push(Spec::read(&text)?);
        }
    }
    Some(specs)
}

/// The files of a folder that the daemon reads; none of one that is not there.
fn files(folder: &Path) -> Option<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(Vec::new()),
        Err(_) => return None,
    };
    let paths = entries.map(|entry| Some(entry.ok()?.path())).collect::<Option<Vec<_>>>()?;
    let is_spec = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ending == "json" || ending == "yaml")
    };
    Some(paths.into_iter().filter(|path| is_spec(path) && !path.is_dir()).collect())
}

/// A file as a whole, if it has no more bytes than that; what is no file could make us wait.
fn read(path: &Path, bytes_max: u64) -> Option<String> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let length = File::open(path).ok()?.take(bytes_max + 1).read_to_string(&mut text).ok()?;
    (u64::try_from(length).ok()? <= bytes_max).then_some(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::policy::effects::TakeoverEffect;

    fn spec(name: &str, hook: &str) -> String {
        format!(
            r#"{{"cdiVersion":"0.5.0","kind":"a.b/c","devices":[{{"name":"{name}",
            "containerEdits":{{"hooks":[{{"hookName":"prestart","path":"{hook}"}}]}}}}]}}"#
        )
    }

    #[test]
    fn all_that_the_files_say_counts() {
        let dir = std::env::temp_dir().join(format!("secdocker-cdi-{}", std::process::id()));
        for folder in ["first", "second/deeper"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let write = |file: &str, text: &str| fs::write(dir.join(file), text).unwrap();
        write("first/a.json", &spec("x", "/one"));
        write("second/b.yaml", &spec("x", "/two"));
        write("second/c.txt", "no spec");
        write("second/deeper/d.json", &spec("x", "/three"));
        let folders =
            ["first", "second", "missing"].map(|name| dir.join(name).to_str().unwrap().to_owned());
        let found = specs(&folders).unwrap();
        let programs = ["/one", "/two"]
            .map(|path| Effect::Takeover(TakeoverEffect::HostProgram(path.to_owned())));
        assert_eq!(device(&found, "a.b/c=x"), Some(programs.to_vec()));
        assert_eq!(device(&found, "a.b/c=y"), None);
        // One that can't be read may say anything.
        for (file, text) in
            [("first/e.json", "{".to_owned()), ("first/e.yaml", " ".repeat(5 << 20))]
        {
            write(file, &text);
            assert!(specs(&folders).is_none(), "{file}");
            fs::remove_file(dir.join(file)).unwrap();
        }
        std::os::unix::fs::symlink("/dev/zero", dir.join("first/z.json")).unwrap();
        assert!(specs(&folders).is_none());
        fs::remove_dir_all(dir).unwrap();
    }
}
