//! The protocols, a file each: plain async functions over the steps of a [`Client`].

mod built_in;
mod conditional;
mod hold;
mod lock_options;
mod locked;
mod naive;
mod optimistic;
mod redlock;
mod transaction;
mod unique;

use std::time::Duration;

use crate::client::{Client, StepError, Ttl};
use crate::history::{Outcome, Step};

pub use crate::client::Isolation;
pub use crate::services::Needs;
pub use built_in::{BuiltIn, CATALOGUE, Entry, StrategyOptions};
pub use conditional::Conditional;
pub use hold::Hold;
pub use lock_options::{
    ACQUIRES, FENCES, Fence, LOCK_VALUES, LockValue, OnBusy, Options, RELEASE_ORDERS, RELEASES,
    ReleaseMode, ReleaseOrder,
};
pub use locked::Locked;
pub use naive::Naive;
pub use optimistic::Optimistic;
pub use redlock::Redlock;
pub use transaction::{BEGINS, Transaction};
pub use unique::Unique;

/// How one user tries to book one seat.
///
/// A strategy sees only its [`Client`] and is deterministic given the replies it gets, so that
/// every interleaving of it can be searched. It takes no time of its own: in a race, a step begins
/// when the one before it was complete.
pub trait Strategy: Clone + Send + Sync + 'static {
    /// The name that a person types.
    fn name(&self) -> &str;

    /// The options that differ from the usual ones, as a person types them.
    fn settings(&self) -> String {
        String::new()
    }

    /// How long what it holds lives, a lock or a claim; `None` when it holds nothing for a time.
    fn ttl(&self) -> Option<Ttl> {
        None
    }

    /// Which services it uses beside the bookings.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The steps that its users may take, in the order of [`Step::ALL`]; `None` when it does not say.
    fn steps(&self) -> Option<Vec<Step>> {
        None
    }

    /// Those of them whose requests may arrive late: none that is part of an open transaction.
    fn late_steps(&self) -> Option<Vec<Step>> {
        let stays_open = self.needs().transactions;
        let can_be_late = |step: &Step| step.can_be_late() && !(stays_open && step.may_book());
        let steps = self.steps()?.into_iter();
        Some(steps.filter(can_be_late).collect())
    }

    /// Whether it may take a lock that another holds; `None` when it does not say.
    fn takes_over(&self) -> Option<bool> {
        None
    }

    /// Whether it may free a lock that another holds; `None` when it does not say.
    fn frees_others(&self) -> Option<bool> {
        None
    }

    /// Whether it makes no difference which user is which.
    fn is_symmetric(&self) -> bool {
        true
    }

    /// Whether it promises that no seat is sold twice.
    fn promises_one_booking(&self) -> bool {
        true
    }

    /// One user's attempt, from its first step to what it is told.
    fn attempt(
        &self,
        client: &mut Client,
    ) -> impl Future<Output = Result<Outcome, StepError>> + Send;
}

/// The name of a choice.
fn name_in<T: PartialEq + Copy>(names: &[(&'static str, T)], choice: T) -> &'static str {
    let found = names.iter().find(|(_, other)| *other == choice);
    found.map_or("", |(name, _)| name)
}

/// The option as a person types it, unless it is the usual one, which is the first.
fn chosen<T: PartialEq + Copy>(option: &str, names: &[(&'static str, T)], choice: T) -> String {
    if names.first().is_some_and(|(_, usual)| *usual == choice) {
        return String::new();
    }
    format!("--{option} {}", name_in(names, choice))
}

/// The words that are not empty, as a person types them.
fn to_args(words: &[&str]) -> String {
    let some: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !word.is_empty())
        .collect();
    some.join(" ")
}

fn retries_in_words(retries: u32) -> String {
    match retries {
        0 => String::new(),
        retries => format!("--retries {retries}"),
    }
}

fn time_in_words(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}
