//! `user`, `group` and `sandbox`: who SecDocker becomes when it has bound its sockets, and what it gives up.

use super::checker::Checker;
use super::error::At;
use super::host::Host;
use super::plugins::PluginSettings;
use super::schema::File;
use super::settings::{Account, Sandbox};
use super::units;

/// Who it becomes, if the file says so, and what it gives up.
pub(super) fn rights(
    checker: &mut Checker<'_>,
    file: &File,
    plugins: &[PluginSettings],
) -> (Option<Account>, Sandbox) {
    let unsaid = if plugins.iter().any(runs_script) { Sandbox::Off } else { Sandbox::On };
    (account(checker, file), sandbox(checker, file).unwrap_or(unsaid))
}

/// Whether a plugin's own configuration names a script, as that of the Go tool's notary does: it ran without a
/// sandbox, and still does where nothing is said.
fn runs_script(plugin: &PluginSettings) -> bool {
    let text = std::fs::read_to_string(plugin.folder.join("config.yml")).unwrap_or_default();
    text.lines().any(|line| line.starts_with("scriptpath:"))
}

fn account(checker: &mut Checker<'_>, file: &File) -> Option<Account> {
    let (at_user, at_group) = (At::top("user"), At::top("group"));
    let host = Host::read();
    if file.user.is_none() && file.group.is_some() {
        checker.refuse(at_group, &"it needs a `user`, and there is none");
    }
    let user = |name: &str| {
        let known = host.account(name);
        known.ok_or_else(|| format!("`{}` is not a user of this host", name.escape_debug()))
    };
    let group = |name: &str| {
        let known = name.parse().ok().or_else(|| host.gid(name));
        known.ok_or_else(|| format!("`{}` is not a group of this host", name.escape_debug()))
    };
    let named = checker.optional(at_user, file.user.as_ref(), user);
    let gid = checker.optional(at_group, file.group.as_ref(), group);
    let (uid, own, groups) = named?;
    let Some(gid) = gid.or(own) else {
        let reason = "a number that is not of a user of this host has no group: say `group`";
        checker.refuse(at_user, &reason);
        return None;
    };
    Some(Account { uid, gid, groups })
}

fn sandbox(checker: &mut Checker<'_>, file: &File) -> Option<Sandbox> {
    let read = |text: &str| match (text, units::parse_switch(text)) {
        ("log", _) => Ok(Sandbox::Log),
        (_, Ok(true)) => Ok(Sandbox::On),
        (_, Ok(false)) => Ok(Sandbox::Off),
        _ => Err(format!("`{}` is not one of on, off, log", text.escape_debug())),
    };
    checker.optional(At::top("sandbox"), file.sandbox.as_ref(), read)
}
