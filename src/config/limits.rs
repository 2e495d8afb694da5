//! The section `limits`: the bounds of everything that a client can make grow.

use super::checker::Checker;
use super::error::At;
use super::schema::{self, Text};
use super::settings::Limits;
use super::units;

/// Reads the section.
pub(super) fn limits(checker: &mut Checker<'_>, section: Option<&schema::Limits>) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = section else {
        return limits;
    };
    let sizes = [
        ("head", &section.head, &mut limits.head_bytes),
        ("body", &section.body, &mut limits.body_bytes),
        ("bodies", &section.bodies, &mut limits.bodies_bytes),
        ("buffer", &section.buffer, &mut limits.buffer_bytes),
    ];
    let counts = [
        ("connections", &section.connections, &mut limits.connections),
        (
            "connections_per_client",
            &section.connections_per_client,
            &mut limits.connections_per_client,
        ),
    ];
    let times = [
        ("handshake_time", &section.handshake_time, &mut limits.handshake_time),
        ("head_time", &section.head_time, &mut limits.head_time),
        ("body_time", &section.body_time, &mut limits.body_time),
        ("body_idle_time", &section.body_idle_time, &mut limits.body_idle_time),
        ("connect_time", &section.connect_time, &mut limits.connect_time),
        ("linger_time", &section.linger_time, &mut limits.linger_time),
        ("shutdown_time", &section.shutdown_time, &mut limits.shutdown_time),
    ];
    let rates = [("body_rate", &section.body_rate, &mut limits.body_rate)];
    replace(checker, sizes, units::parse_size);
    replace(checker, rates, units::parse_rate);
    replace(checker, counts, units::parse_count);
    replace(checker, times, units::parse_time);
    let at = At::key("limits", "drain_time");
    limits.drain_time = checker.optional(at, section.drain_time.as_ref(), units::parse_time);
    compare(checker, &limits);
    limits
}

/// Puts the values that the file has in place of the defaults.
fn replace<T, const N: usize>(
    checker: &mut Checker<'_>,
    limits: [(&'static str, &Option<Text>, &mut T); N],
    read: impl Fn(&str) -> Result<T, units::UnitError>,
) {
    for (key, text, value) in limits {
        if let Some(read) = checker.optional(At::key("limits", key), text.as_ref(), &read) {
            *value = read;
        }
    }
}

/// Limits that make no sense beside each other.
fn compare(checker: &mut Checker<'_>, limits: &Limits) {
    const HEAD_BYTES_MIN: usize = 1024;
    const BUFFER_BYTES_MIN: usize = 4096;
    let at = |key| At::key("limits", key);
    if limits.head_bytes < HEAD_BYTES_MIN {
        checker.refuse(at("head"), &"must be at least 1k: clients send that much");
    }
    if limits.buffer_bytes < BUFFER_BYTES_MIN {
        checker.refuse(at("buffer"), &"must be at least 4k, or data hardly moves");
    }
    if limits.body_bytes > limits.bodies_bytes {
        checker.refuse(at("body"), &"larger than `bodies`, the limit of all bodies together");
    }
}
