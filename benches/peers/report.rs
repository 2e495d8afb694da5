//! What was measured, as a table and as JSON.

use std::fmt;

use serde_json::{Value, json};

use crate::peers::Kind;

/// One figure of one row, for everybody who was measured.
pub(crate) struct Figure {
    pub(crate) row: &'static str,
    pub(crate) what: &'static str,
    pub(crate) samples: Vec<(Kind, Vec<f64>)>,
}

impl Figure {
    pub(crate) fn new(row: &'static str, what: &'static str) -> Self {
        Self { row, what, samples: Vec::new() }
    }

    pub(crate) fn add(&mut self, kind: Kind, sample: f64) {
        match self.samples.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, samples)) => samples.push(sample),
            None => self.samples.push((kind, vec![sample])),
        }
    }

    fn median(&self, kind: Kind) -> Option<f64> {
        let (_, samples) = self.samples.iter().find(|(known, _)| *known == kind)?;
        Some(median(samples))
    }

    /// As JSON: medians, and the least and the most of all rounds.
    pub(crate) fn json(&self) -> Value {
        let by_peer = self.samples.iter().map(|(kind, samples)| {
            let (least, most) = bounds(samples);
            (kind.name().to_owned(), json!({"median": median(samples), "least": least, "most": most, "rounds": samples.len()}))
        });
        json!({"row": self.row, "what": self.what, "peers": by_peer.collect::<serde_json::Map<_, _>>()})
    }
}

/// One line of the table: medians with half of their spread, and how SecDocker's compares.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} |", self.row, self.what)?;
        for kind in COLUMNS {
            let samples = self.samples.iter().find(|(known, _)| known == kind);
            let cell = samples.map(|(_, samples)| cell(samples)).unwrap_or_default();
            write!(f, " {cell} |")?;
        }
        for kind in [Kind::HaproxyHttp, Kind::HaproxyTcp] {
            let ratio = match (self.median(Kind::SecDocker), self.median(kind)) {
                (Some(ours), Some(theirs)) if theirs > 0.0 => format!("{:.2}", ours / theirs),
                _ => String::new(),
            };
            write!(f, " {ratio} |")?;
        }
        writeln!(f)
    }
}

const COLUMNS: &[Kind] =
    &[Kind::SecDocker, Kind::HaproxyHttp, Kind::HaproxyTcp, Kind::Nginx, Kind::Direct];

/// The head of the table.
pub(crate) const HEAD: &str = "\
| work | figure | SecDocker | HAProxy HTTP | HAProxy TCP | nginx | direct | ÷ HTTP | ÷ TCP |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// `18.4 ±3 %`
fn cell(samples: &[f64]) -> String {
    let (middle, (least, most)) = (median(samples), bounds(samples));
    if samples.len() < 2 || middle == 0.0 {
        return short(middle);
    }
    format!("{} ±{:.0} %", short(middle), (most - least) / 2.0 / middle * 100.0)
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn bounds(samples: &[f64]) -> (f64, f64) {
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (least, most)
}

fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}
