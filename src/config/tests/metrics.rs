//! The section `metrics`.

use super::{check, settings};

#[test]
fn where_they_are_told() {
    for (text, expected) in [
        ("{listen: '127.0.0.1:9323'}", "127.0.0.1:9323"),
        ("{listen: '[::1]:0'}", "[::1]:0"),
        ("{listen: /run/m.sock}", "the Unix socket /run/m.sock, permissions 0660"),
        ("{listen: 'unix:///m', unix_mode: '0600'}", "the Unix socket /m, permissions 0600"),
    ] {
        let metrics = settings(&format!("metrics: {text}\n")).metrics;
        let address = metrics.map(|metrics| metrics.address.to_string());
        assert_eq!(address.as_deref(), Some(expected), "{text}");
    }
    assert_eq!(settings("metrics:\n").metrics, None);
}

#[test]
fn what_is_wrong_is_said_with_line_and_key() {
    const STRANGERS: &str = ", and would be told what clients do, in the clear: give `metrics.tls`, \
                             or listen on 127.0.0.1 or on a Unix socket";
    let everywhere =
        format!("2: metrics.listen: other hosts can reach port 9323 of every address{STRANGERS}");
    let one = format!("2: metrics.listen: other hosts can reach 10.0.0.1:9323{STRANGERS}");
    check(&[
        ("metrics: {}\n", &["1: metrics: `listen`, where they are told, is missing"]),
        ("metrics:\n  listen: 9323\n", &[&everywhere]),
        ("metrics:\n  listen: ':9323'\n", &[&everywhere]),
        ("metrics:\n  listen: 10.0.0.1:9323\n", &[&one]),
        (
            "metrics:\n  listen: localhost:9323\n",
            &["2: metrics.listen: `localhost:9323` is not one of address:port, a port, /path, \
               unix:///path, such as 127.0.0.1:9323"],
        ),
        ("metrics:\n  listen: unix://m\n", &["2: metrics.listen: path `m` is not absolute"]),
        (
            "metrics:\n  listen: 127.0.0.1:1\n  unix_mode: '0600'\n",
            &["3: metrics.unix_mode: it needs a Unix socket in `listen`"],
        ),
        (
            "metrics:\n  listen: /m\n  unix_mode: rw\n",
            &["3: metrics.unix_mode: `rw` is not permissions in octal, such as 0660"],
        ),
        (
            "metrics:\n  listen: 127.0.0.1:8999\n",
            &["2: metrics.listen: 127.0.0.1:8999 is where clients are awaited"],
        ),
        (
            "listen: {tcp: off, unix: /m}\nmetrics:\n  listen: /m\n",
            &[
                "3: metrics.listen: the Unix socket /m, permissions 0660 is where clients are awaited",
            ],
        ),
        (
            "metrics:\n  listen: /m\n  tls: {plain: allow}\n",
            &[
                "3: metrics.tls.plain: it has no effect: all who come speak TLS here",
                "3: metrics.tls: `certificate` and `key` are missing",
                "3: metrics.tls: it needs a TCP address in `listen`",
            ],
        ),
        (
            "metrics:\n  lisen: /m\n",
            &["2: metrics: unknown key `lisen`, expected one of `listen`, `unix_mode`, `tls`"],
        ),
    ]);
}
