//! One step of a user on its way: gate, act, record.
//!
//! A million users may each be in a step, so it is a future of its own making that holds only a
//! number where its reply will be; what a race does not need is boxed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::script::Asked;
use super::turnstile::{Turn, Word};
use super::{Client, Guard, How, Services, StepError};
use crate::exchange::{Answer, CallError, Handed, Ticket};
use crate::history::{Reply, Step};

type Answered = Result<bool, StepError>;

/// A step on its way; what it answers depends on the step. Dropped in the middle, it was lost.
#[derive(Debug)]
#[must_use = "a step is taken when it is awaited"]
pub struct StepCall<'a>(Way<'a>);

/// A payment on its way.
#[derive(Debug)]
#[must_use = "a step is taken when it is awaited"]
pub struct PayCall<'a>(pub(super) StepCall<'a>);

type LongCall<'a> = Pin<Box<dyn Future<Output = Answered> + Send + 'a>>;

enum Way<'a> {
    /// Handed in to the real service.
    Raced {
        client: &'a mut Client,
        step: Step,
        ticket: Ticket,
    },
    /// Answered by a script.
    Scripted {
        client: &'a mut Client,
        step: Step,
        guard: Guard,
    },
    /// Whatever else has to be waited for first. Boxed twice: a thin pointer leaves a race's step
    /// at 16 bytes.
    Long(Box<LongCall<'a>>),
    Over(Answered),
}

impl std::fmt::Debug for Way<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Raced { .. } => "Raced",
            Self::Scripted { .. } => "Scripted",
            Self::Long(_) => "Long",
            Self::Over(_) => "Over",
        })
    }
}

impl<'a> StepCall<'a> {
    /// The race was stopped before it.
    pub(super) fn stopped() -> Self {
        Self(Way::Over(Err(StepError::Stopped)))
    }

    pub(super) fn scripted(client: &'a mut Client, step: Step, guard: Guard) -> Self {
        Self(Way::Scripted {
            client,
            step,
            guard,
        })
    }

    /// A step that nothing holds up.
    pub(super) fn raced(client: &'a mut Client, step: Step, how: How) -> Self {
        let Services::Live(race) = &client.services else {
            return Self::scripted(client, step, how.guard);
        };
        match race.world.hand_in(step, client.seat, client.token(), how) {
            Handed::Waits(ticket) => Self(Way::Raced {
                client,
                step,
                ticket,
            }),
            Handed::Answered(answer) => {
                client.record(step, reply_of(step, answer));
                Self(Way::Over(learnt(step, answer)))
            }
        }
    }

    /// A step that waits for its turn first.
    pub(super) fn in_turn(client: &'a mut Client, step: Step, how: How) -> Self {
        Self::long(in_turn(client, step, how))
    }

    fn long(work: impl Future<Output = Answered> + Send + 'a) -> Self {
        Self(Way::Long(Box::new(Box::pin(work))))
    }

    pub(super) fn payment(client: &'a mut Client) -> Self {
        if client.is_stopped() {
            return Self::stopped();
        }
        // Boxed: a timer would take 110 bytes in every user, also in those who never pay.
        if client.payment_ns > 0 {
            return Self::long(pay(client));
        }
        client.record(Step::Pay, Reply::Paid);
        Self(Way::Over(Ok(true)))
    }
}

impl Future for StepCall<'_> {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        let answered = match &mut self.0 {
            Way::Raced {
                client,
                step,
                ticket,
            } => {
                let answer = match &client.services {
                    Services::Live(race) => ready!(race.world.poll(*step, *ticket, cx)),
                    Services::Scripted(_) => Err(CallError::Failed),
                };
                client.record(*step, reply_of(*step, answer));
                learnt(*step, answer)
            }
            Way::Scripted {
                client,
                step,
                guard,
            } => {
                let asked = Asked {
                    step: *step,
                    request: client.requests,
                    guard: *guard,
                };
                let reply = match &mut client.services {
                    Services::Scripted(script) => ready!(script.poll_reply(asked)),
                    Services::Live(_) => Reply::Failed,
                };
                learnt(*step, answer_of(reply))
            }
            Way::Long(long) => ready!(Pin::as_mut(long).poll(cx)),
            Way::Over(answered) => *answered,
        };
        self.0 = Way::Over(answered);
        Poll::Ready(answered)
    }
}

