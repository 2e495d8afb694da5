//! What no client of BuildKit says: it ends that connection and no other, and never reaches the engine.

use crate::buildkit::calls::{Calls, SOLVE, STATUS, block, body, frame};
use crate::buildkit::messages::{runs, text};
use crate::{RULES, is_mediated, under};
use secdocker::http2::frame::{END_HEADERS, END_STREAM, Kind};

const PROBE: &str = "docker-image://docker.io/library/probe:1";

#[test]
fn methods_are_compared_to_the_letter_and_unknown_ones_refused() {
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    for path in [
        "/moby.buildkit.v1.Control/Sol%76e",
        "/moby.buildkit.v1.Control/Solve?x",
        "//moby.buildkit.v1.Control/Solve",
        "/moby.buildkit.v1.Control/Session",
        "/moby.buildkit.v1.frontend.LLBBridge/NewContainer",
        "/moby.buildkit.v1.frontend.LLBBridge/ExecProcess",
        "/x/y",
    ] {
        calls.call(path, &runs(PROBE, &[])).is_refused_for("builds: allow");
    }
}

#[test]
fn a_compressed_message_is_refused() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    let stream = calls.open(SOLVE);
    calls.send(frame(Kind::Data, END_STREAM, stream, b"\x01\0\0\0\x01x"));
    let ended = calls.end_of(stream);
    assert_eq!((ended.status, ended.message.contains("compressed")), (3, true), "{ended:?}");
}

/// A call that was begun first is released last: the engine must not see its stream out of order.
#[test]
fn held_calls_end_in_any_order() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    let first = calls.open(SOLVE);
    let second = calls.open(SOLVE);
    let status = calls.open(STATUS);
    calls.send(body(status, &text(1, "unknown")));
    calls.send(body(second, &runs(PROBE, &[])));
    let ended = calls.end_of(second);
    assert_eq!(ended.status, 0, "{ended:?}");
    calls.send(body(first, &runs(PROBE, &[])));
    let ended = calls.end_of(first);
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[test]
fn a_header_block_may_be_split() {
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    let block = block("/x/y", &[("padding", &"x".repeat(20_000))]);
    let (first, rest) = block.split_at(9_000);
    calls.send(frame(Kind::Headers, END_STREAM, 1, first));
    calls.send(frame(Kind::Continuation, END_HEADERS, 1, rest));
    assert_eq!(calls.end_of(1).status, 7);
}

#[test]
fn floods_end_their_connection_and_no_other() {
    let secdocker = under(RULES);
    let mut other = Calls::begin(&secdocker);
    let many = |count: u32, one: &dyn Fn(u32) -> Vec<u8>| -> Vec<u8> {
        (0..count).flat_map(one).collect()
    };
    let open = frame(Kind::Headers, 0, 1, &[]);
    let opened = frame(Kind::Headers, END_HEADERS, 1, &block(SOLVE, &[]));
    let begin = |call: u32| frame(Kind::Headers, END_HEADERS, 2 * call + 1, &block(STATUS, &[]));
    let mut floods = vec![
        [open.clone(), many(100_000, &|_| frame(Kind::Continuation, 0, 1, &[]))].concat(),
        [open, many(100, &|_| frame(Kind::Continuation, 0, 1, &[0; 16_000]))].concat(),
        frame(Kind::Headers, END_HEADERS, 2, b""),
        vec![0xff; 100],
    ];
    if is_mediated() {
        floods.push([opened, many(100_000, &|_| frame(Kind::Data, 0, 1, &[]))].concat());
        floods.push(many(300, &begin));
        floods.push(frame(Kind::Headers, END_HEADERS, 1, &[0x3f, 0xe2, 0x1f]));
    }
    for flood in floods {
        let mut calls = Calls::begin(&secdocker);
        // It may have been closed before all of it was sent.
        drop(calls.try_send(&flood));
        assert!(calls.is_closed(), "{:?}", &flood[..flood.len().min(30)]);
        assert_eq!(other.call("/x/y", b"").status, 7);
    }
}

#[test]
fn streams_that_are_opened_and_reset_at_once_pile_up_nowhere() {
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    for call in 0..2_000_u32 {
        let stream = 2 * call + 1;
        let opened = frame(Kind::Headers, END_HEADERS, stream, &block("/x/y", &[]));
        let reset = frame(Kind::RstStream, 0, stream, &[0, 0, 0, 8]);
        if calls.try_send([opened, reset].concat()).is_err() {
            break;
        }
    }
    assert_eq!(Calls::begin(&secdocker).call("/x/y", b"").status, 7);
}

