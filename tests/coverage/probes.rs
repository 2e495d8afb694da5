//! Forbidding values, tried in one field after the other: what becomes of each.
//!
//! A value is tried beside several sets of neighbours, since some fields mean nothing alone. What
//! the neighbours bring about without it does not count.

use super::table::Row;
use secdocker::docker::Endpoint;
use secdocker::docker::schema::Power;
use secdocker::effects::{self};
use secdocker::http::target;
use secdocker::policy::ceilings::Ceilings;
use secdocker::policy::effects::{Effect, ReadingEffect, RequestedEffect};
use secdocker::policy::facts::Facts;
use secdocker::policy::strict::StrictRule;
use secdocker::policy::types::{
    Bytes, Capability, EnvironmentEntry, NanoCpus, SecurityOption, UserSpec,
};
use secdocker::policy::{Policy, Verdict, judge};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const TEXTS: &[&str] = &[
    "host",
    "0123456789abcdef",
    "container:other",
    "/root",
    "/root:/x",
    "22",
    "root",
    "ubuntu:16.04",
    "[\"ubuntu:16.04\"]",
    "USER root",
    "ENV NAME=value",
    "COPY --from=ubuntu:16.04 / /",
    "SYS_ADMIN",
    "NAME=value",
    "seccomp=unconfined",
    "evil",
    "198.51.100.0/24",
    "tmpfs",
    "image",
    "disabled",
    "unconfined",
    "0.0.0.0:22",
    "../evil",
    "plugin",
    "syslog",
    "previous",
    "unix:///run/x.sock",
    "net.ipv4.conf.IFNAME.forwarding=1",
    "ENV NAME=value",
    r#"{"NAME":"value"}"#,
    r#"{"BUILDKIT_SYNTAX":"ubuntu:16.04"}"#,
    r#"[{"Attrs":{"name":"ubuntu:16.04"}}]"#,
    // `{"defaultAction":"SCMP_ACT_ALLOW"}`
    "eyJkZWZhdWx0QWN0aW9uIjoiU0NNUF9BQ1RfQUxMT1cifQ==",
];

const KEYS: &[&str] = &[
    "key",
    "host",
    "device",
    "parent",
    "com.docker.network.host_ipv4",
    "net.ipv4.ip_forward",
    "com.docker.network.endpoint.sysctls",
];

/// Larger than any ceiling of [`ceilings`], and still a port or a size.
const NUMBERS: &[i64] = &[22, 1 << 40];

/// What may stand beside a field for it to mean something.
fn neighbours() -> Vec<Map<String, Value>> {
    let sets = [
        json!({}),
        json!({"Type": "image"}),
        json!({"Source": "x"}),
        json!({"Source": "/root"}),
        json!({"Mode": "custom"}),
        json!({"type": "none", "o": "bind"}),
        json!({"repo": "x"}),
        json!({"fromImage": "x"}),
        json!({"CpuPeriod": 100_000, "CpuQuota": 1_000_000}),
    ];
    sets.into_iter().filter_map(|set| set.as_object().cloned()).collect()
}

/// The least that an endpoint takes.
pub(crate) fn least(endpoint: Endpoint) -> Value {
    match endpoint {
        Endpoint::ContainerCreate => json!({"Image": "probe:1"}),
        Endpoint::ServiceCreate | Endpoint::ServiceUpdate => {
            json!({"TaskTemplate": {"ContainerSpec": {"Image": "probe:1"}}})
        }
        _ => json!({}),
    }
}

fn path_of(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ContainerStart => "/containers/x/start",
        Endpoint::ContainerRestart => "/containers/x/restart",
        Endpoint::ContainerAttach => "/containers/x/attach",
        Endpoint::ContainerArchive => "/containers/x/archive",
        Endpoint::ContainerRename => "/containers/x/rename",
        Endpoint::ImageTag => "/images/probe/tag",
        Endpoint::ImageRemove => "/images/probe",
        // The first version in which all that is forced on services is read.
        Endpoint::ServiceCreate | Endpoint::ServiceUpdate => "/v1.44/x",
        _ => "/x",
    }
}

/// One request that differs from another in one value.
struct Try {
    with: Value,
    without: Value,
    query: String,
    query_without: String,
}

fn tries(row: &Row) -> Vec<Try> {
    let sets = neighbours();
    let values = values(row);
    let pairs = sets.iter().flat_map(|set| values.iter().map(move |value| (set, value)));
    pairs.map(|(set, value)| attempt(row, set, value)).collect()
}

