//! Progress of a search, told while it goes on.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use stateright::Checker;

use super::model::RaceModel;
use crate::strategy::Strategy;

/// How often a search tells how far it is.
const PERIOD: Duration = Duration::from_millis(100);

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchProgress {
    /// How many different states were looked at.
    pub states: u64,
    /// The most moves from the start to any of them.
    pub depth: u64,
}

/// A function that is told now and then how far a search is.
pub type SearchWatch<'a> = &'a (dyn Fn(SearchProgress) + Sync);

/// Waits for the end of a search, and tells how far it is.
pub(super) fn join<S: Strategy, C: Checker<RaceModel<S>> + Sync>(
    mut checker: C,
    watch: SearchWatch<'_>,
) -> C {
    let searching = checker.handles();
    let (over, is_over) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watched = &checker;
        let telling = move || {
            while is_over.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                watch(SearchProgress {
                    states: watched.model().bounds.looked_at(),
                    depth: depth(watched.max_depth()),
                });
            }
        };
        // Without a thread nothing is told; the search does not depend on it.
        let _ = std::thread::Builder::new().spawn_scoped(scope, telling);
        for thread in searching {
            thread.join().expect("a search does not panic");
        }
        drop(over);
    });
    checker
}

/// The moves from the start to the last of so many states in a row.
pub(super) fn depth(states: usize) -> u64 {
    u64::try_from(states).unwrap_or(u64::MAX).saturating_sub(1)
}
