//! What happened: the steps, the ends of the attempts, and the bookings found afterwards.

#![warn(clippy::wildcard_enum_match_arm)]

mod earlier;
mod header;
pub mod index;
mod lines;
mod lock_record;
mod locks;
mod rows;
mod settings;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{EnumCount, IntoStaticStr, VariantArray};

pub use crate::fault::FaultCount;
pub use crate::step::{LockEffect, LockNews, Reply, ReplyKind, Service, Step};
pub use header::{Conduct, Header, HeaderWords, PlanRecord, PlanWords};
pub use lines::{Lines, ReadError, Recorded, Recording, read, write, write_end};
pub use lock_record::{LockKind, LockRecord, LockServerRecord};
pub use locks::locks_left;
pub use rows::{Compact, INSTANT_MAX_NS, NODES_MAX, PackedAttempt, PackedEvent, Rows};
pub use settings::{RunKind, Setting, SettingsRecord, StrategyRecord, StrategySettings};

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
    /// What went wrong as it was asked for, where no step tells it, in the order it happened.
    pub faults: Vec<FaultEvent>,
    /// The rows of the database after the race, in the order they were inserted.
    pub bookings: Vec<Booking>,
    /// How the race ended.
    pub footer: Footer,
    /// Why nothing can be concluded from this history; `None` when it is whole.
    pub damage: Option<String>,
}

impl History {
    /// Whether every step and every attempt is there that was taken: they are counted at the end. Where no
    /// more is wrong than that the rows could not be read, they are known.
    #[must_use]
    pub fn has_all_steps(&self) -> bool {
        let are_counted =
            self.footer.steps == self.events.len() && self.footer.attempts == self.attempts.len();
        self.damage.is_none() || (self.damage == self.footer.unread && are_counted)
    }

    /// Whether the rows are those of the database after the race.
    #[must_use]
    pub const fn has_all_rows(&self) -> bool {
        self.damage.is_none()
    }

    /// The same race without what happened in it, about which nothing can be concluded.
    #[must_use]
    pub fn without_rows(&self, why: &str) -> Self {
        Self {
            header: self.header.clone(),
            events: Rows::default(),
            attempts: Rows::default(),
            faults: Vec::new(),
            bookings: Vec::new(),
            footer: self.footer.clone(),
            damage: Some(why.to_owned()),
        }
    }
}

/// How a race ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Footer {
    /// How many steps the history holds.
    pub steps: usize,
    /// How many attempts the history holds.
    pub attempts: usize,
    /// How many bookings the history holds.
    pub bookings: usize,
    /// How many faults the history holds.
    #[serde(default)]
    pub fault_events: usize,
    /// Whether the race was stopped before every user had its try.
    pub interrupted: bool,
    /// What the services did wrong, a line each.
    pub troubles: Vec<String>,
    /// What went wrong as was asked for, and how often.
    #[serde(default)]
    pub faults: Vec<FaultCount>,
    /// Locks that were left behind.
    #[serde(default)]
    pub locks_left: Vec<LockLeft>,
    /// How often users began another try; `None` in recordings of a time when that was not counted.
    #[serde(default)]
    pub retries: Option<u64>,
    /// Why the rows of the database could not be read; `None` when they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// Whether what the lock services hold after the race could not be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locks_unread: bool,
    /// When it had been read what the lock services hold, from the start of the race; `None` when nobody
    /// has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locks_read_ns: Option<u64>,
    /// Whether a watchdog extended any lock: it may outlive its time to live.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_renewed: bool,
}

/// Something that went wrong as it was asked for, and that no step tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultEvent {
    /// What.
    pub fault: FaultKind,
    /// Whose it was; `None` when it was everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Which of several lock services it was, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub node: u8,
    /// When it had not begun yet, from the start of the race.
    pub invoked_ns: u64,
    /// When it was over, from the start of the race.
    pub completed_ns: u64,
}

/// What goes wrong without a step that tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FaultKind {
    /// What a user holds for a time ran out; without a user, whatever was held.
    Expire,
    /// A user stood still until all that it held for a time had run out.
    Stall,
    /// A lock service forgot everything.
    Restart,
    /// A user stopped for good.
    Crash,
}

impl FaultKind {
    /// Whether its user never moves again, and so is told nothing.
    #[must_use]
    pub const fn stops_its_user(self) -> bool {
        match self {
            Self::Crash => true,
            Self::Expire | Self::Stall | Self::Restart => false,
        }
    }
}

/// A lock that nobody will free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockLeft {
    /// The seat that it is the lock of.
    pub seat: SeatId,
    /// How long it lives on after the race; `None` for a lock without an end.
    pub left_ms: Option<u64>,
}

impl From<(SeatId, Option<Duration>)> for LockLeft {
    fn from((seat, life): (SeatId, Option<Duration>)) -> Self {
        Self {
            seat,
            left_ms: life.map(|life| u64::try_from(life.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// One step of one user: a round trip to a service, or a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Whose step it is.
    pub user: UserId,
    /// The seat it is about.
    pub seat: SeatId,
    /// What was asked.
    pub step: Step,
    /// Which of several lock services was asked, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub node: u8,
    /// What was answered.
    pub reply: Reply,
    /// When it was asked, from the start of the race.
    pub invoked_ns: u64,
    /// When it was answered, from the start of the race.
    pub completed_ns: u64,
}

impl Event {
    /// What was asked, and of which of several lock services: `acquire@2`.
    #[must_use]
    pub fn what(&self) -> String {
        self.step.at(self.node)
    }

    /// What it tells about the lock of its seat.
    #[must_use]
    pub const fn lock_news(&self) -> LockNews {
        self.step.lock_news(self.reply)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like that")]
const fn is_first(node: &u8) -> bool {
    *node == 0
}

/// One user's try at one seat, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
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

all_by_name!(Outcome, "Every outcome there is, best first.");

impl Outcome {
    /// What a user is told whose seat is gone: that it is taken, or, if it has paid, that it was
    /// booked meanwhile.
    #[must_use]
    pub const fn refused(has_paid: bool) -> Self {
        if has_paid {
            Self::Conflict
        } else {
            Self::Taken
        }
    }

    /// Whether the user was turned away by a rule, neither served nor failed.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        match self {
            Self::Locked | Self::Taken | Self::Conflict => true,
            Self::Confirmed | Self::Failed | Self::Unknown => false,
        }
    }

    /// Whether the user may have a row: it is booked, or cannot know.
    #[must_use]
    pub const fn may_be_booked(self) -> bool {
        match self {
            Self::Confirmed | Self::Unknown => true,
            Self::Locked | Self::Taken | Self::Conflict | Self::Failed => false,
        }
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
            Self::Unknown => "no reply: it may or may not be booked",
        }
    }
}
