//! Lock services: one lock per seat, with a time to live.

mod error;
mod held;
mod in_process;
mod redis;
mod request;
mod ttl;

use std::time::Duration;

pub use error::{LockError, Unfit};
pub use held::Held;
pub use in_process::InProcess;
pub use redis::{
    Arrived, KeyPrefix, LateRequest, NotSent, PrivateServer, Redis, RedisServer, Url, find_server,
    may_hold_a_secret, redact, start_server,
};
pub use request::{Acquire, AcquireMode, LockRequest, LockUpkeep, ReleaseCommand, Token};
pub use ttl::{Ttl, TtlError};

use crate::seat::SeatId;
use crate::services::queue::{RequestQueue, ServiceReply};

/// A request, for which seat and with which token.
pub type AddressedRequest = (SeatId, Token, LockRequest);

// A million may wait.
const _: () = assert!(size_of::<AddressedRequest>() <= 20);

/// The lock service that was raced.
#[derive(Debug)]
pub enum LockService {
    /// A real Redis.
    Redis(Redis),
    /// The same rules inside this process: no Redis was raced.
    InProcess(InProcess),
}

impl LockService {
    /// Where requests wait for it.
    #[must_use]
    pub fn queue(&self) -> &RequestQueue<AddressedRequest> {
        match self {
            Self::Redis(redis) => redis.queue(),
            Self::InProcess(locks) => locks.queue(),
        }
    }

    /// Sends a request that is carried out later, and waits until it is on its way.
    ///
    /// # Errors
    /// When it could not be sent, or too many are on their way.
    pub async fn send_late(&self, request: AddressedRequest) -> Result<LateRequest, NotSent> {
        match self {
            Self::Redis(redis) => redis.send_late(request).await,
            Self::InProcess(_) => Ok(LateRequest::kept(request)),
        }
    }

    /// Lets a request arrive that was sent here: what it is answered.
    pub async fn arrive(&self, late: LateRequest) -> ServiceReply {
        match late.arrive().await {
            Arrived::Answered(reply) => reply,
            Arrived::Kept(request) => self.queue().call(request).await,
        }
    }

    /// Makes sure that requests on their way here can be held back.
    ///
    /// # Errors
    /// [`LockError::NeverLate`] when they cannot.
    pub fn can_hold_back(&self) -> Result<(), LockError> {
        match self {
            Self::Redis(redis) => redis.can_hold_back(),
            Self::InProcess(_) => Ok(()),
        }
    }

    /// Does this with the lock of the seat, or looks, beside what waits in the queue.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not answer in time.
    pub async fn upkeep(
        &self,
        (seat, token): (SeatId, Token),
        upkeep: LockUpkeep,
    ) -> Result<bool, LockError> {
        match self {
            Self::Redis(redis) => redis.upkeep((seat, token), upkeep).await,
            Self::InProcess(locks) => Ok(locks.upkeep((seat, token), upkeep)),
        }
    }

    /// Lets the lock of this seat run out, and waits until it has; `false` when it has no time to live.
    ///
    /// # Errors
    /// When the server does not say so within the limit.
    pub async fn expire(&self, seat: SeatId, limit: Duration) -> Result<bool, LockError> {
        match self {
            Self::Redis(redis) => redis.expire(seat, limit).await,
            Self::InProcess(locks) => Ok(locks.expire(seat)),
        }
    }

    /// Who holds the lock of this seat; `None` when nobody does.
    ///
    /// # Errors
    /// When the server does not answer within the limit.
    pub async fn held(&self, seat: SeatId, limit: Duration) -> Result<Option<Held>, LockError> {
        match self {
            Self::Redis(redis) => redis.held(seat, limit).await,
            Self::InProcess(locks) => Ok(locks.held(seat)),
        }
    }

    /// Frees the locks of these seats that any token of this run holds, and forgets their grants.
    ///
    /// # Errors
    /// When the server does not answer within the limit.
    pub async fn sweep(&self, seats: &[SeatId], limit: Duration) -> Result<(), LockError> {
        match self {
            Self::Redis(redis) => redis.sweep(seats, limit).await,
            Self::InProcess(locks) => {
                locks.forget();
                Ok(())
            }
        }
    }

    /// How long the locks of these seats live on, of those that any token of this run holds; `None`
    /// for a lock without an end.
    ///
    /// # Errors
    /// When the server does not answer within the limit.
    pub async fn left(
        &self,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<Vec<(SeatId, Option<Duration>)>, LockError> {
        match self {
            Self::Redis(redis) => redis.left(seats, limit).await,
            Self::InProcess(locks) => {
                let left = |seat: &SeatId| locks.left(*seat).map(|left| (*seat, left));
                Ok(seats.iter().filter_map(left).collect())
            }
        }
    }

    /// The private server is about to be killed, and another to be started in its place.
    pub fn expect_another_server(&self) {
        if let Self::Redis(redis) = self {
            redis.expect_another_server();
        }
    }

    /// Connects to the private server that was started in the place of another.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn reconnect(
        &self,
        server: &PrivateServer,
        limit: Duration,
    ) -> Result<(), LockError> {
        match self {
            Self::Redis(redis) => redis.reconnect(server, limit).await,
            Self::InProcess(_) => Ok(()),
        }
    }

    /// What tells the server from every other; `None` when there is none, or it does not say.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        match self {
            Self::Redis(redis) => redis.run_id(),
            Self::InProcess(_) => None,
        }
    }

    /// What it is, for the header.
    #[must_use]
    pub fn description(&self) -> &str {
        match self {
            Self::Redis(redis) => redis.description(),
            Self::InProcess(_) => "simulated locks, in this process (no Redis)",
        }
    }

    /// What went wrong first; `None` when nothing did.
    #[must_use]
    pub fn first_error(&self) -> Option<String> {
        match self {
            Self::Redis(redis) => redis.first_error(),
            Self::InProcess(locks) => locks.first_error(),
        }
    }

    /// Ends all waiting for it, because it answers nobody; `why` is kept as what went wrong first.
    pub fn give_up(&self, why: &str) {
        match self {
            Self::Redis(redis) => redis.give_up(why),
            Self::InProcess(locks) => locks.give_up(why),
        }
    }
}
