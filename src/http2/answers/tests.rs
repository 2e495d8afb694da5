#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test should say where")]

use proptest::prelude::*;

use super::super::frame::END_HEADERS;
use super::super::hpack::Decoder;
use super::super::literal::write_field;
use super::*;

const LIMITS: Limits =
    Limits { block_bytes_max: 64 << 10, message_bytes_max: 30_000, kept_bytes_max: 60_000 };

fn frame_of(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload);
    out
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    fields.iter().for_each(|(name, value)| {
        write_field(&mut block, name.as_bytes(), value.as_bytes());
    });
    block
}

fn call(stream: u32, path: &str) -> Vec<u8> {
    frame_of(Kind::Headers, END_HEADERS, stream, &block(&[(":path", path)]))
}

fn message(stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let whole = [&[0][..], &length, content].concat();
    whole.chunks(16_000).flat_map(|piece| frame_of(Kind::Data, 0, stream, piece)).collect()
}

fn end(stream: u32, status: &str) -> Vec<u8> {
    frame_of(Kind::Headers, END_HEADERS | END_STREAM, stream, &block(&[("grpc-status", status)]))
}

struct Talk {
    answers: Answers,
    caller: Vec<u8>,
    answerer: Vec<u8>,
    piece: usize,
    left: [Vec<u8>; 2],
}

impl Talk {
    fn new(piece: usize) -> Self {
        let is_looked_at = |fields: &[Field]| fields.iter().any(|field| field.value == b"/looked");
        let answers = Answers::new(is_looked_at, LIMITS);
        Self { answers, caller: Vec::new(), answerer: Vec::new(), piece, left: Default::default() }
    }

    /// Called once on each of the streams 1 (looked at) and 3 (not), and begun to be answered.
    fn begun(piece: usize) -> Self {
        let mut talk = Self::new(piece);
        let calls = [PREFACE.to_vec(), call(1, "/looked"), call(3, "/other")].concat();
        talk.caller_says(&calls).unwrap();
        assert_eq!(talk.answerer, calls, "calls pass as they are");
        let heads = [1, 3].map(|stream| {
            frame_of(Kind::Headers, END_HEADERS, stream, &block(&[(":status", "200")]))
        });
        talk.answerer_says(&heads.concat()).unwrap();
        talk.answerer.clear();
        talk.caller.clear();
        talk
    }

    fn caller_says(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.say(bytes, 0)
    }

    fn answerer_says(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.say(bytes, 1)
    }

    fn say(&mut self, bytes: &[u8], side: usize) -> Result<(), ConnectionError> {
        for piece in bytes.chunks(self.piece).chain([&[][..]]) {
            self.left[side].extend_from_slice(piece);
            let out = &mut Outputs { caller: &mut self.caller, answerer: &mut self.answerer };
            let taken = match side {
                0 => self.answers.caller_bytes(&self.left[0], out)?,
                _ => self.answers.answerer_bytes(&self.left[1], out)?,
            };
            self.left[side].drain(..taken);
        }
        Ok(())
    }

    fn pass(&mut self, stream: u32, instead: Option<&[u8]>) {
        let out = &mut Outputs { caller: &mut self.caller, answerer: &mut self.answerer };
        self.answers.pass(stream, instead, out);
    }

    fn refuse(&mut self, stream: u32) {
        let out = &mut Outputs { caller: &mut self.caller, answerer: &mut self.answerer };
        self.answers.refuse(stream, Status::PermissionDenied, "no", out);
    }
}

