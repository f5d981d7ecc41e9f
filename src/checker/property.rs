//! Properties: what a history is judged by, and what every state of a search is to have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A property of a race: the search asks it of every state, the checker of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// No seat has two bookings.
    NoDoubleBooking,
    /// No two users book one seat whose leases had not run out: the innocent ones.
    NoDoubleBookingInLease,
    /// No two users go by the lock of one seat at once.
    MutualExclusion,
    /// Nobody frees another's lock.
    NoForeignRelease,
    /// When everybody is done, the wanted seat is sold.
    SomeoneBooks,
    /// Whoever was told its outcome holds no lock any more.
    NoLockLeft,
    /// Nobody leaves a lock behind that never ends.
    NoEternalLock,
    /// Who was told confirmed has a row.
    NoPhantomSuccess,
    /// Every row was attempted, and its user not told otherwise.
    NoStrayBooking,
}

impl Property {
    /// Every property, the one people ask for first.
    pub const ALL: [Self; 9] = [
        Self::NoDoubleBooking,
        Self::NoDoubleBookingInLease,
        Self::MutualExclusion,
        Self::NoForeignRelease,
        Self::SomeoneBooks,
        Self::NoLockLeft,
        Self::NoEternalLock,
        Self::NoPhantomSuccess,
        Self::NoStrayBooking,
    ];

    /// The name that a person types.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoDoubleBooking => "no-double-booking",
            Self::NoDoubleBookingInLease => "no-double-booking-in-lease",
            Self::MutualExclusion => "mutual-exclusion",
            Self::NoForeignRelease => "no-foreign-release",
            Self::SomeoneBooks => "someone-books",
            Self::NoLockLeft => "no-lock-left",
            Self::NoEternalLock => "no-eternal-lock",
            Self::NoPhantomSuccess => "no-phantom-success",
            Self::NoStrayBooking => "no-stray-booking",
        }
    }

    /// What it means when it holds.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NoDoubleBooking => "no seat was sold twice",
            Self::NoDoubleBookingInLease => "no two users inside their leases share a seat",
            Self::MutualExclusion => "no two users went by the lock of a seat at once",
            Self::NoForeignRelease => "nobody freed another's lock",
            Self::SomeoneBooks => "every wanted seat was sold",
            Self::NoLockLeft => "who was told its outcome holds no lock",
            Self::NoEternalLock => "no lock was left that never ends",
            Self::NoPhantomSuccess => "who was told confirmed has a row",
            Self::NoStrayBooking => "every row was attempted, its user not told otherwise",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a text names no property.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no property; there are: {names}", names = Property::ALL.map(Property::name).join(", "))]
pub struct UnknownProperty(String);

impl FromStr for Property {
    type Err = UnknownProperty;

    fn from_str(text: &str) -> Result<Self, UnknownProperty> {
        let found = Self::ALL
            .into_iter()
            .find(|property| property.name() == text);
        found.ok_or_else(|| UnknownProperty(text.to_owned()))
    }
}