impl Drop for StepCall<'_> {
    fn drop(&mut self) {
        if let Way::Raced {
            client,
            step,
            ticket,
        } = &mut self.0
        {
            if let Services::Live(race) = &client.services {
                race.world.abandon(*step, *ticket);
            }
            client.record(*step, Reply::Lost);
        }
    }
}

impl Future for PayCall<'_> {
    type Output = Result<(), StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StepError>> {
        Pin::new(&mut self.0).poll(cx).map_ok(drop)
    }
}

/// A step that is recorded when it is dropped: with its reply, or as lost.
struct Underway<'a> {
    client: &'a mut Client,
    step: Step,
    reply: Reply,
}

impl<'a> Underway<'a> {
    fn begin(client: &'a mut Client, step: Step) -> Self {
        client.begin();
        let reply = Reply::Lost;
        Self {
            client,
            step,
            reply,
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.client.record(self.step, self.reply);
    }
}

/// Takes the step when its turn has come, and tells at the turnstile what it was answered.
async fn in_turn(client: &mut Client, step: Step, how: How) -> Answered {
    let (user, seat, token) = (client.user, client.seat, client.token());
    let Services::Live(race) = &client.services else {
        return Err(StepError::Failed);
    };
    let race = Arc::clone(race);
    let Some(turnstile) = &race.turnstile else {
        return Err(StepError::Failed);
    };
    let turn = turnstile.turn(user, step).await;
    if turn == Turn::Stop {
        return Err(StepError::Stopped);
    }
    let mut underway = Underway::begin(client, step);
    let answer = race.world.ask(step, seat, token, how).await;
    let heard = match turn {
        Turn::ActUnanswered => Err(CallError::Lost),
        Turn::Act | Turn::Stop => answer,
    };
    underway.reply = reply_of(step, heard);
    drop(underway);
    let reply = reply_of(step, answer);
    turnstile.say(Word::Did { user, reply });
    learnt(step, heard)
}

/// Takes the time that a payment takes.
async fn pay(client: &mut Client) -> Answered {
    let Services::Live(race) = &client.services else {
        return Ok(true);
    };
    let race = Arc::clone(race);
    let payment = tokio::time::sleep(Duration::from_nanos(client.payment_ns));
    let mut underway = Underway::begin(client, Step::Pay);
    let paid = race.stop.run_until_set(payment).await;
    underway.reply = paid.map_or(Reply::Failed, |()| Reply::Paid);
    paid.map(|()| true).ok_or(StepError::Stopped)
}

/// What an answer to a step is in a history.
const fn reply_of(step: Step, answer: Answer<bool>) -> Reply {
    match (step, answer) {
        (_, Err(CallError::Failed)) => Reply::Failed,
        (_, Err(CallError::Lost)) => Reply::Lost,
        (Step::Check, Ok(true)) => Reply::Available,
        (Step::Check, Ok(false)) => Reply::Taken,
        (Step::Insert, Ok(true)) => Reply::Inserted,
        (Step::Insert, Ok(false)) => Reply::Conflict,
        (Step::Acquire, Ok(true)) => Reply::Granted,
        (Step::Acquire, Ok(false)) => Reply::Held,
        (Step::Release, Ok(true)) => Reply::Released,
        (Step::Release, Ok(false)) => Reply::NotHeld,
        (Step::Pay, Ok(_)) => Reply::Paid,
    }
}

/// What an answer tells the user. Looking changes nothing, so a lost look is a failed one.
const fn learnt(step: Step, answer: Answer<bool>) -> Answered {
    match (step, answer) {
        (_, Ok(answer)) => Ok(answer),
        (Step::Check, Err(_)) | (_, Err(CallError::Failed)) => Err(StepError::Failed),
        (_, Err(CallError::Lost)) => Err(StepError::Lost),
    }
}

/// What a reply in a script says.
const fn answer_of(reply: Reply) -> Answer<bool> {
    match reply {
        Reply::Granted | Reply::Available | Reply::Inserted | Reply::Released | Reply::Paid => {
            Ok(true)
        }
        Reply::Held | Reply::Taken | Reply::Conflict | Reply::NotHeld => Ok(false),
        Reply::Failed => Err(CallError::Failed),
        Reply::Lost => Err(CallError::Lost),
    }
}
