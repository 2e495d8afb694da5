//! Both directions, once the daemon has gone on in HTTP/2 in answer to `POST /grpc` while rules need it:
//! calls that build are held and judged, one at a time, and nothing unknown passes. Where they are only
//! counted, all else passes, and they pass as they are.

mod machine;
mod plugins;

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use super::budget::Share;
use super::outbox::{Answer, Ask, What};
use super::request::Request;
use super::response::Response;
use super::{End, Rules, Session, Step, Ticket, Turn, audit, bounded, retry_after};
use crate::admission::{Calls, ImageChange, Refusal};
use crate::audit::{Event, Redacted};
use crate::client::LimitMet;
use crate::effects::buildkit::{self, Method, Solve, SolveBody};
use crate::http2::frame::ConnectionError;
use crate::http2::grpc::Status;
use crate::http2::mediator::{Call, Fault, Handling, Limits, Mediator};
use crate::policy::facts::{Facts, ROUNDS_MAX};
use crate::policy::review::CancelGuard;
use crate::policy::shown::Shown;
use crate::policy::{self, Checked, Inspected, Verdict};
use machine::{Machine, Serving, outputs};
use plugins::{History, Reviewing};

/// A connection on which BuildKit is spoken, and what is held of it.
#[derive(Debug)]
pub(super) struct Mediation {
    machine: Machine,
    /// Whether calls that build are only counted.
    only_counts: bool,
    /// How many instructions may follow the builds that were counted.
    instructions_left: u32,
    /// Calls that wait for their turn to be judged.
    waiting: VecDeque<WholeCall>,
    judging: Option<Judging>,
    reviewing: Option<Box<Reviewing>>,
    /// Builds that are under way, by their streams: they may change what images are called.
    building: Vec<(u32, ImageChange)>,
    share: Share,
}

#[derive(Debug)]
struct WholeCall {
    stream: u32,
    path: String,
    message: Vec<u8>,
    history: History,
}

/// The call whose judgement waits for facts.
#[derive(Debug)]
struct Judging {
    stream: u32,
    path: String,
    solve: Solve,
    inspected: Inspected<SolveBody>,
    history: History,
    rules: Arc<Rules>,
    ticket: Ticket,
    facts: Facts,
    round: usize,
    /// Held until the answer is there.
    waits: CancelGuard,
    deadline: Instant,
}

/// A call that no rule forbids.
#[derive(Debug)]
struct Judged {
    stream: u32,
    path: String,
    solve: Solve,
    checked: Checked<SolveBody>,
    rules: Arc<Rules>,
    facts: Facts,
}

impl Mediation {
    /// Whether more may be taken from the client.
    pub(super) fn takes_from_client(&self) -> bool {
        self.machine.takes_from_client()
    }

    /// Until when the outside may take to answer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let judging = self.judging.as_ref().map(|judging| judging.deadline);
        judging.or_else(|| self.reviewing.as_ref().map(|reviewing| reviewing.deadline))
    }

    /// What messages take that are held, judged or on their way, in bytes.
    fn bytes(&self) -> usize {
        let waiting = self.waiting.iter().map(|call| call.message.capacity()).sum::<usize>();
        let judging = self.judging.as_ref().map_or(0, |judging| judging.inspected.body().bytes());
        let reviewing = self.reviewing.as_ref().map_or(0, |reviewing| reviewing.bytes());
        self.machine.held_bytes() + waiting + judging + reviewing
    }

    /// Counts a build among what its client makes.
    fn count(&mut self, (solve, message): (Solve, &[u8]), turn: &Turn<'_>) -> Result<(), LimitMet> {
        let Some(share) = &turn.rules.share else { return Ok(()) };
        match (solve, self.instructions_left) {
            // It was counted with its request.
            (Solve::Dockerfile, _) => {}
            (Solve::Bridge, 1..) => self.instructions_left -= 1,
            (Solve::Bridge, 0) => share.create(turn.now)?,
            (Solve::Control, _) if buildkit::asks_for_nothing(message) => {}
            (Solve::Control, _) => {
                share.create(turn.now)?;
                self.instructions_left = INSTRUCTIONS_OF_A_BUILD;
            }
        }
        Ok(())
    }

    /// Whether no call is being judged.
    fn is_free(&self) -> bool {
        self.judging.is_none() && self.reviewing.is_none()
    }
}

