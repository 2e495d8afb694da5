//! The plugin before Prism, which refuses requests and answers that Anchore's published descriptions
//! don't have; behind it a stub that plays Anchore.

mod support;

use std::path::Path;

use secdocker_plugin_common::LocalImage;
use secdocker_plugin_testing::{Answer, Prism, Stub};
use serde_json::json;
use support::{allowed, app, ask, denied, digest, engine, named};

fn before(stub: &Stub, file: &str, prefix: &str) -> Prism {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api").join(file);
    Prism::before(stub, &file, prefix)
}

/// The whole way, in every form of a submission and every kind of judgement.
fn conversations(stub: &Stub, prism: &Prism, version: u8, api: &str) {
    let rest = format!("{api}\naccount: ci\nusername: a\npassword: b\nmode: both\namountvulns: 5");
    stub.script(engine(version, &["not_analyzed", "analyzing", "analyzed"], 3, 2, "pass"));
    allowed(&ask(&prism.url(), &rest, &app()));
    stub.script(engine(version, &["analyzed"], 3, 3, "fail"));
    denied(&ask(&prism.url(), &rest, &app()), "6 vulnerabilities, limit 5; Anchore's policy fails");
    let local = LocalImage::new(&digest('c'), &[]);
    for by_tag in [named("app:1", Some(local)), named("localhost:5055/plugres/app", None)] {
        stub.script(engine(version, &["analyzed"], 0, 0, "pass"));
        allowed(&ask(&prism.url(), &rest, &by_tag));
    }
    stub.script(engine(version, &["analyzing"], 0, 0, "pass"));
    denied(&ask(&prism.url(), &rest, &app()), "analysis in progress");
}

#[test]
fn the_engine_would_take_every_request() {
    let stub = Stub::new(engine(1, &["analyzed"], 0, 0, "pass"));
    let prism = before(&stub, "engine-v1.yaml", "/v1");
    conversations(&stub, &prism, 1, "api: v1");
    // Asked for its version first.
    conversations(&stub, &prism, 1, "api: auto");
    assert!(prism.refuses("/v1/images", "application/json", r#"{"tag": 5}"#));
    // The second version's paths are none of the first's.
    stub.script(engine(1, &["analyzed"], 0, 0, "pass"));
    support::failed(&ask(&prism.url(), "api: v2", &app()), "404");
    assert!(stub.lines().is_empty());
}

#[test]
fn enterprise_would_take_every_request() {
    let stub = Stub::new(engine(2, &["analyzed"], 0, 0, "pass"));
    let prism = before(&stub, "enterprise-v2.yaml", "/v2");
    conversations(&stub, &prism, 2, "api: v2");
    let body = r#"{"source": {"digest": {"pull_string": "a"}}}"#;
    assert!(prism.refuses("/v2/images", "application/json", body));
    for status in [400, 403, 404, 500] {
        stub.script(move |_| Answer::json(status, &json!({"code": status, "message": "no"})));
        support::failed(&ask(&prism.url(), "api: v2", &app()), "Anchore");
    }
}
