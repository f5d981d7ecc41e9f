//! What may a strategy do? The steps of one user, each a round trip.
//!
//! Every step passes through [`Client::step`]: gate, act, record.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::exchange::{Answer, CallError};
use crate::history::{Attempt, Event, Reply, Step};
use crate::lock::{LockService, Token};
use crate::seat::{SeatId, UserId};
use crate::store::Sqlite;

pub use crate::lock::Ttl;

/// The services of a run.
#[derive(Debug)]
pub struct World {
    /// The database that all bookings are in.
    pub store: Sqlite,
    /// The lock service; `None` when no strategy of the run takes a lock.
    pub lock: Option<LockService>,
}

/// What all users of one race share.
#[derive(Debug)]
pub struct Race {
    /// The services they race on.
    pub world: Arc<World>,
    /// What they did.
    pub log: Log,
    /// When they did it.
    pub clock: Clock,
    /// Set when they are to stop.
    pub stop: CancellationToken,
}

/// What the users of a race did, in the order it was answered.
#[derive(Debug, Default)]
pub struct Log {
    pages: Mutex<(Vec<Event>, Vec<Attempt>)>,
}

impl Log {
    fn step(&self, event: Event) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .push(event);
    }

    /// Writes down the end of an attempt.
    pub fn end(&self, attempt: Attempt) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .push(attempt);
    }

    /// All that was written down; the log is empty afterwards.
    pub fn take(&self) -> (Vec<Event>, Vec<Attempt>) {
        std::mem::take(&mut *self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The time since the start of a race.
#[derive(Debug, Default)]
pub struct Clock {
    start: OnceLock<Instant>,
}

impl Clock {
    /// Starts the race. Only the first start counts.
    pub fn start(&self) {
        self.start.get_or_init(Instant::now);
    }

    /// Whether the race has started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.start.get().is_some()
    }

    /// Nanoseconds since the start; 0 before it.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.start.get().map_or(0, |start| {
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
    }
}

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

/// One user at its screen: all that a strategy can see and do.
#[derive(Debug)]
pub struct Client {
    race: Arc<Race>,
    user: UserId,
    seat: SeatId,
    payment: Duration,
    requests: u32,
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
            race,
            user,
            seat,
            payment,
            requests: 0,
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
        self.gate(Step::Pay)?;
        let mut underway = Underway::begin(&self.race, self.user, self.seat, Step::Pay);
        if !self.payment.is_zero() {
            // Boxed: a timer would take 110 bytes in every user, also in those who never pay.
            let race = Arc::clone(&self.race);
            let payment = tokio::time::sleep(self.payment);
            let paid = Box::pin(async move { race.stop.run_until_cancelled(payment).await });
            if paid.await.is_none() {
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
    async fn step(&self, request: Request) -> Result<bool, StepError> {
        self.gate(request.step())?;
        let mut underway = Underway::begin(&self.race, self.user, self.seat, request.step());
        let answer = self.act(request).await;
        underway.event.reply = request.reply(answer);
        answer.map_err(|error| match error {
            CallError::Failed => StepError::Failed,
            CallError::Lost => StepError::Lost,
        })
    }

    /// Whether the step may begin: after a stop only a lock may still be freed.
    fn gate(&self, step: Step) -> Result<(), StepError> {
        if step != Step::Release && self.race.stop.is_cancelled() {
            return Err(StepError::Stopped);
        }
        Ok(())
    }

    async fn act(&self, request: Request) -> Answer<bool> {
        let World { store, lock } = &*self.race.world;
        match (request, lock) {
            (Request::Check, _) => store.check(self.seat).await,
            (Request::Insert, _) => store.insert(self.seat, self.user).await,
            (Request::Acquire { token, ttl }, Some(lock)) => {
                lock.acquire(self.seat, token, ttl).await
            }
            (Request::Release { token }, Some(lock)) => lock.release(self.seat, token).await,
            // A strategy that takes a lock without having said so.
            (_, None) => Err(CallError::Failed),
        }
    }
}

/// A step that has begun. It is recorded when it is dropped: with its reply, or as lost.
struct Underway<'a> {
    race: &'a Race,
    event: Event,
}

impl<'a> Underway<'a> {
    fn begin(race: &'a Race, user: UserId, seat: SeatId, step: Step) -> Self {
        let invoked_ns = race.clock.now_ns();
        let event = Event {
            user,
            seat,
            step,
            reply: Reply::Lost,
            invoked_ns,
            completed_ns: invoked_ns,
        };
        Self { race, event }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.event.completed_ns = self.race.clock.now_ns();
        self.race.log.step(self.event);
    }
}
