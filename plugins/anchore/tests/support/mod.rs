//! An Anchore of the test's own, as its published description and a real Engine have it.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "not every test binary does")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anchore::config::Settings;
use anchore::judge::Judge;
use secdocker_plugin::{Decision, Verdict};
use secdocker_plugin_common::reference::ImageRef;
use secdocker_plugin_common::{Asked, Deadline, LocalImage, Purpose};
use secdocker_plugin_testing::{Answer, FakeClock, Stub};
use serde_json::{Value, json};

pub(crate) fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// How an Anchore of this version spells a record of `localhost:5055/plugres/app:1`.
pub(crate) fn record(version: u8, status: &str) -> Value {
    let fulltag = "localhost:5055/plugres/app:1";
    let fulldigest = format!("localhost:5055/plugres/app@{}", digest('9'));
    let one = json!({"analysis_status": status, "image_status": "active", "image_type": "docker",
        "imageDigest": digest('9'), "parentDigest": digest('8'), "annotations": {}, "userId": "admin",
        "analyzed_at": null, "created_at": "2026-01-02T03:04:05Z",
        "last_updated": "2026-01-02T03:04:05Z",
        "image_content": {"metadata": {"arch": null, "distro": null, "image_size": null}},
        "image_detail": [{"fulltag": fulltag, "tag": "1", "registry": "localhost:5055",
            "fulldigest": fulldigest, "imageId": "c".repeat(64), "repo": "plugres/app",
            "imageDigest": digest('9'), "dockerfile": null}]});
    let two = json!({"analysis_status": status, "image_status": "active", "account_name": "ci",
        "image_digest": digest('9'), "parent_digest": digest('8'), "annotations": {},
        "image_detail": [{"full_tag": fulltag, "full_digest": fulldigest, "image_id": "c".repeat(64),
            "repo": "plugres/app", "registry": "localhost:5055", "tag": "1"}]});
    if version == 1 { json!([one]) } else { two }
}

/// A list of that many vulnerabilities of each of two severities.
pub(crate) fn vulnerabilities(version: u8, low: usize, high: usize) -> Value {
    let entry = |number: usize, severity: &str| {
        json!({"vuln": format!("CVE-2099-{number:04}"), "severity": severity,
            "package": "openssl-1.1.1k-1", "package_name": "openssl", "package_version": "1.1.1k-1",
            "package_type": "dpkg", "package_cpe": "None", "package_path": "pkgdb",
            "fix": if severity == "High" { "1.1.1k-1+deb11u1" } else { "None" },
            "will_not_fix": false, "feed": "vulnerabilities", "feed_group": "debian:11",
            "url": "https://x.y/", "nvd_data": [], "vendor_data": []})
    };
    let mut list: Vec<Value> = (0..low).map(|n| entry(n, "Low")).collect();
    list.extend((low..low + high).map(|n| entry(n, "High")));
    let key = if version == 1 { "imageDigest" } else { "image_digest" };
    json!({key: digest('9'), "vulnerability_type": "all", "vulnerabilities": list})
}

pub(crate) fn evaluation(version: u8, status: &str) -> Value {
    if version == 1 {
        let evaluations = json!([{"status": status, "policyId": "2c53a13c", "detail": {},
            "last_evaluation": "2026-01-02T03:04:05Z"}]);
        return json!([{digest('9'): {"localhost:5055/plugres/app:1": evaluations}}]);
    }
    let action = if status == "pass" { "go" } else { "stop" };
    json!({"image_digest": digest('9'), "evaluated_tag": "localhost:5055/plugres/app:1",
        "policy_id": "2c53a13c", "evaluations": [{"status": status, "final_action": action,
        "final_action_reason": "policy_evaluation", "evaluation_time": "2026-01-02T03:04:05Z",
        "evaluation_problems": [], "image_allowlisted": false, "image_denylisted": false,
        "image_mapped_to_rule": true, "number_of_findings": 0}]})
}

