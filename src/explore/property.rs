//! Which states have a property?

use super::model::{Race, State};
use super::user::Next;
use crate::checker::Property;
use crate::history::Outcome;
use crate::strategy::Strategy;

/// Whether this state has it. What a user leaves behind is judged when nothing of it is on its way any
/// more: a request that never arrives is another fault.
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
    let is_on_its_way = |place: usize| state.late.is_pending(place);
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
                || state.late.are_pending()
                || users
                    .iter()
                    .any(|user| user.is_running() || user.next == Next::Lost)
        }
        Property::NoLockLeft => {
            told().all(|(place, _)| is_on_its_way(place) || !state.world.is_locked_by(place))
        }
        Property::NoEternalLock => users.iter().enumerate().all(|(place, user)| {
            user.is_running() || is_on_its_way(place) || !state.world.is_locked_for_ever_by(place)
        }),
        Property::NoPhantomSuccess => told().all(|(place, outcome)| {
            outcome != Outcome::Confirmed || is_on_its_way(place) || has_row(place)
        }),
        Property::NoStrayBooking => told().all(|(place, outcome)| {
            matches!(outcome, Outcome::Confirmed | Outcome::Unknown) || !has_row(place)
        }),
    }
}
