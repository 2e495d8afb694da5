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
    for target in ["mediator", "hpack", "solve", "head"] {
        let files: Vec<_> = std::fs::read_dir(format!("{corpus}/{target}")).unwrap().collect();
        assert!(!files.is_empty(), "{target} has nothing to begin with");
        for file in files {
            let input = std::fs::read(file.unwrap().path()).unwrap();
            match target {
                "mediator" => bodies::mediator(&input),
                "hpack" => bodies::hpack(&input),
                "solve" => bodies::solve(&input),
                _ => bodies::head(&input),
            }
        }
    }
}
