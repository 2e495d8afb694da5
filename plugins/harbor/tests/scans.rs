//! Every state that a scanner, its scans or the network can be in; most of them through Prism, which refuses
//! requests and answers that Harbor's published description doesn't have.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test should say where")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harbor::config::Settings;
use harbor::judge::Judge;
use secdocker_plugin::{Decision, Verdict};
use secdocker_plugin_common::reference::ImageRef;
use secdocker_plugin_common::{Asked, Deadline, LocalImage, Purpose};
use secdocker_plugin_testing::{self as testing, Answer, FakeClock, Prism, Stub};
use serde_json::{Value, json};

/// The older of two; Prism takes the newer for plain text, as its type doesn't end with `+json`.
const REPORT: &str = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn app() -> Asked {
    let entries = [format!("r.example:5000/team/app@{}", digest('9'))];
    named("r.example:5000/team/app:1", Some(LocalImage::new(&digest('c'), &entries)))
}

fn named(name: &str, local: Option<LocalImage>) -> Asked {
    Asked { purpose: Purpose::Create, reference: ImageRef::parse(name).unwrap(), local }
}

fn metadata(kind: Option<&str>) -> Value {
    let mut capability =
        json!({"consumes_mime_types": [MANIFEST], "produces_mime_types": [REPORT]});
    if let Some(kind) = kind {
        capability["type"] = kind.into();
    }
    json!({"scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.72.0"},
        "capabilities": [capability], "properties": {}})
}

fn report(low: usize, high: usize) -> Value {
    let item = |number: usize, severity: &str, fix: &str| {
        json!({"id": format!("CVE-2099-{number}"), "package": "openssl", "version": "1.1.1k",
            "fix_version": fix, "severity": severity, "description": "", "links": ["https://x.y/"]})
    };
    let mut items: Vec<Value> = (0..low).map(|n| item(n, "Low", "")).collect();
    items.extend((0..high).map(|n| item(n + low, "High", "1.1.1l")));
    json!({"generated_at": "2026-01-02T03:04:05Z", "severity": "High", "vulnerabilities": items,
        "artifact": {"repository": "team/app", "digest": digest('9'), "mime_type": MANIFEST},
        "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.72.0"}})
}

fn typed(status: u16, kind: &str, body: &Value) -> Answer {
    Answer::typed(status, kind, body.to_string())
}

fn error(status: u16) -> Answer {
    let kind = "application/vnd.scanner.adapter.error+json; version=1.0";
    typed(status, kind, &json!({"error": {"message": "no"}}))
}

/// A scanner whose scans take this many questions.
fn scanner(
    kind: Option<&'static str>,
    questions: usize,
    low: usize,
    high: usize,
) -> impl FnMut(&testing::Asked) -> Answer + Send + 'static {
    let asked = AtomicUsize::new(0);
    move |request| match request.line().as_str() {
        "GET /api/v1/metadata" => {
            let version = "application/vnd.scanner.adapter.metadata+json; version=1.0";
            typed(200, version, &metadata(kind))
        }
        "POST /api/v1/scan" => {
            let version = "application/vnd.scanner.adapter.scan.response+json; version=1.0";
            typed(202, version, &json!({"id": "a/b?c"}))
        }
        "GET /api/v1/scan/a%2Fb%3Fc/report" => {
            match asked.fetch_add(1, Ordering::Relaxed) < questions {
                true => Answer::empty(302).with("Refresh-After", "3"),
                false => typed(200, REPORT, &report(low, high)),
            }
        }
        other => panic!("{other}"),
    }
}

fn judge(url: &str, rest: &str) -> Judge {
    Judge::new(Settings::parse(&format!("url: {url}\n{rest}"), Path::new("/")).unwrap())
}

/// The verdict of somebody who waits a minute.
fn ask(judge: &Judge, asked: &Asked) -> (Verdict, Vec<Duration>) {
    let clock = FakeClock::default();
    let verdict = judge.judge(asked, Deadline::after(&clock, Duration::from_secs(60)));
    (verdict, clock.waits())
}

#[track_caller]
fn is(verdict: &Verdict, decision: Decision, said: &str) {
    assert_eq!(verdict.decision(), decision, "{}", verdict.reason());
    assert!(verdict.reason().contains(said), "{}", verdict.reason());
}

