use std::collections::BTreeSet;

use super::super::{FAMILIES, PluginCounts, Reload};
use super::*;
use crate::admission::Tally;

fn metrics() -> Arc<Metrics> {
    let metrics = Arc::new(Metrics::new(2, vec![Arc::new(PluginCounts::of(&Arc::from("p")))]));
    metrics.of_loop(0).opened.add(3);
    metrics.of_loop(1).opened.add(4);
    metrics.of_loop(1).closed.add(2);
    metrics.of_loop(0).from_clients.add(10);
    metrics.come_into_force([("listen.tls", 1_900_000_000)]);
    let place = metrics.place_of(&Arc::new("a\"b".to_owned()));
    let counts = metrics.client_counts();
    for number in [0, 1, 2] {
        let tally = Tally { class: Class::Images, fate: Fate::Changed };
        counts.iter().skip(place).for_each(|counts| counts.count(number, tally));
    }
    metrics.broken("/root".to_owned());
    metrics.reloaded(Reload::Refused);
    metrics
}

#[test]
fn loops_are_summed() {
    let text = metrics().text(Format::Prometheus);
    for line in [
        "secdocker_connections_total 7",
        "secdocker_open_connections 5",
        "secdocker_received_bytes_total{from=\"client\"} 10",
        "secdocker_received_bytes_total{from=\"daemon\"} 0",
        "secdocker_config_generation 1",
        "secdocker_requests_total{class=\"images\",verdict=\"changed\",client=\"a\\\"b\"} 2",
        "secdocker_violations_total{rule=\"/root\"} 1",
        "secdocker_plugin_call_duration_seconds_count{plugin=\"p\"} 0",
        "secdocker_config_reloads_total{result=\"refused\"} 1",
        "secdocker_certificate_expiry_timestamp_seconds{key=\"listen.tls\"} 1900000000",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

/// What is written is what the list of families says: names, kinds, labels and words.
#[test]
fn every_family_is_written_as_it_is_listed() {
    let text = metrics().text(Format::Prometheus);
    let mut seen = BTreeSet::new();
    for family in FAMILIES {
        let name = family.full_name();
        let kind = family.kind.as_str();
        assert!(text.contains(&format!("# HELP {name} {}\n", family.help)), "{name}\n{text}");
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name}\n{text}");
        seen.insert(name);
    }
    let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    assert_eq!(described.map(str::to_owned).collect::<BTreeSet<_>>(), seen);
}

#[test]
fn either_format_is_told_apart_by_what_is_accepted() {
    let list = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4";
    assert_eq!(Format::accepted(list), Format::OpenMetrics);
    for other in ["", "*/*", "text/plain"] {
        assert_eq!(Format::accepted(other), Format::Prometheus, "{other}");
    }
    assert!(metrics().text(Format::OpenMetrics).ends_with("# EOF\n"));
}
