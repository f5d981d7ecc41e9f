//! The checker of histories: each property holds, is violated with a witness, or is unknown.

#![warn(clippy::wildcard_enum_match_arm)]

mod bookings;
pub mod explain;
mod grants;
mod kept;
mod leases;
mod left;
mod locks;
mod possible;
mod property;
mod releases;
mod verdict;

pub use possible::{objection, objection_by};
pub use property::{Property, UnknownProperty};
pub use verdict::{Verdict, VerdictKind, Witness};

use crate::history::History;
use bookings::RowIndex;
use grants::Contended;

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
    judge_by(&Property::ALL, history)
}

/// Judges a history by these properties.
#[must_use]
pub fn judge_by(properties: &[Property], history: &History) -> Vec<Judgement> {
    let rows = RowIndex::of(history);
    let contended = Contended::of(history);
    properties
        .iter()
        .map(|property| Judgement {
            property: *property,
            verdict: verdict(*property, &rows, &contended),
        })
        .collect()
}

fn verdict(property: Property, rows: &RowIndex<'_>, contended: &Contended<'_>) -> Verdict {
    let history = rows.history;
    if let Some(damage) = &history.damage {
        return Verdict::Unknown(format!("the history is damaged: {damage}"));
    }
    match property {
        Property::NoDoubleBooking => bookings::no_double_booking(rows),
        Property::NoDoubleBookingInLease => leases::no_double_booking_in_lease(rows),
        Property::NoPhantomSuccess => bookings::no_phantom_success(rows),
        Property::NoStrayBooking => bookings::no_stray_booking(rows),
        Property::MutualExclusion => locks::mutual_exclusion(contended),
        Property::NoForeignRelease => releases::no_foreign_release(contended),
        Property::SomeoneBooks => bookings::someone_books(rows),
        Property::NoLockLeft => left::no_lock_left(history),
        Property::NoEternalLock => left::no_eternal_lock(history),
    }
}
