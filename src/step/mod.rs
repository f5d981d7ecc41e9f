//! Steps of users, and their replies.

#![warn(clippy::wildcard_enum_match_arm)]

mod news;
mod replies;

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

pub use news::{LockEffect, LockNews};
pub use replies::ReplyKind;

/// What a user can do, by name.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    EnumCount,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Step {
    /// Take the lock of the seat.
    Acquire,
    /// Give the lock of the seat a time to live.
    SetTtl,
    /// Look at the clock: whether there is time left for what the locks were taken for.
    Validate,
    /// Let time pass before another try.
    Wait,
    /// Claim the seat in the database for a while.
    Hold,
    /// Begin a transaction.
    Begin,
    /// Ask the database whether the seat is free.
    Check,
    /// Pay for the seat.
    Pay,
    /// Insert the booking.
    Insert,
    /// Turn a claim into a booking.
    Confirm,
    /// Commit the transaction.
    Commit,
    /// Undo the transaction.
    Rollback,
    /// Ask whether the lock is still one's own.
    Verify,
    /// Free the lock of the seat.
    Release,
}

/// Who is asked by a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// A lock service.
    Lock,
    /// The database of the bookings.
    Database,
    /// Nobody: the user looks at its clock, waits or pays.
    Nobody,
}

all_by_name!(
    Step,
    "Every step there is, in the order a person would do them.",
    "The step of this name."
);

impl Step {
    /// Whether it only tidies up: also done by a user that has given up.
    #[must_use]
    pub const fn is_tidying(self) -> bool {
        match self {
            Self::Rollback | Self::Verify | Self::Release => true,
            Self::Acquire
            | Self::SetTtl
            | Self::Validate
            | Self::Wait
            | Self::Hold
            | Self::Begin
            | Self::Check
            | Self::Pay
            | Self::Insert
            | Self::Confirm
            | Self::Commit => false,
        }
    }

    /// Who is asked, when nothing is forced.
    #[must_use]
    pub const fn service(self) -> Service {
        match self {
            Self::Acquire | Self::SetTtl | Self::Verify | Self::Release => Service::Lock,
            Self::Hold
            | Self::Begin
            | Self::Check
            | Self::Insert
            | Self::Confirm
            | Self::Commit
            | Self::Rollback => Service::Database,
            Self::Validate | Self::Wait | Self::Pay => Service::Nobody,
        }
    }

    /// Which of several lock services this step asks that is taken at this one: the first, as it were,
    /// when it asks none.
    #[must_use]
    pub const fn node(self, node: u8) -> u8 {
        if matches!(self.service(), Service::Lock) {
            node
        } else {
            0
        }
    }

    /// The step, and which of several lock services is asked, from 0: `acquire@2`.
    #[must_use]
    pub fn at(self, node: u8) -> String {
        match node {
            0 => self.to_string(),
            node => format!("{self}@{}", u32::from(node) + 1),
        }
    }

    /// Whether it is carried out by itself, whenever its request arrives: it is no look, which nobody
    /// would see, and no step of a transaction, which all come in their order on one connection.
    #[must_use]
    pub const fn can_be_late(self) -> bool {
        match self {
            Self::Acquire
            | Self::SetTtl
            | Self::Hold
            | Self::Insert
            | Self::Confirm
            | Self::Release => true,
            Self::Validate
            | Self::Wait
            | Self::Begin
            | Self::Check
            | Self::Pay
            | Self::Commit
            | Self::Rollback
            | Self::Verify => false,
        }
    }

    /// Why its request is never late.
    #[must_use]
    pub const fn why_never_late(self) -> &'static str {
        match self {
            Self::Check | Self::Verify => "it only looks, and nobody would see what it saw",
            Self::Validate | Self::Wait | Self::Pay => "it sends no request",
            Self::Begin | Self::Commit | Self::Rollback => {
                "the steps of a transaction come in their order on one connection"
            }
            Self::Acquire
            | Self::SetTtl
            | Self::Hold
            | Self::Insert
            | Self::Confirm
            | Self::Release => "it is part of an open transaction, whose steps come in their order",
        }
    }

    /// Whether it may put a booking into the database.
    #[must_use]
    pub const fn may_book(self) -> bool {
        match self {
            Self::Insert | Self::Confirm | Self::Commit => true,
            Self::Acquire
            | Self::SetTtl
            | Self::Validate
            | Self::Wait
            | Self::Hold
            | Self::Begin
            | Self::Check
            | Self::Pay
            | Self::Rollback
            | Self::Verify
            | Self::Release => false,
        }
    }
}

/// What a step was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The lock is the user's.
    Granted,
    /// Somebody else holds the lock.
    Held,
    /// There is time left.
    InTime,
    /// The time is over.
    Late,
    /// The lock has a time to live now.
    TtlSet,
    /// There may be something to have now.
    Again,
    /// The user has waited long enough.
    TimeUp,
    /// The transaction has begun.
    Begun,
    /// The database is busy with another's transaction.
    Busy,
    /// Somebody else was there since the user last looked.
    Stale,
    /// The seat has no booking.
    Available,
    /// The seat has a booking.
    Taken,
    /// The payment went through.
    Paid,
    /// The booking is in the database, or in the user's open transaction.
    Inserted,
    /// The database refused the booking.
    Conflict,
    /// What the transaction did is in the database.
    Committed,
    /// What the transaction did is undone.
    RolledBack,
    /// The lock is still the user's.
    StillHeld,
    /// The user's own lock was freed.
    Released,
    /// The lock was not the user's any more; nothing was freed.
    NotHeld,
    /// The step was not carried out.
    Failed,
    /// No reply came: the step may have been carried out, or not.
    Lost,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Granted => "granted",
            Self::Held => "held by someone else",
            Self::InTime => "in time",
            Self::Late => "too late",
            Self::TtlSet => "time to live set",
            Self::Again => "try again",
            Self::TimeUp => "waited long enough",
            Self::Begun => "begun",
            Self::Busy => "database is locked",
            Self::Stale => "overtaken by someone else",
            Self::Available => "available",
            Self::Taken => "taken",
            Self::Paid => "paid",
            Self::Inserted => "inserted",
            Self::Conflict => "conflict",
            Self::Committed => "committed",
            Self::RolledBack => "rolled back",
            Self::StillHeld => "still held",
            Self::Released => "released",
            Self::NotHeld => "no longer held",
            Self::Failed => "failed",
            Self::Lost => "no reply",
        })
    }
}
