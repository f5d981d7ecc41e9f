//! Lock services: one lock per seat, with a time to live.

mod error;
mod held;
mod in_process;
mod redis;
mod ttl;
mod url;

use std::task::{Context, Poll};
use std::time::Duration;

pub use error::{LockError, Unfit};
pub use held::Held;
pub use in_process::InProcess;
pub use redis::{
    KeyPrefix, LateRequest, PrivateServer, Redis, RedisServer, find_server, start_server,
};
pub use ttl::{Ttl, TtlError};
pub use url::{Url, may_hold_a_secret, redact};

use crate::seat::{SeatId, UserId};
use crate::services::queue::{Answer, CallError, Progress, RequestId, Response, Submitted};

/// What a lock is held with: unique for every request of every user.
///
/// The user's id alone would let one request of a user free the lock of another
/// (<https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/>: "unique across all
/// clients and all lock requests").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    /// Who asks.
    pub user: UserId,
    /// Which of the user's requests it is.
    pub request: u32,
}

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AcquireBy {
    /// `SET key value NX EX ttl`: one command.
    #[default]
    SetNxEx,
    /// `SET key value NX PX ttl`: the same in milliseconds.
    SetNxPx,
    /// `SETNX key value`: its time to live is another command.
    SetNx,
    /// `SET key value EX ttl`: whoever holds it loses it.
    SetEx,
}

/// How a lock is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReleaseCommand {
    /// One script that compares the value and deletes the key.
    #[default]
    CompareAndDelete,
    /// `DEL key`, whoever holds it.
    Delete,
}

/// What is asked of a lock service.
#[derive(Debug, Clone, Copy)]
pub enum LockRequest {
    /// Take the lock: [`Said::Yes`](crate::services::queue::Said::Yes) when it is the token's now. With
    /// `fence`, the number of the grant comes with the answer.
    Acquire {
        /// How.
        by: AcquireBy,
        /// How long it is to live.
        ttl: Ttl,
        /// Whether grants are counted.
        fence: bool,
    },
    /// Give the lock a new time to live; with `only_own`, if the token still holds it.
    SetTtl {
        /// How long it is to live from now.
        ttl: Ttl,
        /// Whether another's lock is left alone.
        only_own: bool,
    },
    /// Whether the token holds the lock: its value is read, and compared here.
    Verify,
    /// Whether nobody holds it.
    IsFree,
    /// Free it: whether it did.
    Release(ReleaseCommand),
    /// Let it run out if the token's user holds it with a time to live: whether that is so.
    RunOut,
}

/// The lock service that was raced.
#[derive(Debug)]
pub enum LockService {
    /// A real Redis.
    Redis(Redis),
    /// The same rules inside this process: no Redis was raced.
    InProcess(InProcess),
}

impl LockService {
    /// Hands a request in.
    pub fn submit(&self, seat: SeatId, token: Token, request: LockRequest) -> Submitted<Response> {
        match self {
            Self::Redis(redis) => Submitted::Waits(redis.submit((seat, token, request))),
            Self::InProcess(locks) => Submitted::Answered(Ok(locks.act(seat, token, request))),
        }
    }

    /// Hands a request in and waits for its answer.
    ///
    /// # Errors
    /// [`CallError`] when the service failed, or has been given up.
    pub async fn call(&self, seat: SeatId, token: Token, request: LockRequest) -> Answer<Response> {
        match self {
            Self::Redis(redis) => redis.call((seat, token, request)).await,
            Self::InProcess(locks) => Ok(locks.act(seat, token, request)),
        }
    }

    /// Sends a request that is carried out later, and waits until it is on its way.
    ///
    /// # Errors
    /// [`CallError::Failed`] when it could not be sent, or too many are on their way.
    pub async fn send_late(
        &self,
        seat: SeatId,
        token: Token,
        request: LockRequest,
    ) -> Result<LateRequest, CallError> {
        match self {
            Self::Redis(redis) => redis.send_late((seat, token, request)).await,
            Self::InProcess(_) => Ok(LateRequest::kept((seat, token, request))),
        }
    }

    /// Lets a request arrive that was sent here.
    ///
    /// # Errors
    /// [`CallError`] when it did not, or nobody knows.
    pub async fn arrive(&self, late: LateRequest) -> Answer<Response> {
        late.arrive(|(seat, token, request)| match self {
            Self::InProcess(locks) => Ok(locks.act(seat, token, request)),
            Self::Redis(_) => Err(CallError::Failed),
        })
        .await
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

    /// The reply to a request that waits, once it is there.
    pub fn poll(&self, id: RequestId, cx: &mut Context<'_>) -> Poll<Answer<Response>> {
        match self {
            Self::Redis(redis) => redis.poll(id, cx),
            Self::InProcess(_) => Poll::Ready(Err(CallError::Failed)),
        }
    }

    /// Nobody waits for this reply any more.
    pub fn abandon(&self, id: RequestId) {
        if let Self::Redis(redis) = self {
            redis.abandon(id);
        }
    }

    /// Makes room for so many users who wait at once.
    pub fn make_room_for(&self, users: usize) {
        if let Self::Redis(redis) = self {
            redis.make_room_for(users);
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
    /// for ever.
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
            Self::InProcess(_) => "in-process locks (no Redis)",
        }
    }

    /// What went wrong first; `None` when nothing did.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::Redis(redis) => redis.trouble(),
            Self::InProcess(_) => None,
        }
    }

    /// How much it has answered and owes; `None` when nobody ever waits for it.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        match self {
            Self::Redis(redis) => Some(redis.progress()),
            Self::InProcess(_) => None,
        }
    }

    /// Carries out nothing more of what users wait for.
    pub fn halt(&self) {
        if let Self::Redis(redis) = self {
            redis.halt();
        }
    }

    /// Ends all waiting for it, because it answers nobody; `why` is kept as its trouble.
    pub fn give_up(&self, why: &str) {
        if let Self::Redis(redis) = self {
            redis.give_up(why);
        }
    }
}
