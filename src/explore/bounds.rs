//! How far a search goes, and what ended it early.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Limit;

/// How far the search goes.
#[derive(Debug)]
pub(super) struct Bounds {
    states: u64,
    until: Instant,
    seen: AtomicU64,
    reached: AtomicU64,
}

impl Bounds {
    pub(super) fn new(states: u64, until: Instant) -> Self {
        Self {
            states,
            until,
            seen: AtomicU64::new(0),
            reached: AtomicU64::new(0),
        }
    }

    /// The limit that ended the search; `None` when it saw everything.
    pub(super) fn reached(&self) -> Option<Limit> {
        match self.reached.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Limit::States),
            2 => Some(Limit::Time),
            _ => Some(Limit::Steps),
        }
    }

    pub(super) fn reach(&self, limit: u64) {
        self.reached.fetch_max(limit, Ordering::Relaxed);
    }

    /// Counts a state that is looked at for the first time. The clock is read now and then only.
    pub(super) fn count(&self) {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        if seen >= self.states {
            self.reach(1);
        } else if seen.is_multiple_of(1024) && Instant::now() > self.until {
            self.reach(2);
        }
    }

    pub(super) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed) != 0
    }
}

/// No bounds, for what is not searched.
pub(super) fn unbounded() -> Bounds {
    Bounds::new(u64::MAX, Instant::now())
}
