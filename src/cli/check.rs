//! `secdocker check`: a configuration in plain words, a sentence for each rule and ceiling.

mod clients;
mod exceptions;
mod policy;
mod shown;

use std::fmt::{self, Write};
use std::path::Path;

use self::policy::describe_policy;
use self::shown::Size;
use super::outcome::{CliError, Outcome, print};
use super::{certificates, exposure};
use crate::config::plugins::{Fallback, PluginSettings, Plugins as Configured};
use crate::config::{self, Account, Limits, Listen, Overrides, Sandbox, Settings};
use crate::lookup::Daemon;
use crate::plugins::Plugins;
use crate::proxy::StartError;

/// Prints what the configuration at `path` says.
pub(super) fn check(path: &Path, overrides: &Overrides) -> Result<Outcome, CliError> {
    let settings = config::load(path, overrides)?;
    // A plugin that can't be used stops a start, so it is no valid configuration either.
    Plugins::load(&settings.plugins, &Daemon::of(&settings)).map_err(StartError::Plugin)?;
    let mut text = String::new();
    if let Some(variables) = &overrides.variables {
        let _ = writeln!(
            text,
            "What may be called is said by variables of the environment: {variables}."
        );
    }
    // Writing to a string can't fail.
    let _ = describe(&mut text, path, &settings);
    if settings.restricts() {
        text.push_str(&exposure::describe(&settings));
    }
    print(&text)
}

fn describe(out: &mut String, path: &Path, settings: &Settings) -> fmt::Result {
    let Settings {
        listen,
        dockerapi,
        upstream_tls: _,
        limits,
        log,
        metrics,
        policy,
        clients: _,
        upstream_mark,
        plugins,
        account,
        sandbox,
    } = settings;
    writeln!(out, "{} is valid.\n", path.display())?;
    describe_listen(out, listen)?;
    writeln!(out, "Connections that were not redirected go to {dockerapi}.")?;
    certificates::describe(out, settings)?;
    if let Some(mark) = upstream_mark {
        writeln!(out, "Connections to the daemon carry the mark {mark:#x}.")?;
    }
    writeln!(
        out,
        "The log is {}, level {}.",
        log.file.display(),
        log.level.as_str().to_lowercase()
    )?;
    exposure::describe_metrics(out, metrics.as_ref())?;
    describe_sandbox(out, account.as_ref(), *sandbox)?;
    describe_policy(out, policy)?;
    clients::describe(out, settings)?;
    describe_plugins(out, plugins)?;
    describe_limits(out, limits)
}

fn describe_sandbox(out: &mut String, account: Option<&Account>, sandbox: Sandbox) -> fmt::Result {
    if let Some(Account { uid, gid, .. }) = account {
        writeln!(out, "When it has bound its sockets it becomes user {uid} and group {gid}.")?;
    }
    out.push_str(match sandbox {
        Sandbox::On => {
            "It gives up all rights then that it has no use for; plugins run no programs.\n\n"
        }
        Sandbox::Off => "It gives up nothing else of what it may do then.\n\n",
        Sandbox::Log => "The kernel logs system calls then that it has no use for.\n\n",
    });
    Ok(())
}

fn describe_listen(out: &mut String, listen: &Listen) -> fmt::Result {
    if let Some(tcp) = &listen.tcp {
        writeln!(out, "SecDocker listens on {tcp}.")?;
        if listen.transparent {
            writeln!(out, "Those of other hosts are served only if they were redirected here.")?;
        }
        if listen.allow_plain && !tcp.is_loopback() {
            writeln!(out, "Those of other hosts may come without a certificate (`allow_plain`).")?;
        }
    }
    if let Some(unix) = &listen.unix {
        let (path, mode) = (unix.path.display(), unix.mode);
        writeln!(out, "SecDocker listens on the Unix socket {path}, permissions {mode:04o}.")?;
    }
    writeln!(out, "Loops that serve them: {}.", listen.loops)
}

fn describe_plugins(out: &mut String, plugins: &Configured) -> fmt::Result {
    let Configured { list, threads } = plugins;
    for plugin in list {
        let PluginSettings { name, timeout, on_error, on_timeout, asked, .. } = plugin;
        let purposes = [
            (asked.create, "containers"),
            (asked.service, "services"),
            (asked.pull, "pulls"),
            (asked.build, "builds"),
        ];
        let asked = purposes.iter().filter(|(is_asked, _)| *is_asked).map(|(_, what)| *what);
        let asked = asked.collect::<Vec<_>>().join(", ");
        let consequence = |fallback: &Fallback| match fallback {
            Fallback::Deny => "refused",
            Fallback::Allow => "allowed",
        };
        writeln!(
            out,
            "Plugin {name} is asked about {asked}, and has {timeout:?} to answer. After an error \
             of it a request is {}, without an answer {}.",
            consequence(on_error),
            consequence(on_timeout)
        )?;
    }
    match list.is_empty() {
        true => writeln!(out, "No plugin is asked.\n"),
        false => writeln!(out, "Threads that plugins run on: {threads}.\n"),
    }
}

fn describe_limits(out: &mut String, limits: &Limits) -> fmt::Result {
    let Limits {
        head_bytes,
        body_bytes,
        bodies_bytes,
        buffer_bytes,
        connections,
        connections_per_client,
        handshake_time,
        head_time,
        body_time,
        body_idle_time,
        body_rate,
        connect_time,
        linger_time,
        shutdown_time,
        drain_time,
    } = limits;
    let size = |bytes: &usize| Size(*bytes);
    writeln!(out, "A head has at most {} and arrives within {head_time:?}.", size(head_bytes))?;
    writeln!(
        out,
        "An inspected body has at most {}; all of them together, and long heads, have at most {}, those \
         of one client half of it.",
        size(body_bytes),
        size(bodies_bytes)
    )?;
    writeln!(
        out,
        "It may go {body_idle_time:?} without a byte, and after {body_time:?} must have brought {} for \
         each further second.",
        Size(usize::try_from(body_rate.get()).unwrap_or(usize::MAX))
    )?;
    writeln!(out, "One direction of a connection holds at most {}.", size(buffer_bytes))?;
    writeln!(
        out,
        "Open connections are at most {connections}, from one address at most \
         {connections_per_client}."
    )?;
    writeln!(out, "A TLS handshake takes at most {handshake_time:?}.")?;
    writeln!(out, "The daemon has {connect_time:?} to accept a connection.")?;
    writeln!(out, "A refused client has {linger_time:?} to read its answer.")?;
    writeln!(out, "Open requests have {shutdown_time:?} to finish at a stop.")?;
    match drain_time {
        Some(time) => writeln!(out, "What is open at an upgrade has {time:?} to finish."),
        None => writeln!(out, "What is open at an upgrade goes on to its end."),
    }
}