#[test]
fn a_message_goes_on_once_it_was_passed_and_others_do_not_wait() {
    for piece in [1, 13, 100_000] {
        let mut talk = Talk::begun(piece);
        talk.answerer_says(&message(1, b"abc")).unwrap();
        assert_eq!(talk.caller, b"");
        let shown = Event::Message { stream: 1, message: b"abc".to_vec() };
        assert_eq!(talk.answers.next_event(), Some(shown));
        talk.answerer_says(&[message(1, b"def"), end(1, "0"), message(3, b"x")].concat()).unwrap();
        assert_eq!(
            talk.caller,
            message(3, b"x"),
            "of the first nothing goes on, and nothing is shown"
        );
        assert_eq!(talk.answers.next_event(), None);
        talk.pass(1, Some(b"ABC"));
        let shown = Event::Message { stream: 1, message: b"def".to_vec() };
        assert_eq!(talk.answers.next_event(), Some(shown));
        // What is not as long is not what windows were counted for.
        talk.pass(1, Some(b"too long"));
        assert_eq!(talk.answers.next_event(), Some(Event::Ended { stream: 1, failed: false }));
        talk.pass(1, None);
        assert_eq!(
            talk.caller,
            [message(3, b"x"), message(1, b"ABC"), message(1, b"def"), end(1, "0")].concat()
        );
        assert!(!talk.answers.is_open(1) && talk.answers.is_open(3));
    }
}

#[test]
fn a_refused_answer_ends_for_both_and_what_follows_is_credited() {
    let mut talk = Talk::begun(7);
    talk.answerer_says(&message(1, b"abc")).unwrap();
    assert!(talk.answers.next_event().is_some());
    talk.refuse(1);
    let mut trailers = Vec::new();
    grpc::write_trailers(&mut trailers, 1, Status::PermissionDenied, "no");
    let mut reset = Vec::new();
    frame::write_reset(&mut reset, 1, ErrorCode::Cancel);
    assert_eq!((&talk.caller, &talk.answerer), (&trailers, &reset));
    talk.answerer.clear();
    talk.answerer_says(&[message(1, b"late"), end(1, "0")].concat()).unwrap();
    let mut credit = Vec::new();
    frame::write_credit(&mut credit, 0, 9);
    assert_eq!((&talk.caller, &talk.answerer), (&trailers, &credit));
    // The caller may not have heard of it.
    talk.answerer.clear();
    talk.caller_says(&[message(1, b"x"), message(3, b"y")].concat()).unwrap();
    assert_eq!(talk.answerer, message(3, b"y"));
}

#[test]
fn what_cannot_be_looked_at_is_said_to_be_so() {
    let compressed = frame_of(Kind::Data, 0, 1, b"\x01\0\0\0\x01x");
    for (sent, reason) in [
        (compressed, "it is compressed"),
        (message(1, &[0; 30_001]), "one of its messages is too long"),
        (
            [frame_of(Kind::Data, 0, 1, b"\0\0"), end(1, "0")].concat(),
            "it ends in the middle of a message",
        ),
        (
            [frame_of(Kind::Data, 0, 1, b"\0\0\0\0\x09x"), end(1, "0")].concat(),
            "it ends in the middle of a message",
        ),
    ] {
        let mut talk = Talk::begun(1000);
        talk.answerer_says(&sent).unwrap();
        assert_eq!(talk.answers.next_event(), Some(Event::Unreadable { stream: 1, reason }));
        assert_eq!(talk.caller, b"");
    }
    for (status, is_failure) in
        [("0", false), ("00", false), ("+0", false), ("7", true), ("16", true), ("x", false)]
    {
        let mut talk = Talk::begun(1000);
        talk.answerer_says(&end(1, status)).unwrap();
        assert_eq!(talk.answers.next_event(), Some(Event::Ended { stream: 1, failed: is_failure }));
    }
}

