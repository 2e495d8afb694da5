//! What SecDocker may still do when it serves: each of its threads, and a plugin in it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::client::{get, post};
use support::{Daemon, SecDocker, Way, sandbox, until};

/// The rights of each thread, as proc(5) shows them: all threads have the same.
#[track_caller]
fn rights(secdocker: &SecDocker) -> BTreeMap<String, String> {
    const KEYS: [&str; 7] = ["Uid", "Gid", "Groups", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"];
    let tasks = fs::read_dir(format!("/proc/{}/task", secdocker.pid())).unwrap();
    // One may end meanwhile.
    let statuses =
        tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok());
    let rights = statuses.map(|status| {
        let pairs = status.lines().filter_map(|line| line.split_once(':'));
        let kept = pairs.filter(|(key, _)| KEYS.contains(key));
        kept.map(|(key, value)| {
            let value: Vec<_> = value.split_whitespace().collect();
            (key.to_owned(), value.join(" "))
        })
        .collect::<BTreeMap<_, _>>()
    });
    let all: Vec<_> = rights.collect();
    assert!(all.len() >= 3, "the supervisor, the log and a loop");
    for one in &all {
        assert_eq!(one, &all[0], "threads have the same rights");
    }
    all[0].clone()
}

const NET_ADMIN: u64 = 1 << 12;
const DAC_READ_SEARCH: u64 = 1 << 2;
const SYS_PTRACE: u64 = 1 << 19;

fn bits(rights: &BTreeMap<String, String>, key: &str) -> u64 {
    u64::from_str_radix(&rights[key], 16).unwrap()
}

/// Each capability is there for a reason that the configuration gives, in all threads.
#[test]
fn every_thread_has_the_rights_that_the_configuration_needs_and_no_more() {
    let group = fs::metadata(Daemon::shared().socket()).unwrap().gid();
    let table = [
        ("", DAC_READ_SEARCH),
        ("upstream_mark: 7\n", DAC_READ_SEARCH | NET_ADMIN),
        (
            "clients:\n- name: ci\n  match: {cgroup: /ci}\n  inherit: true\n",
            DAC_READ_SEARCH | SYS_PTRACE,
        ),
        ("user: nobody\ngroup: 0\n", 0),
        ("user: nobody\ngroup: 0\nupstream_mark: 7\n", NET_ADMIN),
        ("user: nobody\ngroup: 0\nrestrictions:\n  mounts: [/etc]\n", DAC_READ_SEARCH | SYS_PTRACE),
    ];
    for (config, expected) in table {
        let (config, gid) = match config.contains("user") {
            true => (config.replace("group: 0", &format!("group: {group}")), group),
            false => (config.to_owned(), 0),
        };
        let secdocker = SecDocker::before(Daemon::shared(), &config);
        assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200, "{config}");
        let rights = rights(&secdocker);
        assert_eq!(bits(&rights, "CapEff"), expected, "{config}: {rights:?}");
        assert_eq!(bits(&rights, "CapBnd"), expected, "{config}: {rights:?}");
        assert_eq!((&*rights["NoNewPrivs"], &*rights["Seccomp"]), ("1", "2"), "{config}");
        let who = if config.contains("user") { "65534 65534 65534 65534" } else { "0 0 0 0" };
        assert_eq!(
            (&*rights["Uid"], &*rights["Gid"]),
            (who, &*format!("{gid} {gid} {gid} {gid}")),
            "{config}"
        );
    }
}

#[test]
fn off_and_log_give_up_nothing() {
    let root = |mode: &str| {
        let secdocker = SecDocker::before(Daemon::shared(), &format!("sandbox: {mode}\n"));
        assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
        let rights = rights(&secdocker);
        assert!(bits(&rights, "CapEff").count_ones() > 20, "{mode}: {rights:?}");
        (rights["NoNewPrivs"].clone(), rights["Seccomp"].clone())
    };
    assert_eq!(root("off"), ("0".to_owned(), "0".to_owned()));
    assert_eq!(root("log"), ("1".to_owned(), "2".to_owned()));
}

