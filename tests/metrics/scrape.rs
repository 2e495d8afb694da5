//! SecDocker with an endpoint for its metrics, and what is read there.

use crate::support::client::get;
use crate::support::firewall::config;
use crate::support::{Answer, Client, Daemon, SecDocker, run, sandbox};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;

/// A SecDocker that is watched, on a port of 127.0.0.1.
pub(crate) struct Watched {
    secdocker: SecDocker,
    pub(crate) at: SocketAddr,
}

impl Deref for Watched {
    type Target = SecDocker;

    fn deref(&self) -> &SecDocker {
        &self.secdocker
    }
}

impl Watched {
    #[track_caller]
    pub(crate) fn before(daemon: &Daemon, rest: &str) -> Watched {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, sandbox::port()));
        let config = format!("metrics: {{listen: \"{at}\"}}\n{rest}");
        Watched { secdocker: SecDocker::before(daemon, &config), at }
    }

    /// In front of an engine that is, or is not, at this socket.
    #[track_caller]
    pub(crate) fn at(socket: &Path) -> Watched {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, sandbox::port()));
        let config = config(socket, &format!("metrics: {{listen: \"{at}\"}}\n"));
        Watched { secdocker: SecDocker::start(&config, &[]), at }
    }

    /// A connection to the endpoint.
    pub(crate) fn watcher(&self) -> Client {
        Client::without_tls(TcpStream::connect(self.at).unwrap())
    }

    pub(crate) fn ask(&self, path: &str) -> Answer {
        self.watcher().ask(get(path))
    }

    /// All that is counted at the moment.
    #[track_caller]
    pub(crate) fn scrape(&self) -> Scrape {
        let answer = self.ask("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Scrape::read(&answer.text())
    }
}

/// Series and their values.
#[derive(Debug)]
pub(crate) struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    pub(crate) fn read(text: &str) -> Scrape {
        let series = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        Scrape(series.collect())
    }

    /// What a series counts; nothing if it is not there.
    pub(crate) fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or(0.0)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Has `promtool` look at something; it must be there.
#[track_caller]
pub(crate) fn check(arguments: &[&str], input: &[u8]) -> String {
    run(Command::new("promtool").args(arguments), input).ok()
}
