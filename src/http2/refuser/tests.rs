#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use proptest::prelude::*;

use super::*;

const BLOCK_BYTES_MAX: usize = 40_000;

fn refuser() -> CallRefuser {
    CallRefuser::new(Status::PermissionDenied, "no".to_owned(), BLOCK_BYTES_MAX)
}

fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload);
    out
}

/// All that a client of gRPC sends for one call.
fn call(stream: u32) -> Vec<u8> {
    let block = frame(Kind::Headers, END_HEADERS, stream, b"\x83\x86\x44\x01/");
    [block, frame(Kind::Data, END_STREAM, stream, b"\0\0\0\0\0")].concat()
}

fn opening() -> Vec<u8> {
    [&PREFACE[..], &frame(Kind::Settings, 0, 0, &[0, 4, 0, 0, 255, 255])].concat()
}

/// Shows bytes in pieces, as a session does; what came out.
fn talk(refuser: &mut CallRefuser, sent: &[u8], piece: usize) -> Result<Vec<u8>, ConnectionError> {
    let (mut waiting, mut out) = (Vec::new(), Vec::new());
    for bytes in sent.chunks(piece.max(1)) {
        waiting.extend_from_slice(bytes);
        loop {
            match refuser.bytes(&waiting, &mut out)? {
                0 => break,
                taken => drop(waiting.drain(..taken)),
            }
        }
    }
    Ok(out)
}

fn kinds(mut bytes: &[u8]) -> Vec<(Kind, u8, u32)> {
    let mut kinds = Vec::new();
    while let Some(head) = FrameHead::read(bytes) {
        kinds.push((head.kind, head.flags, head.stream));
        bytes = bytes.get(HEAD_BYTES + head.length..).unwrap();
    }
    assert!(bytes.is_empty(), "whole frames are answered");
    kinds
}

#[test]
fn each_call_is_answered_with_the_status_and_the_connection_goes_on() {
    let sent = [opening(), call(1), frame(Kind::Ping, 0, 0, b"12345678"), call(5)].concat();
    for piece in 1..=sent.len() {
        let out = talk(&mut refuser(), &sent, piece).unwrap();
        let answer = |stream| {
            [
                (Kind::Headers, END_HEADERS | END_STREAM, stream),
                (Kind::RstStream, 0, stream),
                (Kind::WindowUpdate, 0, 0),
            ]
        };
        let mut expected = vec![(Kind::Settings, 0, 0), (Kind::Settings, ACK, 0)];
        expected.extend(answer(1));
        expected.push((Kind::Ping, ACK, 0));
        expected.extend(answer(5));
        assert_eq!(kinds(&out), expected, "pieces of {piece}");
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.contains("grpc-status\x017") && text.contains("grpc-message\x02no"), "{text}");
        assert!(text.contains("12345678"));
    }
}

#[test]
fn a_call_that_is_whole_at_once_is_not_reset() {
    let sent = [opening(), frame(Kind::Headers, END_HEADERS | END_STREAM, 1, b"\x83")].concat();
    let out = talk(&mut refuser(), &sent, usize::MAX).unwrap();
    assert_eq!(kinds(&out).last(), Some(&(Kind::Headers, END_HEADERS | END_STREAM, 1)));
}

#[test]
fn a_header_block_may_come_in_several_frames_and_trailers_are_passed_over() {
    let block = [
        frame(Kind::Headers, 0, 1, b"\x83"),
        frame(Kind::Continuation, 0, 1, b""),
        frame(Kind::Continuation, END_HEADERS, 1, b"\x86"),
        frame(Kind::Headers, END_HEADERS | END_STREAM, 1, b"\x83"),
    ];
    let out = talk(&mut refuser(), &[opening(), block.concat()].concat(), 3).unwrap();
    let ends = kinds(&out).iter().filter(|(kind, ..)| *kind == Kind::Headers).count();
    assert_eq!(ends, 1);
}

