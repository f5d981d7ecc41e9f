//! How long a user waits for a lock, and how much of a lock's life is left to it.

use std::time::Duration;

use super::call::Call;
use super::recorder::{Backing, Client};
use super::request::StepRequest;
use crate::step::Reply;

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
        if let Backing::Live(race) = &self.backing
            && !self.is_stopped()
        {
            race.log.retry();
        }
    }

    /// Lets a random time pass before another try; `false` when patience has run out.
    ///
    /// # Errors
    /// [`StepError`](super::StepError) when the race was stopped.
    pub fn wait(&mut self, patience: &mut Patience) -> Call<'_, bool> {
        let since_ns = *patience.since_ns.get_or_insert(self.seen_ns);
        if let Backing::Live(race) = &self.backing
            && race.gate.is_none()
            && self.seen_ns.saturating_sub(since_ns) >= patience.limit_ns
        {
            return Self::answered(Reply::TimeUp);
        }
        self.step(StepRequest::Wait)
    }

    /// Whether so much of the life of its locks is not over yet, counted from `since`. A user that
    /// races looks at its clock; no service is asked.
    ///
    /// # Errors
    /// [`StepError`](super::StepError) when the race was stopped.
    pub fn validate(&mut self, since: Since, left: Duration) -> Call<'_, bool> {
        let passed = match &self.backing {
            Backing::Live(race) => race.clock.now_ns().saturating_sub(since.0),
            Backing::Scripted(_) => 0,
        };
        let rest = left.saturating_sub(Duration::from_nanos(passed));
        // Less than a millisecond is none.
        let is_in_time = rest > Duration::from_millis(1);
        self.step(StepRequest::Validate { is_in_time })
    }

    /// This moment.
    #[must_use]
    pub const fn now(&self) -> Since {
        Since(self.seen_ns)
    }
}