fn attempt(row: &Row, set: &Map<String, Value>, (key, value): &(&str, Value)) -> Try {
    let least = least(row.endpoint);
    if let Some(name) = row.path.strip_prefix('?') {
        let beside = set.iter().filter(|(known, _)| *known != name);
        let beside: Vec<_> = beside.map(|(name, value)| pair(name, value)).collect();
        let query_without = beside.join("&");
        let query = [beside, vec![pair(name, value)]].concat().join("&");
        return Try { with: least.clone(), without: least, query, query_without };
    }
    let (mut with, mut without) = (least.clone(), least);
    let steps = steps(&row.path, key);
    let named = steps.iter().rposition(|step| matches!(step, Step::Name(_))).unwrap();
    let (holders, last) = steps.split_at(named);
    for (body, is_with) in [(&mut with, true), (&mut without, false)] {
        let holder = descend(body, holders);
        if holder.is_null() {
            *holder = json!({});
        }
        let beside = set.iter().filter(|(known, _)| !row.path.ends_with(known.as_str()));
        let beside = beside.map(|(name, value)| (name.clone(), value.clone()));
        holder.as_object_mut().unwrap().extend(beside);
        if is_with {
            *descend(holder, last) = value.clone();
        }
    }
    Try { with, without, query: String::new(), query_without: String::new() }
}

fn pair(name: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("{name}={encoded}")
}

enum Step {
    Name(String),
    Item,
}

/// The way to a field: `a[].b{}` with the key that a map gets.
fn steps(path: &str, key: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let name = part.trim_end_matches(['[', ']', '{', '}']);
        steps.push(Step::Name(name.to_owned()));
        let ends = part.as_bytes()[name.len()..].chunks(2);
        steps.extend(ends.map(|end| match end {
            b"[]" => Step::Item,
            _ => Step::Name(key.to_owned()),
        }));
    }
    steps
}

fn descend<'a>(mut value: &'a mut Value, steps: &[Step]) -> &'a mut Value {
    for step in steps {
        value = match step {
            Step::Name(name) => {
                if !value.is_object() {
                    *value = json!({});
                }
                value.as_object_mut().unwrap().entry(name).or_insert(Value::Null)
            }
            Step::Item => {
                if !value.is_array() {
                    *value = json!([null]);
                }
                &mut value[0]
            }
        };
    }
    value
}

fn values(row: &Row) -> Vec<(&'static str, Value)> {
    let values: Vec<Value> = match row.kind {
        "boolean" => vec![json!(true), json!(false)],
        "integer" => NUMBERS.iter().map(|number| json!(number)).collect(),
        "object" => vec![json!({})],
        _ if row.path.starts_with('?') => {
            let numbers = NUMBERS.iter().map(|number| json!(number));
            TEXTS.iter().map(|text| json!(text)).chain(numbers).collect()
        }
        _ => TEXTS.iter().map(|text| json!(text)).collect(),
    };
    let keys = if row.path.contains("{}") { KEYS } else { &["key"] };
    keys.iter().flat_map(|key| values.iter().map(|value| (*key, value.clone()))).collect()
}

/// What stands for a secret of a client's.
const SECRET: &str = "hunter2";
/// Forms in which a field that no rule names the value of is tried.
const SECRETS: [&str; 4] =
    ["NAME=hunter2", "=hunter2", "username=a,password=hunter2", "{\"NAME\":\"hunter2\""];
/// Forms in which every field is tried: what stands before a host.
const ADDRESSES: [&str; 3] =
    ["https://user:hunter2@host/", "//user:hunter2@host/share", "user:hunter2@host/share"];

/// All that is said of requests with a secret in a field, to the client and in the log.
pub(crate) fn words_about(row: &Row, policies: &[Arc<Policy>]) -> Vec<String> {
    let powers = row.stance.powers();
    let holds_options = row.path.ends_with("{}");
    let is_named = !powers.is_empty() && !powers.contains(&Power::Environment) && !holds_options;
    let sets = neighbours();
    let secrets = SECRETS.iter().filter(|_| !is_named).chain(&ADDRESSES);
    let keys: &[&str] = if holds_options { &["key", "o"] } else { &["key"] };
    let values: Vec<_> =
        secrets.flat_map(|secret| keys.iter().map(move |key| (*key, json!(secret)))).collect();
    let tries = sets.iter().flat_map(|set| values.iter().map(move |value| (set, value)));
    let said = tries.flat_map(|(set, value)| {
        let one = attempt(row, set, value);
        policies.iter().flat_map(move |policy| said(row.endpoint, &one, policy)).collect::<Vec<_>>()
    });
    said.filter(|text| text.contains(SECRET)).collect()
}

