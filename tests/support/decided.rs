//! One request, decided twice: by a session as in the traffic, and at once as `explain` does, with the same
//! answers from outside.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secdocker::admission::{self, Caller, Context, Decision, ImageChanges, Question, Rules};
use secdocker::client::{ClientId, Who};
use secdocker::config::{self, Overrides};
use secdocker::effects::existing;
use secdocker::http::chunk::ChunkDecoder;
use secdocker::http::framing::{self, Framing};
use secdocker::http::head::{self, Lines};
use secdocker::policy::facts::{
    ContainerFacts, Facts, ImageFacts, Question as Asked, Questions, Runtimes, VolumeFacts,
};
use secdocker::policy::review::{ImageSeen, Opinions, Purposes, Review, ReviewRequest, Source};
use secdocker::policy::versions::ApiVersion;
use secdocker::session::{Answer, Budget, Flow, Outbox, Session, Side, Step, Turn, What};

/// What the outside is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// Nobody can be asked.
    Unresolved,
    /// Nobody answers in time.
    Late,
    /// Nothing is there.
    Empty,
    /// All that is asked for is there, and harmless.
    Harmless,
}

pub(crate) const WORLDS: [World; 4] =
    [World::Unresolved, World::Late, World::Empty, World::Harmless];

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Refused with this status and sentence.
    Refused(u16, String),
    /// Forwarded to this target, with this body.
    Forwarded(String, Vec<u8>),
}

/// The rules of a configuration, with plugins asked about all that they can be asked about if `reviewed`.
pub(crate) fn rules(text: &str, reviewed: bool) -> Arc<Rules> {
    let folder = super::sandbox::directory("decided");
    let file = folder.join("config.yml");
    std::fs::write(&file, text).unwrap();
    let settings = config::load(&file, &Overrides::default()).unwrap();
    let limits = &settings.limits;
    let all = Purposes { create: true, service: true, pull: true, build: true };
    Arc::new(Rules {
        place: 0,
        policy: Arc::clone(&settings.policy),
        refuses_all: false,
        viewer: None,
        share: None,
        head_bytes_max: limits.head_bytes,
        body_bytes_max: limits.body_bytes,
        head_time_max: limits.head_time,
        body_time_max: limits.body_time,
        body_idle_max: limits.body_idle_time,
        body_rate_min: limits.body_rate,
        reviewed: if reviewed { all } else { Purposes::default() },
        review_time_max: Duration::from_secs(1),
    })
}

/// Both verdicts on the first request in these bytes: the session's, and the one that is made at once. None if no
/// whole request stands there.
pub(crate) fn both(rules: &Arc<Rules>, bytes: &[u8], world: World) -> Option<(Verdict, Verdict)> {
    let length = head::find_end(bytes, &mut 0).ok()??;
    let (head, rest) = bytes.split_at(length);
    let (body, raw) = body_of(head, rest)?;
    let request = [head, raw].concat();
    Some((by_session(rules, &request, world), at_once(rules, (head, &body, raw), world)))
}

/// The body behind a head, and the bytes in which it stands. A head that can't be read has none.
fn body_of<'b>(head: &[u8], rest: &'b [u8]) -> Option<(Vec<u8>, &'b [u8])> {
    let whole = head::with_whole_line_ends(head);
    let mut lines = Lines::new();
    let parsed = head::parse_request(&whole, &mut lines).ok();
    match parsed.map(|head| framing::of_request(&head)) {
        Some(Ok(Framing::Length(length))) => {
            let raw = rest.get(..usize::try_from(length.get()).ok()?)?;
            Some((raw.to_vec(), raw))
        }
        Some(Ok(Framing::Chunked)) => {
            let mut body = Vec::new();
            let scanned = ChunkDecoder::new().collect(rest, &mut body, 1 << 24).ok()?;
            scanned.ended.then(|| rest.get(..scanned.bytes))?.map(|raw| (body, raw))
        }
        Some(Ok(Framing::None | Framing::UntilClose) | Err(_)) | None => Some((Vec::new(), b"")),
    }
}

fn at_once(rules: &Arc<Rules>, (head, body, raw): (&[u8], &[u8], &[u8]), world: World) -> Verdict {
    let images = ImageChanges::default();
    let mut notes = Vec::new();
    let caller = Caller { connection: 0, number: 1, peer: &"test", who: Who::Unnamed };
    let mut cx = Context { now: Instant::now(), caller, rules, images: &images, notes: &mut notes };
    let answer = &mut |question| match question {
        Question::Facts(questions) => admission::Answer::Facts(facts(&questions, world)),
        Question::Review(request) => admission::Answer::Review(review(&request, world)),
        Question::Judge(judgement) => admission::Answer::Judged(judgement.run()),
    };
    let decision = admission::decide((head, body), &mut cx, answer);
    if let Some(refused) = decision.refused() {
        let sentence = refused.reason().to_string();
        let by_us = if refused.status() == 404 { "" } else { "SecDocker: " };
        return Verdict::Refused(refused.status(), format!("{by_us}{sentence}"));
    }
    let body = decision.body().unwrap_or(raw).to_vec();
    match &decision {
        Decision::Passes(target) => Verdict::Forwarded(target.clone(), body),
        Decision::Forwarded(forward) => Verdict::Forwarded(forward.target().to_owned(), body),
        other => panic!("{other:?}"),
    }
}