/// Says in its reason what it could do.
const TRIES: &str = r#"
#define _GNU_SOURCE
#include "secdocker_plugin.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>
static int begin(const sd_host *given, sd_bytes config, void **state) {
    (void)given, (void)config, (void)state;
    return 0;
}
static char said[600];
static void tell(const char *what, int done) {
    size_t at = strlen(said);
    snprintf(said + at, sizeof said - at, " %s=%s", what, done ? "yes" : "no");
}
static int judge(void *state, sd_bytes request, sd_verdict *out) {
    (void)state, (void)request;
    said[0] = 0;
#ifndef ALLOWED
    char *const none[] = {NULL};
    execve("/bin/true", none, none);
    tell("exec", 0);
    tell("setuid", setuid(1) == 0);
#endif
    pid_t child = fork();
    if (child == 0) _exit(0);
    tell("fork", child > 0);
    tell("system", system("true") == 0);
#ifndef ALLOWED
    tell("unshare", unshare(CLONE_NEWNS) == 0);
    tell("mount", mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
#endif
#ifndef ALLOWED
    tell("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
#endif
    tell("packets", socket(AF_PACKET, SOCK_RAW, 0) >= 0);
    tell("tcp", socket(AF_INET, SOCK_STREAM, 0) >= 0);
    tell("unix", socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    tell("read", open("/etc/passwd", O_RDONLY) >= 0);
    tell("beside", open(BESIDE, O_WRONLY | O_CREAT, 0600) >= 0);
    tell("memory", open("/proc/1/mem", O_RDWR) >= 0);
    tell("log", open("made-by-the-plugin", O_WRONLY | O_CREAT, 0600) >= 0);
    out->code = SD_DENY;
    out->reason = (sd_bytes){(const uint8_t *)said, strlen(said)};
    return 0;
}
static void release(void *state, sd_verdict *out) { (void)state, (void)out; }
const sd_plugin *secdocker_plugin_v2(void) {
    static const sd_plugin plugin = {.magic = SD_MAGIC, .size = sizeof(sd_plugin), .abi_major = SD_ABI_MAJOR,
        .abi_minor = SD_ABI_MINOR, .flags = SD_CONCURRENT, .name = "tries", .version = "1", .open = begin,
        .process = judge, .release = release};
    return &plugin;
}
"#;

fn tries(further: &[&str]) -> PathBuf {
    let folder = sandbox::directory("tries");
    let (source, library) = (folder.join("tries.c"), folder.join("tries.so"));
    fs::write(&source, TRIES).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source);
    cc.arg(format!("-DBESIDE=\"{}\"", folder.join("beside").display()));
    cc.arg(concat!("-I", env!("CARGO_MANIFEST_DIR"), "/plugins/interface"));
    let done = cc.args(further).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    library
}

/// What a plugin could do, by its own account.
fn done_by(library: &Path, config: &str) -> String {
    let plugins = format!("plugins:\n- name: tries\n  path: {}\n{config}", library.display());
    let secdocker = SecDocker::before(Daemon::shared(), &plugins);
    let create = post("/containers/create", r#"{"Image":"probe:1"}"#);
    let answer = secdocker.connect().ask(create);
    assert_eq!(answer.status, 403, "{}", answer.text());
    // It goes on after all of it.
    assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
    answer.message()
}

#[test]
fn a_plugin_starts_nothing_and_writes_beside_the_log_alone() {
    let library = tries(&[]);
    let said = done_by(&library, "");
    for (what, done) in [
        ("exec", "no"),
        ("fork", "no"),
        ("system", "no"),
        ("unshare", "no"),
        ("mount", "no"),
        ("ptrace", "no"),
        ("setuid", "no"),
        ("packets", "no"),
        ("tcp", "yes"),
        ("unix", "yes"),
        ("read", "yes"),
        ("memory", "no"),
        ("log", "yes"),
    ] {
        assert!(said.contains(&format!(" {what}={done}")), "{what}: {said}");
    }
    if has_landlock() {
        assert!(said.contains(" beside=no"), "{said}");
    }
    // The same where nothing is given up.
    let library = tries(&["-DALLOWED"]);
    let said = done_by(&library, "sandbox: log\n");
    assert!(said.contains(" fork=yes system=yes") && said.contains(" beside=yes"), "{said}");
}

/// As SecDocker says it where the kernel has none.
fn has_landlock() -> bool {
    let secdocker = SecDocker::before(Daemon::shared(), "");
    !secdocker.log().contains("Landlock")
}

/// The log can be opened anew, rules be read again, and the program be upgraded, by a user without rights.
#[test]
fn it_reloads_and_upgrades_with_what_it_has_left() {
    let rules = "sandbox: on\nrestrictions:\n  privileged: true\n";
    let secdocker = SecDocker::before(Daemon::shared(), rules);
    let (log, moved) = (secdocker.log_path(), secdocker.log_path().with_extension("1"));
    fs::rename(&log, &moved).unwrap();
    secdocker.signal(Signal::HUP);
    until("the log to be opened anew", || log.exists().then_some(()));
    let create =
        || post("/containers/create", r#"{"Image":"probe:1","HostConfig":{"Privileged":true}}"#);
    assert_eq!(secdocker.connect().ask(create()).status, 403);
    let config = fs::read_to_string(secdocker.config_path()).unwrap();
    secdocker.reload(&config.replace("privileged: true", "capabilities: [ALL]"));
    assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
    secdocker.signal(Signal::USR2);
    secdocker.logs("msg=\"upgraded, open streams go on\"");
    assert_eq!(secdocker.connect().ask(get("/_ping")).status, 200);
}
