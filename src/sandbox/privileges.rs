//! Users, groups and capabilities (credentials(7), capabilities(7)). The calls are those of the kernel, which change
//! one thread: there must be no other.

use std::io;

use rustix::process::{Gid, Uid, getegid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities, set_keep_capabilities, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use crate::config::Account;

/// A right of root's that SecDocker may have a use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Marks on connections.
    NetAdmin,
    /// What is below folders that are private to somebody.
    DacReadSearch,
    /// The same, to write.
    DacOverride,
    /// Namespaces and sockets of processes.
    SysPtrace,
}

impl Capability {
    fn bits(self) -> CapabilitySet {
        match self {
            Self::NetAdmin => CapabilitySet::NET_ADMIN,
            Self::DacReadSearch => CapabilitySet::DAC_READ_SEARCH,
            Self::DacOverride => CapabilitySet::DAC_OVERRIDE,
            Self::SysPtrace => CapabilitySet::SYS_PTRACE,
        }
    }
}

/// Becomes a user, with the capabilities that were there.
pub(super) fn become_user(account: &Account) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    if geteuid() == uid && getegid() == gid {
        return Ok(());
    }
    set_keep_capabilities(true)?;
    let groups: Vec<_> = account.groups.iter().copied().map(Gid::from_raw).collect();
    set_thread_groups(&groups)?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    // Who becomes another user has lost those in effect, not those that it may take.
    let has = capabilities(None)?;
    set_capabilities(None, CapabilitySets { effective: has.permitted, ..has })?;
    Ok(())
}

/// Gives up all capabilities but these, for ever.
pub(super) fn keep(kept: &[Capability]) -> io::Result<()> {
    let kept = kept.iter().fold(CapabilitySet::empty(), |all, one| all | one.bits());
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if !kept.contains(one) {
            // The kernel has fewer, and not everybody may: who has no right has nothing to lose by a bound either.
            let _ = remove_capability_from_bounding_set(one);
        }
    }
    let permitted = capabilities(None)?.permitted;
    if kept.contains(permitted) {
        // There is nothing to give up, and a service manager may not let anybody ask.
        return Ok(());
    }
    let (has, inheritable) = (permitted & kept, CapabilitySet::empty());
    set_capabilities(None, CapabilitySets { effective: has, permitted: has, inheritable })?;
    Ok(())
}
