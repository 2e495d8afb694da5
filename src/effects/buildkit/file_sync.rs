//! The files of a client's session as the daemon takes them (`fsutil.types.Packet`, by `FileSync/DiffCopy`): what
//! there is, and the content of each that the daemon asks for.
//!
//! ```text
//! client  STAT … STAT (nothing more)            DATA … DATA (empty: the file is whole)         FIN
//! daemon                      REQ (a file) …                                       FIN
//! ```
//!
//! The daemon keeps what it got, and asks only for files that have changed since. So a file that it is not sent may
//! hold what nobody has judged: times are changed a little, so that it asks again, and nothing ends well before
//! all that it could read as a Dockerfile was judged.

use std::collections::BTreeMap;

use super::proto::{self, ProtoError};
use crate::effects::building::served::ServedBuild;

/// Files that may be read as a Dockerfile: `Dockerfile`, and `dockerfile` in its place.
const DOCKERFILES_MAX: usize = 4;

/// Files and directories of which each takes a message.
const FILES_MAX: u32 = 10_000;

/// What becomes of a message of the client's.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet {
    /// It passes.
    Pass,
    /// It passes in this form.
    PassAs(Vec<u8>),
    /// With it this Dockerfile is whole: it passes once that is judged.
    Judge(Vec<u8>),
    /// Why it does not.
    Refuse(&'static str),
}

/// The files of one directory that the client hands over.
#[derive(Debug)]
pub struct FileSync {
    /// The one that goes with the Dockerfile and is read as something else.
    ignored: String,
    /// How times are changed.
    salt: [u8; 3],
    bytes_max: usize,
    /// The number of the next file.
    next: u32,
    is_listed: bool,
    dockerfiles: BTreeMap<u32, Dockerfile>,
}

#[derive(Debug)]
enum Dockerfile {
    Arriving(Vec<u8>),
    Judged,
}

impl FileSync {
    /// Those that a build takes, of which the Dockerfile is no longer than `bytes_max`.
    pub fn new(build: &ServedBuild, salt: [u8; 3], bytes_max: usize) -> Self {
        Self {
            ignored: format!("{}.dockerignore", build.dockerfile),
            salt,
            bytes_max,
            next: 0,
            is_listed: false,
            dockerfiles: BTreeMap::new(),
        }
    }

    /// What is kept of Dockerfiles, in bytes.
    pub fn kept_bytes(&self) -> usize {
        let bytes = |dockerfile: &Dockerfile| match dockerfile {
            Dockerfile::Arriving(bytes) => bytes.capacity(),
            Dockerfile::Judged => 0,
        };
        self.dockerfiles.values().map(bytes).sum()
    }

    /// The next message of the client's.
    pub fn message(&mut self, message: &[u8]) -> Packet {
        self.read(message).unwrap_or(Packet::Refuse("it says what is not known"))
    }

    /// Whether all is judged that the daemon could read.
    pub fn is_judged(&self) -> bool {
        let mut dockerfiles = self.dockerfiles.values();
        let is_judged = dockerfiles.all(|dockerfile| matches!(dockerfile, Dockerfile::Judged));
        self.is_listed && !self.dockerfiles.is_empty() && is_judged
    }

    fn read(&mut self, message: &[u8]) -> Result<Packet, ProtoError> {
        const ONCE: [u32; 4] = [1, 2, 3, 4];
        let (mut kind, mut file, mut stat, mut data) = (0, 0, None, &[][..]);
        for field in proto::read(message, &ONCE)? {
            match field.number {
                1 => kind = field.number()?,
                2 => stat = Some(field.bytes()?),
                3 => file = field.number()?,
                4 => data = field.bytes()?,
                other => return Err(ProtoError::Type(other)),
            }
        }
        let file = u32::try_from(file).map_err(|_| ProtoError::Number)?;
        Ok(match (kind, stat) {
            (0, _) if self.is_listed => Packet::Refuse("files come behind the last"),
            (0, Some(stat)) => self.stat(message, stat)?,
            (0, None) => {
                self.is_listed = true;
                Packet::Pass
            }
            (2, None) => self.data(file, data),
            (3, None) if self.is_judged() => Packet::Pass,
            (3, None) if self.dockerfiles.is_empty() => Packet::Refuse("there is no Dockerfile"),
            (3, None) => {
                Packet::Refuse("the daemon has it already, and was not sent it: try again")
            }
            // It ends in a failure.
            (4, None) => Packet::Pass,
            (_, _) => Packet::Refuse("a client does not say this"),
        })
    }

    /// There is a file.
    fn stat(&mut self, message: &[u8], stat: &[u8]) -> Result<Packet, ProtoError> {
        const ONCE: [u32; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        /// Go's `os.FileMode`.
        const DIRECTORY: u64 = 1 << 31;
        const KINDS: u64 = DIRECTORY | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;
        let (mut path, mut mode, mut link) = ("", 0, "");
        for field in proto::read(stat, &ONCE)? {
            match field.number {
                1 => path = field.text()?,
                2 => mode = field.number()?,
                3..=6 | 8 | 9 => drop(field.number()?),
                7 => link = field.text()?,
                10 => drop(field.bytes()?),
                other => return Err(ProtoError::Type(other)),
            }
        }
        let number = self.next;
        self.next += 1;
        let is_short = u32::try_from(mode).is_ok() && self.next <= FILES_MAX;
        Ok(match mode & KINDS {
            _ if !is_short => Packet::Refuse("there are too many files"),
            DIRECTORY if link.is_empty() => Packet::Pass,
            0 if link.is_empty() && path == self.ignored => Packet::Pass,
            0 if link.is_empty() && self.dockerfiles.len() < DOCKERFILES_MAX => {
                self.dockerfiles.insert(number, Dockerfile::Arriving(Vec::new()));
                Packet::PassAs(self.salted(message))
            }
            0 if link.is_empty() => Packet::Refuse("there are too many files"),
            _ => Packet::Refuse("it is a link, or no file"),
        })
    }

    /// The same with another time of as many bytes, if it has one.
    fn salted(&self, message: &[u8]) -> Vec<u8> {
        let mut salted = message.to_vec();
        let stat = proto::place_of_message(message, 2).and_then(|at| salted.get_mut(at));
        if let Some(stat) = stat
            && let Some(time) = proto::place_of_number(stat, 6).and_then(|at| stat.get_mut(at))
        {
            // The last byte says how long the number is.
            let free = time.len().saturating_sub(1);
            for (byte, salt) in time.iter_mut().take(free).zip(self.salt) {
                *byte ^= salt & 0x7f;
            }
        }
        salted
    }

    /// A piece of a file, or its end.
    fn data(&mut self, file: u32, data: &[u8]) -> Packet {
        match self.dockerfiles.get_mut(&file) {
            None => Packet::Pass,
            Some(Dockerfile::Judged) => Packet::Refuse("it is sent twice"),
            Some(whole @ Dockerfile::Arriving(_)) if data.is_empty() => {
                match std::mem::replace(whole, Dockerfile::Judged) {
                    Dockerfile::Arriving(bytes) => Packet::Judge(bytes),
                    Dockerfile::Judged => Packet::Pass,
                }
            }
            Some(Dockerfile::Arriving(bytes)) if bytes.len() + data.len() > self.bytes_max => {
                Packet::Refuse("it is longer than `limits.body` lets it be")
            }
            Some(Dockerfile::Arriving(bytes)) => {
                bytes.extend_from_slice(data);
                Packet::Pass
            }
        }
    }
}