/// What the session says, and what it sends.
struct Sides {
    session: Session,
    outbox: Outbox,
    out: [Vec<u8>; 2],
}

fn by_session(rules: &Arc<Rules>, request: &[u8], world: World) -> Verdict {
    let session = Session::new(ClientId::NOBODY, Budget::new(1 << 30), ImageChanges::default());
    let mut sides = Sides { session, outbox: Outbox::default(), out: [Vec::new(), Vec::new()] };
    let mut taken = 0;
    while let Some(rest) = request.get(taken..).filter(|rest| !rest.is_empty()) {
        match sides.show(rules, rest, world) {
            0 => break,
            count => taken += count,
        }
    }
    sides.verdict()
}

impl Sides {
    /// Shows the session what comes next, and says how much of it was taken.
    fn show(&mut self, rules: &Arc<Rules>, rest: &[u8], world: World) -> usize {
        let (forwarded, taken) = match self.session.flow(Side::Downstream) {
            Flow::Hold => (0, 0),
            Flow::Discard => (0, rest.len()),
            Flow::PassToEnd => (rest.len(), rest.len()),
            Flow::Pass(at_most) => {
                let count = NonZeroU64::new(rest.len() as u64).unwrap().min(at_most);
                let turn = &mut Turn { now: Instant::now(), rules, out: &mut self.outbox };
                self.session.passed(Side::Downstream, count, turn);
                (count.get() as usize, count.get() as usize)
            }
            Flow::Inspect => {
                let mut turn = Turn { now: Instant::now(), rules, out: &mut self.outbox };
                match self.session.bytes(Side::Downstream, rest, &mut turn) {
                    Step::Forward(count) => (count, count),
                    Step::Take(count) => (0, count),
                    Step::More => (0, 0),
                }
            }
        };
        self.out[1].extend_from_slice(&rest[..forwarded]);
        self.collect();
        while let Some(ask) = self.outbox.take_ask() {
            let answer = match ask.what {
                What::Facts(questions) => Answer::Facts(facts(&questions, world)),
                What::Review(request) => Answer::Review(review(&request, world)),
                What::Work(work) => Answer::Worked(work.run()),
            };
            let mut turn = Turn { now: Instant::now(), rules, out: &mut self.outbox };
            self.session.answered(ask.ticket, answer, &mut turn);
            self.collect();
        }
        taken
    }

    fn collect(&mut self) {
        for (out, side) in self.out.iter_mut().zip([Side::Downstream, Side::Upstream]) {
            out.append(self.outbox.to(side));
        }
    }

    fn verdict(self) -> Verdict {
        let [said, sent] = self.out.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let said = said.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&said);
        if said.is_empty() {
            let (head, body) = sent.split_once("\r\n\r\n").unwrap();
            let target = head.split(' ').nth(1).unwrap().to_owned();
            return Verdict::Forwarded(target, body.as_bytes().to_vec());
        }
        assert!(sent.is_empty(), "{said}\n{sent}");
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        Verdict::Refused(status, body["message"].as_str().unwrap_or_default().to_owned())
    }
}

/// What the outside answers.
fn facts(questions: &Questions, world: World) -> Facts {
    let mut facts = Facts::none();
    facts.note(questions);
    if world == World::Late {
        facts.note_late();
    }
    if matches!(world, World::Unresolved | World::Late) {
        return facts;
    }
    let is_there = world == World::Harmless;
    for path in questions.real_paths() {
        facts.add_link(path.clone(), path.clone());
    }
    for image in questions.images() {
        facts.add_image(image.clone(), image_facts(is_there));
    }
    for build in questions.builds() {
        facts.add_build(build.clone(), image_facts(is_there));
    }
    for volume in questions.volumes() {
        facts.add_volume(volume.to_owned(), VolumeFacts::Absent);
    }
    for container in questions.containers() {
        let known = is_there.then(|| existing::container(container, CONTAINER)).flatten();
        let known = known.map_or(ContainerFacts::Absent, ContainerFacts::Present);
        facts.add_container(container.to_owned(), known);
    }
    if questions.asks(&Asked::ImageList) {
        facts.add_image_list(Vec::new());
    }
    if questions.asks(&Asked::ApiVersion) {
        facts.add_api_version(ApiVersion::NEWEST);
    }
    if questions.asks(&Asked::Runtimes) {
        facts.add_runtimes(Runtimes { default: "runc".to_owned(), programs: Vec::new() });
    }
    facts
}

const CONTAINER: &[u8] = br#"{"Id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","Name":"/c",
    "Image":"sha256:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
    "Config":{"User":"1000","Image":"probe:1"},"HostConfig":{},"State":{"StartedAt":"2026-11-30T14:00:00.5Z"}}"#;

fn image_facts(is_there: bool) -> ImageFacts {
    match is_there {
        true => {
            let (names, user, environment) = (Vec::new(), None, Vec::new());
            ImageFacts::Present {
                id: format!("sha256:{}", "0b".repeat(32)),
                names,
                user,
                environment,
            }
        }
        false => ImageFacts::Absent,
    }
}

fn review(_request: &ReviewRequest, world: World) -> Review {
    let image = match world {
        World::Unresolved | World::Late => ImageSeen::Unknown,
        World::Empty => ImageSeen::None,
        World::Harmless => ImageSeen::One(format!("sha256:{}", "0b".repeat(32))),
    };
    Review { opinions: Opinions::default(), image, source: Source::Cached }
}
