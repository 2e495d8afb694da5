//! `secdocker explain`: what would become of a request, by the machine that decides it in the traffic. Knows no
//! rule of its own.

use std::cell::RefCell;
use std::fmt::{Display, Write};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::asker::Asker;
use super::outcome::{CliError, Outcome, print};
use crate::admission::{
    self, Answer, Caller, Context, Decision, ImageChanges, Note, Question, Refused, Rules, Told,
};
use crate::client::Who;
use crate::config::{self, Overrides, Rest, Settings};
use crate::effects::Excepted;
use crate::lookup::{self, Daemon, ImageCache, Memory, Presence};
use crate::policy::Violations;
use crate::policy::facts::{self, Facts, ImageFacts, Questions, Runtimes, VolumeFacts};
use crate::policy::review::{ImageSeen, Opinions, Purposes, Review, ReviewRequest, Source};
use crate::policy::versions::ApiVersion;

/// The request that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// The method.
    pub(super) method: String,
    /// The request target.
    pub(super) target: String,
    /// Header lines beside those that every client sends.
    pub(super) headers: Vec<String>,
    /// The file with its body; `-` is standard input.
    pub(super) body: PathBuf,
}

/// Reads the body of the request, and says what would become of it if this client sent it.
pub(super) fn explain(
    config: &Path,
    request: &Request,
    asker: &Asker,
) -> Result<Outcome, CliError> {
    let settings = asker.settings(config::load(config, &Overrides::default())?)?;
    let body = read_body(&request.body, settings.limits.body_bytes)?;
    let decision = decide(&settings, request, &body);
    if let Some(refused) = decision.refused() {
        return print_refused(refused);
    }
    let forward = match &decision {
        Decision::Forwarded(forward) => forward,
        Decision::Broken(reason) => {
            return Err(CliError::Usage(format!("the request can't be decided: {reason}")));
        }
        _ => {
            let (method, target) = (shown(&request.method), shown(&request.target));
            eprintln!("allowed: no rule is about {method} {target}, forwarded as it is");
            return print(&String::from_utf8_lossy(&body));
        }
    };
    match forward.changes() {
        changes if changes.is_empty() => eprintln!("allowed, nothing changed"),
        changes => eprintln!("allowed, changed: {}", shown(&changes.to_string())),
    }
    let forwarded = decision.body().unwrap_or(&body);
    print(&format!("{}\n", String::from_utf8_lossy(forwarded)))
}

fn decide(settings: &Settings, request: &Request, body: &[u8]) -> Decision {
    let rules = Arc::new(rules(settings));
    let notes = RefCell::new(Vec::new());
    let mut told = Vec::new();
    let caller = Caller { connection: 0, number: 0, peer: &"explain", who: Who::Unnamed };
    let images = ImageChanges::default();
    let mut cx = Context { now: now(), caller, rules: &rules, images: &images, notes: &mut told };
    let outside = Outside { settings, daemon: Daemon::of(settings), notes: &notes };
    let head = head_of(request, body.len());
    let answer = &mut |question| outside.answer(question);
    let decision = admission::decide((head.as_bytes(), body), &mut cx, answer);
    notes.into_inner().iter().for_each(|note: &String| eprintln!("note: {note}"));
    told.iter().for_each(note);
    decision
}

/// Only limits of how much a client may do in a time need it, and here nobody is counted.
#[expect(clippy::disallowed_methods, reason = "a command begins at some time")]
fn now() -> Instant {
    Instant::now()
}

/// The head as a client sends it.
fn head_of(request: &Request, body_bytes: usize) -> String {
    let Request { method, target, headers, .. } = request;
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: docker\r\n");
    let names_type = |line: &String| line.to_ascii_lowercase().starts_with("content-type:");
    if body_bytes > 0 && !headers.iter().any(names_type) {
        head.push_str("Content-Type: application/json\r\n");
    }
    for line in headers {
        head.push_str(line);
        head.push_str("\r\n");
    }
    if body_bytes > 0 {
        // Writing to a string can't fail.
        let _ = write!(head, "Content-Length: {body_bytes}\r\n");
    }
    head.push_str("\r\n");
    head
}

/// The rules as they hold in the traffic, but for what is counted.
fn rules(settings: &Settings) -> Rules {
    let limits = &settings.limits;
    let plugins = settings.plugins.list.iter();
    Rules {
        place: 0,
        policy: Arc::clone(&settings.policy),
        refuses_all: settings.clients.rest == Rest::Refused,
        viewer: None,
        share: None,
        head_bytes_max: limits.head_bytes,
        body_bytes_max: limits.body_bytes,
        head_time_max: limits.head_time,
        body_time_max: limits.body_time,
        body_idle_max: limits.body_idle_time,
        body_rate_min: limits.body_rate,
        reviewed: plugins.fold(Purposes::default(), |all, plugin| all.and(plugin.asked)),
        review_time_max: Duration::ZERO,
    }
}

