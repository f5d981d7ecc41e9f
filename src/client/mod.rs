//! The client of one user: the steps that a strategy may take, each a round trip.
//!
//! Every step passes through `Client::step`: gate, fault, act, record. When a service is asked, by the
//! call or when it is awaited, is told at [`StepCall`].

mod faulted;
mod gate;
mod late;
mod live;
mod manner;
mod patience;
mod script;
mod step;
mod watchdog;
mod world;

use std::sync::Arc;
use std::time::Duration;

use crate::history::{Attempt, Event, Outcome, Reply, Service, Step};
use crate::seat::{SeatId, UserId};
use crate::services::queue::{Answer, Response};

pub use crate::services::lock::{AcquireBy, Held, ReleaseCommand, Token, Ttl};
pub use crate::services::queue::Said;
pub use crate::services::store::{Begin, Guard};
pub use gate::{Gate, GateEvent, Permit};
pub use late::{Late, OnItsWay};
pub use live::{Clock, Log, RaceContext, Stop};
pub(crate) use manner::How;
pub use manner::Manner;
pub use patience::{Patience, Since};
pub use script::{Asked, Script, poll_once};
pub(crate) use step::reply_of;
pub use step::{PayCall, SaidCall, StepCall};
pub use watchdog::{Watchdog, Watchdogs};
pub use world::{Caller, World};

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
pub const fn outcome_of(end: Result<Outcome, StepError>) -> Outcome {
    match end {
        Ok(outcome) => outcome,
        Err(StepError::Failed | StepError::Stopped) => Outcome::Failed,
        Err(StepError::Lost) => Outcome::Unknown,
    }
}

/// One user at its screen: all that a strategy can see and do.
#[derive(Debug)]
pub struct Client {
    services: Backing,
    user: UserId,
    seat: SeatId,
    /// How many locks it has asked for; stays 0 when all its requests are alike.
    requests: u32,
    /// What came with an answer: the token of its lock, or the version of the seat.
    number: u32,
    /// Nanoseconds: half the room of a [`Duration`].
    payment_ns: u64,
    /// When it started, or its last step was complete: when its next step begins, for a strategy
    /// takes no time of its own.
    seen_ns: u64,
}

/// Who answers a user's steps.
#[derive(Debug)]
enum Backing {
    /// The real ones.
    Live(Arc<RaceContext>),
    /// A script of replies.
    /// Boxed: users who race need no room for it.
    Scripted(Box<Script>),
}

impl Client {
    /// A user of this race who wants this seat and takes this long to pay.
    #[must_use]
    pub fn new(race: Arc<RaceContext>, user: UserId, seat: SeatId, payment: Duration) -> Self {
        Self {
            services: Backing::Live(race),
            user,
            seat,
            requests: 0,
            number: 0,
            payment_ns: u64::try_from(payment.as_nanos()).unwrap_or(u64::MAX),
            seen_ns: 0,
        }
    }

    /// A user whose services are a script.
    #[must_use]
    pub fn scripted(script: Script, seat: SeatId) -> Self {
        Self {
            services: Backing::Scripted(Box::new(script)),
            user: UserId(1),
            seat,
            requests: 0,
            number: 0,
            payment_ns: 0,
            seen_ns: 0,
        }
    }

    /// What this scripted user asks for that its script has no reply to; `None` when it asks for
    /// nothing.
    #[must_use]
    pub fn asked(&self) -> Option<Asked> {
        match &self.services {
            Backing::Scripted(script) => script.asked(),
            Backing::Live(_) => None,
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
        StepCall(self.step(Step::Check, How::default()))
    }

    /// Asks the database in this manner: [`Said::Stale`] when somebody with a later token was there.
    ///
    /// # Errors
    /// [`StepError`] when there was no answer.
    pub fn check_by(&mut self, manner: Manner) -> SaidCall<'_> {
        self.step(Step::Check, manner.into())
    }

