//! Requests of users to the services: a user's step with what its service needs, and who asks.

use std::time::Duration;

use super::lock::{LockRequest, Token};
use super::store::StoreStep;
use crate::seat::{SeatId, UserId};
use crate::step::Step;

/// A user's step that a service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ServiceRequest {
    /// A step on a lock.
    Lock {
        /// Which of several lock services is asked, from 0.
        node: u8,
        /// The step.
        request: LockRequest,
    },
    /// A step on the database.
    Store(StoreStep),
}

impl ServiceRequest {
    /// The step's name.
    pub(crate) const fn step(self) -> Step {
        match self {
            Self::Lock { request, .. } => request.step(),
            Self::Store(step) => step.step(),
        }
    }

    /// Which of several lock services is asked, from 0; 0 for a step that asks none.
    pub(crate) const fn node(self) -> u8 {
        match self {
            Self::Lock { node, .. } => node,
            Self::Store(_) => 0,
        }
    }

    /// Whether it can be late: see [`Step::can_be_late`].
    pub(crate) const fn can_be_late(self) -> bool {
        self.step().can_be_late()
            && match self {
                Self::Lock { .. } => true,
                Self::Store(step) => !step.is_in_transaction(),
            }
    }
}

/// Who asks, with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    /// The seat that the user wants.
    pub(crate) seat: SeatId,
    /// The user.
    pub(crate) user: UserId,
    /// What its locks are held with.
    pub(crate) token: Token,
    /// The token of its lock or the version of the seat that came with a reply; 0 for none.
    pub(crate) stamp: u32,
}

/// A time in whole milliseconds, as requests carry it: 49 days at the most.
pub(crate) fn as_ms(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
