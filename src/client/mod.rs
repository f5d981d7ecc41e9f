//! What may a strategy do? The steps of one user, each a round trip.
//!
//! Every step passes through [`Client::step`]: gate, act, record.

mod live;
mod script;
mod step;
mod turnstile;

use std::sync::Arc;
use std::time::Duration;

use crate::history::{Attempt, Event, Outcome, Reply, Step};
use crate::lock::Token;
use crate::seat::{SeatId, UserId};

pub use crate::lock::Ttl;
pub use crate::store::Guard;
pub use live::{Clock, Log, Race, Stop, World};
pub use script::{Asked, Script, poll_once};
pub use step::{PayCall, StepCall};
pub use turnstile::{Turn, Turnstile, Word};

/// Why a step has no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It was not carried out.
    #[error("the step failed")]
    Failed,
    /// It may have been carried out, or not.
    #[error("the reply was lost")]
    Lost,
    /// The race was stopped before it.
    #[error("the race was stopped")]
    Stopped,
}

/// What a user is told when its strategy ends like this.
#[must_use]
pub const fn told(end: Result<Outcome, StepError>) -> Outcome {
    match end {
        Ok(outcome) => outcome,
        Err(StepError::Failed | StepError::Stopped) => Outcome::Failed,
        Err(StepError::Lost) => Outcome::Unknown,
    }
}

/// How a step is to be taken, beyond its name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct How {
    /// How long a lock is to live.
    ttl: Ttl,
    /// What the database is to hold against a second booking.
    guard: Guard,
}

/// One user at its screen: all that a strategy can see and do.
#[derive(Debug)]
pub struct Client {
    services: Services,
    user: UserId,
    seat: SeatId,
    requests: u32,
    /// Nanoseconds: half the room of a [`Duration`].
    payment_ns: u64,
    /// When it started, or its last step was complete: when its next step begins, for a strategy
    /// takes no time of its own.
    seen_ns: u64,
}

/// Who answers a user's steps.
#[derive(Debug)]
enum Services {
    /// The real ones.
    Live(Arc<Race>),
    /// A script of replies.
    /// Boxed: users who race need no room for it.
    Scripted(Box<Script>),
}

impl Client {
    /// A user of this race who wants this seat and takes this long to pay.
    #[must_use]
    pub fn new(race: Arc<Race>, user: UserId, seat: SeatId, payment: Duration) -> Self {
        Self {
            services: Services::Live(race),
            user,
            seat,
            requests: 0,
            payment_ns: u64::try_from(payment.as_nanos()).unwrap_or(u64::MAX),
            seen_ns: 0,
        }
    }

    /// A user whose services are a script.
    #[must_use]
    pub fn scripted(script: Script, seat: SeatId) -> Self {
        Self {
            services: Services::Scripted(Box::new(script)),
            user: UserId(1),
            seat,
            requests: 0,
            payment_ns: 0,
            seen_ns: 0,
        }
    }

    /// What this scripted user asks for that its script has no reply to; `None` when it asks for
    /// nothing.
    #[must_use]
    pub fn asked(&self) -> Option<Asked> {
        match &self.services {
            Services::Scripted(script) => script.asked(),
            Services::Live(_) => None,
        }
    }

    /// The seat that the user wants.
    #[must_use]
    pub fn seat(&self) -> SeatId {
        self.seat
    }

    /// Asks the database: whether the seat has no booking.
    ///
    /// # Errors
    /// [`StepError`] when there was no answer. Nothing has happened then.
    pub fn check(&mut self) -> StepCall<'_> {
        self.step(Step::Check, How::default())
    }

    /// Pays for the seat, which takes as long as the plan says.
    ///
    /// # Errors
    /// [`StepError::Stopped`] when the race ends first.
    pub fn pay(&mut self) -> PayCall<'_> {
        PayCall(StepCall::payment(self))
    }

    /// Inserts the booking; `false` when the database refuses it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub fn insert(&mut self) -> StepCall<'_> {
        self.insert_guarded(Guard::None)
    }

    /// Inserts the booking under this guard; `false` when the database refuses it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub fn insert_guarded(&mut self, guard: Guard) -> StepCall<'_> {
        let how = How {
            guard,
            ..How::default()
        };
        self.step(Step::Insert, how)
    }

    /// Takes the lock of the seat for at most this long; `false` when somebody else holds it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the lock is held: [`release`](Self::release) it.
    pub fn acquire(&mut self, ttl: Ttl) -> StepCall<'_> {
        self.requests += 1;
        let how = How {
            ttl,
            ..How::default()
        };
        self.step(Step::Acquire, how)
    }

    /// Frees the lock if the last [`acquire`](Self::acquire) still holds it; `false` when it does
    /// not. Also carried out after the race was stopped.
    ///
    /// # Errors
    /// [`StepError`] when the lock may live on until its time is over.
    pub fn release(&mut self) -> StepCall<'_> {
        self.step(Step::Release, How::default())
    }

    /// Writes down what the user is told at the end of its attempt.
    pub(crate) fn end(&self, outcome: Outcome, started_ns: u64) {
        if let Services::Live(race) = &self.services {
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
        if let Services::Live(race) = &self.services {
            self.seen_ns = race.clock.now_ns();
        }
        self.seen_ns
    }

    fn step(&mut self, step: Step, how: How) -> StepCall<'_> {
        if step != Step::Release && self.is_stopped() {
            return StepCall::stopped();
        }
        match &self.services {
            Services::Scripted(_) => StepCall::scripted(self, step, how.guard),
            Services::Live(race) if race.turnstile.is_some() => StepCall::in_turn(self, step, how),
            Services::Live(_) => StepCall::raced(self, step, how),
        }
    }

    /// What the user holds its lock with.
    fn token(&self) -> Token {
        Token {
            user: self.user,
            request: self.requests,
        }
    }

    /// Writes down a step that began when the last one was complete, and is complete now.
    fn record(&mut self, step: Step, reply: Reply) {
        if let Services::Live(race) = &self.services {
            let completed_ns = race.clock.now_ns();
            race.log.step(Event {
                user: self.user,
                seat: self.seat,
                step,
                reply,
                invoked_ns: self.seen_ns,
                completed_ns,
            });
            self.seen_ns = completed_ns;
        }
    }

    fn is_stopped(&self) -> bool {
        match &self.services {
            Services::Live(race) => race.stop.is_set(),
            Services::Scripted(script) => script.has_given_up(),
        }
    }
}
