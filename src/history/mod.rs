//! What happened: the steps, the ends of the attempts, and the bookings found afterwards.

mod lines;
mod rows;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use lines::{ReadError, read, write};
pub use rows::{Compact, INSTANT_MAX_NS, PackedAttempt, PackedEvent, Rows};

use crate::seat::{Booking, SeatId, UserId};

/// All that is known of one race, enough to judge it again.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// What was raced, on what.
    pub header: Header,
    /// Every step, in the order they were answered.
    pub events: Rows<Event>,
    /// The end of every attempt, in the order they ended.
    pub attempts: Rows<Attempt>,
    /// The rows of the database after the race, in the order they were inserted.
    pub bookings: Vec<Booking>,
    /// How the race ended.
    pub footer: Footer,
    /// Why nothing can be concluded from this history; `None` when it is whole.
    pub damage: Option<String>,
}

/// What was raced, on what, as the report's header repeats it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the history's format.
    pub version: u32,
    /// The strategy's name.
    pub strategy: String,
    /// Which round this is, from 0.
    pub round: u32,
    /// How many users were to race.
    pub users: u32,
    /// Which seats they wanted, in words.
    pub wanted: String,
    /// How long a user paid, in words.
    pub payment: String,
    /// At most this many users in flight; `None` for everyone at once.
    pub concurrency: Option<u32>,
    /// The time over which users arrived, in words; `None` for all at once.
    pub arrive_over: Option<String>,
    /// The seed of the inputs.
    pub seed: u64,
    /// How long a lock lives; `None` when the strategy takes none.
    pub ttl_ms: Option<u64>,
    /// The database, its version and its settings.
    pub database: String,
    /// The lock service and its version; `None` when the strategy takes no lock.
    pub lock: Option<String>,
    /// When the race began, in UTC.
    pub began: String,
}

impl Header {
    /// The version of the format that this build writes.
    pub const VERSION: u32 = 1;
}

/// How a race ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// How many steps the history holds.
    pub steps: usize,
    /// How many attempts the history holds.
    pub attempts: usize,
    /// How many bookings the history holds.
    pub bookings: usize,
    /// Whether the race was stopped before every user had its try.
    pub interrupted: bool,
    /// What the services did wrong, a line each.
    pub troubles: Vec<String>,
}

/// One step of one user: a round trip to a service, or a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Whose step it is.
    pub user: UserId,
    /// The seat it is about.
    pub seat: SeatId,
    /// What was asked.
    pub step: Step,
    /// What was answered.
    pub reply: Reply,
    /// When it was asked, from the start of the race.
    pub invoked_ns: u64,
    /// When it was answered, from the start of the race.
    pub completed_ns: u64,
}

/// What a user can do, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Take the lock of the seat.
    Acquire,
    /// Ask the database whether the seat is free.
    Check,
    /// Pay for the seat.
    Pay,
    /// Insert the booking.
    Insert,
    /// Free the lock of the seat.
    Release,
}

impl Step {
    /// Every step there is, in the order a person would do them.
    pub const ALL: [Self; 5] = [
        Self::Acquire,
        Self::Check,
        Self::Pay,
        Self::Insert,
        Self::Release,
    ];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Acquire => "acquire",
            Self::Check => "check",
            Self::Pay => "pay",
            Self::Insert => "insert",
            Self::Release => "release",
        })
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
    /// The seat has no booking.
    Available,
    /// The seat has a booking.
    Taken,
    /// The payment went through.
    Paid,
    /// The booking is in the database.
    Inserted,
    /// The database refused the booking.
    Conflict,
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
            Self::Available => "available",
            Self::Taken => "taken",
            Self::Paid => "paid",
            Self::Inserted => "inserted",
            Self::Conflict => "conflict",
            Self::Released => "released",
            Self::NotHeld => "no longer held",
            Self::Failed => "failed",
            Self::Lost => "no reply",
        })
    }
}

/// One user's try at one seat, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who tried.
    pub user: UserId,
    /// For which seat.
    pub seat: SeatId,
    /// What the user was told.
    pub outcome: Outcome,
    /// When the user started, from the start of the race.
    pub started_ns: u64,
    /// When the user was told, from the start of the race.
    pub ended_ns: u64,
}

/// What a user was told at the end of its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The seat is booked for this user.
    Confirmed,
    /// Refused: the seat is currently being booked by someone else.
    Locked,
    /// Refused: the seat is already booked.
    Taken,
    /// Refused by the database at the insert, after payment.
    Conflict,
    /// An error; nothing was booked.
    Failed,
    /// A reply was lost: booked or not, the user cannot know.
    Unknown,
}

impl Outcome {
    /// Every outcome there is, best first.
    pub const ALL: [Self; 6] = [
        Self::Confirmed,
        Self::Locked,
        Self::Taken,
        Self::Conflict,
        Self::Failed,
        Self::Unknown,
    ];

    /// Whether the user was turned away by a rule, neither served nor failed.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Locked | Self::Taken | Self::Conflict)
    }

    /// What the user reads on its screen.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Confirmed => "your seat is booked",
            Self::Locked => "seat is currently being booked by someone else",
            Self::Taken => "seat is already booked",
            Self::Conflict => "seat was booked by someone else while you paid",
            Self::Failed => "an error; nothing was booked",
            Self::Unknown => "no reply; booked or not is not known",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Confirmed => "confirmed",
            Self::Locked => "locked",
            Self::Taken => "taken",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        })
    }
}
