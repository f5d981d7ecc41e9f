//! A step that something may hold up or befall: it waits for its turn, is slowed down, its reply is
//! lost, its user stalls, gives up or crashes after it.

use std::sync::Arc;
use std::time::Duration;

use super::gate::{GateEvent, Permit};
use super::live::RaceContext;
use super::step::{Answered, StepRecorder, reply_of, result_for_user};
use super::{Backing, Client, How, StepError};
use crate::fault::{Effect, Injector};
use crate::history::{FaultKind, Step};
use crate::seat::UserId;
use crate::services::queue::{Answer, CallError, Response, Said};

/// Takes the step when its turn has come, and tells at the gate what it was answered.
pub(super) async fn gated(
    client: &mut Client,
    race: Arc<RaceContext>,
    step: Step,
    how: How,
) -> Answered {
    let Some(gate) = &race.gate else {
        return Err(StepError::Failed);
    };
    let race = &*race;
    let user = client.user;
    let node = step.node(how.manner.node);
    let reply = loop {
        match gate.pass(user, step, node).await {
            Permit::Stop => return Err(StepError::Stopped),
            Permit::Stall => {
                gate.set_stalled(user, true);
                let invoked_ns = race.clock.now_ns();
                race.world.run_out(client.caller()).await;
                race.record_fault(FaultKind::Stall, Some(user), 0, invoked_ns);
            }
            Permit::Act => break act(client, race, step, how, Fate::default()).await,
            Permit::ActUnanswered => {
                let fate = Fate {
                    is_lost: true,
                    delay: None,
                };
                let answer = act(client, race, step, how, fate).await;
                gate.report(did(user, step, answer));
                return result_for_user(step, fate.delivered(answer));
            }
            Permit::LoseRequest => break never_sent(client, race, step, how),
            Permit::SendLate => break send_late(client, race, step, how).await,
        }
    };
    gate.report(did(user, step, reply));
    result_for_user(step, reply)
}

fn did(user: UserId, step: Step, answer: Answer<Response>) -> GateEvent {
    let reply = reply_of(step, answer);
    GateEvent::Answered { user, reply }
}

/// The request is lost, and nothing else is done.
fn never_sent(client: &mut Client, race: &RaceContext, step: Step, how: How) -> Answer<Response> {
    note_release(client.user, race, step);
    let mut recorder = StepRecorder::begin(client, step);
    recorder.node = how.manner.node;
    Err(CallError::Lost)
}

/// The request is kept until its turn comes. One that cannot be kept has failed.
async fn send_late(
    client: &mut Client,
    race: &RaceContext,
    step: Step,
    how: How,
) -> Answer<Response> {
    let (user, caller) = (client.user, client.caller());
    note_release(user, race, step);
    let mut recorder = StepRecorder::begin(client, step);
    recorder.node = how.manner.node;
    match race.world.send_late(step, caller, how, true).await {
        Ok(request) => {
            race.late.hold(user, request);
            Err(CallError::Lost)
        }
        Err(answer) => {
            recorder.reply = reply_of(step, answer);
            answer
        }
    }
}

/// A user that asks for its lock to be freed begins anew.
fn note_release(user: UserId, race: &RaceContext, step: Step) {
    if let (Some(gate), Step::Release) = (&race.gate, step) {
        gate.set_stalled(user, false);
    }
}

/// Takes the step at once.
pub(super) async fn undisturbed(
    client: &mut Client,
    race: Arc<RaceContext>,
    step: Step,
    how: How,
) -> Answered {
    result_for_user(step, act(client, &race, step, how, Fate::default()).await)
}

/// Takes the step at once, with the faults that strike its user.
pub(super) async fn struck(
    client: &mut Client,
    race: Arc<RaceContext>,
    step: Step,
    how: How,
) -> Answered {
    let user = client.user;
    let Some(faults) = &race.faults else {
        return Err(StepError::Failed);
    };
    let race = &*race;
    expire_due(client, race).await;
    if faults.loses_request(user, step) {
        return result_for_user(step, never_sent(client, race, step, how));
    }
    if let Some((at, time)) = faults.lateness(user, step)
        // Boxed: it may connect to a server, and few steps are late.
        && let Some(answered) = Box::pin(be_late(client, race, step, how, time)).await
    {
        faults.count(at);
        return answered;
    }
    let fate = Fate {
        is_lost: faults.loses_reply(user, step),
        delay: faults.delay(user, step),
    };
    let answer = act(client, race, step, how, fate).await;
    // Nothing befalls those who are sent away anyhow: "after it acquired" is after it was granted.
    if answer.is_ok_and(|response| response.said == Said::Yes) {
        inject(client, race, faults, user, step).await;
    }
    result_for_user(step, fate.delivered(answer))
}

