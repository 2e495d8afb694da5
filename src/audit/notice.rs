//! What happened to SecDocker itself, in words.

use std::fmt;

use log::Level;
use log::kv::{Error, Source, VisitSource};

use super::fields::Visited;
use crate::record::{Pairs, Told, yes_or_no};

/// What happened to SecDocker itself.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the fields are named after the keys that they become")]
pub enum Notice<'a> {
    /// It listens.
    Started { version: &'a str, listening: &'a dyn fmt::Display, upstream: &'a dyn fmt::Display },
    /// What is counted is told, and where.
    MetricsServed { at: &'a dyn fmt::Display },
    /// It accepts no more, and lets open requests finish.
    Stopping { signal: &'a str },
    /// It is done; how many connections had to be cut.
    Stopped { cut: u64 },
    /// Another SecDocker, in this process, serves those who come; what is open goes on here.
    Upgraded { process: u32 },
    /// No other SecDocker could take the place of this one.
    UpgradeFailed { reason: &'a dyn fmt::Display },
    /// Not all rights could be given up that are not needed.
    SandboxLacks { lacks: &'a str },
    /// A new configuration is in force.
    Reloaded { file: &'a dyn fmt::Display },
    /// A new configuration is broken; the old one stays in force.
    ReloadFailed { reason: &'a dyn fmt::Display },
    /// A key was changed that only a restart brings into force.
    NeedsRestart { keys: &'a dyn fmt::Display },
    /// The log was opened anew.
    LogReopened,
    /// A certificate is not valid, or soon will not be.
    Certificate { reason: &'a dyn fmt::Display },
    /// A plugin was loaded.
    PluginLoaded { plugin: &'a str, library: &'a dyn fmt::Display, what: &'a dyn fmt::Display },
    /// A plugin has something to say, at a level of its own.
    PluginSays { plugin: &'a str, level: Level, text: &'a str },
    /// Something is wrong with a plugin, or no longer is.
    PluginTrouble { plugin: &'a str, reason: &'a dyn fmt::Display },
    /// A container had something mounted that is forbidden and was not asked for; whether it was killed.
    MountedElsewhere { container: &'a str, violations: &'a dyn fmt::Display, killed: bool },
    /// Something went wrong; traffic goes on.
    Trouble { reason: &'a dyn fmt::Display },
}

impl Notice<'_> {
    /// How important the notice is.
    pub fn level(&self) -> Level {
        match self {
            Self::Started { .. }
            | Self::MetricsServed { .. }
            | Self::Stopping { .. }
            | Self::Stopped { .. }
            | Self::Upgraded { .. }
            | Self::Reloaded { .. }
            | Self::PluginLoaded { .. }
            | Self::LogReopened => Level::Info,
            Self::PluginSays { level, .. } => *level,
            Self::NeedsRestart { .. } | Self::Certificate { .. } | Self::SandboxLacks { .. } => {
                Level::Warn
            }
            Self::ReloadFailed { .. }
            | Self::UpgradeFailed { .. }
            | Self::PluginTrouble { .. }
            | Self::MountedElsewhere { .. }
            | Self::Trouble { .. } => Level::Error,
        }
    }

    /// The notice in words: the line's `msg`.
    pub fn message(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::MetricsServed { .. } => "metrics served",
            Self::Stopping { .. } => "stopping",
            Self::Stopped { .. } => "stopped",
            Self::Upgraded { .. } => "upgraded, open streams go on",
            Self::UpgradeFailed { .. } => "upgrade failed, the old program goes on",
            Self::SandboxLacks { .. } => "sandbox is not whole",
            Self::Reloaded { .. } => "configuration reloaded",
            Self::ReloadFailed { .. } => "configuration refused, the old one stays in force",
            Self::NeedsRestart { .. } => "changed keys take effect after a restart",
            Self::LogReopened => "log reopened",
            Self::Certificate { .. } => "certificate must be renewed",
            Self::PluginLoaded { .. } => "plugin loaded",
            Self::PluginSays { .. } => "plugin says",
            Self::PluginTrouble { .. } => "plugin trouble",
            Self::MountedElsewhere { .. } => "container mounted what is forbidden",
            Self::Trouble { .. } => "trouble",
        }
    }
}

impl Source for Notice<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        Ok(self.pairs(&mut Visited(visitor))?)
    }
}

impl Told for Notice<'_> {
    fn pairs<'a>(&'a self, line: &mut dyn Pairs<'a>) -> fmt::Result {
        match self {
            Self::Started { version, listening, upstream } => {
                line.text("version", version)?;
                line.shown("listening", *listening)?;
                line.shown("upstream", *upstream)
            }
            Self::MetricsServed { at } => line.shown("at", *at),
            Self::Stopping { signal } => line.text("signal", signal),
            Self::Stopped { cut } => line.number("cut", *cut),
            Self::Upgraded { process } => line.number("process", u64::from(*process)),
            Self::SandboxLacks { lacks } => line.text("lacks", lacks),
            Self::Reloaded { file } => line.shown("file", *file),
            Self::ReloadFailed { reason }
            | Self::UpgradeFailed { reason }
            | Self::Certificate { reason }
            | Self::Trouble { reason } => line.shown("reason", *reason),
            Self::MountedElsewhere { container, violations, killed } => {
                line.text("container", container)?;
                line.shown("violations", *violations)?;
                line.text("killed", yes_or_no(*killed))
            }
            Self::NeedsRestart { keys } => line.shown("keys", *keys),
            Self::PluginLoaded { plugin, library, what } => {
                line.text("plugin", plugin)?;
                line.shown("library", *library)?;
                line.shown("interface", *what)
            }
            Self::PluginSays { plugin, level: _, text } => {
                line.text("plugin", plugin)?;
                line.text("text", text)
            }
            Self::PluginTrouble { plugin, reason } => {
                line.text("plugin", plugin)?;
                line.shown("reason", *reason)
            }
            Self::LogReopened => Ok(()),
        }
    }
}
