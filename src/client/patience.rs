//! How long a user waits for a lock, and who looks after one that it has.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::{Client, How, Manner, Said, SaidCall, Services, StepCall, Ttl};
use crate::history::Step;

/// How often a watchdog extends a lock within its life, as Redisson does
/// (<https://redisson.pro/docs/data-and-services/locks-and-synchronizers/>).
const RENEWALS: u32 = 3;

/// How long a user waits altogether.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    limit_ns: u64,
    since_ns: Option<u64>,
}

impl Patience {
    /// Patience for this long, from the first wait.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self {
            limit_ns: u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX),
            since_ns: None,
        }
    }
}

/// A moment of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Since(u64);

/// Extends the life of a lock until it is dropped.
#[derive(Debug)]
#[must_use = "a watchdog stops when it is dropped"]
pub struct Watchdog(Option<AbortHandle>);

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Client {
    /// Says that another try begins: a user that was refused, overtaken or kept waiting starts its attempt
    /// again. Tries are counted here and nowhere else, so a strategy that tries again says so.
    pub fn try_again(&mut self) {
        if let Services::Live(race) = &self.services
            && !self.is_stopped()
        {
            race.log.retry();
        }
    }

    /// Lets a random time pass before another try; `false` when patience has run out.
    ///
    /// # Errors
    /// [`StepError`](super::StepError) when the race was stopped.
    pub fn wait(&mut self, patience: &mut Patience) -> StepCall<'_> {
        let since_ns = *patience.since_ns.get_or_insert(self.seen_ns);
        if let Services::Live(race) = &self.services
            && race.turnstile.is_none()
            && self.seen_ns.saturating_sub(since_ns) >= patience.limit_ns
        {
            return StepCall(SaidCall::said(Said::No));
        }
        StepCall(self.step(Step::Wait, How::default()))
    }

    /// Whether so much of the life of its locks is not over yet, counted from `since`. A user that
    /// races looks at its clock; no service is asked.
    ///
    /// # Errors
    /// [`StepError`](super::StepError) when the race was stopped.
    pub fn validate(&mut self, since: Since, left: Duration) -> StepCall<'_> {
        let passed = match &self.services {
            Services::Live(race) => race.clock.now_ns().saturating_sub(since.0),
            Services::Scripted(_) => 0,
        };
        let rest = left.saturating_sub(Duration::from_nanos(passed));
        let how = How {
            manner: Manner::default(),
            // Whether there is any is all that is asked; less than a millisecond is none.
            ttl: Ttl::new(rest.min(Ttl::TEN_MINUTES.as_duration())).unwrap_or(Ttl::SHORTEST),
        };
        StepCall(self.step(Step::Validate, how))
    }

    /// This moment.
    #[must_use]
    pub const fn now(&self) -> Since {
        Since(self.seen_ns)
    }

    /// Extends the life of the lock for as long as the user lives and keeps the watchdog. It stalls
    /// and dies with its user.
    pub fn watch(&self, ttl: Ttl) -> Watchdog {
        let Services::Live(race) = &self.services else {
            return Watchdog(None);
        };
        let (race, asker, user) = (Arc::clone(race), self.asker(), self.user);
        let how = How {
            manner: Manner::default(),
            ttl,
        };
        let watching = tokio::spawn(async move {
            loop {
                tokio::time::sleep(ttl.as_duration() / RENEWALS).await;
                let is_stalled = race
                    .faults
                    .as_ref()
                    .is_some_and(|faults| faults.is_stalled(user));
                if !is_stalled {
                    race.world.renew(asker, how).await;
                }
            }
        });
        Watchdog(Some(watching.abort_handle()))
    }
}
