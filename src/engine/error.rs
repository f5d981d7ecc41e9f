//! Errors of races and of forced interleavings.

use crate::services::lock::LockError;
use crate::services::store::StoreError;

/// Why a race has no history.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The run could not be entered in the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More users than the machine has room for.
    #[error(
        "{users} users need about {needed_mib} MiB and {available_mib} MiB are free: \
        give at most --users {all_at_once}, or a --concurrency that is smaller"
    )]
    TooLarge {
        /// How many users.
        users: u64,
        /// How much they need.
        needed_mib: u64,
        /// How much there is.
        available_mib: u64,
        /// How many would fit, all at once.
        all_at_once: u64,
    },
    /// The lock service could not be made to fail as the schedule wants.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The users did something else than the schedule wants.
    #[error("the users do not follow the schedule: {0}")]
    Diverged(String),
    /// If racesim were killed now, what it started would be left.
    #[error("{0}")]
    Unguarded(String),
    /// Nobody moved for too long.
    #[error("nobody moved within the limit: see --timeout")]
    Silent,
    /// A signal came before there was anything to tell.
    #[error("stopped before there was anything to tell")]
    Stopped,
    /// Nobody knows what a forced schedule has left in the database; the text is why.
    #[error("after the forced schedule, the bookings could not be read: {0}")]
    Unread(String),
    /// A user's task panicked: a fault of the strategy, or of racesim.
    #[error("the tasks of {0} users panicked: the strategy has a fault")]
    Panicked(usize),
}
