//! Properties: what a history is judged by, and what every state of a search is to have.

use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

/// A property of a race: the search asks it of every state, the checker of a history.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
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
#[strum(parse_err_ty = UnknownProperty, parse_err_fn = UnknownProperty::from)]
pub enum Property {
    /// No seat has two rows, whoever they are of.
    NoDoubleBooking,
    /// No two users book one seat whose leases had not run out when their rows came to be: the innocent
    /// ones. A lease is the time to live of a lock or of a claim; who holds neither overruns none.
    NoDoubleBookingInLease,
    /// No two users go by the lock of one seat at once: each from the moment it knows that the lock is
    /// its own (of several locks, that most of them are) until it has taken its last step before it
    /// tidies up. A claim on the seat is no lock: the database asks for it again at the booking.
    ///
    /// A step without a reply may be taken at any later time, also under the lock of another: a history
    /// does not tell when, and it is unknown whether the two met. A search judges what users do: a request
    /// that is late counts as taken when its user has given it up, not when it arrives.
    MutualExclusion,
    /// Nobody takes away a lock that another holds: by freeing it, or by taking it without asking
    /// whether it is free (`SET` without `NX`). Two users are two, also at the screens of one person.
    NoForeignRelease,
    /// When everybody is done, the wanted seat is sold.
    SomeoneBooks,
    /// Whoever was told its outcome holds no lock any more. Who crashed was told nothing.
    NoLockLeft,
    /// Nobody who is done, or has crashed, leaves a lock behind that has no time to live.
    NoEternalLock,
    /// Who was told confirmed has a row.
    NoPhantomSuccess,
    /// Every row was tried for, and its user told confirmed, or not at all, or that nothing is known.
    NoStrayBooking,
}

all_by_name!(Property, "Every property, the one people ask for first.");

impl Property {
    /// What it means when it holds.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NoDoubleBooking => "no seat was sold twice",
            Self::NoDoubleBookingInLease => "no two users inside their leases share a seat",
            Self::MutualExclusion => "no two users acted under the same seat's lock at once",
            Self::NoForeignRelease => "nobody released someone else's lock",
            Self::SomeoneBooks => "every wanted seat was sold",
            Self::NoLockLeft => "no user who was told its outcome holds a lock",
            Self::NoEternalLock => "no lock without a time to live was left",
            Self::NoPhantomSuccess => "everyone told 'confirmed' has a booking",
            Self::NoStrayBooking => {
                "every booking was attempted, and its user was not told otherwise"
            }
        }
    }
}

/// Why a text names no property.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown property '{0}'; there are: {names}", names = Property::ALL.map(Property::name).join(", "))]
pub struct UnknownProperty(String);

impl From<&str> for UnknownProperty {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
