//! What runs on the bridges of a daemon, by its addresses: one answer of the daemon's to two questions.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader};
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;

use crate::client::Container;
use crate::lookup::daemon::{ANSWER_BYTES_MAX, Daemon, Deadline, Reply};
use crate::lookup::deadline::Wait;
use crate::policy::subnets::Subnet;

/// What runs.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// None for an address that several have.
    by_address: HashMap<IpAddr, Option<Arc<Container>>>,
    /// Where bridges have their addresses.
    subnets: Vec<Subnet>,
    /// Every container that there is, by its identifier.
    there: HashSet<String>,
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
    state: String,
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
pub(super) enum At {
    One(Arc<Container>),
    Several,
    Nobody,
    /// It is on no bridge.
    NoBridge,
}

impl Running {
    pub(super) fn at(&self, address: IpAddr) -> At {
        let is_on_bridge = || self.subnets.iter().any(|net| net.contains(Subnet::from(address)));
        match self.by_address.get(&address) {
            Some(Some(container)) => At::One(Arc::clone(container)),
            Some(None) => At::Several,
            None if is_on_bridge() => At::Nobody,
            None => At::NoBridge,
        }
    }

    /// Asks for all that there are, also for those that do not run: one that joins the network of another one is
    /// listed as running a moment after its first process has begun.
    pub(super) fn ask(daemon: &Daemon) -> io::Result<Self> {
        let (status, body) = daemon.open("/containers/json?all=1", Wait::While(&|| true))?;
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

    /// Whether there is a container of this identifier.
    pub(super) fn has(&self, id: &str) -> bool {
        self.there.contains(id)
    }

    /// Only on a bridge of this host an address is one container's, even if others have the same.
    fn of(listed: Vec<Listed>, networks: &[ListedNetwork]) -> Self {
        let is_bridge =
            |id: &str| networks.iter().any(|known| known.id == id && known.driver == "bridge");
        // Anyone who joins the network of another one has its address, from its first moment on.
        let joined: HashSet<String> = listed
            .iter()
            .filter_map(|one| one.host_config.network_mode.strip_prefix("container:"))
            .map(|other| other.trim_start_matches('/').to_owned())
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
            running.there.insert(one.id.clone());
            if matches!(one.state.as_str(), "created" | "exited" | "dead" | "removing") {
                continue;
            }
            // By its name, its identifier, or the beginning of that.
            let is_it = |other: &String| *other == name || one.id.starts_with(other.as_str());
            let is_shared = joined.iter().any(is_it);
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
            r#"{{"Id":"{id}","State":"running","Names":["/other/alias","/{id}-name"],"Image":"i","ImageID":"sha256:1",
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
            listed("0a1b", "default", "b", "172.17.0.20"),
            // One that is about to start, by the beginning of an identifier.
            listed("i", "container:0a", "", "").replace("running", "created"),
            listed("k", "default", "b", "172.17.0.21"),
            listed("l", "container:/k-name", "", "").replace("running", "exited"),
            listed("m", "default", "b", "172.17.0.22").replace("running", "exited"),
            listed("n", "default", "b", "172.17.0.22"),
        ];
        let running = running(&format!("[{}]", all.join(",")));
        let at = |address: &str| running.by_address.get(&address.parse::<IpAddr>().unwrap());
        let name = |address| at(address).map(|found| found.as_ref().map(|one| one.name.clone()));
        assert_eq!(name("172.17.0.2"), Some(Some("a-name".to_owned())));
        assert_eq!(name("192.0.2.7"), None, "another machine may have it");
        assert_eq!(name("172.18.0.2"), Some(None), "two have it");
        assert_eq!(name("172.17.0.9"), Some(None), "another one has joined it");
        assert_eq!(name("172.17.0.20"), Some(None), "another one may join it at any moment");
        assert_eq!(name("172.17.0.21"), Some(None), "or again");
        assert_eq!(name("172.17.0.22"), Some(Some("n-name".to_owned())), "the other has ended");
        assert!(running.has("m") && !running.has("z"));
        assert!(matches!(running.at("10.0.0.1".parse().unwrap()), At::NoBridge));
        assert!(matches!(running.at("172.17.3.3".parse().unwrap()), At::Nobody));
    }
}
