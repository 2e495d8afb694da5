#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test should say where")]

use super::super::frame::{
    ACK, END_HEADERS, END_STREAM, FrameHead, HEAD_BYTES, Kind as FrameKind, PADDED, PREFACE,
};
use super::super::hpack::Field;
use super::super::literal::write_field;
use super::*;

mod random;
mod windows;

const PASSED: &str = "/x.Control/Status";
const HELD: &str = "/x.Control/Solve";
const LIMITS: Limits =
    Limits { block_bytes_max: 65_536, message_bytes_max: 100_000, held_bytes_max: 300_000 };

fn handling(path: &str) -> Handling {
    match path {
        PASSED => Handling::Pass,
        HELD => Handling::Hold,
        _ => Handling::Refuse,
    }
}

fn frame(kind: FrameKind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload);
    out
}

fn block(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [(":method", "POST"), (":path", path), ("te", "trailers")] {
        write_field(&mut block, name.as_bytes(), value.as_bytes());
    }
    block
}

fn begin(path: &str, stream: u32) -> Vec<u8> {
    frame(FrameKind::Headers, END_HEADERS, stream, &block(path))
}

fn message(text: &[u8]) -> Vec<u8> {
    [&[0][..], &u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat()
}

/// The frames of a body, none longer than a frame may be.
fn body(stream: u32, bytes: &[u8]) -> Vec<u8> {
    let pieces: Vec<_> = bytes.chunks(16_384).collect();
    let flags = |at: usize| if at + 1 == pieces.len() { END_STREAM } else { 0 };
    let frames = pieces.iter().enumerate();
    frames.flat_map(|(at, piece)| frame(FrameKind::Data, flags(at), stream, piece)).collect()
}

fn call(path: &str, stream: u32, text: &[u8]) -> Vec<u8> {
    [begin(path, stream), body(stream, &message(text))].concat()
}

fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let pairs = pairs.iter();
    let payload =
        pairs.flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat());
    frame(FrameKind::Settings, 0, 0, &payload.collect::<Vec<_>>())
}

/// A client and a server with a mediator between them, which judges at once.
struct Talk {
    mediator: Mediator,
    piece: usize,
    from_client: Vec<u8>,
    from_server: Vec<u8>,
    client: Vec<u8>,
    server: Vec<u8>,
    /// What is done with whole calls: released with this in front, or refused.
    verdict: Result<Vec<u8>, String>,
    judged: Vec<(u32, String, Vec<u8>)>,
    unwanted: Vec<(String, Option<Fault>)>,
}

impl Talk {
    fn new(piece: usize) -> Self {
        let mut talk = Self {
            mediator: Mediator::new(handling, LIMITS),
            piece,
            from_client: Vec::new(),
            from_server: Vec::new(),
            client: Vec::new(),
            server: Vec::new(),
            verdict: Ok(b"+".to_vec()),
            judged: Vec::new(),
            unwanted: Vec::new(),
        };
        talk.client(PREFACE).unwrap();
        talk
    }

    fn client(&mut self, bytes: &[u8]) -> Result<&mut Self, ConnectionError> {
        for piece in bytes.chunks(self.piece) {
            self.from_client.extend_from_slice(piece);
            self.go_on()?;
        }
        Ok(self)
    }

    fn server(&mut self, bytes: &[u8]) -> Result<&mut Self, ConnectionError> {
        for piece in bytes.chunks(self.piece) {
            self.from_server.extend_from_slice(piece);
            self.go_on()?;
        }
        Ok(self)
    }

    fn go_on(&mut self) -> Result<(), ConnectionError> {
        loop {
            let mut out = Outputs { client: &mut self.client, server: &mut self.server };
            let from_server = self.mediator.server_bytes(&self.from_server, &mut out)?;
            self.from_server.drain(..from_server);
            let from_client = self.mediator.client_bytes(&self.from_client, &mut out)?;
            self.from_client.drain(..from_client);
            let call = self.mediator.next_call();
            match call {
                Some(Call::Whole { stream, path, message }) => {
                    self.judged.push((stream, path, message.clone()));
                    match &self.verdict {
                        Ok(more) => {
                            self.mediator.release(
                                stream,
                                &[&message, &more[..]].concat(),
                                &mut out,
                            );
                        }
                        Err(why) => {
                            self.mediator.refuse(stream, Status::PermissionDenied, why, &mut out);
                        }
                    }
                }
                Some(Call::Unwanted { stream, path, fault }) => {
                    self.unwanted.push((path, fault));
                    self.mediator.refuse(stream, Status::PermissionDenied, "unwanted", &mut out);
                }
                None if from_client + from_server == 0 => return Ok(()),
                None => {}
            }
        }
    }

