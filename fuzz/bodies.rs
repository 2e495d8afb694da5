//! What fuzzers run, each on any bytes: nothing panics, what is promised holds. `tests/fuzzed.rs` runs the same
//! on bytes that are made up and on those in `corpus`, with any compiler.
#![allow(dead_code, reason = "each target runs one of them")]

use secdocker::effects::ServedBuild;
use secdocker::effects::buildkit::file_sync::{FileSync, Packet};
use secdocker::effects::buildkit::{self, Solve};
use secdocker::http::{framing, head, target};
use secdocker::http2::answers::{self, Answers, Event};
use secdocker::http2::grpc::Status;
use secdocker::http2::hpack::Decoder;
use secdocker::http2::mediator::{Call, Handling, Limits, Mediator, Outputs};
use secdocker::http2::refuser::CallRefuser;

const LIMITS: Limits =
    Limits { block_bytes_max: 4096, message_bytes_max: 1000, held_bytes_max: 2000 };

fn handling(path: &str) -> Handling {
    match path.as_bytes().first() {
        Some(b'/') if path.ends_with("Solve") => Handling::Hold,
        Some(b'/') if path.ends_with("Status") => Handling::Pass,
        _ => Handling::Refuse,
    }
}

/// Bytes of a client and of a server in turns: the first byte of each turn says whose they are and how many.
/// Held calls are released or refused by turns.
pub(crate) fn mediator(input: &[u8]) {
    let mut mediator = Mediator::new(handling, LIMITS);
    let mut refuser = CallRefuser::new(Status::PermissionDenied, "no".to_owned(), 4096);
    let (mut client, mut server) = (Vec::new(), Vec::new());
    let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
    let (mut rest, mut calls) = (input, 0_u32);
    while let Some((&turn, behind)) = rest.split_first() {
        let (piece, behind) = behind.split_at(behind.len().min(usize::from(turn >> 1)));
        rest = behind;
        if turn & 1 == 0 { &mut from_client } else { &mut from_server }.extend_from_slice(piece);
        if turn & 1 == 0 {
            let answered = client.len();
            if refuser.bytes(piece, &mut client).is_err() {
                refuser = CallRefuser::new(Status::PermissionDenied, "no".to_owned(), 4096);
            }
            client.truncate(answered);
        }
        loop {
            let mut out = Outputs { client: &mut client, server: &mut server };
            let Ok(of_server) = mediator.server_bytes(&from_server, &mut out) else { return };
            from_server.drain(..of_server);
            let Ok(of_client) = mediator.client_bytes(&from_client, &mut out) else { return };
            from_client.drain(..of_client);
            assert!(mediator.held_bytes() <= 4 * LIMITS.held_bytes_max + 1024 * 256, "held");
            let call = mediator.next_call();
            if call.is_none() && (of_client, of_server) == (0, 0) {
                break;
            }
            calls += u32::from(call.is_some());
            match call {
                Some(Call::Whole { stream, message, .. }) if calls % 2 == 0 => {
                    mediator.release(stream, &message, &mut out);
                }
                Some(Call::Whole { stream, .. } | Call::Unwanted { stream, .. }) => {
                    mediator.refuse(stream, Status::PermissionDenied, "no", &mut out);
                }
                None => {}
            }
        }
    }
}

