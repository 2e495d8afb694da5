//! Header blocks as they are read (RFC 7541): fields, and the table that later blocks refer to.
//!
//! What a block takes in memory is bounded by the size of the table and by that of a list of fields: one
//! byte may stand for a field of 4 KiB.

use std::collections::VecDeque;

use super::huffman;

/// The largest table, in bytes: what a client may use without being asked (RFC 9113 §6.5.2).
pub const TABLE_BYTES_MAX: usize = 4096;

/// What an entry of the table, or of a list, counts beside its name and its value (RFC 7541 §4.1).
const ENTRY_BYTES: usize = 32;

/// A field of a header block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As it was sent; it should be in lower case.
    pub name: Vec<u8>,
    /// As it was sent.
    pub value: Vec<u8>,
}

impl Field {
    /// What it counts in a table or a list, in bytes.
    fn size(&self) -> usize {
        self.name.len() + self.value.len() + ENTRY_BYTES
    }
}

/// A block that can't be read: the table is out of step, and with it the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HpackError {
    /// It ends in the middle, has a number that is too large, or names an entry that is not there.
    Malformed,
    /// Its fields together are longer than they may be.
    TooLong,
}

/// Reads the header blocks of one direction of a connection, one after the other.
#[derive(Debug)]
pub struct Decoder {
    /// The newest entry is the first.
    table: VecDeque<Field>,
    table_bytes: usize,
    /// The size that the peer has chosen, in bytes.
    table_bytes_max: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: VecDeque::new(), table_bytes: 0, table_bytes_max: TABLE_BYTES_MAX }
    }
}

impl Decoder {
    /// Reads a whole block, whose fields together may have `list_bytes_max` bytes.
    ///
    /// # Errors
    /// [`HpackError`], after which no further block can be read.
    pub fn decode(
        &mut self,
        block: &[u8],
        list_bytes_max: usize,
    ) -> Result<Vec<Field>, HpackError> {
        let (mut rest, mut fields, mut bytes) = (block, Vec::new(), 0);
        while let Some(&first) = rest.first() {
            let field = match first {
                0x80.. => self.entry(read_number(&mut rest, 7)?)?,
                0x40.. => {
                    let field = self.literal(&mut rest, 6)?;
                    self.insert(field.clone());
                    field
                }
                // Changes of the table's size stand before any field (RFC 7541 §4.2).
                0x20.. if fields.is_empty() => {
                    self.resize(read_number(&mut rest, 5)?)?;
                    continue;
                }
                0x20.. => return Err(HpackError::Malformed),
                _ => self.literal(&mut rest, 4)?,
            };
            bytes += field.size();
            if bytes > list_bytes_max {
                return Err(HpackError::TooLong);
            }
            fields.push(field);
        }
        // A change of the table's size stands before a field, not alone.
        if fields.is_empty() && !block.is_empty() { Err(HpackError::Malformed) } else { Ok(fields) }
    }

    /// A field whose name is an entry or stands there, and whose value stands there.
    fn literal(&self, rest: &mut &[u8], prefix_bits: u32) -> Result<Field, HpackError> {
        let name = match read_number(rest, prefix_bits)? {
            0 => read_text(rest)?,
            index => self.entry(index)?.name,
        };
        Ok(Field { name, value: read_text(rest)? })
    }

    fn entry(&self, index: usize) -> Result<Field, HpackError> {
        let index = index.checked_sub(1).ok_or(HpackError::Malformed)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok(Field { name: name.as_bytes().to_vec(), value: value.as_bytes().to_vec() });
        }
        self.table.get(index - STATIC.len()).cloned().ok_or(HpackError::Malformed)
    }

    fn insert(&mut self, field: Field) {
        self.table_bytes += field.size();
        self.table.push_front(field);
        self.evict();
    }

    fn resize(&mut self, bytes: usize) -> Result<(), HpackError> {
        if bytes > TABLE_BYTES_MAX {
            return Err(HpackError::Malformed);
        }
        self.table_bytes_max = bytes;
        self.evict();
        Ok(())
    }

    /// Drops the oldest entries until the rest have room; one that is larger than the table empties it.
    fn evict(&mut self) {
        while self.table_bytes > self.table_bytes_max
            && let Some(oldest) = self.table.pop_back()
        {
            self.table_bytes -= oldest.size();
        }
    }
}

/// A number that begins in the last bits of a byte (RFC 7541 §5.1).
fn read_number(rest: &mut &[u8], prefix_bits: u32) -> Result<usize, HpackError> {
    /// Nothing here is longer.
    const NUMBER_MAX: usize = 1 << 24;
    let prefix_max = (1_usize << prefix_bits) - 1;
    let mut number = usize::from(take(rest)?) & prefix_max;
    if number < prefix_max {
        return Ok(number);
    }
    for shift in (0..28).step_by(7) {
        let byte = take(rest)?;
        number += usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return if number <= NUMBER_MAX { Ok(number) } else { Err(HpackError::Malformed) };
        }
    }
    Err(HpackError::Malformed)
}

fn read_text(rest: &mut &[u8]) -> Result<Vec<u8>, HpackError> {
    let is_coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = read_number(rest, 7)?;
    let (text, behind) = rest.split_at_checked(length).ok_or(HpackError::Malformed)?;
    *rest = behind;
    if !is_coded {
        return Ok(text.to_vec());
    }
    let mut decoded = Vec::with_capacity(length * 8 / 5);
    huffman::decode(text, &mut decoded).map_err(|_| HpackError::Malformed)?;
    Ok(decoded)
}

fn take(rest: &mut &[u8]) -> Result<u8, HpackError> {
    let (first, behind) = rest.split_first().ok_or(HpackError::Malformed)?;
    *rest = behind;
    Ok(*first)
}

/// RFC 7541 Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests;
