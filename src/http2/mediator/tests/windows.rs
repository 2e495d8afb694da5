//! What may be sent at a time, by whom.

use super::*;

#[test]
fn no_more_is_held_than_may_be() {
    let mut talk = Talk::new(usize::MAX);
    for stream in [1, 3, 5, 7] {
        let part = message(&vec![0; 90_000]);
        let pieces = part.chunks(16_000).take(5);
        let body: Vec<u8> =
            pieces.flat_map(|piece| frame(FrameKind::Data, 0, stream, piece)).collect();
        talk.client(&[begin(HELD, stream), body].concat()).unwrap();
    }
    let held = talk.mediator.held_bytes();
    assert!(held <= LIMITS.held_bytes_max * 2, "{held}");
    assert!(talk.unwanted.iter().any(|(_, fault)| *fault == Some(Fault::TooMuch)), "{held}");
}

#[test]
fn a_released_message_keeps_to_the_windows_of_the_server() {
    let mut talk = Talk::new(usize::MAX);
    talk.server(&settings(&[(4, 20_000)])).unwrap();
    talk.take();
    talk.client(&call(HELD, 1, &[7; 90_000])).unwrap();
    let (client, server) = talk.take();
    assert_eq!(content(&server, 1).len(), 20_000, "the stream's window");
    let credited: u32 = client
        .iter()
        .filter(|frame| frame.kind == FrameKind::WindowUpdate && frame.stream == 0)
        .map(|frame| u32::from_be_bytes(frame.payload[..].try_into().unwrap()))
        .sum();
    assert_eq!(credited, 90_005, "the client was allowed as much again");
    let more =
        |stream: u32, bytes: u32| frame(FrameKind::WindowUpdate, 0, stream, &bytes.to_be_bytes());
    talk.server(&more(1, 100_000)).unwrap();
    let (client, server) = talk.take();
    assert_eq!(content(&server, 1).len(), 65_535 - 20_000, "the connection's window");
    assert_eq!(client, [], "the client needs to know nothing");
    talk.server(&more(0, 60_000)).unwrap();
    let (client, server) = talk.take();
    assert_eq!(content(&server, 1).len(), 90_006 - 65_535);
    assert_eq!(server.last().unwrap().flags, END_STREAM);
    assert_eq!(client, [], "it had that already");
    // All that was sent is allowed again: what is beyond is for the client.
    talk.server(&more(0, 40_000)).unwrap();
    let (client, _) = talk.take();
    assert_eq!(client[0].payload, 9_994_u32.to_be_bytes());
}

#[test]
fn what_passes_waits_for_the_server_where_its_window_was_used_for_what_was_held() {
    let mut talk = Talk::new(usize::MAX);
    talk.server(&settings(&[(4, 1 << 20)])).unwrap();
    talk.client(&call(HELD, 1, &[7; 60_000])).unwrap();
    talk.client(&[begin(PASSED, 3), frame(FrameKind::Data, 0, 3, &[1; 10_000])].concat()).unwrap();
    let (_, server) = talk.take();
    assert_eq!((content(&server, 3).len(), talk.mediator.takes_from_client()), (0, false));
    talk.server(&frame(FrameKind::WindowUpdate, 0, 0, &60_000_u32.to_be_bytes())).unwrap();
    let (_, server) = talk.take();
    assert_eq!((content(&server, 3).len(), talk.mediator.takes_from_client()), (10_000, true));
}

#[test]
fn own_frames_are_put_between_those_of_the_server() {
    let mut talk = Talk::new(usize::MAX);
    talk.client(&begin(PASSED, 1)).unwrap();
    let answer = [
        frame(FrameKind::Headers, 0, 1, b"\x88"),
        frame(FrameKind::Continuation, END_HEADERS, 1, b"\x88\x88"),
        frame(FrameKind::Data, 0, 1, b"0123456789"),
    ]
    .concat();
    for cut in 0..answer.len() {
        let mut talk = Talk::new(usize::MAX);
        talk.client(&begin(PASSED, 1)).unwrap();
        talk.server(&answer[..cut]).unwrap();
        talk.client(&call("/other", 3, b"")).unwrap();
        talk.server(&answer[cut..]).unwrap();
        let (client, _) = talk.take();
        let at =
            client.iter().position(|frame| frame.kind == FrameKind::Headers && frame.stream == 3);
        assert!(at.is_some_and(|at| at != 1), "{cut}: {client:?}");
    }
}

#[test]
fn the_server_cannot_allow_more_than_is_read_here() {
    let mut talk = Talk::new(3);
    talk.server(&settings(&[(1, 65_536), (3, 250), (5, 1 << 20), (4, 99)])).unwrap();
    talk.server(&frame(FrameKind::Settings, ACK, 0, b"")).unwrap();
    let expected = [
        settings(&[(1, 4096), (3, 250), (5, 16_384), (4, 99)]),
        frame(FrameKind::Settings, ACK, 0, b""),
    ];
    assert_eq!(talk.client, expected.concat());
}

#[test]
fn padding_and_priorities_are_left_out() {
    let padded = |bytes: &[u8]| [&[3][..], bytes, &[0; 3]].concat();
    let mut talk = Talk::new(5);
    let head = [&[2][..], &[0, 0, 0, 0, 9], &block(HELD), &[0; 2]].concat();
    talk.client(&frame(FrameKind::Headers, END_HEADERS | PADDED | 0x20, 1, &head)).unwrap();
    let sent = padded(&message(b"solve"));
    talk.client(&frame(FrameKind::Data, END_STREAM | PADDED, 1, &sent)).unwrap();
    let (client, server) = talk.take();
    assert_eq!(server[0].payload, block(HELD));
    assert_eq!(content(&server, 1), message(b"solve+"));
    assert_eq!(client[0].payload, u32::try_from(sent.len()).unwrap().to_be_bytes());
}
