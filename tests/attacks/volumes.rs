//! Reaching the host's files by volumes: created, named in a create, already there, or a driver's.

use super::attack::{host, shell};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = created();
    all.extend(inline());
    all.extend(drivers());
    all
}

/// A volume with these options, and a container that prints what is in it.
fn volume(name: &'static str, why: &'static str, options: Value) -> Attack {
    Attack::new(name, why)
        .send(Step::post(
            "/volumes/create",
            json!({"Name": "@name@", "Driver": "local", "DriverOpts": options}),
        ))
        .then(Step::create(shell(
            "cat /x/secret /x/forbidden/secret; ls /x",
            json!({"Binds": ["@name@:/x:ro"]}),
        )))
        .then(Step::start())
        .works_when(Probe::Prints("top secret"))
}

fn options(kind: &str, o: &str, device: &str) -> Value {
    json!({"type": kind, "o": o, "device": device})
}

fn created() -> Vec<Attack> {
    let shows = |name, why, kind: &str, o: &str, sign: &'static str| {
        volume(name, why, options(kind, o, "any")).works_when(Probe::Prints(sign))
    };
    vec![
        volume("volume that binds", "plainly", options("none", "bind", "/run/forbidden")),
        volume(
            "volume that binds all below",
            "plainly",
            options("none", "rbind", "/run/forbidden"),
        ),
        volume(
            "volume that binds the parent",
            "what lies in it comes along",
            options("none", "rbind", "/run"),
        ),
        volume(
            "volume that binds among other options",
            "options are a list",
            options("none", "ro,private,bind,nosuid", "/run/forbidden"),
        ),
        volume(
            "volume that binds with another type",
            "a bind needs no type",
            options("ext4", "bind", "/run/forbidden"),
        ),
        volume(
            "volume that binds with no type",
            "a bind needs no type",
            options("", "bind", "/run/forbidden"),
        ),
        volume(
            "volume that binds an unclean path",
            "the kernel cleans it",
            options("none", "bind", "//run/allowed/.././forbidden/"),
        ),
        volume(
            "volume that binds through a link",
            "the kernel follows it",
            options("none", "bind", "/run/@name@"),
        )
        .setup(Step::Host(|link| std::os::unix::fs::symlink("/run/forbidden", link).unwrap())),
        volume(
            "volume of a layer",
            "an overlay shows its lower directories",
            options("overlay", "lowerdir=/run/forbidden:/run/allowed", "overlay"),
        ),
        volume(
            "volume of a deeper layer",
            "an overlay shows all its lower directories",
            options("overlay", "lowerdir=/run/allowed:/run/forbidden", "any"),
        ),
        shows(
            "volume of the kernel's processes",
            "a writable /proc of the host",
            "proc",
            "",
            "uptime",
        ),
        shows(
            "volume of the kernel's objects",
            "a writable /sys of the host",
            "sysfs",
            "",
            "devices",
        ),
        shows("volume of devices", "every device of the host", "devtmpfs", "", "null"),
        shows(
            "volume of control groups",
            "its release agent runs on the host",
            "cgroup",
            "memory",
            "release_agent",
        ),
        Attack::new(
            "volume of a network file system of the host itself",
            "a server may serve its own",
        )
        .send(Step::post(
            "/volumes/create",
            json!({"Name": "@name@", "DriverOpts":
                options("nfs", "addr=127.0.0.1,rw", ":/run/forbidden")}),
        ))
        .works_when(Probe::found("/volumes/@name@")),
        Attack::new("volume of a disk", "a disk holds the host's files")
            .send(Step::post(
                "/volumes/create",
                json!({"Name": "@name@", "DriverOpts":
                {"type": "ext4", "device": "/dev/vda"}}),
            ))
            .works_when(Probe::found("/volumes/@name@")),
        Attack::new("volume with keys in another case", "fields are matched without case")
            .send(Step::post(
                "/volumes/create",
                json!({"name": "@name@", "DRIVEROPTS":
                options("none", "bind", "/run/forbidden")}),
            ))
            .works_when(Probe::holds("/volumes/@name@", "/Options", "forbidden")),
        Attack::harmless("volume in memory", "no file of the host")
            .send(Step::post(
                "/volumes/create",
                json!({"Name": "@name@", "DriverOpts":
                options("tmpfs", "size=1m", "tmpfs")}),
            ))
            .works_when(Probe::found("/volumes/@name@")),
        Attack::harmless("volume that binds an allowed directory", "no rule names it")
            .send(Step::post(
                "/volumes/create",
                json!({"Name": "@name@", "DriverOpts":
                options("none", "bind", "/run/allowed")}),
            ))
            .works_when(Probe::found("/volumes/@name@")),
    ]
}