fn said(endpoint: Endpoint, one: &Try, policy: &Policy) -> Vec<String> {
    let raw = format!("{}?{}", path_of(endpoint), one.query);
    let target = target::parse(&raw).unwrap();
    let read = match effects::read(endpoint, &target, one.with.to_string().as_bytes()) {
        Ok(read) => read,
        Err(error) => return vec![error.to_string()],
    };
    let told = StrictRule::Tell.told(read.effects()).map(|told| told.to_string());
    let judged = match judge(policy, read, &Facts::none()) {
        Verdict::Forbidden(violations) => violations.to_string(),
        Verdict::Allowed(checked) => {
            effects::write(checked, policy, &mut Vec::new()).changes.to_string()
        }
    };
    told.into_iter().chain([judged]).collect()
}

/// What a request brings about; none if it is refused.
pub(crate) fn effects(
    endpoint: Endpoint,
    query: &str,
    body: &Value,
) -> Option<Vec<RequestedEffect>> {
    effects_at(endpoint, &format!("{}?{query}", path_of(endpoint)), body)
}

/// The same of a whole target.
pub(crate) fn effects_at(
    endpoint: Endpoint,
    target: &str,
    body: &Value,
) -> Option<Vec<RequestedEffect>> {
    let target = target::parse(target).unwrap();
    let read = effects::read(endpoint, &target, body.to_string().as_bytes()).ok()?;
    Some(read.effects().to_vec())
}

/// A request without one field, wherever it stands.
pub(crate) fn without(row: &Row, target: &str, body: &Value) -> (String, Value) {
    if let Some(name) = row.path.strip_prefix('?') {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let kept = query.split('&').filter(|pair| pair.split('=').next() != Some(name));
        return (format!("{path}?{}", kept.collect::<Vec<_>>().join("&")), body.clone());
    }
    let mut body = body.clone();
    remove(&mut body, &steps(&row.path, ANY_KEY));
    (target.to_owned(), body)
}

const ANY_KEY: &str = "{}";

fn remove(value: &mut Value, steps: &[Step]) {
    match (steps, value) {
        ([Step::Name(name), rest @ ..], Value::Object(fields)) => {
            let is_last = rest.iter().all(|step| matches!(step, Step::Item));
            fields.retain(|key, _| !is_last || name != ANY_KEY && key != name);
            let inner = fields.iter_mut().filter(|(key, _)| name == ANY_KEY || *key == name);
            inner.for_each(|(_, inner)| remove(inner, rest));
        }
        ([Step::Item, rest @ ..], Value::Array(elements)) => {
            elements.iter_mut().for_each(|element| remove(element, rest));
        }
        _ => {}
    }
}

/// What the value alone brings about, or keeps from coming about.
fn differences(row: &Row) -> Vec<RequestedEffect> {
    let mut found = Vec::new();
    let least = effects(row.endpoint, "", &least(row.endpoint)).unwrap_or_default();
    // Many tries have the same neighbours.
    let mut before = (Value::Null, String::new(), Vec::new());
    for one in tries(row) {
        let Some(with) = effects(row.endpoint, &one.query, &one.with) else { continue };
        if (&before.0, &before.1) != (&one.without, &one.query_without) {
            let without = effects(row.endpoint, &one.query_without, &one.without);
            let without = without.unwrap_or_else(|| least.clone());
            before = (one.without, one.query_without, without);
        }
        let without = &before.2;
        found.extend(with.iter().filter(|asked| !without.contains(asked)).cloned());
        found.extend(without.iter().filter(|asked| !with.contains(asked)).cloned());
    }
    found
}

/// The kinds of effects that a checked field should have and has not.
pub(crate) fn missing_powers(row: &Row) -> Vec<String> {
    let powers = row.stance.powers();
    let found = if powers.is_empty() { Vec::new() } else { differences(row) };
    let has = |power: &Power| found.iter().any(|asked| Power::of(&asked.effect) == *power);
    let missing = powers.iter().filter(|power| !has(power));
    missing.map(|power| format!("{} never {power}", row.name())).collect()
}

