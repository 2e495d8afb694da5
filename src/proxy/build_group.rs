//! The control group in which steps of builds run: made with its limits, or given other ones, on a host whose
//! daemon is told to put them there. Control groups v1 (one tree a controller) and v2 (cgroups(7)).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Settings, UpstreamAddress};
use crate::policy::Policy;
use crate::policy::build_steps::BuildGroup;
use crate::policy::ceilings::Ceilings;
use crate::policy::types::{Bytes, NanoCpus};

/// In which CPU time is counted, in microseconds: what is usual. The least that `general.cpu` may be is the
/// least that the kernel takes in it.
const PERIOD: i64 = 100_000;

/// Why there is no such control group.
#[derive(Debug)]
pub enum BuildGroupError {
    /// The daemon is on another host.
    NotLocal,
    /// It can't be made, or not be limited; the path says what.
    Io(PathBuf, io::Error),
    /// The kernel has no such controller.
    NoController(&'static str),
}

impl std::fmt::Display for BuildGroupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("restrictions.builds.cgroup: ")?;
        match self {
            Self::NotLocal => f.write_str("`dockerapi` is not a socket of this host"),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NoController(name) => write!(f, "this host has no controller `{name}`"),
        }
    }
}

impl std::error::Error for BuildGroupError {}

/// Makes the control groups that these settings name, for all or for some clients, where anything is to be
/// limited.
///
/// # Errors
/// [`BuildGroupError`] if builds would not be held to the limits.
pub fn prepare(settings: &Settings) -> Result<(), BuildGroupError> {
    let of_clients = settings.clients.list.iter().map(|client| &client.policy);
    let mut all = of_clients.chain([&settings.policy]);
    all.try_for_each(|policy| prepare_for(settings, policy))
}

fn prepare_for(settings: &Settings, policy: &Policy) -> Result<(), BuildGroupError> {
    let Policy { build_group, ceilings, .. } = policy;
    let Some(group) = build_group else { return Ok(()) };
    if ceilings.memory.is_none() && ceilings.cpu.is_none() {
        return Ok(());
    }
    if !matches!(settings.dockerapi, UpstreamAddress::Unix(_)) {
        return Err(BuildGroupError::NotLocal);
    }
    limit(Path::new("/sys/fs/cgroup"), group, ceilings)
}

fn limit(root: &Path, group: &BuildGroup, ceilings: &Ceilings) -> Result<(), BuildGroupError> {
    match root.join("cgroup.controllers").exists() {
        true => limit_unified(root, group, ceilings),
        false => limit_separate(root, group, ceilings),
    }
}

/// Version 2: one tree, in which each level says which controllers the next has.
fn limit_unified(
    root: &Path,
    group: &BuildGroup,
    ceilings: &Ceilings,
) -> Result<(), BuildGroupError> {
    // Whichever version 1 has, version 2 has not.
    let said = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
    let has = |controller: &str| said.split_whitespace().any(|it| it == controller);
    if let Some(missing) = ["memory", "cpu"].into_iter().find(|controller| !has(controller)) {
        return Err(BuildGroupError::NoController(missing));
    }
    let mut directory = root.to_owned();
    for step in group.as_str().split('/').filter(|step| !step.is_empty()) {
        for controller in ["+memory", "+cpu"] {
            write(&directory.join("cgroup.subtree_control"), controller)?;
        }
        directory.push(step);
        make(&directory)?;
    }
    let most = |bytes: Option<Bytes>| bytes.map_or("max".to_owned(), |it| it.get().to_string());
    write(&directory.join("memory.max"), &most(ceilings.memory))?;
    // Swap alone, not with the memory; a kernel may have none.
    let swap = directory.join("memory.swap.max");
    if swap.exists() {
        write(&swap, &most(ceilings.memory))?;
    }
    let quota = ceilings.cpu.map_or("max".to_owned(), |cpus| quota(cpus).to_string());
    write(&directory.join("cpu.max"), &format!("{quota} {PERIOD}"))
}

/// Version 1: a tree for each controller.
fn limit_separate(
    root: &Path,
    group: &BuildGroup,
    ceilings: &Ceilings,
) -> Result<(), BuildGroupError> {
    let directory = |controller: &'static str| {
        let tree = root.join(controller);
        match tree.is_dir() {
            true => Ok(tree.join(group.as_str().trim_start_matches('/'))),
            false => Err(BuildGroupError::NoController(controller)),
        }
    };
    let (memory, cpu) = (directory("memory")?, directory("cpu")?);
    make(&memory)?;
    make(&cpu)?;
    // Those below must count towards it; only with none below can that be said.
    let hierarchy = memory.join("memory.use_hierarchy");
    if fs::read_to_string(&hierarchy).is_ok_and(|said| said.trim() == "0") {
        write(&hierarchy, "1")?;
    }
    let bytes = ceilings.memory.map_or(-1, Bytes::get);
    let both = memory.join("memory.memsw.limit_in_bytes");
    let limit = memory.join("memory.limit_in_bytes");
    // Memory with swap is never less than memory: whichever goes beyond the other's former limit waits.
    if write(&limit, &bytes.to_string()).is_err() && both.exists() {
        write(&both, &bytes.saturating_mul(2).to_string())?;
    }
    write(&limit, &bytes.to_string())?;
    if both.exists() {
        write(&both, &bytes.saturating_mul(2).max(-1).to_string())?;
    }
    write(&cpu.join("cpu.cfs_period_us"), &PERIOD.to_string())?;
    let quota = ceilings.cpu.map_or(-1, quota);
    write(&cpu.join("cpu.cfs_quota_us"), &quota.to_string())
}

