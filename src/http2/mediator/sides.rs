//! Where either side is in what it sends.

use super::super::blocks::Blocks;

/// Where the client is.
#[derive(Debug, Default)]
pub(super) struct FromClient {
    pub(super) has_begun: bool,
    pub(super) blocks: Blocks,
    /// How many bytes of the server's window the next frame needs.
    pub(super) needs: i64,
    pub(super) empty_frames: u32,
}

impl FromClient {
    /// Whether the server's window has room for the frame that waits, if one does.
    pub(super) fn is_served_by(&self, window: i64) -> bool {
        self.needs <= window.max(0)
    }
}

/// Where the server is.
#[derive(Debug, Default)]
pub(super) struct FromServer {
    /// How much of a payload is still to pass, in bytes.
    pub(super) passing: usize,
    /// The stream whose header block has not ended; 0 if none.
    pub(super) block: u32,
}

impl FromServer {
    /// Whether own frames may be put here.
    pub(super) fn is_in_gap(&self) -> bool {
        self.passing == 0 && self.block == 0
    }
}
