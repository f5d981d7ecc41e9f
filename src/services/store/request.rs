//! Requests to the database: what a user's step asks of it.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{RunRecord, StoreError};
use crate::plan::Isolation;
use crate::seat::{Booking, SeatId, UserId};
use crate::services::lock::Ttl;
use crate::services::queue::ServiceReply;
use crate::step::Step;

/// What the database itself holds against a second booking of one seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Guard {
    /// Nothing.
    #[default]
    None,
    /// A UNIQUE constraint on the seat.
    Unique,
    /// The insert looks for a booking in the same statement.
    NotExists,
    /// The seat's version is still the one that the user has read; the insert makes it a new one.
    Version,
}

/// How the database is asked whether the seat is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Check {
    /// Whether the seat's version is read too.
    pub reads_version: bool,
    /// Whether the token of the user's lock is compared with the latest that the database has seen.
    pub is_fenced: bool,
    /// The transaction that it is part of, begun so if none is open; `None` when it stands alone.
    pub transaction: Option<Isolation>,
}

/// How the booking is inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Insert {
    /// What is held against a second booking.
    pub guard: Guard,
    /// Whether the token of the user's lock is compared with the latest that the database has seen.
    pub is_fenced: bool,
    /// The transaction that it is part of, begun so if none is open; `None` when it commits by itself.
    pub transaction: Option<Isolation>,
}

/// A user's step on the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StoreStep {
    /// Claim the seat.
    Hold {
        /// How long the claim is good.
        ttl: Ttl,
    },
    /// Begin a transaction.
    Begin(BeginOptions),
    /// Ask whether the seat is free.
    Check(Check),
    /// Insert the booking.
    Insert(Insert),
    /// Turn the claim into a booking.
    Confirm,
    /// Commit the transaction.
    Commit,
    /// Undo the transaction.
    Rollback,
}

impl StoreStep {
    /// The step's name.
    pub(crate) const fn step(self) -> Step {
        match self {
            Self::Hold { .. } => Step::Hold,
            Self::Begin(_) => Step::Begin,
            Self::Check(_) => Step::Check,
            Self::Insert(_) => Step::Insert,
            Self::Confirm => Step::Confirm,
            Self::Commit => Step::Commit,
            Self::Rollback => Step::Rollback,
        }
    }

    /// Whether it is taken on the connection of the user's own transaction.
    pub(crate) const fn is_in_transaction(self) -> bool {
        match self {
            Self::Begin(_) | Self::Commit | Self::Rollback => true,
            Self::Check(check) => check.transaction.is_some(),
            Self::Insert(insert) => insert.transaction.is_some(),
            Self::Hold { .. } | Self::Confirm => false,
        }
    }
}

/// A user's step that waits for the database, or is taken in a transaction. Small: a million may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StoreRequest {
    /// Is the seat free?
    Check {
        /// Which seat.
        seat: SeatId,
        /// How it is asked.
        how: Check,
        /// The token of the lock that the user goes by; 0 for none.
        stamp: u32,
    },
    /// Book the seat.
    Insert {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
        /// How it is inserted.
        how: Insert,
        /// The version that the user has read, or the token of the lock that it goes by; 0 for none.
        stamp: u32,
    },
    /// Claim the seat.
    Hold {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
        /// For how long.
        ttl: Ttl,
    },
    /// Book the seat that the user has claimed, if nobody else has claimed it since.
    Confirm {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
    },
}

/// What is done in a user's own transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TransactionWork {
    /// Begin it.
    Begin(BeginOptions),
    /// A user's step; begins the transaction like this if there is none.
    Step(StoreRequest, BeginOptions),
    /// Commit it.
    Commit,
    /// Undo it.
    Rollback,
}

impl TransactionWork {
    /// The same, refused at once where it would wait for another's transaction.
    pub(crate) const fn without_waiting(self) -> Self {
        match self {
            Self::Begin(begin) => Self::Begin(begin.without_waiting()),
            Self::Step(request, begin) => Self::Step(request, begin.without_waiting()),
            Self::Commit | Self::Rollback => self,
        }
    }
}

/// How a transaction begins, and how long it may wait for another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BeginOptions {
    /// What it sees of others, and whom it keeps out.
    pub(crate) isolation: Isolation,
    /// How long it may wait, in milliseconds.
    pub(crate) busy_timeout_ms: u32,
}

impl BeginOptions {
    const fn without_waiting(self) -> Self {
        Self {
            busy_timeout_ms: 0,
            ..self
        }
    }
}

/// What waits for a store.
#[derive(Debug)]
pub(crate) enum StoreWork {
    /// A user's step.
    User(StoreRequest),
    /// Boxed: a million users' requests are no larger for it.
    Admin(Box<Admin>),
}

// A million may wait.
const _: () = assert!(size_of::<StoreWork>() <= 16);

/// What is no user's step, and where it is answered.
#[derive(Debug)]
pub(crate) enum Admin {
    /// Start a new run.
    Begin(RunRecord, oneshot::Sender<Result<(), StoreError>>),
    /// The rows of the run.
    Bookings(oneshot::Sender<Result<Vec<Booking>, StoreError>>),
    /// The claims of the run.
    Claims(oneshot::Sender<Result<Vec<Claim>, StoreError>>),
    /// End the time of the claim on a seat, this user's or anybody's: whether there was one.
    Expire(
        (SeatId, Option<UserId>),
        oneshot::Sender<Result<bool, StoreError>>,
    ),
    /// A user's step that an interleaving forces.
    Forced(
        StoreRequest,
        oneshot::Sender<Result<ServiceReply, StoreError>>,
    ),
}

/// A claim on an unsold seat that is still good, and how long it will be.
pub(crate) type Claim = (SeatId, Duration);
