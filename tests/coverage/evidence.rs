//! Which attacks show which cells: those that lose an effect of the kind without the field. Read from
//! what each asks for, not from what it says of itself.

use super::probes::{effects_at, without};
use super::table::Row;
use crate::corpus::{self, Attack, Step};
use secdocker::docker::schema::Power;
use secdocker::docker::{Endpoint, Route, classify};
use secdocker::http::target;
use secdocker::policy::effects::{Effect, IdentityEffect, ImageEffect, RequestedEffect};
use serde_json::Value;

/// One request of an attack.
pub(crate) struct Request {
    attack: &'static str,
    endpoint: Endpoint,
    target: String,
    body: Value,
}

/// What stands for a name of an attack's own.
const OWN_NAME: &str = "own-name";

pub(crate) fn requests() -> Vec<Request> {
    let passes = Attack::harmless("", "").outcome;
    let harmful = corpus::all().filter(|attack| attack.outcome != passes);
    harmful
        .flat_map(|attack: Attack| {
            let requests = attack.requests.iter().filter_map(|step| request(attack.name, step));
            requests.collect::<Vec<_>>()
        })
        .collect()
}

fn request(attack: &'static str, step: &Step) -> Option<Request> {
    let Step::Request { method, target, body, .. } = step else { return None };
    let fill = |text: &str| {
        let text = text.replace("@name@", OWN_NAME).replace("@version@", "1");
        text.replace("@image@", &"a".repeat(64)).replace('@', "")
    };
    let raw = fill(target);
    let Ok(Route::Inspected(endpoint)) = classify(method, &target::parse(&raw).ok()?) else {
        return None;
    };
    let body = serde_json::from_str(&fill(&String::from_utf8_lossy(body))).unwrap_or_default();
    Some(Request { attack, endpoint, target: raw, body })
}

/// The attacks that show that the field of `row` has effects of a kind.
pub(crate) fn shown(row: &Row, power: Power, requests: &[Request]) -> Vec<&'static str> {
    let of_endpoint = requests.iter().filter(|request| request.endpoint == row.endpoint);
    let mut names: Vec<_> =
        of_endpoint.filter(|it| is_shown(row, power, it)).map(|request| request.attack).collect();
    names.dedup();
    names
}

fn is_shown(row: &Row, power: Power, request: &Request) -> bool {
    let of_power = |target: &str, body: &Value| -> Option<Vec<RequestedEffect>> {
        let all = effects_at(row.endpoint, target, body)?;
        let is_meant =
            |asked: &RequestedEffect| Power::of(&asked.effect) == power && !is_usual(&asked.effect);
        Some(all.into_iter().filter(is_meant).collect())
    };
    let Some(with) = of_power(&request.target, &request.body) else { return false };
    let (target, body) = without(row, &request.target, &request.body);
    let without = of_power(&target, &body).unwrap_or_default();
    with.iter().any(|asked| !without.contains(asked))
}

/// What attacks say beside what they are about.
fn is_usual(effect: &Effect) -> bool {
    match effect {
        Effect::Identity(IdentityEffect::ImageUser(_)) => true,
        Effect::Identity(IdentityEffect::User(user)) => user.as_str() == "1000",
        Effect::Image(ImageEffect::Used(_) | ImageEffect::Names(_)) => {
            let told = format!("{effect:?}");
            told.contains(&format!("library/{OWN_NAME}")) || told.contains("library/probe")
        }
        _ => false,
    }
}