/// How many `LLBBridge/Solve` belong to one `Control/Solve`: clients send one, or one for each part of a build.
/// Further ones count for themselves, as each has steps run.
const INSTRUCTIONS_OF_A_BUILD: u32 = 8;

fn handling_where_counted(path: &str) -> Handling {
    match buildkit::method(path) {
        Method::Solve(_) => Handling::Hold,
        Method::Harmless | Method::Forbidden => Handling::Pass,
    }
}

fn handling(path: &str) -> Handling {
    match buildkit::method(path) {
        Method::Solve(_) => Handling::Hold,
        Method::Harmless => Handling::Pass,
        Method::Forbidden => Handling::Refuse,
    }
}

impl Session {
    /// The daemon has switched: from here on calls are looked at.
    pub(super) fn begin_mediation(&mut self, rules: &Rules) {
        let limits = Limits {
            block_bytes_max: rules.head_bytes_max,
            message_bytes_max: rules.body_bytes_max,
            held_bytes_max: rules.body_bytes_max.saturating_mul(2),
        };
        let only_counts = self.exchange.calls == Calls::Counted;
        let handling = if only_counts { handling_where_counted } else { handling };
        let machine = match self.exchange.serves.take() {
            Some(session) => {
                let (head_bytes_max, body_bytes_max) = (rules.head_bytes_max, rules.body_bytes_max);
                let serving = Serving::new(session, head_bytes_max, body_bytes_max);
                Machine::Serves(Box::new(serving))
            }
            None => Machine::Calls(Box::new(Mediator::new(handling, limits))),
        };
        self.request = Request::Mediated(Box::new(Mediation {
            machine,
            only_counts,
            instructions_left: 0,
            waiting: VecDeque::new(),
            judging: None,
            reviewing: None,
            building: Vec::new(),
            share: self.no_share(),
        }));
        self.response = Response::Mediated;
        // Each build counts for itself, unless something unknown may pass beside it.
        if !only_counts && let Some(change) = self.exchange.changes_images.take() {
            change.answered();
        }
    }

    pub(super) fn mediate_client_bytes(
        &mut self,
        input: &[u8],
        mut mediation: Box<Mediation>,
        turn: &mut Turn<'_>,
    ) -> Step {
        match mediation.machine.client_bytes(input, &mut outputs(turn.out)) {
            Ok(taken) => {
                self.take_calls(&mut mediation, turn);
                let waits = taken == 0 && mediation.takes_from_client();
                self.request = Request::Mediated(mediation);
                if waits { Step::More } else { Step::Take(taken) }
            }
            Err(error) => self.end_mediation(&mediation, error, input, turn),
        }
    }

    pub(super) fn mediate_daemon_bytes(&mut self, input: &[u8], turn: &mut Turn<'_>) -> Step {
        let Request::Mediated(mediation) = &mut self.request else {
            self.give_up(&"answers to calls come where no calls are judged");
            return Step::Take(input.len());
        };
        match mediation.machine.daemon_bytes(input, &mut outputs(turn.out)) {
            Ok(0) => Step::More,
            Ok(taken) => {
                let Mediation { machine, building, .. } = mediation.as_mut();
                let is_over = |(stream, _): &mut (u32, ImageChange)| !machine.is_open(*stream);
                building.extract_if(.., is_over).for_each(|(_, change)| change.answered());
                Step::Take(taken)
            }
            Err(error) => {
                audit::record(&self.client, &Event::UpstreamFailed { reason: &error });
                self.end = Some(End::Abort);
                Step::Take(input.len())
            }
        }
    }

    /// What the client says is no HTTP/2, or a flood of it.
    fn end_mediation(
        &mut self,
        mediation: &Mediation,
        error: ConnectionError,
        input: &[u8],
        turn: &mut Turn<'_>,
    ) -> Step {
        audit::record(&self.client, &Event::Invalid { status: 400, reason: &error });
        mediation.machine.write_go_away(error.code, &mut outputs(turn.out));
        self.request = Request::Over;
        self.response = Response::Over;
        self.close();
        Step::Take(input.len())
    }

