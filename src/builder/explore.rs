//! The builder of a search of every interleaving, and what can be asserted of its answer.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{BuilderError, Refused, story};
use crate::checker::Property;
use crate::engine::why_never;
use crate::explore::{Entrants, Found, Search, SearchVerdict, USERS_MAX, interleavings, search};
use crate::fault::SearchFault;
use crate::schedule::{Move, Schedule};
use crate::seat::SeatId;
use crate::step::Service;
use crate::strategy::Strategy;

/// A search through every interleaving of this strategy's users, on a model of the services: two users
/// after one seat, with no faults, by default.
///
/// ```
/// use racesim::checker::Property;
/// use racesim::strategy::Unique;
///
/// racesim::explore(Unique).users(3).fault("lost-reply").assert_holds(Property::NoDoubleBooking);
/// ```
pub fn explore<S: Strategy>(strategy: S) -> ExploreBuilder<S> {
    ExploreBuilder {
        strategy,
        search: Search::default(),
        refused: Refused::default(),
    }
}

/// A search that is being put together; made by [`explore`](crate::explore()).
#[derive(Debug)]
#[must_use = "a search begins with `run`, or with what it is to hold"]
pub struct ExploreBuilder<S> {
    strategy: S,
    search: Search,
    refused: Refused,
}

impl<S: Strategy> ExploreBuilder<S> {
    /// Sets the number of users, 1 to [`USERS_MAX`].
    pub fn users(mut self, users: u32) -> Self {
        let is_there = usize::try_from(users).is_ok_and(|users| users <= USERS_MAX);
        let users = self.refused.accept_number(users, "users");
        if let Some(users) = users {
            let fits = is_there.then_some(users.get());
            let fits = fits.ok_or(BuilderError::Users(users.get()));
            self.search.users = self.refused.accept(fits).unwrap_or(self.search.users);
        }
        self
    }

    /// What may go wrong, as on the command line: `crash`, or `expire:2` for two of them.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a text, or a fault, or whatever is shown as one"
    )]
    pub fn fault(mut self, fault: impl ToString) -> Self {
        let read = fault.to_string().parse::<SearchFault>();
        self.search.faults.extend(self.refused.accept(read));
        self
    }

    /// The most different states that are looked at; default: ten million.
    pub fn limit_states(mut self, states: u64) -> Self {
        self.search.limit_states = states;
        self
    }

    /// The longest time that it may take; default: a minute.
    pub fn limit_time(mut self, time: Duration) -> Self {
        self.search.limit_time = time;
        self
    }

    /// Searches for a shortest interleaving that breaks the property. Blocks the current thread.
    ///
    /// # Errors
    /// [`BuilderError`] when there is nothing to search.
    pub fn run(self, property: Property) -> Result<ExploreResult<S>, BuilderError> {
        self.refused.or_none()?;
        refuse_unneeded_lock(&self.strategy)?;
        for allowed in &self.search.faults {
            if let Some(why) = why_never(allowed.fault, &self.strategy) {
                return Err(BuilderError::Never {
                    fault: allowed.to_string(),
                    strategy: self.strategy.name().to_owned(),
                    why: why.to_owned(),
                });
            }
        }
        Ok(ExploreResult {
            found: search(&self.strategy, property, &self.search),
            users: self.search.users,
            strategy: self.strategy,
        })
    }

    /// Asserts that no interleaving breaks the property.
    ///
    /// # Panics
    /// When one does: with a shortest one, what every step of it was answered, and how to replay it on the
    /// real stores. Also when the search ended early, and when [`run`](Self::run) would refuse it.
    #[track_caller]
    pub fn assert_holds(self, property: Property) {
        match self.run(property) {
            Ok(result) => result.assert_holds(),
            Err(error) => panic!("{property} cannot be searched: {error}"),
        }
    }
}

/// A strategy that takes a lock and needs no lock service would only ever fail to: a test of nothing.
fn refuse_unneeded_lock<S: Strategy>(strategy: &S) -> Result<(), BuilderError> {
    if strategy.needs().locks > 0 {
        return Ok(());
    }
    let alone = Entrants::after(&[SeatId::from(NonZeroU32::MIN)]);
    let all = interleavings(strategy, alone, 1).unwrap_or_default();
    let asks_lock =
        |it: &Move| matches!(it, Move::Step { step, .. } if step.service() == Service::Lock);
    if all.iter().any(|schedule| schedule.0.iter().any(asks_lock)) {
        return Err(BuilderError::NoLockNeeded(strategy.name().to_owned()));
    }
    Ok(())
}

/// A search that is over.
#[derive(Debug)]
pub struct ExploreResult<S> {
    strategy: S,
    users: u32,
    found: Found,
}

impl<S: Strategy> ExploreResult<S> {
    /// What was found.
    #[must_use]
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// A shortest interleaving that breaks the property; `None` when none was found.
    #[must_use]
    pub fn schedule(&self) -> Option<&Schedule> {
        match &self.found.answer {
            SearchVerdict::Violated(schedule) => Some(schedule),
            SearchVerdict::Holds | SearchVerdict::Unknown(_) => None,
        }
    }

    /// Asserts that no interleaving breaks the property.
    ///
    /// # Panics
    /// When one does, or the search ended early.
    #[track_caller]
    pub fn assert_holds(&self) {
        if let Some(story) = story::of_search(&self.strategy, &self.found, self.users) {
            panic!(
                "{} of '{}' {story}",
                self.found.property,
                self.strategy.name()
            );
        }
    }
}
