//! Query parameters in rules about endpoints: `POST /containers/*/kill?signal=USR1`.
//!
//! The daemon takes the first of several values, and none for the empty one. Who allows means that very
//! value, said once and in the query alone. Who denies means it however it is said: in any case, in any of
//! several values, as another spelling of the same signal, switch or number, and where nobody can tell what the
//! daemon reads (a form in the body is merged into the query, and comes first).

use super::error::Fault;
use super::pattern::matches;

/// The query parameters that an engine reads anywhere (20.10 to 29: the handlers of the daemon, and its
/// published description). Names are matched to the letter.
const READ: [&str; 104] = [
    "all",
    "author",
    "before",
    "buildargs",
    "buildid",
    "cachefrom",
    "cgroupparent",
    "changes",
    "checkpoint",
    "checkpoint-dir",
    "comment",
    "condition",
    "container",
    "copyUIDGID",
    "cpuperiod",
    "cpuquota",
    "cpusetcpus",
    "cpusetmems",
    "cpushares",
    "detachKeys",
    "details",
    "digests",
    "dir",
    "dockerfile",
    "extrahosts",
    "filter",
    "filters",
    "follow",
    "force",
    "forcerm",
    "format",
    "fromImage",
    "fromSrc",
    "h",
    "id",
    "identity",
    "inputImage",
    "insertDefaults",
    "isolation",
    "keep-storage",
    "labels",
    "limit",
    "link",
    "logs",
    "manifests",
    "max-used-space",
    "memory",
    "memswap",
    "message",
    "min-free-space",
    "name",
    "names",
    "networkmode",
    "noOverwriteDirNonDir",
    "nocache",
    "noprune",
    "one-shot",
    "outputs",
    "path",
    "pause",
    "platform",
    "platforms",
    "ps_args",
    "pull",
    "q",
    "quiet",
    "registryAuthFrom",
    "remote",
    "repo",
    "reserved-space",
    "rm",
    "rollback",
    "rotateManagerToken",
    "rotateManagerUnlockKey",
    "rotateWorkerToken",
    "scope",
    "securityopt",
    "session",
    "shared-size",
    "shmsize",
    "signal",
    "since",
    "size",
    "squash",
    "statement",
    "status",
    "stderr",
    "stdin",
    "stdout",
    "stream",
    "t",
    "tag",
    "tail",
    "target",
    "term",
    "timeout",
    "timestamps",
    "type",
    "ulimits",
    "until",
    "v",
    "verbose",
    "version",
    "w",
];

/// The parameters of a request, as far as rules may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameters<'a> {
    /// These, decoded, in their order.
    Known(&'a [(String, String)]),
    /// A query that can't be read, or a body that may be a form.
    Unclear,
}

/// One parameter that an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    name: String,
    /// The value, in which `*` stands for any characters.
    value: String,
}

/// Reads what stands behind the `?` of an entry: `signal=HUP`, several joined by `&`.
pub(super) fn parse(query: &str) -> Result<Vec<Wanted>, Fault> {
    let is_name = |name: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        !name.is_empty() && name.bytes().all(is_letter)
    };
    let is_value = |value: &str| {
        value.bytes().all(|byte| byte.is_ascii_graphic() && !b"%&#;?".contains(&byte))
    };
    let read = |part: &str| match part.split_once('=') {
        Some((name, value)) if is_name(name) && is_value(value) => {
            Ok(Wanted { name: name.to_owned(), value: value.to_owned() })
        }
        _ => Err(Fault::Parameter),
    };
    query.split('&').map(read).collect()
}

impl Wanted {
    /// Whether an engine reads a parameter of this name.
    pub(super) fn is_read(&self) -> bool {
        READ.contains(&self.name.as_str())
    }

