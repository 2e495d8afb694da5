//! The files in `deploy/` that read what is counted: rules and a dashboard.

use crate::scrape::check;
use crate::support::document::{read, root};
use regex::Regex;
use secdocker::metrics::{FAMILIES, Kind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const RULES: &str = "deploy/prometheus/secdocker.rules.yml";
const DASHBOARD: &str = "deploy/grafana/secdocker.json";

fn path(file: &str) -> String {
    root().join(file).display().to_string()
}

#[test]
fn the_rules_are_valid_and_fire_when_they_should() {
    check(&["check", "rules", &path(RULES)], b"");
    check(&["test", "rules", &path("tests/metrics/rules.test.yml")], b"");
}

/// Series by their names, with their labels.
fn series() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut series = BTreeMap::new();
    for family in FAMILIES {
        let labels: BTreeSet<_> = family.labels.iter().copied().collect();
        let endings: &[&str] =
            if family.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        for ending in endings {
            series.insert(format!("{}{ending}", family.full_name()), labels.clone());
        }
    }
    series
}

/// What is wrong with an expression: names and labels that there are not.
fn wrong(expression: &str) -> Vec<String> {
    const OF_PROMETHEUS: [&str; 3] = ["instance", "job", "le"];
    let series = series();
    let named = Regex::new(r"secdocker_[a-z_]+").unwrap();
    let names: Vec<&str> = named.find_iter(expression).map(|name| name.as_str()).collect();
    let mut wrong: Vec<String> = names
        .iter()
        .filter(|name| !series.contains_key(**name))
        .map(|it| (*it).to_owned())
        .collect();
    let known: BTreeSet<&str> =
        names.iter().filter_map(|name| series.get(*name)).flatten().copied().collect();
    let grouped = Regex::new(r"by \(([a-z_, ]+)\)").unwrap();
    let matched = Regex::new(r#"([a-z_]+)(?:=|=~|!=|!~)""#).unwrap();
    let labels = grouped.captures_iter(expression).flat_map(|found| {
        let list = found.get(1).unwrap().as_str();
        list.split(", ").map(ToOwned::to_owned).collect::<Vec<_>>()
    });
    let labels = labels.chain(matched.captures_iter(expression).map(|found| found[1].to_owned()));
    wrong.extend(labels.filter(|label| {
        !known.contains(label.as_str()) && !OF_PROMETHEUS.contains(&label.as_str())
    }));
    wrong
}

#[test]
fn rules_name_what_there_is() {
    let text = read(RULES);
    let expressions: Vec<&str> =
        text.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert!(expressions.len() >= 10, "{expressions:?}");
    for expression in expressions {
        assert_eq!(wrong(expression), Vec::<String>::new(), "{expression}");
    }
    assert_eq!(
        wrong("sum by (x) (secdocker_odd_total{y=\"\"})"),
        ["secdocker_odd_total", "x", "y"]
    );
}

#[test]
fn the_dashboard_shows_what_there_is() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut shown) = (BTreeSet::new(), String::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            assert_eq!(wrong(expression), Vec::<String>::new(), "{expression}");
            shown += expression;
        }
    }
    shown += &dashboard["templating"].to_string();
    let missing = FAMILIES.iter().map(secdocker::metrics::Family::full_name);
    let missing: Vec<_> = missing.filter(|name| !shown.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "the dashboard shows nothing of {missing:?}");
}