/// An effect of a field that should have none.
pub(crate) fn unexpected(row: &Row) -> Option<String> {
    let found = differences(row);
    let found = found
        .iter()
        .find(|asked| !matches!(asked.effect, Effect::Reading(ReadingEffect::Unknown(_))))?;
    Some(format!("{} is not harmless: {:?}", row.name(), found.effect))
}

/// Whether a value is refused without which the request is not.
pub(crate) fn is_refused(row: &Row) -> bool {
    tries(row).iter().any(|one| {
        effects(row.endpoint, &one.query, &one.with).is_none()
            && effects(row.endpoint, &one.query_without, &one.without).is_some()
    })
}

fn ceilings() -> Ceilings {
    let secopts = [
        "no-new-privileges",
        "seccomp=unconfined",
        "apparmor=unconfined",
        "label=disable",
        "label=user:forced",
        "label=role:forced",
        "label=type:forced",
        "label=level:forced",
    ];
    Ceilings {
        owner: None,
        memory: Some(Bytes::parse("64m").unwrap()),
        cpu: Some(NanoCpus::parse("0.01").unwrap()),
        user: Some(UserSpec::parse("1000").unwrap()),
        environment: vec![EnvironmentEntry::parse("FORCED=1").unwrap()],
        secopts: secopts.map(|text| SecurityOption::parse(text).unwrap()).to_vec(),
        capdrop: vec![Capability::parse("NET_RAW").unwrap()],
        capadd: vec![Capability::parse("NET_ADMIN").unwrap()],
    }
}

/// Says so if no value of a field that is forced is changed.
pub(crate) fn unforced(row: &Row) -> Option<String> {
    let is_forced = tries(row).iter().any(|one| {
        forwarded(row.endpoint, &one.query, &one.with).is_some_and(|(query, body)| {
            match row.path.strip_prefix('?') {
                Some(name) => {
                    query.is_some_and(|query| value(name, &query) != value(name, &one.query))
                }
                None => at(&body, &row.path) != at(&one.with, &row.path),
            }
        })
    });
    (!is_forced).then(|| format!("{} is not forced", row.name()))
}

fn value(name: &str, query: &str) -> Option<String> {
    let pairs = target::query_pairs(query).flatten();
    pairs.filter(|(known, _)| known == name).map(|(_, value)| value).next()
}

fn at<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    steps(path, "key").iter().try_fold(body, |value, step| match step {
        Step::Name(name) => value.get(name),
        // All elements count, those that were added too.
        Step::Item => Some(value),
    })
}

/// The query, where it is written anew, and the body that would go to the daemon.
fn forwarded(endpoint: Endpoint, query: &str, body: &Value) -> Option<(Option<String>, Value)> {
    let policy = Policy { ceilings: ceilings(), ..Policy::permissive() };
    let raw = format!("{}?{query}", path_of(endpoint));
    let target = target::parse(&raw).unwrap();
    let read = effects::read(endpoint, &target, body.to_string().as_bytes()).ok()?;
    let Verdict::Allowed(checked) = judge(&policy, read, &Facts::none()) else { return None };
    let mut out = Vec::new();
    let forwarded = effects::write(checked, &policy, &mut out);
    let query = forwarded.target.and_then(|target| Some(target.split_once('?')?.1.to_owned()));
    Some((query, serde_json::from_slice(&out).unwrap_or_default()))
}

/// Where a key that no table has is not told of.
pub(crate) fn untold(endpoint: Endpoint) -> Vec<String> {
    let is_told = |query: &str, body: &Value| {
        let effects = effects(endpoint, query, body);
        // Some refuse whatever they don't know.
        effects.is_none_or(|all| {
            all.iter().any(|one| matches!(one.effect, Effect::Reading(ReadingEffect::Unknown(_))))
        })
    };
    let mut untold = Vec::new();
    if !is_told("repo=x&fromImage=x&Not-Known=1", &least(endpoint)) {
        untold.push(format!("{endpoint}: a parameter"));
    }
    let mut holders: Vec<_> = super::table::rows(endpoint)
        .into_iter()
        .filter_map(|row| Some(row.path.rsplit_once('.')?.0.to_owned()))
        .collect();
    holders.push(String::new());
    holders.dedup();
    for holder in holders.iter().filter(|_| endpoint.fields().is_some()) {
        let mut body = least(endpoint);
        let path = if holder.is_empty() { "NotKnown".into() } else { format!("{holder}.NotKnown") };
        *descend(&mut body, &steps(&path, "key")) = json!(1);
        if !is_told("", &body) {
            untold.push(format!("{endpoint}: {path}"));
        }
    }
    untold
}
