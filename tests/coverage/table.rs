//! The tables of the code, flattened: one row a field or parameter.

use secdocker::docker::Endpoint;
use secdocker::docker::schema::{Kind, Stance, Struct};

/// One field of a body, or one parameter of a query.
pub(crate) struct Row {
    pub(crate) endpoint: Endpoint,
    /// `HostConfig.Mounts[].Source`, `Labels{}`, `?repo`.
    pub(crate) path: String,
    /// As the published description calls it.
    pub(crate) kind: &'static str,
    pub(crate) stance: Stance,
}

impl Row {
    pub(crate) fn name(&self) -> String {
        format!("{}: {}", self.endpoint, self.path)
    }
}

pub(crate) fn all() -> Vec<Row> {
    Endpoint::ALL.into_iter().flat_map(rows).collect()
}

pub(crate) fn rows(endpoint: Endpoint) -> Vec<Row> {
    let mut rows = Vec::new();
    for parameter in endpoint.parameters() {
        let path = format!("?{}", parameter.name);
        rows.push(Row { endpoint, path, kind: "string", stance: parameter.stance });
    }
    if let Some(table) = endpoint.fields() {
        fields(endpoint, table, "", None, &mut rows);
    }
    rows
}

/// A stance on all that a field holds stands for that of each field in it.
fn fields(
    endpoint: Endpoint,
    table: &Struct,
    above: &str,
    covering: Option<Stance>,
    rows: &mut Vec<Row>,
) {
    for field in table.fields() {
        let dot = if above.is_empty() { "" } else { "." };
        let path = format!("{above}{dot}{}", field.name);
        let stance = covering.unwrap_or(field.stance);
        value(endpoint, &field.kind, path, stance, rows);
    }
}

fn value(endpoint: Endpoint, kind: &Kind, path: String, stance: Stance, rows: &mut Vec<Row>) {
    let kind = match kind {
        Kind::List(inner) => return value(endpoint, inner, path + "[]", stance, rows),
        Kind::Map(inner) => return value(endpoint, inner, path + "{}", stance, rows),
        Kind::Struct(table) => {
            if table.fields().is_empty() || !stance.powers().is_empty() {
                let path = path.clone();
                rows.push(Row { endpoint, path, kind: "object", stance });
            }
            return fields(endpoint, table, &path, stance.covers().then_some(stance), rows);
        }
        Kind::Any => "any",
        Kind::Bool => "boolean",
        Kind::Text => "string",
        Kind::Integer(_) => "integer",
        Kind::TextOrList => "string or list",
    };
    rows.push(Row { endpoint, path, kind, stance });
}
