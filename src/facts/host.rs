//! What this host is: its disks, its addresses.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::SystemTime;

use super::links;
use crate::policy::facts::{AddressFacts, DeviceFacts};
use crate::policy::types::HostPath;

const SECONDS_PER_DAY: u64 = 86_400;

/// How many days after 1970-01-01 it is (UTC). A clock before has the first day.
pub(crate) fn days_since_epoch() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_secs() / SECONDS_PER_DAY
}

/// The most entries of a folder of devices, and of all folders below it, that are looked at.
const ENTRIES_MAX: usize = 4096;

/// Numbers of the drivers of loop devices and CD-ROMs (Linux `Documentation/admin-guide/devices.txt`):
/// they hold what somebody put there.
const HARMLESS_MAJORS: [u64; 2] = [7, 11];

/// What is at a path, links followed; none if that can't be told.
pub(super) fn device(path: &HostPath) -> Option<DeviceFacts> {
    // What a process has there only that one sees.
    links::resolve(path)?;
    let mut left = ENTRIES_MAX;
    has_disk(Path::new(path.as_str()), &mut left)
        .map(|has| if has { DeviceFacts::Disk } else { DeviceFacts::Other })
}

fn has_disk(path: &Path, left: &mut usize) -> Option<bool> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        // The daemon finds nothing there either.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(false),
        Err(_) => return None,
    };
    let kind = found.file_type();
    if kind.is_block_device() {
        return Some(!HARMLESS_MAJORS.contains(&major(found.rdev())));
    }
    if kind.is_char_device() {
        return Some(passes_commands_to_disks(path, major(found.rdev())));
    }
    if !kind.is_dir() {
        return Some(false);
    }
    for entry in fs::read_dir(path).ok()? {
        *left = left.checked_sub(1)?;
        let entry = entry.ok()?;
        // The daemon doesn't follow links inside a folder either.
        if !entry.file_type().ok()?.is_symlink() && has_disk(&entry.path(), left)? {
            return Some(true);
        }
    }
    Some(false)
}

/// SCSI generic (21) and MTD (90) have numbers of their own; those of `bsg` and NVMe are given out as
/// they come (Linux `Documentation/admin-guide/devices.txt`).
fn passes_commands_to_disks(path: &Path, major: u64) -> bool {
    let is_named = |part: &std::ffi::OsStr| {
        let name = part.to_string_lossy();
        name == "bsg" || name.starts_with("nvme") || name.starts_with("ng")
    };
    matches!(major, 21 | 90) || path.iter().any(is_named)
}

/// The upper part of a device number, as the C library's `gnu_dev_major` takes it out.
fn major(number: u64) -> u64 {
    (number >> 8 & 0xfff) | (number >> 32 & 0xffff_f000)
}

/// Whether an address is one of this host's: only to these can a socket be bound.
pub(super) fn address(address: IpAddr) -> Option<AddressFacts> {
    match UdpSocket::bind((address, 0)) {
        Ok(_) => Some(AddressFacts::Own),
        Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => {
            Some(AddressFacts::Other)
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn addresses_of_this_host() {
        for (text, expected) in [
            ("127.0.0.1", AddressFacts::Own),
            ("127.9.8.7", AddressFacts::Own),
            ("192.0.2.1", AddressFacts::Other),
        ] {
            assert_eq!(address(text.parse().unwrap()), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_disk() {
        for path in ["/dev/null", "/nowhere/at/all", "/dev/pts"] {
            let path = HostPath::parse(path).unwrap();
            assert_eq!(device(&path), Some(DeviceFacts::Other), "{path}");
        }
    }

    #[test]
    fn characters_that_are_disks() {
        for (path, major, is_one) in [
            ("/dev/sg0", 21, true),
            ("/dev/bsg/0:0:0:0", 250, true),
            ("/dev/nvme0", 244, true),
            ("/dev/mtd0", 90, true),
            ("/dev/net/tun", 10, false),
            ("/dev/kvm", 10, false),
        ] {
            assert_eq!(passes_commands_to_disks(Path::new(path), major), is_one, "{path}");
        }
    }

    #[test]
    fn majors() {
        assert_eq!(major(0xfe00), 254);
        assert_eq!(major(0x0801), 8);
    }
}
