//! `docs/COVERAGE.md`, written from the tables.

use super::evidence::{self, Request};
use super::table::{self, Row};
use super::{absent, facts, probes, routers};
use secdocker::docker::Endpoint;
use secdocker::docker::routes::{self, Decision};
use secdocker::docker::schema::{Power, Stance, is_legacy_host_config};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The reason of a stance, if it is of one kind.
type Reason = fn(Stance) -> Option<&'static str>;

/// Attacks that a cell names; the corpus may have more.
const NAMED_MAX: usize = 3;

const INTRODUCTION: &str = "\
# Coverage: what each endpoint decodes, and what is done about it

Written by `make field-coverage` from the tables in `src/docker/schema` and
the routes in `src/docker/routes/table.rs`; do not edit. `cargo test --test coverage` compares it with
them, and them with what is published of the Engine API (`tests/engine-api`: v1.41 of 20.10, v1.55 of
29.7, and what the sources of both decode beyond that). `[]` is each element of a list, `{}` each
entry of a map.

What holds for `HostConfig` in a body that creates a container holds for the same fields beside it,
which 20.10 reads as well: they are moved into it before anything is judged. `services/create` and
`services/{id}/update` read the same body; the fields are listed once.

A field that is in no table is told of in the log, and refused under `strict: true`.
";

pub(crate) fn write() -> String {
    let rows: Vec<Row> = table::all().into_iter().filter(is_listed).collect();
    let mut out = INTRODUCTION.to_owned();
    effects(&rows, &evidence::requests(), &mut out);
    empty_cells(&mut out);
    forced(&rows, &mut out);
    let sections: [(&str, Reason); 3] = [
        ("Refused whatever the rules", |stance| match stance {
            Stance::Refused(reason) => Some(reason),
            _ => None,
        }),
        ("Moved", |stance| match stance {
            Stance::Moved(reason) => Some(reason),
            _ => None,
        }),
        ("No rule is about it", |stance| match stance {
            Stance::Harmless(reason) => Some(reason),
            _ => None,
        }),
    ];
    for (title, reason) in sections {
        by_reason(title, &rows, reason, &mut out);
    }
    passing(&mut out);
    known(&mut out);
    misplaced(&mut out);
    out
}

/// Whether no other row says the same.
pub(crate) fn is_listed(row: &Row) -> bool {
    let top = row.path.split(['.', '[', '{']).next().unwrap_or_default();
    let is_legacy = matches!(row.endpoint, Endpoint::ContainerCreate | Endpoint::Commit)
        && is_legacy_host_config(top);
    // The body of an update is that of a creation; its query is its own.
    let is_twin = row.endpoint == Endpoint::ServiceUpdate && !row.path.starts_with('?');
    !is_legacy && !is_twin
}

fn effects(rows: &[Row], requests: &[Request], out: &mut String) {
    out.push_str("\n## Effect × endpoint × field\n\n");
    out.push_str(
        "Each cell is shown by `every_checked_field_has_its_effects` (`tests/coverage.rs`), which \
         tries forbidding values in the field; the attacks named beside it (`tests/attacks`) show \
         it against a real engine: without the field they lose the effect.\n",
    );
    for &power in Power::ALL {
        let cells: Vec<_> =
            rows.iter().filter(|row| row.stance.powers().contains(&power)).collect();
        if !cells.is_empty() {
            let rule = power.rules();
            let _ = write!(out, "\n### A request {power}: `{rule}`\n\n");
            out.push_str("| endpoint | field | attacks |\n| --- | --- | --- |\n");
        }
        for row in cells {
            let shown = shown_by(row, power, requests);
            let _ = writeln!(out, "| `{}` | `{}` | {shown} |", row.endpoint, row.path);
        }
    }
    whole_requests(out);
}

fn shown_by(row: &Row, power: Power, requests: &[Request]) -> String {
    let names = evidence::shown(row, power, requests);
    names.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join("; ")
}

