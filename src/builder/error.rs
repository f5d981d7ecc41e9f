//! Errors of builders: why what was put together cannot run.

use std::time::Duration;

use crate::duration::Millis;
use crate::engine::EngineError;
use crate::explore::USERS_MAX;
use crate::explore::replay::ReplayError;
use crate::fault::{BadRaceFault, UnknownFault};
use crate::plan::PlanError;
use crate::schedule::ScheduleError;
use crate::services::ServiceError;
use crate::services::lock::LockError;

/// Why what was put together cannot run.
#[derive(Debug, thiserror::Error)]
pub enum BuilderError {
    /// A number that must not be zero is.
    #[error("there are no {of}: give at least 1")]
    None {
        /// What there is none of.
        of: &'static str,
    },
    /// More users than a search or a replay has.
    #[error("a search has at most {USERS_MAX} users, and not {0}")]
    Users(u32),
    /// A strategy that takes a lock, and says that it needs no lock service.
    #[error(
        "'{0}' takes a lock, and its `needs` say that it uses no lock service: let them say `locks: 1`"
    )]
    NoLockNeeded(String),
    /// A payment range that is reversed.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Not a fault of a race.
    #[error(transparent)]
    RaceFault(#[from] BadRaceFault),
    /// Not a fault of a search.
    #[error(transparent)]
    SearchFault(#[from] UnknownFault),
    /// A fault that has nothing to strike.
    #[error("the fault '{fault}' can never happen to '{strategy}': it {why}")]
    Never {
        /// The fault.
        fault: String,
        /// The strategy's name.
        strategy: String,
        /// What stands against it, with the strategy as the subject.
        why: String,
    },
    /// A fault that lasts longer than anybody waits.
    #[error("the fault '{fault}' lasts longer than anybody waits, {limit}: give a shorter time", limit = Millis(*.limit))]
    Long {
        /// The fault.
        fault: String,
        /// The longest time.
        limit: Duration,
    },
    /// Not a schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Not the address of a Redis.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A service cannot be used.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The race has no history.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The schedule cannot be forced.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Races and replays are tasks of a tokio runtime.
    #[error("there is no tokio runtime here: use #[tokio::test], or a runtime's block_on")]
    NoRuntime,
}
