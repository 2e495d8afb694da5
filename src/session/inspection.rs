//! Client to daemon, on inspected endpoints: collecting a body, judging it, and what follows.

use std::fmt::Display;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Instant;

use super::budget::Share;
use super::consultation::Before;
use super::exchange::Calls;
use super::images::ImageChanges;
use super::judging;
use super::pace::Pace;
use super::request::{Refusal, Request, SHORT_HEAD_BYTES_MAX};
use super::response::Response;
use super::{BodyState, Rules, Session, Side, Step, Ticket, Turn, audit};
use crate::audit::{Event, Redacted};
use crate::docker::Endpoint;
use crate::docker::{self, json::VALUES_MAX};
use crate::effects::{self, Excepted, Forwarded, RequestBody};
use crate::http::chunk::{ChunkDecoder, CollectError};
use crate::http::framing::Framing;
use crate::http::head::{self, Lines, RequestHead};
use crate::http::message::{self, InspectedHead, Offer};
use crate::http::target::{self, Target};
use crate::policy::facts::{Container, ContainerFacts, Facts, ImageFacts, Questions, ROUNDS_MAX};
use crate::policy::review::CancelGuard;
use crate::policy::{self, Inspected, Reached, Verdict, Violations};

/// A request to an inspected endpoint whose body is still arriving.
#[derive(Debug)]
pub(super) struct Collecting {
    pub(super) inspection: Inspection,
    framing: Remaining,
    body: Vec<u8>,
    share: Share,
    pace: Pace,
}

/// How much of an inspected body is still to come.
#[derive(Debug)]
enum Remaining {
    Length(usize),
    Chunked(ChunkDecoder),
}

/// A request to an inspected endpoint, and the rules it is judged by.
#[derive(Debug)]
pub(super) struct Inspection {
    pub(super) endpoint: Endpoint,
    head: Vec<u8>,
    /// How long the method is, with which `head` begins.
    method_bytes: usize,
    /// How long the request target is, one space behind it.
    target_bytes: usize,
    pub(super) rules: Arc<Rules>,
    /// How many requests with it may each make a container, where those of its client are counted.
    pub(super) making: Option<usize>,
    /// The body that passes once the head is allowed; none where the body itself is inspected.
    passes: Framing,
    /// The inspected body as it came, to be judged again when plugins were asked.
    pub(super) body: Vec<u8>,
    /// What the request is called where plugins are asked about it; empty until then.
    pub(super) name: String,
    /// How often it was judged again.
    pub(super) judged_again: u8,
    pub(super) before: Option<Before>,
}

/// A request whose judgement needs facts from outside.
#[derive(Debug)]
pub(super) struct Waiting {
    inspection: Inspection,
    inspected: Inspected<RequestBody>,
    pub(super) ticket: Ticket,
    /// What the rounds so far have learned.
    facts: Facts,
    round: usize,
    /// Until when the outside may take to answer; none while the daemon is asked for what the client waits
    /// for as long as it likes.
    pub(super) deadline: Option<Instant>,
    waits: CancelGuard,
    /// The body's share of the budget is held until the answer is there.
    share: Share,
}

/// What the rules had to know of the image of a container.
#[derive(Debug)]
pub(super) enum ImageFound {
    /// Nothing.
    NotAsked,
    /// It is the one with this `sha256:…`; its name may mean another one by the time the daemon looks.
    One(String),
    /// There is none by this name, and the daemon must not get one before it reads the request.
    None(String),
}

/// What the rules say of a request.
#[derive(Debug)]
pub(super) enum Settled {
    /// It is not let through for another reason than a rule.
    Refused(Refusal),
    Forbidden(Violations),
    /// It may be made, with this body and of this image.
    Allowed {
        forwarded: Box<Forwarded>,
        body: Vec<u8>,
        image: ImageFound,
        /// The container that it starts, if what is mounted there must be looked at afterwards.
        started: Option<String>,
    },
}

/// The container that a request starts or reaches into.
struct Named {
    /// As the request calls it.
    name: String,
    /// `None` if the daemon has none by this name.
    id: Option<String>,
    starts: bool,
}

impl Named {
    fn of(reached: Reached<'_>) -> Named {
        let id = match reached.container {
            ContainerFacts::Present(Container { names, .. }) => names.last().cloned(),
            ContainerFacts::Absent => None,
        };
        Named { name: reached.name.to_owned(), id, starts: reached.starts }
    }
}

