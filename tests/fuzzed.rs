//! What fuzzers run (`fuzz/`), on bytes that are made up here and on those that they began with.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "../fuzz/bodies.rs"]
mod bodies;

use proptest::prelude::*;
use secdocker::http2::frame::{self, END_HEADERS, END_STREAM, Kind, PREFACE};
use secdocker::http2::literal::write_field;

/// Frames that mean something, to begin with: a client's call, in turns of at most 127 bytes.
fn conversation(path: &str, message: &[u8], kinds: &[(u8, u8, u32)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [(":method", "POST"), (":path", path)] {
        write_field(&mut block, name.as_bytes(), value.as_bytes());
    }
    let mut sent = PREFACE.to_vec();
    frame::write(&mut sent, Kind::Settings, 0, 0, &[]);
    frame::write(&mut sent, Kind::Headers, END_HEADERS, 1, &block);
    let length = (message.len() as u32).to_be_bytes();
    frame::write(&mut sent, Kind::Data, END_STREAM, 1, &[&[0][..], &length, message].concat());
    for (kind, flags, stream) in kinds {
        let at = sent.len();
        frame::write(&mut sent, Kind::Data, *flags, *stream, message);
        sent[at + 3] = *kind;
    }
    let turns = sent.chunks(127).map(|piece| [&[(piece.len() as u8) << 1], piece].concat());
    turns.collect::<Vec<_>>().concat()
}

/// A packet of files that are handed over, more or less.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let field =
        |number: u8, value: Vec<u8>| [&[number << 3 | 2, value.len() as u8], &value[..]].concat();
    let name = prop_oneof![Just("Dockerfile"), Just("dockerfile"), Just("Dockerfile.dockerignore")];
    let stat = (name, 0..128_u8, any::<bool>()).prop_map(move |(name, time, is_link)| {
        let mode = if is_link { &b"\x10\xff\x83\x80\x40"[..] } else { b"\x10\xa4\x03" };
        let stat = [&field(1, name.into())[..], mode, &[0x30, 0x80 | time, 0x85, 1]].concat();
        field(2, stat)
    });
    let data = (0..4_u8, proptest::collection::vec(any::<u8>(), 0..20))
        .prop_map(move |(file, data)| [&[8, 2, 0x18, file][..], &field(4, data)].concat());
    let odd = proptest::collection::vec(any::<u8>(), 0..30);
    prop_oneof![stat, data, Just(Vec::new()), Just(vec![8, 3]), Just(vec![8, 4]), odd]
}

proptest! {
    #[test]
    fn nothing_breaks_a_mediator(
        hold in any::<bool>(),
        message in proptest::collection::vec(any::<u8>(), 0..300),
        kinds in proptest::collection::vec((0..12_u8, any::<u8>(), 0..6_u32), 0..20),
        tail in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let path = if hold { "/x/Solve" } else { "/x/Status" };
        bodies::mediator(&[conversation(path, &message, &kinds), tail.clone()].concat());
        bodies::mediator(&tail);
    }

    #[test]
    fn nothing_breaks_what_stands_between_answers(
        path in prop_oneof![Just("/x/DiffCopy"), Just("/x/Check")],
        packets in proptest::collection::vec(packet(), 0..10),
        kinds in proptest::collection::vec((0..12_u8, any::<u8>(), 0..6_u32), 0..20),
        tail in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let called = conversation(path, b"", &[]);
        let mut answer = Vec::new();
        let mut block = Vec::new();
        write_field(&mut block, b":status", b"200");
        frame::write(&mut answer, Kind::Headers, END_HEADERS, 1, &block);
        for packet in &packets {
            let length = (packet.len() as u32).to_be_bytes();
            frame::write(&mut answer, Kind::Data, 0, 1, &[&[0][..], &length, packet].concat());
        }
        for (kind, flags, stream) in kinds {
            let at = answer.len();
            frame::write(&mut answer, Kind::Data, flags, stream, b"grpc");
            answer[at + 3] = kind;
        }
        let turns = answer.chunks(127).map(|piece| [&[(piece.len() as u8) << 1 | 1], piece].concat());
        let answered = turns.collect::<Vec<_>>().concat();
        bodies::answers(&[called, answered, tail.clone()].concat());
        bodies::answers(&tail);
    }

    #[test]
    fn nothing_breaks_the_reader_of_files(
        packets in proptest::collection::vec(packet(), 0..10),
        text in "((FROM|ARG|ENV|USER|COPY|RUN|# syntax|# escape)[ =]?[a-zA-Z$:{}=<\"'`/ -]{0,12}\n){0,12}",
        garbage in any::<Vec<u8>>(),
    ) {
        let behind = packets.iter().map(|packet| [&[packet.len() as u8][..], packet].concat());
        bodies::dockerfile(&behind.collect::<Vec<_>>().concat());
        bodies::dockerfile(text.as_bytes());
        bodies::dockerfile(&garbage);
    }

    #[test]
    fn nothing_breaks_a_decoder(blocks in proptest::collection::vec(any::<u8>(), 0..600)) {
        bodies::hpack(&blocks);
    }

    #[test]
    fn nothing_breaks_the_reader_of_messages(
        fields in proptest::collection::vec((1..20_u8, 0..6_u8, 0..20_u8), 0..30),
        garbage in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        bodies::solve(&garbage);
        let bytes = fields.iter().flat_map(|(number, kind, length)| {
            let value = vec![*length; usize::from(*length)];
            [vec![number << 3 | kind, *length], value].concat()
        });
        bodies::solve(&bytes.collect::<Vec<_>>());
    }

    #[test]
    fn nothing_breaks_the_reader_of_heads(head in "[ -~\r\n\t]{0,200}", garbage in any::<Vec<u8>>()) {
        bodies::head(&[head.as_bytes(), b"\r\n\r\n"].concat());
        bodies::head(&garbage);
        bodies::head(&[b"POST /grpc HTTP/1.1\r\n", head.as_bytes(), b"\r\n\r\n"].concat());
    }
}

/// `fuzz/corpus/TARGET/*`: what fuzzers begin with, and what they once found.
#[test]
fn what_was_found_stays_mended() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
    for target in ["mediator", "hpack", "solve", "head", "answers", "dockerfile"] {
        let files: Vec<_> = std::fs::read_dir(format!("{corpus}/{target}")).unwrap().collect();
        assert!(!files.is_empty(), "{target} has nothing to begin with");
        for file in files {
            let input = std::fs::read(file.unwrap().path()).unwrap();
            match target {
                "mediator" => bodies::mediator(&input),
                "hpack" => bodies::hpack(&input),
                "solve" => bodies::solve(&input),
                "answers" => bodies::answers(&input),
                "dockerfile" => bodies::dockerfile(&input),
                _ => bodies::head(&input),
            }
        }
    }
}