    /// Whether a request says it to the letter, and nothing else of the same name.
    pub(super) fn is_said(&self, parameters: Parameters<'_>) -> bool {
        let Parameters::Known(pairs) = parameters else { return false };
        let mut same = pairs.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&self.name));
        match (same.next(), same.next()) {
            (None, _) => matches(&self.value, ""),
            (Some((name, value)), None) => *name == self.name && matches(&self.value, value),
            (Some(_), Some(_)) => false,
        }
    }

    /// Whether a request may mean it to any reader. `after` is what stands behind the name in its path.
    pub(super) fn could_be_said(&self, parameters: Parameters<'_>, after: &str) -> bool {
        let Parameters::Known(pairs) = parameters else { return true };
        let same = || pairs.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&self.name));
        let is_absent = || same().all(|(_, value)| value.is_empty());
        let is_usual = || self.value.is_empty() || self.is_like(self.usual(after));
        same().any(|(_, value)| self.is_like(value)) || (is_absent() && is_usual())
    }

    /// What the daemon takes where nothing is said.
    fn usual(&self, after: &str) -> &'static str {
        if self.name == "signal" && after.ends_with("/kill") { "KILL" } else { "" }
    }

    fn is_like(&self, value: &str) -> bool {
        let (own, value) = (self.value.to_lowercase(), value.trim().to_lowercase());
        let same = |read: fn(&str) -> Option<i64>| {
            read(&own).is_some_and(|number| read(&value) == Some(number))
        };
        let is_on = || matches!(own.as_str(), "1" | "true" | "yes" | "on");
        let is_off = || matches!(own.as_str(), "" | "0" | "false" | "no" | "none");
        matches(&own, &value)
            || match self.name.as_str() {
                "signal" => same(signal),
                _ => {
                    same(number) || (is_on() && !is_false(&value)) || (is_off() && is_false(&value))
                }
            }
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// What is false to the daemon as a switch, in lower case.
fn is_false(value: &str) -> bool {
    matches!(value, "" | "0" | "no" | "false" | "none")
}

/// The number of a signal by its name or number, in lower case, on the machines that Docker runs on.
fn signal(text: &str) -> Option<i64> {
    const NAMES: [&str; 31] = [
        "hup", "int", "quit", "ill", "trap", "abrt", "bus", "fpe", "kill", "usr1", "segv", "usr2",
        "pipe", "alrm", "term", "stkflt", "chld", "cont", "stop", "tstp", "ttin", "ttou", "urg",
        "xcpu", "xfsz", "vtalrm", "prof", "winch", "io", "pwr", "sys",
    ];
    const REAL_TIME: (i64, i64) = (34, 64);
    if let Some(number) = number(text) {
        return Some(number);
    }
    let name = text.strip_prefix("sig").unwrap_or(text);
    let name = match name {
        "iot" => "abrt",
        "cld" => "chld",
        "poll" => "io",
        "unused" => "sys",
        other => other,
    };
    let counted = |from: &str, sign: i64, base: i64| match name.strip_prefix(from)? {
        "" => Some(base),
        more => Some(base + sign * number(more.trim_start_matches(['+', '-']))?),
    };
    let position = NAMES.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, at)| at);
    position
        .or_else(|| counted("rtmin", 1, REAL_TIME.0))
        .or_else(|| counted("rtmax", -1, REAL_TIME.1))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::super::{EndpointEntry, Operation};
    use super::*;

    fn pairs(query: &str) -> Vec<(String, String)> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn kill(entry: &str, query: &str) -> (bool, bool) {
        let entry = EndpointEntry::parse(&format!("POST /containers/*/kill?{entry}")).unwrap();
        let pairs = pairs(query);
        let asked = Operation::named("POST", "/containers/", "web", "/kill");
        let asked = asked.with(Parameters::Known(&pairs));
        (entry.allows(&asked), entry.denies(&asked))
    }

    #[test]
    fn who_allows_means_the_letter_and_who_denies_whatever_could_be_meant() {
        for (entry, query, allows, denies) in [
            ("signal=USR1", "signal=USR1", true, true),
            ("signal=USR1", "x=1&signal=USR1", true, true),
            ("signal=USR1", "signal=KILL", false, false),
            ("signal=USR1", "", false, false),
            ("signal=USR1", "signal=USR1&signal=KILL", false, true),
            ("signal=USR1", "signal=KILL&signal=USR1", false, true),
            ("signal=USR1", "Signal=USR1", false, true),
            ("signal=USR1", "signal=USR1&Signal=KILL", false, true),
            ("signal=USR1", "signal=SIGUSR1", false, true),
            ("signal=USR1", "signal=sigusr1", false, true),
            ("signal=USR1", "signal=10", false, true),
            ("signal=USR1", "signal=%2B010", false, false),
            ("signal=USR1", "signal=+010", false, true),
            ("signal=9", "signal=KILL", false, true),
            ("signal=KILL", "", false, true),
            ("signal=KILL", "signal=", false, true),
            ("signal=SIGIOT", "signal=ABRT", false, true),
            ("signal=RTMIN", "signal=34", false, true),
            ("signal=RTMIN+1", "signal=rtmin+01", false, true),
            ("signal=RTMAX-1", "signal=63", false, true),
            ("signal=USR*", "signal=USR2", true, true),
            ("signal=*", "", true, true),
            ("signal=", "", true, true),
            ("signal=HUP&t=1", "signal=HUP", false, false),
            ("signal=HUP&t=1", "t=1&signal=HUP", true, true),
            ("force=1", "force=true", false, true),
            ("force=true", "force=x", false, true),
            ("force=1", "force=0", false, false),
            ("force=0", "", false, true),
            ("force=0", "force=false", false, true),
            ("t=10", "t=010", false, true),
        ] {
            assert_eq!(kill(entry, query), (allows, denies), "{entry}: {query}");
        }
    }

    #[test]
    fn what_nobody_can_read_is_denied_and_not_allowed() {
        let entry = EndpointEntry::parse("POST /containers/*/kill?signal=HUP").unwrap();
        let asked = Operation::named("POST", "/containers/", "web", "/kill");
        let asked = asked.with(Parameters::Unclear);
        assert!(!entry.allows(&asked) && entry.denies(&asked));
        let other = Operation::named("POST", "/containers/", "web", "/stop");
        assert!(!entry.denies(&other.with(Parameters::Unclear)));
    }

    #[test]
    fn entries_that_mean_nothing_are_refused() {
        for query in [
            "",
            "signal",
            "=x",
            "signal=a&",
            "si%67nal=x",
            "signal=%41",
            "a b=c",
            "a=b;c=d",
            "a=b?c",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
    }
}
