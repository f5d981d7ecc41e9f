//! What may a strategy do? The steps of one user, each a round trip.
//!
//! Every step passes through [`Client::step`]: gate, act, record.

mod live;
mod script;
mod turnstile;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::exchange::{Answer, CallError};
use crate::history::{Outcome, Reply, Step};
use crate::lock::{LockCall, Token};
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
    /// Nanoseconds: half the room of a [`Duration`].
    payment_ns: u64,
    requests: u32,
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

impl Client {
    /// A user of this race who wants this seat and takes this long to pay.
    #[must_use]
    pub fn new(race: Arc<Race>, user: UserId, seat: SeatId, payment: Duration) -> Self {
        Self {
            services: Services::Live(race),
            user,
            seat,
            payment_ns: u64::try_from(payment.as_nanos()).unwrap_or(u64::MAX),
            requests: 0,
        }
    }

    /// A user whose services are a script.
    #[must_use]
    pub fn scripted(script: Script, seat: SeatId) -> Self {
        Self {
            services: Services::Scripted(Box::new(script)),
            user: UserId(1),
            seat,
            payment_ns: 0,
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
        let checked = self.step(Step::Check, Ttl::default()).await;
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
        if self.payment_ns > 0 {
            // Boxed: a timer would take 110 bytes in every user, also in those who never pay.
            let payment = tokio::time::sleep(Duration::from_nanos(self.payment_ns));
            let paid = Box::pin(race.stop.run_until_cancelled(payment)).await;
            if paid.is_none() {
                underway.reply = Reply::Failed;
                return Err(StepError::Stopped);
            }
        }
        underway.reply = Reply::Paid;
        Ok(())
    }

    /// Inserts the booking; `false` when the database refuses it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub async fn insert(&mut self) -> Result<bool, StepError> {
        self.step(Step::Insert, Ttl::default()).await
    }

    /// Takes the lock of the seat for at most this long; `false` when somebody else holds it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the lock is held: [`release`](Self::release) it.
    pub async fn acquire(&mut self, ttl: Ttl) -> Result<bool, StepError> {
        self.requests += 1;
        self.step(Step::Acquire, ttl).await
    }

    /// Frees the lock if the last [`acquire`](Self::acquire) still holds it; `false` when it does
    /// not. Also carried out after the race was stopped.
    ///
    /// # Errors
    /// [`StepError`] when the lock may live on until its time is over.
    pub async fn release(&mut self) -> Result<bool, StepError> {
        self.step(Step::Release, Ttl::default()).await
    }

    /// What every step to a service passes through: gate, act, record.
    ///
    /// A million users may each be in here, so nothing is kept that a service could keep for them.
    async fn step(&mut self, step: Step, ttl: Ttl) -> Result<bool, StepError> {
        if step != Step::Release && self.is_stopped() {
            return Err(StepError::Stopped);
        }
        let answer = match &mut self.services {
            Services::Scripted(script) => {
                let request = self.requests;
                let reply = poll_fn(|_| script.poll_reply(Asked { step, request })).await;
                answer_of(reply)
            }
            Services::Live(race) => {
                let token = Token {
                    user: self.user,
                    request: self.requests,
                };
                if let Some(turnstile) = &race.turnstile {
                    // Boxed: users who race have no turnstile, and need no room for it.
                    let asked = Asking {
                        race,
                        seat: self.seat,
                        token,
                        step,
                        ttl,
                    };
                    Box::pin(asked.in_turn(turnstile)).await?
                } else {
                    let mut underway = Underway::begin(race, self.user, self.seat, step);
                    let answer = act(&race.world, self.seat, token, step, ttl).await;
                    underway.reply = reply_of(step, answer);
                    answer
                }
            }
        };
        answer.map_err(|error| match error {
            CallError::Failed => StepError::Failed,
            CallError::Lost => StepError::Lost,
        })
    }

    fn is_stopped(&self) -> bool {
        match &self.services {
            Services::Live(race) => race.stop.is_cancelled(),
            Services::Scripted(script) => script.has_given_up(),
        }
    }
}

/// A step on the real services that waits for its turn first.
struct Asking<'a> {
    race: &'a Race,
    seat: SeatId,
    token: Token,
    step: Step,
    ttl: Ttl,
}

impl Asking<'_> {
    /// Takes the step when its turn has come, and tells at the turnstile what it was answered.
    async fn in_turn(self, turnstile: &Turnstile) -> Result<Answer<bool>, StepError> {
        let Self {
            race,
            seat,
            token,
            step,
            ttl,
        } = self;
        let user = token.user;
        let turn = turnstile.turn(user, step).await;
        if turn == Turn::Stop {
            return Err(StepError::Stopped);
        }
        let mut underway = Underway::begin(race, user, seat, step);
        let answer = act(&race.world, seat, token, step, ttl).await;
        let heard = match turn {
            Turn::ActUnanswered => Err(CallError::Lost),
            Turn::Act | Turn::Stop => answer,
        };
        underway.reply = reply_of(step, heard);
        drop(underway);
        let reply = reply_of(step, answer);
        turnstile.say(Word::Did { user, reply });
        Ok(heard)
    }
}

/// Asks the real services. No async function: what it gives holds the call and nothing else.
fn act(
    world: &World,
    seat: SeatId,
    token: Token,
    step: Step,
    ttl: Ttl,
) -> impl Future<Output = Answer<bool>> {
    let World { store, lock } = world;
    match (step, lock) {
        (Step::Check, _) => Act::Check(store.check(seat)),
        (Step::Insert, _) => Act::Insert(store.insert(seat, token.user)),
        (Step::Acquire, Some(lock)) => Act::Lock(lock.acquire(seat, token, ttl)),
        (Step::Release, Some(lock)) => Act::Lock(lock.release(seat, token)),
        // A strategy that takes a lock without having said so.
        (Step::Pay | Step::Acquire | Step::Release, _) => Act::Nothing,
    }
}

/// A request to one of the services on its way.
enum Act<'a, C, I> {
    Check(C),
    Insert(I),
    Lock(LockCall<'a>),
    Nothing,
}

impl<C, I> Future for Act<'_, C, I>
where
    C: Future<Output = Answer<bool>> + Unpin,
    I: Future<Output = Answer<bool>> + Unpin,
{
    type Output = Answer<bool>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<bool>> {
        match &mut *self {
            Self::Check(call) => Pin::new(call).poll(cx),
            Self::Insert(call) => Pin::new(call).poll(cx),
            Self::Lock(call) => Pin::new(call).poll(cx),
            Self::Nothing => Poll::Ready(Err(CallError::Failed)),
        }
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
