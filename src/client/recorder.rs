//! The user behind a client: who it is, what it knows, and the record of its steps.

use std::sync::Arc;
use std::time::Duration;

use super::context::RaceContext;
use super::script::{PendingStep, Script};
use crate::history::{Attempt, Event, Outcome};
use crate::seat::{SeatId, UserId};
use crate::services::lock::Token;
use crate::services::queue::ServiceReply;
use crate::services::request::Caller;
use crate::step::{Reply, Step};

/// One user at its screen: all that a strategy can see and do.
#[derive(Debug)]
pub struct Client {
    pub(super) backing: Backing,
    pub(super) user: UserId,
    seat: SeatId,
    /// How many locks it has asked for; stays 0 when all its requests are alike.
    pub(super) requests: u32,
    /// What came with a reply: the token of its lock, or the version of the seat.
    stamp: u32,
    /// Nanoseconds: half the room of a [`Duration`].
    payment_ns: u64,
    /// When it started, or its last step was complete: when its next step begins, for a strategy
    /// takes no time of its own.
    pub(super) seen_ns: u64,
}

/// Who answers a user's steps.
#[derive(Debug)]
pub(super) enum Backing {
    /// The services of a race.
    Live(Arc<RaceContext>),
    /// A script of replies.
    /// Boxed: users who race need no room for it.
    Scripted(Box<Script>),
}

impl Client {
    /// A user of this race who wants this seat and takes this long to pay.
    #[must_use]
    pub(crate) fn new(
        race: Arc<RaceContext>,
        user: UserId,
        seat: SeatId,
        payment: Duration,
    ) -> Self {
        Self {
            backing: Backing::Live(race),
            user,
            seat,
            requests: 0,
            stamp: 0,
            payment_ns: u64::try_from(payment.as_nanos()).unwrap_or(u64::MAX),
            seen_ns: 0,
        }
    }

    /// A user whose services are a script.
    #[must_use]
    pub(crate) fn scripted(script: Script, seat: SeatId) -> Self {
        Self {
            backing: Backing::Scripted(Box::new(script)),
            user: UserId(1),
            seat,
            requests: 0,
            stamp: 0,
            payment_ns: 0,
            seen_ns: 0,
        }
    }

    /// The step that this scripted user wants and its script has no reply to; `None` when it wants
    /// none.
    #[must_use]
    pub(crate) fn pending_step(&self) -> Option<PendingStep> {
        match &self.backing {
            Backing::Scripted(script) => script.pending_step(),
            Backing::Live(_) => None,
        }
    }

    /// The seat that the user wants.
    #[must_use]
    pub fn seat(&self) -> SeatId {
        self.seat
    }

    /// How long the user takes to pay.
    pub(super) const fn payment(&self) -> Duration {
        Duration::from_nanos(self.payment_ns)
    }

    /// Writes down what the user is told at the end of its attempt. A transaction that it has left open
    /// is undone.
    pub(crate) fn end(&self, outcome: Outcome, started_ns: u64) {
        if let Backing::Live(race) = &self.backing {
            race.services.disconnect(self.user);
            race.log.end(Attempt {
                user: self.user,
                seat: self.seat,
                outcome,
                started_ns,
                ended_ns: self.seen_ns,
            });
        }
    }

    /// The user's next step begins now, in nanoseconds from the start of the race.
    pub(crate) fn begin(&mut self) -> u64 {
        if let Backing::Live(race) = &self.backing {
            self.seen_ns = race.clock.now_ns();
        }
        self.seen_ns
    }

    /// Who asks, with what.
    pub(super) fn caller(&self) -> Caller {
        let user = self.user;
        let token = match self.requests {
            0 => Token {
                user: user.person(),
                request: 0,
            },
            request => Token { user, request },
        };
        Caller {
            seat: self.seat,
            user,
            token,
            stamp: self.stamp,
        }
    }

    /// Keeps the token or the version that came with a reply.
    pub(super) fn remember(&mut self, reply: ServiceReply) {
        if reply.stamp > 0 {
            self.stamp = reply.stamp;
        }
    }

    /// Writes down a step that began when the last one was complete, and is complete now. Of several
    /// lock services, the one of this number was asked.
    pub(super) fn record(&mut self, step: Step, node: u8, reply: Reply) {
        if let Backing::Live(race) = &self.backing {
            let completed_ns = race.clock.now_ns();
            race.log.step(Event {
                user: self.user,
                seat: self.seat,
                step,
                node,
                reply,
                invoked_ns: self.seen_ns,
                completed_ns,
            });
            self.seen_ns = completed_ns;
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        match &self.backing {
            Backing::Live(race) => {
                let faults = race.faults.as_ref();
                race.stop.is_set() || faults.is_some_and(|it| it.has_given_up(self.user))
            }
            Backing::Scripted(script) => script.has_given_up(),
        }
    }
}

/// A step that is recorded when it is dropped: with its reply, or as lost.
pub(super) struct StepRecorder<'a> {
    pub(super) client: &'a mut Client,
    step: Step,
    node: u8,
    pub(super) reply: Reply,
}

impl<'a> StepRecorder<'a> {
    pub(super) fn begin(client: &'a mut Client, step: Step, node: u8) -> Self {
        client.begin();
        Self {
            client,
            step,
            node,
            reply: Reply::Lost,
        }
    }
}

impl Drop for StepRecorder<'_> {
    fn drop(&mut self) {
        self.client.record(self.step, self.node, self.reply);
    }
}