#[test]
fn what_no_answerer_may_send_ends_the_connection() {
    let empty: Vec<u8> = (0..2000).flat_map(|_| frame_of(Kind::Data, 0, 1, b"")).collect();
    let begun = frame_of(Kind::Headers, END_HEADERS, 1, &block(&[(":status", "200")]));
    let pieces: Vec<u8> = (0..20).flat_map(|_| frame_of(Kind::Continuation, 0, 1, b"")).collect();
    for (code, sent) in [
        (ErrorCode::EnhanceYourCalm, empty),
        (ErrorCode::EnhanceYourCalm, [frame_of(Kind::Headers, 0, 1, b""), pieces].concat()),
        (ErrorCode::Protocol, begun),
        (ErrorCode::Protocol, frame_of(Kind::Data, END_STREAM, 1, b"x")),
        (ErrorCode::Protocol, frame_of(Kind::Data, PADDED, 1, b"\0x")),
        (ErrorCode::Protocol, frame_of(Kind::Data, 0, 5, b"x")),
        (ErrorCode::Protocol, end(5, "0")),
        (ErrorCode::Protocol, frame_of(Kind::PushPromise, 0, 1, &[0; 4])),
        (ErrorCode::Protocol, [frame_of(Kind::Headers, 0, 1, b""), message(3, b"")].concat()),
        (ErrorCode::Compression, frame_of(Kind::Headers, END_HEADERS, 1, &[0xbe])),
        (ErrorCode::FrameSize, vec![0, 0x40, 1, 0, 0, 0, 0, 0, 1]),
    ] {
        let mut talk = Talk::begun(61);
        let ended = talk.answerer_says(&sent).map_err(|error| error.code);
        assert_eq!(ended, Err(code), "{:?}", sent.get(..sent.len().min(40)));
    }
    // An answer that goes on and on while nothing of it is decided.
    let mut talk = Talk::begun(100_000);
    let flood: Vec<u8> = (0..8).flat_map(|_| frame_of(Kind::Data, 0, 1, &[0; 16_000])).collect();
    talk.answerer_says(&message(1, b"abc")).unwrap();
    assert!(talk.answers.next_event().is_some());
    assert_eq!(
        talk.answerer_says(&flood).map_err(|error| error.code),
        Err(ErrorCode::EnhanceYourCalm)
    );
}

#[test]
fn tables_and_frames_are_no_larger_than_what_is_read_here() {
    let settings = |all: &[(u16, u32)]| -> Vec<u8> {
        let bytes = all
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat());
        frame_of(Kind::Settings, 0, 0, &bytes.collect::<Vec<_>>())
    };
    let sent = settings(&[(1, 1 << 20), (5, 1 << 20), (4, 1 << 20), (9, 9)]);
    let bounded = settings(&[(1, 4096), (5, 16_384), (4, 1 << 20), (9, 9)]);
    let mut talk = Talk::begun(5);
    talk.answerer_says(&sent).unwrap();
    talk.caller_says(&sent).unwrap();
    assert_eq!((talk.caller, talk.answerer), (bounded.clone(), bounded));
}

/// Answers by a table of their own reach the caller without it, so that some may be left out.
#[test]
fn heads_of_answers_are_written_anew() {
    let mut encoder = loona_hpack::Encoder::default();
    let mut talk = Talk::new(9);
    let calls = [PREFACE.to_vec(), call(1, "/other"), call(3, "/other")].concat();
    talk.caller_says(&calls).unwrap();
    for stream in [1, 3] {
        let fields = [(&b":status"[..], &b"200"[..]), (b"content-type", b"application/grpc")];
        let head = frame_of(Kind::Headers, END_HEADERS, stream, &encoder.encode(fields));
        talk.caller.clear();
        talk.answerer_says(&head).unwrap();
        let (_, written) = talk.caller.split_at(HEAD_BYTES);
        let fields = Decoder::default().decode(written, 1000).unwrap();
        assert_eq!(fields.len(), 2, "without what stands in a table");
    }
}

proptest! {
    /// Whatever both say, nothing panics, and of an answer that is looked at nothing goes on by itself.
    #[test]
    fn garbage_is_survived_and_nothing_passes_by_itself(
        said in proptest::collection::vec(
            (any::<bool>(), 0..11_u8, any::<u8>(), 0..6_u32, proptest::collection::vec(any::<u8>(), 0..40)),
            0..40,
        ),
        piece in 1..60_usize,
    ) {
        let mut talk = Talk::begun(piece);
        for (is_caller, kind, flags, stream, payload) in said {
            let mut bytes = vec![0, 0, u8::try_from(payload.len()).unwrap(), kind, flags];
            bytes.extend_from_slice(&stream.to_be_bytes());
            bytes.extend_from_slice(&payload);
            if talk.say(&bytes, usize::from(!is_caller)).is_err() {
                break;
            }
        }
        let mut rest = &talk.caller[..];
        while let Some(head) = FrameHead::read(rest) {
            let is_content = matches!(head.kind, Kind::Data | Kind::Headers);
            prop_assert!(!(head.stream == 1 && is_content), "{head:?}");
            rest = rest.get(HEAD_BYTES + head.length..).unwrap_or_default();
        }
    }
}
