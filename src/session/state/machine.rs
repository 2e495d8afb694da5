//! What stands between client and daemon on a mediated connection: a client that calls the builder, or one that serves
//! a build and is called.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::super::outbox::Outbox;
use crate::admission::{BuildSession, TAKES_FILES};
use crate::effects::buildkit::file_sync::{FileSync, Packet};
use crate::http2::answers::{self, Answers, Event};
use crate::http2::frame::{ConnectionError, ErrorCode};
use crate::http2::grpc::Status;
use crate::http2::hpack::Field;
use crate::http2::mediator::{Call, Fault, Mediator, Outputs};

/// The longest message of a client that serves, in bytes. Clients send files in pieces of 32 KiB. Of a window of 64 KiB the
/// daemon opens a quarter late; a longer one would
/// have to wait for a window that nobody opens.
const PACKET_BYTES_MAX: usize = 48 * 1024;

#[derive(Debug)]
pub(in crate::session) enum Machine {
    Calls(Box<Mediator>),
    Serves(Box<Serving>),
}

/// A client that serves a build.
#[derive(Debug)]
pub(in crate::session) struct Serving {
    answers: Answers,
    session: Arc<BuildSession>,
    files: BTreeMap<u32, FileSync>,
    calls: VecDeque<Call>,
    file_bytes_max: usize,
}

/// Whether the daemon takes files that it may read as a Dockerfile: all but the context, which it never does.
fn takes_dockerfile(fields: &[Field]) -> bool {
    let values = |name: &'static [u8]| {
        fields.iter().filter(move |field| field.name == name).map(|field| field.value.as_slice())
    };
    let is_context = values(b"dir-name").eq([&b"context"[..]]);
    let takes_files = |path: &[u8]| path.starts_with(b"/moby.filesync.v1.FileSync/");
    values(b":path").any(takes_files) && !is_context
}

impl Serving {
    pub(in crate::session) fn new(
        session: Arc<BuildSession>,
        block_bytes_max: usize,
        file_bytes_max: usize,
    ) -> Self {
        let limits = answers::Limits {
            block_bytes_max,
            message_bytes_max: PACKET_BYTES_MAX,
            // Twice what the daemon's window is.
            kept_bytes_max: 128 * 1024,
        };
        let answers = Answers::new(takes_dockerfile, limits);
        Self { answers, session, files: BTreeMap::new(), calls: VecDeque::new(), file_bytes_max }
    }

    pub(in crate::session) fn session(&self) -> &BuildSession {
        &self.session
    }

    /// Decides what can be decided at once.
    fn decide(&mut self, out: &mut Outputs<'_>) {
        while self.calls.is_empty()
            && let Some(event) = self.answers.next_event()
        {
            match event {
                Event::Message { stream, message } => self.message(stream, &message, out),
                Event::Ended { stream, failed } => {
                    let is_judged = self.files.remove(&stream).is_some_and(|it| it.is_judged());
                    match failed || is_judged {
                        true => self.answers.pass(stream, None, &mut towards(out)),
                        false => self.refuse_files(stream, "it was not sent"),
                    }
                }
                Event::Unreadable { stream, reason } => self.refuse_files(stream, reason),
            }
        }
    }

    fn message(&mut self, stream: u32, message: &[u8], out: &mut Outputs<'_>) {
        let Some(build) = self.session.build() else {
            return self.refuse_files(stream, "no build has asked for it");
        };
        let (salt, bytes_max) = (self.session.salt, self.file_bytes_max);
        let files =
            self.files.entry(stream).or_insert_with(|| FileSync::new(build, salt, bytes_max));
        match files.message(message) {
            Packet::Pass => self.answers.pass(stream, None, &mut towards(out)),
            Packet::PassAs(instead) => {
                self.answers.pass(stream, Some(&instead), &mut towards(out));
            }
            Packet::Judge(message) => {
                let path = TAKES_FILES.to_owned();
                self.calls.push_back(Call::Whole { stream, path, message });
            }
            Packet::Refuse(reason) => self.refuse_files(stream, reason),
        }
    }

    fn refuse_files(&mut self, stream: u32, reason: &'static str) {
        self.files.remove(&stream);
        let fault = Some(Fault::Dockerfile(reason));
        self.calls.push_back(Call::Unwanted { stream, path: TAKES_FILES.to_owned(), fault });
    }