    /// Answers what is refused for what it is, and judges what is whole.
    fn take_calls(&mut self, mediation: &mut Mediation, turn: &mut Turn<'_>) {
        // What is decided about one may be followed by another.
        while self.take_calls_once(mediation, turn) {}
    }

    /// Whether there was one.
    fn take_calls_once(&mut self, mediation: &mut Mediation, turn: &mut Turn<'_>) -> bool {
        let mut has_any = false;
        while let Some(call) = mediation.machine.next_call() {
            has_any = true;
            match call {
                Call::Whole { stream, path, message } => {
                    let history = History::default();
                    mediation.waiting.push_back(WholeCall { stream, path, message, history });
                }
                Call::Unwanted { stream, path, fault } => {
                    let (status, reason) = why(&path, fault);
                    self.refuse_call(mediation, stream, (status, &reason), turn);
                }
            }
        }
        self.keep_to_budget(mediation, turn);
        self.judge_calls(mediation, turn);
        has_any
    }

    /// Refuses what has come last, and then what is largest, until the rest has room.
    fn keep_to_budget(&self, mediation: &mut Mediation, turn: &mut Turn<'_>) {
        while let Err(no_room) = mediation.share.grow_to(mediation.bytes()) {
            let last = mediation.waiting.pop_back().map(|call| call.stream);
            let Some(stream) = last.or_else(|| mediation.machine.largest_held()) else { return };
            let refusal = Refusal::from(no_room);
            self.refuse_call(mediation, stream, (Status::ResourceExhausted, &refusal.reason), turn);
        }
    }

    /// Says in the call that its client builds as much as it may.
    fn refuse_uncounted(
        &self,
        mediation: &mut Mediation,
        (stream, path): (u32, &str),
        met: &LimitMet,
        turn: &mut Turn<'_>,
    ) {
        let reason = format!("{met} in {} s", retry_after(met));
        let (method, target) = ("POST", Redacted(path));
        audit::record(&self.client, &Event::LimitMet { method, target, reason: &reason });
        answer(mediation, stream, (Status::ResourceExhausted, &reason), turn);
    }

    fn refuse_call(
        &self,
        mediation: &mut Mediation,
        stream: u32,
        (status, reason): (Status, &dyn Display),
        turn: &mut Turn<'_>,
    ) {
        audit::record(&self.client, &Event::Invalid { status: status.as_http(), reason });
        answer(mediation, stream, (status, reason), turn);
    }

    /// Judges one call after the other, until one must wait for facts or plugins.
    fn judge_calls(&mut self, mediation: &mut Mediation, turn: &mut Turn<'_>) {
        while mediation.is_free()
            && let Some(WholeCall { stream, path, message, history }) =
                mediation.waiting.pop_front()
        {
            if !mediation.machine.is_open(stream) {
                continue;
            }
            let read = match &mediation.machine {
                Machine::Serves(serving) => match serving.session().build() {
                    Some(build) => buildkit::read_dockerfile(build, message),
                    None => continue,
                },
                Machine::Calls(_) => {
                    let Method::Solve(solve) = buildkit::method(&path) else { continue };
                    if history.is_first()
                        && let Err(met) = mediation.count((solve, &message), turn)
                    {
                        self.refuse_uncounted(mediation, (stream, &path), &met, turn);
                        continue;
                    }
                    if mediation.only_counts {
                        mediation.machine.release(stream, &message, &mut outputs(turn.out));
                        continue;
                    }
                    buildkit::read(solve, message)
                }
            };
            let inspected = match read {
                Ok(inspected) => inspected,
                Err(error) => {
                    let refusal = (Status::InvalidArgument, &error as &dyn Display);
                    self.refuse_call(mediation, stream, refusal, turn);
                    continue;
                }
            };
            let solve = inspected.body().solve();
            let rules = Arc::clone(turn.rules);
            let mut questions = policy::questions(&rules.policy, inspected.effects());
            if let Some(others) = &mut questions.wanted.image_names {
                match self.changes.forbidden(&rules.policy) {
                    Ok(forbidden) => *others = forbidden,
                    Err(_) => {
                        let refusal = Refusal::too_many_forbidden();
                        let refusal = (Status::Unavailable, &refusal.reason as &dyn Display);
                        self.refuse_call(mediation, stream, refusal, turn);
                        continue;
                    }
                }
            }
            let ticket = self.next_ticket();
            let deadline = turn.now + rules.body_time_max;
            let (facts, round, waits) = (Facts::none(), 1, CancelGuard::default());
            let token = waits.token();
            let judging = Judging {
                stream,
                path,
                solve,
                inspected,
                history,
                rules,
                ticket,
                facts,
                round,
                waits,
                deadline,
            };
            if questions.is_empty() {
                self.judge_call(mediation, judging, turn);
            } else {
                turn.out.ask(Ask { ticket, what: What::Facts(Box::new(questions)), token });
                mediation.judging = Some(judging);
            }
        }
        if mediation.bytes() == 0 {
            mediation.share = self.no_share();
        }
    }

