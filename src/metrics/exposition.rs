//! All that was counted, as text.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::families::{self, Family, Kind, PREFIX};
use super::histogram::{Counted, Histogram};
use super::plugins::VERDICTS;
use super::{Counter, LookUpCounts, LoopCounts, Metrics};
use crate::admission::{Class, Fate};
use crate::audit;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus's text, version 0.0.4.
    Prometheus,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The one that is asked for by this list of media types (RFC 9110 §12.5.1).
    #[must_use]
    pub fn accepted(list: &str) -> Self {
        match list.contains("application/openmetrics-text") {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Metrics {
    /// All of it, as it is now.
    #[must_use]
    pub fn text(self: &Arc<Self>, format: Format) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Arc::clone(self)));
        let mut out = String::new();
        // Writing to a string can't fail.
        let _ = match format {
            Format::Prometheus => prometheus_text::encode(&mut out, &registry),
            Format::OpenMetrics => text::encode(&mut out, &registry),
        };
        out
    }

    fn sum(&self, of: impl Fn(&LoopCounts) -> &Counter) -> u64 {
        self.loops.iter().map(|counts| of(counts).get()).sum()
    }
}

/// Writes series of one family.
struct Series<'e>(MetricEncoder<'e>);

impl<'e> Series<'e> {
    fn of(encoder: &'e mut DescriptorEncoder<'_>, family: &Family) -> Result<Self, fmt::Error> {
        let kind = match family.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
            Kind::Info => MetricType::Info,
        };
        encoder.encode_descriptor(family.name, family.help, None, kind).map(Self)
    }

    fn counter(&mut self, labels: &impl EncodeLabelSet, value: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_counter::<NoLabelSet, u64, f64>(&value, None)
    }

    fn gauge(&mut self, labels: &impl EncodeLabelSet, value: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }
}

impl Series<'_> {
    fn histogram(&mut self, labels: &impl EncodeLabelSet, histogram: &Histogram) -> fmt::Result {
        let Counted { buckets, sum, count } = histogram.counted();
        self.0.encode_family(labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

const NO_LABELS: [(&str, &str); 0] = [];

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        self.write_build(encoder)?;
        self.write_loops(encoder)?;
        self.write_requests(encoder)?;
        self.write_traffic(encoder)?;
        self.write_plugins(encoder)?;
        self.write_look_ups(encoder)?;
        Series::of(encoder, &families::LOG_LOST)?.counter(&NO_LABELS, audit::lines_lost())?;
        self.write_settings(encoder)
    }
}

impl Metrics {
    fn write_build(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let has = |feature| if feature { "yes" } else { "no" };
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("plugins", has(cfg!(feature = "plugins"))),
            ("tls", has(cfg!(feature = "tls"))),
        ];
        Series::of(encoder, &families::BUILD)?.0.encode_info(&labels)
    }

    fn write_loops(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        // Those that have ended first: none of them can be missing from those that began.
        let closed = self.sum(|counts| &counts.closed);
        let opened = self.sum(|counts| &counts.opened);
        let turned_away = self.sum(|counts| &counts.turned_away);
        Series::of(encoder, &families::CONNECTIONS)?.counter(&NO_LABELS, opened)?;
        Series::of(encoder, &families::OPEN)?.gauge(&NO_LABELS, opened.saturating_sub(closed))?;
        Series::of(encoder, &families::TURNED_AWAY)?.counter(&NO_LABELS, turned_away)
    }

    /// What never was is left out: most verdicts are none for most of what requests are about.
    fn write_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut requests = Series::of(encoder, &families::REQUESTS)?;
        for (client, counts) in self.clients().in_force() {
            for (class, fate) in
                Class::ALL.into_iter().flat_map(|class| Fate::ALL.map(|fate| (class, fate)))
            {
                let labels =
                    [("class", class.as_str()), ("verdict", fate.as_str()), ("client", client)];
                match counts.get(class, fate) {
                    0 => {}
                    count => requests.counter(&labels, count)?,
                }
            }
        }
        let mut violations = Series::of(encoder, &families::VIOLATIONS)?;
        for (rule, count) in &*self.rules.lock() {
            violations.counter(&[("rule", rule.as_str())], *count)?;
        }
        Ok(())
    }

    fn write_traffic(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut bytes = Series::of(encoder, &families::BYTES)?;
        bytes.counter(&[("from", "client")], self.sum(|counts| &counts.from_clients))?;
        bytes.counter(&[("from", "daemon")], self.sum(|counts| &counts.from_daemons))?;
        let mut errors = Series::of(encoder, &families::UPSTREAM_ERRORS)?;
        let unreachable = self.sum(|counts| &counts.upstream_unreachable);
        errors.counter(&[("kind", "unreachable")], unreachable)?;
        errors.counter(&[("kind", "lost")], self.sum(|counts| &counts.upstream_lost))?;
        errors.counter(&[("kind", "loop")], self.sum(|counts| &counts.upstream_loop))
    }

    fn write_plugins(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut calls = Series::of(encoder, &families::PLUGIN_CALLS)?;
        for plugin in &self.plugins {
            calls.histogram(&[("plugin", &*plugin.name)], &plugin.calls)?;
        }
        let mut verdicts = Series::of(encoder, &families::PLUGIN_VERDICTS)?;
        for plugin in &self.plugins {
            for (verdict, counter) in VERDICTS.iter().zip(&plugin.verdicts) {
                let labels = [("plugin", &*plugin.name), ("verdict", *verdict)];
                verdicts.counter(&labels, counter.get())?;
            }
        }
        Ok(())
    }

    fn write_look_ups(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let LookUpCounts { host, daemon, client, refused } = &*self.look_ups;
        let mut times = Series::of(encoder, &families::LOOK_UPS)?;
        for (of, histogram) in [("host", host), ("daemon", daemon), ("client", client)] {
            times.histogram(&[("of", of)], histogram)?;
        }
        Series::of(encoder, &families::LOOK_UPS_REFUSED)?.counter(&NO_LABELS, refused.get())
    }

    fn write_settings(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let in_force = self.in_force();
        Series::of(encoder, &families::GENERATION)?.gauge(&NO_LABELS, in_force.generation)?;
        let mut reloads = Series::of(encoder, &families::RELOADS)?;
        for (result, counter) in ["taken", "refused"].iter().zip(&self.reloads) {
            reloads.counter(&[("result", *result)], counter.get())?;
        }
        let mut certificates = Series::of(encoder, &families::CERTIFICATES)?;
        for (key, until) in &in_force.certificates {
            certificates.gauge(&[("key", *key)], *until)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
