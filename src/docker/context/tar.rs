//! Tar as Go's `archive/tar` reads it, where every other reader agrees: POSIX and GNU headers, long
//! names of both kinds. All else (sparse files, odd numbers, the oldest forms with something in the
//! newer fields, names given twice over) is refused.

use std::io::{self, Read};

use super::unreadable::Unreadable;

const BLOCK: usize = 512;
/// The longest path of an entry: a longer one no system opens.
const NAME_BYTES_MAX: usize = 4096;
/// The longest extended header, in bytes.
const EXTENDED_BYTES_MAX: usize = 64 << 10;

const TRUNCATED: Unreadable = "it is not a tar archive, or it is cut short";
const HEADER: Unreadable = "an entry's header is malformed or ambiguous";
const LONG_NAME: Unreadable = "an entry's extended header is malformed or ambiguous";

/// What an entry makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// Symbolic or hard.
    Link,
    /// A device or a pipe.
    Other,
    /// Nothing: a global header, as Git writes one in front.
    Note,
}

/// One entry, without its content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
}

/// Reads entry after entry.
pub(super) struct Archive<R> {
    reader: R,
    /// Bytes of the current entry's content that were not read, and the padding behind them.
    content: usize,
    padding: usize,
}

/// A header that says something of the entry behind it.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    is_posix: bool,
    is_gnu_name: bool,
    is_gnu_link: bool,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, content: 0, padding: 0 }
    }

    /// The next entry; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Unreadable> {
        self.skip()?;
        let mut extended = Extended::default();
        loop {
            let Some(block) = self.header()? else {
                return if extended.says_nothing() { Ok(None) } else { Err(LONG_NAME) };
            };
            let header = Header::read(&block)?;
            self.content = header.size;
            self.padding = header.size.next_multiple_of(BLOCK) - header.size;
            match header.flag {
                b'g' if extended.says_nothing() => {
                    drop(records(&self.extension()?)?);
                    return entry(header.name, Kind::Note).map(Some);
                }
                b'x' => extended.posix(&self.extension()?)?,
                b'L' => extended.gnu_name(self.extension()?)?,
                b'K' if !extended.is_gnu_link => {
                    extended.is_gnu_link = true;
                    drop(self.extension()?);
                }
                _ => {
                    let kind = header.kind()?;
                    return entry(extended.name.unwrap_or(header.name), kind).map(Some);
                }
            }
        }
    }

    /// The whole content of the current entry.
    pub(super) fn content(&mut self, bytes_max: usize) -> Result<Vec<u8>, Unreadable> {
        if self.content > bytes_max {
            return Err("an entry that must be read is too long");
        }
        let mut content = vec![0; self.content];
        self.reader.read_exact(&mut content).map_err(|_| TRUNCATED)?;
        self.content = 0;
        Ok(content)
    }

    fn extension(&mut self) -> Result<Vec<u8>, Unreadable> {
        let content = self.content(EXTENDED_BYTES_MAX)?;
        self.skip()?;
        Ok(content)
    }

    /// Passes over what is left of the current entry.
    pub(super) fn skip(&mut self) -> Result<(), Unreadable> {
        let left = u64::try_from(self.content + self.padding).map_err(|_| TRUNCATED)?;
        let skipped = io::copy(&mut self.reader.by_ref().take(left), &mut io::sink());
        (self.content, self.padding) = (0, 0);
        if skipped.is_ok_and(|skipped| skipped == left) { Ok(()) } else { Err(TRUNCATED) }
    }

    /// The next block, unless it ends the archive: two of zeros, or nothing at all. Behind that only
    /// zeros may follow.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, Unreadable> {
        let Some(block) = self.block()? else { return Ok(None) };
        if block.iter().any(|byte| *byte != 0) {
            return Ok(Some(block));
        }
        while let Some(block) = self.block()? {
            if block.iter().any(|byte| *byte != 0) {
                return Err("something follows its end");
            }
        }
        Ok(None)
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Unreadable> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) | Err(_) => return Err(TRUNCATED),
                Ok(count) => filled += count,
            }
        }
        Ok(Some(block))
    }
}

fn entry(name: Vec<u8>, kind: Kind) -> Result<Entry, Unreadable> {
    if name.len() > NAME_BYTES_MAX || kind == Kind::File && name.ends_with(b"/") {
        return Err(HEADER);
    }
    Ok(Entry { name, kind })
}

impl Extended {
    fn says_nothing(&self) -> bool {
        !self.is_posix && !self.is_gnu_name && !self.is_gnu_link
    }

