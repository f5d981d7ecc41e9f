//! The race as a state machine for the model checker (the only stateright beside the search).

use stateright::{Model, Property as Checked};

use super::model::{RaceModel, State};
use super::property::holds;
use crate::schedule::Move;
use crate::strategy::Strategy;

impl<S: Strategy> Model for RaceModel<S> {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Move>) {
        self.moves(state, actions);
    }

    fn next_state(&self, state: &State, step: Move) -> Option<State> {
        Some(self.step(state, step).0)
    }

    /// Beyond what the model can follow nothing is looked at. Not asked when a path is told again.
    fn within_boundary(&self, _: &State) -> bool {
        !self.bounds.is_lost()
    }

    /// One property at a time, so that the first path found is a shortest one. It is asked once of
    /// every different state. At a limit it is called broken: nothing else ends the checker at once,
    /// which would go through the states that wait, for seconds.
    fn properties(&self) -> Vec<Checked<Self>> {
        vec![Checked::always("asked", |race, state| {
            race.bounds.admit() && holds(race.question, race, state)
        })]
    }
}