#[test]
fn the_published_description_has_every_request() {
    let stub = Stub::new(scanner(None, 0, 0, 0));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/scanner-adapter-v1.2.yaml");
    let prism = Prism::before(&stub, &file, "/api/v1");
    let rest = "username: ci\npassword: hunter2\namountvulns: 2\nregistries:\n  \
                r.example:5000: {username: scanner, password: x}";
    for kind in [None, Some("vulnerability")] {
        stub.script(scanner(kind, 2, 1, 1));
        let (verdict, waits) = ask(&judge(&prism.url(), rest), &app());
        is(&verdict, Decision::Allow, "");
        assert_eq!(waits, [Duration::from_secs(3); 2]);
        stub.script(scanner(kind, 0, 2, 1));
        let (verdict, _) = ask(&judge(&prism.url(), rest), &app());
        is(&verdict, Decision::Deny, "3 vulnerabilities, limit 2");
        assert_eq!(verdict.ttl(), Duration::from_secs(600));
    }
    // (A 501 makes Prism answer by itself.)
    for status in [400, 422, 500] {
        let mut fine = scanner(None, 0, 0, 0);
        stub.script(
            move |request| if request.method == "POST" { error(status) } else { fine(request) },
        );
        let (verdict, _) = ask(&judge(&prism.url(), rest), &app());
        is(&verdict, Decision::Error, &format!("{status} when asked to scan"));
    }
    let kind = "application/vnd.scanner.adapter.scan.request+json; version=1.0";
    assert!(prism.refuses("/api/v1/scan", kind, r#"{"artifact": {}}"#));
}

#[test]
fn what_the_scanner_is_told() {
    let told = |kind, rest: &str, asked: &Asked| {
        let stub = Stub::new(scanner(kind, 0, 0, 0));
        is(&ask(&judge(&stub.url(), rest), asked).0, Decision::Allow, "");
        stub.asked().into_iter().find(|asked| asked.method == "POST").unwrap()
    };
    let login = "token: t0ken\nregistries:\n  r.example:5000:\n    url: http://mirror/\n    \
                 username: ci\n    password: hunter2";
    let request = told(None, login, &app());
    assert_eq!(request.header("authorization"), Some("Bearer t0ken"));
    let artifact = json!({"repository": "team/app", "digest": digest('9'), "tag": "1",
        "mime_type": MANIFEST});
    let registry = json!({"url": "http://mirror", "authorization": "Basic Y2k6aHVudGVyMg=="});
    assert_eq!(request.json(), json!({"registry": registry, "artifact": artifact}));
    let entry = [format!("R.example/team/app@{}", digest('9'))];
    let other = named("R.example/team/app:1", Some(LocalImage::new(&digest('c'), &entry)));
    let login = login.replace("r.example:5000", "r.example:443");
    assert_eq!(told(None, &login, &other).json()["registry"], registry);
    let hub = LocalImage::new(&digest('c'), &[format!("app@{}", digest('9'))]);
    for name in ["app:1".to_owned(), format!("app@{}", digest('9')), digest('c')] {
        let request = told(Some("vulnerability"), "", &named(&name, Some(hub.clone()))).json();
        assert_eq!(request["registry"], json!({"url": "https://registry-1.docker.io"}));
        assert_eq!(request["artifact"]["repository"], "library/app");
        assert_eq!(request["artifact"]["digest"], digest('9'));
        assert_eq!(request["artifact"].get("tag").is_some(), name == "app:1");
        assert_eq!(request["enabled_capabilities"][0]["type"], "vulnerability");
    }
}

#[test]
fn the_newer_report_is_preferred() {
    let newer = "application/vnd.security.vulnerability.report;version=1.1";
    let mut abilities = metadata(None);
    abilities["capabilities"][0]["produces_mime_types"] = json!([REPORT, newer]);
    let mut fine = scanner(None, 0, 0, 0);
    let stub = Stub::new(move |request| match request.target.as_str() {
        "/api/v1/metadata" => Answer::json(200, &abilities),
        _ => fine(request),
    });
    is(&ask(&judge(&stub.url(), ""), &app()).0, Decision::Allow, "");
    let last = stub.asked().pop().unwrap();
    assert_eq!(last.header("accept").unwrap().replace(' ', ""), newer);
}

#[test]
fn a_scan_that_takes_longer_is_not_begun_anew() {
    let stub = Stub::new(scanner(None, 30, 0, 0));
    let judge = judge(&stub.url(), "");
    let scans = || stub.lines().iter().filter(|line| line.starts_with("POST")).count();
    let (verdict, _) = ask(&judge, &app());
    is(&verdict, Decision::Deny, "analysis in progress, try again");
    assert_eq!((verdict.ttl(), scans()), (Duration::ZERO, 1));
    let (verdict, _) = ask(&judge, &app());
    is(&verdict, Decision::Allow, "");
    assert_eq!(scans(), 1);
    // The next one is a new one, as new vulnerabilities may be known.
    is(&ask(&judge, &app()).0, Decision::Allow, "");
    assert_eq!(scans(), 2);
}

#[test]
fn a_scan_that_the_scanner_has_forgotten_is_begun_anew() {
    let stub = Stub::new(scanner(None, 1000, 0, 0));
    let judge = judge(&stub.url(), "on_pending: allow");
    is(&ask(&judge, &app()).0, Decision::Allow, "analysis in progress");
    let (mut fine, forgotten) = (scanner(None, 0, 0, 1), AtomicUsize::new(0));
    stub.script(move |request| {
        let is_first =
            request.target.ends_with("/report") && forgotten.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first { Answer::empty(404) } else { fine(request) }
    });
    is(&ask(&judge, &app()).0, Decision::Deny, "1 vulnerabilities, limit 0");
    // One that it forgets at once is an error, not a reason to go on for ever.
    let mut fine = scanner(None, 0, 0, 0);
    stub.script(move |request| match request.target.ends_with("/report") {
        true => Answer::empty(404),
        false => fine(request),
    });
    is(&ask(&judge, &app()).0, Decision::Error, "forgotten its own scan");
}

#[test]
fn every_other_answer_is_an_error() {
    for path in ["/metadata", "/scan", "/report"] {
        for (answer, said) in [
            (Answer::empty(401), "refused the credentials (401)"),
            (error(500), "500 when"),
            (error(501), "501 when"),
            (Answer::typed(200, "text/html", "<html>"), "the scanner"),
            (Answer::json(202, &json!({"id": ""})), "the scanner"),
            (Answer::json(202, &json!({"id": "x".repeat(300)})), "the scanner"),
            (Answer::json(202, &json!({"id": 5})), "the scanner"),
            (Answer::Raw(b"nonsense\r\n\r\n".to_vec()), "not HTTP"),
        ] {
            let mut fine = scanner(None, 0, 0, 0);
            let stub = Stub::new(move |request| match request.target.ends_with(path) {
                true => answer.clone(),
                false => fine(request),
            });
            is(&ask(&judge(&stub.url(), ""), &app()).0, Decision::Error, said);
            is(&ask(&judge(&stub.url(), "on_error: allow"), &app()).0, Decision::Allow, said);
        }
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let offline = ask(&judge(&format!("http://{closed}"), ""), &app()).0;
    is(&offline, Decision::Error, "not reachable");
    let silent = Stub::new(|_| Answer::Silence);
    let clock = FakeClock::default();
    let soon = Deadline::after(&clock, Duration::from_millis(100));
    is(&judge(&silent.url(), "").judge(&app(), soon), Decision::Error, "no answer in time");
}

#[test]
fn a_scanner_that_makes_other_reports_is_refused() {
    for wrong in [
        json!({"scanner": {}, "capabilities": []}),
        json!({"scanner": {}, "capabilities": [{"type": "sbom", "consumes_mime_types": [MANIFEST],
            "produces_mime_types": [REPORT]}]}),
        json!({"scanner": {}, "capabilities": [{"consumes_mime_types": [MANIFEST],
            "produces_mime_types": ["application/vnd.scanner.adapter.vuln.report.raw"]}]}),
    ] {
        let stub = Stub::new(move |_| Answer::json(200, &wrong));
        let verdict = ask(&judge(&stub.url(), ""), &app()).0;
        is(&verdict, Decision::Deny, "makes no report");
    }
}

#[test]
fn images_that_no_scanner_can_have() {
    let stub = Stub::new(scanner(None, 0, 0, 0));
    let judge_by = |rest: &str, asked: &Asked| ask(&judge(&stub.url(), rest), asked).0;
    is(&judge_by("", &named("app", None)), Decision::Allow, "not there yet");
    is(&judge_by("on_absent: deny", &named("app", None)), Decision::Deny, "not there yet");
    let local = |entries: &[String]| Some(LocalImage::new(&digest('c'), entries));
    let elsewhere = [format!("evil/app@{}", digest('9'))];
    for asked in [
        named("app", local(&[])),
        named("app", local(&elsewhere)),
        named(&format!("evil/app@{}", digest('1')), local(&elsewhere)),
        named(&digest('c'), local(&[])),
    ] {
        is(&judge_by("", &asked), Decision::Deny, "never in that registry");
    }
    assert!(stub.lines().is_empty());
}

#[test]
fn what_is_fetched_is_scanned_by_the_digest_in_its_name() {
    let stub = Stub::new(scanner(None, 0, 0, 1));
    let by = |purpose, name: &str, local: Option<LocalImage>| {
        let asked = Asked { purpose, ..named(name, local) };
        ask(&judge(&stub.url(), "on_error: allow"), &asked).0
    };
    let local = || app().local;
    let told = || stub.asked().into_iter().rfind(|asked| asked.method == "POST").unwrap().json();
    let pinned = format!("r.example:5000/team/app:1@{}", digest('9'));
    for purpose in [Purpose::Service, Purpose::Pull] {
        for here in [None, local(), Some(LocalImage::new(&digest('a'), &[]))] {
            is(&by(purpose, &pinned, here), Decision::Deny, "1 vulnerabilities, limit 0");
            assert_eq!(told()["artifact"]["digest"], digest('9'));
            assert_eq!(told()["artifact"]["tag"], "1");
        }
        is(&by(purpose, &digest('c'), None), Decision::Deny, "this identifier");
    }
    let before = stub.asked().len();
    for here in [None, local()] {
        let verdict = by(Purpose::Service, "r.example:5000/team/app:1", here);
        is(&verdict, Decision::Deny, "only a digest in its name");
    }
    is(&by(Purpose::Pull, "r.example:5000/team/app:1", None), Decision::Allow, "not there yet");
    assert_eq!(stub.asked().len(), before);
    is(&by(Purpose::Service, &digest('c'), local()), Decision::Deny, "1 vulnerabilities");
    assert_eq!(told()["artifact"]["digest"], digest('9'));
}

#[test]
fn configurations() {
    let example = include_str!("../config.yml");
    Settings::parse(example, Path::new("/")).unwrap();
    let all: String =
        example.lines().map(|l| format!("{}\n", l.trim_start_matches("#= "))).collect();
    let error = Settings::parse(&all, Path::new("/nowhere")).unwrap_err();
    assert!(error.contains("/nowhere/scanner-ca.pem"), "{error}");
    for (text, said) in [
        ("amountvulns: 1", "url"),
        ("url: http://x\nurls: y", "urls"),
        ("url: http://x\nusername: y", "belong together"),
        ("url: http://x\nusername: y\npassword: z\ntoken: t", "both"),
        ("url: http://x\nregistries: {a.b: {url: c}}", "registries.a.b.url: `c` does not begin"),
        ("url: http://x\nregistries: {a.b: {url: c}}", "at line 2"),
        ("url: http://x\ntimeout_s: 0", "timeout_s: "),
        ("url: http://x\nregistries: {a.b: {username: c}}", "registries: a.b: username"),
        ("url: http://x\nregistries: {a.b: {token: c}}", "token"),
        (
            "url: http://x\nregistries: {team/app: {}}",
            "registries: team/app: is not the name of a registry",
        ),
        ("url: http://x\nregistries: {a.b: {}, A.b: {}}", "registries: a.b: is listed twice"),
    ] {
        let error = Settings::parse(text, Path::new("/")).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
    let text = "url: http://x\ntoken: hunter2\nregistries: {a.b: {username: u, password: hunter3}}";
    let shown = format!("{:?}", Settings::parse(text, Path::new("/")).unwrap());
    assert!(!shown.contains("hunter") && !shown.contains("Basic"), "{shown}");
}