/// What can be found out here.
struct Outside<'a> {
    settings: &'a Settings,
    daemon: Daemon,
    /// What is told of it.
    notes: &'a RefCell<Vec<String>>,
}

impl Outside<'_> {
    fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Facts(questions) => Answer::Facts(self.look_up(&questions)),
            Question::Review(request) => Answer::Review(self.review(&request)),
            Question::Judge(judgement) => Answer::Judged(judgement.run()),
        }
    }

    fn note(&self, note: String) {
        self.notes.borrow_mut().push(note);
    }

    /// Without a daemon images and volumes are judged by what the request says alone, and that is said.
    fn look_up(&self, questions: &Questions) -> Facts {
        let mut facts = lookup::look_up(questions, &self.daemon, &Memory::none());
        let daemon = &self.settings.dockerapi;
        let by_name = |what: &dyn Display| {
            self.note(format!("no daemon at {daemon}, {what} is judged by its name alone"));
        };
        for image in questions.images() {
            if facts.image(image).is_none() {
                by_name(&format_args!("image {image}"));
                facts.add_image(image.clone(), ImageFacts::Absent);
                facts.note_assumed();
            }
        }
        for build in questions.builds() {
            if facts.build(build).is_none() {
                facts.add_build(build.clone(), ImageFacts::Absent);
                facts.note_assumed();
            }
        }
        if questions.asks(&facts::Question::ImageList) && facts.image_list().is_none() {
            facts.add_image_list(Vec::new());
        }
        if questions.asks(&facts::Question::ApiVersion) && facts.api_version().is_none() {
            let version = ApiVersion::NEWEST;
            self.note(format!("no daemon at {daemon}, its API version is taken to be {version}"));
            facts.add_api_version(version);
        }
        if questions.asks(&facts::Question::Runtimes) && facts.runtimes().is_none() {
            let default = "runc".to_owned();
            self.note(format!(
                "no daemon at {daemon}, its default runtime is taken to be {default}"
            ));
            facts.add_runtimes(Runtimes { default, programs: Vec::new() });
        }
        for volume in questions.volumes() {
            if facts.volume(volume).is_none() {
                by_name(&format_args!("volume {}", shown(volume)));
                facts.add_volume(volume.to_owned(), VolumeFacts::Absent);
            }
        }
        facts
    }

    /// Plugins are not loaded here; which image they would be asked about decides all the same.
    fn review(&self, request: &ReviewRequest) -> Review {
        let given = &request.asked.given;
        self.note(format!("plugins are not asked about image {}", shown(given)));
        let presence = lookup::identify(&self.daemon, &request.sought(), &ImageCache::disabled());
        let image = match presence {
            Presence::Present(identity) => ImageSeen::One(identity.id),
            Presence::Absent => ImageSeen::None,
            // It stays as it was written.
            Presence::Unknown => ImageSeen::One(given.clone()),
        };
        Review { opinions: Opinions::default(), image, source: Source::Cached }
    }
}

/// Says on standard error what leads to a decision.
fn note(told: &Told) {
    match &told.note {
        Note::Unknown(fields) => {
            eprintln!("note: {fields}: not known here, refused under `strict`")
        }
        Note::Unresolved(unresolved) => eprintln!("note: could not be found out: {unresolved}"),
        Note::Excepted(excepted) => {
            let Excepted { image, lifted, reason } = &**excepted;
            eprintln!("note: excepted for image {image}: {lifted}; {}", shown(reason));
        }
        // Plugins are not asked.
        Note::Reviewed(_) => {}
    }
}

fn print_refused(refused: &Refused) -> Result<Outcome, CliError> {
    let text = match refused {
        Refused::Forbidden(violations) => list(violations),
        Refused::Disliked(refusal) | Refused::Unjudged(refusal) => {
            format!("refused ({}): {}\n", refusal.status, shown(&refusal.reason))
        }
    };
    print(&text).map(|_| Outcome::Refused)
}

/// One line a violation, with the field that asked for it.
fn list(violations: &Violations) -> String {
    violations.iter().fold(String::new(), |mut lines, violation| {
        // Writing to a string can't fail.
        let _ = writeln!(lines, "forbidden: {violation} in {}", violation.at);
        lines
    })
}

/// Text from a request, so that it can't command the terminal.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] })
        .collect()
}

/// Reads one byte more than the limit at most, which is enough to know.
fn read_body(body: &Path, bytes_max: usize) -> Result<Vec<u8>, CliError> {
    let failed = |error| CliError::Io(format!("cannot read {}", body.display()), error);
    let input: Box<dyn Read> = if body == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(body).map_err(failed)?)
    };
    let mut read = Vec::new();
    input.take(bytes_max as u64 + 1).read_to_end(&mut read).map_err(failed)?;
    Ok(read)
}