    fn take(&mut self) -> (Vec<Frame>, Vec<Frame>) {
        let server = std::mem::take(&mut self.server);
        let server = server.strip_prefix(&PREFACE[..]).unwrap_or(&server).to_vec();
        (frames(&std::mem::take(&mut self.client)), frames(&server))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Frame {
    kind: FrameKind,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(FrameHead { length, kind, flags, stream }) = FrameHead::read(bytes) {
        let payload = bytes[HEAD_BYTES..HEAD_BYTES + length].to_vec();
        frames.push(Frame { kind, flags, stream, payload });
        bytes = &bytes[HEAD_BYTES + length..];
    }
    assert!(bytes.is_empty(), "only whole frames are sent");
    frames
}

/// What a stream carried to one side.
fn content(frames: &[Frame], stream: u32) -> Vec<u8> {
    let data = frames.iter().filter(|f| f.kind == FrameKind::Data && f.stream == stream);
    data.flat_map(|frame| frame.payload.clone()).collect()
}

fn kinds(frames: &[Frame]) -> Vec<(FrameKind, u32)> {
    frames.iter().map(|frame| (frame.kind, frame.stream)).collect()
}

#[test]
fn what_may_pass_passes_and_what_is_held_goes_on_when_it_was_judged() {
    for piece in [1, 2, 9, 100, usize::MAX] {
        let mut talk = Talk::new(piece);
        let (passed, held) = (call(PASSED, 1, b"status"), call(HELD, 3, b"solve"));
        talk.client(&[settings(&[]), passed, held].concat()).unwrap();
        let (client, server) = talk.take();
        assert_eq!(talk.judged, [(3, HELD.to_owned(), b"solve".to_vec())]);
        assert_eq!(content(&server, 1), message(b"status"));
        assert_eq!(content(&server, 3), message(b"solve+"));
        let heads = server.iter().filter(|frame| frame.kind == FrameKind::Headers);
        let paths: Vec<_> = heads.map(|head| head.payload.clone()).collect();
        assert_eq!(paths, [block(PASSED), block(HELD)]);
        // The client may send as much again as was held.
        assert_eq!(kinds(&client), [(FrameKind::WindowUpdate, 0), (FrameKind::WindowUpdate, 3)]);
        let answer = frame(FrameKind::Headers, END_HEADERS | END_STREAM, 3, b"\x88");
        talk.server(&answer).unwrap();
        assert_eq!(talk.client, answer);
        assert!(!talk.mediator.is_open(3) && talk.mediator.is_open(1));
    }
}

#[test]
fn a_held_call_that_is_refused_is_reset_at_the_server() {
    for piece in [1, 10, usize::MAX] {
        let mut talk = Talk::new(piece);
        talk.verdict = Err("no".to_owned());
        talk.client(&call(HELD, 1, b"solve")).unwrap();
        let (client, server) = talk.take();
        assert_eq!(kinds(&server), [(FrameKind::Headers, 1), (FrameKind::RstStream, 1)]);
        assert_eq!(server[1].payload, [0, 0, 0, 8]);
        let last = client.last().unwrap();
        assert_eq!((last.kind, last.flags), (FrameKind::Headers, END_HEADERS | END_STREAM));
        assert!(last.payload.windows(14).any(|text| text == b"grpc-message\x02no"[..14].as_ref()));
    }
}

#[test]
fn what_is_not_on_the_list_never_reaches_the_server() {
    let odd = |path: &str| (call(path, 1, b"x"), path.to_owned(), None);
    let twice = [block(HELD), block(PASSED)].concat();
    let get = {
        let mut get = Vec::new();
        write_field(&mut get, b":method", b"GET");
        write_field(&mut get, b":path", HELD.as_bytes());
        get
    };
    let coded = {
        let mut coded = block(HELD);
        write_field(&mut coded, b"grpc-encoding", b"gzip");
        coded
    };
    let head = |block: &[u8]| frame(FrameKind::Headers, END_HEADERS, 1, block);
    for (sent, path, fault) in [
        odd("/x.Control/Sol%76e"),
        odd("/x.Control/Solve?x"),
        odd("//x.Control/Solve"),
        odd("/x.Control/Prune"),
        odd(""),
        (head(&twice), String::new(), Some(Fault::Head)),
        (head(&get), String::new(), Some(Fault::Head)),
        (head(b""), String::new(), Some(Fault::Head)),
        (head(&coded), HELD.to_owned(), Some(Fault::Compressed)),
    ] {
        let mut talk = Talk::new(7);
        talk.client(&sent).unwrap();
        let (client, server) = talk.take();
        assert_eq!(talk.unwanted, [(path, fault)]);
        assert_eq!(server, []);
        assert_eq!(kinds(&client)[..2], [(FrameKind::Headers, 1), (FrameKind::RstStream, 1)]);
    }
}

#[test]
fn a_held_call_holds_exactly_one_plain_message() {
    let data = |bytes: &[u8]| [begin(HELD, 1), body(1, bytes)].concat();
    let two = [message(b"a"), message(b"b")].concat();
    let long = message(&vec![0; LIMITS.message_bytes_max + 1]);
    for (sent, fault) in [
        (data(&two), Fault::Framing),
        (data(&message(b"abc")[..7]), Fault::Framing),
        (data(b"\0\0"), Fault::Framing),
        (data(b"\x01\0\0\0\x01x"), Fault::Compressed),
        (data(&long), Fault::TooLong),
        (frame(FrameKind::Headers, END_HEADERS | END_STREAM, 1, &block(HELD)), Fault::Framing),
        ([begin(HELD, 1), frame(FrameKind::Data, END_STREAM, 1, b"")].concat(), Fault::Framing),
    ] {
        let mut talk = Talk::new(1000);
        talk.client(&sent).unwrap();
        assert_eq!(talk.unwrapped_fault(), fault);
        assert_eq!(talk.judged, []);
        assert_eq!(content(&talk.take().1, 1), b"");
        assert_eq!(talk.mediator.held_bytes(), 0);
    }
}

impl Talk {
    fn unwrapped_fault(&self) -> Fault {
        assert_eq!(self.unwanted.len(), 1, "{:?}", self.unwanted);
        self.unwanted[0].1.unwrap()
    }
}

#[test]
fn a_table_of_the_clients_is_read_and_not_handed_on() {
    let mut encoder = loona_hpack::Encoder::default();
    let mut talk = Talk::new(4);
    for stream in [1, 3, 5] {
        let path = if stream == 3 { "/other" } else { PASSED };
        let fields =
            [(&b":method"[..], &b"POST"[..]), (b":path", path.as_bytes()), (b"te", b"trailers")];
        talk.client(&frame(
            FrameKind::Headers,
            END_HEADERS | END_STREAM,
            stream,
            &encoder.encode(fields),
        ))
        .unwrap();
    }
    let (_, server) = talk.take();
    assert_eq!(kinds(&server), [(FrameKind::Headers, 1), (FrameKind::Headers, 5)]);
    assert!(server.iter().all(|frame| frame.payload == block(PASSED)));
}

#[test]
fn what_no_client_may_send_ends_the_connection() {
    let huge = vec![0; 16_384];
    let open: Vec<u8> = (0..300).flat_map(|call| begin(PASSED, 2 * call + 1)).collect();
    let empty: Vec<u8> = (0..2000).flat_map(|_| frame(FrameKind::Data, 0, 1, b"")).collect();
    let continued = |frames: usize, piece: &[u8]| {
        let more: Vec<u8> =
            (0..frames).flat_map(|_| frame(FrameKind::Continuation, 0, 1, piece)).collect();
        [frame(FrameKind::Headers, 0, 1, b""), more].concat()
    };
    let ended = [call(PASSED, 1, b""), frame(FrameKind::Data, 0, 1, b"x")].concat();
    for (code, sent) in [
        (ErrorCode::EnhanceYourCalm, open),
        (ErrorCode::EnhanceYourCalm, [begin(HELD, 1), empty.clone()].concat()),
        (ErrorCode::EnhanceYourCalm, [begin(PASSED, 1), empty].concat()),
        (ErrorCode::EnhanceYourCalm, continued(17, b"")),
        (ErrorCode::EnhanceYourCalm, continued(8, &huge)),
        (ErrorCode::Compression, frame(FrameKind::Headers, END_HEADERS, 1, &[0x3f, 0xe2, 0x1f])),
        (ErrorCode::Compression, frame(FrameKind::Headers, END_HEADERS, 1, &[0xbe])),
        (ErrorCode::Protocol, [begin(PASSED, 1), begin(PASSED, 1)].concat()),
        (ErrorCode::Protocol, ended),
        (ErrorCode::Protocol, frame(FrameKind::Headers, END_HEADERS | PADDED, 1, b"\x09xxx")),
        (ErrorCode::Protocol, frame(FrameKind::Data, 0, 1, b"x")),
        (ErrorCode::Protocol, [frame(FrameKind::Headers, 0, 1, b""), begin(PASSED, 3)].concat()),
        (ErrorCode::FrameSize, vec![0, 0x40, 1, 0, 0, 0, 0, 0, 1]),
    ] {
        for piece in [61, usize::MAX] {
            let mut talk = Talk::new(piece);
            let ended = talk.client(&sent).map(|_| ()).map_err(|error| error.code);
            assert_eq!(ended, Err(code), "{:?}", &sent[..sent.len().min(40)]);
        }
    }
}

#[test]
fn a_stream_that_is_reset_is_forgotten_on_either_side() {
    for resets_client in [true, false] {
        for path in [PASSED, HELD] {
            let mut talk = Talk::new(11);
            let reset = frame(FrameKind::RstStream, 0, 1, &[0, 0, 0, 8]);
            talk.client(
                &[begin(path, 1), frame(FrameKind::Data, 0, 1, b"\0\0\0\0\x09abc")].concat(),
            )
            .unwrap();
            if resets_client {
                talk.client(&reset).unwrap()
            } else {
                talk.server(&reset).unwrap()
            };
            assert!(!talk.mediator.is_open(1) && talk.mediator.held_bytes() == 0);
            let (client, server) = talk.take();
            let told = if resets_client { &server } else { &client };
            assert_eq!(told.last().unwrap().kind, FrameKind::RstStream);
            // What was on its way is allowed again, and goes nowhere.
            talk.client(&frame(FrameKind::Data, END_STREAM, 1, b"late")).unwrap();
            let (client, server) = talk.take();
            assert_eq!((kinds(&client), server), (vec![(FrameKind::WindowUpdate, 0)], vec![]));
        }
    }
}

/// The fields of a block stand in it as they were.
#[test]
fn a_long_header_block_is_cut_into_frames() {
    let mut long = block(PASSED);
    write_field(&mut long, b"x", &[b'y'; 40_000]);
    let pieces: Vec<_> = long.chunks(16_000).collect();
    let mut sent = frame(FrameKind::Headers, END_STREAM, 1, pieces[0]);
    for (at, piece) in pieces.iter().enumerate().skip(1) {
        let flags = if at + 1 == pieces.len() { END_HEADERS } else { 0 };
        sent.extend(frame(FrameKind::Continuation, flags, 1, piece));
    }
    let mut talk = Talk::new(999);
    talk.client(&sent).unwrap();
    let (_, server) = talk.take();
    assert_eq!(server.len(), 3);
    let whole: Vec<u8> = server.iter().flat_map(|frame| frame.payload.clone()).collect();
    let fields = super::super::hpack::Decoder::default().decode(&whole, 100_000).unwrap();
    assert_eq!(fields.last().unwrap(), &Field { name: b"x".to_vec(), value: vec![b'y'; 40_000] });
    assert_eq!((server[0].flags, server[2].flags), (END_STREAM, END_HEADERS));
}
