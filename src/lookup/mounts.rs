//! Under which other paths the host has the same files: one file system mounted in several places
//! (`mount --bind /root /srv/x`), as far as SecDocker's own table of mounts shows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use crate::policy::types::HostPath;

/// The longest table that is read, in bytes.
const TABLE_BYTES_MAX: u64 = 4 << 20;

/// The longest table that is read where nothing may take long, in bytes, and after a longer one how often not even
/// that is tried: the kernel writes each line anew, which takes about a microsecond.
const SHORT_TABLE_BYTES_MAX: usize = 16 << 10;
const TRIES_LEFT_OUT: u8 = 100;

/// File systems that never ask another machine or program what they have.
const LOCAL: [&str; 26] = [
    "bpf",
    "btrfs",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "pstore",
    "ramfs",
    "securityfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
    "vfat",
    "xfs",
];

/// The mounts of this process, in the order in which they were made (proc(5), `mountinfo`).
#[derive(Debug, Default)]
pub(super) struct Mounts {
    mounts: Vec<Mount>,
    by_device: HashMap<String, Vec<usize>>,
    is_local: bool,
}

/// How much may still be compared and found of other paths.
#[derive(Debug)]
pub(super) struct Effort {
    mounts: usize,
    aliases: usize,
}

impl Effort {
    /// Of one request, by a thread that may take its time.
    pub(super) fn of_one_round() -> Self {
        Self { mounts: usize::MAX, aliases: 65_536 }
    }

    /// Of one request, where nothing may take long: a tenth of a millisecond.
    pub(super) fn at_once() -> Self {
        Self { mounts: 8192, aliases: 256 }
    }

    /// Takes from it what a step costs; nothing if it has not that much, and then nothing from then on.
    fn spend(&mut self, mounts: usize, aliases: usize) -> Option<()> {
        let left = self.mounts.checked_sub(mounts).zip(self.aliases.checked_sub(aliases));
        let (mounts, aliases) = left.unwrap_or_default();
        *self = Self { mounts, aliases };
        left.map(|_| ())
    }
}

/// What a thread has read last.
#[derive(Default)]
struct Last {
    file: Option<File>,
    text: Vec<u8>,
    mounts: Rc<Mounts>,
    left_out: u8,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

#[derive(Debug)]
pub(super) struct Mount {
    pub(super) place: Place,
    pub(super) at: HostPath,
    /// The file system's type: `ext4`.
    kind: String,
}

/// A directory, or a file, of a file system, wherever that is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    device: String,
    pub(super) root: HostPath,
}

impl Mounts {
    /// Reads the table as it is now; none if it can't be read as a whole.
    pub(super) fn read() -> Option<Self> {
        use std::io::Read;
        // With room for most tables the kernel is not asked for one piece of a line after the other.
        let mut text = String::with_capacity(SHORT_TABLE_BYTES_MAX);
        let table = File::open("/proc/self/mountinfo").ok()?;
        let length = table.take(TABLE_BYTES_MAX).read_to_string(&mut text).ok()?;
        (u64::try_from(length).ok()? < TABLE_BYTES_MAX).then(|| Self::parse(&text))
    }

    /// Reads the table as it is now, if it is short. It is only taken apart anew where it has changed. That a folder above
    /// a place was renamed nothing tells, so that its text is read again each time.
    pub(super) fn read_at_once() -> Option<Rc<Self>> {
        LAST.with_borrow_mut(|last| {
            if last.left_out > 0 {
                last.left_out -= 1;
                return None;
            }
            let mut buffer = [0; SHORT_TABLE_BYTES_MAX];
            let Some(text) = last.read_table(&mut buffer)? else {
                last.left_out = TRIES_LEFT_OUT;
                return None;
            };
            if last.text != text {
                last.mounts = Rc::new(Self::parse(str::from_utf8(text).ok()?));
                last.text = text.to_vec();
            }
            Some(Rc::clone(&last.mounts))
        })
    }

