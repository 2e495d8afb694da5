//! The engine's state, asked of the engine itself: the judge of what SecDocker let through.

use super::client::{self, Answer, Client};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The API of one engine, on its own socket.
pub(crate) struct Api {
    pub(crate) socket: PathBuf,
}

impl Api {
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask(&client::get(target))
    }

    #[track_caller]
    pub(crate) fn post(&self, target: &str, body: &Value) -> Answer {
        self.ask(&client::post(target, body.to_string()))
    }

    #[track_caller]
    pub(crate) fn delete(&self, target: &str) -> Answer {
        self.ask(format!("DELETE {target} HTTP/1.1\r\nHost: d\r\n\r\n").as_bytes())
    }

    #[track_caller]
    pub(crate) fn ask(&self, request: &[u8]) -> Answer {
        Client::unix(&self.socket).ask(request)
    }

    /// What the engine knows of this container.
    #[track_caller]
    pub(crate) fn container(&self, name: &str) -> Option<Value> {
        let answer = self.get(&format!("/containers/{name}/json"));
        (answer.status == 200).then(|| answer.json())
    }

    #[track_caller]
    pub(crate) fn inspect(&self, name: &str) -> Value {
        self.container(name).unwrap_or_else(|| panic!("the engine has no container {name}"))
    }

    #[track_caller]
    pub(crate) fn create(&self, name: &str, body: &Value) -> Answer {
        self.post(&format!("/v1.41/containers/create?name={name}"), body)
    }

    #[track_caller]
    pub(crate) fn start(&self, name: &str) {
        let answer = self.ask(&client::post(&format!("/containers/{name}/start"), ""));
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    #[track_caller]
    pub(crate) fn remove(&self, name: &str) {
        self.delete(&format!("/containers/{name}?force=1&v=1"));
    }

    /// The first process of a running container.
    #[track_caller]
    pub(crate) fn pid(&self, name: &str) -> u64 {
        self.inspect(name)["State"]["Pid"].as_u64().unwrap()
    }

    /// All that a request could have left behind: to show that it left nothing.
    #[track_caller]
    pub(crate) fn state(&self) -> Value {
        let list = |target: &str| self.get(target).json();
        let containers = list("/containers/json?all=1");
        let ids: Vec<Value> =
            containers.as_array().unwrap().iter().map(|c| c["Id"].clone()).collect();
        json!({
            "containers": ids,
            "images": list("/images/json?all=1"),
            "volumes": list("/volumes")["Volumes"],
            "networks": list("/networks"),
        })
    }
}
