//! Gzip: one member, with its check sum, and nothing behind it. What decompressors disagree on (more
//! members, trailing bytes) is refused.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::unreadable::Unreadable;

const MAGIC: [u8; 3] = [0x1F, 0x8B, 0x08];
const MALFORMED: Unreadable = "its compression is malformed, or it grows too large";

/// Whether the daemon would take this for gzip.
pub(super) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&MAGIC)
}

/// A reader of what was compressed, up to a bound.
pub(super) struct Expanded<'a> {
    decoder: io::Take<GzDecoder<&'a [u8]>>,
}

impl<'a> Expanded<'a> {
    /// Of `body`, which may grow to `bytes_max`.
    pub(super) fn new(body: &'a [u8], bytes_max: u64) -> Result<Self, Unreadable> {
        let decoder = GzDecoder::new(body);
        match decoder.header() {
            Some(_) => Ok(Self { decoder: decoder.take(bytes_max) }),
            None => Err(MALFORMED),
        }
    }

    /// Reads to the end, where the check sum stands.
    pub(super) fn finish(mut self) -> Result<(), Unreadable> {
        io::copy(&mut self.decoder, &mut io::sink()).map_err(|_| MALFORMED)?;
        let is_cut = self.decoder.limit() == 0;
        let mut left = self.decoder.into_inner().into_inner();
        let is_at_end = left.fill_buf().is_ok_and(<[u8]>::is_empty);
        if is_cut || !is_at_end { Err(MALFORMED) } else { Ok(()) }
    }
}

impl Read for Expanded<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(into)
    }
}
