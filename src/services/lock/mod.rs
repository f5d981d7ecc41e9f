//! Lock services: one lock per seat, with a time to live.

mod embedded;
mod error;
mod held;
mod identity;
mod own_server;
mod redis;
mod request;
mod ttl;

pub use error::{LockError, Unfit};
pub use held::Held;
pub use identity::{ServerIdentity, ServerOwner};
pub use own_server::{EmbeddedReason, OwnServer, OwnServerKind};
pub use redis::{
    KeyPrefix, LateRequest, LockService, NotSent, PrivateServer, RedisServer, Url, find_server,
    may_hold_a_secret, redact,
};
pub use request::{Acquire, AcquireMode, LockRequest, LockUpkeep, ReleaseCommand, Token};
pub use ttl::{Ttl, TtlError};

use crate::seat::SeatId;

/// A request, for which seat and with which token.
pub type AddressedRequest = (SeatId, Token, LockRequest);

// A million may wait.
const _: () = assert!(size_of::<AddressedRequest>() <= 20);
