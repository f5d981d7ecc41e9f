//! The run that a database is in, shared by all its connections.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::seat::SeatId;

/// The run that a database is in, shared by all its connections.
#[derive(Debug, Default)]
pub(super) struct CurrentRun {
    pub(super) run: AtomicI64,
    pub(super) position: AtomicI64,
    /// How many transactions are open while their users do something else.
    pub(super) open: AtomicUsize,
    /// The claims whose time was made to be over.
    pub(super) ended: EndedClaims,
}

impl CurrentRun {
    /// Whether a user of this run may keep the others from writing.
    pub(super) fn has_open_transactions(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }
}

/// The claims whose time was made to be over: for each seat, the end of it that counts as past.
#[derive(Debug, Default)]
pub(super) struct EndedClaims {
    ends: Mutex<HashMap<SeatId, i64>>,
    /// Whether there are any: most runs have none, and look no further.
    is_any: AtomicBool,
}

impl EndedClaims {
    /// The latest end of a claim on this seat that counts as past; 0 when none does.
    pub(super) fn end_of(&self, seat: SeatId) -> i64 {
        if !self.is_any.load(Ordering::Relaxed) {
            return 0;
        }
        self.ends().get(&seat).copied().unwrap_or(0)
    }

    pub(super) fn end(&self, seat: SeatId, until: i64) {
        self.is_any.store(true, Ordering::Relaxed);
        self.ends().insert(seat, until);
    }

    /// There is a new claim on the seat.
    pub(super) fn forget(&self, seat: SeatId) {
        if self.is_any.load(Ordering::Relaxed) {
            self.ends().remove(&seat);
        }
    }

    /// A new run begins.
    pub(super) fn clear(&self) {
        self.ends().clear();
        self.is_any.store(false, Ordering::Relaxed);
    }

    fn ends(&self) -> MutexGuard<'_, HashMap<SeatId, i64>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