fn inline() -> Vec<Attack> {
    let mounts = |name, why, source: &str, config: Value| {
        Attack::new(name, why)
            .run(shell(
                "cat /x/secret",
                json!({"Mounts": [{
                "Type": "volume", "Source": source, "Target": "/x",
                "VolumeOptions": {"DriverConfig": config}}]}),
            ))
            .works_when(Probe::Prints("top secret"))
    };
    let bind = options("none", "bind", "/run/forbidden");
    vec![
        mounts(
            "volume made by a mount",
            "the driver's options come along",
            "@name@",
            json!({"Name": "local", "Options": bind}),
        ),
        mounts(
            "volume without a name made by a mount",
            "it gets one",
            "",
            json!({"Options": bind}),
        ),
        mounts(
            "volume of a layer made by a mount",
            "the driver's options come along",
            "@name@",
            json!({"Options": options("overlay", "lowerdir=/run/forbidden:/run/allowed", "x")}),
        ),
        Attack::new("volume that is already there", "its options were given when it was made")
            .setup(Step::post("/volumes/create", json!({"Name": "@name@", "DriverOpts": bind})))
            .run(shell("cat /x/secret", json!({"Binds": ["@name@:/x"]})))
            .works_when(Probe::Prints("top secret")),
        Attack::new(
            "volume that is already there, as a mount",
            "its options were given when it was made",
        )
        .setup(Step::post("/volumes/create", json!({"Name": "@name@", "DriverOpts": bind})))
        .run(shell(
            "cat /x/secret",
            json!({"Mounts": [
                {"Type": "volume", "Source": "@name@", "Target": "/x"}]}),
        ))
        .works_when(Probe::Prints("top secret")),
    ]
}

/// A driver's name is joined to the directory of plugins as it stands: `..` leads to any socket.
fn drivers() -> Vec<Attack> {
    let plugin = || Step::Host(serve_volume_plugin);
    let driver = "../../../run/@name@/evil";
    vec![
        Attack::new(
            "volume of a driver at a path, in a create",
            "the driver answers any directory",
        )
        .setup(plugin())
        .run(shell("cat /x/secret", json!({"VolumeDriver": driver, "Binds": ["@name@:/x"]})))
        .works_when(Probe::Prints("top secret")),
        Attack::new("volume of a driver at a path, in a mount", "the driver answers any directory")
            .setup(plugin())
            .run(shell(
                "cat /x/secret",
                json!({"Mounts": [{
                "Type": "volume", "Source": "@name@", "Target": "/x",
                "VolumeOptions": {"DriverConfig": {"Name": driver}}}]}),
            ))
            .works_when(Probe::Prints("top secret")),
        Attack::harmless("volume of the local driver", "plainly")
            .create(host(json!({"VolumeDriver": "local", "Binds": ["@name@:/x"]})))
            .works_when(Probe::found("/volumes/@name@")),
    ]
}

/// A volume plugin whose every volume is the forbidden directory, at `evil.sock`. It knows no volume
/// but those that were made by it: the engine asks it about all others too, from now on.
fn serve_volume_plugin(directory: &Path) {
    std::fs::create_dir(directory).unwrap();
    let listener = UnixListener::bind(directory.join("evil.sock")).unwrap();
    let made = Arc::new(Mutex::new(Vec::new()));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let made = Arc::clone(&made);
            thread::spawn(move || answer_as_plugin(stream, &made));
        }
    });
}

fn answer_as_plugin(mut stream: UnixStream, made: &Mutex<Vec<Value>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let mut length = 0;
        let mut header = String::new();
        while reader.read_line(&mut header).ok()? > 2 {
            let lower = header.to_lowercase();
            if let Some(text) = lower.strip_prefix("content-length:") {
                length = text.trim().parse().ok()?;
            }
            header.clear();
        }
        let mut asked = Vec::new();
        reader.by_ref().take(length).read_to_end(&mut asked).ok()?;
        let asked: Value = serde_json::from_slice(&asked).unwrap_or_default();
        if line.contains("VolumeDriver.Create") {
            made.lock().unwrap().push(asked["Name"].clone());
        }
        let is_unknown =
            line.contains("VolumeDriver.Get ") && !made.lock().unwrap().contains(&asked["Name"]);
        let error = if is_unknown { "no such volume" } else { "" };
        let body = json!({
            "Implements": ["VolumeDriver"], "Mountpoint": "/run/forbidden",
            "Volume": {"Name": "x", "Mountpoint": "/run/forbidden"},
            "Capabilities": {"Scope": "local"}, "Volumes": [], "Err": error,
        })
        .to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.plugins.v1.2+json";
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    }
}
