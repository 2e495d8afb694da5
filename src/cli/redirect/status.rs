//! `secdocker redirect status`: whether the rules are there, whether connections really come, and who can
//! reach the daemon past SecDocker.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::backends::find_all;
use super::options::{Families, Options, USUAL_PORTS};
use super::plan::{Found, Plan};
use super::probe::{self, Answered};
use crate::cli::exposure;
use crate::cli::outcome::{CliError, Outcome, print};
use crate::config::{Settings, TcpListen, UpstreamAddress};

/// The daemon's socket where it usually is.
const USUAL_SOCKET: &str = "/var/run/docker.sock";

/// Prints what was found. It is [`Outcome::Refused`] if a connection over TCP does not come to SecDocker.
pub(super) fn status(settings: &Settings, options: &Options) -> Result<Outcome, CliError> {
    let mut out = String::new();
    let plan = describe_rules(&mut out, options)?;
    let own = match settings.listen.tcp {
        Some(TcpListen::AnyAddress(port)) => Some(port),
        Some(TcpListen::Address(address)) => Some(address.port()),
        None => None,
    };
    let daemons = exposure::ports();
    let (asked, families, is_outside, is_local) = match &plan {
        Some(plan) => (plan.ports.clone(), plan.families, plan.outside, plan.local.is_some()),
        None => {
            let ports = options.ports.clone().unwrap_or_else(|| USUAL_PORTS.to_vec());
            (ports, Families::Both, false, false)
        }
    };
    let mut ports: BTreeSet<u16> = asked.iter().copied().collect();
    ports.extend(daemons.iter().map(SocketAddr::port));
    ports.retain(|port| Some(*port) != own);
    let ports: Vec<u16> = ports.into_iter().collect();
    let host = probe::families_of_host();
    let wanted = |must: bool, answers| Tried { must, families, asked: &asked, answers };
    let outside = probe::ask_from_outside(&ports, host)?;
    let mut all_come = wanted(is_outside, outside).describe(&mut out, "another network");
    let here = probe::ask_from_here(&ports, host);
    all_come &= wanted(is_local, here).describe(&mut out, "this host");
    describe_sockets(&mut out, settings);
    if plan.is_none() || !all_come {
        out.push_str("Not every connection over TCP comes to SecDocker.\n");
        return print(&out).map(|_| Outcome::Refused);
    }
    out.push_str("Every connection over TCP that was tried comes to SecDocker.\n");
    print(&out)
}

/// Says what rules are there; returns what they are for if they are whole.
fn describe_rules(out: &mut String, options: &Options) -> Result<Option<Plan>, CliError> {
    let mut whole = None;
    let mut any = false;
    for (backend, found) in find_all(options.backend)? {
        // Writing to a string can't fail.
        let _ = match found {
            Found::Nothing => continue,
            Found::Rules { plan: Some(plan), is_whole: true } => {
                let written = writeln!(out, "The redirect is set by {backend}: {plan}.");
                whole = Some(plan);
                written
            }
            Found::Rules { .. } => writeln!(
                out,
                "The redirect by {backend} is damaged: somebody has changed its rules. `secdocker redirect \
                 add` sets them anew."
            ),
        };
        any = true;
    }
    if !any {
        out.push_str("There is no redirect.\n");
    }
    Ok(whole)
}

/// What came of connections from one place.
struct Tried<'a> {
    /// Whether the redirect is for connections from there.
    must: bool,
    families: Families,
    /// The ports of the redirect.
    asked: &'a [u16],
    answers: Vec<(SocketAddr, Answered)>,
}

impl Tried<'_> {
    /// A line for each; whether nobody reached anything but SecDocker, and all that should come came.
    fn describe(&self, out: &mut String, place: &str) -> bool {
        let mut all_come = true;
        for (address, answered) in &self.answers {
            let family = if address.is_ipv4() { Families::V4 } else { Families::V6 };
            let is_redirected =
                self.must && self.families.cover(family) && self.asked.contains(&address.port());
            let is_good = match answered {
                Answered::SecDocker => true,
                Answered::Nobody(_) => !is_redirected,
                Answered::Daemon | Answered::Other => false,
            };
            let warning = if is_good { "" } else { "Warning: " };
            let _ = writeln!(
                out,
                "{warning}From {place}, {family}, port {}: {answered}.",
                address.port()
            );
            all_come &= is_good;
        }
        all_come
    }
}

/// Who can open the daemon's socket.
fn describe_sockets(out: &mut String, settings: &Settings) {
    match &settings.dockerapi {
        UpstreamAddress::Unix(path) => exposure::describe_socket(out, path),
        UpstreamAddress::Tcp(_) => exposure::describe_socket(out, Path::new(USUAL_SOCKET)),
    }
}
