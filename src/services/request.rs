//! Requests of users: one type per step, with what the step needs and nothing else.

use std::time::Duration;

use crate::plan::Isolation;
use crate::seat::{SeatId, UserId};
use crate::step::{Service, Step};

use super::lock::{Acquire, ReleaseCommand, Token, Ttl};
use super::store::{Check, Insert};

/// A step that a user wants to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepRequest {
    /// Take the lock.
    Acquire {
        /// Which of several lock services is asked, from 0.
        node: u8,
        /// How it is taken.
        how: Acquire,
    },
    /// Give the lock a time to live, also when another holds it.
    SetTtl {
        /// How long from now.
        ttl: Ttl,
    },
    /// Look at the clock.
    Validate {
        /// Whether there is time left, by the user's own clock.
        is_in_time: bool,
    },
    /// Let a random time pass.
    Wait,
    /// Claim the seat in the database.
    Hold {
        /// How long the claim is good.
        ttl: Ttl,
    },
    /// Begin a transaction.
    Begin {
        /// What it sees of others, and whom it keeps out.
        isolation: Isolation,
        /// How long it may wait for another's, in milliseconds.
        busy_timeout_ms: u32,
    },
    /// Ask the database whether the seat is free.
    Check(Check),
    /// Insert the booking.
    Insert(Insert),
    /// Turn the claim into a booking.
    Confirm,
    /// Commit the transaction.
    Commit,
    /// Undo the transaction.
    Rollback,
    /// Ask whether the lock is still one's own.
    Verify,
    /// Free the lock.
    Release {
        /// Which of several lock services is asked, from 0.
        node: u8,
        /// How it is freed.
        command: ReleaseCommand,
    },
}

impl StepRequest {
    /// The step's name.
    #[must_use]
    pub const fn step(self) -> Step {
        match self {
            Self::Acquire { .. } => Step::Acquire,
            Self::SetTtl { .. } => Step::SetTtl,
            Self::Validate { .. } => Step::Validate,
            Self::Wait => Step::Wait,
            Self::Hold { .. } => Step::Hold,
            Self::Begin { .. } => Step::Begin,
            Self::Check(_) => Step::Check,
            Self::Insert(_) => Step::Insert,
            Self::Confirm => Step::Confirm,
            Self::Commit => Step::Commit,
            Self::Rollback => Step::Rollback,
            Self::Verify => Step::Verify,
            Self::Release { .. } => Step::Release,
        }
    }

    /// Which of several lock services is asked, from 0; 0 for a step that asks none.
    #[must_use]
    pub const fn node(self) -> u8 {
        match self {
            Self::Acquire { node, .. } | Self::Release { node, .. } => node,
            Self::SetTtl { .. }
            | Self::Validate { .. }
            | Self::Wait
            | Self::Hold { .. }
            | Self::Begin { .. }
            | Self::Check(_)
            | Self::Insert(_)
            | Self::Confirm
            | Self::Commit
            | Self::Rollback
            | Self::Verify => 0,
        }
    }

    /// Whether it is taken on the connection of the user's own transaction.
    #[must_use]
    pub const fn is_in_transaction(self) -> bool {
        match self {
            Self::Begin { .. } | Self::Commit | Self::Rollback => true,
            Self::Check(check) => check.transaction.is_some(),
            Self::Insert(insert) => insert.transaction.is_some(),
            Self::Acquire { .. }
            | Self::SetTtl { .. }
            | Self::Validate { .. }
            | Self::Wait
            | Self::Hold { .. }
            | Self::Confirm
            | Self::Verify
            | Self::Release { .. } => false,
        }
    }

    /// Whether it can be late: see [`Step::can_be_late`].
    #[must_use]
    pub const fn can_be_late(self) -> bool {
        self.step().can_be_late() && !self.is_in_transaction()
    }

    /// Whether a service takes it from its queue.
    #[must_use]
    pub fn is_queued(self) -> bool {
        self.step().service() != Service::Nobody && !self.is_in_transaction()
    }
}

/// Who asks, with what.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The seat that the user wants.
    pub seat: SeatId,
    /// The user.
    pub user: UserId,
    /// What its locks are held with.
    pub token: Token,
    /// The token of its lock or the version of the seat that came with a reply; 0 for none.
    pub stamp: u32,
}

/// A time in whole milliseconds, as requests carry it: 49 days at the most.
#[must_use]
pub fn as_ms(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
