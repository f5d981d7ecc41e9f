//! Which states have a property?

use super::model::{Race, State};
use super::user::Next;
use crate::checker::Property;
use crate::history::Outcome;
use crate::strategy::Strategy;

/// Whether this state has it.
pub(super) fn holds<S: Strategy>(property: Property, race: &Race<S>, state: &State) -> bool {
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
    match property {
        Property::NoDoubleBooking => state.world.database.rows().count() < 2,
        Property::NoDoubleBookingInLease => state.world.database.rows_in_lease() < 2,
        Property::MutualExclusion => {
            // A user that is about to free the lock does not go by it any more.
            let goes_on =
                |next: Next| matches!(next, Next::Asks(asked) if !asked.step.is_tidying());
            let going = users.iter().enumerate().filter(|(place, user)| {
                state.world.is_granted(*place) && goes_on(user.next) && user.has_started()
            });
            going.count() < 2
        }
        Property::NoForeignRelease => !state.world.freed_foreign,
        Property::SomeoneBooks => {
            state.world.database.rows().count() > 0
                || users
                    .iter()
                    .any(|user| user.is_running() || user.next == Next::Lost)
        }
        Property::NoLockLeft => told().all(|(place, _)| !state.world.is_locked_by(place)),
        Property::NoEternalLock => users
            .iter()
            .enumerate()
            .all(|(place, user)| user.is_running() || !state.world.is_locked_for_ever_by(place)),
        Property::NoPhantomSuccess => {
            told().all(|(place, outcome)| outcome != Outcome::Confirmed || has_row(place))
        }
        Property::NoStrayBooking => told().all(|(place, outcome)| {
            matches!(outcome, Outcome::Confirmed | Outcome::Unknown) || !has_row(place)
        }),
    }
}
