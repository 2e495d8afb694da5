//! Whatever comes, however it is cut.

use proptest::prelude::*;

use super::*;

proptest! {
    /// However bytes are cut and whatever they are, nothing that was not judged reaches the server, frames
    /// stay whole, and windows are kept.
    #[test]
    fn nothing_unjudged_passes_and_no_window_is_overrun(
        calls in proptest::collection::vec((0..3_u8, 0..40_000_usize), 1..6),
        window in 1_000..100_000_u32,
        piece in 100..20_000_usize,
        updates in proptest::collection::vec(1..70_000_u32, 0..40),
        refuses: bool,
    ) {
        let mut talk = Talk::new(piece);
        if refuses {
            talk.verdict = Err("no".to_owned());
        }
        talk.server(&settings(&[(4, window)])).unwrap();
        let mut sent_in_all = 0_i64;
        let mut allowed = 65_535_i64;
        for (number, (kind, length)) in calls.iter().enumerate() {
            let stream = 2 * u32::try_from(number).unwrap() + 1;
            let path = match kind { 0 => PASSED, 1 => HELD, _ => "/other" };
            talk.client(&call(path, stream, &vec![*kind; *length])).unwrap();
        }
        let mut seen: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for update in [&[0][..], &updates].concat() {
            if update > 0 {
                allowed += i64::from(update);
                talk.server(&frame(FrameKind::WindowUpdate, 0, 0, &update.to_be_bytes())).unwrap();
                for stream in [1, 3, 5, 7, 9] {
                    talk.server(&frame(FrameKind::WindowUpdate, 0, stream, &update.to_be_bytes())).unwrap();
                }
            }
            let (_, server) = talk.take();
            for frame in server.iter().filter(|frame| frame.kind == FrameKind::Data) {
                sent_in_all += i64::try_from(frame.payload.len()).unwrap();
                seen.entry(frame.stream).or_default().extend_from_slice(&frame.payload);
            }
            prop_assert!(sent_in_all <= allowed, "{sent_in_all} of {allowed}");
        }
        for (number, (kind, length)) in calls.iter().enumerate() {
            let stream = 2 * u32::try_from(number).unwrap() + 1;
            let got = seen.remove(&stream).unwrap_or_default();
            let text = vec![*kind; *length];
            let whole = match (kind, refuses) {
                (0, _) => message(&text),
                (1, false) => message(&[&text[..], b"+"].concat()),
                _ => Vec::new(),
            };
            prop_assert!(whole.starts_with(&got), "stream {stream} of kind {kind}");
        }
    }

    /// Whatever a client sends, nothing panics, and all that reaches the server are whole frames.
    #[test]
    fn garbage_is_survived(
        sent in proptest::collection::vec((0..11_u8, any::<u8>(), 0..8_u32, proptest::collection::vec(any::<u8>(), 0..40)), 0..30),
        back in proptest::collection::vec((0..11_u8, any::<u8>(), 0..8_u32, proptest::collection::vec(any::<u8>(), 0..40)), 0..30),
        piece in 1..50_usize,
    ) {
        let write = |frames: &[(u8, u8, u32, Vec<u8>)]| {
            let mut out = Vec::new();
            for (kind, flags, stream, payload) in frames {
                out.extend_from_slice(&[0, 0, u8::try_from(payload.len()).unwrap(), *kind, *flags]);
                out.extend_from_slice(&stream.to_be_bytes());
                out.extend_from_slice(payload);
            }
            out
        };
        let mut talk = Talk::new(piece);
        let whole = talk.client(&write(&sent)).is_ok() && talk.server(&write(&back)).is_ok();
        if whole {
            talk.take();
        }
    }
}
