//! The engine as the corpus sees it: what it holds, and how to bring it back to the start.

use super::wire::Words;
use super::{Probe, Step};
use crate::support::{Daemon, poll};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// The image that the corpus' rules forbid.
const FORBIDDEN: &str = "ubuntu:16.04";
const IMAGES: [&str; 2] = ["probe:1", FORBIDDEN];
const NETWORKS: [&str; 5] = ["bridge", "host", "none", "ingress", "docker_gwbridge"];
/// A directory of the host that the corpus' rules forbid; `secret` in it says `top secret`.
const FORBIDDEN_DIRECTORY: &str = "/run/forbidden";
const ALLOWED_DIRECTORY: &str = "/run/allowed";

/// Only SecDocker's own answers hold its name: they may quote what was asked for.
pub(crate) const REFUSES: &str = "SecDocker";

/// How long an effect may take to show: a service's task starts after its service was created.
const SHOWS: Duration = Duration::from_secs(8);

pub(crate) struct Engine {
    pub(crate) daemon: &'static Daemon,
}

impl Engine {
    pub(crate) fn ready() -> Engine {
        fs::create_dir_all(FORBIDDEN_DIRECTORY).unwrap();
        fs::write(format!("{FORBIDDEN_DIRECTORY}/secret"), "top secret").unwrap();
        fs::create_dir_all(ALLOWED_DIRECTORY).unwrap();
        Engine { daemon: Daemon::shared() }
    }

    fn get(&self, target: &str) -> Option<Value> {
        let answer = self.daemon.api().get(target);
        (answer.status == 200).then(|| answer.json())
    }

    fn list(&self, target: &str) -> Vec<Value> {
        self.get(target).and_then(|list| list.as_array().cloned()).unwrap_or_default()
    }

    /// The containers but for those of tasks.
    fn containers(&self) -> Vec<Value> {
        let mut all = self.list("/containers/json?all=1");
        all.retain(|one| one["Labels"].get("com.docker.swarm.service.name").is_none());
        all
    }

    /// The networks but for those that are always there, or made by a swarm for itself.
    fn networks(&self) -> Vec<Value> {
        let mut all = self.list("/networks");
        all.retain(|one| !NETWORKS.contains(&text(&one["Name"])));
        all
    }

    fn volumes(&self) -> Vec<Value> {
        self.get("/volumes").map(|all| array(&all["Volumes"])).unwrap_or_default()
    }

    pub(crate) fn words(&self, name: String) -> Words {
        let image = self.get(&format!("/images/{FORBIDDEN}/json"));
        let image = image.and_then(|image| image["Id"].as_str().map(str::to_owned));
        let service = self.get(&format!("/services/{name}")).unwrap_or_default();
        let version = service["Version"]["Index"].to_string();
        let image = image.unwrap_or_default().replace("sha256:", "");
        let network = self.get("/networks/host").unwrap_or_default();
        let host_network = text(&network["Id"]).to_owned();
        let joined = self.joined_by(&name).unwrap_or_default();
        Words { name, image, version, host_network, joined }
    }

    /// The identifier of the container whose namespace this one shares.
    fn joined_by(&self, name: &str) -> Option<String> {
        let host = self.get(&format!("/containers/{name}/json"))?["HostConfig"].clone();
        let modes = ["NetworkMode", "PidMode", "IpcMode"];
        let joined = |mode| text(&host[mode]).strip_prefix("container:").map(str::to_owned);
        modes.into_iter().find_map(joined)
    }

    /// All that a request could change. What a swarm does later of its own accord, the containers of
    /// tasks and its own networks, is left out: it follows from the services.
    pub(crate) fn state(&self, name: &str) -> Value {
        let container = self.get(&format!("/containers/{name}/json")).unwrap_or_default();
        json!({
            "containers": ids(&self.containers(), "Id"),
            "container": [container["HostConfig"], container["ExecIDs"], container["State"]["Status"]],
            "images": ids(&self.list("/images/json?all=1"), "RepoTags"),
            "volumes": ids(&self.volumes(), "Name"),
            "networks": ids(&self.networks(), "Id"),
            "plugins": ids(&self.list("/plugins"), "Settings"),
            "swarm": self.get("/swarm").map(|swarm| swarm["ID"].clone()),
            "services": ids(&self.list("/services"), "Spec"),
        })
    }