    /// What was asked about a call is answered.
    pub(super) fn mediation_answered(
        &mut self,
        mut mediation: Box<Mediation>,
        ticket: Ticket,
        answer: Answer,
        turn: &mut Turn<'_>,
    ) {
        let is_judged = mediation.judging.as_ref().is_some_and(|it| it.ticket == ticket);
        let is_reviewed = mediation.reviewing.as_ref().is_some_and(|it| it.ticket == ticket);
        match answer {
            Answer::Facts(facts) if is_judged => {
                if let Some(judging) = mediation.judging.take() {
                    self.call_learned(&mut mediation, judging, facts, turn);
                }
            }
            Answer::Review(review) if is_reviewed => {
                if let Some(reviewing) = mediation.reviewing.take() {
                    self.call_reviewed(&mut mediation, reviewing, review, turn);
                }
            }
            _ if is_judged || is_reviewed => {
                return self.give_up(&"an answer of another kind came to a question");
            }
            Answer::Facts(_) | Answer::Review(_) | Answer::Worked(_) => {}
        }
        self.judge_calls(&mut mediation, turn);
        self.take_calls(&mut mediation, turn);
        self.request = Request::Mediated(mediation);
    }

    fn call_learned(
        &mut self,
        mediation: &mut Mediation,
        mut judging: Judging,
        facts: Facts,
        turn: &mut Turn<'_>,
    ) {
        if let Some(unresolved) = facts.unresolved() {
            let (method, target) = ("POST", Redacted(&judging.path));
            let event = Event::Unresolved { method, target, unresolved: &unresolved };
            audit::record(&self.client, &event);
        }
        judging.facts.add(facts);
        let policy = &judging.rules.policy;
        let effects = judging.inspected.effects();
        let questions = policy::further_questions(policy, effects, &judging.facts);
        if judging.round < ROUNDS_MAX && !questions.is_empty() {
            judging.round += 1;
            judging.ticket = self.next_ticket();
            let (ticket, token) = (judging.ticket, judging.waits.token());
            turn.out.ask(Ask { ticket, what: What::Facts(Box::new(questions)), token });
            mediation.judging = Some(judging);
            return;
        }
        let remembered =
            self.changes.remember(&judging.rules.policy, &judging.rules.viewer, &mut judging.facts);
        if remembered.is_err() {
            let refusal = Refusal::too_many_forbidden();
            let refusal = (Status::Unavailable, &refusal.reason as &dyn Display);
            return self.refuse_call(mediation, judging.stream, refusal, turn);
        }
        self.judge_call(mediation, judging, turn);
    }

