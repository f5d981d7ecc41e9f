//! Steps under faults and forced schedules: it waits for its turn, is slowed down, its reply is
//! lost, its user stalls, gives up or crashes after it.

use std::sync::Arc;
use std::time::Duration;

use super::context::RaceContext;
use super::error::{StepError, result_for_user};
use super::gate::{GateEvent, Permit};
use super::recorder::{Backing, Client, StepRecorder};
use super::request::StepRequest;
use crate::fault::{Effect, Injector};
use crate::history::FaultKind;
use crate::seat::UserId;
use crate::services::Pace;
use crate::services::queue::ServiceReply;
use crate::services::request::{Caller, ServiceRequest};
use crate::step::{LockEffect, Reply, Step};

/// Takes the step when its turn has come, and tells at the gate what it was answered.
pub(super) async fn gated(
    client: &mut Client,
    race: Arc<RaceContext>,
    request: StepRequest,
) -> Result<Reply, StepError> {
    let Some(gate) = &race.gate else {
        return Err(StepError::Failed);
    };
    let race = &*race;
    let user = client.user;
    let (step, node) = (request.step(), request.node());
    let reply = loop {
        match gate.pass(user, step, node).await {
            Permit::Stop => return Err(StepError::Stopped),
            Permit::Stall => {
                gate.set_stalled(user, true);
                let invoked_ns = race.clock.now_ns();
                race.services.expire(client.caller()).await;
                race.record_fault(FaultKind::Stall, Some(user), 0, invoked_ns);
            }
            Permit::Act => break act(client, race, request, Fate::default()).await,
            Permit::ActUnanswered => {
                let fate = Fate {
                    is_lost: true,
                    delay: None,
                };
                let reply = act(client, race, request, fate).await;
                gate.report(GateEvent::Answered { user, reply });
                return result_for_user(step, fate.delivered(reply.into()).reply);
            }
            Permit::LoseRequest => break never_sent(client, race, request),
            Permit::SendLate => break send_late(client, race, request).await,
        }
    };
    gate.report(GateEvent::Answered { user, reply });
    result_for_user(step, reply)
}

/// The request is lost, and nothing else is done.
fn never_sent(client: &mut Client, race: &RaceContext, request: StepRequest) -> Reply {
    note_release(client.user, race, request.step());
    StepRecorder::begin(client, request.step(), request.node()).reply
}

/// The request is kept until its turn comes. One that cannot be kept has failed.
async fn send_late(client: &mut Client, race: &RaceContext, request: StepRequest) -> Reply {
    let (user, caller) = (client.user, client.caller());
    note_release(user, race, request.step());
    let mut recorder = StepRecorder::begin(client, request.step(), request.node());
    let sent = match request {
        StepRequest::Service(request) => {
            race.services.send_late(request, caller, Pace::Forced).await
        }
        StepRequest::Validate { .. } | StepRequest::Wait => Err(Reply::Failed.into()),
    };
    match sent {
        Ok(sent) => race.late.hold(user, sent),
        Err(answered) => recorder.reply = answered.reply,
    }
    recorder.reply
}

/// A user that asks for its lock to be freed begins anew.
fn note_release(user: UserId, race: &RaceContext, step: Step) {
    if let (Some(gate), LockEffect::Frees) = (&race.gate, step.lock_effect()) {
        gate.set_stalled(user, false);
    }
}

/// Takes the step at once.
pub(super) async fn undisturbed(
    client: &mut Client,
    race: Arc<RaceContext>,
    request: StepRequest,
) -> Result<Reply, StepError> {
    let reply = act(client, &race, request, Fate::default()).await;
    result_for_user(request.step(), reply)
}

/// Takes the step at once, with the faults that strike its user.
pub(super) async fn struck(
    client: &mut Client,
    race: Arc<RaceContext>,
    request: StepRequest,
) -> Result<Reply, StepError> {
    let (user, step) = (client.user, request.step());
    let Some(faults) = &race.faults else {
        return Err(StepError::Failed);
    };
    let race = &*race;
    expire_due(client, race).await;
    if faults.loses_request(user, step) {
        return result_for_user(step, never_sent(client, race, request));
    }
    if let StepRequest::Service(request) = request
        && let Some((at, time)) = faults.lateness(user, step)
        // Boxed: it may connect to a server, and few steps are late.
        && let Some(answered) = Box::pin(be_late(client, race, request, time)).await
    {
        faults.count(at);
        return answered;
    }
    let fate = Fate {
        is_lost: faults.loses_reply(user, step),
        delay: faults.delay(user, step),
    };
    let reply = act(client, race, request, fate).await;
    // Nothing strikes those who are sent away anyhow: "after it acquired" is after it was granted.
    if reply.is_done() {
        inject(client, race, faults, user, step).await;
    }
    result_for_user(step, fate.delivered(reply.into()).reply)
}

/// The request arrives so much later, and its user hears at once that there is no reply; `None` when it
/// cannot be held up, and nothing was done.
async fn be_late(
    client: &mut Client,
    race: &RaceContext,
    request: ServiceRequest,
    time: Duration,
) -> Option<Result<Reply, StepError>> {
    client.begin();
    let sent = race
        .services
        .send_late(request, client.caller(), Pace::Racing);
    let reply = match sent.await {
        Ok(sent) => {
            race.late.arrive_after(time, sent);
            Reply::Lost.into()
        }
        Err(failed) if failed.reply == Reply::Failed => return None,
        Err(answered) => answered,
    };
    client.remember(reply);
    client.record(request.step(), request.node(), reply.reply);
    Some(result_for_user(request.step(), reply.reply))
}

