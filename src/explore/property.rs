//! What is asked of every state?

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::model::{Race, State};
use super::user::Next;
use crate::history::Outcome;
use crate::strategy::Strategy;

/// A property that every state is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
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
    /// Who has a row was not told otherwise.
    NoStrayBooking,
}

impl Asked {
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

    /// Whether this state has it.
    pub(super) fn holds<S: Strategy>(self, race: &Race<S>, state: &State) -> bool {
        let users = race.users(state);
        let has_row = |place: usize| {
            state
                .world
                .database
                .rows()
                .any(|row| usize::from(row) == place + 1)
        };
        let told = || {
            users
                .iter()
                .enumerate()
                .filter_map(|(place, user)| Some((place, user.outcome()?)))
        };
        match self {
            Self::NoDoubleBooking => state.world.database.rows().count() < 2,
            Self::NoDoubleBookingInLease => state.world.database.rows_in_lease() < 2,
            Self::MutualExclusion => {
                // A user that is about to free the lock does not go by it any more.
                let goes_on =
                    |next: Next| matches!(next, Next::Asks(asked) if !asked.step.is_tidying());
                let going = users.iter().enumerate().filter(|(place, user)| {
                    state.world.is_granted(*place) && goes_on(user.next) && user.has_started()
                });
                going.count() < 2
            }
            Self::NoForeignRelease => !state.world.freed_foreign,
            Self::SomeoneBooks => {
                state.world.database.rows().count() > 0
                    || users
                        .iter()
                        .any(|user| user.is_running() || user.next == Next::Lost)
            }
            Self::NoLockLeft => told().all(|(place, _)| !state.world.is_locked_by(place)),
            Self::NoEternalLock => users.iter().enumerate().all(|(place, user)| {
                user.is_running() || !state.world.is_locked_for_ever_by(place)
            }),
            Self::NoPhantomSuccess => {
                told().all(|(place, outcome)| outcome != Outcome::Confirmed || has_row(place))
            }
            Self::NoStrayBooking => told().all(|(place, outcome)| {
                matches!(outcome, Outcome::Confirmed | Outcome::Unknown) || !has_row(place)
            }),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a text names no property.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no property; there are: {names}", names = Asked::ALL.map(Asked::name).join(", "))]
pub struct UnknownProperty(String);

impl FromStr for Asked {
    type Err = UnknownProperty;

    fn from_str(text: &str) -> Result<Self, UnknownProperty> {
        let found = Self::ALL
            .into_iter()
            .find(|property| property.name() == text);
        found.ok_or_else(|| UnknownProperty(text.to_owned()))
    }
}
