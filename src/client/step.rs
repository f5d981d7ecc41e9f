//! A step's future: gate, fault, act, record.
//!
//! A million users may each be in a step, so it is a future of its own making that holds only a
//! number where its reply will be; what a race does not need is boxed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::faulted::{gated, struck, undisturbed};
use super::script::Asked;
use super::{Backing, Client, How, StepError};
use crate::history::{Reply, Step};
use crate::services::queue::{Answer, CallError, RequestId, Response, Said, Submitted};

pub(super) type Answered = Result<Said, StepError>;

/// A step on its way, which is done or not.
///
/// In a plain race the service is asked by the call itself: the step may be carried out from then on,
/// and awaiting it only brings the reply. Where something holds steps up or befalls their users (a
/// schedule, a fault, a time that passes), it is asked when the step is first polled. A strategy awaits
/// each step before it calls the next, and then sees no difference. Dropped before its reply, a step
/// that was asked for is lost, and may be carried out all the same.
#[derive(Debug)]
#[must_use = "the reply to a step is known when it is awaited; dropped before, it is lost"]
pub struct StepCall<'a>(pub(super) SaidCall<'a>);

/// A payment on its way; see [`StepCall`].
#[derive(Debug)]
#[must_use = "the reply to a step is known when it is awaited; dropped before, it is lost"]
pub struct PayCall<'a>(pub(super) SaidCall<'a>);

/// A step on its way that can be answered more than yes or no; see [`StepCall`].
#[derive(Debug)]
#[must_use = "the reply to a step is known when it is awaited; dropped before, it is lost"]
pub struct SaidCall<'a>(CallState<'a>);

type LongCall<'a> = Pin<Box<dyn Future<Output = Answered> + Send + 'a>>;

enum CallState<'a> {
    /// Submitted to the real service.
    Raced {
        client: &'a mut Client,
        step: Step,
        /// Which of several lock services was asked.
        node: u8,
        id: RequestId,
    },
    /// Answered by a script.
    Scripted {
        client: &'a mut Client,
        step: Step,
    },
    /// Whatever else has to be waited for first. Boxed twice: a thin pointer leaves a race's step
    /// at 16 bytes.
    Long(Box<LongCall<'a>>),
    Over(Answered),
}

impl std::fmt::Debug for CallState<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Raced { .. } => "Raced",
            Self::Scripted { .. } => "Scripted",
            Self::Long(_) => "Long",
            Self::Over(_) => "Over",
        })
    }
}

impl<'a> SaidCall<'a> {
    /// The race was stopped before it.
    pub(super) fn stopped() -> Self {
        Self(CallState::Over(Err(StepError::Stopped)))
    }

    /// Answered without asking anybody.
    pub(super) fn said(said: Said) -> Self {
        Self(CallState::Over(Ok(said)))
    }

    pub(super) fn scripted(client: &'a mut Client, step: Step, how: How) -> Self {
        let request = super::script::request(client.requests);
        if let Backing::Scripted(script) = &mut client.services {
            script.ask(Asked {
                step,
                request,
                manner: how.manner,
                watched: None,
            });
        }
        Self(CallState::Scripted { client, step })
    }

    /// A step that nothing holds up.
    pub(super) fn raced(client: &'a mut Client, step: Step, how: How) -> Self {
        let Backing::Live(race) = &client.services else {
            return Self::scripted(client, step, how);
        };
        let node = step.node(how.manner.node);
        match race.world.submit(step, client.caller(), how) {
            Submitted::Waits(id) => Self(CallState::Raced {
                client,
                step,
                node,
                id,
            }),
            Submitted::Answered(answer) => {
                client.remember(step, answer);
                client.record_on(node, step, reply_of(step, answer));
                Self(CallState::Over(result_for_user(step, answer)))
            }
        }
    }

    /// A step that something may hold up, or befall.
    pub(super) fn step_with_faults(client: &'a mut Client, step: Step, how: How) -> Self {
        let Backing::Live(race) = &client.services else {
            return Self(CallState::Over(Err(StepError::Failed)));
        };
        let race = Arc::clone(race);
        // Each is as large as it needs to be: in a race, every user may be in one.
        if race.gate.is_some() {
            Self::long(gated(client, race, step, how))
        } else if race.faults.is_some() {
            Self::long(struck(client, race, step, how))
        } else {
            Self::long(undisturbed(client, race, step, how))
        }
    }

    pub(super) fn long(work: impl Future<Output = Answered> + Send + 'a) -> Self {
        Self(CallState::Long(Box::new(Box::pin(work))))
    }

    pub(super) fn payment(client: &'a mut Client) -> Self {
        if client.is_stopped() {
            return Self::stopped();
        }
        let is_struck = matches!(&client.services, Backing::Live(race) if race.faults.is_some());
        // Boxed: a timer would take 110 bytes in every user, also in those who never pay.
        if client.payment_ns > 0 || is_struck {
            return Self::long(pay(client));
        }
        client.record(Step::Pay, Reply::Paid);
        Self(CallState::Over(Ok(Said::Yes)))
    }
}

