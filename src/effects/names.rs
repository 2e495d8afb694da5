//! Names that requests give to things. Only those are effects that read as identifiers: the daemon could
//! take the thing for another one later.

use crate::docker::json::Object;
use crate::docker::routes::name_between;
use crate::effects::collect::Effects;
use crate::http::target::{Target, query_pairs};
use crate::policy::effects::{Effect, ExistingEffect, FieldPath, RequestedEffect};
use crate::policy::identifiers::is_like_identifier;

/// The name of a container in `?name=`. The daemon takes the first, and no client needs a second.
pub(super) fn in_query(target: &Target<'_>) -> Vec<RequestedEffect> {
    let pairs = query_pairs(target.query().unwrap_or_default()).flatten();
    let names = pairs.filter(|(key, name)| key == "name" && is_like_identifier(name));
    names.map(|(_, name)| asked("container", name, FieldPath::Field("?name"))).collect()
}

/// `POST /containers/{id}/rename`.
pub(super) fn effects_of_rename(target: &Target<'_>) -> Vec<RequestedEffect> {
    let container = name_between(target.path(), "/containers/", "/rename").to_owned();
    let mut pairs = query_pairs(target.query().unwrap_or_default()).flatten();
    let to = pairs.find(|(key, _)| key == "name").map(|(_, to)| to).unwrap_or_default();
    let renamed = Effect::Existing(ExistingEffect::Renamed { container, to });
    let renamed = RequestedEffect { effect: renamed, at: FieldPath::Field("?name") };
    in_query(target).into_iter().chain([renamed]).collect()
}

/// The `Name` in a body.
pub(super) fn push(what: &'static str, fields: &Object, effects: &mut Effects) {
    let name = fields.text("Name").filter(|name| is_like_identifier(name));
    if let Some(name) = name {
        let RequestedEffect { effect, at } = asked(what, name.to_owned(), FieldPath::Field("Name"));
        effects.push(effect, at);
    }
}

fn asked(what: &'static str, name: String, at: FieldPath) -> RequestedEffect {
    RequestedEffect { effect: ExistingEffect::Named { what, name }.into(), at }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::target;

    #[test]
    fn every_name_in_the_query_counts() {
        for (query, expected) in [
            ("name=web", 0),
            ("name=0123456789ab", 1),
            ("name=%2f0123456789ab&x=1", 1),
            ("name=web&name=0123456789ab", 1),
            ("platform=0123456789ab", 0),
        ] {
            let raw = format!("/containers/create?{query}");
            assert_eq!(in_query(&target::parse(&raw).unwrap()).len(), expected, "{query}");
        }
    }
}
