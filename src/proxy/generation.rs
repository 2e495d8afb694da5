//! What is in force: all that a reload replaces at once.

use std::sync::Arc;

use super::clients::list::{ClientList, Counts};
use crate::config::{Limits, Settings, UpstreamAddress, UpstreamTls};
use crate::lookup::{Daemon, DaemonTls};
use crate::plugins::Plugins;
use crate::tls::Server;

/// All that a reload replaces at once.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) clients: ClientList,
    pub(super) limits: Limits,
    pub(super) dockerapi: UpstreamAddress,
    pub(super) upstream_mark: Option<u32>,
    pub(super) upstream_tls: Option<UpstreamTls>,
    /// How clients are spoken to that come over TCP, if with TLS.
    pub(super) tls: Option<Arc<Server>>,
    /// Whether other hosts are served only if they were redirected here.
    pub(super) transparent: bool,
}

impl Generation {
    /// The daemon that direct connections go to.
    pub(super) fn daemon(&self) -> Daemon {
        let tls = self.upstream_tls.as_ref();
        Daemon {
            address: self.dockerapi.clone(),
            mark: self.upstream_mark,
            tls: tls.and_then(|tls| {
                let name = tls.of_dockerapi.clone()?;
                Some(DaemonTls { client: Arc::clone(&tls.client), name })
            }),
        }
    }

    /// What these settings bring into force.
    pub(super) fn of(settings: &Settings, plugins: &Plugins, counts: &Counts) -> Arc<Self> {
        Arc::new(Self {
            clients: ClientList::of(settings, plugins, counts),
            limits: settings.limits.clone(),
            dockerapi: settings.dockerapi.clone(),
            upstream_mark: settings.upstream_mark,
            upstream_tls: settings.upstream_tls.clone(),
            tls: settings.listen.tls.clone(),
            transparent: settings.listen.transparent,
        })
    }
}