impl Future for SaidCall<'_> {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        let answered = match &mut self.0 {
            CallState::Raced {
                client,
                step,
                node,
                id,
            } => {
                let answer = match &client.services {
                    Backing::Live(race) => ready!(race.world.poll((*step, *node), *id, cx)),
                    Backing::Scripted(_) => Err(CallError::Failed),
                };
                client.remember(*step, answer);
                client.record_on(*node, *step, reply_of(*step, answer));
                result_for_user(*step, answer)
            }
            CallState::Scripted { client, step } => {
                let answer = match &mut client.services {
                    Backing::Scripted(script) => ready!(script.poll_answer()),
                    Backing::Live(_) => Err(CallError::Failed),
                };
                result_for_user(*step, answer.map(Response::from))
            }
            CallState::Long(long) => ready!(Pin::as_mut(long).poll(cx)),
            CallState::Over(answered) => *answered,
        };
        self.0 = CallState::Over(answered);
        Poll::Ready(answered)
    }
}

impl Drop for SaidCall<'_> {
    fn drop(&mut self) {
        if let CallState::Raced {
            client,
            step,
            node,
            id,
        } = &mut self.0
        {
            if let Backing::Live(race) = &client.services {
                race.world.abandon((*step, *node), *id);
            }
            client.record_on(*node, *step, Reply::Lost);
        }
    }
}

impl Future for StepCall<'_> {
    type Output = Result<bool, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let said = Pin::new(&mut self.0).poll(cx);
        said.map_ok(|said| said == Said::Yes)
    }
}

impl Future for PayCall<'_> {
    type Output = Result<(), StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(drop)
    }
}

/// A step that is recorded when it is dropped: with its reply, or as lost.
pub(super) struct StepRecorder<'a> {
    pub(super) client: &'a mut Client,
    step: Step,
    pub(super) node: u8,
    pub(super) reply: Reply,
}

impl<'a> StepRecorder<'a> {
    pub(super) fn begin(client: &'a mut Client, step: Step) -> Self {
        client.begin();
        let reply = Reply::Lost;
        Self {
            client,
            step,
            node: 0,
            reply,
        }
    }
}

impl Drop for StepRecorder<'_> {
    fn drop(&mut self) {
        self.client.record_on(self.node, self.step, self.reply);
    }
}

/// Takes the time that a payment takes.
async fn pay(client: &mut Client) -> Answered {
    let Backing::Live(race) = &client.services else {
        return Ok(Said::Yes);
    };
    let race = Arc::clone(race);
    let user = client.user;
    let payment = Duration::from_nanos(client.payment_ns);
    super::faulted::expire_due(client, &race).await;
    let mut recorder = StepRecorder::begin(client, Step::Pay);
    let paid = if payment.is_zero() {
        Some(())
    } else {
        race.stop.run_until_set(tokio::time::sleep(payment)).await
    };
    recorder.reply = paid.map_or(Reply::Failed, |()| Reply::Paid);
    drop(recorder);
    if let (Some(faults), Some(())) = (&race.faults, paid) {
        super::faulted::inject(client, &race, faults, user, Step::Pay).await;
    }
    paid.map(|()| Said::Yes).ok_or(StepError::Stopped)
}

/// What an answer to a step is in a history.
pub(crate) const fn reply_of(step: Step, answer: Answer<Response>) -> Reply {
    let said = match answer {
        Err(CallError::Failed) => return Reply::Failed,
        Err(CallError::Lost) => return Reply::Lost,
        Ok(response) => response.said,
    };
    match (step, said) {
        (Step::Acquire | Step::Hold, Said::Yes) => Reply::Granted,
        (Step::Hold | Step::Check, Said::No) => Reply::Taken,
        (Step::Acquire | Step::Hold, _) => Reply::Held,
        (Step::SetTtl, Said::Yes) => Reply::TtlSet,
        (Step::Validate, Said::Yes) => Reply::InTime,
        (Step::Validate, _) => Reply::Late,
        (Step::Wait, Said::Yes) => Reply::Again,
        (Step::Wait, _) => Reply::TimeUp,
        (Step::Begin, Said::Yes) => Reply::Begun,
        (Step::Check, Said::Yes) => Reply::Available,
        (Step::Pay, _) => Reply::Paid,
        (Step::Insert | Step::Confirm, Said::Yes) => Reply::Inserted,
        (Step::Insert | Step::Confirm, Said::No) => Reply::Conflict,
        (Step::Commit, Said::Yes) => Reply::Committed,
        (Step::Rollback, _) => Reply::RolledBack,
        (Step::Verify, Said::Yes) => Reply::StillHeld,
        (Step::Release, Said::Yes) => Reply::Released,
        (Step::SetTtl | Step::Verify | Step::Release, _) => Reply::NotHeld,
        (_, Said::Stale) => Reply::Stale,
        _ => Reply::Busy,
    }
}

/// What an answer tells the user. Looking changes nothing, so a lost look is a failed one.
pub(super) const fn result_for_user(step: Step, answer: Answer<Response>) -> Answered {
    match (step, answer) {
        (_, Ok(response)) => Ok(response.said),
        (Step::Check | Step::Verify | Step::Validate | Step::Wait, Err(_))
        | (_, Err(CallError::Failed)) => Err(StepError::Failed),
        (_, Err(CallError::Lost)) => Err(StepError::Lost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Every user of a race holds one.
    #[test]
    fn a_step_of_a_race_takes_16_bytes_also_at_one_of_several_lock_services() {
        assert_eq!(size_of::<SaidCall<'_>>(), 16);
        assert_eq!(size_of::<StepCall<'_>>(), 16);
    }
}
