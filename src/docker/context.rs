//! The context of a build: the archive that holds the Dockerfile, found in it as the daemon finds it.
//!
//! The daemon unpacks the archive into a folder and opens the Dockerfile there. Here nothing is
//! unpacked: whatever would make the opened file another one than the entry of that name (links,
//! a name given twice, a second compression) is refused. `.dockerignore` takes files away only after
//! the Dockerfile was read. Knows nothing of what a Dockerfile says.

mod gzip;
mod tar;
mod unreadable;

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;

use tar::{Archive, Entry, Kind};
pub(crate) use unreadable::Unreadable;

/// The longest Dockerfile that is read, in bytes.
const DOCKERFILE_BYTES_MAX: usize = 1 << 20;

/// The most bytes to which a compressed context may grow. They are read on the loop, which takes some
/// milliseconds.
const EXPANDED_BYTES_MAX: u64 = 8 << 20;

/// The most parts of paths, of all entries together, that are compared with those of links. Whoever
/// sends nothing but links at the end of deep paths would hold up the loop for longer than their bytes.
const PARTS_MAX: usize = 1 << 18;

/// What the daemon calls it if the request does not.
const DEFAULT_NAME: &str = "Dockerfile";

/// The Dockerfile in `body`. `name` is what the request says of it; nothing means `Dockerfile`.
pub(crate) fn dockerfile(body: &[u8], name: &str) -> Result<String, Unreadable> {
    let name = if name.is_empty() { DEFAULT_NAME } else { name };
    let found = if gzip::is_gzip(body) {
        let mut reader = gzip::Expanded::new(body, EXPANDED_BYTES_MAX)?;
        let found = find(&mut reader, name)?;
        reader.finish()?;
        found
    } else if is_compressed(body) {
        return Err("it is compressed with bzip2, xz or zstd");
    } else {
        find(body, name)?
    };
    let text = found.ok_or("it has no such Dockerfile")?;
    String::from_utf8(text).map_err(|_| "its Dockerfile is not UTF-8")
}

/// Whether some daemon would take it for compressed data.
fn is_compressed(start: &[u8]) -> bool {
    const OTHERS: [&[u8]; 3] = [b"BZh", b"\xFD7zXZ\0", b"\x28\xB5\x2F\xFD"];
    gzip::is_gzip(start) || OTHERS.iter().any(|magic| start.starts_with(magic))
}

fn find(reader: impl Read, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
    let mut archive = Archive::new(reader);
    let mut wanted = Wanted::new(name)?;
    let mut links = Links::default();
    let mut is_first = true;
    while let Some(entry) = archive.next()? {
        if std::mem::take(&mut is_first) && entry.name.split(|b| *b == b'/').any(is_compressed) {
            // The daemon looks for a compression once more in the archive, which it wrote anew.
            return Err("its first entry begins like compressed data");
        }
        if entry.kind == Kind::Note {
            continue;
        }
        let path = clean(&entry)?;
        links.check(&path, entry.kind)?;
        for file in &mut wanted.files {
            file.see(&path, &entry, &mut archive)?;
        }
        archive.skip()?;
    }
    Ok(wanted.files.into_iter().find_map(|file| file.content))
}

/// The parts of an entry's path; none for the root itself.
fn clean(entry: &Entry) -> Result<Vec<&[u8]>, Unreadable> {
    let parts = entry.name.split(|byte| *byte == b'/');
    let parts: Vec<_> = parts.filter(|part| !part.is_empty() && *part != b".").collect();
    if parts.contains(&b"..".as_slice()) {
        return Err("an entry leads upwards by `..`");
    }
    match (parts.is_empty(), entry.kind) {
        (false, _) | (true, Kind::Directory) => Ok(parts),
        (true, _) => Err("an entry has no name"),
    }
}

/// The files that the daemon would take, in its order.
struct Wanted {
    files: Vec<WantedFile>,
}

struct WantedFile {
    parts: Vec<Vec<u8>>,
    content: Option<Vec<u8>>,
}

impl Wanted {
    /// Only a missing `Dockerfile` may be written in lower case instead.
    fn new(name: &str) -> Result<Self, Unreadable> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for part in name.split('/') {
            match part {
                "" | "." => {}
                // As Go `filepath.Clean` has it for an absolute path.
                ".." => drop(parts.pop()),
                part => parts.push(part.as_bytes().to_vec()),
            }
        }
        if parts.is_empty() {
            return Err("its Dockerfile has no name");
        }
        let mut files = vec![WantedFile { parts, content: None }];
        if name == DEFAULT_NAME {
            let parts = vec![name.to_ascii_lowercase().into_bytes()];
            files.push(WantedFile { parts, content: None });
        }
        Ok(Self { files })
    }
}

impl WantedFile {
    fn see<R: Read>(
        &mut self,
        path: &[&[u8]],
        entry: &Entry,
        archive: &mut Archive<R>,
    ) -> Result<(), Unreadable> {
        let shared = self.parts.iter().zip(path).take_while(|(own, other)| own == *other).count();
        let (is_within, is_above) = (shared == self.parts.len(), shared == path.len());
        match (is_within, is_above, entry.kind) {
            (true, true, Kind::File) if self.content.is_none() => {
                self.content = Some(archive.content(DOCKERFILE_BYTES_MAX)?);
                Ok(())
            }
            (true, true, Kind::File) => Err("its Dockerfile is in it twice"),
            (true, true, _) | (true, false, _) => Err("its Dockerfile is not a regular file"),
            (false, true, Kind::Directory) | (false, false, _) => Ok(()),
            (false, true, _) => Err("the folder of its Dockerfile is not a folder"),
        }
    }
}

/// The links met so far, by what their paths hash to: an entry below one would be written elsewhere.
#[derive(Default)]
struct Links {
    state: RandomState,
    hashes: HashSet<u64>,
    parts: usize,
}

impl Links {
    /// One pass over the path, however deep it is.
    fn check(&mut self, path: &[&[u8]], kind: Kind) -> Result<(), Unreadable> {
        if self.hashes.is_empty() && kind != Kind::Link {
            return Ok(());
        }
        self.parts += path.len();
        if self.parts > PARTS_MAX {
            return Err("the paths behind its first link are too many and too deep");
        }
        let mut hasher = self.state.build_hasher();
        let last = path.len().saturating_sub(1);
        for (at, part) in path.iter().enumerate() {
            hasher.write(part);
            hasher.write_u8(b'/');
            if at < last && self.hashes.contains(&hasher.finish()) {
                return Err("an entry lies behind a link");
            }
        }
        if kind == Kind::Link {
            self.hashes.insert(hasher.finish());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
