//! Watchdogs of the model: which locks a watchdog extends, and which may expire.

use super::locks::Value;
use super::user::{Next, User};
use super::{RaceModel, State};
use crate::client::PendingStep;
use crate::schedule::Move;
use crate::strategy::Strategy;

impl<S: Strategy> RaceModel<S> {
    /// Whether a watchdog of somebody else than this user extends what is held with this value.
    pub(in crate::explore) fn is_extended(
        &self,
        state: &State,
        node: usize,
        value: Value,
        but: Option<usize>,
    ) -> bool {
        let watches = |place: usize, user: &User| match user.next {
            Next::Asks(PendingStep { watched, .. }) => {
                watched.is_some_and(|request| Value::of(self.crowd.id(place), request) == value)
            }
            Next::Ended(_) | Next::Crashed | Next::Lost => false,
        };
        // A watchdog extends the lock of the first lock service.
        let mut users = self.users(state).iter().enumerate();
        node == 0 && users.any(|(place, user)| but != Some(place) && watches(place, user))
    }

    /// Whether a stall takes anything from the user. Its own watchdog stands still with it, not that of
    /// the same person at another screen.
    pub(in crate::explore) fn may_stall(&self, state: &State, place: usize) -> bool {
        let mut held = state.services.locks.held_for_a_time_by(place, self.room);
        let is_lock = held.any(|(node, value)| !self.is_extended(state, node, value, Some(place)));
        let mut claims = state.services.database.rows().good_claims();
        is_lock || claims.any(|holder| holder == place)
    }

    /// Why a fault of a service is not possible here.
    pub(in crate::explore) fn objection_to_fault(&self, state: &State, step: Move) -> &'static str {
        match step {
            Move::Expire(node)
                if state
                    .services
                    .locks
                    .is_locked_for_ever(usize::from(node), self.room) =>
            {
                "the lock has no time to live, so it never runs out"
            }
            Move::Expire(node) if self.is_anything_to_expire(state, usize::from(node)) => {
                "a watchdog extends the lock until its holder has booked"
            }
            Move::Step { .. }
            | Move::Arrival { .. }
            | Move::Crash(_)
            | Move::GiveUp(_)
            | Move::Stall(_)
            | Move::Expire(_)
            | Move::Restart(_)
            | Move::PauseRedis => "nothing is held that it could take away",
        }
    }

    fn is_anything_to_expire(&self, state: &State, node: usize) -> bool {
        state
            .services
            .locks
            .may_expire(node, self.room)
            .next()
            .is_some()
    }
}
