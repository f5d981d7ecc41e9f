//! Requests to a lock service: what a user's step asks of it.

use super::Ttl;
use crate::seat::UserId;
use crate::step::{Reply, Step};

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

/// The command by which a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AcquireMode {
    /// `SET key value NX EX ttl`: one command.
    #[default]
    SetNxEx,
    /// `SET key value NX PX ttl`: the same in milliseconds.
    SetNxPx,
    /// `SETNX key value`: its time to live is another command.
    SetNx,
    /// `SET key value EX ttl`: the present holder loses it.
    SetEx,
}

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Acquire {
    /// How long it is to live.
    pub ttl: Ttl,
    /// The command.
    pub mode: AcquireMode,
    /// Whether grants are counted; the number of the grant, the token of a fence, comes with the reply.
    pub is_fenced: bool,
}

/// How a lock is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReleaseCommand {
    /// One script that compares the value and deletes the key.
    #[default]
    CompareAndDelete,
    /// One command that does the same, on a server that has one.
    DeleteIfEqual,
    /// `DEL key`, also when another holds it.
    Delete,
}

/// A user's step on a lock service. Small: a million may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockRequest {
    /// Take the lock.
    Acquire(Acquire),
    /// Give the lock a new time to live, also when another holds it.
    SetTtl(Ttl),
    /// Whether the token holds the lock: its value is read, and compared here.
    Verify,
    /// Free it.
    Release(ReleaseCommand),
}

/// What is asked of a lock service that is no user's step: whether it was done, or is so.
#[derive(Debug, Clone, Copy)]
pub enum LockUpkeep {
    /// Give the lock a new time to live, if the token still holds it.
    Renew(Ttl),
    /// Whether nobody holds it, so that another try may succeed.
    IsFree,
    /// End its time to live if the token's user holds it with one.
    Expire,
}

impl LockRequest {
    /// The step's name.
    pub(crate) const fn step(self) -> Step {
        match self {
            Self::Acquire(_) => Step::Acquire,
            Self::SetTtl(_) => Step::SetTtl,
            Self::Verify => Step::Verify,
            Self::Release(_) => Step::Release,
        }
    }

    /// What it is answered when it is done, or is so, and when it is not.
    const fn replies(self) -> [Reply; 2] {
        use Reply as R;
        match self {
            Self::Acquire(_) => [R::Granted, R::Held],
            Self::SetTtl(_) => [R::TtlSet, R::NotHeld],
            Self::Verify => [R::StillHeld, R::NotHeld],
            Self::Release(_) => [R::Released, R::NotHeld],
        }
    }

    /// What it is answered, as it was done or not.
    pub(super) const fn reply(self, is_done: bool) -> Reply {
        let [done, refused] = self.replies();
        if is_done { done } else { refused }
    }
}
