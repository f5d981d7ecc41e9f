//! A step that something may hold up or befall: it waits for its turn, is slowed down, its reply is
//! lost, its user stalls, gives up or crashes after it.

use std::sync::Arc;
use std::time::Duration;

use super::live::Race;
use super::step::{Answered, Underway, learnt, reply_of};
use super::turnstile::{Turn, Turnstile, Word};
use super::{Client, How, Services, StepError};
use crate::exchange::{Answer, CallError, Response, Said};
use crate::fault::{Injector, Strike};
use crate::history::Step;
use crate::seat::UserId;

/// Takes the step: gate, fault, act, record.
pub(super) async fn taken(client: &mut Client, step: Step, how: How) -> Answered {
    let Services::Live(race) = &client.services else {
        return Err(StepError::Failed);
    };
    let race = Arc::clone(race);
    match &race.turnstile {
        Some(turnstile) => in_turn(client, &race, turnstile, step, how).await,
        None => struck(client, &race, step, how).await,
    }
}

/// Takes the step when its turn has come, and tells at the turnstile what it was answered.
async fn in_turn(
    client: &mut Client,
    race: &Race,
    turnstile: &Turnstile,
    step: Step,
    how: How,
) -> Answered {
    let user = client.user;
    let node = step.node(how.manner.node);
    let turn = loop {
        match turnstile.turn(user, step, node).await {
            Turn::Stop => return Err(StepError::Stopped),
            Turn::Stall => {
                turnstile.set_stalled(user, true);
                race.world.run_out(client.asker()).await;
            }
            turn => break turn,
        }
    };
    let fate = Fate {
        is_lost: turn == Turn::ActUnanswered,
        delay: None,
    };
    let answer = act(client, race, step, how, fate).await;
    let reply = reply_of(step, answer);
    turnstile.say(Word::Did { user, reply });
    learnt(step, fate.heard(answer))
}

/// Takes the step at once, with what befalls the user.
async fn struck(client: &mut Client, race: &Race, step: Step, how: How) -> Answered {
    let user = client.user;
    let Some(faults) = &race.faults else {
        return learnt(step, act(client, race, step, how, Fate::default()).await);
    };
    let fate = Fate {
        is_lost: faults.loses_reply(user, step),
        delay: faults.delay(user, step),
    };
    let answer = act(client, race, step, how, fate).await;
    // Nothing befalls those who are sent away anyhow: "after it acquired" is after it was granted.
    if answer.is_ok_and(|response| response.said == Said::Yes) {
        strike(client, race, faults, user, step).await;
    }
    learnt(step, fate.heard(answer))
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
    fn heard(self, answer: Answer<Response>) -> Answer<Response> {
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
    race: &Race,
    step: Step,
    how: How,
    fate: Fate,
) -> Answer<Response> {
    let asker = client.asker();
    if let (Some(turnstile), Step::Acquire, 0) = (&race.turnstile, step, how.manner.node) {
        turnstile.set_stalled(client.user, false);
    }
    let mut underway = Underway::begin(client, step);
    underway.node = how.manner.node;
    if let Some(delay) = fate.delay {
        tokio::time::sleep(delay).await;
    }
    let answer = match &race.turnstile {
        Some(turnstile) if step == Step::Validate => {
            Ok((!turnstile.has_stalled(underway.client.user)).into())
        }
        turnstile => {
            let is_forced = turnstile.is_some();
            race.world.act(step, asker, how, is_forced).await
        }
    };
    let heard = fate.heard(answer);
    underway.client.bring(step, heard);
    underway.reply = reply_of(step, heard);
    answer
}

/// What befalls the user after a step that was answered.
pub(super) async fn strike(
    client: &mut Client,
    race: &Race,
    faults: &Injector,
    user: UserId,
    step: Step,
) {
    for strike in faults.after(user, step) {
        match strike {
            Strike::Stall(time) => {
                faults.set_stalled(user, true);
                race.stop.run_until_set(tokio::time::sleep(time)).await;
                faults.set_stalled(user, false);
            }
            Strike::RunOut(at) => {
                if race.world.run_out(client.asker()).await {
                    faults.count(at);
                }
            }
            Strike::Crash => {
                faults.set_crashed(user);
                std::future::pending::<()>().await;
            }
            Strike::GiveUp => faults.set_given_up(user),
            Strike::Service(at, fault) => {
                if faults.carry_out(fault).await {
                    faults.count(at);
                }
            }
        }
    }
    // The next step begins after all this.
    client.begin();
}

/// A random time between two tries, so that those who wait do not all come back at once
/// (<https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>).
pub(super) fn jitter() -> Duration {
    Duration::from_micros(rand::random_range(1_000..=10_000))
}
