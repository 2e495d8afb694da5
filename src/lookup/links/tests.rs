#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use std::os::unix::fs::symlink;

/// As if all that is mounted were local.
fn at_once(path: &HostPath) -> Option<HostPath> {
    resolve_at_once(path, &Mounts::parse("1 1 8:1 / / rw - ext4 d rw\n"))
}

#[test]
fn what_another_machine_may_be_asked_for_is_left_to_others() {
    let path = HostPath::parse("/").unwrap();
    let remote = Mounts::parse("1 1 0:9 / / rw - 9p host rw\n");
    assert_eq!(resolve_at_once(&path, &remote), None);
}

fn resolved(path: &Path) -> Option<String> {
    let path = HostPath::parse(path.to_str().unwrap()).unwrap();
    let real = resolve(&path);
    // By now the kernel has seen it, so that what it is asked at once it may say; it says the same.
    let at_once = at_once(&path);
    assert!(at_once.is_none() || at_once == real, "{path}: {at_once:?}, {real:?}");
    real.map(|real| real.as_str().to_owned())
}

/// Whatever this system can't tell at once is told by others, so that it may be nothing.
#[test]
fn what_is_told_at_once_is_where_a_path_leads_by_now() {
    let dir = std::env::temp_dir().join(format!("secdocker-at-once-{}", std::process::id()));
    fs::create_dir_all(dir.join("real/deep")).unwrap();
    fs::write(dir.join("real/file"), "").unwrap();
    fs::write(dir.join("real/gone (deleted)"), "").unwrap();
    for (target, link) in [
        ("real", "alias"),
        ("nowhere", "dangling"),
        ("loop", "loop"),
        ("alias/deep/..", "chain"),
        ("alias/missing/x", "far"),
        ("/proc/self", "process"),
        ("/proc/self/root", "magic"),
        ("real/gone (deleted)", "gone"),
    ] {
        symlink(target, dir.join(link)).unwrap();
    }
    let path = |name: &str| HostPath::parse(dir.join(name).to_str().unwrap()).unwrap();
    for (name, expected) in [
        ("real/deep", Some("real/deep")),
        ("real/file", Some("real/file")),
        ("real/file/x", Some("real/file/x")),
        ("real/missing/x", Some("real/missing/x")),
        ("alias", Some("real")),
        ("alias/deep", Some("real/deep")),
        ("alias/missing", Some("real/missing")),
        ("chain/deep", Some("real/deep")),
        ("chain/missing", Some("real/missing")),
        // Others follow these.
        ("alias/missing/x", None),
        ("far", None),
        ("dangling", None),
        ("dangling/x", None),
        ("loop", None),
        ("process", None),
        ("process/cwd", None),
        ("magic", None),
        ("magic/etc", None),
        ("gone", None),
    ] {
        let real = resolve(&path(name));
        let at_once = at_once(&path(name));
        assert!(at_once.is_none() || at_once == expected.map(path), "{name}: {at_once:?}");
        assert!(expected.is_none() || real == expected.map(path), "{name}: {real:?}");
    }
    for name in ["/proc", "/proc/self", "/proc/1/root", "/dev/fd/0"] {
        assert_eq!(at_once(&HostPath::parse(name).unwrap()), None, "{name}");
    }
    // What was a folder may be a link the next time, and a link lead elsewhere.
    fs::rename(dir.join("real"), dir.join("moved")).unwrap();
    symlink("moved", dir.join("real")).unwrap();
    for name in ["real/deep", "alias/deep"] {
        let at_once = at_once(&path(name));
        assert!(at_once.is_none_or(|real| real == path("moved/deep")), "{name}");
    }
    fs::remove_dir_all(dir).unwrap();
}

/// Where the kernel can, it does: a create whose paths are known wakes no other thread.
#[test]
fn links_that_are_known_are_followed_at_once_where_the_kernel_can() {
    for path in ["/", "/etc", "/usr/bin"].map(|path| HostPath::parse(path).unwrap()) {
        let real = resolve(&path);
        let can = open_known(CWD, path.as_str(), Links::Followed).is_ok();
        let told = (0..1000).any(|_| at_once(&path) == real);
        assert!(told || !can, "{path}");
    }
}

#[test]
fn links_are_followed_and_what_is_missing_stays() {
    let dir = std::env::temp_dir().join(format!("secdocker-facts-{}", std::process::id()));
    fs::create_dir_all(dir.join("real/deep")).unwrap();
    symlink(dir.join("real"), dir.join("alias")).unwrap();
    symlink("alias/deep/../..//./alias", dir.join("chain")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    symlink("/nowhere/./x", dir.join("dangling")).unwrap();
    symlink("/proc/self/root", dir.join("process")).unwrap();
    fs::write(dir.join("file"), "").unwrap();
    let real = |text: &str| Some(dir.join(text).to_str().unwrap().to_owned());
    assert_eq!(resolved(&dir.join("alias/new/file")), real("real/new/file"));
    assert_eq!(resolved(&dir.join("chain/x")), real("real/x"));
    assert_eq!(resolved(&dir.join("file/x")), real("file/x"));
    assert_eq!(resolved(&dir.join("dangling/y")).unwrap(), "/nowhere/x/y");
    assert_eq!(resolved(&dir.join("loop")), None);
    assert_eq!(resolved(&dir.join("process/srv")), None);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn files_of_processes_are_not_known() {
    for path in [
        "/proc/1/root",
        "/proc/self/root/root",
        "/proc/self",
        "/proc/thread-self/cwd",
        "/proc/4194304/root",
        "/dev/fd/0",
        "/proc/mounts",
        "/proc/net/tcp",
    ] {
        assert_eq!(resolved(Path::new(path)), None, "{path}");
    }
    for path in ["/proc", "/proc/cpuinfo", "/proc/sys/kernel", "/"] {
        assert_eq!(resolved(Path::new(path)).as_deref(), Some(path));
    }
}
