//! Calls: a step on its way, as a future that is small where users race.
//!
//! A million users may each be in a step, so the future holds only a number where its reply will be;
//! what a race does not need is boxed.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::error::{StepError, result_for_user};
use super::faulted::{gated, pay, struck, undisturbed};
use super::recorder::{Backing, Client};
use super::request::StepRequest;
use super::script::PendingStep;
use crate::services::Submitted;
use crate::step::{Reply, Step};

/// A step on its way, and what its strategy makes of the reply: a [`Reply`], whether the step was done, or
/// nothing.
///
/// In a plain race the service is asked by the call itself: the step may be carried out from then on,
/// and awaiting it only brings the reply. Where something holds steps up or strikes their users (a
/// schedule, a fault, a time that passes), it is asked when the step is first polled. A strategy awaits
/// each step before it calls the next, and then sees no difference. Dropped before its reply, a step
/// that was asked for is lost, and may be carried out all the same.
#[must_use = "the reply to a step is known when it is awaited; dropped before, it is lost"]
pub struct Call<'a, T = Reply> {
    state: CallState<'a>,
    reply: PhantomData<fn() -> T>,
}

// Every user of a race holds one.
const _: () = assert!(size_of::<Call<'_>>() <= 24, "a call is a thin future");

type Answered = Result<Reply, StepError>;

enum CallState<'a> {
    /// Submitted to the queue of a service.
    Submitted {
        client: &'a mut Client,
        step: Step,
        submitted: Submitted,
    },
    /// Answered by a script.
    Scripted {
        client: &'a mut Client,
        step: Step,
    },
    /// Whatever else has to be waited for first.
    Boxed(Pin<Box<dyn Future<Output = Answered> + Send + 'a>>),
    Done(Answered),
}

impl<T> std::fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.state {
            CallState::Submitted { .. } => "Submitted",
            CallState::Scripted { .. } => "Scripted",
            CallState::Boxed(_) => "Boxed",
            CallState::Done(_) => "Done",
        })
    }
}

impl<'a, T> From<CallState<'a>> for Call<'a, T> {
    fn from(state: CallState<'a>) -> Self {
        let reply = PhantomData;
        Self { state, reply }
    }
}

impl Client {
    /// Takes a step: submits it to the queue of its service where nothing else is in the way.
    pub(super) fn step<T>(&mut self, request: StepRequest) -> Call<'_, T> {
        let step = request.step();
        if !step.is_tidying() && self.is_stopped() {
            return CallState::Done(Err(StepError::Stopped)).into();
        }
        let caller = self.caller();
        let race = match &mut self.backing {
            Backing::Scripted(script) => {
                script.ask(PendingStep::new(request, self.requests));
                return CallState::Scripted { client: self, step }.into();
            }
            Backing::Live(race) => {
                if let StepRequest::Service(request) = request
                    && race.is_plain()
                    && let Some(submitted) = race.services.submit(request, caller)
                {
                    let client = self;
                    return CallState::Submitted {
                        client,
                        step,
                        submitted,
                    }
                    .into();
                }
                Arc::clone(race)
            }
        };
        // Each is as large as it needs to be: in a race, every user may be in one.
        let boxed: Pin<Box<dyn Future<Output = Answered> + Send>> = if race.gate.is_some() {
            Box::pin(gated(self, race, request))
        } else if race.faults.is_some() {
            Box::pin(struck(self, race, request))
        } else {
            Box::pin(undisturbed(self, race, request))
        };
        CallState::Boxed(boxed).into()
    }

    /// Answers a step without asking anybody, or writing it down.
    pub(super) fn answered<T>(reply: Reply) -> Call<'static, T> {
        CallState::Done(Ok(reply)).into()
    }

    /// Pays for the seat, which takes as long as the plan says.
    ///
    /// # Errors
    /// [`StepError::Stopped`] when the race ends first.
    pub fn pay(&mut self) -> Call<'_, ()> {
        if self.is_stopped() {
            return CallState::Done(Err(StepError::Stopped)).into();
        }
        let is_struck = matches!(&self.backing, Backing::Live(race) if race.faults.is_some());
        // Boxed: a timer would take 110 bytes in every user, also in those who never pay.
        if is_struck || !self.payment().is_zero() {
            return CallState::Boxed(Box::pin(pay(self))).into();
        }
        self.record(Step::Pay, 0, Reply::Paid);
        Self::answered(Reply::Paid)
    }
}

impl<T: From<Reply>> Future for Call<'_, T> {
    type Output = Result<T, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = match &mut self.state {
            CallState::Submitted {
                client,
                step,
                submitted,
            } => {
                let Backing::Live(race) = &client.backing else {
                    return Poll::Ready(Err(StepError::Failed));
                };
                let reply = ready!(race.services.poll(*submitted, cx));
                client.remember(reply);
                client.record(*step, submitted.node(), reply.reply);
                result_for_user(*step, reply.reply)
            }
            CallState::Scripted { client, step } => {
                let Backing::Scripted(script) = &mut client.backing else {
                    return Poll::Ready(Err(StepError::Failed));
                };
                result_for_user(*step, ready!(script.poll_reply()))
            }
            CallState::Boxed(boxed) => ready!(boxed.as_mut().poll(cx)),
            CallState::Done(answered) => *answered,
        };
        self.state = CallState::Done(answered);
        Poll::Ready(answered.map(T::from))
    }
}

impl<T> Drop for Call<'_, T> {
    fn drop(&mut self) {
        if let CallState::Submitted {
            client,
            step,
            submitted,
        } = &mut self.state
        {
            if let Backing::Live(race) = &client.backing {
                race.services.abandon(*submitted);
            }
            client.record(*step, submitted.node(), Reply::Lost);
        }
    }
}
