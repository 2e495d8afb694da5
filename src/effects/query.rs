//! The parameters of a request whose meaning is in its query.
//!
//! Where the daemon expects one value it takes the first of several (Go `url.Values.Get`, and
//! `http.Request.FormValue`, which the builder uses), and it takes all where it expects a list. Others
//! might take the last: what the daemon passes over is left out before anything is judged.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::docker::Endpoint;
use crate::effects::collect::{BodyError, name_alone};
use crate::effects::podman;
use crate::http::target::{QueryError, Target, query_pairs};
use crate::policy::effects::{FieldPath, ReadingEffect, RequestedEffect};
use crate::policy::shown::Shown;

/// The parameters of one query, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the query of `target`. Of a parameter that is not a list of this endpoint the first value counts.
    ///
    /// # Errors
    /// [`BodyError::Value`] for a query that Go's `url.ParseQuery` would report an error for.
    pub(super) fn read(target: &Target<'_>, endpoint: Endpoint) -> Result<Self, BodyError> {
        let mut query = Self::default();
        let mut seen = HashSet::new();
        for pair in query_pairs(target.query().unwrap_or_default()) {
            let (name, value) = pair.map_err(unreadable)?;
            if endpoint.parameter(&name).is_some_and(|it| it.is_list) || seen.insert(name.clone()) {
                query.pairs.push((name, value));
            }
        }
        Ok(query)
    }

    /// The value of a parameter; empty where there is none, which is the same to the daemon.
    pub(super) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// All values of a list.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A number as Go `strconv.ParseInt` reads it; what is none is 0, as it is to the daemon.
    pub(super) fn integer(&self, name: &str) -> i64 {
        self.get(name).parse().unwrap_or(0)
    }

    /// Gives a parameter another value, or adds it at the end.
    pub(super) fn set(&mut self, name: &str, value: String) {
        match self.pairs.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((name.to_owned(), value)),
        }
    }

    /// The query in its encoded form, to stand behind a `?`.
    pub(super) fn encoded(&self) -> String {
        let mut encoded = String::new();
        for (name, value) in &self.pairs {
            let separator = if encoded.is_empty() { "" } else { "&" };
            encoded.push_str(separator);
            encode(name, &mut encoded);
            encoded.push('=');
            encode(value, &mut encoded);
        }
        encoded
    }
}

fn unreadable(error: QueryError) -> BodyError {
    BodyError::Value { at: FieldPath::Field("the query"), reason: error.to_string() }
}

/// The request target as the daemon reads it: without the values that it passes over because another
/// one of the same parameter stands before them, and without what clients send and no engine reads. What
/// else no table knows stays as it is. The same target if
/// nothing is left out.
///
/// # Errors
/// [`BodyError::Value`] for a query that Go's `url.ParseQuery` would report an error for: every handler
/// of the daemon refuses it.
pub fn as_read<'a>(endpoint: Endpoint, target: &'a Target<'_>) -> Result<Cow<'a, str>, BodyError> {
    let (path, query) = match target.forwarded().split_once('?') {
        Some((path, query)) if !query.is_empty() => (path, query),
        _ => return Ok(target.forwarded().into()),
    };
    let is_single = |name: &str| endpoint.parameter(name).is_some_and(|it| !it.is_list);
    let is_ignored = |name: &str| {
        endpoint.parameter(name).is_none()
            && (endpoint.ignores(name) || podman::is_another_spelling(endpoint, name))
    };
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    let mut is_whole = true;
    for written in query.split('&') {
        // An empty piece is no parameter, to Go either.
        let counts = match query_pairs(written).next().transpose().map_err(unreadable)? {
            Some((name, _)) if is_ignored(&name) => false,
            Some((name, _)) => !is_single(&name) || seen.insert(name),
            None => true,
        };
        is_whole &= counts;
        if counts {
            kept.push(written);
        }
    }
    match is_whole {
        true => Ok(target.forwarded().into()),
        false => Ok(format!("{path}?{}", kept.join("&")).into()),
    }
}

/// Parameters that are reported; a query may have thousands.
const TOLD_MAX: usize = 8;