    /// Reads a table: all lines of it that are about files.
    pub(super) fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for mount in text.lines().filter_map(Mount::parse) {
            let index = table.mounts.len();
            table.by_device.entry(mount.place.device.clone()).or_default().push(index);
            table.mounts.push(mount);
        }
        table.is_local = table.mounts.iter().all(Mount::is_local);
        table
    }

    /// Whether no file system asks another machine or program for anything.
    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Whether a file system is mounted at a path that may ask another machine or program for it.
    pub(super) fn is_remote(&self, path: &HostPath) -> bool {
        !self.is_local && self.mounts.iter().any(|mount| mount.at == *path && !mount.is_local())
    }

    /// Other paths of what is at `path`, a path without links, and of what is mounted below it: a
    /// bind takes the mounts below along. None if there are more than can be compared.
    pub(super) fn aliases(&self, path: &HostPath, effort: &mut Effort) -> Option<Vec<HostPath>> {
        let mut aliases = Vec::new();
        effort.spend(self.mounts.len(), 0)?;
        if self.holding(path).is_some() {
            self.add_places(&self.place(path)?, &mut aliases, effort)?;
        }
        // All that is below `/` has its path by that already.
        if !path.is_root() {
            for mount in self.mounts.iter().filter(|mount| mount.at.is_within(path)) {
                self.add_places(&mount.place, &mut aliases, effort)?;
            }
        }
        aliases.retain(|alias| alias != path);
        aliases.sort_unstable();
        aliases.dedup();
        Some(aliases)
    }

    /// The mount in which a path lies: the longest way down, and of several mounts there the last, which
    /// hides the others.
    fn holding(&self, path: &HostPath) -> Option<&Mount> {
        let holding = self.mounts.iter().filter(|mount| path.is_within(&mount.at));
        holding.max_by_key(|mount| mount.at.as_str().len())
    }

    /// What is at a path without links.
    pub(super) fn place(&self, path: &HostPath) -> Option<Place> {
        let Mount { place, at, .. } = self.holding(path)?;
        let root = joined(&place.root, below(path, at))?;
        Some(Place { device: place.device.clone(), root })
    }

    /// Under which paths all of a place can be reached.
    pub(super) fn paths(&self, place: &Place) -> Vec<HostPath> {
        let holds = |mount: &&Mount| place.root.is_within(&mount.place.root);
        let path = |mount: &Mount| joined(&mount.at, below(&place.root, &mount.place.root));
        self.of_device(&place.device).filter(holds).filter_map(path).collect()
    }

    /// All mounts.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter()
    }

    /// The last mount at a path, which hides the others there.
    pub(super) fn last_at(&self, path: &HostPath) -> Option<&Mount> {
        self.mounts.iter().rfind(|mount| mount.at == *path)
    }

    fn of_device(&self, device: &str) -> impl Iterator<Item = &Mount> {
        let indexes = self.by_device.get(device).into_iter().flatten();
        indexes.filter_map(|&index| self.mounts.get(index))
    }

    /// Where a directory of a file system, or a part of it, is mounted.
    fn add_places(
        &self,
        Place { device, root: inside }: &Place,
        aliases: &mut Vec<HostPath>,
        effort: &mut Effort,
    ) -> Option<()> {
        for mount in self.of_device(device) {
            let alias = if inside.is_within(&mount.place.root) {
                joined(&mount.at, below(inside, &mount.place.root))
            } else {
                mount.place.root.is_within(inside).then(|| mount.at.clone())
            };
            effort.spend(1, usize::from(alias.is_some()))?;
            aliases.extend(alias);
        }
        Some(())
    }
}

impl Last {
    /// The whole table, if it has room; nothing if it can't be read.
    fn read_table<'b>(&mut self, buffer: &'b mut [u8]) -> Option<Option<&'b [u8]>> {
        if self.file.is_none() {
            self.file = File::open("/proc/self/mountinfo").ok();
        }
        let file = self.file.as_ref()?;
        let mut length = 0;
        loop {
            let rest = buffer.get_mut(length..).filter(|rest| !rest.is_empty());
            let Some(rest) = rest else { return Some(None) };
            match file.read_at(rest, length as u64).ok()? {
                0 => return Some(buffer.get(..length)),
                count => length += count,
            }
        }
    }
}

impl Mount {
    fn is_local(&self) -> bool {
        LOCAL.contains(&self.kind.as_str())
    }

    /// Whether every container has it: its root, and the kernel's own file systems.
    pub(super) fn is_usual(&self) -> bool {
        const USUAL: [(&str, &str); 7] = [
            ("proc", "/proc"),
            ("sysfs", "/sys"),
            ("cgroup", "/sys/fs/cgroup"),
            ("cgroup2", "/sys/fs/cgroup"),
            ("mqueue", "/dev/mqueue"),
            ("devpts", "/dev/pts"),
            ("devpts", "/dev/console"),
        ];
        let is_at = |place: &str| {
            let rest = self.at.as_str().strip_prefix(place);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_usual = |(kind, place): &(&str, &str)| self.kind == *kind && is_at(place);
        self.at.is_root() || USUAL.iter().any(is_usual)
    }

    /// Reads `36 35 98:0 /root /mount/point options …`.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ').skip(2);
        let device = fields.next()?.to_owned();
        // Roots of file systems without directories, as `net:[4026531840]`, are no paths.
        let root = unescaped(fields.next()?);
        // What was removed meanwhile is reported as such.
        let root = HostPath::parse(root.strip_suffix("//deleted").unwrap_or(&root)).ok()?;
        let at = HostPath::parse(&unescaped(fields.next()?)).ok()?;
        let kind = fields.skip_while(|field| *field != "-").nth(1)?.to_owned();
        Some(Self { place: Place { device, root }, at, kind })
    }
}

/// What stands in `path` behind `above`, of which it is known to be below.
pub(super) fn below<'a>(path: &'a HostPath, above: &HostPath) -> &'a str {
    let above = if above.is_root() { "" } else { above.as_str() };
    path.as_str().strip_prefix(above).unwrap_or_default()
}

fn joined(path: &HostPath, rest: &str) -> Option<HostPath> {
    HostPath::parse(&format!("{path_text}/{rest}", path_text = path.as_str())).ok()
}

/// The kernel writes white space and backslashes as three octal digits.
fn unescaped(text: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests;
