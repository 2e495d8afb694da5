//! Devices by CDI in front of an engine that has it (from Docker 25 on): what a file of the host says of a
//! device is judged as if it were asked for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::client::{Client, post};
use support::{Daemon, SecDocker, Way, sandbox, unique};

const SPEC: &str = r#"{"cdiVersion": "0.5.0", "kind": "vendor.com/class", "devices": [
    {"name": "null", "containerEdits": {"env": ["GIVEN=by-cdi"],
        "deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/null"}]}},
    {"name": "files", "containerEdits": {"mounts":
        [{"hostPath": "/run/secrets-of-host", "containerPath": "/y", "options": ["rbind", "ro"]}]}},
    {"name": "disk", "containerEdits": {"deviceNodes":
        [{"path": "/dev/x", "type": "b", "major": 254, "minor": 0}]}},
    {"name": "hook", "containerEdits": {"hooks":
        [{"hookName": "createRuntime", "path": "/bin/touch", "args": ["touch", "/run/took-over"]}]}}]}"#;

const RULES: &str =
    "restrictions:\n  privileged: true\n  mounts: [/run/secrets-of-host]\n  devices: [/dev/vda]\n";

fn body(device: &str) -> Value {
    json!({"Image": "probe:1", "Cmd": ["sh", "-c", "cat /y/secret; echo $GIVEN; sleep 60"], "User": "1000",
           "HostConfig": {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": [device]}]}})
}

fn create(client: &mut Client, name: &str, body: &Value) -> (u16, String) {
    let target = format!("/containers/create?name={name}");
    let answer = client.ask(post(&target, body.to_string()));
    (answer.status, answer.text())
}

/// Whether the engine starts a container with this device; what it printed.
fn runs(daemon: &Daemon, way: &dyn Way, device: &str) -> Option<String> {
    let name = unique("cdi");
    let made = create(&mut way.connect(), &name, &body(device));
    assert_eq!(made.0, 201, "{device}: {}", made.1);
    let answer = way.connect().ask(post(&format!("/containers/{name}/start"), ""));
    let printed = support::poll::within(support::poll::PATIENCE, || {
        let log = daemon.api().get(&format!("/containers/{name}/logs?stdout=1")).text();
        log.contains('\n').then_some(log)
    });
    daemon.api().remove(&name);
    (answer.status == 204).then(|| printed.unwrap_or_default())
}

#[test]
fn what_a_file_says_of_a_device_is_judged() {
    fs::create_dir_all("/run/secrets-of-host").unwrap();
    fs::write("/run/secrets-of-host/secret", "top secret").unwrap();
    let folder = sandbox::short_directory("cdi");
    fs::write(folder.join("vendor.json"), SPEC).unwrap();
    let daemon = with_cdi(&folder);
    let secdocker = SecDocker::before(&daemon, RULES);
    if daemon.major() < 25 {
        let refused =
            create(&mut secdocker.connect(), &unique("cdi"), &body("vendor.com/class=null"));
        assert_eq!(refused.0, 403, "{}", refused.1);
        return assert!(refused.1.contains("before Docker 25"), "{}", refused.1);
    }
    // Straight at the engine each gives what its file says.
    assert!(runs(&daemon, &daemon, "vendor.com/class=files").unwrap().contains("top secret"));
    assert!(runs(&daemon, &daemon, "vendor.com/class=disk").is_some());
    assert!(runs(&daemon, &daemon, "vendor.com/class=hook").is_some());
    assert!(Path::new("/run/took-over").exists());
    for (device, why) in [
        ("vendor.com/class=files", "mount of /run/secrets-of-host"),
        ("vendor.com/class=disk", "device rule"),
        ("vendor.com/class=hook", "program /bin/touch for a device"),
        ("vendor.com/class=all", "program /bin/touch for a device"),
        ("vendor.com/class=other", "whose content is not known"),
        ("vendor.com/other=null", "whose content is not known"),
    ] {
        let refused = create(&mut secdocker.connect(), &unique("cdi"), &body(device));
        assert_eq!(refused.0, 403, "{device}: {}", refused.1);
        assert!(refused.1.contains(why), "{device}: {}", refused.1);
    }
    let printed = runs(&daemon, &secdocker, "vendor.com/class=null").unwrap();
    assert!(printed.contains("by-cdi"), "{printed}");
    // Nothing is believed from one request to the next.
    fs::write(folder.join("late.json"), SPEC.replace("\"null\"", "\"late\"")).unwrap();
    assert!(runs(&daemon, &secdocker, "vendor.com/class=late").is_some());
    fs::write(folder.join("broken.yaml"), "{").unwrap();
    let refused = create(&mut secdocker.connect(), &unique("cdi"), &body("vendor.com/class=null"));
    assert_eq!(refused.0, 403, "{}", refused.1);
}

/// An engine that looks for devices in this folder, if it has CDI.
fn with_cdi(folder: &Path) -> Daemon {
    let shared = Daemon::shared();
    if shared.major() < 25 {
        return Daemon::fresh(&[]);
    }
    let settings = json!({"features": {"cdi": true}, "cdi-spec-dirs": [folder]});
    let file = sandbox::short_directory("settings").join("daemon.json");
    fs::write(&file, settings.to_string()).unwrap();
    let daemon = Daemon::fresh(&[&format!("--config-file={}", file.display())]);
    daemon.make_images().unwrap();
    daemon
}
