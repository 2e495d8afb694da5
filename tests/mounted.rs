//! What a container has mounted once it runs: a path that was judged may lead elsewhere by then. Somebody
//! who can write beside it puts a link in its place between the look and the mount; where the engine
//! starts a container again by itself, nobody asks at all.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use support::client::post;
use support::firewall::config;
use support::relay::Relay;
use support::{Daemon, SecDocker, Way, unique, until};

const DENIES: &str = "restrictions:\n  mounts: [/run/secret]\n";
const ALLOWS: &str = "restrictions:\n  mounts: {allow: [/run/ci/**]}\n";

/// A directory of its own that may be mounted, and one that may not.
fn directories(name: &str) -> PathBuf {
    fs::create_dir_all("/run/secret").unwrap();
    fs::write("/run/secret/key", "top secret").unwrap();
    let path = Path::new("/run/ci").join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

fn body(host: Value) -> Value {
    let mut body = json!({"Image": "probe:1", "Cmd": ["sleep", "600"], "HostConfig": host});
    body["HostConfig"]["RestartPolicy"] = json!({"Name": "always"});
    body
}

fn begin(secdocker: &SecDocker, name: &str, body: &Value) {
    let create = post(&format!("/containers/create?name={name}"), body.to_string());
    let created = secdocker.connect().ask(create);
    assert_eq!(created.status, 201, "{}", created.text());
    let started = secdocker.connect().ask(post(&format!("/containers/{name}/start"), ""));
    assert_eq!(started.status, 204, "{}", started.text());
}

/// Each SecDocker looks at the containers of the whole engine, so no two tests run at once.
fn alone() -> MutexGuard<'static, ()> {
    static ENGINE: Mutex<()> = Mutex::new(());
    ENGINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the engine start it again, which happens some time after its process has ended. For a moment the
/// engine still tells of a process that is gone.
fn break_down(name: &str) {
    let api = Daemon::shared().api();
    until("a process of the container to be ended", || {
        let pid = Pid::from_raw(i32::try_from(api.pid(name)).unwrap())?;
        kill_process(pid, Signal::KILL).ok()
    });
}

fn restarts(name: &str) -> u64 {
    Daemon::shared().api().inspect(name)["RestartCount"].as_u64().unwrap()
}

/// Waits until it neither runs nor will.
fn ends(name: &str) {
    let api = Daemon::shared().api();
    until("the container to have ended", || {
        let state = api.inspect(name)["State"].clone();
        (state["Running"] == false && state["Restarting"] == false).then_some(())
    });
}

fn swap(path: &Path) {
    fs::remove_dir(path).unwrap();
    symlink("/run/secret", path).unwrap();
}

#[test]
fn what_is_mounted_elsewhere_by_a_restart_of_the_engines_own_is_killed() {
    let _alone = alone();
    let api = Daemon::shared().api();
    for rules in [DENIES, ALLOWS] {
        let secdocker = SecDocker::before(Daemon::shared(), rules);
        let volume = |path: &Path| {
            let options = json!({"type": "none", "o": "bind", "device": path});
            json!({"Mounts": [{"Type": "volume", "Source": unique("volume"), "Target": "/x",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": options}}}]})
        };
        for (is_volume, caught) in [(false, 1), (true, 2)] {
            let name = unique("swapped");
            let path = directories(&name);
            let bind = json!({"Binds": [format!("{}:/x", path.display())]});
            let host = if is_volume { volume(&path) } else { bind };
            begin(&secdocker, &name, &body(host));
            swap(&path);
            break_down(&name);
            let id = api.inspect(&name)["Id"].as_str().unwrap().to_owned();
            let line = secdocker.logs(&format!("container={id}"));
            assert!(line.contains("level=error") && line.contains("killed=yes"), "{line}");
            assert!(line.contains("/run/secret"), "{line}");
            ends(&name);
            api.remove(&name);
            assert_eq!(secdocker.log().matches("killed=").count(), caught, "{}", secdocker.log());
        }
    }
}

#[test]
fn what_has_mounted_what_was_judged_goes_on() {
    let _alone = alone();
    let api = Daemon::shared().api();
    fs::create_dir_all("/run/ci/alias").unwrap();
    let _ = symlink("/run/ci/alias", "/run/ci/link");
    fs::write("/run/ci/file", "x").unwrap();
    for rules in [DENIES, ALLOWS] {
        let secdocker = SecDocker::before(Daemon::shared(), rules);
        let (plain, volume) = (unique("plain"), unique("kept"));
        directories(&plain);
        let binds = json!([
            format!("/run/ci/{plain}:/x"),
            format!("/run/ci/{plain}:/y:ro"),
            "/run/ci/link:/z",
            "/run/ci/file:/etc/file",
            format!("{volume}:/v"),
            "/w"
        ]);
        let other = unique("other");
        begin(&secdocker, &other, &body(json!({"IpcMode": "shareable"})));
        let modes = json!({"Binds": binds, "Init": true, "NetworkMode": format!("container:{other}"),
            "IpcMode": format!("container:{other}"), "Tmpfs": {"/t": ""}});
        begin(&secdocker, &plain, &body(modes));
        // Another one is caught after it, so that it was looked at before.
        for round in 1..=2 {
            break_down(&plain);
            until("the engine to start it again", || {
                let state = api.inspect(&plain)["State"].clone();
                (restarts(&plain) >= round && state["Running"] == true).then_some(())
            });
        }
        let caught = unique("caught");
        let path = directories(&caught);
        begin(&secdocker, &caught, &body(json!({"Binds": [format!("{}:/x", path.display())]})));
        swap(&path);
        break_down(&caught);
        let id = api.inspect(&caught)["Id"].as_str().unwrap().to_owned();
        secdocker.logs(&format!("container={id}"));
        assert_eq!(api.inspect(&plain)["State"]["Running"], true);
        assert_eq!(secdocker.log().matches("killed=").count(), 1, "{}", secdocker.log());
        [plain, other, caught].iter().for_each(|name| api.remove(name));
        api.delete(&format!("/volumes/{volume}"));
    }
}

/// What is put in place for the mount alone, and is gone before anybody looks. The engine tells of the
/// start when all is as it was judged; in the second case also when no process of the container shows
/// what is mounted any more.
#[test]
fn what_is_put_back_before_the_look_is_found() {
    let _alone = alone();
    let api = Daemon::shared().api();
    for (rules, hides) in [(DENIES, false), (ALLOWS, false), (DENIES, true), (ALLOWS, true)] {
        let name = unique("put-back");
        let path = directories(&name);
        let aside = path.with_extension("aside");
        let (from, to) = ((path.clone(), aside.clone()), (path.clone(), aside));
        let relay = Relay::start(
            &Daemon::shared().socket(),
            |line| line.starts_with("POST ") && line.contains("/start "),
            move || {
                fs::rename(&from.0, &from.1).unwrap();
                symlink("/run/secret", &from.0).unwrap();
            },
            move || {
                fs::remove_file(&to.0).unwrap();
                fs::rename(&to.1, &to.0).unwrap();
            },
        );
        let secdocker = SecDocker::start(&config(&relay.socket, rules), &[]);
        let hide = "mkdir -p /jail/bin; cp /bin/busybox /jail/bin; \
                    exec chroot /jail /bin/busybox sleep 600";
        let command = if hides { json!(["sh", "-c", hide]) } else { json!(["sleep", "600"]) };
        let bind = json!({"Binds": [format!("{}:/x", path.display())]});
        let mut body = body(bind);
        body["Cmd"] = command;
        begin(&secdocker, &name, &body);
        let pid = api.pid(&name);
        if hides {
            let root = Path::new("/proc").join(pid.to_string()).join("root");
            until("it to hide", || fs::read_link(&root).ok().filter(|to| to.ends_with("jail")));
        } else {
            let key = Path::new("/proc").join(pid.to_string()).join("root/x/key");
            assert_eq!(fs::read_to_string(key).unwrap(), "top secret");
        }
        relay.tells_events();
        let id = api.inspect(&name)["Id"].as_str().unwrap().to_owned();
        let line = secdocker.logs(&format!("container={id}"));
        assert!(line.contains("level=error") && line.contains("killed=yes"), "{line}");
        let reason = if hides { "cannot be seen" } else { "mount of /run/secret" };
        assert!(line.contains(reason), "{line}");
        ends(&name);
        api.remove(&name);
    }
}

/// The race itself: a link and a directory change places all the time while a container is started.
#[test]
fn nobody_keeps_what_was_swapped_in_between_the_look_and_the_mount() {
    let _alone = alone();
    let api = Daemon::shared().api();
    let secdocker = SecDocker::before(Daemon::shared(), ALLOWS);
    let name = unique("raced");
    let path = directories(&name);
    let beside = path.with_extension("link");
    symlink("/run/secret", &beside).unwrap();
    let stops = AtomicBool::new(false);
    thread::scope(|scope| {
        // Also where an assertion fails: the scope waits for the thread.
        let _stop = OnDrop(&stops);
        scope.spawn(|| {
            while !stops.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    &path,
                    rustix::fs::CWD,
                    &beside,
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
            }
        });
        let body = json!({"Image": "probe:1", "Cmd": ["sleep", "600"],
            "HostConfig": {"Binds": [format!("{}:/x", path.display())]}});
        let mut started = 0;
        for _ in 0..30 {
            let create = post(&format!("/containers/create?name={name}"), body.to_string());
            if secdocker.connect().ask(create).status != 201 {
                continue;
            }
            let start = post(&format!("/containers/{name}/start"), "");
            if secdocker.connect().ask(start).status == 204 {
                started += 1;
                let pid = api.inspect(&name)["State"]["Pid"].as_u64().unwrap();
                let reads = || fs::read_to_string(format!("/proc/{pid}/root/x/key")).is_ok();
                until("what leads elsewhere to be gone", || (pid == 0 || !reads()).then_some(()));
            }
            api.remove(&name);
        }
        println!("{started} were started");
    });
}

/// Sets the flag when it is dropped.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