/// Bytes of a caller and of whoever answers in turns, likewise. What is looked at passes, waits or is refused by turns.
pub(crate) fn answers(input: &[u8]) {
    let limits =
        answers::Limits { block_bytes_max: 4096, message_bytes_max: 1000, kept_bytes_max: 20_000 };
    let is_looked_at = |fields: &[secdocker::http2::hpack::Field]| {
        fields.iter().any(|field| field.value.ends_with(b"DiffCopy"))
    };
    let mut both = Answers::new(is_looked_at, limits);
    let (mut caller, mut answerer) = (Vec::new(), Vec::new());
    let (mut from_caller, mut from_answerer) = (Vec::new(), Vec::new());
    let (mut rest, mut events) = (input, 0_u32);
    let build = served();
    let mut files = FileSync::new(&build, [1, 2, 3], 1000);
    while let Some((&turn, behind)) = rest.split_first() {
        let (piece, behind) = behind.split_at(behind.len().min(usize::from(turn >> 1)));
        rest = behind;
        if turn & 1 == 0 { &mut from_caller } else { &mut from_answerer }.extend_from_slice(piece);
        loop {
            let mut out = answers::Outputs { caller: &mut caller, answerer: &mut answerer };
            let Ok(of_caller) = both.caller_bytes(&from_caller, &mut out) else { return };
            from_caller.drain(..of_caller);
            let Ok(of_answerer) = both.answerer_bytes(&from_answerer, &mut out) else { return };
            from_answerer.drain(..of_answerer);
            assert!(both.kept_bytes() <= 256 * 20_000, "kept");
            let Some(event) = both.next_event() else {
                if (of_caller, of_answerer) == (0, 0) {
                    break;
                }
                continue;
            };
            events += 1;
            match event {
                Event::Message { stream, message } => match files.message(&message) {
                    Packet::Pass => both.pass(stream, None, &mut out),
                    Packet::PassAs(instead) => {
                        assert_eq!(instead.len(), message.len(), "no window is overrun");
                        both.pass(stream, Some(&instead), &mut out);
                    }
                    Packet::Judge(_) if events % 2 == 0 => both.pass(stream, None, &mut out),
                    Packet::Judge(_) | Packet::Refuse(_) => {
                        both.refuse(stream, Status::PermissionDenied, "no", &mut out);
                    }
                },
                Event::Ended { stream, .. } if events % 2 == 0 => both.pass(stream, None, &mut out),
                Event::Ended { stream, .. } | Event::Unreadable { stream, .. } => {
                    both.refuse(stream, Status::PermissionDenied, "no", &mut out);
                }
            }
        }
    }
}

fn served() -> ServedBuild {
    let mut build = ServedBuild::default();
    build.dockerfile.push_str("Dockerfile");
    build
}

/// Packets one after the other, each behind its length; and the whole as a Dockerfile.
pub(crate) fn dockerfile(input: &[u8]) {
    let build = served();
    let mut files = FileSync::new(&build, [1, 2, 3], 1000);
    let mut rest = input;
    while let Some((&length, behind)) = rest.split_first() {
        let (packet, behind) = behind.split_at(behind.len().min(usize::from(length)));
        rest = behind;
        match files.message(packet) {
            Packet::PassAs(instead) => assert_eq!(instead.len(), packet.len()),
            Packet::Judge(content) => assert!(content.len() <= 1000),
            Packet::Refuse(_) => break,
            Packet::Pass => {}
        }
    }
    if let Ok(read) = buildkit::read_dockerfile(&build, input.to_vec()) {
        assert_eq!(read.body().clone().into_message(), input);
    }
}

/// Header blocks one after the other, each behind its length.
pub(crate) fn hpack(input: &[u8]) {
    let (mut decoder, mut rest) = (Decoder::default(), input);
    while let Some((&length, behind)) = rest.split_first() {
        let (block, behind) = behind.split_at(behind.len().min(usize::from(length)));
        rest = behind;
        let Ok(fields) = decoder.decode(block, 4096) else { return };
        let bytes: usize = fields.iter().map(|field| field.name.len() + field.value.len()).sum();
        assert!(bytes <= 4096, "a list keeps to its bound");
    }
}

/// A message of each call that builds.
pub(crate) fn solve(input: &[u8]) {
    for solve in [Solve::Control, Solve::Bridge] {
        if let Ok(read) = buildkit::read(solve, input.to_vec()) {
            assert!(!read.effects().is_empty(), "it builds");
            assert_eq!(read.body().clone().into_message(), input);
        }
    }
}

/// A request's head, its target and its framing.
pub(crate) fn head(input: &[u8]) {
    let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return };
    let mut lines = head::Lines::new();
    let Ok(request) = head::parse_request(&input[..end + 4], &mut lines) else { return };
    let _framing = framing::of_request(&request);
    if let Ok(target) = target::parse(request.target) {
        assert!(target.forwarded().is_ascii(), "what is forwarded is written plainly");
    }
}