#[test]
fn a_coding_is_refused_whatever_the_message_is() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    let coded = block(SOLVE, &[("grpc-encoding", "gzip")]);
    calls.send(frame(Kind::Headers, END_HEADERS, 1, &coded));
    calls.send(body(1, &runs(PROBE, &[])));
    let ended = calls.end_of(1);
    assert_eq!((ended.status, ended.message.contains("compressed")), (3, true), "{ended:?}");
}

/// The window is the engine's, and so is the answer; nobody else notices.
#[test]
fn windows_that_overflow_end_their_connection_and_no_other() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let mut other = Calls::begin(&secdocker);
    let most = 0x7fff_ffff_u32.to_be_bytes();
    let window = [0, 4, 0xff, 0xff, 0xff, 0xff];
    for flood in [
        [frame(Kind::WindowUpdate, 0, 0, &most), frame(Kind::WindowUpdate, 0, 0, &most)].concat(),
        frame(Kind::WindowUpdate, 0, 0, &[0; 4]),
        frame(Kind::WindowUpdate, 0, 0, &[0; 3]),
        frame(Kind::Settings, 0, 0, &window),
        frame(Kind::Settings, 0, 0, &[0; 5]),
        frame(Kind::Settings, 0, 1, &[]),
        frame(Kind::Ping, 0, 0, &[0; 7]),
        frame(Kind::PushPromise, END_HEADERS, 1, &[0; 4]),
    ] {
        let mut calls = Calls::begin(&secdocker);
        drop(calls.try_send(&flood));
        drop(calls.try_send(frame(Kind::Headers, END_HEADERS, 2, b"")));
        assert!(calls.is_closed(), "{flood:?}");
        let ended = other.call(SOLVE, &runs(PROBE, &[]));
        assert_eq!(ended.status, 0, "{ended:?}");
    }
}

/// Calls that the engine hears of, too, each reset at once.
#[test]
fn a_storm_of_resets_takes_no_memory_and_no_other_call() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let mut other = Calls::begin(&secdocker);
    assert_eq!(other.call(SOLVE, &runs(PROBE, &[])).status, 0);
    let before = secdocker.resident_kib();
    for path in [STATUS, SOLVE] {
        let mut calls = Calls::begin(&secdocker);
        let block = block(path, &[]);
        for call in 0..10_000_u32 {
            let stream = 2 * call + 1;
            let opened = frame(Kind::Headers, END_HEADERS, stream, &block);
            let reset = frame(Kind::RstStream, 0, stream, &[0, 0, 0, 8]);
            if calls.try_send([opened, reset].concat()).is_err() {
                break;
            }
        }
    }
    assert_eq!(other.call(SOLVE, &runs(PROBE, &[])).status, 0);
    let grown = secdocker.resident_kib().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
}

#[test]
fn a_hundred_builds_at_a_time_take_little_memory() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let mut first = Calls::begin(&secdocker);
    assert_eq!(first.call(SOLVE, &runs(PROBE, &[])).status, 0);
    let before = secdocker.resident_kib();
    let mut builds: Vec<_> = (0..100).map(|_| Calls::begin(&secdocker)).collect();
    let mut open = Vec::new();
    for calls in &mut builds {
        let status = calls.open(STATUS);
        calls.send(body(status, &text(1, "unknown")));
        let held = calls.open(SOLVE);
        // All of it but the last byte.
        let mut begun = body(held, &runs(PROBE, &text(5, &"x".repeat(9_000))));
        let last = begun.split_off(begun.len() - 1);
        calls.send(&begun);
        open.push((held, last));
    }
    assert_eq!(first.call(SOLVE, &runs(PROBE, &[])).status, 0);
    let grown = secdocker.resident_kib().saturating_sub(before);
    assert!(grown < 20 * 1024, "{grown} KiB for 100 builds");
    for (calls, (held, last)) in builds.iter_mut().zip(open) {
        calls.send(last);
        let ended = calls.end_of(held);
        assert!(ended.status == 0 || ended.message.contains("session"), "{ended:?}");
    }
}
