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

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours = self.median(Kind::SecDocker);
        for (kind, samples) in &self.samples {
            let (least, most) = bounds(samples);
            let middle = median(samples);
            let ratio = match ours {
                Some(ours) if *kind != Kind::SecDocker && middle > 0.0 => {
                    format!("{:.2}", ours / middle)
                }
                _ => String::new(),
            };
            writeln!(
                f,
                "| {} | {} | {} | {} | {}–{} | {ratio} |",
                self.row,
                self.what,
                kind.name(),
                short(middle),
                short(least),
                short(most)
            )?;
        }
        Ok(())
    }
}

/// The head of the table.
pub(crate) const HEAD: &str = "| work | figure | through | median | least–most | SecDocker ÷ it |\n\
                        | --- | --- | --- | --- | --- | --- |\n";

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
