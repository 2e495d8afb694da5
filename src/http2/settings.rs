//! Settings that pass between two others, within what is read here (RFC 9113 §6.5.2).

use super::frame::{self, Kind, PAYLOAD_BYTES_MAX};
use super::hpack::TABLE_BYTES_MAX;

const HEADER_TABLE_SIZE: u16 = 0x1;
const MAX_FRAME_SIZE: u16 = 0x5;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 0x4;

/// Appends the settings of this payload, but no table and no frames larger than those that are read here.
pub(super) fn write_bounded(out: &mut Vec<u8>, payload: &[u8]) {
    let mut written = Vec::with_capacity(payload.len());
    for (name, value) in read(payload) {
        let value = match name {
            HEADER_TABLE_SIZE => value.min(TABLE_BYTES_MAX as u32),
            MAX_FRAME_SIZE => value.min(PAYLOAD_BYTES_MAX as u32),
            _ => value,
        };
        written.extend_from_slice(&name.to_be_bytes());
        written.extend_from_slice(&value.to_be_bytes());
    }
    frame::write(out, Kind::Settings, 0, 0, &written);
}

/// Each setting and its value.
pub(super) fn read(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    payload.chunks_exact(6).filter_map(|setting| {
        let (name, value) = setting.split_first_chunk::<2>()?;
        Some((u16::from_be_bytes(*name), u32::from_be_bytes(value.try_into().ok()?)))
    })
}
