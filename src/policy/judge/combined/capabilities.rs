//! Which capabilities give root of a container the power of root of the host, each judged for a host
//! without AppArmor and SELinux: their confinement is not there by default, and where it is, it does
//! not reach all that a capability allows (`bpf(2)`).
//!
//! What is said of each is the kernel's `include/uapi/linux/capability.h` and capabilities(7), with the
//! container's own namespaces (but the user namespace, which is the host's) and the daemon's default
//! seccomp profile, which allows the system calls of a capability along with it.

use crate::policy::effects::NamespaceKind;

/// What makes a capability enough.
#[derive(Debug, Clone, Copy)]
pub(super) enum Beside {
    /// Another seccomp profile than the daemon's own.
    NoSeccomp,
    /// Another capability.
    Capability(&'static str),
    /// A namespace of the host, or of a container that may share it.
    Shared(NamespaceKind),
}

/// What a capability is worth where privileged mode is forbidden.
#[derive(Debug, Clone, Copy)]
pub(super) enum Power {
    /// It is privileged mode by itself, and why.
    Alone(&'static str),
    /// It is privileged mode beside any of these.
    With(&'static [Beside]),
    /// It is not: every container has it.
    Default,
    /// It is not: what it reaches is the container's own, or harms the host without ruling it.
    Ordinary,
}

use Power::{Alone, Default, Ordinary, With};

/// All capabilities of Linux 6.18, and `ALL`.
pub(super) const POWERS: [(&str, Power); 42] = [
    ("ALL", Alone("which is every one")),
    ("AUDIT_CONTROL", Ordinary),
    ("AUDIT_READ", Ordinary),
    ("AUDIT_WRITE", Default),
    ("BLOCK_SUSPEND", Ordinary),
    (
        "BPF",
        // Tracing programs read all memory of the kernel; those of control groups are the host's.
        With(&[Beside::Capability("PERFMON"), Beside::Shared(NamespaceKind::Cgroup)]),
    ),
    ("CHECKPOINT_RESTORE", Ordinary),
    ("CHOWN", Default),
    ("DAC_OVERRIDE", Default),
    // open_by_handle_at(2) from any file of the host, and the daemon binds three into every container.
    ("DAC_READ_SEARCH", Alone("which opens any file of the host by its handle")),
    ("FOWNER", Default),
    ("FSETID", Default),
    ("IPC_LOCK", Ordinary),
    ("IPC_OWNER", Ordinary),
    ("KILL", Default),
    ("LEASE", Ordinary),
    ("LINUX_IMMUTABLE", Ordinary),
    ("MAC_ADMIN", Ordinary),
    ("MAC_OVERRIDE", Ordinary),
    ("MKNOD", Default),
    (
        "NET_ADMIN",
        // By the number of a process it reaches that process' network.
        With(&[Beside::Shared(NamespaceKind::Network), Beside::Shared(NamespaceKind::Pid)]),
    ),
    ("NET_BIND_SERVICE", Default),
    ("NET_BROADCAST", Ordinary),
    ("NET_RAW", Default),
    ("PERFMON", Ordinary),
    ("SETFCAP", Default),
    ("SETGID", Default),
    ("SETPCAP", Default),
    ("SETUID", Default),
    ("SYSLOG", Ordinary),
    // A new /proc or control group has no read-only parts, and bpf(2) reaches the kernel.
    ("SYS_ADMIN", Alone("which mounts file systems and reaches the kernel")),
    (
        "SYS_BOOT",
        // kexec_load(2) is not in the default profile, and reboot(2) ends the namespace of processes.
        With(&[Beside::NoSeccomp, Beside::Shared(NamespaceKind::Pid)]),
    ),
    ("SYS_CHROOT", Default),
    ("SYS_MODULE", Alone("which loads code into the kernel")),
    ("SYS_NICE", Ordinary),
    ("SYS_PACCT", Ordinary),
    ("SYS_PTRACE", With(&[Beside::Shared(NamespaceKind::Pid)])),
    ("SYS_RAWIO", Alone("which reaches the memory and disks of the host")),
    ("SYS_RESOURCE", Ordinary),
    ("SYS_TIME", Ordinary),
    ("SYS_TTY_CONFIG", Ordinary),
    ("WAKE_ALARM", Ordinary),
];

/// All capabilities that are known.
pub(in crate::policy) fn capability_names() -> impl Iterator<Item = &'static str> {
    POWERS.iter().map(|(name, _)| *name)
}

/// What a capability is worth; none if it is not one of those that are known.
pub(super) fn power(name: &str) -> Option<Power> {
    POWERS.iter().find(|(known, _)| *known == name).map(|(_, power)| *power)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The capabilities of every container (moby `oci/caps/defaults.go`).
    const DEFAULTS: [&str; 14] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];

    #[test]
    fn each_capability_is_judged_once() {
        let mut names: Vec<_> = POWERS.iter().map(|(name, _)| *name).collect();
        assert!(names.is_sorted());
        names.dedup();
        assert_eq!(names.len(), POWERS.len());
        let defaults = POWERS.iter().filter(|(_, power)| matches!(power, Default));
        assert!(defaults.map(|(name, _)| *name).eq(DEFAULTS));
    }

    /// The kernel of this machine may have more by then.
    #[test]
    fn the_kernel_has_no_more_of_them() {
        let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
        if let Ok(last) = last.trim().parse::<usize>() {
            assert!(last < POWERS.len() - 1, "capability {last} is not judged");
        }
    }

    #[test]
    fn the_documentation_reasons_about_each() {
        let rules = include_str!("../../../../docs/RULES.md");
        for (name, _) in POWERS {
            let is_row = |line: &str| line.starts_with('|') && line.contains(&format!("`{name}`"));
            assert!(rules.lines().any(is_row), "{name} is not in docs/RULES.md");
        }
    }
}