/// What stands in the query of a request to `endpoint` that its table does not have.
pub(super) fn unknown(endpoint: Endpoint, target: &Target<'_>) -> Vec<RequestedEffect> {
    let names = query_pairs(target.query().unwrap_or_default()).filter_map(|pair| match pair {
        Ok((name, _)) => endpoint
            .parameter(&name)
            .is_none()
            .then(|| format!("parameter ?{}", Shown(name_alone(&name)))),
        // The daemon refuses the request, or passes over what it can't read.
        Err(_) => Some("a parameter that can't be read".to_owned()),
    });
    let at = || FieldPath::Field("the query");
    names
        .take(TOLD_MAX)
        .map(|what| RequestedEffect { effect: ReadingEffect::Unknown(what).into(), at: at() })
        .collect()
}

/// All but the letters, digits and marks that RFC 3986 §2.3 leaves as they are.
fn encode(text: &str, out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::target;
    use crate::policy::effects::Effect;
    use proptest::prelude::*;

    fn read(query: &str) -> Result<Query, BodyError> {
        let raw = format!("/x?{query}");
        Query::read(&target::parse(&raw).unwrap(), Endpoint::Build)
    }

    #[test]
    fn what_is_not_readable_is_refused() {
        for query in ["a=1;b=2", "a=%zz", "a=%ff", "t=1&a=%", "a=1&a=%"] {
            assert!(read(query).is_err(), "{query}");
            let raw = format!("/x?{query}");
            let target = target::parse(&raw).unwrap();
            assert!(as_read(Endpoint::ContainerCreate, &target).is_err(), "{query}");
        }
        for query in ["", "a=1&A=2", "t=1&t=2", "&&a=%3B"] {
            assert!(read(query).is_ok(), "{query}");
        }
    }

    #[test]
    fn the_first_value_counts_where_the_daemon_reads_one() {
        let query = read("a=1&t=x&a=2&%61=3&t=y&b&b=4").unwrap();
        assert_eq!((query.get("a"), query.get("b")), ("1", ""));
        assert_eq!(query.all("t").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(query.encoded(), "a=1&t=x&t=y&b=");
    }

    #[test]
    fn what_the_daemon_passes_over_is_left_out() {
        for (endpoint, query, left) in [
            (Endpoint::Build, "dockerfile=a&t=1&dockerfile=b&t=2", "dockerfile=a&t=1&t=2"),
            (Endpoint::BuildContext, "remote=&remote=http://x", "remote="),
            (
                Endpoint::Build,
                "extrahosts=a&extrahosts=b&q=1&%71=0",
                "extrahosts=a&extrahosts=b&q=1",
            ),
            (Endpoint::ImageCreate, "fromImage=a&&fromImage=b&changes=A&changes=B", {
                "fromImage=a&&changes=A&changes=B"
            }),
            (Endpoint::ImageTag, "repo=a&repo=b&Repo=c&x=1&x=2", "repo=a&x=1&x=2"),
            (Endpoint::ContainerCreate, "name=a&name=b&platform=c&platform=d", "name=a&platform=c"),
            (Endpoint::ImageRemove, "platforms=a&platforms=b&force=1&force=0", {
                "platforms=a&platforms=b&force=1"
            }),
            (Endpoint::ContainerExec, "a=1&a=2", "a=1&a=2"),
        ] {
            for raw in [format!("/x?{query}"), format!("http://d/x?{query}")] {
                let target = target::parse(&raw).unwrap();
                assert_eq!(as_read(endpoint, &target).unwrap(), format!("/x?{left}"), "{raw}");
            }
        }
        for raw in ["/x", "/x?", "/x?&"] {
            let target = target::parse(raw).unwrap();
            assert_eq!(as_read(Endpoint::Build, &target).unwrap(), raw);
        }
    }

    #[test]
    fn what_clients_send_and_no_engine_reads_is_left_out() {
        for (endpoint, query, left) in [
            (Endpoint::ContainerCreate, "name=a&Image=b&HostConfig=%7B%7D&_query=x", "name=a"),
            (Endpoint::ContainerCreate, "platform=a&New=b", "platform=a&New=b"),
            (Endpoint::ImageTag, "repo=a&force=0", "repo=a"),
            (Endpoint::ImageCreate, "fromImage=a&authconfig=b", "fromImage=a"),
            (Endpoint::ImageRemove, "force=1&noprune=0", "force=1&noprune=0"),
            (Endpoint::NetworkCreate, "Name=a&Driver=b&New=c", "New=c"),
            (Endpoint::VolumeCreate, "Name=a&%44river=b", ""),
            // Podman passes over case.
            (Endpoint::Build, "NetworkMode=host&t=a&%54=b&dockerfile=c&Doc%E2%84%AAerfile=d", {
                "t=a&dockerfile=c"
            }),
            (Endpoint::ImageCreate, "FromImage=evil/x&fromImage=a", "fromImage=a"),
            (Endpoint::ContainerCreate, "Platform=linux/386&NAME=a&name=b", "name=b"),
        ] {
            let raw = format!("/x?{query}");
            let target = target::parse(&raw).unwrap();
            assert_eq!(as_read(endpoint, &target).unwrap(), format!("/x?{left}"), "{query}");
        }
    }

    #[test]
    fn numbers_are_read_as_the_daemon_does() {
        let table = [
            ("5", 5),
            ("-1", -1),
            ("%2B5", 5),
            ("+5", 0),
            ("1g", 0),
            ("", 0),
            ("0x5", 0),
            ("1_0", 0),
        ];
        for (text, expected) in table {
            assert_eq!(read(&format!("n={text}")).unwrap().integer("n"), expected, "{text}");
        }
        assert_eq!(read("n=9223372036854775808").unwrap().integer("n"), 0);
    }

    #[test]
    fn parameters_that_no_table_has_are_told_of() {
        for (endpoint, query, expected) in [
            (Endpoint::ContainerCreate, "name=a&platform=b", &[][..]),
            (Endpoint::ContainerCreate, "Name=a&b", &["parameter ?Name", "parameter ?b"]),
            (Endpoint::ContainerCreate, "DB_PASSWORD%3Dx", &["parameter ?DB_PASSWORD"]),
            (Endpoint::ContainerExec, "a%0a=1", &["parameter ?\"a\\n\""]),
            (Endpoint::ImageTag, "repo=%zz", &["a parameter that can't be read"]),
            (Endpoint::ServiceUpdate, "version=1&rollback=previous", &[]),
        ] {
            let raw = format!("/x?{query}");
            let told = unknown(endpoint, &target::parse(&raw).unwrap());
            let told: Vec<_> = told.into_iter().map(|asked| asked.effect).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|what| Effect::Reading(ReadingEffect::Unknown((*what).to_owned())))
                .collect();
            assert_eq!(told, expected, "{query}");
        }
        let many = format!("/x?{}", "a=1&".repeat(1000));
        let told = unknown(Endpoint::Build, &target::parse(&many).unwrap());
        assert_eq!(told.len(), TOLD_MAX);
    }

    proptest! {
        /// Whatever is left out, the daemon reads the same of what is left: the first of each, and lists.
        #[test]
        fn what_is_left_reads_the_same(
            pairs in prop::collection::vec(("(t|q|remote|x|%74|%71)", "[a-z]{0,2}"), 0..8),
        ) {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let raw = format!("/build?{}", pairs.join("&"));
            let target = target::parse(&raw).unwrap();
            let left = as_read(Endpoint::Build, &target).unwrap().into_owned();
            let left = target::parse(&left).unwrap();
            let values = |target: &Target<'_>, name: &str| -> Vec<String> {
                let pairs = query_pairs(target.query().unwrap()).map(Result::unwrap);
                pairs.filter(|(found, _)| found == name).map(|(_, value)| value).collect()
            };
            for single in ["q", "remote"] {
                let first = values(&target, single).into_iter().take(1).collect::<Vec<_>>();
                prop_assert_eq!(values(&left, single), first);
            }
            for list in ["t", "x"] {
                prop_assert_eq!(values(&left, list), values(&target, list));
            }
            prop_assert_eq!(as_read(Endpoint::Build, &left).unwrap(), left.forwarded());
        }

        #[test]
        fn what_is_written_reads_the_same(pairs in prop::collection::vec(("t", "\\PC{0,12}"), 0..4)) {
            let query = Query { pairs };
            prop_assert_eq!(read(&query.encoded()).unwrap(), query);
        }
    }
}
