//! Anchore's answers. What is missing or of another type is an error, never a default: an answer without
//! a list of vulnerabilities is not one without vulnerabilities.

use std::collections::BTreeMap;

use secdocker_plugin_common::scan::json;
use secdocker_plugin_common::text::shown;
use secdocker_plugin_common::{Finding, Severity, Stop};
use serde::Deserialize;
use serde_json::Value;

/// The name of the other side in messages.
pub(super) const ANCHORE: &str = "Anchore";

/// Where an analysis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waiting for its turn.
    NotAnalyzed,
    /// Under way.
    Analyzing,
    /// Done.
    Analyzed,
    /// Given up.
    AnalysisFailed,
}

/// An image as Anchore has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// The manifest of one platform; what the record is found by.
    #[serde(alias = "imageDigest")]
    pub image_digest: String,
    /// The index that the manifest was found in, if there was one.
    #[serde(default, alias = "parentDigest")]
    pub parent_digest: Option<String>,
    /// Where its analysis is.
    pub analysis_status: Status,
    /// The names that it has.
    #[serde(default)]
    pub image_detail: Option<Vec<Detail>>,
}

/// An image under one name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Detail {
    /// The digest of the image's configuration, without `sha256:`.
    #[serde(default, alias = "imageId")]
    pub image_id: Option<String>,
}

/// v2 answers with the record, v1 with a list of it.
#[derive(Deserialize)]
#[serde(untagged, expecting = "no image record")]
enum OneOrList {
    List(Vec<Record>),
    One(Box<Record>),
}

impl Record {
    /// Reads the answer about one image.
    pub(super) fn read(body: &[u8]) -> Result<Self, Stop> {
        let record = match json(ANCHORE, body)? {
            OneOrList::One(record) => *record,
            OneOrList::List(list) => match <[Self; 1]>::try_from(list) {
                Ok([record]) => record,
                Err(list) => return Err(Stop::odd(ANCHORE, format!("{} images", list.len()))),
            },
        };
        // It goes into paths and messages from here on.
        match is_digest(&record.image_digest) {
            true => Ok(record),
            false => Err(Stop::odd(ANCHORE, format!("digest `{}`", shown(&record.image_digest)))),
        }
    }

    /// Whether the image's configuration is that of the local image `id` (`sha256:…`).
    pub fn has_id(&self, id: &str) -> bool {
        let digits = id.trim_start_matches("sha256:");
        let mut details = self.image_detail.iter().flatten();
        !digits.is_empty() && details.any(|detail| detail.image_id.as_deref() == Some(digits))
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[derive(Deserialize)]
struct Vulnerabilities {
    #[serde(alias = "imageDigest")]
    image_digest: String,
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Vulnerability {
    vuln: String,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    fix: Option<String>,
}

/// The list of vulnerabilities of that image.
pub(super) fn findings(body: &[u8], digest: &str) -> Result<Vec<Finding>, Stop> {
    let answer: Vulnerabilities = json(ANCHORE, body)?;
    same_image(&answer.image_digest, digest)?;
    answer.vulnerabilities.into_iter().map(finding).collect()
}

fn finding(entry: Vulnerability) -> Result<Finding, Stop> {
    let severity = Severity::parse(entry.severity.as_deref().unwrap_or_default());
    let severity = severity.map_err(|error| Stop::odd(ANCHORE, error))?;
    // Where there is none, the Engine writes `None` as text.
    let fixable = entry.fix.is_some_and(|fix| !fix.is_empty() && !fix.eq_ignore_ascii_case("none"));
    Ok(Finding { id: entry.vuln, severity, fixable })
}

fn same_image(said: &str, asked: &str) -> Result<(), Stop> {
    match said == asked {
        true => Ok(()),
        false => Err(Stop::odd(ANCHORE, format!("about `{}`, not {asked}", shown(said)))),
    }
}

#[derive(Deserialize)]
struct Evaluation {
    status: String,
    #[serde(default)]
    final_action: Option<String>,
    #[serde(default)]
    final_action_reason: Option<String>,
}

/// A list of digests, in each the tags, in each the evaluations.
type EvaluationsV1 = Vec<BTreeMap<String, BTreeMap<String, Vec<Evaluation>>>>;

pub(super) fn evaluation_v1(body: &[u8], digest: &str) -> Result<Option<String>, Stop> {
    let answer: EvaluationsV1 = json(ANCHORE, body)?;
    let mut all = Vec::new();
    for (said, tags) in answer.into_iter().flatten() {
        same_image(&said, digest)?;
        all.extend(tags.into_values().flatten());
    }
    verdict(&all)
}

#[derive(Deserialize)]
struct EvaluationsV2 {
    image_digest: String,
    evaluations: Vec<Evaluation>,
}

pub(super) fn evaluation_v2(body: &[u8], digest: &str) -> Result<Option<String>, Stop> {
    let answer: EvaluationsV2 = json(ANCHORE, body)?;
    same_image(&answer.image_digest, digest)?;
    verdict(&answer.evaluations)
}

/// Why it fails, or `None` if all evaluations pass; there must be one.
fn verdict(evaluations: &[Evaluation]) -> Result<Option<String>, Stop> {
    if evaluations.is_empty() {
        return Err(Stop::odd(ANCHORE, "no evaluation"));
    }
    for evaluation in evaluations {
        match evaluation.status.as_str() {
            "pass" => {}
            "fail" => return Ok(Some(why(evaluation))),
            other => return Err(Stop::odd(ANCHORE, format!("evaluation `{}`", shown(other)))),
        }
    }
    Ok(None)
}

fn why(evaluation: &Evaluation) -> String {
    let details = [&evaluation.final_action, &evaluation.final_action_reason];
    let details: Vec<String> = details.into_iter().flatten().map(|text| shown(text)).collect();
    match details.is_empty() {
        true => "Anchore's policy fails".to_owned(),
        false => format!("Anchore's policy fails ({})", details.join(", ")),
    }
}

/// The codes in an error of Anchore's own form.
pub(super) fn error_codes(body: &[u8]) -> impl Iterator<Item = String> {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let codes = body.pointer("/detail/error_codes").and_then(Value::as_array).cloned();
    codes.into_iter().flatten().filter_map(|code| Some(code.as_str()?.to_owned()))
}

#[cfg(test)]
mod tests;
