//! What `general` forces alike at every endpoint: the user, the variables, the capabilities, numbers of one object.

use crate::docker::json::{Node, Object};
use crate::effects::changes::Changes;
use crate::effects::collect::texts;
use crate::policy::ceilings::{Ceilings, OWNER_LABEL};

/// Sets `User` unless it already says so.
pub(super) fn user(fields: &mut Object, user: &str, changes: &mut Changes) {
    if fields.text("User") != Some(user) {
        fields.set("User", user.to_owned().into());
        changes.push("User", user);
    }
}

/// Sets the forced variables in `Env`, which is called `field` in the log; `as_meant` writes one of
/// them so that it is read as it stands in the configuration.
pub(super) fn environment(
    fields: &mut Object,
    ceilings: &Ceilings,
    field: &'static str,
    as_meant: impl Fn(String) -> String,
    changes: &mut Changes,
) {
    const ENV: &str = "Env";
    let is_forced = |node: &Node| ceilings.forces_variable(node.as_text().unwrap_or_default());
    let forced = ceilings.forced_variables().into_iter().map(|entry| as_meant(entry).into());
    let forced: Vec<Node> = forced.collect();
    let others = fields.list(ENV).strip_suffix(forced.as_slice());
    if others.is_some_and(|others| !others.iter().any(is_forced)) {
        return;
    }
    let entries = fields.list_mut(ENV);
    entries.retain(|node| !is_forced(node));
    entries.extend(forced);
    let names: Vec<_> = ceilings.environment.iter().map(|entry| entry.name()).collect();
    changes.push(field, names.join(","));
}

/// Sets the label by which containers are counted, over that of the request and of the image; `field` is its
/// object's name in the log.
pub(super) fn owner(fields: &mut Object, owner: &str, field: &'static str, changes: &mut Changes) {
    let labels = fields.object_mut("Labels");
    if labels.text(OWNER_LABEL) != Some(owner) {
        labels.set(OWNER_LABEL, owner.to_owned().into());
        changes.push(field, format_args!("{OWNER_LABEL}={owner}"));
    }
}

/// Sets a number unless it already says so; `field` is its name in the log.
pub(super) fn number(
    object: &mut Object,
    name: &'static str,
    field: &'static str,
    forced: i64,
    changes: &mut Changes,
) {
    if object.integer(name) != forced {
        object.set(name, forced.into());
        changes.push(field, forced);
    }
}

/// Sets the capabilities that are added and dropped; each list by its name and what it is called in the log.
pub(super) fn capabilities(
    object: &mut Object,
    ceilings: &Ceilings,
    (add, add_field): (&'static str, &'static str),
    (drop, drop_field): (&'static str, &'static str),
    changes: &mut Changes,
) {
    let (added, dropped) = (list(object, add), list(object, drop));
    let (forced_add, forced_drop) = ceilings.capabilities(added.clone(), dropped.clone());
    for (name, field, asked, forced) in
        [(add, add_field, added, forced_add), (drop, drop_field, dropped, forced_drop)]
    {
        if forced != asked {
            changes.push(field, forced.join(","));
            object.set(name, forced.into());
        }
    }
}

/// The strings of a list, or the one string that stands for a list.
pub(super) fn list(object: &Object, name: &str) -> Vec<String> {
    match object.text(name) {
        Some(text) => vec![text.to_owned()],
        None => texts(object, name).map(|(_, text)| text.to_owned()).collect(),
    }
}
