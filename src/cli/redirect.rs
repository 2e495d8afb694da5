//! `secdocker redirect`: the kernel's rules that lead clients' connections to SecDocker, shown, set, taken
//! away and tried.
//!
//! Rules stand in a table (nft) or chain (iptables) of their own, so that neither a restart of docker, which
//! writes its chains anew, nor anybody else's rules meet them. What is set is set whole or not at all.

mod backends;
mod error;
mod iptables;
mod nft;
mod options;
mod plan;
mod probe;
mod program;
mod status;

use std::path::PathBuf;

use self::backends::{choose, find, find_all, rules};
use self::plan::{Found, Plan};
use super::outcome::{CliError, Outcome, find_config, print};
use crate::config::{self, Overrides};

pub use error::RedirectError;
pub(super) use options::{Action, Backend, Families, Options, parse_ports};

/// Does what was asked for.
pub(super) fn redirect(
    action: Action,
    options: &Options,
    config: Option<PathBuf>,
    overrides: &Overrides,
) -> Result<Outcome, CliError> {
    let settings = || config::load(&find_config(config)?, overrides).map_err(CliError::from);
    match action {
        Action::Show => {
            let plan = Plan::new(&settings()?, options)?;
            print(&rules(choose(options.backend)?, &plan))
        }
        Action::Add => print(&add(&Plan::new(&settings()?, options)?, options)?),
        Action::Remove => print(&remove(options)?),
        Action::Status => status::status(&settings()?, options),
    }
}

/// Sets the rules, whatever of them is there already, and says so in a sentence.
fn add(plan: &Plan, options: &Options) -> Result<String, RedirectError> {
    let backend = choose(options.backend)?;
    let before = find(backend)?;
    let others = Backend::ALL.into_iter().filter(|other| *other != backend);
    for other in others.filter(|other| program::is_installed(other.program())) {
        if find(other)? != Found::Nothing {
            let reason = format!(
                "{other} has a redirect of SecDocker's already: take that one away first, by \
                 `secdocker redirect remove --backend {other}`"
            );
            return Err(RedirectError::Senseless(reason));
        }
    }
    match backend {
        Backend::Nft => nft::set(plan)?,
        Backend::Iptables => iptables::set(plan)?,
    }
    let is_same = before == Found::Rules { plan: Some(plan.clone()), is_whole: true };
    let what = match before {
        Found::Nothing => "is set",
        Found::Rules { .. } if is_same => "was set already",
        Found::Rules { .. } => "is set in place of the one before",
    };
    let docker = match iptables::has_docker_chains() {
        Some(false) => "; docker's own chains are missing here, and are not needed",
        _ => "",
    };
    Ok(format!("secdocker: the redirect {what} by {backend}: {plan}{docker}\n"))
}

/// Takes all rules away, and says so in a sentence.
///
/// Options may name what is meant, but not a part of it: the rest would be lost with it.
fn remove(options: &Options) -> Result<String, RedirectError> {
    let all = find_all(options.backend)?;
    if all.is_empty() {
        let missing = options.backend.map_or("neither nft nor iptables", Backend::program);
        return Err(RedirectError::NoProgram(missing));
    }
    let present: Vec<_> = all.into_iter().filter(|(_, found)| *found != Found::Nothing).collect();
    for (_, found) in &present {
        if let Found::Rules { plan: Some(plan), .. } = found {
            plan.refuse_part(options)?;
        }
    }
    for (backend, _) in &present {
        match backend {
            Backend::Nft => nft::remove()?,
            Backend::Iptables => iptables::remove()?,
        }
    }
    let names: Vec<_> = present.iter().map(|(backend, _)| backend.program()).collect();
    Ok(match names.is_empty() {
        true => "secdocker: there was no redirect\n".to_owned(),
        false => format!("secdocker: the redirect by {} is taken away\n", names.join(" and ")),
    })
}
