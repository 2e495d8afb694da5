//! What is in force: all that a reload replaces at once.

use std::sync::Arc;

use super::clients::list::{ClientList, Counts};
use crate::config::{Limits, Settings, UpstreamAddress, UpstreamTls};
use crate::lookup::{Daemon, DaemonTls};
use crate::metrics::{ClientCounts, Metrics};
use crate::plugins::Plugins;
use crate::tls::{Server, Validity};

/// All that a reload replaces at once.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) clients: ClientList,
    /// What becomes of requests, by the place of the rules that they are judged by.
    pub(super) counted: Box<[Arc<ClientCounts>]>,
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
    pub(super) fn of(
        settings: &Settings,
        plugins: &Plugins,
        counts: &Counts,
        metrics: &Metrics,
    ) -> Arc<Self> {
        metrics.come_into_force(certificates(settings));
        Arc::new(Self {
            clients: ClientList::of(settings, plugins, counts, metrics),
            // Behind the entries, each of which has its place by now.
            counted: metrics.client_counts(),
            limits: settings.limits.clone(),
            dockerapi: settings.dockerapi.clone(),
            upstream_mark: settings.upstream_mark,
            upstream_tls: settings.upstream_tls.clone(),
            tls: settings.listen.tls.clone(),
            transparent: settings.listen.transparent,
        })
    }
}

/// Until when the certificates of each key are valid.
fn certificates(settings: &Settings) -> Vec<(&'static str, u64)> {
    let of_metrics = settings.metrics.as_ref().and_then(|metrics| metrics.tls.as_deref());
    let of_upstream = settings.upstream_tls.as_ref().map(|tls| tls.client.validity());
    let all = [
        ("listen.tls", settings.listen.tls.as_deref().map(Server::validity)),
        ("upstream.tls", of_upstream),
        ("metrics.tls", of_metrics.map(Server::validity)),
    ];
    let each = |(key, all): (_, Option<&[Validity]>)| {
        let all = all.unwrap_or_default().iter();
        all.map(|one| (key, one.not_after)).collect::<Vec<_>>()
    };
    all.into_iter().flat_map(each).collect()
}
