//! The client of one user: the steps that a strategy may take, each a round trip.
//!
//! Every step passes through `Client::step`: gate, fault, act, record. When a service is asked, by the
//! call or when it is awaited, is told at [`Call`].

#![warn(clippy::wildcard_enum_match_arm)]

mod call;
mod context;
mod error;
mod faulted;
mod gate;
mod late;
mod recorder;
mod request;
mod script;
mod wait;
mod watchdog;
mod watchdogs;

use std::time::Duration;

use crate::services::request::as_ms;
use crate::services::store::BeginOptions;
use crate::step::Reply;

pub use crate::plan::Isolation;
pub use crate::services::lock::{Acquire, AcquireMode, ReleaseCommand, Ttl};
pub use crate::services::store::{Check, Guard, Insert};
pub use call::Call;
pub use error::StepError;
pub use recorder::Client;
pub use wait::{Patience, Since};
pub use watchdog::Watchdog;

pub(crate) use crate::services::lock::{Held, LockRequest, Token};
pub(crate) use crate::services::request::ServiceRequest;
pub(crate) use crate::services::store::StoreStep;
pub(crate) use context::{Clock, Log, RaceContext, Stop};
pub(crate) use error::outcome_of;
pub(crate) use gate::{Gate, GateEvent, Permit};
pub(crate) use request::StepRequest;
pub(crate) use script::{PendingStep, Script, poll_once};
pub(crate) use watchdogs::Watchdogs;

impl From<Reply> for bool {
    /// Whether the step was done, or what it asked is so.
    fn from(reply: Reply) -> Self {
        reply.is_done()
    }
}

impl From<Reply> for () {
    fn from(_: Reply) {}
}

impl Client {
    /// Asks the database: whether the seat has no booking.
    ///
    /// # Errors
    /// [`StepError`] when there was no answer. Nothing has happened then.
    pub fn check(&mut self) -> Call<'_, bool> {
        self.step(StoreStep::Check(Check::default()).into())
    }

    /// Asks the database like this: [`Reply::Stale`] when a user with a later token was there.
    ///
    /// # Errors
    /// [`StepError`] when there was no answer.
    pub fn check_with(&mut self, how: Check) -> Call<'_> {
        self.step(StoreStep::Check(how).into())
    }

    /// Inserts the booking; `false` when the database refuses it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub fn insert(&mut self) -> Call<'_, bool> {
        self.insert_guarded(Guard::None)
    }

    /// Inserts the booking under this guard; `false` when the database refuses it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub fn insert_guarded(&mut self, guard: Guard) -> Call<'_, bool> {
        let how = Insert {
            guard,
            ..Insert::default()
        };
        self.step(StoreStep::Insert(how).into())
    }

    /// Inserts the booking like this: [`Reply::Conflict`], [`Reply::Busy`] or [`Reply::Stale`] when the
    /// database refuses it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub fn insert_with(&mut self, how: Insert) -> Call<'_> {
        self.step(StoreStep::Insert(how).into())
    }

    /// Claims the seat in the database for at most this long: [`Reply::Taken`] when it is sold,
    /// [`Reply::Held`] when another user has claimed it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether it is claimed, until the time is over.
    pub fn hold(&mut self, ttl: Ttl) -> Call<'_> {
        self.step(StoreStep::Hold { ttl }.into())
    }

    /// Books the seat that the user has claimed; `false` when another user has claimed it since.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the booking is there.
    pub fn confirm(&mut self) -> Call<'_, bool> {
        self.step(StoreStep::Confirm.into())
    }

    /// Begins a transaction, waiting at most this long for another's; `false` when that took longer.
    ///
    /// # Errors
    /// [`StepError`] when there is none.
    pub fn begin_transaction(
        &mut self,
        isolation: Isolation,
        busy_timeout: Duration,
    ) -> Call<'_, bool> {
        let begin = BeginOptions {
            isolation,
            // A wait of nothing is the shortest that there is.
            busy_timeout_ms: as_ms(busy_timeout).max(1),
        };
        self.step(StoreStep::Begin(begin).into())
    }

    /// Puts what the transaction did into the database; `false` when the database is busy.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether it is there.
    pub fn commit(&mut self) -> Call<'_, bool> {
        self.step(StoreStep::Commit.into())
    }

    /// Undoes what the transaction did. Also carried out after the race was stopped.
    ///
    /// # Errors
    /// [`StepError`] when there is none.
    pub fn rollback(&mut self) -> Call<'_, bool> {
        self.step(StoreStep::Rollback.into())
    }

    /// Takes the lock of the seat for at most this long; `false` when another user holds it.
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the lock is held: [`release`](Self::release) it.
    pub fn acquire(&mut self, ttl: Ttl) -> Call<'_, bool> {
        self.requests += 1;
        let how = Acquire {
            ttl,
            ..Acquire::default()
        };
        self.step(StepRequest::on_lock(0, LockRequest::Acquire(how)))
    }

    /// Takes the lock on one of several lock services, numbered from 0, like this, as a part of the last
    /// [request](Self::new_request).
    ///
    /// # Errors
    /// [`StepError::Lost`] leaves open whether the lock is held.
    pub fn acquire_on(&mut self, node: u8, how: Acquire) -> Call<'_, bool> {
        self.step(StepRequest::on_lock(node, LockRequest::Acquire(how)))
    }

    /// Locks that are taken from here on have a value of their own. A user that never says so locks
    /// with its own name: the same for its every request, and for those of its other screen. The users
    /// 1 and 2 are one person at two screens, as are 3 and 4. A search looks at them, and at strangers.
    pub fn new_request(&mut self) {
        self.requests += 1;
    }

    /// Gives the lock a time to live, also when another holds it; `false` when it is free.
    ///
    /// # Errors
    /// [`StepError`] when the lock may have no end.
    pub fn set_ttl(&mut self, ttl: Ttl) -> Call<'_, bool> {
        self.step(StepRequest::on_lock(0, LockRequest::SetTtl(ttl)))
    }

    /// Whether the lock is still held with the last request's value. Also carried out after the race
    /// was stopped.
    ///
    /// # Errors
    /// [`StepError`] when there was no answer.
    pub fn verify(&mut self) -> Call<'_, bool> {
        self.step(StepRequest::on_lock(0, LockRequest::Verify))
    }

    /// Frees the lock if the last [`acquire`](Self::acquire) still holds it; `false` when it does
    /// not. Also carried out after the race was stopped.
    ///
    /// # Errors
    /// [`StepError`] when the lock may live on until its time is over.
    pub fn release(&mut self) -> Call<'_, bool> {
        self.release_on(0, ReleaseCommand::default())
    }

    /// Frees the lock on one of several lock services, numbered from 0, with this command.
    ///
    /// # Errors
    /// [`StepError`] when the lock may live on until its time is over.
    pub fn release_on(&mut self, node: u8, command: ReleaseCommand) -> Call<'_, bool> {
        self.step(StepRequest::on_lock(node, LockRequest::Release(command)))
    }
}
