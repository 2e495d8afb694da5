//! Numbers of character devices: which hold no files of the host.

/// Numbers that were given out for ever (Linux `Documentation/admin-guide/devices.txt`): terminals,
/// input, sound, cameras, GPUs, serial lines, USB, buses and the like. What is not here may pass
/// commands to a disk: SCSI generic (21), tapes (9), MTD (90), raw disks (162), MSRs (202).
const HARMLESS: [u32; 33] = [
    1, 2, 3, 4, 5, 6, 7, 10, 13, 14, 29, 81, 89, 99, 108, 116, 136, 137, 138, 139, 140, 141, 142,
    143, 153, 166, 180, 188, 189, 195, 203, 204, 226,
];

/// The driver of memory and I/O ports of the machine, beside `/dev/null` and the like.
const MEM: u32 = 1;

/// Its devices that are no more than a source or a sink: null, zero, full, random, urandom, kmsg.
const HARMLESS_OF_MEM: [u32; 6] = [3, 5, 7, 8, 9, 11];

/// What is known of a character device by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// It holds no files of the host.
    Harmless,
    /// Its number is given out as drivers come: what has it today says nothing of tomorrow.
    Dynamic,
    /// It may hold files of the host, or its memory.
    Disk,
}

/// What a character device is by its numbers; without a minor, any of the major's.
#[must_use]
pub fn character(major: u32, minor: Option<u32>) -> Numbered {
    match major {
        234..=254 | 384..=511 => Numbered::Dynamic,
        MEM if minor.is_none_or(|minor| !HARMLESS_OF_MEM.contains(&minor)) => Numbered::Disk,
        major if HARMLESS.contains(&major) => Numbered::Harmless,
        _ => Numbered::Disk,
    }
}

/// Whether a device rule (`c 10:200 rwm`) may be for disks: with MKNOD, which every container has, a
/// number is the device.
pub(in crate::policy) fn rule_may_be_for_disks(rule: &str) -> bool {
    let Some(numbers) = rule.strip_prefix('c').map(str::trim_start) else { return true };
    let numbers = numbers.split_whitespace().next().unwrap_or_default();
    let (major, minor) = numbers.split_once(':').unwrap_or((numbers, "*"));
    let number = |text: &str| text.parse::<u32>().ok();
    match number(major) {
        None => true,
        Some(major) => character(major, number(minor)) != Numbered::Harmless,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_may_be_disks() {
        for (major, minor, expected) in [
            (1, Some(3), Numbered::Harmless),
            (1, Some(1), Numbered::Disk),
            (1, None, Numbered::Disk),
            (5, Some(2), Numbered::Harmless),
            (9, None, Numbered::Disk),
            (10, Some(200), Numbered::Harmless),
            (21, None, Numbered::Disk),
            (90, None, Numbered::Disk),
            (162, Some(1), Numbered::Disk),
            (195, None, Numbered::Harmless),
            (226, None, Numbered::Harmless),
            (233, None, Numbered::Disk),
            (234, None, Numbered::Dynamic),
            (254, Some(0), Numbered::Dynamic),
            (300, None, Numbered::Disk),
            (384, None, Numbered::Dynamic),
            (511, None, Numbered::Dynamic),
        ] {
            assert_eq!(character(major, minor), expected, "{major}:{minor:?}");
        }
    }

    #[test]
    fn rules_for_disks() {
        for rule in [
            "a *:* rwm",
            "b 8:0 r",
            "b 7:0 rwm",
            "c *:* rwm",
            "c 21:* rwm",
            "c 90:0 r",
            "c 254:0 rwm",
            "c 240:* rwm",
            "c 384:1 r",
            "c 233:0 r",
            "c 1:* rwm",
            "c 1:1 r",
            "c",
            "c x:0 r",
        ] {
            assert!(rule_may_be_for_disks(rule), "{rule}");
        }
        for rule in
            ["c 10:200 rwm", "c 1:3 rwm", "c 189:* rmw", "c 195:* rwm", "c 226:* rwm", "c 81:0 r"]
        {
            assert!(!rule_may_be_for_disks(rule), "{rule}");
        }
    }
}