/// What no field says: the request itself is the effect.
fn whole_requests(out: &mut String) {
    out.push_str("\n### The request itself\n\n| endpoint | effect | rule |\n| --- | --- | --- |\n");
    for endpoint in Endpoint::ALL {
        let found = probes::effects(endpoint, "repo=x&fromImage=x", &probes::least(endpoint));
        let kinds: BTreeSet<_> =
            found.unwrap_or_default().iter().map(|it| Power::of(&it.effect)).collect();
        for power in kinds.into_iter().filter(|power| *power != Power::Unknown) {
            let _ = writeln!(out, "| `{endpoint}` | {power} | `{}` |", power.rules());
        }
    }
}

fn empty_cells(out: &mut String) {
    out.push_str("\n## Empty cells\n\n| effect | is a matter of |\n| --- | --- |\n");
    for (power, place) in absent::OF_REQUESTS {
        let _ = writeln!(out, "| {power} | {place} |");
    }
    out.push_str(
        "\n| endpoint | effects that it has no field for | because |\n| --- | --- | --- |\n",
    );
    for endpoint in Endpoint::ALL.into_iter().filter(|it| *it != Endpoint::ServiceUpdate) {
        let rows = table::rows(endpoint);
        let of_request = |power: &Power| absent::OF_REQUESTS.iter().any(|(it, _)| it == power);
        let has = |power: &Power| rows.iter().any(|row| row.stance.powers().contains(power));
        let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for &power in Power::ALL.iter().filter(|power| !of_request(power) && !has(power)) {
            let reason = absent::reason(endpoint, power);
            reasons.entry(reason).or_default().push(power.to_string());
        }
        for (reason, powers) in reasons {
            let _ = writeln!(out, "| `{endpoint}` | {} | {reason} |", powers.join(", "));
        }
    }
}

fn forced(rows: &[Row], out: &mut String) {
    out.push_str("\n## Forced by `general`\n\n| endpoint | field | key |\n| --- | --- | --- |\n");
    for row in rows {
        if let Some(general) = row.stance.general() {
            let _ = writeln!(out, "| `{}` | `{}` | `{general}` |", row.endpoint, row.path);
        }
    }
}

fn by_reason(title: &str, rows: &[Row], reason: Reason, out: &mut String) {
    let _ = write!(out, "\n## {title}\n\n| endpoint | fields | because |\n| --- | --- | --- |\n");
    for endpoint in Endpoint::ALL {
        let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.endpoint == endpoint) {
            if let Some(reason) = reason(row.stance) {
                reasons.entry(reason).or_default().push(format!("`{}`", row.path));
            }
        }
        for (reason, fields) in reasons {
            let _ = writeln!(out, "| `{endpoint}` | {} | {reason} |", fields.join(" "));
        }
    }
}

/// The operations beside which any other is refused.
fn known(out: &mut String) {
    out.push_str(
        "\n## Known operations\n\nUnder any rule a request for another operation is refused, unless it is \
         `GET`, `HEAD` or `OPTIONS`; all of Podman's `/libpod` is refused whatever its method. \
         `endpoints.allow` can name what shall pass. Written from what the routers of Docker 20.10 to 29 \
         and of Podman register (`tests/engine-api/routers.txt`).\n\n\
         | operation | Docker | Podman |\n| --- | --- | --- |\n",
    );
    for ((path, method), daemons) in routers::registered() {
        let podman = if daemons.podman { "yes" } else { "" };
        let _ = writeln!(out, "| `{method} {path}` | {} | {podman} |", daemons.docker);
    }
}

fn passing(out: &mut String) {
    out.push_str("\n## Routes that pass as they are\n\n| route | because |\n| --- | --- |\n");
    for (method, row) in routes::known() {
        if let Decision::Passes(reason) | Decision::Streams(reason) = row.decision {
            let _ = writeln!(out, "| `{method} {}` | {reason} |", row.published());
        }
    }
    out.push_str("\n## Routes that are inspected\n\n");
    for (method, row) in routes::known() {
        if let Some(endpoint) = row.decision.endpoint() {
            let _ = writeln!(out, "- `{method} {}`, as `{endpoint}`", row.published());
        }
    }
}

fn misplaced(out: &mut String) {
    out.push_str("\n## Where the published description errs\n\n");
    for (start, reason) in facts::MISPLACED {
        let _ = writeln!(out, "- `{start}` {reason}");
    }
}