/// What strikes the step itself.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    /// Whether the reply does not arrive.
    is_lost: bool,
    /// How much longer the round trip takes.
    delay: Option<Duration>,
}

impl Fate {
    /// What the user hears.
    fn delivered(self, reply: ServiceReply) -> ServiceReply {
        if self.is_lost {
            Reply::Lost.into()
        } else {
            reply
        }
    }
}

/// Carries the step out and writes it down: what the service said, also when the user does not hear it.
async fn act(client: &mut Client, race: &RaceContext, request: StepRequest, fate: Fate) -> Reply {
    let (step, node) = (request.step(), request.node());
    let caller = client.caller();
    if let (Some(gate), Step::Acquire, 0) = (&race.gate, step, node) {
        gate.set_stalled(client.user, false);
    }
    note_release(client.user, race, step);
    let mut recorder = StepRecorder::begin(client, step, node);
    if let Some(delay) = fate.delay {
        tokio::time::sleep(delay).await;
    }
    let reply = match request {
        StepRequest::Validate { is_in_time } => {
            let gate = race.gate.as_ref();
            in_time(gate.map_or(is_in_time, |gate| !gate.has_stalled(caller.user)))
        }
        StepRequest::Wait => wait(race, caller).await,
        StepRequest::Service(request) => {
            let pace = match race.gate {
                Some(_) => Pace::Forced,
                None => Pace::Racing,
            };
            race.services.act(request, caller, pace).await
        }
    };
    let delivered = fate.delivered(reply);
    recorder.client.remember(delivered);
    recorder.reply = delivered.reply;
    reply.reply
}

/// Lets a random time pass. In a schedule, what would be waited for comes later.
async fn wait(race: &RaceContext, caller: Caller) -> ServiceReply {
    if race.gate.is_some() {
        let reply = match race.services.is_free(caller).await {
            Some(true) => Reply::Again,
            Some(false) => Reply::TimeUp,
            None => Reply::Failed,
        };
        return reply.into();
    }
    tokio::time::sleep(jitter()).await;
    Reply::Again.into()
}

fn in_time(is_in_time: bool) -> ServiceReply {
    let reply = if is_in_time {
        Reply::InTime
    } else {
        Reply::Late
    };
    reply.into()
}

/// Takes the time that a payment takes.
pub(super) async fn pay(client: &mut Client) -> Result<Reply, StepError> {
    let Backing::Live(race) = &client.backing else {
        return Ok(Reply::Paid);
    };
    let race = Arc::clone(race);
    let (user, payment) = (client.user, client.payment());
    expire_due(client, &race).await;
    let mut recorder = StepRecorder::begin(client, Step::Pay, 0);
    let paid = if payment.is_zero() {
        Some(())
    } else {
        race.stop.run_until_set(tokio::time::sleep(payment)).await
    };
    recorder.reply = paid.map_or(Reply::Failed, |()| Reply::Paid);
    drop(recorder);
    if let (Some(faults), Some(())) = (&race.faults, paid) {
        inject(client, &race, faults, user, Step::Pay).await;
    }
    paid.map(|()| Reply::Paid).ok_or(StepError::Stopped)
}

/// What strikes the user after a step that was answered.
async fn inject(
    client: &mut Client,
    race: &RaceContext,
    faults: &Injector,
    user: UserId,
    step: Step,
) {
    for strike in faults.after(user, step) {
        match strike {
            Effect::Stall(time) => {
                faults.set_stalled(user, true);
                race.stop.run_until_set(tokio::time::sleep(time)).await;
                faults.set_stalled(user, false);
            }
            // Whether a watchdog extends its locks is not known before its next step.
            Effect::Expire(at) => faults.postpone(user, at),
            Effect::Crash => {
                // A watchdog dies with its user.
                for at in faults.take_due(user) {
                    expire(client, race, at).await;
                }
                faults.set_crashed(user);
                race.record_fault(FaultKind::Crash, Some(user), 0, race.clock.now_ns());
                std::future::pending::<()>().await;
            }
            Effect::GiveUp => faults.set_given_up(user),
            Effect::Service(at, fault) => {
                let invoked_ns = race.clock.now_ns();
                if faults.carry_out(fault).await {
                    faults.count(at);
                    if fault.is_restart() {
                        race.record_fault(FaultKind::Restart, None, 0, invoked_ns);
                    }
                }
            }
        }
    }
    // The next step begins after all this.
    client.begin();
}

impl Client {
    /// Ends the time of what was to expire after the user's last step; its attempt is over.
    pub(crate) async fn expire_due(&self) {
        if let Backing::Live(race) = &self.backing {
            expire_due(self, race).await;
        }
    }
}

/// Ends the time of what was to expire after the user's last step, unless a watchdog extends it by now.
async fn expire_due(client: &Client, race: &RaceContext) {
    let Some(faults) = &race.faults else { return };
    let due = faults.take_due(client.user);
    if !due.is_empty() && !race.watchdogs.extend_any_of(client.caller().token) {
        for at in due {
            expire(client, race, at).await;
        }
    }
}

/// Ends the time of what the user holds, for the fault at this place.
async fn expire(client: &Client, race: &RaceContext, at: usize) {
    let invoked_ns = race.clock.now_ns();
    let has_held = race.services.expire(client.caller()).await;
    if let Some(faults) = race.faults.as_ref().filter(|_| has_held) {
        faults.count(at);
        race.record_fault(FaultKind::Expire, Some(client.user), 0, invoked_ns);
    }
}

/// A random time between two tries, so that those who wait do not all come back at once
/// (<https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>).
fn jitter() -> Duration {
    Duration::from_micros(rand::random_range(1_000..=10_000))
}
