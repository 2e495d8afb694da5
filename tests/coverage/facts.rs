//! What is published of the Engine API, and what its source says beyond that: one fact a line.

use super::table;
use secdocker::docker::routes;

const FILES: [(&str, &str); 4] = [
    ("v1.41", include_str!("../engine-api/v1.41.txt")),
    ("v1.55", include_str!("../engine-api/v1.55.txt")),
    ("source of 20.10", include_str!("../engine-api/source-20.10.txt")),
    ("source of 29.7", include_str!("../engine-api/source-29.7.txt")),
];

/// Fields that the description puts where no daemon reads them, by what their paths begin with, and
/// what the daemons do.
pub(crate) const MISPLACED: [(&str, &str); 8] = [
    ("POST /volumes/create ClusterVolumeSpec.AccessMode.AccessibilityRequirements.", BESIDE),
    ("POST /volumes/create ClusterVolumeSpec.AccessMode.Secrets[]", BESIDE),
    ("POST /volumes/create ClusterVolumeSpec.AccessMode.CapacityRange.", BESIDE),
    ("POST /volumes/create ClusterVolumeSpec.AccessMode.Availability", BESIDE),
    ("POST /containers/{id}/update Init", "is no limit, and read on creation only"),
    ("POST /networks/create IPAM.Config[]{}", "has the fields that v1.55 describes"),
    ("POST /services/create TaskTemplate.PluginSpec.PluginPrivilege[]", "is called `privileges`"),
    (
        "POST /services/{id}/update TaskTemplate.PluginSpec.PluginPrivilege[]",
        "is called `privileges`",
    ),
];
const BESIDE: &str = "is read beside `AccessMode`, not in it";

/// One line of a file.
pub(crate) struct Fact {
    file: &'static str,
    /// `route`, `query` or `body`.
    about: &'static str,
    method: &'static str,
    path: &'static str,
    /// `Field.Inner[]: string`.
    rest: &'static str,
}

pub(crate) fn all() -> Vec<Fact> {
    let lines = FILES.iter().flat_map(|(file, text)| text.lines().map(move |line| (*file, line)));
    lines.filter(|(_, line)| !line.starts_with('#')).map(|(file, line)| read(file, line)).collect()
}

fn read(file: &'static str, line: &'static str) -> Fact {
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    Fact { file, about: word(), method: word(), path: word(), rest: word() }
}

impl Fact {
    /// A published route of which the table has no row.
    pub(crate) fn missing_route(&self) -> Option<String> {
        let is_known = || routes::known().any(|(method, row)| self.is_of(method, row));
        (self.about == "route" && !is_known()).then(|| format!("{} {}", self.method, self.path))
    }

    fn is_of(&self, method: &str, row: &routes::Row) -> bool {
        self.method == method && self.path == row.published()
    }

    /// A path and the name of a parameter that is read there.
    pub(crate) fn parameter(&self) -> Option<(&'static str, &'static str)> {
        let name = self.rest.split(": ").next()?;
        (self.about == "query").then_some((self.path, name))
    }

    /// `POST /containers/create HostConfig.Binds[]`.
    pub(crate) fn body_field(&self) -> Option<String> {
        let name = self.rest.split(": ").next()?;
        (self.about == "body").then(|| format!("{} {} {name}", self.method, self.path))
    }

    /// What is wrong if the tables do not have it. Bodies that pass unread have no table.
    pub(crate) fn missing(&self) -> Option<String> {
        let mut rows = routes::known();
        let (_, row) = rows.find(|(method, row)| self.is_of(method, row))?;
        let endpoint = row.decision.endpoint()?;
        let (name, kind) = self.rest.split_once(": ").unwrap_or_default();
        let is_known = match self.about {
            "query" => endpoint.parameter(name).is_some(),
            "body" if endpoint.fields().is_none() || self.is_misplaced() => true,
            "body" => table::rows(endpoint).iter().any(|row| is_same(row, name, kind)),
            _ => true,
        };
        let Self { file, about, method, path, rest } = self;
        (!is_known).then(|| format!("{about} {method} {path} {rest} ({file})"))
    }

    fn is_misplaced(&self) -> bool {
        let field = self.body_field().unwrap_or_default();
        MISPLACED.iter().any(|(start, _)| field.starts_with(start))
    }
}

/// The daemon matches names in any case. A field that takes a string or a list is published as a
/// list; what is read as it is has any type; of some objects the fields are not published.
fn is_same(row: &table::Row, name: &str, kind: &str) -> bool {
    let is_named = |name: &str| row.path.eq_ignore_ascii_case(name);
    match (row.kind, name.strip_suffix("[]")) {
        ("any", _) => is_named(name),
        ("string or list", Some(list)) => is_named(list) && kind == "string",
        (_, _) if kind == "object" => is_named(name) || row.path.starts_with(&format!("{name}.")),
        (known, _) => is_named(name) && kind == known,
    }
}
