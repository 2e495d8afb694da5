//! Which container of the daemon a client is: by its address on a bridge, or by its control group.
//!
//! ```text
//! address ─► a container of a bridge has it, and no other ─────────────► that one
//! control group ─► has an identifier ─► the daemon: its process ─► is it within that one's group? ─► it
//! ```
//! What runs is remembered until the daemon tells of a change. What is not found there is asked anew: a
//! container may connect before its start is told of.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::caller::{Caller, groups_of};
use super::daemon::{ANSWER_BYTES_MAX, Daemon, Deadline, Reply};
use super::events::{Told, follow_changes};
use super::process::Process;
use crate::client::{Container, Learned};
use crate::policy::subnets::Subnet;

/// The most daemons whose containers are remembered.
const DAEMONS_MAX: usize = 8;

/// How long to wait before a daemon that ended its events is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the digits of an identifier are.
const ID_DIGITS: usize = 64;

/// How often the daemon is asked for the container of an address on a bridge, and after which time again.
const LOOKS_MAX: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

const UNREACHABLE: &str = "the daemon does not say which containers run";

/// What is known of the containers of daemons; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Containers(Arc<Mutex<HashMap<Daemon, Arc<Known>>>>);

/// Of one daemon.
#[derive(Debug, Default)]
struct Known {
    state: Mutex<State>,
    /// One asks at a time; others wait for the answer.
    asking: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Arc<Running>>,
    /// Whether the daemon tells of changes.
    is_followed: bool,
    /// How many changes it has told of.
    changes: u64,
    /// How often it was asked, up to now.
    asked: u64,
}

/// What runs.
#[derive(Debug, Default)]
struct Running {
    /// None for an address that several have.
    by_address: HashMap<IpAddr, Option<Arc<Container>>>,
    /// Where bridges have their addresses.
    subnets: Vec<Subnet>,
}

impl Containers {
    /// The container that has connected, by its address or as the process that the kernel names. Blocks.
    #[must_use]
    pub fn of(
        &self,
        daemon: &Daemon,
        address: Option<IpAddr>,
        caller: &Learned<Caller>,
    ) -> Learned<Arc<Container>> {
        let Some(known) = self.known(daemon) else {
            return Learned::unknown("too many daemons are asked about their containers");
        };
        // Whose socket is one of this network namespace has no address of its own.
        let by_address = match caller {
            Learned::Known(_) => Learned::None,
            _ => address.map_or(Learned::None, |address| known.at(daemon, address)),
        };
        match by_address {
            Learned::None => by_control_group(daemon, caller),
            found => found,
        }
    }

    fn known(&self, daemon: &Daemon) -> Option<Arc<Known>> {
        let mut all = lock(&self.0);
        if let Some(known) = all.get(daemon) {
            return Some(Arc::clone(known));
        }
        if all.len() >= DAEMONS_MAX {
            return None;
        }
        let known = Arc::new(Known::default());
        let (followed, whose) = (Arc::clone(&known), daemon.clone());
        let begun = thread::Builder::new().name("changes".into());
        // Without it, each question is asked anew.
        let _ = begun.spawn(move || followed.follow(&whose));
        all.insert(daemon.clone(), Arc::clone(&known));
        Some(known)
    }
}

fn by_control_group(daemon: &Daemon, caller: &Learned<Caller>) -> Learned<Arc<Container>> {
    let caller = match caller {
        Learned::Known(caller) => caller,
        Learned::Unknown(reason) => return Learned::Unknown(reason.clone()),
        Learned::None | Learned::NotAsked => return Learned::None,
    };
    let groups = match caller.control_groups() {
        Learned::Known(groups) => groups,
        Learned::Unknown(reason) => return Learned::Unknown(reason),
        Learned::None | Learned::NotAsked => return Learned::None,
    };
    let Some(id) = groups.iter().find_map(|path| identifier_in(path)) else {
        return Learned::None;
    };
    let inspected = match daemon.get(&["containers", id, "json"], Deadline::of_one_round()) {
        Ok(Reply::Found(body)) => serde_json::from_slice::<Inspected>(&body),
        Ok(Reply::Absent) => return Learned::None,
        Err(_) => return Learned::unknown(UNREACHABLE),
    };
    let Ok(inspected) = inspected else { return Learned::unknown(UNREACHABLE) };
    match is_within(&inspected, &groups) {
        Some(true) => Learned::Known(Arc::new(inspected.into())),
        // Whoever may make groups below their own can call one of them anything.
        Some(false) => Learned::None,
        None => Learned::unknown("the control group of that container cannot be seen"),
    }
}

/// The identifier in the name of a control group: `/docker/ID`, `/system.slice/docker-ID.scope`.
fn identifier_in(path: &str) -> Option<&str> {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    words.into_iter().find(|word| word.len() == ID_DIGITS && word.bytes().all(is_digit))
}

