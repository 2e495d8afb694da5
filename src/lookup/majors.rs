//! Which character devices hold no files of the host, by the numbers and names of their drivers.

use std::fs;

use crate::policy::majors::{self, Numbered};

/// Drivers with a number of their own choice that hold no files: the beginnings of their names in `/proc/devices`.
const HARMLESS_DRIVERS: [&str; 22] = [
    "accel",
    "cec",
    "dma_heap",
    "drm_dp_aux",
    "gpiochip",
    "hidraw",
    "iio",
    "kfd",
    "lirc",
    "media",
    "nvidia",
    "pps",
    "ptp",
    "rtc",
    "tpm",
    "ttyACM",
    "ttyDBC",
    "ttyUSB",
    "usb_device",
    "v4l",
    "video4linux",
    "watchdog",
];

/// Whether a character device with these numbers may hold files of the host. One that is not known does.
pub(super) fn may_be_disk(major: u32, minor: u32) -> bool {
    match majors::character(major, Some(minor)) {
        Numbered::Harmless => false,
        Numbered::Disk => true,
        Numbered::Dynamic => {
            let table = fs::read_to_string("/proc/devices").unwrap_or_default();
            !is_of_harmless_drivers(major, &table)
        }
    }
}

/// Whether all drivers with this number are harmless, in a table as in `/proc/devices`.
fn is_of_harmless_drivers(major: u32, table: &str) -> bool {
    let characters = table.split("Block devices:").next().unwrap_or_default();
    let mut names = characters.lines().filter_map(|line| {
        let (number, name) = line.trim().split_once(' ')?;
        (number.parse() == Ok(major)).then_some(name)
    });
    let is_harmless = |name: &str| HARMLESS_DRIVERS.iter().any(|known| name.starts_with(known));
    let mut is_there = false;
    let all = names.all(|name| {
        is_there = true;
        is_harmless(name)
    });
    is_there && all
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Character devices:\n  1 mem\n 21 sg\n235 hidraw\n240 nvme-generic\n\
                         241 nvme\n242 bsg\n243 rtc\n243 other\n\nBlock devices:\n254 rtc\n";

    #[test]
    fn drivers_by_their_names() {
        for (major, is_harmless) in [
            (235, true),
            (240, false),
            (241, false),
            (242, false),
            (243, false),
            (250, false),
            (254, false),
        ] {
            assert_eq!(is_of_harmless_drivers(major, TABLE), is_harmless, "{major}");
        }
    }
}
