//! An image that has a build for each of two platforms, in front of an engine whose store keeps both
//! (containerd's): what is judged is the build that runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

use serde_json::{Value, json};
use support::client::{get, post};
use support::{Daemon, SecDocker, Way, process, unique};

/// The build for this machine runs as an ordinary user, the other one as root.
const BUILDS: [(&str, &str); 2] = [("amd64", "1000"), ("386", "0")];

const RULES: &str = "restrictions:\n  users: [root]\n";

#[test]
fn the_build_that_runs_is_judged() {
    let daemon = Daemon::shared();
    let secdocker = SecDocker::before(daemon, RULES);
    let has_both = has_both_builds(daemon);
    for (target, runs_as_root) in [
        ("", false),
        ("&platform=linux/amd64", false),
        ("&platform=linux/386", true),
        ("&platform=386", true),
        ("&platform=LINUX/386", true),
        ("&platform=linux%2Fi386", true),
    ] {
        let image = if has_both { "two:1" } else { "probe:1" };
        let straight = create(daemon, image, target);
        // The classic store has one build of an image, and refuses what asks for another.
        assert_eq!(straight.0 == 201, has_both || !runs_as_root, "{target}: {}", straight.1);
        if has_both {
            let runs = uid(daemon, &straight.1);
            assert_eq!(runs == "0", runs_as_root, "{target}: uid {runs}");
        }
        let through = create(&secdocker, image, target);
        assert_ne!(through.0 == 201, runs_as_root, "{target}: {}", through.1);
        if has_both && runs_as_root {
            assert_eq!(through.0, 403, "{target}: {}", through.1);
            assert!(through.1.contains("users") || through.1.contains("user "), "{}", through.1);
        }
        for (status, name) in [straight, through] {
            if status == 201 {
                daemon.api().remove(&name);
            }
        }
    }
}

/// The status, and the name of what was made or else what the answer says.
fn create(way: &dyn Way, image: &str, parameters: &str) -> (u16, String) {
    let name = unique("platform");
    let mut body = json!({"Image": image, "Cmd": ["id", "-u"]});
    // The other image says who it runs as.
    if image == "probe:1" {
        body["User"] = "1000".into();
    }
    let target = format!("/containers/create?name={name}{parameters}");
    let answer = way.connect().ask(post(&target, body.to_string()));
    let text = if answer.status == 201 { name } else { answer.text() };
    (answer.status, text)
}

fn uid(daemon: &Daemon, name: &str) -> String {
    daemon.api().start(name);
    let wait = format!("/containers/{name}/wait");
    assert_eq!(daemon.connect().ask(post(&wait, "")).status, 200);
    let log = daemon.connect().ask(get(&format!("/containers/{name}/logs?stdout=1"))).text();
    log.chars().filter(char::is_ascii_digit).collect()
}

/// Gives an engine with containerd's store the image `two:1`; says whether it is one.
fn has_both_builds(daemon: &Daemon) -> bool {
    let info = daemon.api().get("/info").json();
    let driver = info["DriverStatus"].to_string();
    if !driver.contains("io.containerd.snapshotter") {
        return false;
    }
    let answer = daemon.connect().ask(post_archive("/images/load", &archive()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("two:1"), "{}", answer.text());
    true
}

fn post_archive(target: &str, archive: &[u8]) -> Vec<u8> {
    let length = archive.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-tar\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), archive].concat()
}

/// An OCI layout with an index of both builds, made of one layer.
fn archive() -> Vec<u8> {
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib.sh");
    let folder = support::sandbox::directory("two-platforms");
    let layer = folder.join("layer.tar");
    let script = format!(". {library}; busybox_archive two > {}", layer.display());
    process::run(std::process::Command::new("bash").args(["-euo", "pipefail", "-c", &script]), b"")
        .ok();
    let mut layout = Layout { folder, entries: Vec::new() };
    let layer =
        layout.add(&std::fs::read(layer).unwrap(), "application/vnd.oci.image.layer.v1.tar");
    let builds = BUILDS.map(|(architecture, user)| {
        let config = json!({"architecture": architecture, "os": "linux", "config": {"User": user},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}});
        let config = layout.json(&config, "application/vnd.oci.image.config.v1+json");
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer],
            "mediaType": "application/vnd.oci.image.manifest.v1+json"});
        let mut manifest = layout.json(&manifest, "application/vnd.oci.image.manifest.v1+json");
        manifest["platform"] = json!({"architecture": architecture, "os": "linux"});
        manifest
    });
    let index = json!({"schemaVersion": 2, "manifests": builds,
        "mediaType": "application/vnd.oci.image.index.v1+json"});
    let mut index = layout.json(&index, "application/vnd.oci.image.index.v1+json");
    index["annotations"] = json!({"io.containerd.image.name": "docker.io/library/two:1",
        "org.opencontainers.image.ref.name": "1"});
    let top = json!({"schemaVersion": 2, "manifests": [index]});
    layout.file("index.json", top.to_string().as_bytes());
    layout.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    layout.pack()
}

/// A folder that becomes an archive.
struct Layout {
    folder: std::path::PathBuf,
    entries: Vec<String>,
}

impl Layout {
    /// Adds a blob, and gives its descriptor.
    fn add(&mut self, content: &[u8], media_type: &str) -> Value {
        let sum = process::run(&mut std::process::Command::new("sha256sum"), content).ok();
        let digest = sum.split_whitespace().next().unwrap().to_owned();
        self.file(&format!("blobs/sha256/{digest}"), content);
        json!({"mediaType": media_type, "size": content.len(), "digest": format!("sha256:{digest}")})
    }

    fn json(&mut self, content: &Value, media_type: &str) -> Value {
        self.add(content.to_string().as_bytes(), media_type)
    }

    fn file(&mut self, path: &str, content: &[u8]) {
        let at = self.folder.join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, content).unwrap();
        self.entries.push(path.to_owned());
    }

    fn pack(self) -> Vec<u8> {
        let to = self.folder.join("image.tar");
        let mut tar = std::process::Command::new("tar");
        tar.arg("-C").arg(&self.folder).arg("-cf").arg(&to).args(&self.entries);
        process::run(&mut tar, b"").ok();
        std::fs::read(to).unwrap()
    }
}
