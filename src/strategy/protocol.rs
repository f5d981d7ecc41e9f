//! The trait of a strategy: how one user tries to book one seat.

use crate::client::{Client, StepError, Ttl};
use crate::history::{Outcome, StrategySettings};
use crate::services::Needs;
use crate::step::Step;

/// How one user tries to book one seat.
///
/// A strategy sees only its [`Client`] and is deterministic given the replies it gets, so that
/// every interleaving of it can be searched. It takes no time of its own: in a race, a step begins
/// when the one before it was complete.
pub trait Strategy: Clone + Send + Sync + 'static {
    /// The name that a person types.
    fn name(&self) -> &str;

    /// The options that differ from the usual ones.
    fn settings(&self) -> StrategySettings {
        StrategySettings::default()
    }

    /// How long what it holds lives, a lock or a claim; `None` when it holds nothing for a time.
    fn ttl(&self) -> Option<Ttl> {
        None
    }

    /// Which services it uses beside the bookings: none by default. A strategy that takes a lock has to say so,
    /// or its acquire fails.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The steps that its users may take, in the order of [`Step::ALL`]; `None` when it does not say.
    fn steps(&self) -> Option<Vec<Step>> {
        None
    }

    /// Those of them whose requests may arrive late: none that is part of an open transaction.
    fn late_steps(&self) -> Option<Vec<Step>> {
        let stays_open = self.needs().transactions;
        let can_be_late = |step: &Step| step.can_be_late() && !(stays_open && step.may_book());
        let steps = self.steps()?.into_iter();
        Some(steps.filter(can_be_late).collect())
    }

    /// Whether it may take a lock that another holds; `None` when it does not say.
    fn takes_over(&self) -> Option<bool> {
        None
    }

    /// Whether it may free a lock that another holds; `None` when it does not say.
    fn frees_others(&self) -> Option<bool> {
        None
    }

    /// Whether it makes no difference which user is which.
    fn is_symmetric(&self) -> bool {
        true
    }

    /// Whether it promises that no seat is sold twice.
    fn promises_one_booking(&self) -> bool {
        true
    }

    /// One user's attempt, from its first step to what it is told.
    fn attempt(
        &self,
        client: &mut Client,
    ) -> impl Future<Output = Result<Outcome, StepError>> + Send;
}