fn quota(cpus: NanoCpus) -> i64 {
    let quota = i128::from(cpus.get()) * i128::from(PERIOD) / i128::from(NanoCpus::PER_CPU);
    i64::try_from(quota).unwrap_or(i64::MAX)
}

fn make(directory: &Path) -> Result<(), BuildGroupError> {
    fs::create_dir_all(directory).map_err(|error| BuildGroupError::Io(directory.to_owned(), error))
}

fn write(file: &Path, text: &str) -> Result<(), BuildGroupError> {
    fs::write(file, text).map_err(|error| BuildGroupError::Io(file.to_owned(), error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("secdocker-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn ceilings(memory: Option<&str>, cpu: Option<&str>) -> Ceilings {
        let memory = memory.map(|text| Bytes::parse(text).unwrap());
        let cpu = cpu.map(|text| NanoCpus::parse(text).unwrap());
        Ceilings { memory, cpu, ..Ceilings::default() }
    }

    #[test]
    fn version_2_has_one_tree() {
        let root = directory("unified");
        let group = BuildGroup::parse("/builds/ours").unwrap();
        for (there, expected) in [("hugetlb cpu pids", "memory"), ("memory hugetlb", "cpu")] {
            fs::write(root.join("cgroup.controllers"), there).unwrap();
            let missing = limit(&root, &group, &ceilings(Some("20m"), None));
            assert!(
                matches!(missing, Err(BuildGroupError::NoController(name)) if name == expected)
            );
        }
        fs::write(root.join("cgroup.controllers"), "cpu memory").unwrap();
        fs::create_dir_all(root.join("builds/ours")).unwrap();
        fs::write(root.join("builds/ours/memory.swap.max"), "max").unwrap();
        limit(&root, &group, &ceilings(Some("20m"), Some("1.5"))).unwrap();
        let said = |file: &str| fs::read_to_string(root.join(file)).unwrap();
        assert_eq!(said("builds/ours/memory.max"), "20971520");
        assert_eq!(said("builds/ours/memory.swap.max"), "20971520");
        assert_eq!(said("builds/ours/cpu.max"), "150000 100000");
        assert_eq!(said("cgroup.subtree_control"), "+cpu");
        assert_eq!(said("builds/cgroup.subtree_control"), "+cpu");
        limit(&root, &group, &ceilings(None, Some("0.01"))).unwrap();
        assert_eq!(
            (said("builds/ours/memory.max"), said("builds/ours/cpu.max")),
            ("max".to_owned(), "1000 100000".to_owned())
        );
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn version_1_has_a_tree_for_each_controller() {
        let root = directory("separate");
        let group = BuildGroup::parse("/builds").unwrap();
        let missing = limit(&root, &group, &ceilings(Some("1m"), None));
        assert!(matches!(missing, Err(BuildGroupError::NoController("memory"))));
        fs::create_dir_all(root.join("memory/builds")).unwrap();
        fs::create_dir_all(root.join("cpu")).unwrap();
        fs::write(root.join("memory/builds/memory.memsw.limit_in_bytes"), "-1").unwrap();
        fs::write(root.join("memory/builds/memory.use_hierarchy"), "0\n").unwrap();
        limit(&root, &group, &ceilings(Some("1m"), None)).unwrap();
        let said = |file: &str| fs::read_to_string(root.join(file)).unwrap();
        assert_eq!(said("memory/builds/memory.limit_in_bytes"), "1048576");
        assert_eq!(said("memory/builds/memory.memsw.limit_in_bytes"), "2097152");
        assert_eq!(said("memory/builds/memory.use_hierarchy"), "1");
        assert_eq!(said("cpu/builds/cpu.cfs_quota_us"), "-1");
        limit(&root, &group, &ceilings(None, Some("0.5"))).unwrap();
        assert_eq!(said("memory/builds/memory.memsw.limit_in_bytes"), "-1");
        assert_eq!(said("cpu/builds/cpu.cfs_quota_us"), "50000");
        fs::remove_dir_all(root).unwrap();
    }
}
