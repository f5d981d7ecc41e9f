//! The protocols, a file each: plain async functions over the steps of a [`Client`].

#![warn(clippy::wildcard_enum_match_arm)]

mod conditional;
mod hold;
mod lock_options;
mod locked;
mod naive;
mod optimistic;
mod options;
mod protocol;
mod records;
mod redlock;
mod registry;
mod transaction;
mod unique;

use crate::client::{Client, StepError, Ttl};
use crate::history::{Outcome, StrategySettings};
use crate::step::Step;

pub use crate::client::Isolation;
pub use crate::services::Needs;
pub use lock_options::{
    Fence, LockOptions, LockValue, OnBusy, OnBusyError, ReleaseMode, ReleaseOrder,
};
pub use options::{OptionOf, OptionRole, StrategyOption};
pub use protocol::Strategy;
#[cfg(feature = "cli")]
pub(crate) use registry::with_strategy;
pub use registry::{BuiltInStrategy, ChosenOptions, Entry};

// The strategies, in the order in which they are listed: the file of each, and its type.
registry::strategies! {
    naive::Naive,
    locked::Locked,
    unique::Unique,
    conditional::Conditional,
    optimistic::Optimistic,
    hold::Hold,
    transaction::Transaction,
    redlock::Redlock,
}
