//! What a SecDocker with these settings keeps of the rights that it was started with.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::client::Fact;
use crate::config::{Account, MetricsAddress, Sandbox, Settings, UpstreamAddress};
use crate::policy::Policy;
use crate::sandbox::{self, Capability, Plan, Unused, What, Written};

/// Why there is no Landlock where other processes must be seen.
const SEEN: &str = "Landlock (rules or clients need a look into other processes)";

/// Gives up all that is not needed any more; says what could not be given up.
///
/// # Errors
/// If the process cannot become `user`.
pub(super) fn confine(settings: &Settings) -> io::Result<Vec<String>> {
    if let Some(account) = &settings.account {
        // The log is its own from now on. If that fails, it cannot be opened, which is said then.
        let _ = give(&settings.log.file, account);
    }
    let mut missing = sandbox::give_up(&plan(settings))?;
    if settings.sandbox == Sandbox::On && looks_into_processes(settings) {
        missing.push(SEEN.to_owned());
    }
    Ok(missing)
}

/// Gives a file to an account, if it was root's. No link is followed: the folder may be the account's already, which
/// must not get whatever it points at.
fn give(file: &Path, account: &Account) -> io::Result<()> {
    let links = OFlags::NOFOLLOW.bits().cast_signed();
    let file = File::options().append(true).create(true).custom_flags(links).open(file)?;
    let found = file.metadata()?;
    if found.is_file() && found.nlink() == 1 && found.uid() == 0 {
        fchown(&file, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}

/// Whether new settings need more than what was kept for those of the start.
pub(super) fn lacks(started_with: &Settings, now: &Settings) -> bool {
    let (kept, needed) = (plan(started_with), plan(now));
    let lacks_capability = match (kept.capabilities, needed.capabilities) {
        (Some(kept), Some(needed)) => needed.iter().any(|one| !kept.contains(one)),
        _ => false,
    };
    let lacks_place = match (kept.written, needed.written) {
        (Some(kept), Some(needed)) => needed.iter().any(|one| !kept.contains(one)),
        (Some(_), None) => true,
        (None, _) => false,
    };
    lacks_capability || lacks_place
}

fn plan(settings: &Settings) -> Plan {
    let (is_on, account) = (settings.sandbox == Sandbox::On, settings.account.clone());
    Plan {
        capabilities: (is_on || account.is_some()).then(|| capabilities(settings)),
        account,
        written: (is_on && !looks_into_processes(settings)).then(|| written(settings)),
        calls: match settings.sandbox {
            Sandbox::On => Some(Unused::Refused),
            Sandbox::Log => Some(Unused::Logged),
            Sandbox::Off => None,
        },
    }
}

fn policies(settings: &Settings) -> impl Iterator<Item = &Policy> {
    let of_clients = settings.clients.list.iter().map(|client| &*client.policy);
    of_clients.chain([&*settings.policy])
}

fn capabilities(settings: &Settings) -> Vec<Capability> {
    let is_root = settings.account.is_none();
    let kept = [
        (Capability::NetAdmin, settings.upstream_mark.is_some()),
        (Capability::DacReadSearch, is_root || policies(settings).any(Policy::judges_mounts)),
        (Capability::SysPtrace, looks_into_processes(settings)),
        (Capability::DacOverride, is_root && !owned_by_root(settings)),
    ];
    kept.into_iter().filter(|(_, is_kept)| *is_kept).map(|(capability, _)| capability).collect()
}

/// Whether namespaces of containers are looked at, or processes of clients that come by TCP.
fn looks_into_processes(settings: &Settings) -> bool {
    let tells_apart = |fact: Fact| match fact {
        Fact::ControlGroup | Fact::Container | Fact::User => settings.listen.tcp.is_some(),
        Fact::Certificate => false,
    };
    let told = settings.clients.list.iter().flat_map(|client| client.wanted.needs());
    told.into_iter().any(tells_apart) || policies(settings).any(Policy::judges_reach)
}

/// Whether root may write what is to be written as its owner.
fn owned_by_root(settings: &Settings) -> bool {
    let log = &settings.log.file;
    let daemon = match &settings.dockerapi {
        UpstreamAddress::Unix(path) => Some(path),
        UpstreamAddress::Tcp(_) => None,
    };
    let paths = [Some(log.clone()), Some(folder_of(log)), daemon.cloned()];
    // What is not there yet will be made by somebody: by root in a folder of root's.
    let paths = paths.into_iter().flatten().chain(daemon.map(|path| folder_of(path)));
    let paths = paths.chain(unix_paths(settings).map(folder_of));
    paths.filter_map(|path| std::fs::metadata(path).ok()).all(|file| file.uid() == 0)
}

/// The files of its own Unix sockets, which it removes at the end.
fn unix_paths(settings: &Settings) -> impl Iterator<Item = &Path> {
    let metrics = settings.metrics.as_ref().and_then(|metrics| match &metrics.address {
        MetricsAddress::Unix(unix) => Some(unix),
        MetricsAddress::Tcp(_) => None,
    });
    settings.listen.unix.iter().chain(metrics).map(|unix| unix.path.as_path())
}

fn written(settings: &Settings) -> Vec<Written> {
    let log = &settings.log.file;
    let is_device = std::fs::metadata(log).is_ok_and(|file| !file.is_file());
    let log = if is_device { log.clone() } else { folder_of(log) };
    let mut places = vec![
        Written { path: log, as_what: What::Files },
        Written { path: PathBuf::from("/dev/null"), as_what: What::Files },
    ];
    for path in unix_paths(settings) {
        places.push(Written { path: folder_of(path), as_what: What::Removals });
    }
    if policies(settings).any(|policy| policy.build_group.is_some()) {
        places.push(Written { path: PathBuf::from("/sys/fs/cgroup"), as_what: What::Folders });
    }
    places
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
