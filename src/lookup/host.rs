//! What this host is: its disks, its addresses.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::SystemTime;

use rustix::io::Errno;
use rustix::net::netdevice;

use super::{links, majors};
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

/// Loop devices (Linux `Documentation/admin-guide/devices.txt`): disks while a file is behind them.
const LOOP: u32 = 7;

/// CD-ROMs: they hold what somebody put there.
const CD_ROM: u32 = 11;

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
    let (major, minor) = (major(found.rdev()), minor(found.rdev()));
    if kind.is_block_device() {
        return Some(is_disk(major, minor));
    }
    if kind.is_char_device() {
        return Some(majors::may_be_disk(major, minor));
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

fn is_disk(major: u32, minor: u32) -> bool {
    match major {
        CD_ROM => false,
        LOOP => {
            let file = format!("/sys/dev/block/{LOOP}:{minor}/loop/backing_file");
            // Without the system's files nobody can tell.
            Path::new(&file).exists() || !Path::new("/sys/dev/block").exists()
        }
        _ => true,
    }
}

/// The upper part of a device number, as the C library's `gnu_dev_major` takes it out.
fn major(number: u64) -> u32 {
    low_word((number >> 8 & 0xfff) | (number >> 32 & 0xffff_f000))
}

/// The lower part, as `gnu_dev_minor` takes it out.
fn minor(number: u64) -> u32 {
    low_word((number & 0xff) | (number >> 12 & 0xffff_ff00))
}

fn low_word(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// The longest name by which the kernel can be asked for an interface, in bytes (`IFNAMSIZ` without the zero
/// at its end, netdevice(7)). A longer one may be another name of one, to a query by netlink.
const INTERFACE_NAME_BYTES_MAX: usize = 15;

/// Whether this host has an interface of that name, which may have several; none if that can't be told.
pub(super) fn has_interface(name: &str) -> Option<bool> {
    if name.len() > INTERFACE_NAME_BYTES_MAX {
        return None;
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    match netdevice::name_to_index(&socket, name) {
        Ok(_) => Some(true),
        Err(Errno::NODEV) => Some(false),
        Err(_) => None,
    }
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
    fn interfaces_of_this_host() {
        let long = "a-name-of-16-let";
        for (name, expected) in [("lo", Some(true)), ("no-such-0", Some(false)), (long, None)] {
            assert_eq!(has_interface(name), expected, "{name}");
        }
    }

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

    /// A node is what its numbers say, whatever it is called; this needs root.
    #[test]
    fn nodes_by_their_numbers() {
        let dir = std::env::temp_dir().join(format!("secdocker-nodes-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for (name, kind, major, minor, is_disk) in [
            ("null", "c", 10, 200, false),
            ("harmless", "c", 21, 0, true),
            ("innocent", "c", 511, 9, true),
            ("tape", "c", 9, 0, true),
            ("disk", "b", 8, 0, true),
            ("cd", "b", 11, 0, false),
            ("loop", "b", 7, 250, false),
        ] {
            let path = dir.join(name);
            let mut mknod = std::process::Command::new("mknod");
            let made = mknod.arg(&path).args([kind, &major.to_string(), &minor.to_string()]);
            if !made.output().is_ok_and(|output| output.status.success()) {
                println!("device nodes can't be made here");
                break;
            }
            let link = dir.join(format!("{name}-link"));
            std::os::unix::fs::symlink(&path, &link).unwrap();
            for path in [path, link] {
                let path = HostPath::parse(path.to_str().unwrap()).unwrap();
                let expected = if is_disk { DeviceFacts::Disk } else { DeviceFacts::Other };
                assert_eq!(device(&path), Some(expected), "{path}");
            }
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn majors() {
        assert_eq!(major(0xfe00), 254);
        assert_eq!((major(0x0801), minor(0x0801)), (8, 1));
        assert_eq!((major(0x10_0830), minor(0x10_0830)), (8, 0x130));
    }
}
