//! Limits of a search: what ended it early.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What ended a search early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The most states.
    States,
    /// The longest time.
    Time,
    /// An attempt of more steps than the model can follow, or one that waits for what is no step.
    Steps,
    /// The memory that the process may take.
    Memory,
    /// The system gives no thread to search on.
    Threads,
    /// A signal.
    Stopped,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::States => "--limit-states was reached",
            Self::Time => "--limit-time was reached",
            Self::Steps => "an attempt waits for no step, or has too many",
            Self::Memory => "no memory is left for more states",
            Self::Threads => "the system gives no thread for it",
            Self::Stopped => "it was stopped",
        })
    }
}
