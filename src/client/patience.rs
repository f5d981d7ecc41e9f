//! How long a user waits for a lock, and how much of a lock's life is left to it.

use std::time::Duration;

use super::{Backing, Client, How, Manner, Said, SaidCall, StepCall, Ttl};
use crate::history::Step;

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

impl Client {
    /// Says that another try begins: a user that was refused, overtaken or kept waiting starts its attempt
    /// again. Tries are counted here and nowhere else, so a strategy that tries again says so.
    pub fn try_again(&mut self) {
        if let Backing::Live(race) = &self.services
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
        if let Backing::Live(race) = &self.services
            && race.gate.is_none()
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
            Backing::Live(race) => race.clock.now_ns().saturating_sub(since.0),
            Backing::Scripted(_) => 0,
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
}