    /// Whether the effect shows, perhaps a little later.
    pub(crate) fn shows(&self, probe: &Probe, answer: &[u8], words: &Words) -> bool {
        poll::within(SHOWS, || self.shows_now(probe, answer, words).then_some(())).is_some()
    }

    pub(crate) fn shows_now(&self, probe: &Probe, answer: &[u8], words: &Words) -> bool {
        let get = |target: &str| self.get(&words.fill_text(target));
        match probe {
            Probe::State { target, test } => get(target).is_some_and(|found| test(&found)),
            Probe::Holds { target, pointer, text } => get(target)
                .and_then(|found| found.pointer(pointer).map(Value::to_string))
                .is_some_and(|found| found.contains(&words.fill_text(text))),
            Probe::Prints(text) => self.prints(&words.name).contains(text),
            Probe::Task { pointer, text } => self
                .task(&words.name)
                .and_then(|id| get(&format!("/containers/{id}/json")))
                .and_then(|found| found.pointer(pointer).map(Value::to_string))
                .is_some_and(|found| found.contains(text)),
            Probe::TaskPrints(text) => {
                self.task(&words.name).is_some_and(|id| self.prints(&id).contains(text))
            }
            Probe::Answers(text) => {
                let answer = String::from_utf8_lossy(answer);
                answer.contains(text) && !answer.contains(REFUSES)
            }
        }
    }

    /// The container of a service.
    fn task(&self, service: &str) -> Option<String> {
        let label = format!("com.docker.swarm.service.name={service}");
        let filter = format!("%7B%22label%22%3A%5B%22{}%22%5D%7D", label.replace('=', "%3D"));
        let found = self.list(&format!("/containers/json?all=1&filters={filter}"));
        found.first().map(|container| text(&container["Id"]).to_owned())
    }

    fn prints(&self, name: &str) -> String {
        let target = format!("/containers/{name}/logs?stdout=1&stderr=1");
        self.daemon.api().get(&target).text()
    }

    /// Removes whatever an attack left.
    pub(crate) fn clean_up(&self) {
        let delete = |target: String| self.daemon.api().delete(&target);
        for service in self.list("/services") {
            delete(format!("/services/{}", text(&service["ID"])));
        }
        for container in self.list("/containers/json?all=1") {
            delete(format!("/containers/{}?force=1&v=1", text(&container["Id"])));
        }
        for volume in self.get("/volumes").iter().flat_map(|all| array(&all["Volumes"])) {
            delete(format!("/volumes/{}?force=1", text(&volume["Name"])));
        }
        for network in self.networks() {
            delete(format!("/networks/{}", text(&network["Id"])));
        }
        for plugin in self.list("/plugins") {
            delete(format!("/plugins/{}?force=1", text(&plugin["Name"])));
        }
        for image in self.list("/images/json") {
            self.remove_names(&image);
        }
    }

    fn remove_names(&self, image: &Value) {
        let names = array(&image["RepoTags"]);
        let kept = |name: &&Value| IMAGES.contains(&text(name));
        if !names.iter().any(|name| kept(&name)) {
            self.daemon.api().delete(&format!("/images/{}?force=1", text(&image["Id"])));
        }
        for name in names.iter().filter(|name| !kept(name)) {
            self.daemon.api().delete(&format!("/images/{}", text(name)));
        }
    }

    pub(crate) fn major(&self) -> u32 {
        let version = self.get("/version").unwrap_or_default();
        let major = text(&version["Version"]).split('.').next().unwrap_or_default();
        major.parse().expect("the engine states its version")
    }

    /// Does a step straight; its statuses say whether it succeeded.
    pub(crate) fn perform(&self, step: &Step, words: &Words) -> Vec<u8> {
        super::wire::perform(step, self.daemon, words)
    }
}

/// What each element has there, in an order of its own: the engine's changes from call to call.
fn ids(list: &[Value], key: &str) -> Vec<String> {
    let mut ids: Vec<String> = list.iter().map(|element| element[key].to_string()).collect();
    ids.sort();
    ids
}

fn array(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