    fn judge_call(&mut self, mediation: &mut Mediation, judging: Judging, turn: &mut Turn<'_>) {
        let Judging { stream, path, solve, inspected, history, rules, facts, .. } = judging;
        let (method, target) = ("POST", Redacted(&path));
        match policy::judge(&rules.policy, inspected, &facts) {
            Verdict::Forbidden(_) if facts.is_late() => {
                let refusal = Refusal::not_learned(facts.unresolved().as_ref());
                let refusal = (Status::Unavailable, &refusal.reason as &dyn Display);
                self.refuse_call(mediation, stream, refusal, turn);
            }
            Verdict::Forbidden(violations) => {
                let violations = &violations;
                audit::record(&self.client, &Event::Forbidden { method, target, violations });
                answer(mediation, stream, (Status::PermissionDenied, violations), turn);
            }
            Verdict::Allowed(checked) if plugins::odd_image(&rules, &checked).is_some() => {
                let image = plugins::odd_image(&rules, &checked).unwrap_or_default();
                let reason = format!("plugins can't be asked about image {}", Shown(image));
                self.refuse_call(mediation, stream, (Status::PermissionDenied, &reason), turn);
            }
            Verdict::Allowed(checked) => {
                let images = plugins::asked_images(&rules, &checked);
                let judged = Judged { stream, path, solve, checked, rules, facts };
                if images.is_empty() {
                    self.release_call(mediation, judged, turn);
                } else {
                    self.review_call(mediation, judged, (images, history), turn);
                }
            }
        }
    }

    /// Sends on what was checked, with what is forced on it.
    fn release_call(&mut self, mediation: &mut Mediation, judged: Judged, turn: &mut Turn<'_>) {
        let Judged { stream, path, solve, checked, rules, facts } = judged;
        match buildkit::write(checked, &rules.policy, &facts) {
            Ok((message, changes)) => {
                let (method, target) = ("POST", Redacted(&path));
                let event = Event::Allowed { method, target, changes: &changes };
                audit::record(&self.client, &event);
                if solve == Solve::Control {
                    mediation.building.push((stream, self.changes.begin()));
                }
                mediation.machine.release(stream, &message, &mut outputs(turn.out));
            }
            Err(error) => {
                self.refuse_call(mediation, stream, (Status::Unavailable, &error), turn);
            }
        }
    }

    /// What a rule must know was not learned in time, or plugins have not answered.
    pub(super) fn mediation_elapsed(&mut self, turn: &mut Turn<'_>) {
        let mut mediation = match std::mem::replace(&mut self.request, Request::Over) {
            Request::Mediated(mediation) => mediation,
            other => return self.request = other,
        };
        let judging = mediation.judging.take().map(|judging| judging.stream);
        let late =
            judging.map(|stream| (stream, "the daemon did not answer a policy look-up in time"));
        let reviewing = mediation.reviewing.take().map(|reviewing| reviewing.stream());
        let late =
            late.or(reviewing.map(|stream| (stream, "the plugins have not answered in time")));
        if let Some((stream, reason)) = late {
            let refusal = (Status::Unavailable, &reason as &dyn Display);
            self.refuse_call(&mut mediation, stream, refusal, turn);
        }
        self.judge_calls(&mut mediation, turn);
        self.take_calls(&mut mediation, turn);
        self.request = Request::Mediated(mediation);
    }
}

fn answer(
    mediation: &mut Mediation,
    stream: u32,
    (status, reason): (Status, &dyn Display),
    turn: &mut Turn<'_>,
) {
    let message = format!("SecDocker: {}", bounded(reason));
    mediation.machine.refuse(stream, status, &message, &mut outputs(turn.out));
}

/// Why a call is refused before anything of it is judged.
fn why(path: &str, fault: Option<Fault>) -> (Status, String) {
    let name = path.trim_start_matches('/').escape_debug();
    match fault {
        None => {
            let reason = format!(
                "forbidden: the call {name} to BuildKit, which no rule can be held to; \
                 `builds: allow` lets it pass"
            );
            (Status::PermissionDenied, reason)
        }
        Some(Fault::Head) => {
            (Status::InvalidArgument, "the call to BuildKit has no plain method".to_owned())
        }
        Some(Fault::Compressed) => {
            (Status::InvalidArgument, format!("the call {name} is compressed"))
        }
        Some(Fault::Framing) => {
            (Status::InvalidArgument, format!("the call {name} does not hold one whole message"))
        }
        Some(Fault::Dockerfile(reason)) => {
            let reason = format!("forbidden: a build whose Dockerfile can't be judged: {reason}");
            (Status::PermissionDenied, reason)
        }
        Some(Fault::TooLong | Fault::TooMuch) => {
            let reason = format!("the call {name} is longer than `limits.body` lets it be");
            (Status::ResourceExhausted, reason)
        }
    }
}