#[test]
fn what_no_client_may_send_ends_the_connection() {
    let huge = vec![0; PAYLOAD_BYTES_MAX];
    let continuation = |_| frame(Kind::Continuation, 0, 1, b"");
    let floods = |frames: usize| (0..frames).flat_map(continuation).collect::<Vec<_>>();
    let big = [
        frame(Kind::Headers, 0, 1, &huge),
        frame(Kind::Continuation, 0, 1, &huge),
        frame(Kind::Continuation, 0, 1, &huge),
    ];
    for (code, sent) in [
        (ErrorCode::Protocol, b"GET / HTTP/1.1\r\n".to_vec()),
        (ErrorCode::Protocol, [&PREFACE[..23], b"\r"].concat()),
        (ErrorCode::FrameSize, [&opening()[..], &[0, 0x40, 1, 0, 0, 0, 0, 0, 1]].concat()),
        (ErrorCode::FrameSize, [opening(), frame(Kind::Ping, 0, 0, b"1234567")].concat()),
        (ErrorCode::FrameSize, [opening(), frame(Kind::Settings, 0, 0, b"12345")].concat()),
        (ErrorCode::FrameSize, [opening(), frame(Kind::Settings, ACK, 0, b"123456")].concat()),
        (ErrorCode::FrameSize, [opening(), frame(Kind::WindowUpdate, 0, 0, b"")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::Settings, 0, 1, b"")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::Ping, 0, 1, b"12345678")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::Headers, 4, 0, b"")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::Headers, 4, 2, b"")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::Data, 0, 0, b"")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::Data, 0, 1, b"")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::RstStream, 0, 1, b"1234")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::PushPromise, 4, 1, b"1234")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::Continuation, 4, 1, b"")].concat()),
        (ErrorCode::Protocol, [opening(), frame(Kind::Headers, 0, 1, b""), call(3)].concat()),
        (
            ErrorCode::Protocol,
            [opening(), frame(Kind::Headers, 0, 1, b""), frame(Kind::Continuation, 4, 3, b"")]
                .concat(),
        ),
        (
            ErrorCode::EnhanceYourCalm,
            [opening(), frame(Kind::Headers, 0, 1, b""), floods(17)].concat(),
        ),
        (ErrorCode::EnhanceYourCalm, [opening(), big.concat()].concat()),
    ] {
        for piece in [1, 7, usize::MAX] {
            let ended = talk(&mut refuser(), &sent, piece);
            assert_eq!(ended.map_err(|error| error.code), Err(code), "{sent:?}");
        }
        let mut out = Vec::new();
        assert!(refuser().bytes(&sent, &mut out).is_err());
        assert_eq!(kinds(&out).last().unwrap().0, Kind::GoAway);
    }
}

#[test]
fn a_flood_makes_a_bounded_answer_at_a_time() {
    let floods = (0..10_000).map(|call| frame(Kind::Headers, END_HEADERS, 2 * call + 1, b""));
    let sent = [opening(), floods.flatten().collect()].concat();
    let (mut refuser, mut taken) = (refuser(), 0);
    while taken < sent.len() {
        let mut out = Vec::new();
        let count = refuser.bytes(sent.get(taken..).unwrap(), &mut out).unwrap();
        assert!(count > 0 && out.len() < ANSWER_BYTES_MAX + 1024, "{count} {}", out.len());
        taken += count;
    }
}

proptest! {
    /// Whatever is sent, and however it is cut, is answered in the same way, and never at length.
    #[test]
    fn cuts_change_nothing(
        frames in proptest::collection::vec(
            (0..12_u8, any::<u8>(), 0..8_u32, 0..40_usize), 0..20,
        ),
        piece in 1..50_usize,
    ) {
        let mut sent = opening();
        for (kind, flags, stream, length) in frames {
            sent.extend_from_slice(&[0, 0, length as u8, kind, flags]);
            sent.extend_from_slice(&stream.to_be_bytes());
            sent.extend_from_slice(&vec![b'x'; length]);
        }
        let whole = talk(&mut refuser(), &sent, usize::MAX);
        let cut = talk(&mut refuser(), &sent, piece);
        if let Ok(out) = &whole {
            kinds(out);
            prop_assert!(out.len() <= sent.len() * 16);
        }
        prop_assert_eq!(whole, cut);
    }
}