    /// Pays for the seat, which takes as long as the plan says.
    ///
    /// # Errors
    /// [`StepError::Stopped`] when the race ends first.
    pub fn pay(&mut self) -> PayCall<'_> {
        PayCall(SaidCall::payment(self))
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
        let manner = Manner {
            guard,
            ..Manner::default()
        };
        StepCall(self.insert_by(manner))
    }

    /// Inserts the booking in this manner: [`Said::No`], [`Said::Busy`] or [`Said::Stale`] when the
    /// database refuses it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub fn insert_by(&mut self, manner: Manner) -> SaidCall<'_> {
        self.step(Step::Insert, manner.into())
    }

    /// Claims the seat in the database for at most this long: [`Said::No`] when it is sold,
    /// [`Said::Busy`] when somebody else has claimed it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether it is claimed, until the time is over.
    pub fn hold(&mut self, ttl: Ttl) -> SaidCall<'_> {
        let manner = Manner::default();
        self.step(Step::Hold, How { manner, ttl })
    }

    /// Books the seat that the user has claimed; `false` when somebody else has claimed it since.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub fn confirm(&mut self) -> StepCall<'_> {
        StepCall(self.step(Step::Confirm, How::default()))
    }

    /// Begins a transaction, waiting at most this long for another's; `false` when that took longer.
    ///
    /// # Errors
    /// [`StepError`] when there is none.
    pub fn begin_transaction(&mut self, begin: Begin, busy: Duration) -> StepCall<'_> {
        let manner = Manner {
            begin,
            open: true,
            ..Manner::default()
        };
        // A wait of nothing is the shortest that there is.
        let ttl = Ttl::new(busy).unwrap_or(Ttl::SHORTEST);
        StepCall(self.step(Step::Begin, How { manner, ttl }))
    }

    /// Puts what the transaction did into the database; `false` when the database is busy.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether it is there.
    pub fn commit(&mut self) -> StepCall<'_> {
        StepCall(self.step(Step::Commit, How::open()))
    }

    /// Undoes what the transaction did. Also carried out after the race was stopped.
    ///
    /// # Errors
    /// [`StepError`] when there is none.
    pub fn rollback(&mut self) -> StepCall<'_> {
        StepCall(self.step(Step::Rollback, How::open()))
    }

    /// Takes the lock of the seat for at most this long; `false` when somebody else holds it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the lock is held: [`release`](Self::release) it.
    pub fn acquire(&mut self, ttl: Ttl) -> StepCall<'_> {
        self.new_request();
        StepCall(self.acquire_by(ttl, Manner::default()))
    }

    /// Takes the lock in this manner, as a part of the last [request](Self::new_request).
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the lock is held.
    pub fn acquire_by(&mut self, ttl: Ttl, manner: Manner) -> SaidCall<'_> {
        self.step(Step::Acquire, How { manner, ttl })
    }

    /// Locks that are taken from here on have a value of their own. A user that never says so locks
    /// with its own name: the same for its every request, and for those of its other screen. The users
    /// 1 and 2 are one person at two screens, as are 3 and 4. A search looks at them, and at strangers.
    pub fn new_request(&mut self) {
        self.requests += 1;
    }

    /// Gives the lock a time to live, whoever holds it; `false` when nobody does.
    ///
    /// # Errors
    /// [`StepError`] when the lock may live for ever.
    pub fn set_ttl(&mut self, ttl: Ttl) -> StepCall<'_> {
        let manner = Manner::default();
        StepCall(self.step(Step::SetTtl, How { manner, ttl }))
    }

    /// Whether the lock is still held with the last request's value. Also carried out after the race
    /// was stopped.
    ///
    /// # Errors
    /// [`StepError`] when there was no answer.
    pub fn verify(&mut self) -> StepCall<'_> {
        StepCall(self.step(Step::Verify, How::default()))
    }

    /// Frees the lock if the last [`acquire`](Self::acquire) still holds it; `false` when it does
    /// not. Also carried out after the race was stopped.
    ///
    /// # Errors
    /// [`StepError`] when the lock may live on until its time is over.
    pub fn release(&mut self) -> StepCall<'_> {
        self.release_by(Manner::default())
    }

    /// Frees the lock in this manner.
    ///
    /// # Errors
    /// [`StepError`] when the lock may live on until its time is over.
    pub fn release_by(&mut self, manner: Manner) -> StepCall<'_> {
        StepCall(self.step(Step::Release, manner.into()))
    }

    /// Writes down what the user is told at the end of its attempt. A transaction that it has left open
    /// is undone.
    pub(crate) fn end(&self, outcome: Outcome, started_ns: u64) {
        if let Backing::Live(race) = &self.services {
            race.world.forsake(self.user);
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
        if let Backing::Live(race) = &self.services {
            self.seen_ns = race.clock.now_ns();
        }
        self.seen_ns
    }

    fn step(&mut self, step: Step, how: How) -> SaidCall<'_> {
        if !step.is_tidying() && self.is_stopped() {
            return SaidCall::stopped();
        }
        match &self.services {
            Backing::Scripted(_) => SaidCall::scripted(self, step, how),
            Backing::Live(race)
                if race.is_plain()
                    && how.manner.is_direct()
                    && step.service() != Service::Nobody =>
            {
                SaidCall::raced(self, step, how)
            }
            Backing::Live(_) => SaidCall::step_with_faults(self, step, how),
        }
    }

    /// Who asks, with what.
    fn caller(&self) -> Caller {
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
            number: self.number,
        }
    }

    /// Keeps the number that came with an answer.
    fn remember(&mut self, step: Step, answer: Answer<Response>) {
        if let (Step::Acquire | Step::Check, Ok(Response { number, .. })) = (step, answer)
            && number > 0
        {
            self.number = number;
        }
    }

    /// Writes down a step that began when the last one was complete, and is complete now.
    fn record(&mut self, step: Step, reply: Reply) {
        self.record_on(0, step, reply);
    }

    /// The same of a step at one of several lock services.
    fn record_on(&mut self, node: u8, step: Step, reply: Reply) {
        if let Backing::Live(race) = &self.services {
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

    fn is_stopped(&self) -> bool {
        match &self.services {
            Backing::Live(race) => {
                race.stop.is_set()
                    || race
                        .faults
                        .as_ref()
                        .is_some_and(|faults| faults.has_given_up(self.user))
            }
            Backing::Scripted(script) => script.has_given_up(),
        }
    }
}
