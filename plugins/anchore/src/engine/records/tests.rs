#![expect(clippy::unwrap_used, reason = "a failed test should say where")]
use super::*;
use proptest::prelude::*;
use serde_json::json;

fn digest() -> String {
    format!("sha256:{}", "9".repeat(64))
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[test]
fn both_versions_spell_the_same_record() {
    let one = json!([{"imageDigest": digest(), "parentDigest": null, "analysis_status": "analyzing",
        "image_detail": [{"imageId": "cafe"}]}]);
    let two = json!({"image_digest": digest(), "analysis_status": "analyzing",
        "image_detail": [{"image_id": "cafe"}]});
    let one = Record::read(&bytes(&one)).unwrap();
    assert_eq!(one, Record::read(&bytes(&two)).unwrap());
    assert!(one.has_id("sha256:cafe") && !one.has_id("sha256:caf") && !one.has_id(""));
}

#[test]
fn odd_records_are_errors() {
    for odd in [
        json!([]),
        json!({}),
        json!(null),
        json!("v1"),
        json!({"message": "image not found in DB", "httpcode": 404}),
        json!([{"imageDigest": digest()}]),
        json!([{"imageDigest": digest(), "analysis_status": "finished"}]),
        json!([{"imageDigest": "sha256:12/../x", "analysis_status": "analyzed"}]),
        json!([{"imageDigest": digest(), "image_digest": "x", "analysis_status": "analyzed"}]),
        json!([{"imageDigest": 5, "analysis_status": "analyzed"}]),
        json!([{"imageDigest": digest(), "analysis_status": "analyzed"},
               {"imageDigest": digest(), "analysis_status": "analyzed"}]),
    ] {
        assert!(matches!(Record::read(&bytes(&odd)), Err(Stop::Error(_))), "{odd}");
    }
    for odd in ["", "{", "Unauthorized", "[[[[", &"[".repeat(100_000)] {
        assert!(matches!(Record::read(odd.as_bytes()), Err(Stop::Error(_))));
    }
}

#[test]
fn a_missing_list_is_not_an_empty_one() {
    let with = |list: Value| bytes(&json!({"imageDigest": digest(), "vulnerabilities": list}));
    assert_eq!(findings(&with(json!([])), &digest()), Ok(vec![]));
    for odd in [
        with(json!(null)),
        with(json!({})),
        with(json!([{"severity": "Low"}])),
        with(json!([{"vuln": "CVE-1", "severity": "Important"}])),
        with(json!(["CVE-1"])),
        bytes(&json!({"imageDigest": digest()})),
        bytes(&json!({"vulnerabilities": []})),
        bytes(&json!({"imageDigest": "sha256:0", "vulnerabilities": []})),
    ] {
        assert!(matches!(findings(&odd, &digest()), Err(Stop::Error(_))), "{odd:?}");
    }
}

#[test]
fn none_as_text_is_no_fix() {
    let entry = |fix: Value| json!({"vuln": "CVE-1", "severity": "High", "fix": fix});
    let list =
        json!([entry(json!("None")), entry(json!("")), entry(json!(null)), entry(json!("1.2"))]);
    let body = bytes(&json!({"image_digest": digest(), "vulnerabilities": list}));
    let fixable: Vec<bool> =
        findings(&body, &digest()).unwrap().iter().map(|finding| finding.fixable).collect();
    assert_eq!(fixable, [false, false, false, true]);
}

#[test]
fn evaluations_of_both_versions() {
    let one = |status: &str| {
        let evaluations = json!([{"status": status, "policyId": "x", "detail": {}}]);
        bytes(&json!([{digest(): {"docker.io/library/app:1": evaluations}}]))
    };
    assert_eq!(evaluation_v1(&one("pass"), &digest()), Ok(None));
    assert!(evaluation_v1(&one("fail"), &digest()).unwrap().unwrap().contains("fails"));
    let two = |status: &str| {
        bytes(&json!({"image_digest": digest(), "evaluations":
            [{"status": status, "final_action": "stop", "final_action_reason": "policy_evaluation"}]}))
    };
    assert_eq!(evaluation_v2(&two("pass"), &digest()), Ok(None));
    let why = evaluation_v2(&two("fail"), &digest()).unwrap().unwrap();
    assert!(why.contains("stop, policy_evaluation"), "{why}");
    for odd in [one("maybe"), bytes(&json!([])), bytes(&json!([{digest(): {}}])), b"{}".to_vec()] {
        assert!(evaluation_v1(&odd, &digest()).is_err());
    }
    assert!(evaluation_v1(&one("pass"), "sha256:0").is_err());
    assert!(evaluation_v2(&two("maybe"), &digest()).is_err());
    assert!(evaluation_v2(&two("pass"), "sha256:0").is_err());
}

proptest! {
    #[test]
    fn no_answer_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Record::read(&body));
        drop(findings(&body, "sha256:0"));
        drop(evaluation_v1(&body, "sha256:0"));
        drop(evaluation_v2(&body, "sha256:0"));
        error_codes(&body).for_each(drop);
    }

    #[test]
    fn no_json_panics(text in "(\\[|\\{|\"imageDigest\":|\"vulnerabilities\":|\"x\"|,|\\]|\\}|1|null){0,20}") {
        drop(Record::read(text.as_bytes()));
        drop(findings(text.as_bytes(), "x"));
        drop(evaluation_v1(text.as_bytes(), "x"));
        error_codes(text.as_bytes()).for_each(drop);
    }
}
