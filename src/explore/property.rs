//! Properties as states of the model have them.

use super::model::room::SEATS_MAX;
use super::model::user::Next;
use super::model::{RaceModel, State};
use crate::checker::Property;
use crate::history::Outcome;
use crate::strategy::Strategy;

/// Whether this state has it. What a user leaves behind is judged when nothing of it is on its way any
/// more: a request that never arrives is another fault.
pub(super) fn holds<S: Strategy>(property: Property, race: &RaceModel<S>, state: &State) -> bool {
    let users = race.users(state);
    let has_row = |place: usize| {
        state
            .services
            .database
            .rows()
            .users()
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
        Property::NoDoubleBooking => !state.services.database.rows().is_sold_twice(false),
        Property::NoDoubleBookingInLease => !state.services.database.rows().is_sold_twice(true),
        Property::MutualExclusion => {
            // A user that is about to free the lock does not go by it any more.
            let goes_on =
                |next: Next| matches!(next, Next::Asks(pending) if !pending.step().is_tidying());
            let going = users.iter().enumerate().filter(|(place, user)| {
                state.services.locks.is_granted(*place) && goes_on(user.next) && user.has_started()
            });
            let mut seats = [false; SEATS_MAX];
            let mut seats_gone_by = going.map(|(place, _)| race.room.seat_of(place));
            seats_gone_by.all(|seat| !std::mem::replace(&mut seats[seat], true))
        }
        Property::NoForeignRelease => !state.services.locks.freed_foreign,
        Property::SomeoneBooks => {
            let is_sold = |seat| state.services.database.rows().is_sold(seat);
            (0..race.room.seats).all(is_sold)
                || state.late.are_pending()
                || users
                    .iter()
                    .any(|user| user.is_running() || user.next == Next::Lost)
        }
        Property::NoLockLeft => told()
            .all(|(place, _)| is_on_its_way(place) || !state.services.locks.is_locked_by(place)),
        Property::NoEternalLock => users.iter().enumerate().all(|(place, user)| {
            user.is_running()
                || is_on_its_way(place)
                || !state.services.locks.is_locked_for_ever_by(place)
        }),
        Property::NoPhantomSuccess => told().all(|(place, outcome)| {
            outcome != Outcome::Confirmed || is_on_its_way(place) || has_row(place)
        }),
        Property::NoStrayBooking => {
            told().all(|(place, outcome)| outcome.may_be_booked() || !has_row(place))
        }
    }
}
