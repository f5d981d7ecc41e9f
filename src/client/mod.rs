//! What may a strategy do? The steps of one user, each a round trip.
//!
//! Every step passes through [`Client::step`]: gate, act, record.

mod live;
mod script;
mod turnstile;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{Answer, CallError};
use crate::history::{Outcome, Reply, Step};
use crate::lock::Token;
use crate::seat::{SeatId, UserId};

pub use crate::lock::Ttl;
pub use live::{Clock, Log, Race, World};
pub use script::{Asked, Script, poll_once};
pub use turnstile::{Turn, Turnstile, Word};

use live::Underway;

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

/// One user at its screen: all that a strategy can see and do.
#[derive(Debug)]
pub struct Client {
    services: Services,
    user: UserId,
    seat: SeatId,
    payment: Duration,
    requests: u32,
}

/// Who answers a user's steps.
#[derive(Debug)]
enum Services {
    /// The real ones.
    Live(Arc<Race>),
    /// A script of replies.
    Scripted(Script),
}

/// What goes to a service.
#[derive(Debug, Clone, Copy)]
enum Request {
    Check,
    Insert,
    Acquire { token: Token, ttl: Ttl },
    Release { token: Token },
}

impl Request {
    const fn step(self) -> Step {
        match self {
            Self::Check => Step::Check,
            Self::Insert => Step::Insert,
            Self::Acquire { .. } => Step::Acquire,
            Self::Release { .. } => Step::Release,
        }
    }

    const fn reply(self, answer: Answer<bool>) -> Reply {
        match (self, answer) {
            (_, Err(CallError::Failed)) => Reply::Failed,
            (_, Err(CallError::Lost)) => Reply::Lost,
            (Self::Check, Ok(true)) => Reply::Available,
            (Self::Check, Ok(false)) => Reply::Taken,
            (Self::Insert, Ok(true)) => Reply::Inserted,
            (Self::Insert, Ok(false)) => Reply::Conflict,
            (Self::Acquire { .. }, Ok(true)) => Reply::Granted,
            (Self::Acquire { .. }, Ok(false)) => Reply::Held,
            (Self::Release { .. }, Ok(true)) => Reply::Released,
            (Self::Release { .. }, Ok(false)) => Reply::NotHeld,
        }
    }
}

impl Client {
    /// A user of this race who wants this seat and takes this long to pay.
    #[must_use]
    pub fn new(race: Arc<Race>, user: UserId, seat: SeatId, payment: Duration) -> Self {
        Self {
            services: Services::Live(race),
            user,
            seat,
            payment,
            requests: 0,
        }
    }

    /// A user whose services are a script.
    #[must_use]
    pub fn scripted(script: Script, seat: SeatId) -> Self {
        Self {
            services: Services::Scripted(script),
            user: UserId(1),
            seat,
            payment: Duration::ZERO,
            requests: 0,
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
    pub async fn check(&mut self) -> Result<bool, StepError> {
        let checked = self.step(Request::Check).await;
        // Looking changes nothing, so a lost look is a failed one.
        checked.map_err(|error| {
            if error == StepError::Lost {
                StepError::Failed
            } else {
                error
            }
        })
    }

    /// Pays for the seat, which takes as long as the plan says.
    ///
    /// # Errors
    /// [`StepError::Stopped`] when the race ends first.
    pub async fn pay(&mut self) -> Result<(), StepError> {
        if self.is_stopped() {
            return Err(StepError::Stopped);
        }
        let Services::Live(race) = &self.services else {
            return Ok(());
        };
        let mut underway = Underway::begin(race, self.user, self.seat, Step::Pay);
        if !self.payment.is_zero() {
            // Boxed: a timer would take 110 bytes in every user, also in those who never pay.
            let payment = Box::pin(tokio::time::sleep(self.payment));
            if race.stop.run_until_cancelled(payment).await.is_none() {
                underway.event.reply = Reply::Failed;
                return Err(StepError::Stopped);
            }
        }
        underway.event.reply = Reply::Paid;
        Ok(())
    }

    /// Inserts the booking; `false` when the database refuses it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub async fn insert(&mut self) -> Result<bool, StepError> {
        self.step(Request::Insert).await
    }

    /// Takes the lock of the seat for at most this long; `false` when somebody else holds it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the lock is held: [`release`](Self::release) it.
    pub async fn acquire(&mut self, ttl: Ttl) -> Result<bool, StepError> {
        self.requests += 1;
        let token = self.token();
        self.step(Request::Acquire { token, ttl }).await
    }

    /// Frees the lock if the last [`acquire`](Self::acquire) still holds it; `false` when it does
    /// not. Also carried out after the race was stopped.
    ///
    /// # Errors
    /// [`StepError`] when the lock may live on until its time is over.
    pub async fn release(&mut self) -> Result<bool, StepError> {
        let token = self.token();
        self.step(Request::Release { token }).await
    }

    fn token(&self) -> Token {
        Token {
            user: self.user,
            request: self.requests,
        }
    }

    /// What every step to a service passes through: gate, act, record.
    async fn step(&mut self, request: Request) -> Result<bool, StepError> {
        let turn = self.gate(request.step()).await?;
        let (user, seat) = (self.user, self.seat);
        let answer = match &mut self.services {
            Services::Scripted(script) => {
                let (step, request) = (request.step(), self.requests);
                let reply = poll_fn(|_| script.poll_reply(Asked { step, request })).await;
                answer_of(reply)
            }
            Services::Live(race) => {
                let mut underway = Underway::begin(race, user, seat, request.step());
                let answer = act(&race.world, user, seat, request).await;
                let heard = if turn == Turn::ActUnanswered {
                    Err(CallError::Lost)
                } else {
                    answer
                };
                underway.event.reply = request.reply(heard);
                drop(underway);
                if let Some(turnstile) = &race.turnstile {
                    let reply = request.reply(answer);
                    turnstile.say(Word::Did { user, reply });
                }
                heard
            }
        };
        answer.map_err(|error| match error {
            CallError::Failed => StepError::Failed,
            CallError::Lost => StepError::Lost,
        })
    }

    /// Whether the step may begin, once it may: after a stop only a lock may still be freed.
    async fn gate(&self, step: Step) -> Result<Turn, StepError> {
        if step != Step::Release && self.is_stopped() {
            return Err(StepError::Stopped);
        }
        let turn = match &self.services {
            // Boxed: users who race have no turnstile and need no room for it.
            Services::Live(race) => match &race.turnstile {
                Some(turnstile) => Box::pin(turnstile.turn(self.user, step)).await,
                None => Turn::Act,
            },
            Services::Scripted(_) => Turn::Act,
        };
        if turn == Turn::Stop {
            return Err(StepError::Stopped);
        }
        Ok(turn)
    }

    fn is_stopped(&self) -> bool {
        match &self.services {
            Services::Live(race) => race.stop.is_cancelled(),
            Services::Scripted(script) => script.has_given_up(),
        }
    }
}

/// Asks the real services.
async fn act(world: &World, user: UserId, seat: SeatId, request: Request) -> Answer<bool> {
    let World { store, lock } = world;
    match (request, lock) {
        (Request::Check, _) => store.check(seat).await,
        (Request::Insert, _) => store.insert(seat, user).await,
        (Request::Acquire { token, ttl }, Some(lock)) => lock.acquire(seat, token, ttl).await,
        (Request::Release { token }, Some(lock)) => lock.release(seat, token).await,
        // A strategy that takes a lock without having said so.
        (_, None) => Err(CallError::Failed),
    }
}

/// What a reply in a script tells the user.
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
