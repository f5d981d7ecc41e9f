//! The builder of a replay: one interleaving, forced on the real stores.

use std::num::NonZeroU32;

use super::race::on_real_redis;
use super::{BuilderError, Refused};
use crate::engine::Engine;
use crate::explore::replay::{Replayed, replay as force};
use crate::plan::Plan;
use crate::schedule::{Schedule, ScheduleError};
use crate::services::Services;
use crate::strategy::Strategy;

/// A replay of this strategy's users in the order of a schedule, on a real database and a real Redis.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), racesim::BuilderError> {
/// use racesim::strategy::Naive;
///
/// let schedule = "A.check B.check A.insert B.insert";
/// let replayed = racesim::replay(Naive).schedule(schedule).run().await?;
/// assert_eq!(replayed.rows.len(), 2);
/// # Ok(())
/// # }
/// ```
pub fn replay<S: Strategy>(strategy: S) -> ReplayBuilder<S> {
    ReplayBuilder {
        strategy,
        schedule: None,
        refused: Refused::default(),
    }
}

/// A replay that is being put together; made by [`replay`].
#[derive(Debug)]
#[must_use = "a replay begins with `run`"]
pub struct ReplayBuilder<S> {
    strategy: S,
    schedule: Option<Schedule>,
    refused: Refused,
}

impl<S: Strategy> ReplayBuilder<S> {
    /// The order of the steps, and what goes wrong: `A.check B.check A.insert B.insert`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a text, or a schedule, or whatever is shown as one"
    )]
    pub fn schedule(mut self, schedule: impl ToString) -> Self {
        self.schedule = self.refused.accept(schedule.to_string().parse());
        self
    }

    /// Forces the schedule, then lets those who took part go to their ends, one after another.
    ///
    /// # Errors
    /// [`BuilderError`] when the strategy cannot move like that, or a service could not be used.
    pub async fn run(self) -> Result<Replayed, BuilderError> {
        self.refused.or_none()?;
        let schedule = self.schedule.ok_or(ScheduleError::Empty)?;
        tokio::runtime::Handle::try_current().map_err(|_| BuilderError::NoRuntime)?;
        let plan = Plan::new(NonZeroU32::new(schedule.users()).unwrap_or(NonZeroU32::MIN));
        let (choice, needs) = (on_real_redis(), self.strategy.needs());
        let services = Services::start(&choice, &plan, needs, &plan.seats_wanted()).await?;
        let engine = Engine::new(services);
        Ok(force(&engine, &self.strategy, &plan, schedule).await?)
    }
}