/// Judges a request by what was learned for it.
pub(super) fn verdict(
    inspection: &Inspection,
    inspected: Inspected<RequestBody>,
    facts: &Facts,
    image: ImageFound,
) -> Settled {
    let policy = &inspection.rules.policy;
    let named = policy::reached(inspected.effects(), facts).map(Named::of);
    match (policy::judge(policy, inspected, facts), image) {
        (Verdict::Forbidden(_), _) if facts.is_late() => {
            Settled::Refused(Refusal::not_learned(facts.unresolved().as_ref()))
        }
        (Verdict::Forbidden(violations), _) => Settled::Forbidden(violations),
        (Verdict::Allowed(_), ImageFound::None(name)) => {
            Settled::Refused(Refusal::no_such_image(&name))
        }
        (Verdict::Allowed(checked), image) => {
            if let Some(refusal) = inspection.makes_too_many(facts) {
                return Settled::Refused(refusal);
            }
            let judges_sessions = policy.judges_dockerfiles_of_sessions(facts);
            let is_unread = policy::builds_unread(checked.effects()) && !judges_sessions;
            if inspection.rules.reviewed.build && is_unread {
                return Settled::Refused(Refusal::unread_build());
            }
            // One could get this name in the moment before the daemon looks for it.
            if let Some(Named { name, id: None, .. }) = &named {
                return Settled::Refused(Refusal::no_such_container(name));
            }
            let mut body = Vec::with_capacity(USUAL_BODY_BYTES);
            let mut forwarded = effects::render(checked, policy, facts, &mut body);
            if let (Some(Named { name, id: Some(id), .. }), Ok(target)) =
                (&named, inspection.target())
            {
                forwarded.target = effects::by_id(&target, name, id);
            }
            forwarded.serves = judges_sessions && inspection.endpoint == Endpoint::Session;
            forwarded.served = forwarded.served.filter(|_| judges_sessions);
            let forwarded = Box::new(forwarded);
            let started = named.filter(|named| named.starts && policy.judges_mounts());
            let started = started.and_then(|named| named.id);
            Settled::Allowed { forwarded, body, image, started }
        }
    }
}

/// The same, after the outside was asked.
pub(super) fn verdict_knowing(
    inspection: &Inspection,
    inspected: Inspected<RequestBody>,
    facts: &mut Facts,
    changes: &ImageChanges,
) -> Settled {
    let remembered = changes.remember(&inspection.rules.policy, facts);
    if remembered.is_err() && facts.image_list().is_some() {
        return Settled::Refused(Refusal::too_many_forbidden());
    }
    let image = match policy::image_of_container(inspected.effects(), facts) {
        Some((name, ImageFacts::Absent)) => ImageFound::None(name.to_string()),
        Some((_, ImageFacts::Present { id, .. })) => ImageFound::One(id.clone()),
        None => ImageFound::NotAsked,
    };
    verdict(inspection, inspected, facts, image)
}

