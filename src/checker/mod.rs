//! Is this history right? Each property holds, is violated with a witness, or is unknown.

mod bookings;
mod locks;

use std::fmt;

use serde::Serialize;

use crate::history::History;
use crate::seat::{SeatId, UserId};
use bookings::Rows;

/// What a history is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// No seat has two bookings.
    NoDoubleBooking,
    /// Who was told confirmed has a row.
    NoPhantomSuccess,
    /// Every row was attempted, and its user not told otherwise.
    NoStrayBooking,
    /// No two users go by the lock of one seat at once.
    MutualExclusion,
    /// Nobody frees another's lock.
    NoForeignRelease,
    /// A seat that somebody wanted is sold.
    SomeoneBooks,
}

impl Property {
    /// Every property, the one people ask for first.
    pub const ALL: [Self; 6] = [
        Self::NoDoubleBooking,
        Self::NoPhantomSuccess,
        Self::NoStrayBooking,
        Self::MutualExclusion,
        Self::NoForeignRelease,
        Self::SomeoneBooks,
    ];

    /// What it means when it holds.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NoDoubleBooking => "no seat was sold twice",
            Self::NoPhantomSuccess => "who was told confirmed has a row",
            Self::NoStrayBooking => "every row was attempted, its user not told otherwise",
            Self::MutualExclusion => "no two users went by the lock of a seat at once",
            Self::NoForeignRelease => "nobody freed another's lock",
            Self::SomeoneBooks => "every wanted seat was sold",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoDoubleBooking => "no-double-booking",
            Self::NoPhantomSuccess => "no-phantom-success",
            Self::NoStrayBooking => "no-stray-booking",
            Self::MutualExclusion => "mutual-exclusion",
            Self::NoForeignRelease => "no-foreign-release",
            Self::SomeoneBooks => "someone-books",
        })
    }
}

/// Whether a property holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds in this history.
    Holds,
    /// The history does not say enough.
    Unknown(String),
    /// It does not hold.
    Violated(Witness),
}

impl Verdict {
    /// The verdict's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Unknown(_) => "unknown",
            Self::Violated(_) => "violated",
        }
    }

    /// How bad it is: the worst of several verdicts is the verdict on all.
    #[must_use]
    pub const fn severity(&self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Unknown(_) => 1,
            Self::Violated(_) => 2,
        }
    }
}

/// What shows that a property does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What happened, in a sentence.
    pub text: String,
    /// The seat it happened on.
    pub seat: SeatId,
    /// Those who took part, in the order of their bookings or grants.
    pub users: Vec<UserId>,
}

/// A property and what a history says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What was asked.
    pub property: Property,
    /// What the history answers.
    pub verdict: Verdict,
}

/// Judges a history by every property. Of a damaged history nothing is known.
#[must_use]
pub fn judge(history: &History) -> Vec<Judgement> {
    let rows = Rows::of(history);
    Property::ALL
        .into_iter()
        .map(|property| Judgement {
            property,
            verdict: verdict(property, history, &rows),
        })
        .collect()
}

fn verdict(property: Property, history: &History, rows: &Rows<'_>) -> Verdict {
    if let Some(damage) = &history.damage {
        return Verdict::Unknown(format!("the history is damaged: {damage}"));
    }
    match property {
        Property::NoDoubleBooking => bookings::no_double_booking(rows),
        Property::NoPhantomSuccess => bookings::no_phantom_success(rows),
        Property::NoStrayBooking => bookings::no_stray_booking(rows),
        Property::MutualExclusion => locks::mutual_exclusion(history),
        Property::NoForeignRelease => locks::no_foreign_release(history),
        Property::SomeoneBooks => bookings::someone_books(rows),
    }
}