/// One path of the API, whatever the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Version,
    Submit,
    Image,
    Vulnerabilities,
    Check,
}

pub(crate) fn path_of(line: &str) -> Option<Place> {
    let (method, target) = line.split_once(' ')?;
    let path = target.split('?').next()?;
    let image = path.trim_start_matches("/v1").trim_start_matches("/v2").strip_prefix("/images");
    match (method, image) {
        ("POST", Some("")) => Some(Place::Submit),
        ("GET", Some(rest)) if rest.ends_with("/vuln/all") => Some(Place::Vulnerabilities),
        ("GET", Some(rest)) if rest.ends_with("/check") => Some(Place::Check),
        ("GET", Some(_)) => Some(Place::Image),
        ("GET", None) => Some(Place::Version),
        _ => None,
    }
}

/// An Anchore that has the image in these states, one at each question, the last one for ever.
pub(crate) fn engine(
    version: u8,
    states: &'static [&'static str],
    low: usize,
    high: usize,
    policy: &'static str,
) -> impl FnMut(&secdocker_plugin_testing::Asked) -> Answer + Send + 'static {
    let asked = AtomicUsize::new(0);
    move |request| {
        let next = || {
            let at = asked.fetch_add(1, Ordering::Relaxed).min(states.len() - 1);
            *states.get(at).unwrap()
        };
        match path_of(&request.line()) {
            Some(Place::Version) => Answer::json(200, &json!(format!("v{version}"))),
            Some(Place::Submit | Place::Image) => Answer::json(200, &record(version, next())),
            Some(Place::Vulnerabilities) => Answer::json(200, &vulnerabilities(version, low, high)),
            Some(Place::Check) => Answer::json(200, &evaluation(version, policy)),
            None => Answer::empty(405),
        }
    }
}

/// Asks about an image under these settings; the host waits a minute.
pub(crate) fn ask(url: &str, rest: &str, asked: &Asked) -> (Verdict, FakeClock) {
    let settings = Settings::parse(&format!("url: {url}\n{rest}"), Path::new("/")).unwrap();
    let clock = FakeClock::default();
    let deadline = Deadline::after(&clock, Duration::from_secs(60));
    let verdict = Judge::new(settings).judge(asked, deadline);
    (verdict, clock)
}

/// The image `localhost:5055/plugres/app:1`, as the daemon has it after a pull.
pub(crate) fn app() -> Asked {
    let digests = [format!("localhost:5055/plugres/app@{}", digest('9'))];
    named("localhost:5055/plugres/app:1", Some(LocalImage::new(&digest('c'), &digests)))
}

pub(crate) fn named(name: &str, local: Option<LocalImage>) -> Asked {
    Asked { purpose: Purpose::Create, reference: ImageRef::parse(name).unwrap(), local }
}

#[track_caller]
pub(crate) fn allowed((verdict, _): &(Verdict, FakeClock)) {
    assert_eq!(verdict.decision(), Decision::Allow, "{}", verdict.reason());
}

#[track_caller]
pub(crate) fn denied((verdict, _): &(Verdict, FakeClock), said: &str) {
    assert_eq!(verdict.decision(), Decision::Deny, "{}", verdict.reason());
    assert!(verdict.reason().contains(said), "{}", verdict.reason());
}

#[track_caller]
pub(crate) fn failed((verdict, _): &(Verdict, FakeClock), said: &str) {
    assert_eq!(verdict.decision(), Decision::Error, "{}", verdict.reason());
    assert!(verdict.reason().contains(said), "{}", verdict.reason());
    assert_eq!(verdict.ttl(), Duration::ZERO, "an error must not be kept");
}

/// Answers to one path as given, to all others as an Engine that has analysed the image.
pub(crate) fn odd_at(path: Place, answer: Answer) -> Stub {
    let mut engine = engine(1, &["analyzed"], 0, 0, "pass");
    Stub::new(move |request| match path_of(&request.line()) == Some(path) {
        true => answer.clone(),
        false => engine(request),
    })
}