impl Session {
    /// Collects the body, or judges at once what a head alone can bring about.
    pub(super) fn begin_inspection(
        &mut self,
        mut inspection: Inspection,
        (head, framing): (&RequestHead<'_>, Framing),
        share: Share,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refusal> {
        if inspection.endpoint.body_passes() {
            inspection.passes = framing;
            self.inspect(inspection, Vec::new(), share, turn);
            return Ok(());
        }
        let max = inspection.rules.body_bytes_max;
        let framing = match framing {
            Framing::None | Framing::UntilClose => Remaining::Length(0),
            Framing::Chunked => Remaining::Chunked(ChunkDecoder::new()),
            Framing::Length(bytes) => match usize::try_from(bytes.get()) {
                Ok(bytes) if bytes <= max => Remaining::Length(bytes),
                _ => return Err(Refusal::too_large(inspection.endpoint, max)),
            },
        };
        let whole = matches!(framing, Remaining::Length(0));
        if head.expects_continue() && !whole {
            turn.out.to(Side::Downstream).extend_from_slice(message::CONTINUE);
        }
        if whole {
            self.inspect(inspection, Vec::new(), share, turn);
            return Ok(());
        }
        self.request = Request::Collecting(Box::new(Collecting {
            framing,
            body: Vec::new(),
            share,
            pace: Pace::new(turn.now),
            inspection,
        }));
        Ok(())
    }

    pub(super) fn collect(
        &mut self,
        input: &[u8],
        mut collecting: Box<Collecting>,
        turn: &mut Turn<'_>,
    ) -> Step {
        match collecting.take(input) {
            Ok(Taken { bytes, whole: true }) => {
                let Collecting { inspection, body, share, .. } = *collecting;
                self.inspect(inspection, body, share, turn);
                Step::Take(bytes)
            }
            Ok(Taken { bytes, whole: false }) => {
                collecting.pace.heard(turn.now);
                self.request = Request::Collecting(collecting);
                Step::Take(bytes)
            }
            Err(refusal) => self.refuse_all(refusal.status, &refusal.reason, input, turn),
        }
    }

    /// All that is inspected is there: parse it, and judge it or ask first.
    pub(super) fn inspect(
        &mut self,
        mut inspection: Inspection,
        body: Vec<u8>,
        mut share: Share,
        turn: &mut Turn<'_>,
    ) {
        if judging::is_large(inspection.endpoint, &body) {
            return self.judge_elsewhere(inspection, body, share, turn);
        }
        let inspected = match inspection.read(&body) {
            Ok(inspected) => inspected,
            Err(refusal) => return self.decline_unjudged(&refusal, &inspection, turn),
        };
        if let Some(told) = inspection.rules.policy.strict.told(inspected.effects())
            && inspection.judged_again == 0
        {
            inspection.log(|method, target| {
                audit::record(&self.client, &Event::Unknown { method, target, fields: &told });
            });
        }
        let kept_bytes = if inspection.is_reviewed() { body.len() } else { 0 };
        let weighs = inspection.weight_asking(&body, kept_bytes);
        if kept_bytes > 0 {
            inspection.body = body;
        }
        let mut questions = policy::questions(&inspection.rules.policy, inspected.effects());
        inspection.ask_owned(&mut questions);
        if questions.is_empty() {
            let facts = Facts::none();
            let settled = verdict(&inspection, inspected, &facts, ImageFound::NotAsked);
            return self.settle(inspection, settled, share, turn);
        }
        if let Err(no_room) = share.grow_to(weighs) {
            return self.decline_unjudged(&no_room.into(), &inspection, turn);
        }
        let ticket = self.next_ticket();
        let waits = CancelGuard::default();
        let deadline = inspection.deadline(&questions, turn.now);
        turn.out.ask(ticket, questions, waits.token());
        let facts = Facts::none();
        let waiting =
            Waiting { inspection, inspected, ticket, facts, round: 1, deadline, waits, share };
        self.request = Request::Waiting(Box::new(waiting));
    }

    pub(super) fn decline_forbidden(
        &mut self,
        violations: &Violations,
        inspection: &Inspection,
        turn: &mut Turn<'_>,
    ) {
        inspection.log(|method, target| {
            let event = Event::Forbidden { method, target, violations };
            audit::record(&self.client, &event);
        });
        self.decline(403, violations, inspection, turn);
    }

    pub(super) fn no_share(&self) -> Share {
        Share::none_of(&self.budget, self.client.peer.who())
    }

    /// Answers a request for another reason than a rule or a plugin.
    pub(super) fn decline_unjudged(
        &mut self,
        refusal: &Refusal,
        inspection: &Inspection,
        turn: &mut Turn<'_>,
    ) {
        let Refusal { status, reason } = refusal;
        if *status == 429 {
            self.exchange.retry_after = Some(NonZeroU32::MIN);
            inspection.log(|method, target| {
                audit::record(&self.client, &Event::LimitMet { method, target, reason });
            });
        } else {
            audit::record(&self.client, &Event::Invalid { status: *status, reason });
        }
        self.decline(*status, reason, inspection, turn);
    }

    /// Answers in place of the daemon. A body that would have passed is still to come, so the
    /// connection can't go on behind it.
    pub(super) fn decline(
        &mut self,
        status: u16,
        reason: &dyn Display,
        inspection: &Inspection,
        turn: &mut Turn<'_>,
    ) {
        self.request = match inspection.passes {
            Framing::None => self.whole_request(),
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => Request::Over,
        };
        self.answer_instead(status, reason, turn);
    }

    pub(super) fn request_answered(&mut self, ticket: Ticket, facts: Facts, turn: &mut Turn<'_>) {
        match std::mem::replace(&mut self.request, Request::Sent) {
            Request::Waiting(waiting) if waiting.ticket == ticket => {
                self.learned(waiting, facts, turn);
            }
            Request::Asking(asking) if asking.ticket == ticket => {
                self.learned_for_large(*asking, facts, turn);
            }
            Request::Mediated(mediation) => {
                self.mediation_answered(mediation, ticket, facts, turn);
            }
            other => self.request = other,
        }
    }

    /// The answers may lead to further questions; once there are none, the request is judged.
    fn learned(&mut self, mut waiting: Box<Waiting>, facts: Facts, turn: &mut Turn<'_>) {
        self.log_unresolved(&waiting.inspection, &facts);
        waiting.facts.add(facts);
        let policy = &waiting.inspection.rules.policy;
        let effects = waiting.inspected.effects();
        let questions = policy::further_questions(policy, effects, &waiting.facts);
        if waiting.round < ROUNDS_MAX && !questions.is_empty() {
            waiting.round += 1;
            waiting.ticket = self.next_ticket();
            waiting.deadline = waiting.inspection.deadline(&questions, turn.now);
            turn.out.ask(waiting.ticket, questions, waiting.waits.token());
            self.request = Request::Waiting(waiting);
            return;
        }
        let Waiting { inspection, inspected, mut facts, share, .. } = *waiting;
        let settled = verdict_knowing(&inspection, inspected, &mut facts, &self.changes);
        self.settle(inspection, settled, share, turn);
    }

    pub(super) fn log_unresolved(&self, inspection: &Inspection, facts: &Facts) {
        if let Some(unresolved) = facts.unresolved() {
            inspection.log(|method, target| {
                let event = Event::Unresolved { method, target, unresolved: &unresolved };
                audit::record(&self.client, &event);
            });
        }
    }

    /// What follows from what the rules say.
    pub(super) fn settle(
        &mut self,
        inspection: Inspection,
        settled: Settled,
        share: Share,
        turn: &mut Turn<'_>,
    ) {
        if let Settled::Allowed { started: Some(container), .. } = &settled {
            turn.out.watch(container.clone(), Arc::clone(&inspection.rules.policy));
        }
        if let Settled::Allowed { forwarded, .. } = &settled
            && let Some(excepted) = &forwarded.excepted
        {
            self.tell_of_exception(excepted, &inspection);
        }
        match settled {
            Settled::Refused(refusal) => self.decline_unjudged(&refusal, &inspection, turn),
            Settled::Forbidden(violations) => {
                self.decline_forbidden(&violations, &inspection, turn);
            }
            Settled::Allowed { forwarded, body, image, .. }
                if inspection.is_reviewed() && forwarded.asked_images().next().is_some() =>
            {
                self.consult((inspection, image), *forwarded, body, share, turn);
            }
            Settled::Allowed { forwarded, body, image, .. } => match image {
                // An exception is for an image, so that very one must be what runs. Where rules forbid
                // it, another one does not: its container is judged before it is started.
                ImageFound::One(id) if forwarded.excepted.is_some() => {
                    self.let_through_pinned(&inspection, *forwarded, (&body, &id), turn);
                }
                ImageFound::One(_) | ImageFound::NotAsked | ImageFound::None(_) => {
                    self.let_through(&inspection, &forwarded, &body, turn)
                }
            },
        }
    }

    /// Tells of an exception that was used.
    fn tell_of_exception(&self, excepted: &Excepted, inspection: &Inspection) {
        if inspection.judged_again == 0 {
            inspection.log(|method, target| {
                let Excepted { image: exception, lifted, reason } = excepted;
                let event = Event::Excepted { method, target, exception, lifted, reason };
                audit::record(&self.client, &event);
            });
        }
    }

    /// The same as [`Session::let_through`], for a container of the image with this `sha256:…`.
    pub(super) fn let_through_pinned(
        &mut self,
        inspection: &Inspection,
        mut forwarded: Forwarded,
        (body, id): (&[u8], &str),
        turn: &mut Turn<'_>,
    ) {
        match forwarded.pin(body, id) {
            Some(pinned) => self.let_through(inspection, &forwarded, &pinned, turn),
            // Only containers are made of an image by its identifier; of any other, none would be.
            None => self.decline_unjudged(&Refusal::no_such_image(id), inspection, turn),
        }
    }

    /// Sends what was checked on its way to the daemon.
    pub(super) fn let_through(
        &mut self,
        inspection: &Inspection,
        forwarded: &Forwarded,
        body: &[u8],
        turn: &mut Turn<'_>,
    ) {
        inspection.log(|method, target| {
            let event = Event::Allowed { method, target, changes: &forwarded.changes };
            audit::record(&self.client, &event);
        });
        if inspection.endpoint.fetches_images() {
            self.exchange.changes_images = Some(Box::new(self.changes.begin_that_goes_on()));
        }
        if inspection.endpoint == Endpoint::BuildKit {
            self.exchange.calls = inspection.rules.calls();
        }
        if forwarded.serves {
            self.exchange.calls = Calls::Judged;
        }
        if let Err(refusal) = self.join_build_and_session(inspection, forwarded) {
            return self.decline_unjudged(&refusal, inspection, turn);
        }
        let session = self.exchange.serves.as_ref().map(|session| session.name.as_str());
        inspection.forward(forwarded, body, session, turn.out.to(Side::Upstream));
        self.request = match BodyState::of(inspection.passes) {
            Some(progress) => Request::Body(progress),
            None => self.whole_request(),
        };
        self.response = Response::head();
    }
}

impl Session {
    /// A build whose Dockerfile is judged in a session, and that session, are told to the daemon by a name of our
    /// own, which stands for both together.
    fn join_build_and_session(
        &mut self,
        inspection: &Inspection,
        forwarded: &Forwarded,
    ) -> Result<(), Refusal> {
        let sessions = self.changes.build_sessions();
        let who = self.client.peer.who();
        if let Some(build) = &forwarded.served {
            let session = sessions.of(who, &build.session);
            if !session.begin(build) {
                return Err(Refusal::serves_another());
            }
            self.exchange.serves = Some(session);
        } else if forwarded.serves {
            self.exchange.serves = Some(sessions.of(who, &inspection.session_name()));
        }
        Ok(())
    }
}

/// Most bodies that are written anew are shorter.
const USUAL_BODY_BYTES: usize = 4096;

/// What one value of a body takes in memory at most, read and with what it would bring about.
const VALUE_BYTES: usize = 256;

/// What a body weighs while it waits, in bytes: `[0,0,…]` is short as text and long as a tree.
/// A build context is kept as it came, and only the Dockerfile in it read.
fn weight(endpoint: Endpoint, body: &[u8]) -> usize {
    if endpoint == Endpoint::BuildContext {
        return body.len() + (1 << 20);
    }
    let values = memchr::memchr3_iter(b',', b'[', b'{', body).count() + 1;
    // There are no more in what could be read, whatever its texts are full of.
    body.len() + values.min(VALUES_MAX) * VALUE_BYTES
}

impl Collecting {
    pub(super) fn deadline(&self) -> Instant {
        self.pace.deadline(self.body.len(), &self.inspection.rules)
    }

    fn take(&mut self, input: &[u8]) -> Result<Taken, Refusal> {
        let max = self.inspection.rules.body_bytes_max;
        let taken = match &mut self.framing {
            Remaining::Length(left) => {
                let bytes = input.len().min(*left);
                *left -= bytes;
                self.body.extend_from_slice(input.split_at(bytes).0);
                Taken { bytes, whole: *left == 0 }
            }
            Remaining::Chunked(decoder) => {
                let scanned = decoder.collect(input, &mut self.body, max);
                let scanned = scanned.map_err(|error| match error {
                    CollectError::TooLarge { max } => {
                        Refusal::too_large(self.inspection.endpoint, max)
                    }
                    CollectError::Chunk(error) => error.into(),
                })?;
                Taken { bytes: scanned.bytes, whole: scanned.ended }
            }
        };
        self.share.grow_to(self.inspection.head_weight() + self.body.capacity())?;
        Ok(taken)
    }
}

struct Taken {
    bytes: usize,
    whole: bool,
}

impl Inspection {
    /// Begins with a head, as bytes and as it was read, and the target as the daemon reads it. Kept is
    /// the head with that target.
    pub(super) fn new(
        endpoint: Endpoint,
        (bytes, head): (&[u8], &RequestHead<'_>),
        target: &str,
        rules: Arc<Rules>,
    ) -> Self {
        let behind = head.method.len() + 1 + head.target.len();
        let start = [head.method.as_bytes(), b" ", target.as_bytes()];
        let rest = bytes.get(behind..).unwrap_or_default();
        Self {
            endpoint,
            head: start.into_iter().chain([rest]).collect::<Vec<_>>().concat(),
            method_bytes: head.method.len(),
            target_bytes: target.len(),
            rules,
            making: None,
            passes: Framing::None,
            body: Vec::new(),
            name: String::new(),
            judged_again: 0,
            before: None,
        }
    }

    /// Asks how many containers there are, where those of the client are counted.
    pub(super) fn ask_owned(&self, questions: &mut Questions) {
        if self.making.is_some() {
            questions.owned.clone_from(&self.rules.policy.ceilings.owner);
        }
    }

    /// Whether the client would have more containers than it may.
    fn makes_too_many(&self, facts: &Facts) -> Option<Refusal> {
        let share =
            self.rules.share.as_ref().filter(|share| share.limits().containers.is_some())?;
        match (self.endpoint, self.making) {
            (Endpoint::ServiceCreate | Endpoint::ServiceUpdate, _) => Some(Refusal::of_services()),
            (_, Some(position)) => match facts.owned() {
                Some(there) => share.may_make(position, there).err().map(Refusal::from),
                None => Some(Refusal::not_learned(facts.unresolved().as_ref())),
            },
            (_, None) => None,
        }
    }

    /// What the client calls the session that it offers.
    fn session_name(&self) -> String {
        let mut lines = Lines::new();
        let head = head::parse_request(&self.head, &mut lines);
        let name = head.ok().and_then(|head| head.headers.get(message::SESSION_NAME));
        name.unwrap_or_default().to_owned()
    }

    /// What the head weighs while the request waits, in bytes.
    fn head_weight(&self) -> usize {
        if self.head.len() > SHORT_HEAD_BYTES_MAX { self.head.len() } else { 0 }
    }

    /// Until when the answers to these may take.
    pub(super) fn deadline(&self, questions: &Questions, now: Instant) -> Option<Instant> {
        let may_take_long = questions.image_list || !questions.containers.is_empty();
        (!may_take_long).then(|| now + self.rules.body_time_max)
    }

    /// What a request weighs in bytes while the outside is asked about its body, of which so many bytes
    /// are kept as they came.
    pub(super) fn weight_asking(&self, body: &[u8], kept_bytes: usize) -> usize {
        let before = self.before.as_ref().map_or(0, |before| before.body.len());
        self.head_weight() + kept_bytes + before + weight(self.endpoint, body)
    }

    pub(super) fn read(&self, body: &[u8]) -> Result<Inspected<RequestBody>, Refusal> {
        Ok(effects::read(self.endpoint, &self.target()?, body)?)
    }

    /// Appends the request that the daemon gets, up to a body that passes.
    fn forward(
        &self,
        forwarded: &Forwarded,
        body: &[u8],
        session: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let mut lines = Lines::new();
        // The head was read before it was kept, so this does not fail.
        let (Ok(head), Ok(target)) = (head::parse_request(&self.head, &mut lines), self.target())
        else {
            return;
        };
        let target = forwarded.target.as_deref().unwrap_or(target.forwarded());
        let (renamed, session) = match session {
            Some(session) if forwarded.served.is_some() => {
                // It is a target that was read before, so this does not fail.
                let parsed = target::parse(target).map_err(Refusal::from);
                let Ok(target) =
                    parsed.and_then(|target| Ok(effects::with_session(&target, session)?))
                else {
                    return;
                };
                (Some(target), None)
            }
            session => (None, session),
        };
        let target = renamed.as_deref().unwrap_or(target);
        let framing = match self.passes {
            // The body that was judged is written in place of the one that came.
            Framing::None => {
                NonZeroU64::new(body.len() as u64).map_or(Framing::None, Framing::Length)
            }
            passes => passes,
        };
        // It was checked with the head, so this does not fail either.
        let content_type = docker::check_head(&head, self.endpoint, framing).unwrap_or_default();
        let offer = match self.endpoint.may_switch() {
            // A stream of a container is no HTTP/2 for want of an offer.
            true if self.endpoint == Endpoint::ContainerAttach && head.has_http2_settings() => {
                Offer::LeftOut
            }
            true => Offer::WithoutSettings,
            false => Offer::LeftOut,
        };
        let head = InspectedHead { head: &head, target, content_type, offer, session };
        if self.endpoint.body_passes() {
            head.write_passing(out);
        } else {
            head.write_sized(out, body.len());
            out.extend_from_slice(body);
        }
    }

    pub(super) fn log(&self, record: impl FnOnce(&str, Redacted<'_>)) {
        let (method, target) = self.start();
        record(method, Redacted(target));
    }

    /// The method and the request target, as they were sent.
    pub(super) fn start(&self) -> (&str, &str) {
        let text = |range| {
            let bytes = self.head.get(range);
            bytes.and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
        };
        let target_at = self.method_bytes + 1;
        (text(0..self.method_bytes), text(target_at..target_at + self.target_bytes))
    }

    /// The target again. It was read before it was kept, so this does not fail.
    pub(super) fn target(&self) -> Result<Target<'_>, Refusal> {
        Ok(target::parse(self.start().1)?)
    }
}