    /// Forgets the files of calls that have ended.
    fn forget(&mut self) {
        let answers = &self.answers;
        self.files.retain(|stream, _| answers.is_open(*stream));
    }
}

/// The daemon calls.
fn towards<'a>(out: &'a mut Outputs<'_>) -> answers::Outputs<'a> {
    answers::Outputs { caller: out.server, answerer: out.client }
}

pub(in crate::session) fn outputs(out: &mut Outbox) -> Outputs<'_> {
    let (client, server) = out.both();
    Outputs { client, server }
}

impl Machine {
    pub(in crate::session) fn takes_from_client(&self) -> bool {
        match self {
            Self::Calls(mediator) => mediator.takes_from_client(),
            Self::Serves(serving) => {
                serving.calls.is_empty() && serving.answers.takes_from_answerer()
            }
        }
    }

    pub(in crate::session) fn client_bytes(
        &mut self,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        match self {
            Self::Calls(mediator) => mediator.client_bytes(input, out),
            Self::Serves(serving) => {
                let mut taken = 0;
                while serving.calls.is_empty() {
                    let rest = input.get(taken..).unwrap_or_default();
                    match serving.answers.answerer_bytes(rest, &mut towards(out))? {
                        0 => break,
                        count => taken += count,
                    }
                    serving.decide(out);
                }
                serving.forget();
                Ok(taken)
            }
        }
    }

    pub(in crate::session) fn daemon_bytes(
        &mut self,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        match self {
            Self::Calls(mediator) => mediator.server_bytes(input, out),
            Self::Serves(serving) => {
                let taken = serving.answers.caller_bytes(input, &mut towards(out));
                serving.forget();
                taken
            }
        }
    }

    pub(in crate::session) fn next_call(&mut self) -> Option<Call> {
        match self {
            Self::Calls(mediator) => mediator.next_call(),
            Self::Serves(serving) => serving.calls.pop_front(),
        }
    }

    /// Lets a call go on with what was judged.
    pub(in crate::session) fn release(
        &mut self,
        stream: u32,
        message: &[u8],
        out: &mut Outputs<'_>,
    ) {
        match self {
            Self::Calls(mediator) => mediator.release(stream, message, out),
            // All but its end has gone on.
            Self::Serves(serving) => {
                serving.answers.pass(stream, None, &mut towards(out));
                serving.decide(out);
            }
        }
    }

    pub(in crate::session) fn refuse(
        &mut self,
        stream: u32,
        status: Status,
        message: &str,
        out: &mut Outputs<'_>,
    ) {
        match self {
            Self::Calls(mediator) => mediator.refuse(stream, status, message, out),
            Self::Serves(serving) => {
                serving.files.remove(&stream);
                serving.answers.refuse(stream, status, message, &mut towards(out));
                serving.decide(out);
            }
        }
    }

    pub(in crate::session) fn is_open(&self, stream: u32) -> bool {
        match self {
            Self::Calls(mediator) => mediator.is_open(stream),
            Self::Serves(serving) => serving.answers.is_open(stream),
        }
    }

    /// What is kept of calls and files, in bytes.
    pub(in crate::session) fn held_bytes(&self) -> usize {
        match self {
            Self::Calls(mediator) => mediator.held_bytes(),
            Self::Serves(serving) => {
                let files = serving.files.values().map(FileSync::kept_bytes).sum::<usize>();
                serving.answers.kept_bytes() + files
            }
        }
    }

    /// The call of which most is kept.
    pub(in crate::session) fn largest_held(&self) -> Option<u32> {
        match self {
            Self::Calls(mediator) => mediator.largest_held(),
            Self::Serves(serving) => {
                let largest = serving.files.iter().max_by_key(|(_, files)| files.kept_bytes());
                largest.map(|(stream, _)| *stream)
            }
        }
    }

    pub(in crate::session) fn write_go_away(&self, code: ErrorCode, out: &mut Outputs<'_>) {
        match self {
            Self::Calls(mediator) => mediator.write_go_away(code, out),
            Self::Serves(serving) => serving.answers.write_go_away(code, &mut towards(out)),
        }
    }
}
