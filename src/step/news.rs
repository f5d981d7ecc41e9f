//! News: what a step and its reply tell about the lock of the seat.

use super::{Reply, ReplyKind, Step};

/// What a step does about the lock of the seat, or about a claim of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockEffect {
    /// It takes the lock.
    Takes,
    /// It claims the seat in the database for a while.
    Claims,
    /// It looks at the clock, for how long the locks are good.
    Times,
    /// It looks whether the lock is still the user's.
    Looks,
    /// It frees the lock.
    Frees,
    /// It neither takes nor frees anything.
    Nothing,
}

/// What is known of the lock of the seat after a step of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockNews {
    /// The user has been granted it.
    Granted,
    /// No reply came: the user may be granted it at any later time.
    PerhapsGranted,
    /// The user has freed it.
    Freed,
    /// No reply came: the user may free it at any later time.
    PerhapsFreed,
    /// The user looked at it or was to free it, and it was not the user's any more.
    Gone,
    /// Nothing that was not known before.
    Nothing,
}

impl Step {
    /// What it does about the lock of the seat, or about a claim of it.
    #[must_use]
    pub const fn lock_effect(self) -> LockEffect {
        match self {
            Self::Acquire => LockEffect::Takes,
            Self::Hold => LockEffect::Claims,
            Self::Validate => LockEffect::Times,
            Self::Verify => LockEffect::Looks,
            Self::Release => LockEffect::Frees,
            Self::SetTtl
            | Self::Wait
            | Self::Begin
            | Self::Check
            | Self::Pay
            | Self::Insert
            | Self::Confirm
            | Self::Commit
            | Self::Rollback => LockEffect::Nothing,
        }
    }

    /// What is known of the lock once it is answered so.
    #[must_use]
    pub const fn lock_news(self, reply: Reply) -> LockNews {
        use {LockEffect as E, LockNews as N, ReplyKind as K};
        match (self.lock_effect(), reply.kind()) {
            (E::Takes, K::Done) => N::Granted,
            (E::Takes, K::Lost) => N::PerhapsGranted,
            (E::Frees, K::Done) => N::Freed,
            (E::Frees, K::Lost) => N::PerhapsFreed,
            (E::Frees | E::Looks, K::Refused) => N::Gone,
            (E::Takes, K::Refused | K::Failed)
            | (E::Frees, K::Failed)
            | (E::Looks, K::Done | K::Failed | K::Lost)
            | (E::Claims | E::Times | E::Nothing, K::Done | K::Refused | K::Failed | K::Lost) => {
                N::Nothing
            }
        }
    }
}
