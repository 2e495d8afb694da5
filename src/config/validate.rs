//! Schema to settings: every value read, every mistake gathered with its line and key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address::UpstreamAddress;
use super::checker::Checker;
use super::error::{At, Mistake};
use super::limits::limits;
use super::listen::listen;
use super::log::log;
use super::rules::{self, Sections};
use super::schema::{File, Text};
use super::settings::{Listen, Overrides, Settings};
use super::variables::Variables;
use super::{account, clients, metrics, plugins, tls, units};
use crate::policy::Policy;
use crate::policy::endpoints::EndpointRules;
use crate::policy::types::HostPath;
use crate::policy::way_out::WayOut;
use crate::tls::ClientCertificates;

const DEFAULT_UPSTREAM: &str = "/var/run/docker.sock";

/// Reads every value of `file`, whose text is `text`.
pub(super) fn validate(
    text: &str,
    file: &File,
    folder: &Path,
    overrides: &Overrides,
) -> Result<Settings, Vec<Mistake>> {
    let mut checker = Checker::new(text);
    let plugins = plugins::plugins(&mut checker, file, folder);
    let sections = Sections {
        restrictions: file.restrictions.as_ref(),
        general: file.general.as_ref(),
        endpoints: file.endpoints.as_ref(),
        strict: file.strict.as_ref(),
        exceptions: &file.exceptions.0,
    };
    let mut policy = rules::policy(&mut checker, &sections, folder);
    if let Some(variables) = &overrides.variables {
        policy.endpoints = variables_instead(&mut checker, file, variables);
    }
    let listen = listen(&mut checker, file.listen.as_ref(), folder, overrides);
    let dockerapi = upstream(&mut checker, file.dockerapi.as_ref(), &listen);
    let upstream_tls = tls::client(
        &mut checker,
        file.upstream.as_ref().and_then(|upstream| upstream.tls.as_ref()),
        file.dockerapi.as_deref().unwrap_or_default(),
        dockerapi.as_ref(),
        folder,
    );
    refuse_lending(&mut checker, file, &listen);
    let limits = limits(&mut checker, file.limits.as_ref());
    let log = log(&mut checker, file.log.as_ref());
    let metrics = metrics::metrics(&mut checker, file.metrics.as_ref(), &listen, folder);
    let upstream_mark = upstream_mark(&mut checker, file);
    let (account, sandbox) = account::rights(&mut checker, file, &plugins.list);
    let way_out = dockerapi.as_ref().map(way_out).unwrap_or_default();
    let of_variables = overrides.variables.as_ref().map(|_| &policy.endpoints);
    let above = clients::Above { policy: &policy, way_out: &way_out, of_variables };
    let clients = clients::clients(&mut checker, file, folder, &above);
    match dockerapi {
        Some(dockerapi) if checker.mistakes() == 0 => {
            let mut policy = Policy { way_out, ..policy };
            policy.ceilings.owner = clients.counts_containers().then(String::new);
            Ok(Settings {
                listen,
                dockerapi,
                upstream_tls,
                limits,
                log,
                metrics,
                policy: Arc::new(policy),
                clients,
                upstream_mark,
                plugins,
                account,
                sandbox,
            })
        }
        _ => Err(checker.into_mistakes()),
    }
}

fn upstream_mark(checker: &mut Checker<'_>, file: &File) -> Option<u32> {
    checker.optional(At::top("upstream_mark"), file.upstream_mark.as_ref(), units::parse_mark)
}

/// What variables say may be called; the file must not say it, too.
fn variables_instead(
    checker: &mut Checker<'_>,
    file: &File,
    variables: &Variables,
) -> EndpointRules {
    if file.endpoints.is_some() {
        let reason =
            "the variables of the environment say what may be called: leave out one of the two";
        checker.refuse(At::top("endpoints"), &reason);
    }
    variables.rules()
}

/// Behind a redirect a daemon may want certificates of clients, and sees SecDocker's only: it vouches for them.
fn refuse_lending(checker: &mut Checker<'_>, file: &File, listen: &Listen) {
    let tls = file.upstream.as_ref().and_then(|upstream| upstream.tls.as_ref());
    let lends = tls.is_some_and(|tls| tls.certificate.is_some());
    let asked = listen.tls.as_ref().map(|tls| tls.client_certificates);
    let is_open = asked.is_some_and(|asked| asked != ClientCertificates::Require);
    if lends && is_open && listen.transparent && !listen.allow_plain {
        checker.refuse(
            At::key("listen", "tls"),
            &"a client that is redirected here without a certificate would reach daemons that require one, by that of \
              `upstream.tls`: say `client_certificates: require`, or `allow_plain: true` if this is meant",
        );
    }
}

/// Where the daemon is: never at one of our own listeners.
fn upstream(
    checker: &mut Checker<'_>,
    text: Option<&Text>,
    listen: &Listen,
) -> Option<UpstreamAddress> {
    let at = At::top("dockerapi");
    let text = text.map_or(DEFAULT_UPSTREAM, |text| text);
    let upstream = checker.value(at, UpstreamAddress::parse(text))?;
    let ourselves = match &upstream {
        UpstreamAddress::Tcp(address) => listen.tcp.is_some_and(|own| own.accepts(*address)),
        UpstreamAddress::Unix(path) => {
            listen.unix.as_ref().is_some_and(|own| same_path(path, &own.path))
        }
    };
    if ourselves {
        checker.refuse(at, &format_args!("{upstream} is where SecDocker itself listens"));
    }
    Some(upstream)
}

/// What leads past SecDocker, the daemon's own socket first.
fn way_out(dockerapi: &UpstreamAddress) -> WayOut {
    let socket = match dockerapi {
        UpstreamAddress::Unix(path) => path.to_str().and_then(|path| HostPath::parse(path).ok()),
        UpstreamAddress::Tcp(_) => None,
    };
    socket.map_or_else(WayOut::default, WayOut::with)
}

/// Whether two sockets are the same one, or will be: the folder may be reached in two ways.
fn same_path(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| -> PathBuf {
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        let through_folder = folder.zip(path.file_name()).map(|(folder, name)| folder.join(name));
        through_folder.unwrap_or_else(|| path.to_owned())
    };
    // Only the daemon's end may be a link: ours is made anew at every start.
    resolved(one) == resolved(other) || one.canonicalize().is_ok_and(|one| one == resolved(other))
}