/// Whether one of these groups is that of a container's first process, or below it.
fn is_within(container: &Inspected, groups: &[String]) -> Option<bool> {
    let pid = container.state.pid;
    if pid == 0 {
        return Some(false);
    }
    Process::of_container(pid, &container.id)?;
    let own = groups_of(&Path::new("/proc").join(pid.to_string())).ok()?;
    let own = || own.iter().filter(|path| path.contains(&container.id));
    let is_below =
        |path: &String| own().any(|own| path.strip_prefix(own.as_str()).is_some_and(is_step));
    Some(groups.iter().any(is_below))
}

fn is_step(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

impl Known {
    /// The container on a bridge that has an address. The daemon lists one a moment after its first process
    /// has begun.
    fn at(&self, daemon: &Daemon, address: IpAddr) -> Learned<Arc<Container>> {
        let mut running = lock(&self.state).running.clone();
        for look in 0..=LOOKS_MAX {
            match running.map(|running| running.at(address)) {
                Some(At::One(container)) => return Learned::Known(container),
                Some(At::Several) => {
                    return Learned::unknown("several containers have its address");
                }
                // Most clients are on no bridge, and cost no question.
                Some(At::NoBridge) => return Learned::None,
                Some(At::Nobody) | None => {}
            }
            if look > 1 {
                pause(BETWEEN_LOOKS);
            }
            running = match self.ask(daemon) {
                Ok(running) => Some(running),
                Err(_) => return Learned::unknown(UNREACHABLE),
            };
        }
        Learned::None
    }

    /// What runs now: asked for after this call.
    fn ask(&self, daemon: &Daemon) -> io::Result<Arc<Running>> {
        let before = lock(&self.state).asked;
        let _one = lock(&self.asking);
        let changes = {
            let mut state = lock(&self.state);
            // Somebody else has begun to ask since, and has the answer.
            if let Some(running) = state.running.clone().filter(|_| state.asked > before) {
                return Ok(running);
            }
            state.asked += 1;
            state.changes
        };
        let running = Arc::new(Running::ask(daemon)?);
        let mut state = lock(&self.state);
        if state.is_followed && state.changes == changes {
            state.running = Some(Arc::clone(&running));
        }
        Ok(running)
    }

    /// Forgets what runs with each change, for as long as SecDocker runs.
    fn follow(&self, daemon: &Daemon) {
        loop {
            let ended = follow_changes(daemon, |told| {
                let mut state = lock(&self.state);
                state.is_followed |= told == Told::Begun;
                state.changes += 1;
                state.running = None;
            });
            // What it does not tell of is asked anew each time.
            drop(ended);
            let mut state = lock(&self.state);
            state.is_followed = false;
            state.running = None;
            drop(state);
            pause(PAUSE);
        }
    }
}

/// The part of Engine API `ContainerList` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    image: String,
    #[serde(rename = "ImageID", default)]
    image_id: String,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
    #[serde(default)]
    host_config: HostConfig,
    #[serde(default)]
    network_settings: Option<NetworkSettings>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    networks: Option<HashMap<String, Endpoint>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Endpoint {
    #[serde(rename = "NetworkID")]
    network_id: String,
    #[serde(rename = "IPAddress")]
    address: String,
    #[serde(rename = "GlobalIPv6Address")]
    address_v6: String,
}

/// The part of Engine API `NetworkList` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedNetwork {
    id: String,
    #[serde(default)]
    driver: String,
    #[serde(rename = "IPAM", default)]
    ipam: Ipam,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Ipam {
    config: Option<Vec<Pool>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Pool {
    subnet: String,
}

/// Who has an address.
enum At {
    One(Arc<Container>),
    Several,
    Nobody,
    /// It is on no bridge.
    NoBridge,
}

/// The part of Engine API `ContainerInspect` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    name: String,
    image: String,
    state: InspectedState,
    config: InspectedConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedState {
    pid: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    #[serde(default)]
    image: String,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
}

impl From<Inspected> for Container {
    fn from(inspected: Inspected) -> Self {
        let Inspected { id, name, image, config, .. } = inspected;
        Self {
            id,
            name: name.strip_prefix('/').unwrap_or(&name).to_owned(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            image: config.image,
            image_id: image,
        }
    }
}

impl Running {
    fn at(&self, address: IpAddr) -> At {
        let is_on_bridge = || self.subnets.iter().any(|net| net.contains(Subnet::from(address)));
        match self.by_address.get(&address) {
            Some(Some(container)) => At::One(Arc::clone(container)),
            Some(None) => At::Several,
            None if is_on_bridge() => At::Nobody,
            None => At::NoBridge,
        }
    }

    fn ask(daemon: &Daemon) -> io::Result<Self> {
        let (status, body) = daemon.open("/containers/json", &|| true)?;
        if status != 200 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let listed: Vec<Listed> = serde_json::from_reader(BufReader::new(body))?;
        let networks = match daemon.get(&["networks"], Deadline::of_one_round())? {
            Reply::Found(body) if body.len() <= ANSWER_BYTES_MAX => body,
            Reply::Found(_) | Reply::Absent => return Err(io::ErrorKind::InvalidData.into()),
        };
        let networks: Vec<ListedNetwork> = serde_json::from_slice(&networks)?;
        Ok(Self::of(listed, &networks))
    }

    /// Only on a bridge of this host an address is one container's, whoever else has the same.
    fn of(listed: Vec<Listed>, networks: &[ListedNetwork]) -> Self {
        let is_bridge =
            |id: &str| networks.iter().any(|known| known.id == id && known.driver == "bridge");
        // Whoever has joined the network of another one has its address.
        let joined: Vec<String> = listed
            .iter()
            .filter_map(|one| one.host_config.network_mode.strip_prefix("container:"))
            .map(ToOwned::to_owned)
            .collect();
        let bridges = networks.iter().filter(|network| network.driver == "bridge");
        let pools = bridges.flat_map(|network| network.ipam.config.iter().flatten());
        let subnets = pools.filter_map(|pool| Subnet::parse(&pool.subnet).ok()).collect();
        let mut running = Self { subnets, ..Self::default() };
        for one in listed {
            let name = one.names.iter().flatten().find_map(|name| {
                name.strip_prefix('/').filter(|name| !name.contains('/')).map(ToOwned::to_owned)
            });
            let name = name.unwrap_or_default();
            let is_shared = joined.iter().any(|other| *other == one.id || *other == name);
            let container = Arc::new(Container {
                name,
                labels: one.labels.unwrap_or_default().into_iter().collect(),
                image: one.image,
                image_id: one.image_id,
                id: one.id.clone(),
            });
            let endpoints = one.network_settings.and_then(|settings| settings.networks);
            let endpoints = endpoints.unwrap_or_default().into_values();
            for endpoint in endpoints.filter(|endpoint| is_bridge(&endpoint.network_id)) {
                for address in [&endpoint.address, &endpoint.address_v6] {
                    let Ok(address) = address.parse::<IpAddr>() else { continue };
                    let alone = (!is_shared).then(|| Arc::clone(&container));
                    let known = running.by_address.entry(address.to_canonical());
                    known.and_modify(|known| *known = None).or_insert(alone);
                }
            }
        }
        running
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that could panic runs under these locks but reading an answer, which changes nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pause(time: Duration) {
    let never = Mutex::new(());
    let _ = Condvar::new().wait_timeout(lock(&never), time);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    fn running(containers: &str) -> Running {
        let networks = r#"[{"Id":"b","Driver":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]}},{"Id":"m","Driver":"macvlan"}]"#;
        let networks: Vec<ListedNetwork> = serde_json::from_str(networks).unwrap();
        Running::of(serde_json::from_str(containers).unwrap(), &networks)
    }

    fn listed(id: &str, mode: &str, network: &str, address: &str) -> String {
        format!(
            r#"{{"Id":"{id}","Names":["/other/alias","/{id}-name"],"Image":"i","ImageID":"sha256:1",
            "Labels":{{"role":"x"}},"HostConfig":{{"NetworkMode":"{mode}"}},"NetworkSettings":
            {{"Networks":{{"n":{{"NetworkID":"{network}","IPAddress":"{address}",
            "GlobalIPv6Address":""}}}}}}}}"#
        )
    }

    #[test]
    fn an_address_on_a_bridge_is_one_containers() {
        let all = [
            listed("a", "default", "b", "172.17.0.2"),
            listed("c", "default", "m", "192.0.2.7"),
            listed("d", "default", "b", "172.18.0.2"),
            listed("e", "default", "b", "172.18.0.2"),
            listed("f", "default", "b", "172.17.0.9"),
            listed("g", "container:f", "", ""),
            listed("h", "host", "", ""),
        ];
        let running = running(&format!("[{}]", all.join(",")));
        let at = |address: &str| running.by_address.get(&address.parse::<IpAddr>().unwrap());
        let name = |address| at(address).map(|found| found.as_ref().map(|one| one.name.clone()));
        assert_eq!(name("172.17.0.2"), Some(Some("a-name".to_owned())));
        assert_eq!(name("192.0.2.7"), None, "another machine may have it");
        assert_eq!(name("172.18.0.2"), Some(None), "two have it");
        assert_eq!(name("172.17.0.9"), Some(None), "another one has joined it");
        assert!(matches!(running.at("10.0.0.1".parse().unwrap()), At::NoBridge));
        assert!(matches!(running.at("172.17.3.3".parse().unwrap()), At::Nobody));
    }

    #[test]
    fn identifiers_in_the_names_of_control_groups() {
        let id = "ab".repeat(32);
        for path in [
            format!("/docker/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/ci/{id}/nested"),
        ] {
            assert_eq!(identifier_in(&path), Some(id.as_str()), "{path}");
        }
        for path in ["/system.slice/a.service", &format!("/x{id}"), &format!("/{}", &id[1..])] {
            assert_eq!(identifier_in(path), None, "{path}");
        }
    }
}