/// The request arrives so much later, and its user hears at once that there is no reply; `None` when it
/// cannot be held up, and nothing was done.
async fn be_late(
    client: &mut Client,
    race: &RaceContext,
    step: Step,
    how: How,
    time: Duration,
) -> Option<Answered> {
    client.begin();
    let sent = race
        .world
        .send_late(step, client.caller(), how, false)
        .await;
    let answer = match sent {
        Ok(request) => {
            let world = Arc::clone(&race.world);
            race.late.arrive_after(time, request, world);
            Err(CallError::Lost)
        }
        Err(Err(CallError::Failed)) => return None,
        Err(answer) => answer,
    };
    client.remember(step, answer);
    client.record_on(how.manner.node, step, reply_of(step, answer));
    Some(result_for_user(step, answer))
}

/// What befalls the step itself.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    /// Whether the reply does not arrive.
    is_lost: bool,
    /// How much longer the round trip takes.
    delay: Option<Duration>,
}

impl Fate {
    /// What the user hears.
    fn delivered(self, answer: Answer<Response>) -> Answer<Response> {
        if self.is_lost {
            Err(CallError::Lost)
        } else {
            answer
        }
    }
}

/// Carries the step out and writes it down.
async fn act(
    client: &mut Client,
    race: &RaceContext,
    step: Step,
    how: How,
    fate: Fate,
) -> Answer<Response> {
    let caller = client.caller();
    if let (Some(gate), Step::Acquire, 0) = (&race.gate, step, how.manner.node) {
        gate.set_stalled(client.user, false);
    }
    note_release(client.user, race, step);
    let mut recorder = StepRecorder::begin(client, step);
    recorder.node = how.manner.node;
    if let Some(delay) = fate.delay {
        tokio::time::sleep(delay).await;
    }
    let answer = match &race.gate {
        Some(gate) if step == Step::Validate => {
            Ok((!gate.has_stalled(recorder.client.user)).into())
        }
        gate => {
            let is_forced = gate.is_some();
            race.world.act(step, caller, how, is_forced).await
        }
    };
    let delivered = fate.delivered(answer);
    recorder.client.remember(step, delivered);
    recorder.reply = reply_of(step, delivered);
    answer
}

/// What befalls the user after a step that was answered.
pub(super) async fn inject(
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
            Effect::RunOut(at) => faults.postpone(user, at),
            Effect::Crash => {
                // A watchdog dies with its user.
                for at in faults.take_due(user) {
                    run_out(client, race, at).await;
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
    /// Lets run out what was to run out after the user's last step; its attempt is over.
    pub(crate) async fn expire_due(&self) {
        if let Backing::Live(race) = &self.services {
            expire_due(self, race).await;
        }
    }
}

/// Lets run out what was to run out after the user's last step, unless a watchdog extends it by now.
pub(super) async fn expire_due(client: &Client, race: &RaceContext) {
    let Some(faults) = &race.faults else { return };
    let due = faults.take_due(client.user);
    if !due.is_empty() && !race.watchdogs.extend_any_of(client.caller().token) {
        for at in due {
            run_out(client, race, at).await;
        }
    }
}

/// Lets what the user holds for a time run out, for the fault at this place.
async fn run_out(client: &Client, race: &RaceContext, at: usize) {
    let invoked_ns = race.clock.now_ns();
    let has_held = race.world.run_out(client.caller()).await;
    if let Some(faults) = race.faults.as_ref().filter(|_| has_held) {
        faults.count(at);
        race.record_fault(FaultKind::Expire, Some(client.user), 0, invoked_ns);
    }
}

/// A random time between two tries, so that those who wait do not all come back at once
/// (<https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>).
pub(super) fn jitter() -> Duration {
    Duration::from_micros(rand::random_range(1_000..=10_000))
}