    fn posix(&mut self, content: &[u8]) -> Result<(), Unreadable> {
        if !self.says_nothing() {
            return Err(LONG_NAME);
        }
        self.is_posix = true;
        for (key, value) in records(content)? {
            match key {
                b"path" if self.name.is_none() && !value.is_empty() && !value.contains(&0) => {
                    self.name = Some(value.to_vec());
                }
                // Sizes up to 8 GiB stand in the header itself.
                b"path" | b"size" => return Err(LONG_NAME),
                key if key.starts_with(b"GNU.sparse") => return Err("a file in it is sparse"),
                _ => {}
            }
        }
        Ok(())
    }

    fn gnu_name(&mut self, content: Vec<u8>) -> Result<(), Unreadable> {
        let name = until_nul(&content).ok_or(LONG_NAME)?;
        if self.is_posix || self.is_gnu_name || name.is_empty() {
            return Err(LONG_NAME);
        }
        self.is_gnu_name = true;
        self.name = Some(name.to_vec());
        Ok(())
    }
}

/// A key and its value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// The records of a POSIX extended header: `23 path=some/long/name\n`.
fn records(mut rest: &[u8]) -> Result<Vec<Record<'_>>, Unreadable> {
    let mut records = Vec::new();
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or(LONG_NAME)?;
        let (digits, _) = rest.split_at(space);
        let length = number(digits, 10).filter(|length| *length > space + 1).ok_or(LONG_NAME)?;
        let (record, after) = rest.split_at_checked(length).ok_or(LONG_NAME)?;
        let record = record.get(space + 1..).and_then(|record| record.strip_suffix(b"\n"));
        let record = record.ok_or(LONG_NAME)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(LONG_NAME)?;
        let (key, value) = record.split_at(equals);
        records.push((key, value.get(1..).unwrap_or_default()));
        rest = after;
    }
    Ok(records)
}

struct Header {
    name: Vec<u8>,
    size: usize,
    flag: u8,
}

impl Header {
    fn read(block: &[u8; BLOCK]) -> Result<Self, Unreadable> {
        let field = |from: usize, to: usize| block.get(from..to).unwrap_or_default();
        let sum: usize = block.iter().map(|byte| usize::from(*byte)).sum();
        let own: usize = field(148, 156).iter().map(|byte| usize::from(*byte)).sum();
        if octal(field(148, 156)) != Some(sum - own + 8 * usize::from(b' ')) {
            return Err(TRUNCATED);
        }
        let name = until_nul(field(0, 100)).ok_or(HEADER)?;
        let size = octal(field(124, 136)).ok_or(HEADER)?;
        let flag = field(156, 157).first().copied().unwrap_or_default();
        let is_empty = |from, to| field(from, to).iter().all(|byte| *byte == 0);
        let prefix = match field(257, 265) {
            magic if magic.starts_with(b"ustar\0") && field(508, 512) != b"tar\0" => {
                until_nul(field(345, 500)).ok_or(HEADER)?
            }
            // Times and sparse maps stand where POSIX has the prefix.
            b"ustar  \0" if is_empty(345, 500) => b"",
            _ if is_empty(257, BLOCK) => b"",
            _ => return Err(HEADER),
        };
        let slash: &[u8] = if prefix.is_empty() { b"" } else { b"/" };
        Ok(Self { name: [prefix, slash, name].concat(), size, flag })
    }

    fn kind(&self) -> Result<Kind, Unreadable> {
        match self.flag {
            0 if self.name.ends_with(b"/") && self.size == 0 => Ok(Kind::Directory),
            0 | b'0' => Ok(Kind::File),
            // To some readers these have content, to others none.
            _ if self.size > 0 => Err(HEADER),
            b'5' => Ok(Kind::Directory),
            b'1' | b'2' => Ok(Kind::Link),
            b'3' | b'4' | b'6' => Ok(Kind::Other),
            _ => Err("an entry is of an unusual kind"),
        }
    }
}

/// A text that ends at a NUL or fills its field; none if something follows the NUL.
fn until_nul(field: &[u8]) -> Option<&[u8]> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at(end);
    rest.iter().all(|byte| *byte == 0).then_some(text)
}

/// Octal digits between spaces in front and spaces or NULs behind; nothing at all is 0.
fn octal(field: &[u8]) -> Option<usize> {
    let blanks = field.iter().take_while(|byte| **byte == b' ').count();
    let digits = field.get(blanks..)?;
    let end = digits.iter().position(|byte| matches!(byte, b' ' | 0)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    let is_blank = rest.iter().all(|byte| matches!(byte, b' ' | 0));
    is_blank.then_some(digits).and_then(|digits| number(digits, 8))
}

fn number(digits: &[u8], base: usize) -> Option<usize> {
    digits.iter().try_fold(0_usize, |number, digit| {
        let digit = usize::from(digit.checked_sub(b'0')?);
        (digit < base).then(|| number.checked_mul(base)?.checked_add(digit)).flatten()
    })
}
