//! The limits of a search: states, time, memory, and a stop from outside.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::explore::limit::Limit;
use crate::memory::{Limits, resident_bytes};

/// After so many states the clock is read: a fraction of a millisecond.
const CLOCK_EVERY: u64 = 256;

/// After so many states the system is asked for memory: a few megabytes.
const MEMORY_EVERY: u64 = 16_384;

/// So much is left to everything else.
const MEMORY_MARGIN: u64 = 64 << 20;

/// How far a search goes.
#[derive(Debug)]
pub(in crate::explore) struct Bounds {
    states: u64,
    until: Option<Instant>,
    stop: CancellationToken,
    memory: OnceLock<Limits>,
    looked_at: AtomicU64,
    ended: OnceLock<Limit>,
    is_lost: AtomicBool,
}

impl Bounds {
    /// So many states, until then, unless it is stopped before.
    pub(in crate::explore) fn new(
        states: u64,
        until: Option<Instant>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            states,
            until,
            stop,
            memory: OnceLock::new(),
            looked_at: AtomicU64::new(0),
            ended: OnceLock::new(),
            is_lost: AtomicBool::new(false),
        }
    }

    /// Counts a state that is about to be looked at; `false` when the search has come to its end
    /// before it.
    pub(in crate::explore) fn admit(&self) -> bool {
        let before = self.looked_at.load(Ordering::Relaxed);
        if let Some(limit) = self.limit_at(before) {
            self.end(limit);
            return false;
        }
        // There is one thread.
        self.looked_at.store(before + 1, Ordering::Relaxed);
        true
    }

    /// The limit that is reached when so many states have been looked at.
    fn limit_at(&self, states: u64) -> Option<Limit> {
        if states >= self.states {
            return Some(Limit::States);
        }
        if !states.is_multiple_of(CLOCK_EVERY) {
            return None;
        }
        if self.stop.is_cancelled() {
            return Some(Limit::Stopped);
        }
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return Some(Limit::Time);
        }
        let is_asked = states > 0 && states.is_multiple_of(MEMORY_EVERY);
        (is_asked && !self.has_memory()).then_some(Limit::Memory)
    }

    /// Whether the states that wait may grow: the list of them doubles at once, and is there twice
    /// for a moment.
    fn has_memory(&self) -> bool {
        let limits = self.memory.get_or_init(Limits::of_this_process);
        let needed = resident_bytes() / 2 * 3 + MEMORY_MARGIN;
        limits.available_bytes().is_none_or(|free| free >= needed)
    }

    /// Ends the search here.
    pub(in crate::explore) fn end(&self, limit: Limit) {
        self.ended.get_or_init(|| limit);
    }

    /// What ended the search before it saw everything; `None` when nothing did.
    pub(in crate::explore) fn ended(&self) -> Option<Limit> {
        self.ended.get().copied()
    }

    /// Notes that an attempt went where the model cannot follow. What waits is still looked at.
    pub(in crate::explore) fn lose(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
    }

    /// Whether an attempt went where the model cannot follow.
    pub(in crate::explore) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// How many states were looked at.
    pub(in crate::explore) fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::Relaxed)
    }
}

/// No bounds, for what is not searched.
pub(in crate::explore) fn unbounded() -> Bounds {
    Bounds::new(u64::MAX, None, CancellationToken::new())
}
